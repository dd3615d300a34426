"""Files and images as bytes, text and pixels: what may be read and decoded, within which limits, and what never is.

Nothing is fetched from the network, no file outside the working directory is read, and of PIL's decoders only those
are used that read pixels and run nothing.
"""

from __future__ import annotations

import base64
import binascii
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from mc_jupyter.errors import ExpressionError, listing
from mc_jupyter.values import describe, is_image

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 50_000_000
MAX_FILE_BYTES = 256 * 1024 * 1024
FORMATS = ("base64", "path", "url", "data-uri")
_IMAGE_FORMATS = {
    "png": "PNG", "jpeg": "JPEG", "jpg": "JPEG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP", "tiff": "TIFF",
    "tif": "TIFF",
}  # fmt: skip
# What may be decoded. PIL knows more, among them EPS, whose decoding starts Ghostscript.
_DECODED = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "PPM", "ICO", "AVIF", "TGA")


def load(text: str, format: str) -> bytes:
    """The bytes that a text stands for, by one of `FORMATS`."""
    if format == "base64":
        return _decode_base64(text)
    if format == "data-uri":
        return _decode_data_uri(text)
    if format == "path":
        return read_file(text)
    raise ExpressionError(
        f"{describe(text)} is a URL, and an expression fetches nothing",
        fix="load it with an http-client component, or give the file's path with `;path`",
    )


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ExpressionError(f"{describe(text)} is not base64: {error}") from None


def _decode_data_uri(text: str) -> bytes:
    head, comma, data = text.partition(",")
    if not head.startswith("data:") or not comma:
        raise ExpressionError(f"{describe(text)} is not a data URI", fix="one begins `data:image/png;base64,`")
    return _decode_base64(data) if head.endswith(";base64") else unquote_to_bytes(data)


def read_file(text: str) -> bytes:
    """A file below the working directory: inputs come from data, and data may not read the rest of the disk."""
    try:
        path = Path(text).resolve()
        if not path.is_relative_to(Path.cwd().resolve()):
            raise ExpressionError(
                f"{text!r} lies outside the working directory", fix="copy the file next to the notebook"
            )
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ExpressionError(f"{text!r} is larger than {MAX_FILE_BYTES // 1024**2} MiB")
        return path.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ExpressionError(f"cannot read the file {text!r}: {why}") from None


def load_image(value: Any, format: str | None) -> Image:
    """The image that a value is, or holds as bytes, base64, a data URI or (with the format `path`) a path."""
    image: Image = value if is_image(value) else _decode_image(_image_bytes(value, format))
    return image


def recoded(image: Image, subtype: str, quality: int | None) -> Image:
    """The image as a file of that format keeps it."""
    name = _IMAGE_FORMATS.get(subtype.lower())
    if name is None:
        raise ExpressionError(f"no image format {subtype!r}", fix=f"use {listing(list(_IMAGE_FORMATS))}")
    return _decode_image(encode_image(image, name, quality))


def _image_bytes(value: Any, format: str | None) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, Path):
        return read_file(str(value))
    if not isinstance(value, str):
        raise ExpressionError(f"`image` needs an image, not {describe(value)}")
    if format in FORMATS:
        return load(value, format)
    if value.startswith("data:"):
        return _decode_data_uri(value)
    if value.startswith(("http://", "https://")):
        return load(value, "url")
    try:
        return _decode_base64(value)
    except ExpressionError:
        raise ExpressionError(
            f"{describe(value)} is neither base64 nor a data URI", fix="`as image;path` reads an image file"
        ) from None


def _decode_image(data: bytes) -> Image:
    import struct

    from PIL import Image as pil
    from PIL import UnidentifiedImageError

    pil.init()
    try:
        image = pil.open(io.BytesIO(data), formats=[name for name in _DECODED if name in pil.OPEN])
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise ExpressionError(
                f"an image of {width}×{height} is over the limit of {MAX_PIXELS // 10**6} million pixels"
            )
        image.load()
    except pil.DecompressionBombError as error:
        raise ExpressionError(f"the image is too large: {error}") from None
    except UnidentifiedImageError:
        raise ExpressionError(f"these {len(data)} bytes are no image of a known format") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, struct.error) as error:
        raise ExpressionError(f"the image is damaged: {error}") from None
    return image


def encode_image(image: Image, name: str, quality: int | None = None) -> bytes:
    """The bytes of a file of one of PIL's formats."""
    if name in ("JPEG", "BMP") and image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGB")
    options = {} if quality is None else {"quality": quality}
    buffer = io.BytesIO()
    try:
        image.save(buffer, name, **options)
    except (OSError, ValueError, KeyError) as error:
        raise ExpressionError(f"cannot write the image as {name}: {error}") from None
    return buffer.getvalue()
