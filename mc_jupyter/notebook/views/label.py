"""A classification: every label with its probability, the best first."""

from __future__ import annotations

from html import escape

from mc_jupyter.notebook.html import MUTED, ROW, TABLE, bar, muted
from mc_jupyter.notebook.views import View

_SHOWN = 10  # labels, before "… 90 more"
_CELL = "text-align:left;padding:2px 14px 2px 0;border:none;vertical-align:middle"


class Label(View):
    """A label among others, each with how likely it is."""

    types = ("mc_jupyter.values.Label",)

    def plain(self) -> str:
        width = max(len(name) for name, _ in self._rows())
        lines = [f"{'▸' if name == self._best else ' '} {name:<{width}}  {share:.4f}" for name, share in self._rows()]
        return "\n".join([*lines, self._more()]).rstrip()

    def html(self) -> str:
        body = "".join(self._row(name, share) for name, share in self._rows())
        more = self._more()
        return f'<table style="{TABLE}">{body}</table>{muted(more) if more else ""}'

    def _row(self, name: str, share: float) -> str:
        best = name == self._best
        told = f"<b>{escape(name)}</b>" if best else escape(name)
        return (
            f'<tr style="{ROW};{"" if best else MUTED}"><td style="{_CELL}">{told}</td>'
            f'<td style="{_CELL}">{bar(share)}</td>'
            f'<td style="{_CELL};font-variant-numeric:tabular-nums">{share:.4f}</td></tr>'
        )

    @property
    def _best(self) -> str:
        return str(self.value.get("label"))

    @property
    def _scores(self) -> dict[str, float]:
        return self.value.scores or {self._best: float(self.value.get("score", 0.0))}

    def _rows(self) -> list[tuple[str, float]]:
        return sorted(self._scores.items(), key=lambda pair: -pair[1])[:_SHOWN]

    def _more(self) -> str:
        count = len(self._scores)
        return f"… {count - _SHOWN:,} more labels" if count > _SHOWN else ""
