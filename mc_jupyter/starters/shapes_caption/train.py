"""Train the captioning starter: `python -m mc_jupyter.starters.shapes_caption.train [--out DIR] [--steps N]`."""

from __future__ import annotations

import collections
import copy
import dataclasses
import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import (
    AutoProcessor,
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessor,
    BlipProcessor,
)

from mc_jupyter.starters import training
from mc_jupyter.starters.shapes.corpus import COLOURS, COUNTS, SHAPES, SIDE, Scene
from mc_jupyter.starters.shapes_caption.corpus import Example, caption, stream

BATCH, WIDTH = 32, 96
NEW, KEPT = 12, 1_500  # examples drawn anew each step, and kept at a time to choose a batch from
SEEN, PATCH = 32, 4  # the side at which the model sees pictures, and of the patches it sees them in, in pixels
HELD_OUT = 10_000  # seeds from here on are for judging
PAD, UNKNOWN, CLS, SEP, MASK, BEGIN = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]"


def make_processor() -> Any:
    """A BERT tokenizer that knows the captions' words, and letters for others; pictures as they are, from -1 to 1."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["a", "an", "on", "background", *COUNTS.values(), *COLOURS, *SHAPES, *(f"{shape}s" for shape in SHAPES)]
    pieces = [PAD, UNKNOWN, CLS, SEP, MASK, BEGIN, *letters, *(f"##{each}" for each in letters), *words]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = BertTokenizer(vocab=vocabulary, bos_token=BEGIN, model_max_length=32)
    images = BlipImageProcessor(size={"height": SEEN, "width": SEEN}, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    return BlipProcessor(images, tokenizer)


def make_model(tokenizer: Any) -> Any:
    """A vision transformer over 64 patches of 4 × 4 pixels and a two-layer decoder that looks at them."""
    numbers = {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.sep_token_id,
        "sep_token_id": tokenizer.sep_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    shared = {"hidden_size": WIDTH, "intermediate_size": 192, "num_attention_heads": 4, "projection_dim": WIDTH}
    text = {"num_hidden_layers": 2, "max_position_embeddings": 32, "encoder_hidden_size": WIDTH, **numbers, **shared}
    vision = {"num_hidden_layers": 4, "image_size": SEEN, "patch_size": PATCH, "initializer_range": 0.02, **shared}
    return BlipForConditionalGeneration(
        BlipConfig(
            text_config=text,
            vision_config=vision,
            projection_dim=WIDTH,
            image_text_hidden_size=WIDTH,
        )
    )


def pixels(images: list[Image.Image]) -> torch.Tensor:
    """The pictures as the processor gives them, without its detours."""
    small = [image.resize((SEEN, SEEN), Image.Resampling.BICUBIC) for image in images]
    stacked = torch.from_numpy(np.stack([np.asarray(image) for image in small]))
    return stacked.permute(0, 3, 1, 2).float() / 127.5 - 1


def covered(examples: list[Example]) -> torch.Tensor:
    """How much of each pixel a shape covers: (examples, patches, pixels of a patch)."""
    whole = torch.from_numpy(np.stack([each.covered for each in examples]))
    small = torch.nn.functional.avg_pool2d(whole[:, None], SIDE // SEEN)
    return torch.nn.functional.unfold(small, PATCH, stride=PATCH).transpose(1, 2)


def patches(examples: list[Example]) -> torch.Tensor:
    """What is on each patch: 0 for background, else the number of the shape, from 1; -100 where it is hard to say."""
    shares = covered(examples).mean(-1)
    shapes = torch.tensor([SHAPES.index(each.scene.shape) + 1 for each in examples])[:, None].expand_as(shares)
    return torch.where(shares > 0.3, shapes, torch.where(shares < 0.02, 0, -100))


def captions(model: Any, processor: Any, images: list[Image.Image]) -> list[str]:
    """What the model says of each picture."""
    given = processor(images=images, return_tensors="pt")
    said = model.generate(**given, do_sample=False, num_beams=1, max_new_tokens=14)
    return [str(each) for each in processor.batch_decode(said, skip_special_tokens=True)]


def right(scene: Scene, said: str, *, counted: bool = False) -> bool:
    """Whether colour, shape and background are named rightly; the count too if asked.

    >>> right(Scene("star", "red", "blue"), "two red stars on a blue background")
    True
    """
    counts = [scene.count] if counted else [*COUNTS]
    return said in {caption(dataclasses.replace(scene, count=count)) for count in counts}


def judge(model: Any, processor: Any, count: int = 200, seed: int = HELD_OUT, worn: float = 0.7) -> tuple[float, float]:
    """The shares of captions right, without and with the count, on pictures never trained on."""
    examples = list(itertools.islice(stream(seed, worn), count))
    said = captions(model, processor, [each.image for each in examples])
    pairs = [(each.scene, words) for each, words in zip(examples, said, strict=True)]
    return sum(right(*pair) for pair in pairs) / count, sum(right(*pair, counted=True) for pair in pairs) / count


def train(out: Path, steps: int, seed: int = 0, resume: Path | None = None) -> float:
    """Draw, train, save every 500 steps; the loss of the last stretch. Every step draws some new pictures."""
    torch.manual_seed(seed)
    processor = AutoProcessor.from_pretrained(resume) if resume else make_processor()
    tokenizer = processor.tokenizer
    model = make_model(tokenizer)
    if resume:
        model = BlipForConditionalGeneration.from_pretrained(resume, dtype=torch.float32)
    model.train()
    chance, examples = random.Random(seed), stream(seed)
    kept = collections.deque(itertools.islice(examples, KEPT if steps > 50 else BATCH), KEPT)
    # From captions alone a vision tower learns colours at once and shapes hardly ever. Asked halfway which pixels of a
    # patch a shape covers, whatever its colour, and at the end which shape, it learns them too; both heads are dropped.
    outline, kind = torch.nn.Linear(WIDTH, PATCH**2), torch.nn.Linear(WIDTH, len(SHAPES) + 1)

    def loss_at(step: int) -> torch.Tensor:
        if step and step % 500 == 0:
            training.save(copy.deepcopy(model), processor, out)
        kept.extend(itertools.islice(examples, NEW))
        batch = chance.sample(kept, BATCH)
        words = tokenizer([caption(each.scene) for each in batch], padding=True, return_tensors="pt")
        labels = words["input_ids"].masked_fill(words["attention_mask"] == 0, -100)
        words["input_ids"][:, 0] = tokenizer.bos_token_id
        with torch.autocast("cpu", torch.bfloat16):  # twice as fast, where the processor knows bfloat16
            images = pixels([each.image for each in batch])
            result = model(pixel_values=images, labels=labels, output_hidden_states=True, **words)
            drawn, seen = outline(result.hidden_states[2][:, 1:]), kind(result.last_hidden_state[:, 1:])
        drawn_badly = torch.nn.functional.binary_cross_entropy_with_logits(drawn.float(), covered(batch))
        seen_badly = torch.nn.functional.cross_entropy(seen.float().flatten(0, 1), patches(batch).flatten())
        told_badly: torch.Tensor = result.loss.float()
        return told_badly + drawn_badly + 0.5 * seen_badly

    whole = torch.nn.ModuleList([model, outline, kind])
    loss = training.fit(whole, loss_at, steps=steps, rate=1.5e-3, every=100 if steps > 50 else 5)
    training.save(model, processor, out)
    return loss


if __name__ == "__main__":
    asked = training.arguments(Path(__file__).parent, default_steps=6_000)
    train(asked.out, asked.steps, asked.seed, asked.resume)
    trained = BlipForConditionalGeneration.from_pretrained(asked.out, dtype=torch.float32)
    print("right, and with the count: {:.1%}, {:.1%}".format(*judge(trained, AutoProcessor.from_pretrained(asked.out))))
