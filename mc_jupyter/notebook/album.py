"""Where pictures are kept in full: files of a folder that the cell names, each with what is known of it inside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import ExpressionError, InputError, quoted
from mc_jupyter.notebook.png import png
from mc_jupyter.notebook.showing import Showing
from mc_jupyter.trust import files
from mc_jupyter.trust.permissions import Permissions
from mc_jupyter.values import is_image
from mc_jupyter.values.pictures import origin

if TYPE_CHECKING:
    from PIL.Image import Image

Kept = dict[int, str]
"""The file of each picture, as a reader finds it from the notebook; by the picture's `id`."""


def images_of(value: Any) -> list[Image]:
    """The pictures of a result, in order: itself, or those of a list or a mapping and of the lists in it."""
    if is_image(value):
        return [value]
    if isinstance(value, Mapping):
        return images_of(list(value.values()))
    if isinstance(value, list | tuple):
        return [image for one in value for image in images_of(one)]
    return []


def saved(result: Any, showing: Showing, name: str) -> Showing:
    """The same way of showing, knowing the files of the result's pictures: they are saved where it names a folder.

    Of an interrupted run, what is finished is saved. InputError where the disk is full.
    """
    images = [image for image in images_of(result) if not origin(image).facts.get("interrupted")]
    return replace(showing, kept=keep(images, showing.folder, name)) if images and showing.folder else showing


def files_of(images: Sequence[Image], showing: Showing) -> str:
    """The files that pictures are saved in, in a few words; none where they are not."""
    files = [showing.kept[id(image)] for image in images if id(image) in showing.kept]
    return " and ".join(files) if len(files) < 3 else f"{len(files)} files, {files[0]} to {files[-1]}"


def folder(written: str, permissions: Permissions) -> Path:
    """The folder, made where there is none: said before a model works for an hour. InputError where that may not be."""
    try:
        files.place(written, permissions)
        path = Path(written).expanduser()
        path.mkdir(parents=True, exist_ok=True)
    except ExpressionError as error:
        fix = "--images pictures; elsewhere by your own word: %config ComposeMagics.images = '…'"
        raise InputError(error.problems[0].message, fix=fix) from None
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in it; a ~user that there is not
        why = getattr(error, "strerror", None) or error
        raise InputError(f"no pictures can be saved in {quoted(written)}: {why}", fix="--images pictures") from None
    return path


def keep(images: Iterable[Image], written: str, name: str) -> Kept:
    """Save every picture in full under a name of its own. What is there already is never written over."""
    place = folder(written, Permissions(paths=True))  # which was asked before the run
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
