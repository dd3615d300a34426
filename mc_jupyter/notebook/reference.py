"""The language as tables: what may be written, of which type, within which limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mc_jupyter.components import ComponentType
from mc_jupyter.drivers import Driver
from mc_jupyter.errors import UnknownName
from mc_jupyter.language.description import FieldFacts, describe
from mc_jupyter.language.fields import Closed
from mc_jupyter.notebook.html import Table, number
from mc_jupyter.tasks import Task
from mc_jupyter.words import hinted, listing


def table(path: str | None) -> Table:
    """All there is; or the fields of one task, component type or driver; or one field."""
    if path is None:
        return _overview()
    word, _, name = path.partition(".")
    rows = [_row(where, field) for where, model in fields_of(word) for field in describe(model)]
    if name:
        asked = name.rpartition(".")[2]  # text-generation.params.temperature is the same field
        chosen = tuple(row for row in rows if row[0].partition(" ")[0] == asked or f"({asked})" in row[0])
        if not chosen:
            names = [row[0].partition(" ")[0] for row in rows]
            raise UnknownName(hinted(f"{word} has no field {asked!r}", asked, names), fix=listing(sorted(names), "and"))
        rows = list(chosen)
    return Table(("field", "belongs to", "is", "default", "what it does"), tuple(rows), path)


def _overview() -> Table:
    rows = [("type", word, ComponentType.named(word).summary()) for word in ComponentType.names()]
    rows += [("task", word, Task.named(word).summary()) for word in Task.names()]
    rows += [("driver", listing(d.words, "or"), d.summary()) for d in Driver.all() if d.words]
    return Table(("key", "value", "what it is"), tuple(rows), "", "%compose schema WORD shows its fields")


def fields_of(word: str) -> Iterator[tuple[str, type[Closed]]]:
    """The sets of fields that a word stands for, and where they are written."""
    shapes = (found for kind in ComponentType.all() for found in kind.shapes())
    if shape := next((shape for words, shape in shapes if word == [*words.values()][-1]), None):
        yield from (("component", shape.settings), ("action", shape.action))
    elif word in ComponentType.names():
        kind = ComponentType.named(word)
        yield from (("component", kind.Settings), ("action", kind.Action))
    elif found := [d for d in Driver.all() if word in (d.name, *d.words)]:
        yield from (("component", d.Settings) for d in found)
    else:
        known = (*Task.names(), *ComponentType.names(), *Driver.spoken())
        raise UnknownName(hinted(f"no task, type or driver {word!r}", word, known), fix=listing(sorted(set(known))))


def _row(where: str, field: FieldFacts) -> tuple[str, str, str, str, str]:
    written = f"{field.name} ({', '.join(field.others)})" if field.others else field.name
    return written, where, _kind(field), "needed" if field.required else shown(field.default), field.description


def shown(value: Any) -> str:
    """A default as YAML would have it."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Closed):
        return str(getattr(value, "type", None) or value)
    return number(value) if isinstance(value, float) else str(value)


def _kind(field: FieldFacts) -> str:
    """`a number from 0 to 2`, `float32, float16 or bfloat16`."""
    if words := [word for word in field.words if not isinstance(word, bool)]:
        return listing(words)
    low, high = (None if limit is None else number(limit) for limit in (field.minimum, field.maximum))
    within = f", at least {low}" if high is None else f", at most {high}" if low is None else f" from {low} to {high}"
    return listing(field.types) + ("" if low is high is None else within)
