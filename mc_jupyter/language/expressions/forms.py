"""The forms of mappings, on values that are evaluated already: spread `...`, join `+`, zip `&`, and loops."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mc_jupyter.errors import ExpressionError
from mc_jupyter.values import Stream, describe
from mc_jupyter.words import listing


def check_template(entries: Mapping[Any, Any]) -> None:
    """ExpressionError for a form that lacks what its list becomes: `|` its branches, `&` its columns."""
    if "|" in entries and not entries.keys() - {"*", "|"} and "*" not in entries:
        raise ExpressionError('"|" says no branch: what becomes of each item', fix='"|": ${…}\n        name: ${item.…}')
    if len(entries) == 1 and "&" in entries and entries["&"] in (None, {}, [], ""):
        raise ExpressionError('"&" names no list to zip', fix='"&": {name: ${…}, other: ${…}}')


def spread_list(value: Any, what: str) -> Iterable[Any]:
    """What `...${list}` puts in; null is nothing."""
    if value is None:
        return ()
    if isinstance(value, list | tuple | Stream):
        return value
    raise ExpressionError(f"{what} spreads a list, and there is {describe(value)}")


def spread_mapping(value: Any, what: str) -> Mapping[Any, Any]:
    """What `...: ${mapping}` puts in; null is nothing."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    raise ExpressionError(f"{what} needs a mapping to merge, and there is {describe(value)}")


def join(parts: Any) -> Any:
    """`+`: texts into one, lists into one, mappings into one; with a stream among lists, a stream."""
    if parts is None:
        return None
    if isinstance(parts, Stream):
        return parts.expand(_pieces)
    if not isinstance(parts, list | tuple):
        raise ExpressionError(f'"+" needs a list of parts, not {describe(parts)}')
    parts = [part for part in parts if part is not None]
    if not parts:
        return None
    if any(isinstance(part, Stream) for part in parts):
        return Stream.chain(list(part) if isinstance(part, tuple) else part for part in parts)
    if all(isinstance(part, str) for part in parts):
        return "".join(parts)
    if all(isinstance(part, list | tuple) for part in parts):
        return [item for part in parts for item in part]
    if all(isinstance(part, Mapping) for part in parts):
        return {key: value for part in parts for key, value in part.items()}
    found = list(dict.fromkeys(describe(part) for part in parts))
    raise ExpressionError(f'"+" joins texts, or lists, or mappings; here are {listing(found[:4], "and")}')


def _pieces(part: Any) -> Iterable[Any]:
    if part is None:
        return ()
    return part if isinstance(part, list | tuple) else (part,)


def zip_lists(columns: Any) -> Any:
    """`&`: a mapping of lists into a list of mappings, as long as the shortest; lazily where one is a stream."""
    if columns is None:
        return []
    if not isinstance(columns, Mapping | list | tuple):
        raise ExpressionError(f'"&" needs a mapping of lists, not {describe(columns)}')
    names = list(columns) if isinstance(columns, Mapping) else None
    values = columns.values() if isinstance(columns, Mapping) else columns
    lists = [[] if column is None else column for column in values]
    for column in lists:
        if not isinstance(column, list | tuple | Stream):
            raise ExpressionError(f'"&" needs lists, and there is {describe(column)}')

    def row(items: Iterable[Any]) -> Any:
        return list(items) if names is None else dict(zip(names, items, strict=True))

    if any(isinstance(column, Stream) for column in lists):
        return Stream.rows(lists).map(row)
    return [row(items) for items in zip(*lists, strict=False)]


def expanded(items: Any, each: Callable[[tuple[int, Any]], list[Any]]) -> Any:
    """Everything that `each` gives for every numbered item: of a list at once, of a stream as it is read."""
    if isinstance(items, Stream):
        numbers = itertools.count()
        return items.expand(lambda item: each((next(numbers), item)))
    return [out for numbered in enumerate(items) for out in each(numbered)]
