"""Pictures as bytes: PNG with what is known of them inside, smaller ones where a page needs no more, and data URIs.

A picture that is not made smaller is stored exactly. What its file says of it: see `mc_jupyter.values.recipes`.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mc_jupyter.values import levels
from mc_jupyter.values.pictures import rgb, rgba
from mc_jupyter.values.profiles import profile_for
from mc_jupyter.values.recipes import chunks

if TYPE_CHECKING:
    from PIL.Image import Image

_STORED = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")  # the modes that PNG has
_LARGE = 4_000_000  # pixels from which speed counts for more than the last tenth of a file's size


def png(image: Image, facts: Mapping[str, Any] | None = None, *, level: int | None = None) -> bytes:
    """An image as PNG, with these facts inside; nothing else that came with it, but for its colour profile.

    `level` is zlib's, 1 to 9.
    """
    if level is None:
        level = 3 if image.width * image.height > _LARGE else 6
    from PIL import Image as pil

    stored = _storable(image)
    told = {"pnginfo": chunks(facts or {}), "icc_profile": profile_for(image, stored.mode), "compress_level": level}
    buffer = io.BytesIO()
    pil.Image.save(stored, buffer, "PNG", **told)  # PIL's own: a picture's would add what is known of it by itself
    return buffer.getvalue()


def _storable(image: Image) -> Image:
    """The image in a mode that PNG has. What has no shades of its own there is turned into colours."""
    if image.mode in _STORED:
        return image
    if image.mode in ("La", "RGBa", "PA"):
        return image.convert({"La": "LA"}.get(image.mode, "RGBA"))
    return rgb(image)


def smaller(image: Image, side: int) -> Image:
    """The image with at most `side` pixels on its longest side: itself, where it has no more, or where `side` is 0.

    Huge images are first averaged over whole blocks: it takes a fraction of the time and looks the same.
    """
    longest = max(image.size)
    if not side or longest <= side:
        return image
    image = levels.eight_bits(image) if levels.is_deep(image) else _storable(image)
    if image.mode not in ("L", "LA", "RGB", "RGBA") or "transparency" in image.info:
        image = rgba(image) if image.has_transparency_data else rgb(image)
    from PIL import Image as images

    size = (max(1, round(image.width * side / longest)), max(1, round(image.height * side / longest)))
    return image.resize(size, images.Resampling.LANCZOS, reducing_gap=2.0)


def data_uri(image: Image, *, facts: Mapping[str, Any] | None = None) -> str:
    """The image as the address of an `<img>`: PNG."""
    return f"data:image/png;base64,{base64.b64encode(png(image, facts)).decode()}"


def sketch_uri(image: Image, side: int) -> str:
    """The image as an address for a moment: small, and as JPEG, which is quick to make and to send."""
    buffer = io.BytesIO()
    rgb(smaller(image, side)).save(buffer, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
