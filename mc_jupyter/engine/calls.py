"""One call of a component: its fields rendered over the inputs, checked again, and its output built from the value."""

from __future__ import annotations

import operator
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from mc_jupyter.components import DEFAULT, Call, Planned, uses_of
from mc_jupyter.errors import ExpressionError, InputError, Place, Problem
from mc_jupyter.events import Run
from mc_jupyter.language import expressions
from mc_jupyter.language.cell import Map, place_in
from mc_jupyter.language.expressions import Reference
from mc_jupyter.language.fields import Closed
from mc_jupyter.language.given import readable
from mc_jupyter.language.inputs import Input, missing
from mc_jupyter.language.kinds import TEXT, Takes, taken
from mc_jupyter.language.problems import problems_of
from mc_jupyter.trust.environment import Environment
from mc_jupyter.trust.files import is_upload
from mc_jupyter.trust.permissions import NOTHING, Permissions
from mc_jupyter.values import Batch, Stream
from mc_jupyter.values.exhibits import is_row
from mc_jupyter.words import hinted, listing

_LONGEST = 60  # letters of a value that is given back
_OF_A_CALL = ("seed", "batch_size")
"""What is decided beside the text and belongs to a call."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that only needs what is open for it: its fields evaluated, and how to shape its value."""

    fields: Any
    sources: Mapping[str, Any] = field(repr=False)
    template: Any = field(repr=False)
    notes: list[str] = field(default_factory=list, repr=False)
    """What a run tells: expressions that found nothing, and why; images of which only the first page is used."""
    permissions: Permissions = NOTHING
    place: Place | None = field(default=None, repr=False)
    """Where `output` stands."""

    @property
    def shapes_pieces(self) -> bool:
        """Whether `output` names ${result[]}: it is then built for each piece of a stream."""
        return any(r.stream for _, r in expressions.references(self.template))

    def call(self, run: Run) -> Call:
        """The same, as a component type is given it."""
        return Call(self.fields, run)

    def output(self, value: Any) -> Any:
        """What the call gives back: the value itself, or what `output` makes of it."""
        if self.template is None:
            return value
        if self.shapes_pieces:
            if isinstance(value, Stream):
                return value.map(self.piece)
            # A value that came whole is one piece; each of a batch is.
            pieces = [self.piece(v) for v in value] if isinstance(value, Batch) else self.piece(value)
            return Batch(pieces) if isinstance(pieces, list) and isinstance(value, Batch) else pieces
        return self._render(dict.fromkeys(("result", "response", "output"), value))

    def piece(self, piece: Any) -> Any:
        """What `output` makes of one piece of a stream."""
        return self._render({"result": piece, "result[]": piece})

    def _render(self, results: Mapping[str, Any]) -> Any:
        sources = {**self.sources, **results}
        try:
            return expressions.render(self.template, sources, on_null=self._heard, permissions=self.permissions)
        except ExpressionError as error:
            raise error.at(self.place) from None

    def _heard(self, reference: Reference, why: str) -> None:
        self.notes.append(f"{reference.text} is null: {why}")


def given(name: str, known: Sequence[Input], args: tuple[Any, ...], inputs: dict[str, Any]) -> Any:
    """The inputs of a call by name; a mapping or the first input alone may come without one.

    InputError for one that is lacking, given twice, or not among the `known`.
    """
    if not known:
        return _nothing(name, *args, inputs)
    if not args:
        return _named(name, known, inputs)
    if len(args) > 1:
        raise _too_many(name, known, args, inputs)
    if known[0].whole and not inputs:
        return args[0]
    if inputs or not isinstance(args[0], Mapping) or is_upload(args[0]) or is_row(args[0]):
        if twice := [one for one in known[0].names if one in inputs]:
            raise InputError(f"{twice[0]} is given twice: with its name, and without", fix="keep one of them")
        return _named(name, known, {known[0].name: args[0], **inputs})
    return _named(name, known, dict(args[0]))


