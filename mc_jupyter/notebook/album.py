"""Where pictures are kept in full: files of a folder that the cell names, each with what is known of it inside."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import InputError
from mc_jupyter.notebook.png import png
from mc_jupyter.values.pictures import origin

if TYPE_CHECKING:
    from PIL.Image import Image

Kept = dict[int, str]
"""The file of each picture, as a reader finds it from the notebook; by the picture's `id`."""


def folder(written: str) -> Path:
    """The folder, made where there is none: said before a model works for an hour."""
    path = Path(written).expanduser()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"no pictures can be saved in {written}: {error.strerror or error}", fix="--images pictures"
        ) from None
    return path


def keep(images: Iterable[Image], written: str, name: str) -> Kept:
    """Save every picture in full under a name of its own. What is there already is never written over."""
    place = folder(written)
    return {id(image): _saved(image, place, name) for image in images}


def _saved(image: Image, place: Path, name: str) -> str:
    facts = origin(image).facts
    data = png(image, facts)
    stem = _stem(name, facts.get("seed"))
    for number in range(1, 1_000_000):
        path = place / (f"{stem}.png" if number == 1 else f"{stem}-{number}.png")
        try:
            with path.open("xb") as file:  # fails where the file is there, whoever made it a moment ago
                file.write(data)
        except FileExistsError:
            continue
        except OSError as error:
            path.unlink(missing_ok=True)
            raise InputError(f"cannot save a picture as {path}: {error.strerror or error}") from None
        return path.as_posix()
    raise InputError(f"{place} is full of pictures called {stem}", fix="--images ANOTHER_FOLDER")


def _stem(name: str, seed: Any) -> str:
    """`hats-20261124-seed7`: what made it, when, and how to draw it again."""
    parts = [re.sub(r"\W+", "_", name).strip("_") or "picture", date.today().strftime("%Y%m%d")]
    return "-".join([*parts, f"seed{seed}"] if isinstance(seed, int) else parts)
