"""The shapes starter draws what a prompt says, and the judge of its pictures knows what a picture shows."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from mc_jupyter.starters.shapes import corpus
from mc_jupyter.starters.shapes.corpus import Scene
from mc_jupyter.starters.shapes.measure import draw, load
from tests.starters.shapes_judge import look

pytestmark = pytest.mark.slow

FOLDER = Path(corpus.__file__).parent
PARTS = ("unet", "vae", "text_encoder", "text_encoder_2")
PROMPTS = {
    "a red circle on a blue background": Scene("circle", "red", "blue"),
    "a small green square on a white background": Scene("square", "green", "white", "small"),
    "one yellow triangle on a black background": Scene("triangle", "yellow", "black"),
    "a big purple heart on a yellow background": Scene("heart", "purple", "yellow", "large"),
    "a picture of an orange star, black background": Scene("star", "orange", "black"),
    "a pink background with a black square": Scene("square", "black", "pink"),
}


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return load(FOLDER)


def test_it_is_the_architecture_of_stable_diffusion_xl(pipeline: Any) -> None:
    assert type(pipeline).__name__ == "StableDiffusionXLPipeline"
    assert pipeline.unet.config.addition_embed_type == "text_time"


def test_five_of_six_prompts_are_drawn_right(pipeline: Any) -> None:
    images = draw(pipeline, list(PROMPTS))
    assert {image.size for image in images} == {(corpus.SIDE, corpus.SIDE)}
    wrong = [
        (prompt, look(image))
        for (prompt, wanted), image in zip(PROMPTS.items(), images, strict=True)
        if not look(image).right(wanted)
    ]
    assert len(wrong) <= 1, wrong


def test_small_is_smaller_than_large(pipeline: Any) -> None:
    small, large = draw(pipeline, [f"a {size} white circle on a black background" for size in ("small", "large")])
    assert np.asarray(small).mean() * 2 < np.asarray(large).mean()


def test_what_the_negative_prompt_names_is_kept_out(pipeline: Any) -> None:
    images = draw(pipeline, ["a star"] * 6, negative_prompt=["a blue background"] * 6)
    assert sum(look(image).background == "blue" for image in images) == 0


def test_the_same_seed_draws_the_same_picture(pipeline: Any) -> None:
    prompt = ["a red circle on a blue background"]
    one, two, other = (draw(pipeline, prompt, seed, num_inference_steps=4)[0].tobytes() for seed in (1, 1, 2))
    assert one == two != other


def test_the_judge_knows_what_true_pictures_show() -> None:
    rng = random.Random(7)
    scenes = [corpus.scene(rng) for _ in range(200)]
    right = sum(look(corpus.draw(scene, rng)).right(scene) for scene in scenes)
    assert right >= 0.97 * len(scenes)


def test_the_judge_calls_an_empty_or_noisy_picture_wrong() -> None:
    scene = Scene("circle", "red", "blue")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert not look(Image.new("RGB", (64, 64), corpus.COLOURS["blue"])).right(scene)
    assert not look(Image.fromarray(noise)).right(scene)


def test_scenes_held_out_are_never_trained_on() -> None:
    scenes = corpus.scenes(0)
    assert not any(next(scenes).held_out for _ in range(2_000))


def test_weights_are_float16_and_every_file_is_small() -> None:
    files = [file for file in FOLDER.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    assert sum(file.stat().st_size for file in files) < 8_000_000
    weights = [file for file in files if file.suffix == ".safetensors"]
    assert {file.parent.name for file in weights} == set(PARTS)
    assert max(file.stat().st_size for file in weights) < 3_900_000
    assert {tensor.dtype for file in weights for tensor in load_file(file).values()} == {torch.float16}


def test_no_configuration_names_a_machine() -> None:
    for file in FOLDER.rglob("*.json"):
        assert not re.search(r'"(/|[A-Z]:)\w', file.read_text()), file


def test_it_has_a_card_that_names_its_limits() -> None:
    card = (FOLDER / "README.md").read_text()
    for heading in ("## What it does", "## What it does not do", "## Retrain"):
        assert heading in card
    assert "synthetic" in card
    assert "MIT" in card


def test_a_short_training_leaves_a_pipeline_that_draws(tmp_path: Path) -> None:
    from mc_jupyter.starters.shapes.train import train

    train(tmp_path, steps=3)
    assert draw(load(tmp_path), ["a star"], num_inference_steps=2)[0].size == (corpus.SIDE, corpus.SIDE)
