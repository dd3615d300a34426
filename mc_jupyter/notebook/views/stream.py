"""A stream: that it is one. Showing what is in it would read it, and it is read once."""

from __future__ import annotations

from mc_jupyter.notebook.html import muted
from mc_jupyter.notebook.views import View


class Stream(View):
    """Values that have yet to arrive."""

    types = ("mc_jupyter.values.streams.Stream",)

    def plain(self) -> str:
        return "a stream: read it once, with a for loop"

    def html(self) -> str:
        return muted(self.plain())
