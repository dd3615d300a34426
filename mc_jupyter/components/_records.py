"""What is written of a component, what is planned of it, and one call: frozen data."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from mc_jupyter.errors import ComposeError, UnknownName
from mc_jupyter.events import Run
from mc_jupyter.language import expressions
from mc_jupyter.language.cell import Map
from mc_jupyter.language.fields import Bound, Closed
from mc_jupyter.language.inputs import Input, inputs_of, missing
from mc_jupyter.trust.permissions import Permissions
from mc_jupyter.words import DEFAULT, UNNAMED, hinted, listing

FOR_EVER = float("inf")


class Envelope(Closed):
    """What every component may say about itself."""

    default: bool = Field(False, description="The component that runs when none is named.")
    runtime: Any = Field("native", description="Where it runs elsewhere; in a notebook it runs in the kernel.")
    max_concurrent_count: Bound[int] = Field(
        0, description="Most calls at once elsewhere; in a kernel calls of a component follow one another."
    )


@dataclass(frozen=True, slots=True)
class Shape:
    """Which fields one written component takes, and what else its type chose for it by what it says.

    `defaults` are action fields that get an expression when the cell leaves them out; `ignores` are action fields that
    would change nothing, each with the reason; `notes` are what a reader should know about choices made here; `foreign`
    is the engine that the component names and this version has not, whose own fields nobody here can judge; with
    `loose` it may also mean something else by ours. A type
    that chooses more has a subclass for it: the choice is made once, when the document is read, and everybody else
    finds it in `Component.shape`.
    """

    settings: type[Closed]
    action: type[Closed]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    ignores: Mapping[str, str] = field(default_factory=dict)
    foreign: str = ""
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a component does. `written` is what the text says, in one spelling, with its places.

    `supplied` names the fields that the text leaves out and that were given an expression over the input.
    """

    id: str
    fields: Closed
    written: Map = field(repr=False)
    default: bool = False
    supplied: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Component:
    """One component, and what it can do.

    `shape` is what its type chose for it, `own` what the text says of its own fields, in one spelling, with places;
    `written` is its whole mapping as it stands there.
    """

    id: str
    type: Any
    shape: Shape = field(repr=False)
    settings: Any
    actions: tuple[Action, ...]
    own: Map = field(repr=False)
    written: Map = field(repr=False)

    @property
    def default(self) -> bool:
        return bool(self.settings.default)

    @property
    def default_action(self) -> Action | None:
        """The only action, or the one marked `default: true`; None where a call has to name one."""
        marked = [action for action in self.actions if action.default]
        return self.actions[0] if len(self.actions) == 1 else next(iter(marked), None)

    @property
    def first_action(self) -> Action:
        """What is shown of a component that has several: the default one, else the first of the text."""
        return self.default_action or self.actions[0]

    def action(self, name: str = DEFAULT) -> Action:
        """The action of that name; without one, the only action or the one marked `default: true`."""
        owner = "this component" if self.id == UNNAMED else f"component {self.id!r}"
        found: Action = chosen(self.actions, name, owner, "action")
        return found


def chosen(parts: tuple[Any, ...], name: str, owner: str, noun: str) -> Any:
    """The part of that name; without one, the only one or the one marked as the default. UnknownName else."""
    names = [part.id for part in parts]
    if name != DEFAULT:
        for part in parts:
            if part.id == name:
                return part
        raise UnknownName(hinted(f"{owner} has no {noun} {name!r}", name, names), fix=listing(names) or None)
    if len(parts) == 1:
        return parts[0]
    marked = [part for part in parts if part.default]
    if marked:
        return marked[0]
    raise UnknownName(
        f"{owner} has {len(parts)} {noun}s, and none is marked as the default" if parts else f"{owner} has no {noun}",
        fix=f"name one of {listing(names)}, or give one default: true" if parts else None,
    )


