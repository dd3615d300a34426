"""How a notebook wants its pictures shown. Data alone: `%load_ext` needs it, and nothing of what draws them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_PX = 1024  # the longest side that a notebook stores unless it is told otherwise


@dataclass(frozen=True, slots=True)
class Showing:
    """How a cell wants its pictures shown: the longest side stored (0: as large as they are), where full ones go."""

    max_px: int = MAX_PX
    folder: str = ""
    kept: Mapping[int, str] = field(default_factory=dict)  # the files of pictures that are saved, by the picture's id
