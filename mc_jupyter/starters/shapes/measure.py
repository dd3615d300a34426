"""The fifty prompts that the card's figures are measured on, and drawing them: half ask for scenes held out."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from mc_jupyter.starters.shapes import corpus
from mc_jupyter.starters.shapes.corpus import Scene

STEPS, GUIDANCE = 16, 3.0  # what the card recommends


def asked(count: int = 50, seed: int = 2) -> list[tuple[str, Scene]]:
    """Prompts that name every part of a scene; every other scene was held out of training."""
    rng = random.Random(seed)
    found: list[tuple[str, Scene]] = []
    while len(found) < count:
        scene = corpus.scene(rng)
        said = corpus.prompt(scene, rng, whole=1.0)
        if scene.held_out == bool(len(found) % 2):
            found.append((said, scene))
    return found


def load(folder: Path) -> Any:
    """The pipeline in single precision, which a CPU is fastest with."""
    from diffusers import DiffusionPipeline

    kind: Any = DiffusionPipeline
    pipeline = kind.from_pretrained(folder, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw(pipeline: Any, prompts: list[str], seed: int = 0, **options: Any) -> list[Image.Image]:
    """One picture for each prompt, the noise of each from a seed of its own."""
    generators = [torch.Generator().manual_seed(seed + at) for at in range(len(prompts))]
    options = {"num_inference_steps": STEPS, "guidance_scale": GUIDANCE, **options}
    images: list[Image.Image] = pipeline(prompts, generator=generators, **options).images
    return images
