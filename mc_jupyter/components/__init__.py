"""What a component can be: one file per `type:`. A component type is its fields and five verbs.

To add one, write `components/my_type.py` with one class:

    class MyType(ComponentType):
        '''One line that help shows.'''

        class Settings(Envelope):        # what the component says once
            …

        class Action(Closed):            # what each of its actions says
            text: Texts = Field(description="…")     # a field that takes a call's inputs (see `kinds`)
            output: Any = Field(None, description="…")

        sources = ("result",)            # what `output` may name: ${result}
        runs = True                      # this version runs it

        @classmethod
        def call(cls, planned, opened, call):        # the value of one call
            return call.fields.text.upper()

The file's name is the word of `type:` (`my_type.py` is `type: my-type`). Nothing else is edited.

The five verbs, in the order in which they are used (the engine only keeps, orders and calls):

    plan    every choice made, nothing touched      → Planned, whose `key` says what must be open for a call
    open    what stays open between calls           → a Resident that the room keeps, or None where nothing stays
    change  what another plan would do to that      → Effect, the least step, said before it is done
    call    one call                                → its value
    card    what there is to say of it              → rows of a label and a text

A type that keeps something open (a model, a store, a client, a server) opens an `Open`. Residents keep it by the plan's
key, share it where keys are equal, and close it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self

from pydantic import Field, ValidationError

from mc_jupyter import expressions
from mc_jupyter.catalog import Part
from mc_jupyter.cell import place_in
from mc_jupyter.errors import ComposeError, NotBuilt, Problem, SpecError
from mc_jupyter.events import Run
from mc_jupyter.fields import Bound, Closed
from mc_jupyter.inputs import Input, inputs_of, missing
from mc_jupyter.kinds import bindings
from mc_jupyter.problems import problems_of
from mc_jupyter.trust import Permissions
from mc_jupyter.words import listing

if TYPE_CHECKING:
    from mc_jupyter.spec import Component

DEFAULT = "__default__"
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
    would change nothing, each with the reason; `remarks` are what a reader should know about choices made here. A type
    that chooses more has a subclass for it: the choice is made once, when the document is read, and everybody else
    finds it in `Component.shape`.
    """

    settings: type[Closed]
    action: type[Closed]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    ignores: Mapping[str, str] = field(default_factory=dict)


