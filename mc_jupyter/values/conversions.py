"""`as`: a value made into text, a number, JSON, an image, bytes or a stream, or an error that says why not."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import ExpressionError, Problem
from mc_jupyter.trust.files import is_upload, read
from mc_jupyter.trust.permissions import NOTHING, Permissions
from mc_jupyter.trust.secrets import Secret
from mc_jupyter.values import Batch, Stream, arrays, describe, is_image, look_up_or
from mc_jupyter.values.data_addresses import is_address
from mc_jupyter.values.encoding import encode_image, recoded
from mc_jupyter.values.media import FORMATS, file_of, is_file, load, load_image

if TYPE_CHECKING:
    from PIL.Image import Image

TYPES = (
    "text", "string", "markdown", "integer", "number", "boolean", "json", "list", "object", "base64", "image", "audio",
    "video", "file", "stream", "event-stream", "select", "slider",
)  # fmt: skip
"""What may stand after `as`; a kind of input that a part brings along has a word of its own."""

STREAM_FORMATS = ("sse-text", "sse-json")
"""How a stream may be sent, besides the formats that a text may be in."""

_TEXT = ("string", "text", "markdown")
_DATA = (*_TEXT, "integer", "number", "boolean", "list", "object", "json", "base64")
_MEDIA = ("image", "audio", "video", "file")


def convert(
    value: Any,
    type: str,
    subtype: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    format: str | None = None,
    *,
    elementwise: bool = False,
    permissions: Permissions = NOTHING,
) -> Any:
    """`value as type/subtype[attributes];format`. None stays None; a type nobody knows leaves the value as it is.

    `T[]` converts every element of a list, or of a stream as it is read; so does `as image`, and `as base64` of
    images. With `elementwise`, which a model's inputs use, `as text` does so too; otherwise a list as text is JSON.
    What texts may be read as files and fetched as addresses is in `permissions`.
    Raises ExpressionError where the value cannot be of that type.
    """
    if value is None:
        return None
    if isinstance(value, Secret):
        if type in _TEXT:
            return value
        raise ExpressionError(f"a secret is not read as {type}")

    def one(item: Any) -> Any:
        return convert(item, type.removesuffix("[]"), subtype, attributes, format, permissions=permissions)

    if type.endswith("[]"):
        return _each(value, one, f"`{type}`")
    if elementwise and type in (*_TEXT, *_MEDIA) and isinstance(value, list | tuple):
        return [_numbered(one, item, i) for i, item in enumerate(value)]
    if isinstance(value, list | tuple) and (type == "image" or (type == "base64" and _are_images(value))):
        found = [_numbered(one, item, i) for i, item in enumerate(value)]  # nothing else can be meant
        return Batch(found) if isinstance(value, Batch) else found
    if type in ("stream", "event-stream"):
        return _as_stream(value, subtype)
    if isinstance(value, Stream):
        return value.map(one) if type in _DATA else value
    if type in _DATA:
        return _as_data(value, type, subtype, format, permissions)
    if type == "image":
        return _as_image(value, subtype, attributes or {}, format, permissions)
    if type in _MEDIA:
        return _as_bytes(value, type, format, permissions)
    return value


def _are_images(value: Any) -> bool:
    """Whether this is a list of images, or of such lists."""
    return bool(value) and all(is_image(v) or (isinstance(v, list | tuple) and _are_images(v)) for v in value)


def _numbered(one: Callable[[Any], Any], item: Any, index: int) -> Any:
    """An element converted, or the error with its place in the list: of a hundred files one is damaged."""
    try:
        return one(item)
    except ExpressionError as error:
        raise ExpressionError(Problem(f"[{index}]: {p.message}", p.place, p.fix) for p in error.problems) from None


def _each(value: Any, one: Callable[[Any], Any], what: str) -> Any:
    if isinstance(value, Stream):
        return value.map(one)
    if not isinstance(value, list | tuple):
        raise ExpressionError(f"{what} needs a list, not {describe(value)}")
    return [one(item) for item in value]


def _as_stream(value: Any, subtype: str | None) -> Stream:
    stream = value if isinstance(value, Stream) else Stream([value])
    if subtype not in (None, "text", "json"):
        raise ExpressionError(f"a stream is of text or json, not of {subtype}")
    return stream.map(as_text) if subtype != "json" else stream


def _as_data(value: Any, type: str, subtype: str | None, format: str | None, permissions: Permissions) -> Any:
    if format in FORMATS and isinstance(value, str):
        value = load(value, format, permissions)
    if type in _TEXT:
        return as_text(value)
    if type in ("json", "list", "object"):
        return _as_json(value, type, subtype)
    if type == "base64":
        return base64.b64encode(_encoded(value, permissions)).decode("ascii")
    if type == "boolean":
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else _str(value)
        return text.lower() in ("true", "1")
    return _as_number(value, type)


def _as_number(value: Any, type: str) -> float | int:
    try:
        return float(value) if type == "number" else int(value)
    except (TypeError, ValueError, OverflowError):
        article = "an integer" if type == "integer" else "a number"
        raise ExpressionError(f"{describe(value)} is not {article}") from None


def as_text(value: Any) -> str:
    """The value as text: lists and mappings as JSON with every letter kept, bytes as UTF-8."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ExpressionError(f"these {len(value)} bytes are not UTF-8 text ({error.reason})") from None
    if isinstance(value, Mapping | list | tuple):
        return _json(value)
    if is_image(value):
        raise ExpressionError("an image cannot be text", fix="`as base64` gives it as text")
    if isinstance(value, Stream):
        return "".join("" if piece is None else as_text(piece) for piece in value)
    return _str(value)