def _too_many(name: str, known: Sequence[Input], args: tuple[Any, ...], inputs: Mapping[str, Any]) -> InputError:
    """What to write where several values came without their names."""
    free = [one.name for one in known if not any(word in inputs for word in one.names)]
    if len(args) <= len(free):
        behind = "".join(f", {word}={_brief(value)}" for word, value in zip(free[1:], args[1:], strict=False))
        return InputError(
            f"{name} takes one input without a name; the others need theirs", fix=f"{name}({_brief(args[0])}{behind})"
        )
    several = ", ".join(map(_brief, args))
    return InputError(
        f"{name} takes {len(free)} input{'' if len(free) == 1 else 's'}, and {len(args)} came without a name",
        fix=f"several at once are a list: {name}([{several}])",
    )


def _brief(value: Any) -> str:
    written = repr(value) if isinstance(value, str | bool | int | float) else "…"
    return written if len(written) < _LONGEST else "…"


def _nothing(name: str, *given: Any) -> dict[str, Any]:
    """The inputs of a component that has none; InputError where there are some: nothing in its cell would read them."""
    if any(not isinstance(one, Mapping) or one for one in given):
        fix = f"{name}(), or ${{input.text}} where its text stands"
        raise InputError(f"{name} takes no input: its cell has no ${{input…}}", fix=fix)
    return {}


def _named(name: str, known: Sequence[Input], inputs: dict[str, Any]) -> dict[str, Any]:
    words = {word for one in known for word in one.names}
    for word in map(str, inputs):
        if word not in words:
            its = listing([one.name for one in known], "and")
            raise InputError(hinted(f"{name} has no input {word!r}", word, words), fix=f"its inputs: {its}")
    if lacking := missing(known, inputs):
        example = ", ".join(f'{one.name}="…"' for one in lacking)
        raise InputError(f"{name} needs {listing([one.name for one in lacking], 'and')}", fix=f"{name}({example})")
    return inputs


def prepare(
    planned: Planned,
    inputs: Any,
    *,
    action: str = DEFAULT,
    seed: int | None = None,
    beside: Mapping[str, Any] | None = None,
    permissions: Permissions = NOTHING,
    env: Mapping[str, str] = os.environ,
) -> Prepared:
    """Evaluate an action's expressions over the inputs and check what they gave.

    An expression that gives nothing leaves its field at its default; a field that has none is an InputError naming
    the expression and what there was. A list where a field takes one input, or inside a longer text, is a batch.
    `seed` is the call's own, `beside` what was decided beside the text; `permissions` say what inputs may be read and
    fetched, `env` which variables. UnknownName for an action that there is not; NeedsWord for a variable that it may
    not read, and PlanError for a secret: what a call takes and gives is shown.
    """
    chosen = planned.component.action(action)
    model = type(chosen.fields)
    known = planned.inputs_for(action)
    given = readable(inputs, known)
    if isinstance(given, dict) and any(one.whole and [*given] == [one.name] for one in known):
        (given,) = given.values()  # of `${input}` the name is ours
    environment = Environment.of(env).for_(uses_of(planned.component, chosen.written))
    sources = {"input": given, "env": environment, "context": {"run_id": uuid.uuid4().hex}}
    environment.check(_variables(chosen.written.get("output")))  # asked now, and not when the model has run
    rendering = _Rendering(chosen.written.with_(without=("output",)), sources, taken(model), permissions)
    own = _of_the_call(planned, model, seed, beside or {})
    # What the call says has no line: the one that the text has for it says another thing.
    fields = _checked(model, rendering.fields() | own, rendering.written.with_(without=tuple(own)), rendering.nulls)
    told = [f"{text} is null: {why}" for text, why in rendering.nulls.items()]
    for name, takes in rendering.takes.items():
        told += takes.kind.notes(_listed(getattr(fields, name)))
    return Prepared(fields, sources, chosen.written.get("output"), told, permissions, _place(chosen.written, "output"))


def _variables(value: Any) -> list[str]:
    """The environment variables that a value names."""
    found = expressions.references(value)
    return [str(reference.path[0]) for _, reference in found if reference.source == "env" and reference.path]


