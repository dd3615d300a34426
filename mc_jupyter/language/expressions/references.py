"""Which references a value holds: those in lists and mappings, in defaults and attributes, less what a loop gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mc_jupyter.language.expressions.grammar import parse
from mc_jupyter.language.expressions.template import Reference, check_depth, references_in

_LOOPED = frozenset(("item", "index"))


def references(value: Any) -> Iterator[tuple[tuple[Any, ...], Reference]]:
    """Every free reference inside nested containers, in defaults and attributes too, with the path to its text.

    `${item}` and `${index}` where a `*` or `|` above them gives their value are not free, and left out.
    """
    return _references(value, (), frozenset())


def _references(
    value: Any, path: tuple[Any, ...], bound: frozenset[str]
) -> Iterator[tuple[tuple[Any, ...], Reference]]:
    check_depth(len(path))
    if isinstance(value, str):
        for reference in references_in(parse(value)):
            if reference.source not in bound:
                yield path, reference
    elif isinstance(value, Mapping):
        loops = "*" in value or "|" in value
        for key, item in value.items():
            if loops and key in ("*", "|"):
                yield from _loop_references(item, (*path, key), bound)
            else:
                yield from _references(item, (*path, key), bound | _LOOPED if loops else bound)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _references(item, (*path, index), bound)


def _loop_references(
    value: Any, path: tuple[Any, ...], bound: frozenset[str]
) -> Iterator[tuple[tuple[Any, ...], Reference]]:
    """Those of what a loop goes over: `${item}` is its own only inside `where`."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _references(item, (*path, key), bound | _LOOPED if key == "where" else bound)
    else:
        yield from _references(value, path, bound)
