"""One call of a component: its fields rendered over the inputs, checked again, and its output built from the result."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from mc_jupyter import expressions
from mc_jupyter.cell import Map, place_in
from mc_jupyter.drivers import Call
from mc_jupyter.errors import ExpressionError, InputError, Problem
from mc_jupyter.events import Run
from mc_jupyter.expressions import Reference
from mc_jupyter.fields import Closed, Environment
from mc_jupyter.inputs import accepted, inputs_of
from mc_jupyter.plan import ComponentPlan
from mc_jupyter.problems import problems_of
from mc_jupyter.trust import NOTHING, Permissions
from mc_jupyter.values import Batch, describe, is_image
from mc_jupyter.values.conversions import convert
from mc_jupyter.words import listing


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that only needs its model: the fields with every expression evaluated, and how to shape the result."""

    component: ComponentPlan
    action: Any
    items: list[Any]
    listed: bool
    sources: Mapping[str, Any] = field(repr=False)
    template: Any = field(repr=False)
    nulls: list[str] = field(default_factory=list, repr=False)
    """What a run tells: expressions that found nothing, and why; images of which only the first page is used."""
    permissions: Permissions = NOTHING

    @property
    def streams(self) -> bool:
        """Whether the answer is wanted piece by piece."""
        return bool(getattr(self.action, "streaming", False))

    @property
    def shapes_pieces(self) -> bool:
        """Whether `output` names ${result[]}: it is then built for each piece of a stream."""
        return any(r.stream for _, r in expressions.references(self.template))

    def for_driver(self, run: Run) -> Call:
        return Call(self.items, self.action, self.component.settings, run)

    def output(self, result: Any) -> Any:
        """What the call gives back: the result itself, or what `output` makes of it."""
        if self.template is None:
            return result
        if self.shapes_pieces:
            # A result that came whole is one piece; each of a batch is.
            pieces = [self.piece(r) for r in result] if isinstance(result, Batch) else self.piece(result)
            return Batch(pieces) if isinstance(pieces, list) and isinstance(result, Batch) else pieces
        return self._render({"result": result})

    def piece(self, piece: Any) -> Any:
        return self._render({"result": piece, "result[]": piece})

    def _render(self, results: Mapping[str, Any]) -> Any:
        sources = {**self.sources, **results}
        return expressions.render(self.template, sources, on_null=self._heard, permissions=self.permissions)

    def _heard(self, reference: Reference, why: str) -> None:
        self.nulls.append(f"{reference.text} is null: {why}")


def prepare(
    component: ComponentPlan,
    inputs: Any,
    *,
    action: str = "__default__",
    seed: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    permissions: Permissions = NOTHING,
) -> Prepared:
    """Evaluate an action's expressions over the inputs and check what they gave.

    An expression that gives nothing leaves its field at its default; a field that has none is an InputError naming
    the expression and what there was. A list where the task takes one text, or inside a longer text, is a batch.
    `permissions` say what inputs may be read and fetched.
    """
    assert component.task is not None
    chosen = component.component.action(action)
    given = accepted(inputs, component.inputs or inputs_of(chosen))
    sources = {"input": given, "env": Environment(os.environ), "context": {"run_id": uuid.uuid4().hex}}
    rendering = _Rendering(chosen.written.with_(without=("output",)), sources, component.task.input, permissions)
    rendered = rendering.fields()
    model = type(chosen.fields)
    extra = {k: v for k, v in (overrides or {}).items() if k in ("seed", "batch_size")}
    if seed is not None:
        extra["seed"] = seed  # what this call says counts for more than what its cell said
    for name, value in extra.items():
        if value is not None:
            if name not in model.model_fields:
                raise InputError(f"{component.task.name} takes no {name}", fix=f"leave {name} out")
            rendered[name] = value
    fields = _checked(model, rendered, rendering.written, rendering.nulls)
    items, listed = component.task.items(fields)
    if getattr(fields, "streaming", False) and (listed or fields.num_return_sequences > 1):
        raise InputError("streaming gives one answer to one input", fix="streaming: false, or one input and one answer")
    told = [f"{text} is null: {why}" for text, why in rendering.nulls.items()] + _frames(items)
    return Prepared(component, fields, items, listed, sources, chosen.written.get("output"), told, permissions)


def _frames(items: list[Any]) -> list[str]:
    """What to say of animations and files of several pages among the images."""
    first = [i for i, item in enumerate(items) if is_image(item) and item.info.get("frames")]
    if not first:
        return []
    which = "the image" if len(items) == 1 else f"{len(first)} of the {len(items)} images"
    return [f"{which}: an animation or several pages, of which the first is used"]