def _of_the_call(planned: Planned, model: type[Closed], seed: int | None, beside: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the call that nobody wrote into the text. InputError for one that it does not have."""
    said = {name: value for name, value in beside.items() if name in _OF_A_CALL}
    if seed is not None:
        said["seed"] = _plain_number(seed)  # what this call says counts for more than what its cell said
    said = {name: value for name, value in said.items() if value is not None}
    for name in said:
        if name not in model.model_fields:
            raise InputError(f"{planned.kind} takes no {name}", fix=f"leave {name} out")
    return said


def _plain_number(value: Any) -> Any:
    """A whole number of another library (numpy's uint64, a tensor) as Python's own."""
    try:
        return value if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return value


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


class _Rendering:
    """An action's fields over the inputs; remembers which expressions found nothing."""

    def __init__(self, written: Map, sources: dict[str, Any], takes: Mapping[str, Takes], permissions: Permissions):
        self.written = written
        self.permissions = permissions
        self.sources = sources
        self.takes = takes
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
        takes = self.takes.get(name)
        try:
            if takes is None:
                return self.render(value, self.sources)
            self.refuse_what_is_of_another_kind(takes, value)
            return takes.kind.read(self.each(name, value), self.permissions)
        except ExpressionError as error:
            raise self.told(name, value, error) from None
        except MemoryError:  # this process's own: no device is short of any
            raise InputError(f"what {name} becomes does not fit into memory", place=self.place(name)) from None

    def each(self, name: str, value: Any) -> Any:
        """The field over the inputs; where lists stand inside a longer text, once for each of their elements."""
        lists = self.lists_in(value)
        for key, items in lists.items():
            for i, item in enumerate(items):
                TEXT.check(item, f"{key}[{i}]")
        if not lists:
            return self.render(value, self.sources)
        if len({len(items) for items in lists.values()}) > 1:
            names = listing(list(lists), "and")
            raise InputError(f"{names} are lists of different lengths", place=self.place(name))
        given = self.sources["input"]
        rows = (dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True))
        return [self.render(value, {**self.sources, "input": {**given, **row}}) for row in rows]

    def refuse_what_is_of_another_kind(self, takes: Takes, value: Any) -> None:
        """InputError for an element of a list, given as an input of this field, that its kind refuses."""
        if not isinstance(value, str):
            return
        given = self.sources["input"]
        for reference in expressions.parse(value).references:
            key = reference.path[0] if reference.source == "input" and len(reference.path) == 1 else None
            items = given.get(key) if isinstance(given, Mapping) else None
            for i, item in enumerate(items if isinstance(items, list) else ()):
                takes.kind.check(item, f"{key}[{i}]")

    def render(self, value: Any, sources: Mapping[str, Any]) -> Any:
        return expressions.render(value, sources, elementwise=True, on_null=self.heard, permissions=self.permissions)

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

    def told(self, name: str, value: Any, error: ExpressionError) -> InputError:
        """The error at the field's line; of what the call gave for it to work on, with the input's name instead."""
        key = self.given_by_the_call(value) if name in self.takes else None
        if key is None:
            return InputError([problem.at(self.place(name)) for problem in error.problems])
        here = self.place(name) is not None  # what the cell leaves out, its reader has not seen
        return InputError([_of_an_input(key, problem, value if not here else "") for problem in error.problems])

    def given_by_the_call(self, value: Any) -> str | None:
        """The input that a field is made of, where it is one alone and the call has given it."""
        given = self.sources["input"]
        names = {str(r.path[0]) for _, r in expressions.references(value) if r.source == "input" and r.path}
        there = [name for name in names if isinstance(given, Mapping) and given.get(name) is not None]
        return there[0] if len(there) == 1 else None

    def heard(self, reference: Reference, why: str) -> None:
        if reference.source == "env" and reference.path:
            self.unset.append(str(reference.path[0]))
        else:
            self.nulls[reference.text] = why

    def place(self, name: str) -> Place | None:
        return _place(self.written, name)


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
    return Problem(reasons[0] if reasons else f"{name} is needed", _place(written, name), f"give {name} a value")


def _place(written: Map, name: str) -> Place | None:
    """Where a field stands; None of one that the cell leaves out."""
    there = written.value_span(name) is not None or written.key_span(name) is not None
    return place_in(written, (name,)) if there else None


def _of_an_input(key: str, problem: Problem, unseen: Any) -> Problem:
    """What is wrong with an input, without the expression that took it where that is `unseen` in the cell."""
    message = problem.message
    for reference in expressions.parse(unseen).references if isinstance(unseen, str) else ():
        message = message.removesuffix(f" in {reference.text}")
    said = f"{key}{message}" if message.startswith("[") else f"{key}: {message}"
    return replace(problem, message=said)
