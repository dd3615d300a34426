"""How much one rendering may do: loops in loops, and texts made of texts, grow without end from a short cell."""

from __future__ import annotations

import time
from collections.abc import Sized
from dataclasses import dataclass, field
from typing import Any

from mc_jupyter.errors import ExpressionError
from mc_jupyter.interrupts import Word

VALUES = 500_000
SIZE = 256 * 10**6
SECONDS = 10.0


@dataclass
class Allowance(Word):
    """What is left: of values evaluated, of letters and elements made anew, of time spent in matching."""

    values: int = field(default_factory=lambda: VALUES)
    size: int = field(default_factory=lambda: SIZE)
    seconds: float = field(default_factory=lambda: SECONDS)
    said: bool = False

    def value(self) -> None:
        """One more value is evaluated."""
        self.look()
        self.values -= 1
        if self.values < 0:
            raise ExpressionError(f"this evaluates more than {VALUES:,} values", fix="loop over less")

    def made(self, value: Any) -> Any:
        """The value, which was made anew: its letters or elements count."""
        if isinstance(value, Sized):
            self.size -= len(value)
            if self.size < 0:
                raise ExpressionError(f"this makes more than {SIZE // 10**6} million letters", fix="put together less")
        return value

    def spent(self, began: float) -> None:
        """Time went into matching since `began`."""
        self.seconds -= time.monotonic() - began
        if self.seconds < 0:
            raise ExpressionError(f"matching took more than {SECONDS:g} seconds", fix="match less, or simpler patterns")