def interpolated(value: Any) -> str | Secret:
    """A value as a part of a longer text; null is nothing there."""
    if value is None:
        return ""
    if isinstance(value, Secret):
        return value
    return as_text(value) if isinstance(value, Stream | bytes) else _str(value)


def _str(value: Any) -> str:
    try:
        return str(value)
    except (ValueError, RecursionError) as error:  # a number of more digits than Python writes
        raise ExpressionError(f"{describe(value)} cannot be text: {error}") from None


def joined(parts: Iterable[str | Secret]) -> str | Secret:
    """The parts as one text, which is a secret where one of them is."""
    parts = list(parts)
    secret = any(isinstance(part, Secret) for part in parts)
    return Secret.joined(parts) if secret else "".join(map(str, parts))


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ExpressionError(f"{describe(value)} cannot be written as JSON: {error}") from None


def _as_json(value: Any, type: str, subtype: str | None) -> Any:
    if isinstance(value, str | bytes):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ExpressionError(f"{describe(value)} is not JSON: {error}") from None
    if type == "list":
        if not isinstance(value, list | tuple):
            raise ExpressionError(f"`list` needs a list, not {describe(value)}")
        return value if isinstance(value, list) else list(value)
    if type == "object":
        if not isinstance(value, Mapping):
            raise ExpressionError(f"`object` needs a mapping, not {describe(value)}")
        return _project(value, subtype) if subtype else value
    return value


def _project(value: Mapping[str, Any], paths: str) -> dict[str, Any]:
    """`a,b.c` of a mapping: `{a: …, c: …}`, null where there is nothing."""
    result = {}
    for path in paths.split(","):
        found: Any = value
        keys = path.split(".")
        for key in keys:
            found = look_up_or(found, key, None)
        result[keys[-1]] = found
    return result


def _encoded(value: Any, permissions: Permissions) -> bytes:
    """The bytes that `as base64` and `as file` stand for: an image's, of whatever kind it is, are PNG."""
    if arrays.is_array(value) and arrays.is_file(value):
        return bytes(value.tolist())
    if is_image(value) or arrays.is_array(value) or arrays.is_buffer(value):
        return encode_image(load_image(value), "PNG")
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if is_file(value):
        return file_of(value, None, permissions)
    try:
        return as_text(value).encode("utf-8")
    except UnicodeEncodeError:
        raise ExpressionError(f"{describe(value)} holds half of a character, which has no UTF-8 form") from None


def _as_image(
    value: Any, subtype: str | None, attributes: Mapping[str, Any], format: str | None, permissions: Permissions
) -> Image:
    image = load_image(value, format, permissions)
    for name in attributes:
        if name != "quality" or subtype is None:
            raise ExpressionError(f"[{name}=…] has no effect on an image", fix="as image/jpeg[quality=80]")
    quality = int(_as_number(attributes["quality"], "integer")) if "quality" in attributes else None
    return image if subtype is None else recoded(image, subtype, quality)


def _as_bytes(value: Any, type: str, format: str | None, permissions: Permissions) -> Any:
    if is_upload(value):
        value = value["content"]
    if isinstance(value, str):
        if format in FORMATS:
            return load(value, format, permissions)
        if is_address(value):
            return load(value, "data-uri")
        raise ExpressionError(
            f"`{type}` needs bytes, not {describe(value)}",
            fix=f"`as {type};path` reads a file, `as {type};base64` decodes text",
        )
    if isinstance(value, Path):
        return read(value, permissions)
    if type in ("audio", "video"):
        # Decoded sound and frames (arrays, {array, sampling_rate}) are what engines take.
        return value
    known = isinstance(value, bytes | bytearray | memoryview) or is_image(value) or arrays.is_array(value)
    if known or is_file(value):
        return _encoded(value, permissions)
    raise ExpressionError(f"`file` needs bytes, not {describe(value)}")