class _Rendering:
    """An action's fields over the inputs; remembers which expressions found nothing."""

    def __init__(self, written: Map, sources: dict[str, Any], main: str, permissions: Permissions):
        self.written = written
        self.permissions = permissions
        self.sources = sources
        self.main = main
        self.nulls: dict[str, str] = {}
        self.unset: list[str] = []

    def fields(self) -> dict[str, Any]:
        """What every field got; those that got nothing are left out."""
        rendered = {name: self.field(name, value) for name, value in self.written.items()}
        if self.unset:
            names = listing(list(dict.fromkeys(self.unset)), "and")
            raise InputError(
                f"the environment variable {names} is not set", fix="set it, or give a default: ${env.X | …}"
            )
        return {name: value for name, value in rendered.items() if value is not None}

    def field(self, name: str, value: Any) -> Any:
        try:
            lists = self.lists_in(value) if name in (self.main, "prompt") else {}
            self.refuse_what_is_no_text(name, value)
            if name == "image":
                return self.images(self.render(value, self.sources))
            if not lists:
                return self.render(value, self.sources)
            counts = {len(items) for items in lists.values()}
            if len(counts) > 1:
                raise InputError(
                    f"{listing(list(lists), 'and')} are lists of different lengths", place=self.place(name)
                )
            return [
                self.render(
                    value, {**self.sources, "input": {**self.sources["input"], **dict(zip(lists, row, strict=True))}}
                )
                for row in zip(*lists.values(), strict=True)
            ]
        except ExpressionError as error:
            raise InputError([p.at(self.place(name)) for p in error.problems]) from None

    def refuse_what_is_no_text(self, name: str, value: Any) -> None:
        """A list of texts holds texts: a list inside it would become JSON, and nothing would become nothing."""
        if name not in ("text", "prompt") or not isinstance(value, str):
            return
        for reference in expressions.parse(value).references:
            key = reference.path[0] if reference.source == "input" and len(reference.path) == 1 else None
            given = self.sources["input"].get(key) if isinstance(self.sources["input"], Mapping) else None
            for i, item in enumerate(given if isinstance(given, list) else ()):
                if item is None or isinstance(item, list | Mapping):
                    raise InputError(f"{key}[{i}] is {describe(item)}, and not a text")

    def render(self, value: Any, sources: Mapping[str, Any]) -> Any:
        return expressions.render(value, sources, elementwise=True, on_null=self.heard, permissions=self.permissions)

    def images(self, found: Any) -> Any:
        """The value as an image or a list of them, also where no `as image` says so: a path in the cell, an array."""
        for i, item in enumerate(found if isinstance(found, list | tuple) else ()):
            if item is None:
                raise ExpressionError(f"[{i}]: null is no image")
        return convert(found, "image", elementwise=True, permissions=self.permissions)

    def lists_in(self, value: Any) -> dict[str, list[Any]]:
        """The inputs that are lists and stand inside a longer text or a message: each of their elements is a call."""
        given = self.sources["input"]
        found: dict[str, list[Any]] = {}
        if isinstance(given, Mapping):
            for path, reference in expressions.references(value):
                inside = path[-1:] == ("content",) or (isinstance(value, str) and not expressions.is_single(value))
                name = reference.path[0] if reference.source == "input" and len(reference.path) == 1 else None
                if inside and isinstance(name, str) and isinstance(given.get(name), list):
                    found[name] = given[name]
        return found

    def heard(self, reference: Reference, why: str) -> None:
        if reference.source == "env" and reference.path:
            self.unset.append(str(reference.path[0]))
        else:
            self.nulls[reference.text] = why

    def place(self, name: str) -> Any:
        return place_in(self.written, (name,))


def _checked(model: type[Closed], rendered: dict[str, Any], written: Map, nulls: dict[str, str]) -> Any:
    try:
        return model.model_validate(rendered)
    except ValidationError as error:
        lacking = [f["loc"][0] for f in error.errors() if f["type"] == "missing" and len(f["loc"]) == 1]
        problems = [_lacking(str(name), written, nulls) for name in lacking]
        at = Map(rendered, spans=written._spans)  # what a call adds stands nowhere in the text
        problems += [
            p for p in problems_of(error, at, model) if not any(p.message == f"{n} is needed" for n in lacking)
        ]
        raise InputError(problems) from None


def _lacking(name: str, written: Map, nulls: dict[str, str]) -> Problem:
    text = written.get(name)
    reasons = [f"{text} gives nothing: {why}" for ref, why in nulls.items() if isinstance(text, str) and ref in text]
    return Problem(reasons[0] if reasons else f"{name} is needed", place_in(written, (name,)), f"give {name} a value")
