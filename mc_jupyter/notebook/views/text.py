"""A text: as it was written, and under it, in grey, how it came about."""

from __future__ import annotations

from typing import Any

from mc_jupyter.notebook.html import Bundle, text_bundle
from mc_jupyter.notebook.views import Shown, View

_ENDS = {"stop": "ended by itself", "length": "cut at the longest length allowed", "interrupted": "interrupted"}


class Text(View):
    """A text that a model wrote."""

    types = ("mc_jupyter.values.Text",)

    def plain(self) -> str:
        plain: str = self.bundle()["text/plain"]
        return plain

    def bundle(self) -> Bundle:
        return text_bundle(str(self.value), self.figures())

    def facts(self) -> dict[str, Any]:
        return {"seed": self.value.seed, "tokens": self.value.tokens}

    def in_run(self, seconds: float | None = None) -> Shown:
        figures = self.figures(seconds)
        return Shown(text_bundle(str(self.value), figures), figures=figures)

    def interrupted(self, figures: str) -> Shown | None:
        return Shown(text_bundle(str(self.value), figures), figures=figures) if self.value else None

    def figures(self, seconds: float | None = None) -> str:
        """`61 tokens · ended by itself · 38 tokens/s · seed 7`."""
        tokens, reason, seed = self.value.tokens, self.value.finish_reason, self.value.seed
        parts = [
            f"{tokens:,} token{'s' if tokens != 1 else ''}" if tokens is not None else None,
            _ENDS.get(reason, reason) if reason else None,
            f"{tokens / seconds:.3g} tokens/s" if tokens and seconds and seconds > 0.01 else None,
            f"seed {seed}" if seed is not None else None,
        ]
        return " · ".join(part for part in parts if part)
