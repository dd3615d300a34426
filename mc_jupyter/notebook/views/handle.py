"""A component's card: what it does, what is loaded, and how to call it."""

from __future__ import annotations

from html import escape

from mc_jupyter.notebook.html import ACCENT, LINE, MUTED, aligned, code, frame, pairs
from mc_jupyter.notebook.views import View


class Handle(View):
    """A component that a cell has defined."""

    types = ("mc_jupyter.session.Handle",)

    def plain(self) -> str:
        kind, call, rows = self._told()
        return f"{self.value.name}  {kind}\n{aligned([*rows, ('call it', call)])}"

    def html(self) -> str:
        kind, call, rows = self._told()
        loaded = self.value.facts() is not None
        dot = f'<span style="color:{ACCENT if loaded else "inherit"}">{"●" if loaded else "○"}</span> '
        dot = dot if self.value.state else ""  # what loads no model has nothing to show of one
        head = (
            f'<div style="margin-bottom:8px">{dot}<b style="font-size:15px">{escape(self.value.name)}</b>'
            f'<span style="{MUTED};margin-left:10px"> {escape(kind)}</span></div>'
        )
        foot = (
            f'<div style="margin-top:10px;padding-top:8px;border-top:1px solid {LINE}">'
            f'<span style="{MUTED}">call it </span>{code(call)}</div>'
        )
        return frame(head + pairs(rows) + foot)

    def _told(self) -> tuple[str, str, list[tuple[str, str]]]:
        """What it does, an example of a call, and the other rows of the card."""
        rows = list(self.value.card())
        call = dict(rows).get("call it", f"{self.value.name}()")
        return self.value.planned.kind, call, [row for row in rows if row[0] not in ("task", "type", "call it")]
