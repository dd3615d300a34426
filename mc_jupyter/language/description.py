"""What the fields of a set may hold, read off their types once: for panel, help, completion and messages alike."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mc_jupyter.language.fields import Closed
from mc_jupyter.trust.secrets import Secret
from mc_jupyter.words import listing

Kind = Literal["choice", "integer", "number", "text", "other"]

_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "a mapping",
    Path: "a path",
    Secret: "a secret",
    Any: "anything",
}
_CHOICE = "a word"


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """One field: what it is called, what it may hold, and what it is for.

    `kind` is what a single control could set, "other" where none could. `types` are the kinds of value it takes, in
    words; `words` those to choose from (True and False too), also inside a list; `models` the sets of fields that it
    may hold, also inside a list. `minimum` itself is too small when `above`. `optional` says whether null is a value of
    its own; every field that is not `required` has a default. That it may be an expression is said nowhere: most may.
    """

    name: str
    others: tuple[str, ...]
    kind: Kind
    types: tuple[str, ...]
    words: tuple[Any, ...] = ()
    models: tuple[type[Closed], ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    above: bool = False
    default: Any = None
    required: bool = False
    optional: bool = False
    description: str = ""


@cache
def describe(model: type[Closed]) -> tuple[FieldFacts, ...]:
    """Each field of a set, in order."""
    return tuple(_facts(model, name, info) for name, info in model.model_fields.items())


def field_of(model: type[Closed], word: str) -> FieldFacts | None:
    """The field that answers to a word, if one does."""
    name = model.names().get(word)
    return next((field for field in describe(model) if field.name == name), None)


def models_at(models: Iterable[type[Closed]], path: Iterable[Any]) -> list[type[Closed]]:
    """The sets of fields that may stand under these keys, below those of `models`; a list's indices are skipped."""
    models = list(models)
    for word in path:
        if isinstance(word, str):
            fields = [field for model in models if (field := field_of(model, word))]
            models = [inner for field in fields for inner in field.models]
    return models


def _facts(model: type[Closed], name: str, info: FieldInfo) -> FieldFacts:
    every = list(_parts(info.annotation, info.metadata))
    parts = [part for part in every if part.named != "null"]
    limited = next((part for part in parts if (part.minimum, part.maximum) != (None, None)), _Part(""))
    required = info.is_required()
    return FieldFacts(
        name=name,
        others=tuple(other for other, own in model.names().items() if own == name != other),
        kind=_kind({part.named for part in parts}),
        types=_unique(part.named for part in parts),
        words=_unique(word for part in parts for word in part.words),
        models=_unique(inner for part in parts for inner in part.models),
        minimum=limited.minimum,
        maximum=limited.maximum,
        above=limited.above,
        default=None if required else info.get_default(call_default_factory=True),
        required=required,
        optional=len(parts) < len(every),
        description=info.description or "",
    )


def _kind(types: set[str]) -> Kind:
    if _CHOICE in types or types == {_NAMES[bool]}:
        return "choice"
    if types == {_NAMES[int]}:
        return "integer"
    if types and types <= {_NAMES[int], _NAMES[float]}:
        return "number"
    return "text" if types and types <= {_NAMES[str], _NAMES[float]} else "other"


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the kinds of value that a field takes."""

    named: str
    words: tuple[Any, ...] = ()
    models: tuple[type[Closed], ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    above: bool = False


def _parts(annotation: Any, marks: Sequence[Any] = ()) -> Iterator[_Part]:
    """What an annotation allows to be written. `marks` are what `Annotated` says of it: limits, checks, spellings."""
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if (written := _written_as(marks)) is not None:
        yield from _parts(written)
    elif origin is Annotated:
        yield from _parts(inside[0], (*marks, *inside[1:]))
    elif origin in (typing.Union, types.UnionType):
        for one in inside:
            yield from _parts(one, marks)
    elif origin is Literal:
        yield _Part(_CHOICE, inside)
    elif annotation in (None, type(None)):
        yield _Part("null")
    elif origin in (list, tuple, dict):
        yield _holding(origin, [part for one in inside if one is not ... for part in _parts(one)])
    elif isinstance(annotation, type) and issubclass(annotation, Closed):
        yield _Part(_NAMES[dict], models=(annotation,))
    else:
        words = (True, False) if annotation is bool else ()
        yield _Part(_NAMES.get(annotation, annotation.__name__.lower()), words, (), *_limits(marks))


def _holding(origin: type, parts: Sequence[_Part]) -> _Part:
    """A list or a mapping of such values."""
    first = parts[0] if parts else _Part("")
    named = _NAMES[dict] if origin is dict else f"a list of {listing(_unique(part.named for part in parts))}"
    words = tuple(word for part in parts for word in part.words)
    models = tuple(model for part in parts for model in part.models)
    return _Part(named, words, models, first.minimum, first.maximum, first.above)


def _written_as(marks: Sequence[Any]) -> Any:
    """What may be written where a check turns it into something else first: `10m` for a number of seconds."""
    checks = [mark.json_schema_input_type for mark in marks if isinstance(mark, BeforeValidator)]
    return next((kind for kind in checks if kind is not PydanticUndefined), None)


def _limits(marks: Sequence[Any]) -> tuple[float | None, float | None, bool]:
    """The smallest and the largest value, and whether the smallest is itself too small."""
    found: dict[str, Any] = {}
    for mark in marks:
        for limit in mark.metadata if isinstance(mark, FieldInfo) else (mark,):
            found |= {key: getattr(limit, key) for key in ("ge", "gt", "le", "lt") if hasattr(limit, key)}
    return found.get("ge", found.get("gt")), found.get("le", found.get("lt")), "gt" in found


def _unique(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))
