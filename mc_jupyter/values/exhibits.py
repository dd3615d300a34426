"""Pictures that stand in an object of a notebook: one to display, a widget, the picker of files, a row of a data set.

They are known by what they hold, so that nothing here imports what made them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mc_jupyter.errors import ExpressionError
from mc_jupyter.trust.files import is_upload
from mc_jupyter.values import describe

_BYTES = (bytes, bytearray, memoryview)
_ROW = {"bytes", "path"}  # an image of Hugging Face datasets, not decoded, as their Parquet files hold it


def held(value: Any) -> Any:
    """The file, the path or the address of the picture that an object shows; the value itself where it is no such."""
    if is_row(value):
        return value["path"] if value["bytes"] is None else value["bytes"]  # a path in data is a text
    if all(hasattr(value, name) for name in ("data", "url", "filename", "embed")):
        return _displayed(value)
    inner = getattr(value, "value", None)
    if isinstance(inner, _BYTES) and isinstance(kind := getattr(value, "format", None), str):
        return bytes(inner).decode("utf-8", "replace") if kind == "url" else inner
    if isinstance(inner, tuple) and hasattr(value, "accept") and all(map(is_upload, inner)):
        return _picked(value, inner)
    return value


def is_row(value: Any) -> bool:
    """Whether this is an image as a row of a data set holds it: `{bytes, path}`, one of which may be None."""
    if not isinstance(value, Mapping) or value.keys() != _ROW:
        return False
    return isinstance(value["bytes"], _BYTES) or (value["bytes"] is None and isinstance(value["path"], str))


def _displayed(image: Any) -> Any:
    """IPython.display.Image: what it has read, or else what it only names."""
    if image.data is not None:
        return image.data
    return image.url if image.url is not None else Path(image.filename)


def _picked(picker: Any, files: tuple[Any, ...]) -> Any:
    if len(files) != 1:
        fix = "choose a file first" if not files else "give what it holds: .value"
        raise ExpressionError(f"{describe(picker)} holds {len(files)} files, where one image is wanted", fix=fix)
    return files[0]
