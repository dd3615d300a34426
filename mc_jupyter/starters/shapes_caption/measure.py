"""What the captioning starter says of pictures, and how often it is right: the figures of its card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image

from mc_jupyter.starters.shapes_caption.corpus import Batch, Painter, caption

HELD_OUT = 10_000  # seeds from here on are for judging


def load(folder: Path) -> tuple[Any, Any]:
    """Model and processor, in single precision, which a CPU is fastest with."""
    from transformers import AutoProcessor, BlipForConditionalGeneration

    kind: Any = BlipForConditionalGeneration
    return kind.from_pretrained(folder, dtype=torch.float32).eval(), AutoProcessor.from_pretrained(folder)


def captions(model: Any, processor: Any, images: list[Image.Image], begun: str | None = None) -> list[str]:
    """What the model says of each picture, going on from the words `begun` if there are any."""
    words = {} if begun is None else {"text": [begun] * len(images)}
    given = processor(images=images, return_tensors="pt", **words)
    said = model.generate(**given, do_sample=False, num_beams=1, max_new_tokens=14)
    return [str(each) for each in processor.batch_decode(said, skip_special_tokens=True)]


def held_out(count: int = 500, worn: float = 0.75) -> Batch:
    """Pictures never trained on, as `corpus` makes them."""
    return Painter(HELD_OUT, outlines=count, worn=worn).batch(count)


def share_right(model: Any, processor: Any, batch: Batch) -> float:
    """The share of pictures whose shape, colour and background are all said rightly."""
    said = captions(model, processor, batch.images())
    return sum(one == caption(scene) for one, scene in zip(said, batch.scenes, strict=True)) / len(said)
