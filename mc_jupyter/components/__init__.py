"""What a component can be: one file per `type:`. A component type is its fields and five verbs.

To add one, write `components/my_type.py` with one class:

    from typing import Any

    from mc_jupyter.parts import Closed, ComponentType, Envelope, Field, Texts

    class MyType(ComponentType):
        '''One line that help shows.'''

        runs = True                                   # this version runs it

        class Settings(Envelope):                     # what the component says once
            marks: int = Field(1, ge=0, le=3, description="How many ! stand at the end.")

        class Action(Closed):                         # what each of its actions says
            text: Texts = Field(description="A call's input: a text or a list of them.")
            output: Any = Field(None, description="What the call gives back, built from ${result}.")

        @classmethod
        def call(cls, planned, opened, call):         # the value of one call
            end = "!" * planned.settings.marks
            texts = call.fields.text
            return [t.upper() + end for t in texts] if isinstance(texts, list) else texts.upper() + end

The file's name is the word of `type:` (`my_type.py` is `type: my-type`). Nothing else is edited.

The five verbs, in the order in which they are used (the engine only keeps, orders and calls):

    plan    every choice made, nothing touched      → Planned, whose `key` says what must be open for a call
    open    what stays open between calls           → a Resident that the room keeps, or None where nothing stays
    change  what another plan would do to that      → Effect, the least step, said before it is done
    call    one call                                → its value
    card    what there is to say of it              → rows of a label and a text

A type that keeps something open (a model, a store, a client, a server) opens an `Open`. Residents keep it by the plan's
key, share it where keys are equal, and close it. How that is written is shown at `Open`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import ValidationError

from mc_jupyter.catalog import Part
from mc_jupyter.components._opening import Need, Open, Resident, Room
from mc_jupyter.components._records import (
    FOR_EVER,
    Action,
    Call,
    Component,
    Effect,
    Envelope,
    Planned,
    Shape,
    Step,
    chosen,
)
from mc_jupyter.components._uses import reaching, uses_of
from mc_jupyter.errors import ComposeError, InputError, NotBuilt, Problem, SpecError
from mc_jupyter.events import Run
from mc_jupyter.language import expressions
from mc_jupyter.language.cell import place_in
from mc_jupyter.language.fields import Closed
from mc_jupyter.language.inputs import Input, inputs_of
from mc_jupyter.language.kinds import bindings, taken
from mc_jupyter.language.problems import problems_of
from mc_jupyter.trust.environment import Environment, Keeper
from mc_jupyter.words import DEFAULT, listing

__all__ = [
    "DEFAULT", "FOR_EVER", "Action", "Call", "Component", "ComponentType", "Effect", "Envelope", "Need", "Open",
    "Planned", "Resident", "Room", "Shape", "Step", "chosen", "default_inputs", "filled", "reaching", "settings_of",
    "uses_of",
]  # fmt: skip


class ComponentType(Part, room="components", noun="component type"):
    """One kind of component."""

    sources: ClassVar[tuple[str, ...]] = ("result",)
    """What expressions of its output may name, besides input, env and context."""

    nested: ClassVar[tuple[str, ...]] = ("params",)
    """Mappings of an action whose keys are the action's own fields, one level down."""

    runs: ClassVar[bool] = False
    """Whether this version runs it. One that does not is read and planned, and says so when it is run."""

    Settings: ClassVar[type[Envelope]] = Envelope
    """The component's fields."""

    Action: ClassVar[type[Closed]] = Closed
    """The fields of one action."""

    @classmethod
    def shape(cls, written: Mapping[str, Any]) -> Shape:
        """The fields that this written component takes; raises UnknownName when it names something that there is not.

        `written` is the component's mapping as it stands in the text, not checked yet.
        """
        return Shape(cls.Settings, cls.Action, bindings(cls.Action))

    @classmethod
    def shapes(cls) -> Iterator[tuple[dict[str, str], Shape]]:
        """Every shape that a component of this type can have, and the fields with their words that make it so.

        The schema has an alternative for each, and `%compose schema` knows each by its last word.
        """
        yield {"type": cls.name}, cls.shape({})

    @classmethod
    def check(cls, shape: Any, own: Mapping[str, Any], action: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
        """What is wrong with an action's written fields together: pairs of the field to point at and the problem.

        `shape` is what `shape` gave for the component, `own` are its own fields and `action` all those of the action,
        each as written and under its field's own name.
        """
        return iter(())

    @classmethod
    def keeper(cls, written: Component, path: tuple[Any, ...]) -> Keeper | None:
        """Who alone is sent what stands in a field, so that a secret may stand there; None where readers see it.

        `path` leads to it from the fields of the `written` component, or of one of its actions.
        """
        return None

    @classmethod
    def plan(cls, written: Component, env: Mapping[str, str], beside: Mapping[str, Any]) -> Planned:
        """The component with every choice made; what stands in the way is data on it.

        `written` is the component as it was read, `env` are the variables of `${env.X}`, `beside` fields decided beside
        the text (`%%compose --device cpu`). Looks at this machine's disk and devices; opens nothing, and no socket.
        """
        settings, problems = filled(written, env, beside)
        if not cls.runs:
            problems = (*problems, _not_built(written))
        return Planned(written.id, written, settings, default_inputs(written), problems=problems)

    @classmethod
    def refuses(cls, planned: Planned, env: Mapping[str, str], beside: Mapping[str, Any]) -> Sequence[ComposeError]:
        """What would stand in the way of a `planned` component with these fields decided `beside` its text.

        `env` and `beside` are as in `plan`. Cheaper than to plan anew, on what is known already: no file is looked for.
        """
        return filled(planned.component, env, beside)[1]

    @classmethod
    def open(cls, planned: Planned, room: Room, run: Run) -> Resident | None:
        """Open what the key of `planned` says, through `room.hold`; None where nothing stays open between calls.

        `room` is the component's place among what is open; `run` hears how far it is (Phase, Advance, Note). Called
        before a call whose resident is not there, and to apply a change. May raise any ComposeError; after one, nothing
        is open by halves, and what was let go of is opened again at the next call.
        """
        return None

    @classmethod
    def fetch(cls, planned: Planned, run: Run) -> list[tuple[str, Any]]:
        """Download what opening `planned` would, and open nothing. Gives names and `weights.Checkpoint`s.

        `run` hears how far it is, and may stop it.
        """
        return []

    @classmethod
    def change(cls, old: Planned, new: Planned, room: Room) -> Effect:
        """What opening `new` would do to what `old` has open: the least step that is right. Does nothing yet.

        `room` is the component's place among what is open. DoesNotFit where it needs more memory than can be had.
        """
        now = room.held
        if new.key == old.key:
            return Effect("nothing", "nothing that is open changes", seconds=0.0)
        if now is None:
            return Effect("later", "the next call opens it")
        if new.key is not None and (other := room.get(new.key)) is not None:
            return Effect("share", f"uses what {other.whose} has open", seconds=0.0)
        return Effect("reload", f"opens {new.subject} again")

    @classmethod
    def recalled(cls, planned: Planned, opened: Planned) -> Planned | None:
        """A plan made whole by what is open, where files that it would need are gone; None where it cannot be.

        `planned` lacks files, `opened` is the plan of something that was opened before its own were gone.
        """
        return None

    @classmethod
    def streams(cls, planned: Planned, fields: Any, *, asked: bool = False) -> bool:
        """Whether the answer of a call with these `fields` is wanted piece by piece.

        `planned` is the component, `asked` whether whoever calls wants it so whatever the fields say. InputError where
        the answer cannot be had so.
        """
        return asked or bool(getattr(fields, "streaming", False))

    @classmethod
    def count(cls, planned: Planned, fields: Any) -> int:
        """How many inputs a call of `planned` with these `fields` has: a list of them is many."""
        given = (getattr(fields, name) for name in taken(type(fields)))  # type: ignore[arg-type]  # classes are hashable
        return max((len(value) if isinstance(value, list) else 1 for value in given), default=1)

    @classmethod
    def call(cls, planned: Planned, opened: Any, call: Call) -> Any:
        """The value of one call: what `${result}` is in its `output`.

        `planned` is the component, `opened` the `Open` of its key, in its turn, or None where nothing stays open. Says
        how far it is by `call.run.emit`, and ends soon after `call.run.stopped`, with what there is by then. InputError
        for what the call was given; what else it raises is told as a RunError.
        """
        raise NotImplementedError

    @classmethod
    def card(cls, planned: Planned, resident: Resident | None) -> Iterator[tuple[str, str]]:
        """What there is to say about it, in rows of a label and a text: what it is, and what is open.

        `planned` is the component, `resident` what it has open, or None.
        """
        yield "type", planned.kind


def default_inputs(written: Component) -> tuple[Input, ...]:
    """The inputs of the action that runs when none is named; none where one has to be named."""
    action = written.default_action
    return inputs_of(action.written, type(action.fields)) if action else ()


def filled(
    written: Component, env: Mapping[str, str], beside: Mapping[str, Any]
) -> tuple[Any, tuple[ComposeError, ...]]:
    """The component's own fields with `${env.…}` filled in and what was decided beside the text; or what is wrong."""
    model = type(written.settings)
    idle = [name for name, value in beside.items() if value is not None and name not in model.model_fields]
    idle = [name for name in idle if name not in written.shape.action.model_fields]
    problems: list[ComposeError] = []
    if idle:
        flags = listing(list(dict.fromkeys(f"--{name.replace('adapters.', 'adapter ')}" for name in idle)), "and")
        problems.append(SpecError(Problem(f"{written.type.name} has no {flags}", fix="leave it out")))
    try:
        return settings_of(written, env, beside), tuple(problems)
    except ComposeError as error:
        problems.append(error)
    return written.settings, tuple(problems)


def settings_of(written: Component, env: Mapping[str, str], beside: Mapping[str, Any]) -> Any:
    """The component's own fields with `${env.…}` filled in and what was decided beside the text.

    SpecError for what the text says, which names variables and shows no value of them; NeedsWord for a variable that
    it may not read, PlanError for a secret in a field that is shown; InputError for what was decided beside it.
    """
    model = type(written.settings)
    env = Environment.of(env).for_(uses_of(written, written.own))
    values = expressions.resolve_env(written.own, env)
    try:
        settings = model.model_validate(values)
    except ValidationError as error:
        raise SpecError([_masked(p, written, env) for p in problems_of(error, written.own, model)]) from None
    decided = {name: value for name, value in beside.items() if name in model.model_fields and value is not None}
    if not decided:
        return settings
    try:
        return model.model_validate({**values, **decided})
    except ValidationError as error:
        problems = problems_of(error, decided, model)
        raise InputError([Problem(f"--{p.message}", None, p.fix) for p in problems]) from None


def _masked(problem: Problem, written: Component, env: Environment) -> Problem:
    """The problem, naming environment variables instead of showing what they hold."""
    message = problem.message
    for _, reference in expressions.references(written.own):
        if reference.source == "env" and reference.path and (value := env.shown(str(reference.path[0]))):
            message = message.replace(repr(value), reference.text)
    return Problem(message, problem.place, problem.fix)


def _not_built(written: Component) -> NotBuilt:
    return NotBuilt(
        f"type: {written.type.name} is read and planned, but this version does not run it yet",
        place=place_in(written.written, ("type",)),
    )
