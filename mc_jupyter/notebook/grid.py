"""The words of `%compose compare`: a grid of settings, and the inputs beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from mc_jupyter.errors import InputError

_FIELD = re.compile(r"(?P<name>[^\s=:]+)=(?P<values>.*)", re.DOTALL)


def grid_of(words: Sequence[str]) -> tuple[dict[str, list[Any]], list[str]]:
    """The grid that `field=value,value` words name, and the words of inputs after `-i`.

    Values are read as a YAML list reads them: a comma inside quotes, brackets or braces does not part them.

    >>> grid_of(["precision=float32,bfloat16", "adapters.a=0,0.5", "-i", "text=a, b"])
    ({'precision': ['float32', 'bfloat16'], 'adapters.a': [0, 0.5]}, ['text=a, b'])
    """
    grid: dict[str, list[Any]] = {}
    inputs: list[str] = []
    waiting = iter(words)
    for word in waiting:
        if word in ("-i", "--input"):
            inputs.append(_after(word, next(waiting, None)))
        elif word.startswith(("--input=", "-i")):
            inputs.append(word.removeprefix("--input=").removeprefix("-i"))
        else:
            name, values = _field(word)
            if name in grid:
                raise InputError(f"{name} is given twice", fix=f"{name}=…,… names all its values at once")
            grid[name] = values
    if not grid:
        raise InputError("nothing to compare", fix="precision=float32,bfloat16 -i text='…'")
    return grid, inputs


def _after(flag: str, word: str | None) -> str:
    if word is None:
        raise InputError(f"{flag} names no input", fix=f"{flag} text='…'")
    return word


def _field(word: str) -> tuple[str, list[Any]]:
    """A field's name and its values."""
    found = _FIELD.fullmatch(word)
    if found is None:
        raise InputError(f"{word!r} names no values to compare", fix=f"{word.strip(':=') or 'precision'}=VALUE,VALUE")
    from mc_jupyter.values import describe
    from mc_jupyter.values.scalars import typed_value

    name, written = found["name"], found["values"]
    try:
        values = typed_value(f"[{written}]")
    except ValueError:
        values = None
    if not values or not isinstance(values, list):
        raise InputError(
            f"{name} has no values that can be read: {describe(written)}",
            fix=f"""{name}=VALUE,VALUE, or {name}='"a, b", c'""",
        )
    return name, values
