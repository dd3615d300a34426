"""What an image that a model made knows of itself: prompt, seed, model; and any image as upright RGB.

A result stays a `PIL.Image`. What there is to say about it lies in its `info`, where PIL keeps what it read of a file;
a copy has it too. `display` writes the facts into the PNG, and expressions find them by name (`${result.seed}`).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

_KEY = "mc_jupyter"


@dataclass(frozen=True, slots=True)
class Origin:
    """How an image came to be. `facts` are plain values by the names of the fields they were given as.

    `before` is the image that it was made from (of an enlarged one, the small one).
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    before: Image | None = field(default=None, repr=False)


def marked(image: Image, *, before: Image | None = None, **facts: Any) -> Image:
    """The same image, knowing this too; facts that are None are left out."""
    known = origin(image)
    told = {**known.facts, **{name: value for name, value in facts.items() if value is not None}}
    image.info[_KEY] = Origin(told, known.before if before is None else before)
    return image


def origin(image: Image) -> Origin:
    """What is known of an image: nothing, of one that no model here made."""
    found = image.info.get(_KEY)
    return found if isinstance(found, Origin) else Origin()


def rgb(image: Image) -> Image:
    """The picture as viewers show it, in the mode that models take: upright (EXIF), RGB, transparency over white.

    White is what pages and notebooks show behind a picture. A palette's, a grey level's or a colour's transparency
    counts too; 16-bit greys are scaled to 8 bits, which PIL's own conversion cuts off at 255 instead. The image itself
    is left alone.
    """
    from PIL import Image as pil

    image = _eight_bits(_upright(image))
    if not image.has_transparency_data:
        return image.convert("RGB")
    if image.mode in ("La", "RGBa"):  # premultiplied: PIL turns each into its plain form only
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    clear = image.convert("RGBA")
    return pil.alpha_composite(pil.new("RGBA", clear.size, "white"), clear).convert("RGB")


def _upright(image: Image) -> Image:
    from struct import error as NotWhole

    from PIL import ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # PIL's, of tags that are damaged
            return ImageOps.exif_transpose(image)
    except (SyntaxError, ValueError, TypeError, KeyError, OSError, NotWhole):
        return image  # its EXIF is damaged; the pixels are not


def _eight_bits(image: Image) -> Image:
    """Greys of 16 or 32 bits, or floats, as 8 bits: by the range that their largest number shows them to have."""
    from PIL import Image as pil

    if image.mode != "F" and not image.mode.startswith("I"):
        return image
    import numpy as np

    with np.errstate(invalid="ignore"):  # a TIFF of floats may hold some that are no numbers
        levels = np.nan_to_num(np.asarray(image, dtype=np.float64))
    largest = float(levels.max(initial=0))
    if image.mode.startswith("I;16") or largest > 255:
        levels = levels / 257
    elif image.mode == "F" and largest <= 1:
        levels = levels * 255
    return pil.fromarray(levels.clip(0, 255).round().astype(np.uint8))
