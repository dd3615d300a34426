"""How a document is laid out: what stands in braces, and where entries, their dashes and lines begin and end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mc_jupyter.errors import SpecError
from mc_jupyter.language.cell import Document
from mc_jupyter.language.cell.spans import Map, Seq, Span

Path = tuple[Any, ...]

_NEWLINE = re.compile(r"\r\n|\r|\n")
_BLANK_LINES = re.compile(r"(?:[ \t]*(?:\r\n|\r|\n))*")


def value_at(value: Any, path: Path) -> Any:
    """What the document holds there. Raises SpecError where there is nothing."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            raise SpecError(f"there is nothing at {dotted(path)}") from None
    return value


def dotted(path: Path) -> str:
    """The path for messages."""
    return ".".join(str(step) for step in path) or "the top"


def container_of(document: Document, path: Path) -> Any:
    """The mapping or list that holds the value at a path; None of the whole document."""
    return value_at(document.value, path[:-1]) if path else None


def in_flow(document: Document, path: Path) -> bool:
    """Whether a container at or above the path is written with braces or brackets."""
    value, text = document.value, document.text
    for step in (*path, None):
        span = getattr(value, "span", None)
        if span is not None and text[span.start : span.start + 1] in ("{", "["):
            return True
        if step is None or not isinstance(value, Map | Seq):
            return False
        value = value[step]
    return False


def entries_of(container: Any) -> Iterator[tuple[int, int]]:
    """Each entry's start (of its key, if it has one) and end."""
    if isinstance(container, Map):
        for key in container:
            key_span, value_span = container.key_span(key), container.value_span(key)
            if key_span and value_span:
                yield _key_start(key_span), max(key_span.end, value_span.end)
    else:
        for index in range(len(container)):
            if span := container.value_span(index):
                yield span.start, span.end


def entry_start(container: Any, key: Any) -> int | None:
    """Where the entry of that key or index begins, as `entries_of` gives it."""
    span = container.key_span(key) if isinstance(container, Map) else container.value_span(key)
    if span is None:
        return None
    return _key_start(span) if isinstance(container, Map) else int(span.start)


def _key_start(span: Span) -> int:
    """Where an entry begins: at its key, or at the `?` before it."""
    before = re.search(r"(?:^|(?<=[\s\[{,-]))\?[ \t]+\Z", span.source.text[max(0, span.start - 40) : span.start])
    return span.start - len(before[0]) if before else span.start


def dash_of(text: str, container: Seq, index: int) -> int:
    """The `-` of an element of a block list."""
    span, before, here = container.span, container.value_span(index - 1), container.value_span(index)
    assert span is not None
    assert here is not None
    if index == 0 or before is None:
        return span.start
    found = list(re.finditer(r"[\r\n][ \t]*(-)(?=\s|$)", text[before.end : here.start]))
    return before.end + found[-1].start(1) if found else here.start


def line_end(text: str, at: int) -> int:
    """Where this line ends, before its newline."""
    match = _NEWLINE.search(text, at)
    return match.start() if match else len(text)


def next_line(text: str, at: int) -> int:
    """Where the line behind this one begins."""
    match = _NEWLINE.search(text, at)
    return match.end() if match else len(text)


def after_blank_lines(text: str, at: int) -> int:
    """Where the first line begins, from a line's beginning on, that is not blank."""
    match = _BLANK_LINES.match(text, at)
    return match.end() if match else at


def newline_of(text: str) -> str:
    """The newline that the text uses."""
    return "\r\n" if "\r\n" in text else "\n"
