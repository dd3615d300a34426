"""YAML text as values that know where they were written.

`read` builds `Map` (a dict) and `Seq` (a list) from PyYAML's events in one pass, with the span of every key and
value, so that an error can point and a changed value is a splice that keeps comments and layout. YAML 1.1, as
model-compose reads it, with these rules:

* `${…}` may stand unquoted anywhere, in `{ text: ${input.query | a, b} }` too: before parsing, the characters
  inside it that mean something to YAML are replaced one for one by private-use characters, and put back after.
* A key is the text as written: `yes:`, `1:` and `2024-01-01:` are the keys "yes", "1" and "2024-01-01".
  Lists and mappings as keys are refused, and an empty key.
* Of tags only `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!map` and `!!seq` are read. Dates stay text.
* One document; at most 1 MB of text, 64 levels, 100 aliases, 20 000 values after aliases are put in.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mc_jupyter.errors import Place, Problem, SpecError
from mc_jupyter.language.cell.masking import Masked, mask
from mc_jupyter.language.cell.reader import Reader
from mc_jupyter.language.cell.spans import Map, Seq, Source, Span, place_in, span_in, span_of, to_plain

__all__ = ["Document", "Map", "Seq", "Source", "Span", "place_in", "read", "span_in", "to_plain"]

MAX_TEXT = 1_000_000
EXAMPLE = "component:\n  type: model\n  task: text-generation\n  model: starter:stories\n  text: ${input.text as text}"


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its value, and the text it was read from."""

    value: Any
    source: Source
    span: Span
    notes: tuple[str, ...] = ()
    """What a reader should know of how it was read."""

    @property
    def text(self) -> str:
        return self.source.text

    def place(self, path: Iterable[Any] = (), *, key: bool = False) -> Place:
        """Where the value at a path stands; with `key`, where its key does."""
        return (span_in(self.value, path, key=key) or self.span).place()


def read(text: str, *, first_line: int = 1, problems: list[Problem] | None = None) -> Document:
    """The document that a text is. Raises SpecError with every problem that could be found at once.

    Given a list of `problems`, what leaves a readable document is appended to it and does not raise, so that a caller
    can report it together with what else is wrong. Of a key given twice the first value stays; refused keys and merges
    are left out; a value with a refused tag is read without it. Where nothing can be read (a fault of syntax, a limit,
    an empty text), SpecError is raised with everything that was found, and the list stays as it was.
    """
    source = Source(text, first_line)
    if len(text) > MAX_TEXT:
        raise SpecError(f"the text is longer than {MAX_TEXT // 1_000_000} MB", place=span_of(source, 0, 0).place())
    masked = mask(text)
    try:
        return _read(source, masked, None)
    except SpecError:
        # A quoted scalar may hold a `${` that another one seems to close; as plain YAML it may well be right.
        if masked.text != text:
            with suppress(SpecError):
                return _read(source, Masked(text, {}), None)
        if problems is None:
            raise
    return _read(source, masked, problems)


def _read(source: Source, masked: Masked, problems: list[Problem] | None) -> Document:
    reader = Reader(source, masked)
    value, span = reader.read() or (None, None)
    if reader.problems and (problems is None or value is None):
        raise SpecError(reader.problems)
    if value is None or span is None:
        raise SpecError(
            "the text is empty",
            place=span_of(source, 0, 0).place(),
            fix="an example:\n" + textwrap.indent(EXAMPLE, " " * 6),
        )
    if problems is not None:
        problems.extend(reader.problems)
    return Document(value, source, span, tuple(reader.notes))
