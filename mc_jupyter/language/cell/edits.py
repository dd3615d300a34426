"""Edits of one value in the user's text: every other character stays as it was, comments and layout too.

Each edit has several ways to be written, the nicest first. The first whose text reads as the wanted document is
taken, so that an edit that went wrong is never handed out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mc_jupyter.errors import SpecError
from mc_jupyter.language.cell import Document, read
from mc_jupyter.language.cell.layout import (
    Path,
    after_blank_lines,
    container_of,
    dash_of,
    dotted,
    entries_of,
    entry_start,
    in_flow,
    line_end,
    newline_of,
    next_line,
    value_at,
)
from mc_jupyter.language.cell.replacements import replacements
from mc_jupyter.language.cell.spans import Map, Seq, Span, bare
from mc_jupyter.language.cell.writing import block_style, entry_text, same
from mc_jupyter.values import describe


def splice(text: str, edits: Iterable[tuple[Span, str]]) -> str:
    """The text with each span replaced. Spans must not overlap."""
    for span, new in sorted(edits, key=lambda edit: (edit[0].start, edit[0].end), reverse=True):
        text = text[: span.start] + new + text[span.end :]
    return text


def replace(document: Document, path: Iterable[Any], value: Any) -> str:
    """The text with the value at a path changed, and every other character as it was."""
    path = tuple(path)
    wanted = _changed(bare(document.value), path, lambda _: value)
    return _checked(document, path, wanted, replacements(document, path, value))


def insert(document: Document, path: Iterable[Any], key: str | int, value: Any) -> str:
    """The text with an entry added to the mapping (or, at an index, to the list) at a path."""
    path = tuple(path)
    container = value_at(document.value, path)
    if container is None:
        return replace(document, path, {key: value})
    wanted = _changed(bare(document.value), path, lambda old: _with_entry(old, key, value))
    return _checked(document, path, wanted, _insertions(document, path, container, key, value))


def remove(document: Document, path: Iterable[Any]) -> str:
    """The text without the entry at a path."""
    path = tuple(path)
    if not path:
        raise SpecError("a whole document cannot be removed")
    value_at(document.value, path)
    wanted = _changed(bare(document.value), path[:-1], lambda old: _without_entry(old, path[-1]))
    return _checked(document, path, wanted, _removals(document, path))


def _checked(document: Document, path: Path, wanted: Any, candidates: Iterable[str]) -> str:
    """The first candidate that reads as wanted: an edit that went wrong is never handed out."""
    for text in candidates:
        try:
            if same(read(text, first_line=document.source.first_line).value, wanted):
                return text
        except SpecError:
            continue
    raise SpecError(
        f"the text at {dotted(path)} cannot be edited in place",
        place=document.place(path),
        fix="it may come from an alias or a merge; edit it by hand",
    )


def _changed(value: Any, path: Path, change: Callable[[Any], Any]) -> Any:
    if not path:
        return bare(change(value))
    value[path[0]] = _changed(value[path[0]], path[1:], change)
    return value


def _with_entry(old: Any, key: str | int, value: Any) -> Any:
    if isinstance(old, dict) and isinstance(key, str):
        if key in old:
            raise SpecError(f"there is a {key!r} already")
        return {**old, key: value}
    if isinstance(old, list) and isinstance(key, int) and 0 <= key <= len(old):
        return [*old[:key], value, *old[key:]]
    raise SpecError(f"{key!r} cannot be put into {describe(old)}")


def _without_entry(old: Any, key: Any) -> Any:
    if isinstance(old, dict):
        return {name: value for name, value in old.items() if name != key}
    return [value for index, value in enumerate(old) if index != key % len(old)]


def _insertions(document: Document, path: Path, container: Any, key: str | int, value: Any) -> Iterator[str]:
    if container.span is None:
        return
    if not _written_entries(container) or in_flow(document, path):
        yield _flow_insertion(document.text, container, key, value)
    else:
        yield from _block_insertions(document, container, key, value)


def _flow_insertion(text: str, container: Any, key: str | int, value: Any) -> str:
    """Behind the entry before it, or first behind the opening bracket."""
    own, new = _written_entries(container), entry_text(container, key, value, flow=True)
    if not own or (isinstance(container, Seq) and key == 0):
        at = container.span.start + 1
        return text[:at] + new + (", " if own else "") + text[at:]
    at = own[-1][1] if isinstance(container, Map) else own[int(key) - 1][1]
    return text[:at] + ", " + new + text[at:]


def _block_insertions(document: Document, container: Any, key: str | int, value: Any) -> Iterator[str]:
    """On lines of its own: before an element, or behind the last entry, and if need be behind the blanks there."""
    text, newline, own = document.text, newline_of(document.text), _written_entries(container)
    if isinstance(container, Seq) and int(key) < len(container):
        at = dash_of(text, container, int(key))
        indent = document.source.position(at)[1] - 1
        yield text[:at] + block_style([value], indent, text).lstrip(" ") + newline + " " * indent + text[at:]
        return
    first = own[0][0] if isinstance(container, Map) else dash_of(text, container, 0)
    indent = document.source.position(first)[1] - 1
    block = block_style({key: value} if isinstance(container, Map) else [value], indent, text)
    end = line_end(text, own[-1][1])
    yield text[:end] + newline + block + text[end:]
    end = after_blank_lines(text, next_line(text, end))
    yield text[:end] + block + newline + text[end:]


def _removals(document: Document, path: Path) -> Iterator[str]:
    parent, key = container_of(document, path), path[-1]
    own = _written_entries(parent)
    if len(own) == 1:
        yield from replacements(document, path[:-1], {} if isinstance(parent, Map) else [])
        return
    begin = entry_start(parent, key)
    here = next((number for number, entry in enumerate(own) if entry[0] == begin), None)
    if here is None:
        return
    if in_flow(document, path[:-1]):
        yield _flow_removal(document.text, own, here)
    else:
        yield from _block_removals(document, parent, own, here)


def _flow_removal(text: str, own: list[tuple[int, int]], here: int) -> str:
    """Without the entry, and without the comma behind it; of the last one, without the comma before it."""
    if here + 1 < len(own):
        return text[: own[here][0]] + text[own[here + 1][0] :]
    return text[: own[here - 1][1]] + text[own[here][1] :]


def _block_removals(document: Document, parent: Any, own: list[tuple[int, int]], here: int) -> Iterator[str]:
    """Without the entry's lines; where it begins behind a dash, without what is up to the next entry."""
    text, starts = document.text, [entry[0] for entry in own]
    if isinstance(parent, Seq):
        starts = [dash_of(text, parent, number) for number in range(len(own))]
    start = starts[here]
    line = start - (document.source.position(start)[1] - 1)
    if not text[line:start].strip():
        yield text[:line] + text[next_line(text, own[here][1]) :]
        yield text[:line].rstrip("\r\n") + text[line_end(text, own[here][1]) :]
    if here + 1 < len(own):
        yield text[:start] + text[starts[here + 1] :]


def _written_entries(container: Any) -> list[tuple[int, int]]:
    """The start and end of the entries that stand in the container's own text, and in no alias or merge."""
    span = container.span
    return sorted(entry for entry in entries_of(container) if span.start <= entry[0] <= span.end)