# --- what planning gives ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Planned:
    """One component with every choice made: frozen data, nothing open.

    `key` says what must be open for a call: equal keys share one resident. It is None where nothing stays open, and
    while it is not known (files that are not on this disk yet). `problems` are the errors that running it would raise,
    the first ones first; `notes` are what a reader should know; `asks` is what needs the user's word before it is done:
    commands that would run, secrets that would be sent.
    """

    id: str
    component: Component = field(repr=False)
    settings: Any = field(default=None, repr=False)
    inputs: tuple[Input, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[ComposeError, ...] = ()
    asks: tuple[str, ...] = ()

    @property
    def type(self) -> type[ComponentType]:
        return self.component.type

    @property
    def key(self) -> Hashable | None:
        return None

    @property
    def kind(self) -> str:
        """What it does, in a word."""
        return self.type.name

    @property
    def subject(self) -> str:
        """What a reader calls that which it works with."""
        return self.id if self.id != "__component__" else self.type.name

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

    def permissions(self, given: Permissions) -> Permissions:
        """What reading a call's inputs may touch, given what the session allows."""
        return given

    def inputs_for(self, action: str = DEFAULT) -> tuple[Input, ...]:
        """The inputs of one of its actions. UnknownName where there is no such action."""
        if action == DEFAULT:
            return self.inputs
        chosen = self.component.action(action)
        return inputs_of(chosen.written, type(chosen.fields))

    def missing(self, inputs: Mapping[str, Any], action: str = DEFAULT) -> list[Input]:
        """The inputs that a call needs and these do not give."""
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


# --- what stays open --------------------------------------------------------------------------------------------------


class Open:
    """What a component type has opened: residents keep it by its key, and close it when nobody wants it."""

    lock: RLock
    """Held while it is called (where calls follow one another), and while it is changed."""

    one_at_a_time: ClassVar[bool] = True
    """Whether calls of it follow one another."""

    def __new__(cls, *args: Any, **more: Any) -> Self:
        made = super().__new__(cls)
        made.lock = RLock()
        return made

    @property
    def subject(self) -> str:
        """What a reader calls it."""
        return type(self).__name__

    def memory(self) -> Mapping[str, int]:
        """Bytes that it takes, by device; only that counts against memory."""
        return {}

    def serves(self, holder: str, planned: Planned) -> bool:
        """Whether nothing has to be opened before this holder's next call."""
        return True

    def stay(self, holder: str, planned: Planned) -> None:
        """A holder's text has changed and it stays: let go of what was here for its old text alone."""

    def leave(self, holder: str) -> None:
        """A holder has let go while others stay: let go of what was here for it alone."""

    def facts(self) -> Any:
        """What it really is, read back from it; None where there is nothing to say."""
        return None

    def parts(self) -> tuple[str, ...]:
        """What is laid over it, by name."""
        return ()

    def adapters_of(self, planned: Planned) -> list[Any]:
        """What is laid over it for one component: what each is, its weight, and what its layers say."""
        return []

    def close(self) -> None:
        """Let go of everything."""


@dataclass(frozen=True, slots=True)
class Need:
    """Memory that opening takes at its peak, on one device.

    `least` is how much does in need, where the library can run what does not fit as a whole. `lighter` are gentler
    ways: (a line of the cell, the bytes it then needs).
    """

    device: str
    bytes: int
    subject: str
    least: int | None = None
    lighter: tuple[tuple[str, int], ...] = ()


class Resident(Protocol):
    """Something open, as those who opened it see it."""

    key: Any
    thing: Any
    load_seconds: float
    holders: set[str]

    @property
    def pinned(self) -> bool: ...


class Room(Protocol):
    """One holder's place among the residents: what `open` and `change` are given.

    `effect` is what was said that opening would do, where a change is being applied; None where a cell is run.
    """

    holder: str
    effect: Effect | None

    @property
    def held(self) -> Resident | None:
        """What the holder has open now."""

    def get(self, key: Hashable) -> Resident | None:
        """What is open by this key, whoever holds it."""

    def hold(self, key: Hashable, open: Callable[[], Open], need: Need | None = None) -> Resident:
        """What this key says, opened if it is not there; the holder lets go of any other first.

        Idle residents go where `need` asks for room. DoesNotFit, with nothing gone, where that is not enough.
        """

    def become(self, resident: Resident, key: Hashable, work: Callable[[], None], need: Need | None = None) -> None:
        """Let a resident become what another key says: `work` changes it, in its turn among the calls."""

    def alter(self, resident: Resident, work: Callable[[], None]) -> None:
        """Change a resident that stays what its key says, in its turn among the calls."""

    def in_the_way(self, key: Hashable, need: Need) -> Sequence[Resident]:
        """What would have to go before this can be opened. DoesNotFit where that is not enough."""

    def refuse(self, need: Need) -> None:
        """DoesNotFit where a need cannot be met even with everything else gone."""

    def whose(self, resident: Resident) -> str:
        """What a reader calls a resident: the components that hold it."""

    def took(self, key: Hashable) -> float | None:
        """Seconds that opening this took before."""

    def others(self) -> Sequence[Resident]:
        """Everything that is open."""


# --- one call ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a component: the fields of its action with every expression evaluated, and the run.

    `inputs` are what the call was given, by name; `run` is who listens and who may stop it.
    """

    fields: Any
    run: Run
    inputs: Mapping[str, Any] = field(default_factory=dict, repr=False)


# --- the contract -----------------------------------------------------------------------------------------------------


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
    def plan(cls, written: Component, env: Mapping[str, str], beside: Mapping[str, Any]) -> Planned:
        """The component with every choice made; what stands in the way is data on it.

        `env` are the variables of `${env.X}`; `beside` are fields decided beside the text (`%%compose --device cpu`).
        Looks at this machine's disk and devices; opens nothing, and no socket.
        """
        settings, problems = filled(written, env, beside)
        if not cls.runs:
            problems = (*problems, _not_built(written))
        return Planned(written.id, written, settings, default_inputs(written), problems=problems)

    @classmethod
    def refuses(cls, planned: Planned, env: Mapping[str, str], beside: Mapping[str, Any]) -> Sequence[ComposeError]:
        """What would stand in the way with these fields decided beside the text, on what is known already.

        Cheaper than to plan anew: no file is looked for.
        """
        return filled(planned.component, env, beside)[1]

    @classmethod
    def open(cls, planned: Planned, room: Room, run: Run) -> Resident | None:
        """Open what the plan's key says, through `room.hold`; None where nothing stays open between calls.

        Called before a call whose resident is not there, and to apply a change. An error leaves what is open as it was,
        as far as that can be.
        """
        return None

    @classmethod
    def fetch(cls, planned: Planned, run: Run) -> list[tuple[str, Any]]:
        """Download what opening would, and open nothing. Gives names and `weights.Checkpoint`s."""
        return []

    @classmethod
    def change(cls, old: Planned, new: Planned, room: Room) -> Effect:
        """What opening `new` would do to what `old` has open: the least step that is right. Does nothing yet.

        DoesNotFit where it needs more memory than can be had.
        """
        now = room.held
        if new.key == old.key:
            return Effect("nothing", "nothing that is open changes", seconds=0.0)
        if now is None:
            return Effect("later", "the next call opens it")
        if new.key is not None and (other := room.get(new.key)) is not None:
            return Effect("share", f"uses what {room.whose(other)} has open", seconds=0.0)
        return Effect("reload", f"opens {new.subject} again")

    @classmethod
    def streams(cls, planned: Planned, fields: Any) -> bool:
        """Whether the answer of a call with these fields is wanted piece by piece.

        InputError where it cannot be had so.
        """
        return bool(getattr(fields, "streaming", False))

    @classmethod
    def call(cls, planned: Planned, opened: Any, call: Call) -> Any:
        """The value of one call: what `${result}` is in its `output`.

        `opened` is the `Open` of the plan's key, in its turn, or None where nothing stays open. Says how far it is by
        `call.run.emit`, and ends soon after `call.run.stopped`, with what there is by then.
        """
        raise NotImplementedError

    @classmethod
    def card(cls, planned: Planned, resident: Resident | None) -> Iterator[tuple[str, str]]:
        """What there is to say about it, in rows of a label and a text: what it is, and what is open."""
        yield "type", planned.kind


def default_inputs(written: Component) -> tuple[Input, ...]:
    """The inputs of the action that runs when none is named."""
    action = written.action()
    return inputs_of(action.written, type(action.fields))


def filled(
    written: Component, env: Mapping[str, str], beside: Mapping[str, Any]
) -> tuple[Any, tuple[ComposeError, ...]]:
    """The component's own fields with `${env.…}` filled in and what was decided beside the text; or what is wrong."""
    model = type(written.settings)
    idle = [name for name, value in beside.items() if value is not None and name not in model.model_fields]
    idle = [name for name in idle if name not in written.shape.action.model_fields]
    problems: list[ComposeError] = []
    if idle:
        flags = listing([f"--{name}" for name in idle], "and")
        problems.append(SpecError(Problem(f"{written.type.name} has no {flags}", fix="leave it out")))
    try:
        values = expressions.resolve_env(written.own, env)
        chosen = {name: value for name, value in beside.items() if name in model.model_fields and value is not None}
        return model.model_validate({**values, **chosen}), tuple(problems)
    except ValidationError as error:
        problems.append(SpecError(problems_of(error, written.own, model)))
    except ComposeError as error:
        problems.append(error)
    return written.settings, tuple(problems)


def _not_built(written: Component) -> NotBuilt:
    return NotBuilt(
        f"type: {written.type.name} is read and planned, but this version does not run it yet",
        place=place_in(written.written, ("type",)),
    )
