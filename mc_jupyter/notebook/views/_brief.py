"""A value made short: what is too long for a page is said in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mc_jupyter.notebook.html import ROWS, cut, number
from mc_jupyter.notebook.showing import Showing
from mc_jupyter.notebook.views import of

_DEEP = 6  # lists and mappings within each other


class _Said:
    """Text that stands for a value in a pretty-printed whole."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text


def brief(value: Any, showing: Showing, depth: int = 0) -> Any:
    """The value with what is too long said in words: pictures, bytes, vectors, the far end of lists."""
    view = of(value, showing)
    if view is not None and (line := view.line()) is not None:
        return _Said(line)
    if isinstance(value, bytes | bytearray | memoryview):
        return _Said(f"‹{len(value):,} bytes›")
    if isinstance(value, Mapping):
        if depth > _DEEP:
            return _Said("{…}")
        return {brief(k, showing): brief(v, showing, depth + 1) for k, v in list(value.items())[:200]}
    if isinstance(value, list | tuple):
        if len(value) > 8 and all(isinstance(v, float) for v in value):
            return _Said(f"[{', '.join(f'{v:.4f}' for v in value[:4])}, … {len(value):,} numbers]")
        kept = [_Said("…")] if depth > _DEEP else [brief(v, showing, depth + 1) for v in value[:ROWS]]
        return kept + ([_Said(more(len(value)))] if len(value) > ROWS else [])
    # A subclass of str with fields of its own prints as the text it is.
    return str(value) if isinstance(value, str) else value


def in_a_line(value: Any, showing: Showing) -> str:
    """A value in one short line, for a table's cell."""
    said = brief(value, showing)
    if isinstance(said, float):
        return number(said)
    text = said if isinstance(said, str) else "" if said is None else repr(said)
    return cut(" ".join(text.split()))


def more(count: int) -> str:
    """`… 980 more`, where so many are not all shown."""
    return f"… {count - ROWS:,} more" if count > ROWS else ""
