"""What a path such as `.choices[0].message` leads to, or why it leads nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mc_jupyter.language.expressions.template import Segment, Slice, Star, written_path
from mc_jupyter.values import Batch, Stream, describe, look_up
from mc_jupyter.words import did_you_mean, listing


class Nothing(Exception):
    """A path found nothing; the message says why."""


def walk(value: Any, path: tuple[Segment, ...], at: int) -> Any:
    """What the path leads to from `value`. Raises Nothing with the reason where it leads nowhere.

    A name asked of a batch or a stream is asked of each of its items, and so is the rest of the path behind it.
    """
    for position in range(at, len(path)):
        segment = path[position]
        if value is None:
            raise Nothing(f"{written_path(path[:position]) or 'the source'} is null")
        if isinstance(segment, Star):
            return _each(_of_items(value, "[*]", (list, tuple, Stream)), path, position + 1)
        if not isinstance(segment, str):
            value = _element(_of_items(value, written_path((segment,)), (list, tuple)), segment)
        elif isinstance(value, Stream):
            return _each(value, path, position)
        else:
            found = _entry(value, segment)
            if isinstance(value, Batch):
                return _each(value, path, position)
            value = found
    return value


def _of_items(value: Any, what: str, kinds: tuple[type, ...]) -> Any:
    if not isinstance(value, kinds):
        raise Nothing(f"{what} needs a list, and there is {describe(value)}")
    return value


def _entry(value: Any, key: str) -> Any:
    try:
        return look_up(value, key)
    except KeyError:
        raise Nothing(_why_no_key(value, key)) from None


def _element(items: Any, segment: int | Slice) -> Any:
    if isinstance(segment, Slice):
        return list(items[segment.start : segment.stop])
    if -len(items) <= segment < len(items):
        return items[segment]
    raise Nothing(f"no element {written_path((segment,))}; there are {len(items)}")


def _each(values: Any, path: tuple[Segment, ...], at: int) -> Any:
    def one(item: Any) -> Any:
        try:
            return walk(item, path, at)
        except Nothing:
            return None

    return values.map(one) if isinstance(values, Stream) else [one(item) for item in values]


def _why_no_key(value: Any, key: str) -> str:
    if not isinstance(value, Mapping):
        return f"no key {key!r} in {describe(value)}"
    hint = did_you_mean(key, [str(known) for known in value])
    return f"no key {key!r}; there are: {names_of(value)}" + (f" ({hint})" if hint else "")


def names_of(mapping: Mapping[Any, Any]) -> str:
    """The keys for messages, the first twenty of many."""
    names = [str(name) for name in mapping]
    shown = names[:20]
    return (listing(shown, "and") if len(shown) == len(names) else ", ".join(shown) + ", …") or "none"
