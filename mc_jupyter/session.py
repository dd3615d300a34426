"""What Python code holds: a session, and the handles of the components that it has defined. Each method is a line."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping, Set
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mc_jupyter import document
from mc_jupyter.components import DEFAULT, Planned
from mc_jupyter.document.plan import Plan
from mc_jupyter.drivers import AdapterFacts, AdapterKey, Facts
from mc_jupyter.engine import Engine, report
from mc_jupyter.engine.calls import given
from mc_jupyter.engine.changes import Change
from mc_jupyter.engine.definition import Defined, Definition
from mc_jupyter.engine.misgiven import refuse_fields
from mc_jupyter.engine.report import MemoryReport, ResidentRow
from mc_jupyter.engine.residents import Resident
from mc_jupyter.engine.streams import TextStream
from mc_jupyter.errors import InputError, NeedsWord, NotBuilt, RunError
from mc_jupyter.events import Run
from mc_jupyter.interrupts import going
from mc_jupyter.language.given import refuse_table
from mc_jupyter.language.inputs import Input
from mc_jupyter.trust.environment import Allowed, names_in
from mc_jupyter.trust.permissions import MAX_PIXELS, Permissions
from mc_jupyter.weights import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mc_jupyter.comparison import Comparison

NewRun = Callable[[], AbstractContextManager[Run]]


def silent_run() -> AbstractContextManager[Run]:
    """A run that nobody listens to."""
    return nullcontext(Run())


def _nothing() -> None:
    """What happens on a change that nobody wants to hear of."""


def no_panel(handle: Handle) -> Any:
    """What `handle.panel()` gives where there are no widgets."""
    raise RunError("a panel needs a notebook", fix=f"%load_ext mc_jupyter, then %compose panel {handle.name}")


class Session:
    """Defines components, keeps what they need open, and calls them. A notebook has one; anyone may make more.

    trust        nobody is asked before commands run, secrets are sent to a host or environment variables are read
    env          environment variables that `${env.X}` may read, names and patterns: `["STYLE", "DB_*"]`
    new_run      a function that gives a context manager of a Run: for calls that bring no run of their own
    panel        a function that gives what `handle.panel()` gives
    memory       the most bytes that models may take, by device: `{"cpu": 8e9}`, `cuda` for each GPU (what is free there
                 counts in any case)
    on_change    called after what is open, or what a component says, has changed; perhaps from another thread
    allow_urls   texts in inputs may be fetched from public addresses, as if every cell said `allow_urls: true`
    allow_paths  texts in inputs may name files outside the working folder, as if every cell said `allow_paths: true`
    max_pixels   images of more pixels, width times height, are refused

    Leaving its `with` block closes everything; a session that is left open warns (ResourceWarning). Methods may be
    called from several threads. Where one takes a `run`, that Run hears how far the work is and may stop it.
    """

    panel: Callable[[Handle], Any] = staticmethod(no_panel)
    """What `handle.panel()` gives: whoever has widgets hands them in."""

    def __init__(
        self,
        *,
        trust: bool = False,
        env: Iterable[str] = (),
        new_run: NewRun | None = None,
        panel: Callable[[Handle], Any] | None = None,
        memory: Mapping[str, float] | None = None,
        on_change: Callable[[], None] = _nothing,
        allow_urls: bool = False,
        allow_paths: bool = False,
        max_pixels: int = MAX_PIXELS,
    ):
        limits = {device: int(limit) for device, limit in (memory or {}).items()}
        permissions, allowed = Permissions(allow_urls, allow_paths, max_pixels), Allowed(names_in(env), trust)
        self.engine = Engine(limits, permissions, on_change, allowed=allowed, trust=trust)
        self.new_run = new_run or silent_run
        if panel is not None:
            self.panel = panel
        self._closed = False

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True) and list(self.engine.residents):
            warnings.warn(f"a session was left open: {self!r}", ResourceWarning, source=self, stacklevel=2)

    def __repr__(self) -> str:
        return f"<Session: {len(self.engine.defined)} components, {len(list(self.engine.residents))} models loaded>"

    @property
    def handles(self) -> Mapping[str, Handle]:
        """Every component that has been defined, by its name."""
        return MappingProxyType({name: one.face for name, one in self.engine.defined.items()})

    @property
    def loads(self) -> int:
        """How many models this session has loaded: running a cell again adds none."""
        return self.engine.residents.loads

    @property
    def permissions(self) -> Permissions:
        """What reading inputs may touch, whatever the component."""
        return self.engine.permissions

    @permissions.setter
    def permissions(self, allowed: Permissions) -> None:
        self.engine.permissions = allowed

    @property
    def allowed(self) -> Allowed:
        """Which environment variables documents may read, and by whose word."""
        return self.engine.allowed

    @allowed.setter
    def allowed(self, allowed: Allowed) -> None:
        self.engine.allowed = allowed

    @property
    def limits(self) -> Mapping[str, int]:
        """Bytes per device that models may take."""
        return self.engine.residents.limits

    @limits.setter
    def limits(self, limits: Mapping[str, float]) -> None:
        self.engine.residents.limits = {device: int(limit) for device, limit in limits.items()}

    def close(self) -> None:
        """Stop what runs, close everything that is open, and forget every component. May be called twice.

        Nothing can be opened after it: RunError.
        """
        self._closed = True
        self.engine.close()

    # --- describing ---------------------------------------------------------------------------------------------------

    def plan(self, text: str, *, first_line: int = 1, overrides: Mapping[str, Any] | None = None) -> Plan:
        """What a text would do here. Loads, downloads and runs nothing. `check` is another name of it.

        text        the document
        first_line  what lines in errors count from
        overrides   fields decided beside the text, as if it said so: `{"device": "cpu", "adapters.alpaca": 0.3}`

        Gives the plan. What stands in the way of running it is no error here: it is in `plan.problems`. Raises
        SpecError where the text is no document, UnknownName for a field that cannot be decided beside it.
        """
        return self.engine.plan(text, first_line=first_line, beside=overrides)

    check = plan

    def handle(self, name: str) -> Handle:
        """The component of this name. UnknownName where none has been defined; RunError in a closed session."""
        found: Handle = self.engine.named(name).face
        return found

    # --- defining -----------------------------------------------------------------------------------------------------

    def load(
        self,
        text: str,
        name: str | None = None,
        *,
        component: str = DEFAULT,
        first_line: int = 1,
        overrides: Mapping[str, Any] | None = None,
        plan: Plan | None = None,
        run: Run | None = None,
    ) -> Handle:
        """Define a component and open what it needs, unless the cell says `preload: false`.

        text        the document
        name        what the component is called here; default: its id, or its task
        component   which of several components, by its id; default: the only one, or the one marked `default: true`
        first_line  what lines in errors count from
        overrides   fields decided beside the text, as in `plan`
        plan        the text's plan, where it has been made already
        run         hears Phase (find, download, load), Advance and Note, and may stop a download

        Gives its handle. The same text again loads nothing. Raises SpecError (a wrong text), UnknownName (no such
        component), PlanError (it cannot be done here: a missing package, too little memory, a word to be given first),
        WeightsError (its files), Interrupted. An error leaves the name with what it was before; where it came while
        weights were read, what was let go of for them is opened again at the next call.
        """
        definition = self.engine.definition(text, component, first_line=first_line, beside=overrides, plan=plan)
        run = run or Run()
        for note in definition.plan.own_notes:
            run.note(note)
        handle = Handle(self, Defined(name or definition.name, definition))
        self.engine.define(handle.defined, run)
        return handle

    def pull(self, text: str, *, first_line: int = 1, run: Run | None = None) -> list[tuple[str, Checkpoint]]:
        """Download what a text's models need, their adapters too, and load nothing.

        text        the document
        first_line  what lines in errors count from
        run         hears Phase (find, download), Advance and Note, and may stop the download

        Gives for each model and adapter its name and its files. Raises SpecError, NeedsWord, WeightsError, Interrupted;
        what is on this disk already stays, and the rest can be downloaded later.
        """
        self.engine.forget_plans()  # a branch may be elsewhere now
        run = run or Run()
        made = self.plan(text, first_line=first_line)
        for component in made.components:
            self.engine.refuse(component, NeedsWord)
        with going(run):
            return [found for c in made.components for found in c.type.fetch(c, run)]

    # --- changing -----------------------------------------------------------------------------------------------------

    def apply(self, change: Change, run: Run | None = None) -> Handle:
        """Do what a change says, which `handle.change` gave.

        change  the fields to set; where another change has been applied since, it is described anew, so that neither
                is lost
        run     hears how far it is where something has to be opened

        Gives the handle: the same one, with another text. Raises what loading may; an error leaves the text as it was,
        and what was let go of meanwhile is opened again at the next call.
        """
        handle = self.handle(change.name)
        self.engine.apply(change, run or Run())
        return handle

    # --- calling ------------------------------------------------------------------------------------------------------

    def run(self, text: str, inputs: Any = None, workflow: str | None = None, *, run: Run | None = None) -> Any:
        """Run a document once.

        text      the document
        inputs    a mapping of names to values, or the first input alone
        workflow  which workflow or component of the document; default: the default one
        run       hears how far it is, and may stop it

        Gives what `output` says, else the result itself. What it opens stays open until another document of the same
        component is run, or `unload()`. Raises what `load` and a call may; NotBuilt for a document with workflows.
        """
        if document.read(text).workflows:
            raise NotBuilt("workflows are read and planned, but this version does not run them yet")
        definition = self.engine.definition(text, workflow or DEFAULT)
        # What it opens stays, under a name that no variable can have, until another document of this name is run.
        handle = Handle(self, Defined(f"document {definition.component}", definition))
        return handle(run=run) if inputs is None else handle(inputs, run=run)

    @contextmanager
    def running(self, run: Run | None) -> Iterator[Run]:
        """A `with` block over `run`, or where that is None, over one of this session's `new_run`."""
        if run is not None:
            yield run
            return
        with self.new_run() as own:
            yield own

    # --- looking after what is open -----------------------------------------------------------------------------------

    def unload(self, name: str | None = None) -> list[str]:
        """Let go of what the component of this `name` has open; without a name, of everything.

        Gives a line of words for each thing that went. Its next call opens it again. Raises RunError, with nothing
        gone, while something of it runs, and UnknownName where there is no such component.
        """
        return self.engine.unload(None if name is None else self.handle(name).defined)

    def pin(self, name: str, on: bool = True) -> None:
        """Keep what the component of this `name` has open, whatever needs room, until it is unpinned or unloaded.

        With `on=False` it is unpinned. Raises RunError where it has nothing open to keep, and UnknownName where there
        is no such component.
        """
        handle = self.handle(name)
        if not on:
            self.engine.residents.unpin(name)
        elif not self.engine.residents.pin(name):
            if not handle.planned.loads:
                raise RunError(f"{name} has nothing open that could be kept: {handle.planned.kind} loads no model")
            raise RunError(f"{name} has no model loaded", fix=f"call it once, then %compose pin {name}")

    def residents(self) -> list[ResidentRow]:
        """Everything that is open: whose it is, what it takes, and how long it has been idle."""
        return [report.row(resident) for resident in self.engine.residents]

    def memory(self) -> MemoryReport:
        """Free memory of each device in use, and what everything that is open takes of it."""
        return report.memory(self.engine.residents)

    def resident_of(self, handle: Handle) -> Resident | None:
        """What a handle has open; None where that is nothing."""
        return self.engine.held(handle.defined)


