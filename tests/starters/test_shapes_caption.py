"""The captioning starter says what a picture of a shape shows: a clean one, a worn one, and one that `shapes` drew."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoProcessor, BlipForConditionalGeneration

from mc_jupyter import starters
from mc_jupyter.starters.shapes import corpus as clean
from mc_jupyter.starters.shapes import measure as shapes
from mc_jupyter.starters.shapes.corpus import Scene
from mc_jupyter.starters.shapes_caption import corpus, measure
from tests.starters.shapes_judge import look

pytestmark = pytest.mark.slow

FOLDER = Path(corpus.__file__).parent


@pytest.fixture(scope="module")
def model() -> tuple[Any, Any]:
    return measure.load(FOLDER)


@pytest.fixture(scope="module")
def pictures() -> dict[str, Image.Image]:
    rng = random.Random(11)
    scenes = [clean.scene(rng) for _ in range(60)]
    return {corpus.caption(scene): clean.draw(scene, rng) for scene in scenes}


def test_it_is_the_architecture_of_blip() -> None:
    model = BlipForConditionalGeneration.from_pretrained(FOLDER)
    assert type(AutoProcessor.from_pretrained(FOLDER)).__name__ == "BlipProcessor"
    assert model.config.model_type == "blip"


def test_clean_pictures_are_told_right(model: tuple[Any, Any], pictures: dict[str, Image.Image]) -> None:
    said = measure.captions(*model, list(pictures.values()))
    assert sum(one == other for one, other in zip(said, pictures, strict=True)) >= 0.95 * len(pictures)


def test_worn_pictures_are_told_right(model: tuple[Any, Any]) -> None:
    assert measure.share_right(*model, measure.held_out(100)) >= 0.9


def test_a_larger_picture_is_told_as_well(model: tuple[Any, Any], pictures: dict[str, Image.Image]) -> None:
    large = [each.resize((200, 200), Image.Resampling.BICUBIC) for each in pictures.values()]
    said = measure.captions(*model, large)
    assert sum(one == other for one, other in zip(said, pictures, strict=True)) >= 0.9 * len(pictures)


def test_what_shapes_draws_is_told_as_it_is(model: tuple[Any, Any]) -> None:
    images = shapes.draw(shapes.load(starters.folder("shapes")), [prompt for prompt, _ in shapes.asked(10)])
    seen = [look(image) for image in images]
    shown = [corpus.caption(Scene(each.shapes[0], each.colours[0], each.background)) for each in seen]
    assert sum(one == other for one, other in zip(measure.captions(*model, images), shown, strict=True)) >= 9


@pytest.mark.parametrize("begun", ["a picture of", "a"])
def test_it_goes_on_from_a_prompt(model: tuple[Any, Any], begun: str, pictures: dict[str, Image.Image]) -> None:
    wanted = [each for each in pictures if each.startswith("a ")][:10]
    said = measure.captions(*model, [pictures[each] for each in wanted], begun)
    full = [each if begun == "a" else f"{begun} {each}" for each in wanted]
    assert sum(one == other for one, other in zip(said, full, strict=True)) >= 9


def test_the_same_seed_makes_the_same_batch() -> None:
    one, two, other = (corpus.Painter(seed, outlines=20).batch(8) for seed in (1, 1, 2))
    assert one.scenes == two.scenes != other.scenes
    assert torch.equal(one.pictures, two.pictures)


def test_the_judge_of_shapes_agrees_with_the_corpus() -> None:
    batch = corpus.Painter(5, outlines=100, worn=0.0).batch(100)
    seen = [look(image) for image in batch.images()]
    assert sum(each.background == scene.background for each, scene in zip(seen, batch.scenes, strict=True)) >= 95


def test_weights_are_float16_and_every_file_is_small() -> None:
    files = [file for file in FOLDER.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    assert sum(file.stat().st_size for file in files) < 2_500_000
    assert {each.dtype for each in load_file(FOLDER / "model.safetensors").values()} == {torch.float16}


def test_no_configuration_names_a_machine() -> None:
    for file in FOLDER.rglob("*.json"):
        assert not re.search(r'"(/|[A-Z]:)\w', file.read_text()), file


def test_a_short_training_leaves_a_model_that_speaks(tmp_path: Path) -> None:
    from mc_jupyter.starters.shapes_caption.train import train

    train(tmp_path, steps=3)
    assert len(measure.captions(*measure.load(tmp_path), [Image.new("RGB", (64, 64))])) == 1
