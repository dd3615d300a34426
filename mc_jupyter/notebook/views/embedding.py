"""An embedding: its size, its norm, its first numbers, and the whole as one line."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mc_jupyter.notebook.html import ACCENT, FONT, MUTED, code
from mc_jupyter.notebook.views import View

_FIRST = 6  # numbers in words


class Embedding(View):
    """A vector."""

    types = ("mc_jupyter.values.Embedding",)

    def plain(self) -> str:
        return f"embedding of {self._facts()}\n[{self._numbers()}]"

    def html(self) -> str:
        head = f'<b>embedding</b> <span style="{MUTED}">{self._facts()}</span>'
        drawn = sparkline(self.value) if self.value else ""
        return f'<div style="{FONT}">{head}<div>{drawn}</div>{code(f"[{self._numbers()}]")}</div>'

    def _facts(self) -> str:
        return f"{len(self.value):,} numbers · norm {math.sqrt(sum(v * v for v in self.value)):.4f}"

    def _numbers(self) -> str:
        return ", ".join(f"{v:.4f}" for v in self.value[:_FIRST]) + (", …" if len(self.value) > _FIRST else "")


def sparkline(values: Sequence[float], *, width: int = 180, height: int = 28, points: int = 96) -> str:
    """A vector as one line, drawn in SVG. Long vectors are averaged into `points` steps."""
    finite = [v if math.isfinite(v) else 0.0 for v in values]
    step = max(1, math.ceil(len(finite) / points))
    means = [sum(finite[i : i + step]) / len(finite[i : i + step]) for i in range(0, len(finite), step)]
    low, high = min(means), max(means)
    span = (high - low) or 1.0
    x = width / max(1, len(means) - 1)
    path = " ".join(f"{i * x:.1f},{height - 2 - (v - low) / span * (height - 4):.1f}" for i, v in enumerate(means))
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" style="vertical-align:middle" '
        f'role="img" aria-label="the vector as a line"><polyline points="{path}" fill="none" stroke="{ACCENT}" '
        f'stroke-width="1.2" stroke-linejoin="round"/></svg>'
    )
