"""An image as the planes that an upscaler works on (colour or grey, and transparency), and one made of them again.

Upright, whatever its EXIF says. What comes out is the same kind of picture: grey stays grey (16 bits stay 16 bits),
black and white becomes grey, a palette becomes colours, transparency is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mc_jupyter import devices
from mc_jupyter.drivers._upscaling.bleeding import bled
from mc_jupyter.errors import DoesNotFit, InputError
from mc_jupyter.events import Run
from mc_jupyter.values import levels, pictures
from mc_jupyter.values.media import load_image
from mc_jupyter.values.profiles import profile_for
from mc_jupyter.words import format_bytes

if TYPE_CHECKING:
    from PIL.Image import Image

_GREYS = ("1", "L", "LA", "La")


@dataclass(frozen=True, slots=True)
class Planes:
    """`colour` is in the mode RGB, L or I;16; `alpha` in the mode L, or None where nothing is transparent.

    Under full transparency `colour` is that of what is seen beside it. `note` is what a reader should know.
    `alpha_is_flat` says that all of it has one level: there is nothing to look at.
    """

    colour: Image
    alpha: Image | None = None
    profile: bytes | None = field(default=None, repr=False)
    note: str = ""

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
    from PIL import Image as pil

    return pictures.upright(item if isinstance(item, pil.Image) else load_image(item, None))


def split(image: Image) -> Planes:
    """The planes of an upright image. InputError where it has no pixels, or a mode that PIL itself cannot convert."""
    if not (image.width and image.height):
        raise InputError(f"an image of {image.width}×{image.height} has no pixels")
    colour, alpha, note = _of_a_deep_grey(image) if levels.is_deep(image) else _plain(image)
    if alpha is not None:
        colour = bled(colour, alpha)
    return Planes(colour, alpha, profile_for(image, colour.mode), note)


def _of_a_deep_grey(image: Image) -> tuple[Image, Image | None, str]:
    """A grey of more than 8 bits, with as many of its shades as PIL has beside transparency."""
    alpha = levels.clear_level(image)
    if alpha is None:
        return levels.settled(image), None, ""
    return levels.eight_bits(image).convert("L"), alpha, "a transparent level leaves a grey 8 bits: PIL has no more"


def _plain(image: Image) -> tuple[Image, Image | None, str]:
    """Any other picture, as 8 bits of grey or of each colour."""
    mode = "L" if image.mode in _GREYS else "RGB"
    if not image.has_transparency_data:
        try:
            return image.convert(mode), None, ""
        except ValueError:
            fix = 'image.convert("RGB") by a colour profile'
            raise InputError(f"an image in the mode {image.mode} is not understood", fix=fix) from None
    clear = pictures.rgba(image)
    return clear.convert(mode), clear.getchannel("A"), ""


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
