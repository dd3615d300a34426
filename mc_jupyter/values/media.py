"""Files and images as bytes, text and pixels: what may be read and decoded, within which limits, and what never is.

What a text may reach is in `trust`: by itself no address, and no file outside the working folder. Of PIL's decoders
only those are used that read pixels and run nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import ExpressionError
from mc_jupyter.trust import files
from mc_jupyter.trust.permissions import ALLOW_URLS, NOTHING, Permissions
from mc_jupyter.values import arrays, describe, exhibits, is_image
from mc_jupyter.values.data_addresses import is_address, of_address, of_base64
from mc_jupyter.values.decoding import decoded

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("base64", "path", "url", "data-uri")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # two letters or more: C: is a drive


def load(text: str, format: str, permissions: Permissions = NOTHING) -> bytes:
    """The bytes that a text stands for, by one of `FORMATS`."""
    if format == "base64":
        return of_base64(text)
    if format == "data-uri":
        return of_address(text)
    if format == "path":
        return files.read(text, permissions)
    return _fetch(text, permissions)


def _fetch(text: str, permissions: Permissions) -> bytes:
    scheme = found[1].lower() if (found := _SCHEME.match(text)) else ""
    if scheme not in ("http", "https"):
        kind = f"{scheme}:" if scheme else "it"
        raise ExpressionError(
            f"{describe(text)} is no http(s) address, and {kind} is not fetched",
            fix="give the file's path with `;path`" if scheme in ("", "file") else None,
        )
    if not permissions.urls:
        raise ExpressionError(
            f"{describe(text)} is an address, and none is fetched unless that is allowed", fix=ALLOW_URLS
        )
    from mc_jupyter.trust.fetching import fetch

    return fetch(text)


def load_image(value: Any, format: str | None = None, permissions: Permissions = NOTHING) -> Image:
    """The image that a value is or stands for: see `file_of` for what it may be besides an image or an array.

    Its pixels are in memory. It is as it was decoded: turned upright, and made RGB, by `pictures.rgb`.
    """
    if is_image(value):
        image: Image = value
        return image
    is_array = arrays.is_array(value)
    if arrays.is_buffer(value) or (is_array and not arrays.is_file(value)):
        return arrays.image_of(value)
    value = exhibits.held(value)
    data = bytes(value.tolist()) if is_array else file_of(value, format, permissions)
    try:
        return decoded(data, permissions.max_pixels)
    except ExpressionError as error:
        name = _name(value, format)
        raise ExpressionError(replace(p, message=f"{name}{p.message}") for p in error.problems) from None


def is_file(value: object) -> bool:
    """Whether this is a file, and no text that may name one: an upload, an open one, a path, what a notebook shows."""
    opened = callable(getattr(value, "read", None))
    return opened or files.is_upload(value) or isinstance(value, Path) or exhibits.held(value) is not value


def _name(value: Any, format: str | None) -> str:
    """The name of the file that a value is or stands for, as what an error begins with; empty where it has none."""
    if arrays.is_array(value):
        return f"{arrays.shown(value)}: "
    if files.is_upload(value) or isinstance(value, Path):
        name = value["name"] if isinstance(value, Mapping) and "name" in value else getattr(value, "name", "")
    elif isinstance(value, str):
        name = value if format == "path" or (format is None and files.looks_like_path(value)) else ""
    else:
        name = getattr(value, "name", "")  # an open file's: a number, where it was opened by one
    return f"{Path(name).name!r}: " if isinstance(name, str) and name else ""


def file_of(value: Any, format: str | None, permissions: Permissions) -> bytes:
    """The file that holds an image: itself, an upload's, an open file's, one on this disk, or one that a text names."""
    value = exhibits.held(value)
    if files.is_upload(value):
        value = value["content"]
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, Path):
        return files.read(value, permissions)
    if callable(getattr(value, "read", None)):
        return files.read_open(value)
    if not isinstance(value, str):
        raise ExpressionError(
            f"`image` needs an image, not {describe(value)}",
            fix="it may be a PIL image, an array, bytes, a pathlib.Path, or a text that names or holds one",
        )
    return load(value, format, permissions) if format in FORMATS else _meant_by(value, permissions)


_JPEG = "/9j/"  # how one begins in base64: no other image does as a path does
_WORD = 12  # bytes that sixteen letters are in base64: no image is so small, and a reader means a word


def _meant_by(text: str, permissions: Permissions) -> bytes:
    """What a text without a `;format` stands for: a data URI, an address, the path of a file that is there, base64."""
    if is_address(text):
        return of_address(text)
    if _SCHEME.match(text) and "//" in text[:40]:
        return _fetch(text, permissions)
    if files.is_there(text, permissions):
        return files.read(text, permissions)
    if (found := _in_base64(text)) is not None:
        return found
    if files.looks_like_path(text):
        return files.read(text, permissions)  # says why it cannot be
    raise ExpressionError(
        f"{describe(text)} is no file in {files.here()}, no data URI, no address and no base64",
        fix="give an image, or the path of an image's file",
    )


def _in_base64(text: str) -> bytes | None:
    """What a text is in base64, where it is more likely that than a word, a sentence or a path."""
    if files.looks_like_path(text) and not text.startswith(_JPEG):
        return None
    try:
        found = of_base64(text)
    except ExpressionError:
        return None
    if len(found) > files.SHORTEST and " " not in text.strip():
        return found
    plain = len(text.strip()) % 4 == 0 and not set("-_") & set(text)  # as most programs write it
    return found if len(found) > _WORD and plain and not files.looks_like_path(text) else None
