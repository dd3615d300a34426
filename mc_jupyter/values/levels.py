"""Greys of more than 8 bits: which range their numbers are in, and the same shades in 8 bits or in 16.

PIL's own conversions cut them off at 255. Numbers of 16 bits are 0 to 65535; of 32 bits and of floats, the largest says
whether they are that, 0 to 255 or, of floats, 0 to 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

_HAIR = 1.01  # what rounding leaves above 1


def is_deep(image: Image) -> bool:
    """Whether a picture's numbers are of more than 8 bits: integers, or floats."""
    return image.mode == "F" or image.mode.startswith("I")


def settled(image: Image) -> Image:
    """A deep grey as PNG and upscalers have it: L, or I;16 where it has more shades than that. The same `info`."""
    import numpy as np
    from PIL import Image as pil

    if image.mode == "I;16":
        return image
    levels, sixteen = _levels(image)
    made = pil.fromarray(levels.round().astype(np.uint16 if sixteen else np.uint8))
    made.info = dict(image.info)
    return made


def eight_bits(image: Image) -> Image:
    """A deep grey as L, or as LA where one of its levels is transparent. The same `info`, but for that level."""
    import numpy as np
    from PIL import Image as pil

    levels, sixteen = _levels(image)
    made = pil.fromarray((levels / 257 if sixteen else levels).round().astype(np.uint8))
    if (alpha := clear_level(image)) is not None:
        made.putalpha(alpha)
    made.info = {name: value for name, value in image.info.items() if name != "transparency"}
    return made


def clear_level(image: Image) -> Image | None:
    """The transparency of a deep grey, as L; None where none of its levels is said to be transparent."""
    import numpy as np
    from PIL import Image as pil

    level = image.info.get("transparency")
    if not isinstance(level, int):
        return None
    return pil.fromarray(np.where(np.asarray(image) == level, 0, 255).astype(np.uint8))


def _levels(image: Image) -> tuple[Any, bool]:
    """The numbers, from 0 to 255 or, where that is said beside them, to 65535."""
    import numpy as np

    with np.errstate(invalid="ignore"):  # a TIFF of floats may hold some that are no numbers
        levels = np.nan_to_num(np.asarray(image, dtype=np.float64))
    largest = float(levels.max(initial=0))
    if image.mode.startswith("I;16") or largest > 255:
        return levels.clip(0, 65535), True
    if image.mode == "F" and largest <= _HAIR:
        levels = levels * 255
    return levels.clip(0, 255), False
