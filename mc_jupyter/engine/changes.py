"""Fields of a component set: described with what it would do to what is open, and then done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mc_jupyter.components import Effect
from mc_jupyter.engine.definition import Definition


@dataclass(frozen=True, slots=True, repr=False)
class Change:
    """Fields of a component set, and not applied yet.

    `settings` are the fields by name, None for one that is taken out of the text. `effect` is what it does to what is
    open; `old` and `new` are the definitions before and after.
    """

    name: str
    settings: Mapping[str, Any]
    effect: Effect
    old: Definition = field(repr=False)
    new: Definition = field(repr=False)

    @property
    def text(self) -> str:
        """The document as it would then read."""
        return self.new.text

    def __repr__(self) -> str:
        return f"<{self.name}: {self}>"

    def __str__(self) -> str:
        return f"{said(self.settings)}: {self.effect.words}"


def said(settings: Mapping[str, Any]) -> str:
    """`precision: bfloat16, adapters.alpaca: 0.3`; a field taken out is `precision: default`."""
    return ", ".join(f"{name}: {'default' if value is None else _brief(value)}" for name, value in settings.items())


def _brief(value: Any) -> str:
    if isinstance(value, Mapping):
        value = {name: "•••" if name == "token" else inner for name, inner in value.items()}
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else text[:59] + "…"
