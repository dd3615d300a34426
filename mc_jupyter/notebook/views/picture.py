"""A picture as the one PNG of its output; several as a grid.

What a notebook stores of a picture is limited in pixels; a page that shows less than there is says so, and where the
whole is.
"""

from __future__ import annotations

from typing import Any

from mc_jupyter.notebook.html import Bundle
from mc_jupyter.notebook.png import png, smaller
from mc_jupyter.notebook.showing import Showing
from mc_jupyter.notebook.views import Shown, View, _pictures, _slider
from mc_jupyter.values.pictures import origin
from mc_jupyter.words import visible


class Picture(View):
    """A picture, or a list of them."""

    types = ("PIL.Image.Image",)
    together = True
    hides = ("image/png", "image/jpeg")  # PIL's own: the same picture once more

    def plain(self) -> str:
        return _pictures.plain(self.value, self.showing)

    def html(self) -> str:
        draw = _pictures.grid if self.listed else _pictures.figure
        return draw(self.value, self.showing)

    def bundle(self) -> Bundle:
        """Of one the PNG with what is known of it inside; of several the grid."""
        return super().bundle() if self.listed else self._png(self.showing)

    def line(self) -> str | None:
        return None if self.listed else f"‹image {self.value.width}×{self.value.height}›"

    def facts(self) -> dict[str, Any]:
        return _pictures.facts(self.value)

    def in_cell(self) -> Shown:
        """A picture that no model here made is stored as it is. One that is stored smaller is HTML, to say so."""
        if self.listed:
            return Shown(self.bundle(), self._metadata())
        if not origin(self.value).facts:
            return Shown(self._png(Showing(0)))
        whole = smaller(self.value, self.showing.max_px) is self.value
        return Shown(self.bundle() if whole else super().bundle(), self._metadata())

    def in_run(self, seconds: float | None = None) -> Shown:
        """Its figures stand below it. One that was made from another stands beside that, under a slider where one
        can be used.
        """
        if not _slider.has_before(self.value):
            below = () if self.listed else tuple(_pictures.lines(self.value, self.showing))
            return Shown(self.bundle(), below=below)
        live = self.showing.live
        moving = () if live is None else (_slider.opened(self.value, live).bundle(),)
        below = tuple(_slider.lines(self.value, self.showing))
        return Shown(_slider.bundle(self.value, self.showing), below=below, beside=moving)

    def interrupted(self, figures: str) -> Shown | None:
        return self.in_run()  # its own figures say at which step

    def _png(self, showing: Showing) -> Bundle:
        shown = smaller(self.value, showing.max_px)
        return {
            "text/plain": visible(_pictures.plain(self.value, showing)),
            "image/png": png(shown, origin(self.value).facts),
        }

    def _metadata(self) -> dict[str, Any]:
        found = self.facts()
        return {"mc_jupyter": found} if found else {}
