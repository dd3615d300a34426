"""Images that a model made, told what is known of them (prompt, seed, model); and any image as upright RGB.

A result stays a `PIL.Image`, and a copy knows the same. Whoever saves it writes the facts into the file, and
expressions find them by name (`${result.seed}`).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from mc_jupyter.values import levels
from mc_jupyter.values.origins import KEY, Origin, origin

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Origin", "marked", "origin", "rgb", "rgba", "upright"]

_ORIENTATION = 0x0112  # EXIF's tag
_PLAIN = {"La": "LA", "RGBa": "RGBA"}  # premultiplied: PIL turns each into its plain form only


def marked(image: Image, *, before: Image | None = None, **facts: Any) -> Image:
    """The same image, knowing this too; facts that are None are left out. Saved, its file knows it as well.

    `before` is the image that it was made from: what is known of that one is known as `made_from`.
    """
    from mc_jupyter.values.signed import signed

    known = origin(image)
    told = {**known.facts, **{name: value for name, value in facts.items() if value is not None}}
    if before is not None and (made := origin(before).facts):
        told["made_from"] = made
    image.info[KEY] = Origin(told, known.before if before is None else before)
    return signed(image)


def rgb(image: Image) -> Image:
    """The picture as viewers show it, in the mode that models take: upright (EXIF), RGB, transparency over white.

    White is what pages and notebooks show behind a picture. A palette's, a grey level's or a colour's transparency
    counts too; of greys of more than 8 bits the range is kept. The image itself is left alone.
    """
    from PIL import Image as pil

    image = upright(image)
    if levels.is_deep(image):
        image = levels.eight_bits(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    clear = rgba(image)
    return pil.alpha_composite(pil.new("RGBA", clear.size, "white"), clear).convert("RGB")


def rgba(image: Image) -> Image:
    """The picture as colours with transparency, of whatever mode it is. The image itself is left alone."""
    # A copy: PIL (12) writes what is clear into the palette that it converts, and saves that one as GIF wrong.
    return image.convert(_PLAIN.get(image.mode, image.mode)).convert("RGBA")


def upright(image: Image) -> Image:
    """The picture turned as its EXIF says; itself where there is nothing to turn, or the EXIF is damaged."""
    from struct import error as NotWhole

    from PIL import ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # PIL's, of tags that are damaged
            if image.getexif().get(_ORIENTATION, 1) == 1:
                return image
            return ImageOps.exif_transpose(image)
    except (SyntaxError, ValueError, TypeError, KeyError, OSError, NotWhole):
        return image  # its EXIF is damaged; the pixels are not
