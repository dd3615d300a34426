"""Keys that are known and stand in the wrong place: where they belong, and how it is written there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from mc_jupyter.components import ComponentType
from mc_jupyter.document.spec import COMPONENT, TOP
from mc_jupyter.language import expressions
from mc_jupyter.language.cell import Document, Map
from mc_jupyter.language.cell.writing import flow_style
from mc_jupyter.language.description import describe
from mc_jupyter.language.fields import Closed, HubSource, LocalSource, source_of

_GLUED = re.compile(r"(?P<key>[\w.-]+)(?: ?[:=] ?| )(?P<value>\S.*)")
_MOST = 12  # lines that are given back mended
_INDENT = "\n        "


# --- fields of a component that stand beside it -----------------------------------------------------------------------


def _fields_of_components() -> frozenset[str]:
    """Every name that a field of some component answers to."""
    shapes = [shape for kind in ComponentType.all() for _, shape in kind.shapes()]
    own = {name for shape in shapes for model in (shape.settings, shape.action) for name in model.names()}
    return frozenset(own | {*COMPONENT, *(word for kind in ComponentType.all() for word in kind.nested)})


def beside_a_component(top: Map) -> list[str]:
    """The keys of a document that are no document's, but a component's."""
    strange = [key for key in top if key not in TOP]
    known = _fields_of_components() if strange else ()
    return [key for key in strange if key in known]


def indented(document: Document, top: Map, keys: Iterable[str]) -> str:
    """These keys with their values as they stand under `component:`."""
    lines = [line for key in keys for line in _lines(document, top, key)]
    more = ["  …"] if len(lines) > _MOST else []
    return _INDENT.join(["component:", *(f"  {line}" for line in lines[:_MOST]), *more])


def _lines(document: Document, top: Map, key: str) -> list[str]:
    """The lines on which an entry of the document's own mapping stands."""
    first, last = top.key_span(key), top.value_span(key)
    if first is None:
        return [f"{key}: …"]
    return document.text[first.start : max(first.end + 1, last.end if last else 0)].splitlines()


def under(key: str, fields: str) -> str:
    """Lines of fields as they stand below a key."""
    return f"{key}:{_INDENT}  {fields.replace(_INDENT, f'{_INDENT}  ')}"


def without_dashes(items: Any) -> str | None:
    """The fields of a list that has one in each element, as the one mapping that was meant; None of another list."""
    if not isinstance(items, list) or not items or not all(isinstance(one, Map) and len(one) == 1 for one in items):
        return None
    merged = {key: value for one in items for key, value in one.items()}
    return (
        _INDENT.join(f"{key}: {_shown(value)}" for key, value in merged.items()) if len(merged) == len(items) else None
    )


def meant(key: str, value: Any) -> tuple[str, str] | None:
    """What is wrong with a component whose fields stand in a list, or components that stand by name; and what to paste.

    None where neither is so.
    """
    if isinstance(value, list) and len(value) > 1 and (fields := without_dashes(value)) is not None:
        message = "a component is a mapping: behind dashes its fields are several components"
        return message, under("component", fields)
    if isinstance(value, Map) and "type" not in value and value and all(_is_component(one) for one in value.values()):
        parts = (f"- id: {name}\n            {_fields(inner)}" for name, inner in value.items())
        return f"{key} is a list, and not a mapping by name", "components:\n          " + "\n          ".join(parts)
    return None


def _is_component(value: Any) -> bool:
    return isinstance(value, Map) and "type" in value


def _fields(value: Map) -> str:
    return "\n            ".join(f"{key}: {_shown(inner)}" for key, inner in value.items())


# --- keys inside a component ------------------------------------------------------------------------------------------


def hint(key: str, container: Map, known: Iterable[str], settings: type[Closed]) -> str | None:
    """The way out for a key that no field answers to, where it is known what was meant."""
    if key == "name" and "id" in known:
        return f"id: {_shown(container.get(key))}"
    return _glued(key, known) or _decimal(key, container) or _belongs_inside(key, container, settings)


def _glued(key: str, known: Iterable[str]) -> str | None:
    """`{temperature:0.5}` is one long key, and so are `{temperature=0.5}` and `{temperature 0.5}`."""
    match = _GLUED.fullmatch(key)
    if match is None or match["key"] not in known:
        return None
    return f"{match['key']}: {match['value']}, with a colon and a blank behind it"


def _decimal(key: str, container: Map) -> str | None:
    """`{temperature: 0,5}` is two entries."""
    names = list(container)
    at = names.index(key) if key in names else 0
    before = names[at - 1] if at else None
    whole = None if before is None else container[before]
    if not key.isdigit() or container.get(key) is not None or not isinstance(whole, int) or isinstance(whole, bool):
        return None
    return f"{before}: {whole}.{key}, with a point"


def _belongs_inside(key: str, container: Map, settings: type[Closed]) -> str | None:
    """A field of something that a component holds: the token of its model, the weight of an adapter."""
    for field in describe(settings):
        if any(key in model.names() for model in field.models):
            inside = dict(_long_form(container.get(field.name), key))
            inside[key] = _shown_value(key, container)
            listed = field.name == "peft_adapters"
            written = "{" + ", ".join(f"{name}: {value}" for name, value in inside.items()) + "}"
            return f"it belongs to {field.name}:, as {field.name}: {f'[{written}]' if listed else written}"
    return None


def _long_form(written: Any, key: str) -> Iterator[tuple[str, str]]:
    """A model as a mapping that can hold the key, where it is written as a text: `gpt2` is `repository: gpt2`."""
    if isinstance(written, Map):
        yield from ((key, _shown(value)) for key, value in written.items() if key != "token")
        return
    try:
        source = source_of(written)
    except ValueError:
        return
    if key in HubSource.names():
        yield "repository", _shown(source.repository) if isinstance(source, HubSource) else "OWNER/NAME"
    elif key in LocalSource.names() and isinstance(source, LocalSource):
        yield "path", _shown(source.path)


def _shown_value(key: str, container: Map) -> str:
    """A value as it is given back; of a secret the way to keep it out of the text."""
    value = container.get(key)
    if key == "token":
        return value if isinstance(value, str) and expressions.has_reference(value) else "${env.HF_TOKEN}"
    return _shown(value)


def _shown(value: Any) -> str:
    written = flow_style(value)
    return written if len(written) < 80 else "…"


def nearest(word: str, keys: Iterable[str]) -> str | None:
    """Which of the keys that are there may have been meant as this word."""
    close = difflib.get_close_matches(word, [*keys], n=1, cutoff=0.7)
    return close[0] if close else None
