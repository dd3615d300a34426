"""Containers that know where they were written: `Map` (a dict) and `Seq` (a list), with the `Span` of every entry."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mc_jupyter.errors import Place
from mc_jupyter.values.scalars import Plain


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A text and the number of its first line."""

    text: str
    first_line: int = 1
    _starts: list[int] = field(default_factory=list, repr=False)

    def position(self, offset: int) -> tuple[int, int]:
        """Line (from `first_line`) and column (from 1) of an offset."""
        if not self._starts:
            self._starts.extend([0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", self.text))])
        row = bisect.bisect_right(self._starts, offset) - 1
        return self.first_line + row, offset - self._starts[row] + 1

    def line_at(self, offset: int) -> str:
        """The line that an offset lies in."""
        line, _ = self.position(offset)
        start = self._starts[line - self.first_line]
        return re.split(r"[\r\n]", self.text[start : start + 2000], maxsplit=1)[0]


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text: offsets from `start` up to `end`."""

    start: int
    end: int
    source: Source = field(repr=False, compare=False)

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def place(self) -> Place:
        """The place in the cell; of several lines, the first."""
        line, column = self.source.position(self.start)
        first = re.split(r"[\r\n]", self.text, maxsplit=1)[0]
        return Place(line, column, max(1, len(first)), self.source.line_at(self.start))


class Map(dict[str, Any]):
    """A mapping that knows where its keys and values were written. Copies know it too."""

    def __init__(
        self,
        entries: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
        *,
        spans: Mapping[str, tuple[Span | None, Span | None]] | None = None,
        span: Span | None = None,
    ):
        super().__init__(entries)
        self._spans = dict(spans or {})
        self.span = span
        if isinstance(entries, Map) and spans is None:
            self._spans, self.span = dict(entries._spans), span or entries.span

    def key_span(self, key: str) -> Span | None:
        return self._spans.get(key, (None, None))[0]

    def value_span(self, key: str) -> Span | None:
        return self._spans.get(key, (None, None))[1]

    def put(self, key: str, value: Any, *, key_span: Span | None = None, value_span: Span | None = None) -> None:
        """Set an entry together with where it was written."""
        self[key] = value
        self._spans[key] = (key_span, value_span)

    def take(self, other: Map, key: str, as_: str | None = None) -> None:
        """Copy an entry of another mapping, under another name perhaps, with its places."""
        self.put(as_ or key, other[key], key_span=other.key_span(key), value_span=other.value_span(key))

    def with_(self, changes: Mapping[str, Any] | None = None, *, without: Iterable[str] = ()) -> Map:
        """A copy with these entries changed or added and those left out; the others keep their places."""
        changed = Map(self)
        for key in without:
            changed.pop(key, None)
            changed._spans.pop(key, None)
        changed.update(changes or {})
        if isinstance(changes, Map):
            changed._spans.update(changes._spans)
        return changed

    def with_values(self, values: Iterable[Any]) -> Map:
        """The same keys and places with other values, in order."""
        return Map(zip(self, values, strict=True), spans=self._spans, span=self.span)

    def copy(self) -> Map:
        return Map(self)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Map:
        from copy import deepcopy

        return self.with_values([deepcopy(value, memo) for value in self.values()])

    def __reduce__(self) -> Any:
        return (dict, (dict(self),))


class Seq(list[Any]):
    """A list that knows where its elements were written. Copies know it too."""

    def __init__(
        self, items: Iterable[Any] = (), *, spans: Iterable[Span | None] | None = None, span: Span | None = None
    ):
        super().__init__(items)
        self._spans = list(spans or ())
        self.span = span
        if isinstance(items, Seq) and spans is None:
            self._spans, self.span = list(items._spans), span or items.span

    def value_span(self, index: int) -> Span | None:
        return self._spans[index] if -len(self._spans) <= index < len(self._spans) else None

    def with_values(self, values: Iterable[Any]) -> Seq:
        """The same places with other elements."""
        return Seq(values, spans=self._spans, span=self.span)

    def copy(self) -> Seq:
        return Seq(self)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Seq:
        from copy import deepcopy

        return self.with_values([deepcopy(value, memo) for value in self])

    def __reduce__(self) -> Any:
        return (list, (list(self),))


def bare(value: Any) -> Any:
    """Plain dicts and lists, copied; a `Plain` text stays one."""
    if isinstance(value, Mapping):
        return {key: bare(item) for key, item in value.items()}
    return [bare(item) for item in value] if isinstance(value, list | tuple) else value


def to_plain(value: Any) -> Any:
    """Plain dicts, lists and texts, copied."""
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return str(value) if isinstance(value, Plain) else value


def span_in(container: Any, path: Iterable[Any], *, key: bool = False) -> Span | None:
    """Where the value at a path (or, with `key`, its key) was written: the nearest container's place if unknown."""
    found: Span | None = getattr(container, "span", None)
    for step in path:
        here: Span | None = None
        if isinstance(container, Map):
            here = container.key_span(step) if key else None
            here = here or container.value_span(step) or container.key_span(step)
        elif isinstance(container, Seq) and isinstance(step, int):
            here = container.value_span(step)
        found = here or found
        try:
            container = container[step]
        except (KeyError, IndexError, TypeError):
            break
    return found


def place_in(container: Any, path: Iterable[Any], *, key: bool = False) -> Place | None:
    """`span_in` as a place. A path that leads further than the text gives the last place on the way."""
    span = span_in(container, path, key=key)
    return None if span is None else span.place()


def span_of(source: Source, start: int, end: int) -> Span:
    """A span that ends with the text: PyYAML may mark a place behind it."""
    return Span(min(start, len(source.text)), min(end, len(source.text)), source)
