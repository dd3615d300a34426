"""The ways to write a new value where an old one stands: in block style, as `|` text, or on one line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mc_jupyter.language.cell import Document
from mc_jupyter.language.cell.layout import Path, container_of, in_flow, line_end, newline_of, value_at
from mc_jupyter.language.cell.reader import behind_properties
from mc_jupyter.language.cell.spans import Map, Seq, Span
from mc_jupyter.language.cell.writing import block_style, flow_style, literal_styles, scalar_styles


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a value stands, and what is around it."""

    document: Document
    start: int
    end: int
    keyed: bool
    """Whether it is the value of a key, whose place is `key` (None where an alias or a merge brought it in)."""
    key: Span | None
    flow: bool
    """Whether braces or brackets are around it."""
    block: bool
    """Whether it is a mapping or list over lines of its own."""

    @property
    def text(self) -> str:
        return self.document.text

    def column(self, offset: int) -> int:
        """From 0."""
        return self.document.source.position(offset)[1] - 1

    def scalar_start(self) -> int:
        """Where a scalar begins that takes its place: that of a block, behind the colon of its key."""
        if self.key and self.block and (lead := re.fullmatch(r"(\s*:)\s*", self.text[self.key.end : self.start])):
            return self.key.end + lead.end(1)
        return self.start


def _slot(document: Document, path: Path) -> _Slot | None:
    """The place of the value at a path, if it was written at all."""
    parent, old = container_of(document, path), value_at(document.value, path)
    span = document.span if not path else parent.value_span(path[-1])
    if span is None:
        return None
    keyed = isinstance(parent, Map)
    return _Slot(
        document,
        behind_properties(document.text, span.start),
        span.end,
        keyed,
        parent.key_span(path[-1]) if keyed else None,
        flow=bool(path) and in_flow(document, path[:-1]),
        block=isinstance(old, Map | Seq) and not in_flow(document, path),
    )


def replacements(document: Document, path: Path, value: Any) -> Iterator[str]:
    """Ways to write the new value, the nicest first."""
    slot = _slot(document, path)
    if slot is None:
        return
    if not isinstance(value, Mapping | list | tuple):
        for new in scalar_styles(value, slot.flow, slot.text[slot.scalar_start() : slot.end]):
            yield from _literal_replacements(slot, value, new)
            yield from _inline_replacements(slot, new)
        return
    if value and not slot.flow:
        yield from _block_replacements(slot, value)
    yield from _inline_replacements(slot, flow_style(value))


def _block_replacements(slot: _Slot, value: Any) -> Iterator[str]:
    """A mapping or list over lines of its own."""
    text, end = slot.text, slot.end
    if slot.block or not slot.keyed:
        block = block_style(value, slot.column(slot.start), text)
        yield text[: slot.start] + block.lstrip(" ") + text[end:]
    elif slot.key is not None:
        block = block_style(value, slot.column(slot.key.start) + 2, text)
        # A comment behind the old value stays on the key's line.
        stop = line_end(text, end)
        yield text[: slot.start].rstrip(" ") + text[end:stop].rstrip() + newline_of(text) + block + text[stop:]


def _literal_replacements(slot: _Slot, value: Any, new: str) -> Iterator[str]:
    """Text of several lines as `|`, where it would else be a long line in quotes, and was none before."""
    text, start = slot.text, slot.scalar_start()
    quoted = text[start : slot.end].startswith('"') or not new.startswith('"')
    if isinstance(value, str) and "\n" in value and not slot.flow and not quoted:
        indent = slot.column(slot.key.start) + 2 if slot.key else slot.column(slot.start)
        for block in literal_styles(value, indent, text):
            yield text[:start] + _gap(text, start) + block + text[slot.end :]


def _inline_replacements(slot: _Slot, new: str) -> Iterator[str]:
    """What is on one line in the place of the old value, perhaps behind a colon that was not written."""
    text, start = slot.text, slot.scalar_start()
    yield text[:start] + _gap(text, start) + new + text[slot.end :]
    if start >= slot.end:
        yield text[:start] + ": " + new + text[slot.end :]


def _gap(text: str, at: int) -> str:
    return "" if at == 0 or text[at - 1].isspace() or text[at - 1] in "[{(" else " "
