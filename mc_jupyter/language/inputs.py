"""What a call needs: the inputs that an action's expressions name, with their kinds, defaults and hints."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mc_jupyter.errors import ExpressionError, PlanError
from mc_jupyter.language import expressions
from mc_jupyter.language.cell import place_in
from mc_jupyter.language.expressions import Reference
from mc_jupyter.language.fields import Closed
from mc_jupyter.language.kinds import AS, KINDS, TEXT, Kind, taken
from mc_jupyter.trust.environment import Environment
from mc_jupyter.trust.secrets import Secret


@dataclass(frozen=True, slots=True)
class Input:
    """Something a call needs, as the cell's `${input.NAME as KIND | default @(description …)}` describes it.

    `takes` is the kind that the field takes it as; where nothing says so, the one of the word `kind`. `whole` marks
    `${input}`, which is all that a call gives.
    """

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
    takes: Kind | None = field(default=None, repr=False)
    whole: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.also)

    @property
    def of(self) -> Kind:
        """Its kind: how it is read, and what a call writes."""
        return self.takes or KINDS.get(self.kind, TEXT)


def inputs_of(written: Mapping[str, Any], fields: type[Closed]) -> tuple[Input, ...]:
    """The inputs that the expressions of an action's written fields name, in the order of the text."""
    found: dict[str, Input] = {}
    kinds = {name: takes.kind for name, takes in taken(fields).items()}
    for name, value in written.items():
        info = fields.model_fields.get(name)
        for path, reference in _top_references(value):
            if reference.source == "input":
                takes = kinds.get(name) if _is_all_of(value, path) else None
                try:
                    made = _input(reference, info is not None and info.is_required(), takes)
                except ExpressionError as error:
                    raise error.at(place_in(written, (name,))) from None
                known = found.get(made.name)
                found[made.name] = made if known is None or (made.required and not known.required) else known
    return tuple(found.values())


def missing(known: Sequence[Input], inputs: Mapping[str, Any]) -> list[Input]:
    """The known inputs that a call needs and these do not give."""
    needed = (one for one in known if one.required)
    return [one for one in needed if not any(inputs.get(name) is not None for name in one.names)]


def _is_all_of(value: Any, path: tuple[Any, ...]) -> bool:
    """Whether a text is one expression that is the field, an element of its list, or what a loop there goes over.

    Inside a longer text, or a message, it is a text whatever the field takes.
    """
    for step in path:
        value = value[step]
    alone = expressions.is_single(value) or (value.startswith("...") and expressions.is_single(value[3:]))
    return alone and all(isinstance(step, int) or step in _WHOLE_LISTS for step in path)


_WHOLE_LISTS = ("*", "|", "&", "...", "input")
"""What a list stands under, in loops and the like."""


def _top_references(value: Any) -> Iterator[tuple[tuple[Any, ...], Reference]]:
    """The references of a written value, without those inside another's default: they stand for the same input."""
    inside: set[int] = set()
    for path, reference in expressions.references(value):
        if id(reference) in inside:
            continue
        inside |= {id(r) for r in _nested(reference)}
        yield path, reference


def _nested(reference: Reference) -> Iterator[Reference]:
    for inner in reference.default.references if reference.default else ():
        yield inner
        yield from _nested(inner)


def _input(reference: Reference, needed: bool, takes: Kind | None) -> Input:
    """One input; `needed` says that the field cannot do without a value, `takes` of which kind the field's are."""
    name = reference.path[0] if reference.path and isinstance(reference.path[0], str) else "input"
    said = AS.get((reference.type or "").removesuffix("[]"))
    if said is not None and (takes is None or said not in (takes.name, takes.conversion)):
        takes = KINDS[said]  # what the expression says counts for more than what the field takes
    takes = takes or TEXT
    others = [r for r in _nested(reference) if r.source == "input" and r.path]
    also = tuple(str(r.path[0]) for r in others)
    default = None if reference.default is None else _default(reference, takes)
    kept = default is _KEPT_BACK
    default = None if kept else default
    if takes.name in ("number", "slider") and isinstance(default, str):
        default = _number(default, reference)  # `as slider` itself changes no value
    options, low, high, step = _hints(reference, takes.name)
    return Input(
        name=str(name),
        kind=takes.name,
        required=needed and default is None and not kept,
        default=default,
        options=options,
        minimum=low,
        maximum=high,
        step=step,
        description=reference.annotations.get("description", ""),
        also=also,
        takes=takes,
        whole=not reference.path,
    )


def _number(text: str, reference: Reference) -> float:
    try:
        return float(text)
    except ValueError:
        raise ExpressionError(f"the default of {reference.text} is no number") from None


_KEPT_BACK = object()
"""A default that is there, and that a form may not show."""


def _default(reference: Reference, kind: Kind) -> Any:
    """What stands for an input that nobody gives. Of a file it is the name: looking it up reads nothing.

    What comes from the environment is shown where every document may read it; else the call finds it, or asks.
    """
    sources = {"input": {}, "env": Environment(os.environ)}
    try:
        if kind.file:
            found = expressions.unconverted(reference, sources)
        else:
            found = expressions.render(reference.text, sources)
    except PlanError:
        return _KEPT_BACK
    return _KEPT_BACK if isinstance(found, Secret) else found


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
