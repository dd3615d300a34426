"""Fields of a component set: described with what it would do to what is open, and then done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mc_jupyter.components import Effect
from mc_jupyter.engine.definition import Definition
from mc_jupyter.words import listing


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

    @property
    def lost(self) -> tuple[str, ...]:
        """The inputs that calls took, and take no more: a field that named one has a value of its own now."""
        kept = {name for one in self.new.planned.inputs for name in one.names}
        return tuple(one.name for one in self.old.planned.inputs if one.name not in kept)

    def __str__(self) -> str:
        return f"{said(self.settings)}: {self.effect.words}{_gone(self.lost)}"


def _gone(inputs: Sequence[str]) -> str:
    if not inputs:
        return ""
    return f"; the input{'s' * (len(inputs) > 1)} {listing(inputs, 'and')} {'are' if len(inputs) > 1 else 'is'} gone"


def said(settings: Mapping[str, Any]) -> str:
    """`precision: bfloat16, adapters.alpaca: 0.3`; a field taken out is `precision: default`."""
    return ", ".join(f"{name}: {'default' if value is None else _brief(value)}" for name, value in settings.items())


def _brief(value: Any) -> str:
    if isinstance(value, Mapping):
        value = {name: "•••" if name == "token" else inner for name, inner in value.items()}
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else text[:59] + "…"
