"""Where the folders of trained weights are, and what the tests of them share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import mc_jupyter as mc

PLACE = "MC_JUPYTER_REAL"
TEXT = "SmolLM2-135M-Instruct"
SENTENCES = "all-MiniLM-L6-v2"
UPSCALERS = ("realesr-animevideov3", "RealESRGAN_x4plus_anime_6B", "RealESRGAN_x4plus")


def place_of(name: str) -> Path:
    """The folder of that name, or the file of weights, whatever its capitals. Skips the test where it is not there."""
    written = os.environ.get(PLACE)
    if not written:
        pytest.skip(f"{PLACE} names no folder of trained weights: make test-real WEIGHTS=FOLDER")
    there = {entry.name.lower(): entry for entry in Path(written).expanduser().glob("*")}
    for ending in ("", ".safetensors", ".pth"):
        if found := there.get(f"{name}{ending}".lower()):
            return found
    pytest.skip(f"{written} ({PLACE}) has no {name}")


@pytest.fixture(scope="session")
def writer() -> Path:
    return place_of(TEXT)


@pytest.fixture(scope="session")
def sentences() -> Path:
    return place_of(SENTENCES)


@pytest.fixture(scope="session")
def upscaler() -> Callable[[str], Path]:
    return place_of


@pytest.fixture(scope="module")
def shared() -> Iterator[mc.Session]:
    """One session for a file: a model is loaded once for all of its tests."""
    with mc.Session() as made:
        yield made
