"""A picture as an image file: upright, in a mode that the format has, and meaning what it meant.

What a format cannot hold is turned into what looks the same: transparency is laid over white, greys of 16 bits and
floats keep their range, inks become colours. A colour profile goes along where the numbers are still of its kind.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, cast

from mc_jupyter.errors import ExpressionError
from mc_jupyter.values import describe, levels, recipes
from mc_jupyter.values.decoding import decoded
from mc_jupyter.values.pictures import marked, origin, rgb, rgba, upright
from mc_jupyter.values.profiles import profile_for
from mc_jupyter.words import listing

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMATS = {
    "png": "PNG", "jpeg": "JPEG", "jpg": "JPEG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP", "tiff": "TIFF",
    "tif": "TIFF",
}  # fmt: skip
_MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "GIF": ("L", "P", "RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"),
}
_LOSSY = ("JPEG", "WEBP")
_GREYS = ("1", "L", "LA", "La")
_CLEAR = 255  # the last colour of a GIF


def recoded(image: Image, subtype: str, quality: int | None) -> Image:
    """The image as a file of that format keeps it, knowing all that it knew."""
    name = _FORMATS.get(subtype.lower())
    if name is None:
        raise ExpressionError(f"no image format {subtype!r}", fix=f"use {listing(list(_FORMATS))}")
    known = origin(image)
    given = fitted(image, name)
    found = decoded(encoded(given, name, quality), image.width * image.height)
    made = found.copy()  # by itself, without the file
    made.format = found.format
    if (profile := profile_for(given, made.mode)) is not None:
        made.info["icc_profile"] = profile  # also where the format has no place for one
    if "frames" in image.info:
        made.info["frames"] = image.info["frames"]
    return marked(made, before=known.before, **known.facts) if known.facts or known.before else made


def encode_image(image: Image, name: str, quality: int | None = None) -> bytes:
    """The bytes of a file of one of PIL's formats, with what is known of the picture in it."""
    return encoded(fitted(image, name), name, quality)


def encoded(image: Image, name: str, quality: int | None) -> bytes:
    """The file of an image that the format holds as it is."""
    from PIL import Image as pil

    if quality is not None and (name not in _LOSSY or not 1 <= quality <= 100):
        what = f"a quality is from 1 to 100, and not {describe(quality)}" if name in _LOSSY else "it has no quality"
        raise ExpressionError(f"cannot write the image as {name}: {what}", fix="as image/jpeg[quality=80]")
    profile = image.info.get("icc_profile")
    told: dict[str, Any] = {"icc_profile": profile if isinstance(profile, bytes) else None}
    told |= {} if quality is None else {"quality": quality}
    buffer = io.BytesIO()
    try:
        pil.Image.save(_bare(image), buffer, name, **recipes.options(origin(image).facts, name, told))
    except (OSError, ValueError, KeyError, OverflowError) as error:
        raise ExpressionError(f"cannot write the image as {name}: {error}") from None
    return buffer.getvalue()


def _bare(image: Image) -> Image:
    """The pixels alone: of a file PIL would write on the comments and tags, and how it was compressed."""
    bare = image.copy()
    bare.info = {name: value for name, value in image.info.items() if name == "transparency"}
    if bare.mode == "P" and bare.info:
        bare.putpalette(cast("list[int]", bare.getpalette()))  # without what is clear, which a conversion left in it
    return bare


def fitted(image: Image, name: str) -> Image:
    """The image as a file of this format can hold it; itself where it can as it is."""
    try:
        given = upright(image)
        made = _in_a_mode(_without_depth(given, name), name)
    except (OSError, ValueError) as error:  # of a file that PIL has only opened so far
        raise ExpressionError(f"the image cannot be read: {error}") from None
    if made is image:
        return image
    if made is given:
        made = given.copy()
    made.info.pop("icc_profile", None)
    if (profile := profile_for(image, made.mode)) is not None:
        made.info["icc_profile"] = profile
    return made


def _without_depth(image: Image, name: str) -> Image:
    """Greys of more than 8 bits as the format has them."""
    if not levels.is_deep(image) or _holds(image, name):
        return image
    deep = "I;16" in _MODES[name] and not image.has_transparency_data
    return levels.settled(image) if deep else levels.eight_bits(image)


def _holds(image: Image, name: str) -> bool:
    """Whether the format has the image's mode, and what is clear in it."""
    if image.mode not in _MODES[name]:
        return False
    if not image.has_transparency_data or name == "PNG":
        return True
    if name == "GIF":
        return image.mode == "P" and isinstance(image.info.get("transparency"), int)
    return image.mode in ("LA", "RGBA")


def _in_a_mode(image: Image, name: str) -> Image:
    """One of the format's modes: a grey stays grey where the format has greys, and what is clear stays clear."""
    modes, grey = _MODES[name], image.mode in _GREYS
    if _holds(image, name):
        return image
    if not image.has_transparency_data:
        return image.convert("L" if grey and "L" in modes else "RGB")
    if "RGBA" not in modes:
        return rgb(image).convert("L" if grey else "RGB")
    if name == "GIF":
        return _all_or_nothing(image)
    return rgba(image).convert("LA" if grey and "LA" in modes else "RGBA")


def _all_or_nothing(image: Image) -> Image:
    """What is half clear over white, as a GIF has it: one of its 256 colours is clear, and all others are not."""
    alpha = rgba(image).getchannel("A")
    made = rgb(image).quantize(_CLEAR)
    made.paste(_CLEAR, mask=alpha.point([255] + [0] * 255))
    made.info["transparency"] = _CLEAR
    return made
