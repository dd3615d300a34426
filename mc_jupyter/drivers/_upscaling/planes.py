"""An image as the planes that an upscaler works on (colour or grey, and transparency), and one made of them again.

Upright, whatever its EXIF says. What comes out is the same kind of picture: grey stays grey (16 bits stay 16 bits),
black and white becomes grey, a palette becomes colours, transparency is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mc_jupyter import devices
from mc_jupyter.errors import DoesNotFit, InputError
from mc_jupyter.events import Run
from mc_jupyter.values.media import load_image
from mc_jupyter.words import format_bytes

if TYPE_CHECKING:
    from PIL.Image import Image

_ORIENTATION = 0x0112  # EXIF's tag
_GREYS = ("1", "L", "LA", "La", "F")


@dataclass(frozen=True, slots=True)
class Planes:
    """`colour` is in the mode RGB, L or I;16; `alpha` in the mode L, or None where nothing is transparent.

    `alpha_is_flat` says that all of it has one level: there is nothing to look at.
    """

    colour: Image
    alpha: Image | None = None
    profile: bytes | None = field(default=None, repr=False)

    @property
    def alpha_is_flat(self) -> bool:
        if self.alpha is None:
            return True
        low, high = self.alpha.getextrema()
        return bool(low == high)

    def each(self) -> Iterator[Image]:
        """The planes that a model has to look at."""
        yield self.colour
        if self.alpha is not None and not self.alpha_is_flat:
            yield self.alpha


def upright(item: Any) -> Image:
    """An input as a PIL image, turned as its EXIF says; the image itself where there is nothing to turn."""
    from struct import error as not_whole

    from PIL import Image as pil
    from PIL import ImageOps

    image = item if isinstance(item, pil.Image) else load_image(item, None)
    try:
        if image.getexif().get(_ORIENTATION, 1) == 1:
            return image
        turned: Image = ImageOps.exif_transpose(image)
    except (SyntaxError, ValueError, TypeError, KeyError, OSError, not_whole):
        return image  # its EXIF is damaged; the pixels are not
    return turned


def split(image: Image) -> Planes:
    """The planes of an upright image. InputError where it has no pixels, or a mode that PIL itself cannot convert."""
    if not (image.width and image.height):
        raise InputError(f"an image of {image.width}×{image.height} has no pixels")
    profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA", "L", "LA") else None
    if image.mode.startswith("I"):
        return Planes(_of_integers(image))
    grey = image.mode in _GREYS
    if not image.has_transparency_data:
        try:
            return Planes(_eight_bits(image).convert("L" if grey else "RGB"), None, profile)
        except ValueError:
            fix = 'image.convert("RGB") by a colour profile'
            raise InputError(f"an image in the mode {image.mode} is not understood", fix=fix) from None
    # PIL turns what is premultiplied into its own plain form only; a grey with a transparent level goes by RGBA.
    plain = image.convert({"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode)).convert("RGBA")
    return Planes(plain.convert("L" if grey else "RGB"), plain.getchannel("A"), profile)


def _of_integers(image: Image) -> Image:
    """A grey of 16 bits, or of 32 that needs no more than 8 or 16, as I;16 or L."""
    import numpy as np
    from PIL import Image as pil

    levels = np.asarray(image)
    if image.mode == "I" and int(levels.max(initial=0)) <= 255:
        return pil.fromarray(levels.clip(0, 255).astype(np.uint8))
    return pil.fromarray(levels.clip(0, 65535).astype(np.uint16))


def _eight_bits(image: Image) -> Image:
    """A grey of floats as 8 bits: 0 to 1 where no number is above 1, else 0 to 255."""
    if image.mode != "F":
        return image
    import numpy as np
    from PIL import Image as pil

    levels = np.nan_to_num(np.asarray(image))
    levels = levels * 255 if float(levels.max(initial=0)) <= 1 else levels
    return pil.fromarray(levels.clip(0, 255).round().astype(np.uint8))


def join(colour: Image, alpha: Image | None, planes: Planes) -> Image:
    """An image of enlarged planes; a flat alpha need not be given. Changes `colour` where it can, to save memory."""
    if planes.alpha is not None:
        from PIL import Image as pil

        level = planes.alpha.getpixel((0, 0))
        colour.putalpha(alpha or pil.new("L", colour.size, level))
    if planes.profile:
        colour.info["icc_profile"] = planes.profile
    return colour


def resampled(image: Image, size: tuple[int, int]) -> Image:
    """The image in another size, by Lanczos; itself where it has that size."""
    from PIL import Image as pil

    if image.size == size:
        return image
    return image.resize(size, pil.Resampling.LANCZOS)


def scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Width and height times the scale, in whole pixels."""
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def check_room(size: tuple[int, int], *scales: float) -> None:
    """DoesNotFit where the result (and, before that, what the network gives) is larger than what is free."""
    sizes = {scaled(size, scale) for scale in scales}
    need = sum(4 * width * height for width, height in sizes)
    memory = devices.free_memory("cpu")
    if need > memory.free:
        width, height = max(sizes)
        raise DoesNotFit(
            f"an image of {width}×{height} takes {format_bytes(need)}; {memory}",
            fix="a smaller image, or enlarge its parts one by one",
        )


def say_scale(run: Run, wanted: float | None, own: int) -> None:
    """Tell that a result is resampled, where it is."""
    if wanted is not None and wanted != own:
        run.note(f"the model enlarges {own}×: its results are resampled to {wanted:g}× (Lanczos)")
