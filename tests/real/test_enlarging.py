"""Trained upscalers: a whole picture is what spandrel gives, and tiles are what the whole picture is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mc_jupyter as mc
from mc_jupyter.events import Note, Run
from tests.conftest import cell
from tests.real.conftest import UPSCALERS

pytestmark = pytest.mark.real

MOST = {"realesr-animevideov3": 0, "RealESRGAN_x4plus_anime_6B": 2, "RealESRGAN_x4plus": 4}
"""Levels of 255 by which tiles may differ from the whole: none where the network sees no further than a tile does."""


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    """A roof with many edges, on which a short look shows most."""
    images = pytest.importorskip("sklearn.datasets")
    return Image.fromarray(images.load_sample_image("china.jpg")).crop((100, 150, 260, 230))


@pytest.fixture(params=UPSCALERS)
def file(request: pytest.FixtureRequest, upscaler: Callable[[str], Path]) -> Path:
    return upscaler(request.param)


@pytest.fixture
def load(shared: mc.Session) -> Any:
    return lambda file, *lines: shared.load(
        cell("image-upscale", file, "device: cpu", "allow_pickle: true", *lines), "u"
    )


def directly(file: Path, image: Image.Image) -> np.ndarray[Any, Any]:
    """What spandrel gives for a whole picture, called as its documentation says."""
    import spandrel
    import torch

    model = spandrel.ModelLoader(device="cpu").load_from_file(file).eval()
    given = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        made: np.ndarray[Any, Any] = (model(given)[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    return made


def apart(one: Any, other: Any) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int))
    return found


def test_a_whole_picture_is_what_spandrel_gives_and_tiles_are_the_whole(
    load: Any, file: Path, photo: Image.Image
) -> None:
    whole = load(file)(photo)
    assert np.array_equal(np.asarray(whole), directly(file, photo))
    assert apart(load(file, "tile_size: 80")(photo), whole).max() <= MOST[file.stem]


def test_a_list_of_pictures_is_each_alone(load: Any, upscaler: Callable[[str], Path], photo: Image.Image) -> None:
    handle = load(upscaler("realesr-animevideov3"), "tile_size: 32")
    pictures = [photo, photo.convert("L"), photo.crop((0, 0, 21, 33)), photo.rotate(90, expand=True)]
    for made, picture in zip(handle(pictures), pictures, strict=True):
        assert np.array_equal(np.asarray(made), np.asarray(handle(picture)))


def test_a_short_look_shows_and_is_told(load: Any, upscaler: Callable[[str], Path], photo: Image.Image) -> None:
    small, file = photo.crop((0, 0, 96, 64)), upscaler("RealESRGAN_x4plus_anime_6B")
    whole = load(file)(small)
    events: list[Any] = []
    short = load(file, "tile_size: 32", "tile_pad_size: 8")(small, run=Run(events.append))
    assert apart(short, whole).max() > 20
    assert ["that this network looks" in e.text for e in events if isinstance(e, Note)] == [True]


def test_what_comes_out_is_the_picture_that_went_in(load: Any, file: Path, photo: Image.Image) -> None:
    small = photo.crop((0, 0, 64, 48))
    again = load(file)(small).resize(small.size, Image.Resampling.BOX)
    assert apart(again, small).mean() < 12
