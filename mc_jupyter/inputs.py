"""What a call needs: the inputs that an action's expressions name, with their kinds, defaults and hints."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mc_jupyter import expressions
from mc_jupyter.errors import InputError
from mc_jupyter.expressions import Reference
from mc_jupyter.fields import Environment
from mc_jupyter.spec import Action
from mc_jupyter.values import arrays, is_image
from mc_jupyter.values.streams import Stream

_KINDS = {
    "text": "text", "string": "text", "number": "number", "integer": "integer", "boolean": "boolean",
    "select": "select", "slider": "slider", "image": "image", "audio": "audio", "video": "file", "file": "file",
    "json": "json", "list": "json", "object": "json",
}  # fmt: skip


_OWN_KIND = ("messages", "image")
"""Fields whose inputs are of one kind, whether or not an expression says so with `as`."""

_MEDIA = ("image", "audio", "file")


@dataclass(frozen=True, slots=True)
class Input:
    """Something a call needs, as the cell's `${input.NAME as KIND | default @(description …)}` describes it."""

    name: str
    kind: str = "text"
    required: bool = True
    default: Any = None
    options: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    description: str = ""
    also: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.also)


def accepted(inputs: Any, known: Sequence[Input] = ()) -> Any:
    """The inputs as expressions can read them: iterators and arrays become lists; what cannot be one is refused.

    Of the `known` ones those that are images stay as they are: an array is a picture there, or a list of pictures.
    """
    images = {name for one in known if one.kind == "image" for name in one.names}
    if isinstance(inputs, Mapping):
        return {name: _plain(value, str(name), name in images) for name, value in inputs.items()}
    return _plain(inputs, "the input", bool(known) and known[0].kind == "image")


def _plain(value: Any, name: str, image: bool = False) -> Any:
    if image and (arrays.is_array(value) or callable(getattr(value, "read", None))):  # an open file is an iterator too
        pictures = arrays.pictures_in(value) if arrays.is_array(value) else None
        return value if pictures is None else [_plain(one, f"{name}[{i}]", True) for i, one in enumerate(pictures)]
    if value is None or isinstance(value, bool | int | float | bytes | Mapping | Stream) or is_image(value):
        return value
    if image and isinstance(value, memoryview):  # it has `tolist`, too
        return value
    if isinstance(value, str):
        return _readable(value, name)
    if isinstance(value, list | tuple):
        return [_plain(item, f"{name}[{i}]", image) for i, item in enumerate(value)]
    if isinstance(value, Iterator | range):
        return [_plain(item, f"{name}[{i}]", image) for i, item in enumerate(value)]
    if callable(getattr(value, "tolist", None)):  # numpy, pandas, torch
        return value.tolist()
    if isinstance(value, set | frozenset):
        raise InputError(f"{name} is a set, which has no order", fix="give a list: sorted(…)")
    return value  # messages, files and the like: fields check what they take


def _readable(text: str, name: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{name} holds half a character ({text[error.start]!a}), which is no text",
            fix="text.encode(errors='replace')",
        ) from None
    return text


def inputs_of(action: Action) -> tuple[Input, ...]:
    """The inputs that an action's expressions name, in the order of the text."""
    found: dict[str, Input] = {}
    for name in action.written:
        for reference in _top_references(action.written[name]):
            if reference.source == "input":
                made = _input(reference, _needed(action, name), name)
                known = found.get(made.name)
                found[made.name] = made if known is None or (made.required and not known.required) else known
    return tuple(found.values())


def _top_references(value: Any) -> Iterator[Reference]:
    """The references of a written value, without those inside another's default: they stand for the same input."""
    inside: set[int] = set()
    for _, reference in expressions.references(value):
        if id(reference) in inside:
            continue
        inside |= {id(r) for r in _nested(reference)}
        yield reference


def _nested(reference: Reference) -> Iterator[Reference]:
    for inner in reference.default.references if reference.default else ():
        yield inner
        yield from _nested(inner)


def _needed(action: Action, name: str) -> bool:
    """Whether a field cannot do without a value: it has no default of its own."""
    info = type(action.fields).model_fields.get(name)
    return info is not None and info.is_required()


def _input(reference: Reference, needed: bool, field_name: str) -> Input:
    name = reference.path[0] if reference.path and isinstance(reference.path[0], str) else "input"
    kind = _KINDS.get((reference.type or "").removesuffix("[]"), field_name if field_name in _OWN_KIND else "text")
    others = [r for r in _nested(reference) if r.source == "input" and r.path]
    also = tuple(str(r.path[0]) for r in others)
    default = None if reference.default is None else _default(reference, kind)
    if kind in ("number", "slider") and isinstance(default, str):
        default = float(default)  # `as slider` itself changes no value
    options, low, high, step = _hints(reference, kind)
    return Input(
        name=str(name),
        kind=kind,
        required=needed and default is None,
        default=default,
        options=options,
        minimum=low,
        maximum=high,
        step=step,
        description=reference.annotations.get("description", ""),
        also=also,
    )


def _default(reference: Reference, kind: str) -> Any:
    """What stands for an input that nobody gives. Of a file it is the name: looking it up reads nothing."""
    sources = {"input": {}, "env": Environment(os.environ)}
    return (
        expressions.unconverted(reference, sources) if kind in _MEDIA else expressions.render(reference.text, sources)
    )


def _hints(reference: Reference, kind: str) -> tuple[tuple[str, ...], float | None, float | None, float | None]:
    """The choices of `select/a,b,c`, and the range of `slider/0,2,0.1`."""
    given = [part.strip() for part in (reference.subtype or "").split(",") if part.strip()]
    if kind == "select":
        return tuple(given), None, None, None
    if kind == "slider":
        try:
            numbers = [float(part) for part in given]
        except ValueError:
            numbers = []
        low, high, step = (*numbers, None, None, None)[:3]
        return (), low, high, step
    return (), None, None, None
