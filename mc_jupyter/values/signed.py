"""A picture that a model made: a PIL image whose file, wherever it is saved, says how to make it again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from mc_jupyter.values import recipes
from mc_jupyter.values.origins import origin

if TYPE_CHECKING:
    from PIL import Image as pil


_PROFILED = ("JPEG", "WEBP", "AVIF")


def signed(image: pil.Image) -> pil.Image:
    """The same image as a Picture; one that is of another kind already, as PIL's of open files are, stays that."""
    from PIL import Image as pil

    if type(image) is pil.Image:
        image.__class__ = _picture()
    return image


@cache
def _picture() -> type[pil.Image]:
    """The class, made when there is a picture: importing this must not import PIL."""
    from PIL import Image as pil

    class Picture(pil.Image):
        """A PIL image in everything. `save` writes its recipe too, and it answers to `recipe`, `prompt` and `seed`.

        What PIL makes of it (a copy, another size) is one as well.
        """

        __module__, __qualname__ = __name__, "Picture"

        @property
        def recipe(self) -> Mapping[str, Any]:
            """All that is known of how it was made, by the names of fields."""
            return origin(self).facts

        @property
        def prompt(self) -> str | None:
            """What it, or the picture it was enlarged from, was drawn from; None where no text was."""
            found: str | None = origin(self).of_first("prompt")
            return found

        @property
        def seed(self) -> int | None:
            """Where the noise began, of it or of the picture it was enlarged from; None where there was none."""
            found: int | None = origin(self).of_first("seed")
            return found

        def save(self, fp: Any, format: str | None = None, **params: Any) -> None:
            """As PIL's own. Of PNG, JPEG, WebP and AVIF the file holds the recipe, beside what `params` give it.

            So it does the colour profile, which PIL (12) writes by itself into PNG and TIFF alone.
            """
            name, profile = _format(fp, format), self.info.get("icc_profile")
            if name in _PROFILED and isinstance(profile, bytes):
                params.setdefault("icc_profile", profile)
            super().save(fp, format, **recipes.options(self.recipe, name, params))

        def transform(self, *args: Any, **how: Any) -> pil.Image:
            return signed(super().transform(*args, **how))  # which PIL begins with an image of its own

        def _new(self, im: Any) -> pil.Image:
            return signed(super()._new(im))

    return Picture


def __getattr__(name: str) -> Any:
    """`Picture`, by whose name a pickled one finds its class."""
    if name == "Picture":
        return _picture()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _format(fp: Any, format: str | None) -> str:
    """PIL's word for the format that it will choose."""
    from PIL import Image as pil

    if format:
        return {"JPG": "JPEG"}.get(format.upper(), format.upper())
    name = fp if isinstance(fp, str | bytes | os.PathLike) else getattr(fp, "name", "")
    ending = os.path.splitext(os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else "")[1].lower()
    return pil.registered_extensions().get(ending, "")
