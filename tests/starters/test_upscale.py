"""The upscaling starter: spandrel knows it, it beats bicubic on every kind of picture, and it trains."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from mc_jupyter import starters
from mc_jupyter.starters.upscale import corpus, train

pytestmark = pytest.mark.slow

FILE = starters.folder("upscale") / "model.safetensors"


@functools.cache
def model() -> Any:
    made = train.Compact()
    made.load_state_dict(load_file(FILE))
    return made.eval()


@functools.cache
def scores() -> dict[str, tuple[float, float]]:
    return train.judge(model(), each=3)


def test_spandrel_knows_it_and_gives_what_we_give() -> None:
    import spandrel

    found = spandrel.ModelLoader(device="cpu").load_from_file(FILE)
    assert isinstance(found, spandrel.ImageModelDescriptor)
    assert (found.architecture.id, found.scale, found.input_channels, found.output_channels) == ("Compact", 4, 3, 3)
    small = torch.rand(1, 3, 20, 31)
    with torch.inference_mode():
        assert torch.allclose(found.eval()(small), model()(small).clamp(0, 1), atol=1e-5)


def test_the_file_is_small_float16_and_the_config_says_what_it_holds() -> None:
    weights = load_file(FILE)
    assert FILE.stat().st_size < 1_500_000
    assert {each.dtype for each in weights.values()} == {torch.float16}
    assert weights["body.0.weight"].shape[0] == train.FEATURES
    assert f"body.{2 * train.LAYERS + 2}.weight" in weights


def test_pictures_are_better_than_bicubic_on_average() -> None:
    assert np.mean([ours - bicubic for bicubic, ours in scores().values()]) > 1.5


@pytest.mark.parametrize("kind", corpus.KINDS)
def test_no_kind_of_picture_is_worse_than_bicubic(kind: str) -> None:
    bicubic, ours = scores()[kind]
    assert ours > bicubic - 0.3


def test_one_colour_stays_what_it_is() -> None:
    for level in (0, 90, 255):
        small = Image.new("RGB", (24, 24), (level, 255 - level, 128))
        with torch.inference_mode():
            large = np.asarray(train.picture(model()(train.tensor(small)[None])[0]), np.int16)
        assert np.abs(large[16:-16, 16:-16] - np.array((level, 255 - level, 128))).max() <= 2


def test_an_untrained_model_is_bicubic_interpolation() -> None:
    image = corpus.Painter(3, side=96).picture("blobs")
    small = corpus.shrunk(image)
    with torch.inference_mode():
        ours = np.asarray(train.picture(train.Compact()(train.tensor(small)[None])[0]), np.int16)
    bicubic = np.asarray(small.resize(image.size, Image.Resampling.BICUBIC), np.int16)
    inside = (slice(16, -16),) * 2
    assert np.abs(ours[inside] - bicubic[inside]).max() <= 3


def test_the_same_seed_draws_the_same_pictures() -> None:
    one, two = (list(zip(range(7), corpus.stream(5, side=48), strict=False)) for _ in range(2))
    assert [(kind, picture.tobytes()) for _, (kind, picture) in one] == [(k, p.tobytes()) for _, (k, p) in two]


def test_a_card_names_its_limits() -> None:
    card = (starters.folder("upscale") / "README.md").read_text()
    for said in ("## What it does", "## What it does not do", "## Retrain", "synthetic", "MIT"):
        assert said in card


def test_a_short_training_leaves_a_model_that_loads(tmp_path: Path) -> None:
    train.train(tmp_path, steps=3)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    train.Compact().load_state_dict(load_file(tmp_path / "model.safetensors"))
