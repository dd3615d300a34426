"""One call of a component: its fields rendered over the inputs, checked again, and its output built from the result."""

from __future__ import annotations

import os
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
from mc_jupyter.plan import ComponentPlan
from mc_jupyter.problems import problems_of
from mc_jupyter.values import Batch


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
    """Expressions that found nothing, and why: a run tells them."""

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
        return expressions.render(self.template, {**self.sources, **results}, on_null=self._heard)

    def _heard(self, reference: Reference, why: str) -> None:
        self.nulls.append(f"{reference.text} is null: {why}")


def prepare(
    component: ComponentPlan,
    inputs: Any,
    *,
    action: str = "__default__",
    seed: int | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Prepared:
    """Evaluate an action's expressions over the inputs and check what they gave.

    An expression that gives nothing leaves its field at its default; a field that has none is an InputError naming
    the expression and what there was.
    """
    chosen = component.component.action(action)
    sources = {"input": inputs, "env": Environment(os.environ), "context": {}}
    nulls: dict[str, str] = {}
    written = chosen.written.with_(without=("output",))

    def heard(reference: Reference, why: str) -> None:
        nulls[reference.text] = why

    rendered: dict[str, Any] = {}
    for name, value in written.items():
        try:
            got = expressions.render(value, sources, elementwise=True, on_null=heard)
        except ExpressionError as error:
            raise InputError([_here(p, place_in(written, (name,))) for p in error.problems]) from None
        if got is not None:
            rendered[name] = got
    model = type(chosen.fields)
    extra = {"seed": seed, **{k: v for k, v in (overrides or {}).items() if k in ("seed", "batch_size")}}
    for name, value in extra.items():
        if value is not None:
            if name not in model.model_fields:
                raise InputError(f"{component.task.name if component.task else 'this'} takes no {name}")
            rendered[name] = value
    fields = _checked(model, rendered, written, nulls)
    assert component.task is not None
    items, listed = component.task.items(fields)
    if getattr(fields, "streaming", False) and (listed or fields.num_return_sequences > 1):
        raise InputError("streaming gives one answer to one input", fix="streaming: false, or one input and one answer")
    told = [f"{text} is null: {why}" for text, why in nulls.items()]
    return Prepared(component, fields, items, listed, sources, chosen.written.get("output"), told)


def _checked(model: type[Closed], rendered: dict[str, Any], written: Map, nulls: dict[str, str]) -> Any:
    try:
        return model.model_validate(rendered)
    except ValidationError as error:
        lacking = [f["loc"][0] for f in error.errors() if f["type"] == "missing" and len(f["loc"]) == 1]
        problems = [_lacking(str(name), written, nulls) for name in lacking]
        at = Map(rendered, spans=written._spans, span=written.span)
        problems += [
            p for p in problems_of(error, at, model) if not any(p.message == f"{n} is needed" for n in lacking)
        ]
        raise InputError(problems) from None


def _lacking(name: str, written: Map, nulls: dict[str, str]) -> Problem:
    text = written.get(name)
    reasons = [f"{text} gives nothing: {why}" for ref, why in nulls.items() if isinstance(text, str) and ref in text]
    return Problem(reasons[0] if reasons else f"{name} is needed", place_in(written, (name,)), f"give {name} a value")


def _here(problem: Problem, place: Any) -> Problem:
    return problem if problem.place else Problem(problem.message, place, problem.fix)