@dataclass(frozen=True, slots=True)
class Planned:
    """One component with every choice made: frozen data, nothing open. A type that chooses more has a subclass.

    id         its name in its document
    component  what the text says of it
    settings   its fields, with what comes from the environment filled in
    inputs     what a call of its default action takes; nothing where a call has to name one
    notes      what a reader should know
    problems   the errors that running it would raise, the first ones first
    asks       what needs the user's word before it is done: commands that would run, secrets that would be sent
    """

    id: str
    component: Component = field(repr=False)
    settings: Any = field(default=None, repr=False)
    inputs: tuple[Input, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[ComposeError, ...] = ()
    asks: tuple[str, ...] = ()

    @property
    def type(self) -> Any:
        """Its ComponentType."""
        return self.component.type

    @property
    def key(self) -> Hashable | None:
        """What must be open for a call: equal keys share one resident.

        None where nothing stays open, and while it is not known (files that are not on this disk yet).
        """
        return None

    @property
    def kind(self) -> str:
        """What it does, in a word."""
        return str(self.type.name)

    @property
    def subject(self) -> str:
        """What a reader calls that which it works with."""
        return self.id if self.id != UNNAMED else self.kind

    @property
    def adapters(self) -> tuple[Any, ...]:
        """What is laid over a model, with names and weights."""
        return ()

    @property
    def loads(self) -> bool:
        """Whether there is a model to load."""
        return False

    @property
    def lays_adapters(self) -> bool:
        """Whether adapters can be laid over what it loads."""
        return False

    @property
    def pictures(self) -> bool:
        """Whether its answers may be pictures, so that a notebook may be told how to store them."""
        return True

    @property
    def keep_alive(self) -> float:
        """Seconds for which what is open stays after a call."""
        return FOR_EVER

    @property
    def preload(self) -> bool:
        """Whether it is opened when its cell is run, and not at the first call."""
        return True

    @property
    def lot(self) -> Hashable:
        """What it would have open, as far as that is known: those of one lot are run one after another."""
        return self.key

    @property
    def files(self) -> Hashable:
        """What tells the files that it is made from from others."""
        return ()

    @property
    def runs_on(self) -> str:
        """The device whose memory it takes."""
        return "cpu"

    @property
    def complete(self) -> bool:
        """Whether everything that decides it is here: files that are not on this disk yet would change it."""
        return True

    @property
    def settled(self) -> bool:
        """Whether the same text gives the same plan for as long as it `holds`: nothing is missing, nothing comes from
        the environment.
        """
        written = expressions.references(self.component.written)
        stands = self.complete and not self.problems
        return stands and not any(reference.source == "env" for _, reference in written)

    def holds(self) -> bool:
        """Whether the files it was made from are as they were."""
        return True

    def outdated(self) -> bool:
        """Whether other files stand where those it was made from were: what is open is not what they say.

        Files that are gone say nothing: what is open goes on without them.
        """
        return False

    def permissions(self, given: Permissions) -> Permissions:
        """What reading a call's inputs may touch; `given` is what the session allows."""
        return given

    def inputs_for(self, action: str = DEFAULT) -> tuple[Input, ...]:
        """The inputs of its `action` of that name. UnknownName where there is none, and where one has to be named."""
        if action == DEFAULT and self.component.default_action is not None:
            return self.inputs
        chosen = self.component.action(action)
        return inputs_of(chosen.written, type(chosen.fields))

    def missing(self, inputs: Mapping[str, Any], action: str = DEFAULT) -> list[Input]:
        """The inputs that a call of this `action` needs and these `inputs`, by name, do not give."""
        return missing(self.inputs_for(action), inputs)

    def provenance(self, thing: Any) -> dict[str, Any]:
        """What an answer is told of where it came from: by field, None for what is not known.

        `thing` is what is open for it, None where nothing is.
        """
        return {"type": self.type.name}

    def line(self) -> str:
        """The plan in one line of words, without its name."""
        return self.kind


Step = Literal["nothing", "weights", "adapters", "cast", "share", "reload", "later"]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change does to what is open.

    `step` is the least that is right, `words` say it. `bytes` is what the component then takes of memory, `seconds` is
    about how long it takes to get there; None where that is unknown. `evicts` names what goes to make room.
    """

    step: Step
    words: str
    bytes: int | None = None
    seconds: float | None = None
    evicts: tuple[str, ...] = ()

    @property
    def waits(self) -> bool:
        """Whether nothing is done now: the next call does it."""
        return self.step == "later"

    @property
    def passing(self) -> bool:
        """Whether it holds for a moment only: others may have come or gone until it is done."""
        return self.step in ("cast", "share")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a component: the fields of its action with every expression evaluated, and the run.

    `run` is who listens and who may stop it.
    """

    fields: Any
    run: Run