class Handle:
    """A component that can be called: `handle("…")`, `handle(text="…", seed=3)`. `Session.load` makes it.

    It holds no model, only its name and text (`defined`) and a weak hold of its `session`: whoever keeps a handle keeps
    nothing open. In calls, `run` is a Run that hears Phase, Advance, Piece, Preview, Note and Done, and may stop it;
    `seed` makes what is drawn repeatable, and counts for more than the cell's; `action` names one of several actions
    (default: the only one, or the one marked `default: true`).
    """

    def __init__(self, session: Session, defined: Defined):
        self._session = weakref.ref(session)
        self.defined = defined
        defined.face = self

    def __repr__(self) -> str:
        told = dict.fromkeys((self.planned.kind, self.planned.subject, self.state))  # a subject may be the kind
        return f"<{self.name}: {', '.join(filter(None, told))}>"

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """The session that defined it. RunError where that has ended."""
        session = self._session()
        if session is None:
            raise RunError(f"{self.name} belongs to a session that has ended", fix="run its cell again")
        return session

    @property
    def name(self) -> str:
        """What it is called in its session."""
        return self.defined.name

    @property
    def definition(self) -> Definition:
        """Its text and plan as they are now, frozen."""
        return self.defined.definition

    @property
    def text(self) -> str:
        """The document that defines it, as it now reads."""
        return self.definition.text

    @property
    def plan(self) -> Plan:
        """The plan of the whole document."""
        return self.definition.plan

    @property
    def planned(self) -> Planned:
        """The component with every choice made."""
        return self.definition.planned

    @property
    def overrides(self) -> Mapping[str, Any]:
        """What was decided beside the text."""
        return self.definition.beside

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What a call needs: of a component with several actions, the default one."""
        return self.planned.inputs

    @property
    def actions(self) -> tuple[str, ...]:
        """What it can do, where it says more than one thing."""
        return tuple(action.id for action in self.planned.component.actions)

    @property
    def permissions(self) -> Permissions:
        """What reading the inputs may touch: what the session allows, and what cell and user together allow besides."""
        return self.session.engine.permissions_of(self.planned)

    # --- calling ------------------------------------------------------------------------------------------------------

    def __call__(
        self, *args: Any, run: Run | None = None, seed: int | None = None, action: str = DEFAULT, **inputs: Any
    ) -> Any:
        """The result for these inputs.

        args    the first input alone, by position
        inputs  inputs by name, as `handle.inputs` says; a list as the value of one is many calls
        run, seed, action    as for every call (see Handle)

        Gives what `output` says, else the result: of one input a Text, Label, Embedding, Faces or image, of a list a
        Batch of them, with `streaming: true` a stream. Opens what it needs where that is not open. Raises InputError
        for inputs that are lacking, unknown or of another kind, UnknownName for an action that there is not, what
        loading may, Interrupted with what there was by then in `partial`, and RunError for what fails in the library.
        """
        session = self.session
        refuse_fields(self.name, self.planned, args, inputs, action=action)
        found = given(self.name, self.planned.inputs_for(action), args, inputs)
        with session.running(run) as running:
            return session.engine.call(self.defined, found, run=running, action=action, seed=seed)

    def map(self, items: Iterable[Any], *, run: Run | None = None, **inputs: Any) -> Any:
        """The results for many first inputs, in order; they go through the model in batches, the longest first.

        items   the first inputs: anything that can be looped over, but for a text
        inputs  other inputs by name, the same for all; `seed` and `action`, as in a call
        run     hears Advance after each batch, and may stop it

        Gives and raises what a call with a list does. InputError where items are no list.
        """
        refuse_table(items, self.inputs[0].name if self.inputs else "the input")
        if isinstance(items, str | bytes | bytearray | Mapping | Set) or not isinstance(items, Iterable):
            raise InputError(f"map takes a list of inputs, not {type(items).__name__}", fix=f"{self.name}.map([…])")
        return self(list(items), run=run, **inputs)

    def stream(self, *args: Any, seed: int | None = None, action: str = DEFAULT, **inputs: Any) -> TextStream:
        """The answer piece by piece, as it is written.

        args, inputs, seed, action    as in a call

        Gives a TextStream: pieces of text, read with `for` or `async for`; its `result` is the whole answer at the end.
        What it needs is opened now; the run begins when the first piece is read, and stops when the stream is closed or
        let go of, as leaving a loop over it does. Raises what a call may, errors of the run to whoever reads.
        """
        refuse_fields(self.name, self.planned, args, inputs, action=action)
        found = given(self.name, self.planned.inputs_for(action), args, inputs)
        return self.session.engine.stream(self.defined, found, run=Run(), action=action, seed=seed)

    def missing(self, inputs: Mapping[str, Any], action: str = DEFAULT) -> list[Input]:
        """What a call of this `action` needs and these `inputs`, by name, do not give. Calls nothing."""
        return self.planned.missing(inputs, action)

    # --- looking ------------------------------------------------------------------------------------------------------

    @property
    def resident(self) -> Resident | None:
        """What it has open; None where that is nothing, or its session has ended."""
        session = self._session()
        return session.engine.held(self.defined) if session else None

    @property
    def state(self) -> str:
        """How its model is loaded: `float32 on cpu`, or `not loaded`; nothing where there is no model."""
        if (facts := self.facts()) is not None:
            return f"{facts.number_type} on {facts.device}"
        return "not loaded" if self.planned.loads else ""

    def facts(self) -> Facts | None:
        """What the loaded model really is; None when it is not loaded."""
        resident = self.resident
        return resident.thing.facts() if resident else None

    def adapters(self) -> list[tuple[AdapterKey, float, AdapterFacts | None]]:
        """The adapters that are loaded: what each is, its weight, and what its layers say of it."""
        resident = self.resident
        return resident.thing.adapters_of(self.planned) if resident else []

    def provenance(self) -> dict[str, Any]:
        """What its answers come from, by field."""
        resident = self.resident
        return self.planned.provenance(resident.thing if resident else None)

    def card(self) -> tuple[tuple[str, str], ...]:
        """What there is to say about it, in rows of a label and a text."""
        return tuple(report.card(self.defined, self.resident))

    # --- changing -----------------------------------------------------------------------------------------------------

    def change(self, settings: Mapping[str, Any] | None = None, /, **more: Any) -> Change:
        """What setting these fields would do, said before it is done: `handle.change(precision="bfloat16")`.

        settings  fields by name, where one has a dot in it: `{"adapters.alpaca": 0.3}`
        more      fields by name; None is a field's default

        Gives a Change, which `session.apply` does. Raises the error that the cell would give: UnknownName for a field
        that there is not, SpecError for a wrong value, PlanError where it cannot be had here (DoesNotFit: too large).
        """
        return self.session.engine.change(self.defined, _dotted(settings, more))

    def set(self, settings: Mapping[str, Any] | None = None, /, *, run: Run | None = None, **more: Any) -> Change:
        """Set fields of the component, with the least change to what is loaded: `handle.set(temperature=0.2)`.

        settings, more  fields, as in `change`; `adapters={"alpaca": 0.3}` is `{"adapters.alpaca": 0.3}`
        run             hears how far it is where something has to be opened

        Gives the Change that was made. The handle stays the same; its `text` is the cell as it now reads. Raises what
        `change` and loading may; an error leaves the text as it was, and what was let go of is opened again at the
        next call.
        """
        change = self.change(settings, **more)
        with self.session.running(run) as running:
            self.session.engine.apply(change, running)
        return change

    def panel(self) -> Any:
        """Controls for the component's settings, inputs and model: a widget. RunError where there is no notebook."""
        return self.session.panel(self)

    def compare(
        self,
        grid: Mapping[str, Any] = MappingProxyType({}),
        /,
        *args: Any,
        seed: int | None = None,
        run: Run | None = None,
        **inputs: Any,
    ) -> Comparison:
        """Run every combination of some settings over the same inputs, and say what each gave and took.

        grid          fields as in `set`, each with the values to try: `{"precision": ["float32", "bfloat16"]}`
        args, inputs  as in a call; a list is many items
        seed          what every variant draws with; default: the cell's, else one that is drawn once
        run           hears Phase, Advance, Note and Done, and may stop it

        Gives a Comparison, with the rows that there are by then where it was stopped. The handle and its model stay as
        they are. Raises UnknownName and InputError, before anything runs, for a field or an input that there is not;
        what goes wrong with one variant is its row's `error`.
        """
        from mc_jupyter.comparison import compare

        if not isinstance(grid, Mapping):
            raise InputError(
                f"what to compare is a mapping, not {type(grid).__name__}", fix='compare({"precision": ["float32", …]})'
            )
        with self.session.running(run) as running:
            return compare(self.session.engine, self.defined, grid, *args, seed=seed, run=running, **inputs)

    def unload(self) -> None:
        """Let go of what it has open; the next call opens it again. RunError while it is called."""
        self.session.unload(self.name)


def _dotted(settings: Mapping[str, Any] | None, more: Mapping[str, Any]) -> dict[str, Any]:
    """Fields by name, `adapters={"alpaca": 0.3}` as `{"adapters.alpaca": 0.3}`. InputError for what is no mapping."""
    if settings is not None and not isinstance(settings, Mapping):
        raise InputError(
            f"fields are set by name, not by {settings!r}", fix='set(chunk_size=3), or set({"name": value})'
        )
    named = {**(settings or {}), **more}
    inner = named.get("adapters")
    if not isinstance(inner, Mapping):
        return named
    rest = {name: value for name, value in named.items() if name != "adapters"}
    return {**rest, **{f"adapters.{name}": value for name, value in inner.items()}}
