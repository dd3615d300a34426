"""One kernel's state, and the road from text to result: read, plan, fetch, load, call."""

from __future__ import annotations

import os
import queue
import threading
import time
import traceback
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mc_jupyter import calls, devices, weights
from mc_jupyter import plan as planning
from mc_jupyter import spec as specs
from mc_jupyter.cache import Cache, Resident
from mc_jupyter.drivers import Driver, Facts, ModelPlan
from mc_jupyter.errors import (
    ComposeError,
    InputError,
    Interrupted,
    NotBuilt,
    RunError,
    UnknownName,
    did_you_mean,
    listing,
)
from mc_jupyter.events import Done, Event, Phase, Piece, Run, stop_on_interrupt
from mc_jupyter.plan import ComponentPlan, Input, Plan
from mc_jupyter.spec import DEFAULT
from mc_jupyter.values import Batch, Stream
from mc_jupyter.weights import Checkpoint


@dataclass(frozen=True, slots=True)
class ResidentRow:
    """One loaded model as a reader sees it. `bytes` is read from its tensors, times are in seconds."""

    subject: str
    names: tuple[str, ...]
    device: str
    dtype: str
    bytes: int
    parameters: int | None
    pinned: bool
    running: bool
    load_seconds: float
    idle_seconds: float


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """Where memory goes: what is free on each device, what this process takes, and the loaded models."""

    devices: Mapping[str, devices.Memory]
    process: int
    residents: tuple[ResidentRow, ...]


class Session:
    """Defines components, keeps their models, and calls them. A notebook has one; anyone may make more.

    `trust=True` asks nobody before it runs commands or sends secrets. Leaving the `with` block unloads everything.
    """

    def __init__(self, *, trust: bool = False):
        self.trust = trust
        self._cache: Cache[ModelPlan, Driver] = Cache()
        self._handles: dict[str, Handle] = {}
        self._plans: dict[tuple[Any, ...], Plan] = {}

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Session: {len(self._handles)} components, {sum(1 for _ in self._cache)} models loaded>"

    @property
    def handles(self) -> Mapping[str, Handle]:
        return MappingProxyType(self._handles)

    @property
    def loads(self) -> int:
        """How many models this session has loaded: running a cell again adds none."""
        return self._cache.loads

    def close(self) -> None:
        """Unload every model and forget every component."""
        self._cache.clear()
        self._handles.clear()

    # --- describing ---------------------------------------------------------------------------------------------------

    def plan(self, text: str, *, first_line: int = 1, overrides: Mapping[str, Any] | None = None) -> Plan:
        """What the text would do here. Loads, downloads and runs nothing."""
        return planning.make(specs.read(text, first_line=first_line), os.environ, overrides)

    check = plan

    def handle(self, name: str) -> Handle:
        """The component of that name; UnknownName when no cell has defined it."""
        if name in self._handles:
            return self._handles[name]
        hint = did_you_mean(name, self._handles)
        known = listing([*self._handles], "and")
        raise UnknownName(
            f"no component {name!r} has been defined" + (f"; {hint}" if hint else ""),
            fix=f"there are: {known}" if known else "run a cell that begins with %%compose " + name,
        )

    # --- defining -----------------------------------------------------------------------------------------------------

    def load(
        self,
        text: str,
        name: str | None = None,
        *,
        first_line: int = 1,
        overrides: Mapping[str, Any] | None = None,
        run: Run | None = None,
    ) -> Handle:
        """Define a component and load its model, unless the cell says `preload: false`.

        Returns its handle. The same text again loads nothing. An error before weights are read (a wrong text, missing
        files, too little memory) leaves everything as it was.
        """
        made = self.plan(text, first_line=first_line, overrides=overrides)
        component = _runnable(made)
        handle = Handle(self, name or _name_of(component), text, made, component, dict(overrides or {}))
        if component.settings.preload:
            self.ready(handle, run or Run())
        self._handles[handle.name] = handle
        return handle

    def pull(self, text: str, *, first_line: int = 1, run: Run | None = None) -> list[Checkpoint]:
        """Download what the text's models need, and load nothing."""
        made = self.plan(text, first_line=first_line)
        run = run or Run()
        with stop_on_interrupt(run):
            return [self._fetch(c, run) for c in made.components if c.driver and c.driver.needs_weights]

    def ready(self, handle: Handle, run: Run) -> Resident[ModelPlan, Driver]:
        """The handle's model, loaded if it is not."""
        resident = self._cache.get(handle.model_plan) if handle.model_plan else None
        if resident is not None and handle.name in resident.holders and handle.current():
            return resident
        return self._load(handle, run)

    def _load(self, handle: Handle, run: Run) -> Resident[ModelPlan, Driver]:
        component = handle.component
        for obstacle in component.obstacles:
            raise obstacle
        assert component.driver is not None
        assert component.task is not None
        checkpoint = self._fetch(component, run) if component.driver.needs_weights else None
        if checkpoint:
            component.driver.check(component.task, component.settings, checkpoint)
        key = component.model(checkpoint)
        driver = component.driver
        if self._cache.get(key) is None and checkpoint:
            self._refuse_if_too_large(handle, key, checkpoint)

        def load() -> Driver:
            run.emit(Phase("load", component.subject))
            return driver.load(key, checkpoint, run)

        resident = self._cache.hold(key, handle.name, load)
        handle.model_plan = key
        return resident

    def _fetch(self, component: ComponentPlan, run: Run) -> Checkpoint:
        assert component.driver is not None
        settings = component.settings
        return weights.fetch(settings.model, run, allow_pickle=settings.allow_pickle, formats=component.driver.formats)

    def _refuse_if_too_large(self, handle: Handle, key: ModelPlan, checkpoint: Checkpoint) -> None:
        """DoesNotFit before anything is read or released. What the load itself will release counts as free."""
        need = weights.estimate(checkpoint, key.dtype, key.quantization).peak_bytes
        memory = devices.free_memory(key.device)
        leaving = self._cache.leaving(handle.name, key)
        freed = sum(r.model.facts().bytes for r in leaving if r.key.device == key.device)
        memory = devices.Memory(memory.free + freed, memory.total, memory.limit_by)
        staying = [
            (", ".join(sorted(r.holders)) or r.key.subject, r.model.facts().bytes)
            for r in self._cache
            if r not in leaving and r.key.device == key.device
        ]
        weights.check_fits(
            need, memory, staying, subject=key.subject, lighter=weights.alternatives(checkpoint, key.dtype)
        )

    # --- calling ------------------------------------------------------------------------------------------------------

    def run(self, text: str, inputs: Any = None, workflow: str | None = None, *, run: Run | None = None) -> Any:
        """Run a document: its default workflow or component, or the one named.

        `inputs` is a mapping of names to values, or the first input alone. Gives what the component's `output` says.
        """
        document = specs.read(text)
        if document.workflows:
            raise NotBuilt("workflows are read and planned, but this version does not run them yet")
        made = self.plan(text)
        component = _runnable(made, workflow or DEFAULT)
        # Its model stays, under a name that no variable can have, until another document of this name is run.
        handle = Handle(self, f"document {component.id}", text, made, component, {})
        return handle(run=run) if inputs is None else handle(inputs, run=run)

    def call(self, handle: Handle, inputs: Any, *, run: Run, seed: int | None = None) -> Any:
        """One call of a component: render its fields over the inputs, perform its task, build its output."""
        started = time.perf_counter()
        with stop_on_interrupt(run):
            call = calls.prepare(handle.component, inputs, seed=seed, overrides=handle.overrides)
            resident = self.ready(handle, run)
            if call.streams:
                return handle.pieces(call, run)
            result = self.perform(handle, resident, call, run)
        run.emit(Done("done", _figures(result, time.perf_counter() - started)))
        return call.output(result)

    def perform(self, handle: Handle, resident: Resident[ModelPlan, Driver], call: calls.Prepared, run: Run) -> Any:
        task = handle.component.task
        assert task is not None
        with self._cache.lease(resident.key) as model:
            run.emit(Phase("run", handle.name))
            results = _performed(model, task, call, run)
        result = Batch(results) if call.listed else results[0]
        if run.stopped:
            raise _interrupted(result)
        return result

    # --- looking after models -----------------------------------------------------------------------------------------

    def unload(self, name: str | None = None) -> list[str]:
        """Let go of one component's model, or of all; gives a line for each model that went."""
        if name is None:
            rows = self.residents()
            self._cache.clear()
            return [f"{_whose(row)}: {devices.format_bytes(row.bytes)} given back" for row in rows]
        self.handle(name)
        sizes = {id(r): r.model.facts().bytes for r in self._cache.held_by(name)}
        others = [r for r in self._cache.held_by(name) if r.holders != {name}]
        gone = self._cache.release(name)
        lines = [f"{name}: {devices.format_bytes(sizes[id(r)])} given back" for r in gone]
        lines += [f"{name}: let go; {listing(sorted(r.holders), 'and')} still hold the model" for r in others]
        return lines or [f"{name}: no model of it is loaded"]

    def pin(self, name: str, on: bool = True) -> None:
        """Keep a component's model when others come and go, until it is unpinned or unloaded by name."""
        self.handle(name)
        held = self._cache.held_by(name)
        if not held:
            raise RunError(f"{name} has no model loaded", fix=f"call it once, then %compose pin {name}")
        for resident in held:
            resident.pinned = on

    def residents(self) -> list[ResidentRow]:
        return [_row(r) for r in self._cache]

    def memory(self) -> MemoryReport:
        names = dict.fromkeys(["cpu", *(r.key.device for r in self._cache)])
        free = {name: devices.free_memory(name) for name in names}
        return MemoryReport(free, devices.process_memory(), tuple(self.residents()))

    def resident_of(self, handle: Handle) -> Resident[ModelPlan, Driver] | None:
        return self._cache.get(handle.model_plan) if handle.model_plan else None


class Handle:
    """A component that can be called. It holds no model: unloading needs no help from whoever keeps a handle."""

    def __init__(
        self, session: Session, name: str, text: str, plan: Plan, component: ComponentPlan, overrides: dict[str, Any]
    ):
        self._session = weakref.ref(session)
        self.name = name
        self.text = text
        self.plan = plan
        self.component = component
        self.overrides = overrides
        self.model_plan: ModelPlan | None = None

    def __repr__(self) -> str:
        facts = self.facts()
        state = f"{facts.dtype} on {facts.device}" if facts else "not loaded"
        task = self.component.task.name if self.component.task else self.component.component.type.name
        return f"<{self.name}: {task}, {self.component.subject}, {state}>"

    @property
    def inputs(self) -> tuple[Input, ...]:
        return self.component.inputs

    def __call__(self, *args: Any, run: Run | None = None, seed: int | None = None, **inputs: Any) -> Any:
        """The result for these inputs. One positional argument is the first input."""
        return self._live().call(self, self._given(args, inputs), run=run or Run(), seed=seed)

    def map(self, items: Sequence[Any], *, run: Run | None = None, **inputs: Any) -> Any:
        """The results for a list of first inputs, in order: batched, longest first."""
        return self(list(items), run=run, **inputs)

    def stream(self, *args: Any, seed: int | None = None, **inputs: Any) -> TextStream:
        """The answer piece by piece, as it is written. `.result` is the whole one at the end."""
        session = self._live()
        run = Run()
        call = calls.prepare(self.component, self._given(args, inputs), seed=seed, overrides=self.overrides)
        session.ready(self, run)
        return TextStream(self, call, run)

    def pieces(self, call: calls.Prepared, run: Run) -> Stream:
        """What `streaming: true` gives: pieces, each shaped by `output` where it names ${result[]}."""
        stream = TextStream(self, call, run)
        return stream.map(call.piece) if call.shapes_pieces else stream

    def missing(self, inputs: Mapping[str, Any]) -> list[Input]:
        """The inputs a call needs and these do not give."""
        return [i for i in self.inputs if i.required and not any(inputs.get(name) is not None for name in i.names)]

    def facts(self) -> Facts | None:
        """What the loaded model really is; None when it is not loaded."""
        session = self._session()
        resident = session.resident_of(self) if session else None
        return resident.model.facts() if resident else None

    def card(self) -> tuple[tuple[str, str], ...]:
        """What there is to say about it, in rows of a label and a text."""
        session = self._session()
        return tuple(_card(self, session.resident_of(self) if session else None))

    def unload(self) -> None:
        """Let go of the model; the next call loads it again."""
        self._live().unload(self.name)

    def current(self) -> bool:
        """Whether the model's files are those that were loaded."""
        component = self.component
        if component.driver is None or not component.driver.needs_weights or self.model_plan is None:
            return True
        return all(_unchanged(entry) for entry in self.model_plan.identity[2:])

    def _live(self) -> Session:
        session = self._session()
        if session is None:
            raise RunError(f"{self.name} belongs to a session that has ended", fix="run its cell again")
        return session

    def _given(self, args: tuple[Any, ...], inputs: dict[str, Any]) -> Any:
        """The inputs of a call by name; a mapping or the first input alone may come without a name."""
        if not args:
            return self._named(inputs)
        if len(args) > 1:
            raise InputError(f"{self.name} takes one input without a name; the others need theirs")
        if inputs or not isinstance(args[0], Mapping):
            if not self.inputs:
                return args[0]
            return self._named({self.inputs[0].name: args[0], **inputs})
        return self._named(dict(args[0]))

    def _named(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The inputs, each also under the other names that the cell's expressions give it."""
        known = {name for i in self.inputs for name in i.names}
        for name in inputs:
            if known and name not in known:
                hint = did_you_mean(name, known)
                raise InputError(
                    f"{self.name} has no input {name!r}" + (f"; {hint}" if hint else ""),
                    fix=f"its inputs: {listing([i.name for i in self.inputs], 'and')}",
                )
        lacking = self.missing(inputs)
        if lacking:
            names = listing([i.name for i in lacking], "and")
            example = ", ".join(f'{i.name}="…"' for i in lacking)
            raise InputError(f"{self.name} needs {names}", fix=f"{self.name}({example})")
        return inputs


class TextStream(Stream):
    """Text as it is written, by a run of its own. Closing it stops the run; `.result` is the whole answer."""

    def __init__(self, handle: Handle, call: calls.Prepared, run: Run):
        self.run = run
        self.result: Any = None
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        session = handle._live()
        resident = session.resident_of(handle)
        assert resident is not None

        def listen(event: Event, heard: Any = run.listener) -> None:
            heard(event)
            if isinstance(event, Piece):
                self._queue.put(event.text)

        run.listener = listen

        def work() -> None:
            try:
                self.result = session.perform(handle, resident, call, run)
                self._queue.put(None)
            except Interrupted as error:
                self.result = error.partial
                self._queue.put(None)
            except BaseException as error:  # handed to whoever reads the stream
                self._queue.put(error)

        self._thread = threading.Thread(target=work, name=f"mc_jupyter-{handle.name}", daemon=True)
        self._thread.start()
        super().__init__(self._read())

    def _read(self) -> Iterator[str]:
        try:
            while (piece := self._queue.get()) is not None:
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
        finally:
            self.run.stop()
            self._thread.join()


# --- small parts ------------------------------------------------------------------------------------------------------


def _runnable(made: Plan, name: str = DEFAULT) -> ComponentPlan:
    if made.spec.workflows and not made.components:
        raise NotBuilt("workflows are read and planned, but this version does not run them yet")
    wanted = made.spec.component(name).id
    component = next(c for c in made.components if c.id == wanted)
    for obstacle in component.obstacles:
        raise obstacle
    return component


def _name_of(component: ComponentPlan) -> str:
    if component.id != "__component__":
        return component.id
    return component.task.name.replace("-", "_") if component.task else component.component.type.name


def _performed(model: Driver, task: Any, call: calls.Prepared, run: Run) -> list[Any]:
    """The driver's results. However it fails, the traceback that goes up holds no tensor."""
    try:
        return model.perform(task, call.for_driver(run))
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)
        if isinstance(error, ComposeError) or not isinstance(error, Exception):
            raise
        raise _engine_failed(error) from None


def _engine_failed(error: Exception) -> ComposeError:
    """A failure of the library, in one line."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    if "out of memory" in text.lower() or isinstance(error, MemoryError):
        return RunError(
            f"out of memory: {text}", fix="batch_size: 1, a shorter input, or %compose unload another model"
        )
    return RunError(f"{type(error).__name__}: {text}")


def _interrupted(partial: Any) -> Interrupted:
    tokens = getattr(partial, "tokens", None)
    error = Interrupted(f"interrupted after {tokens} tokens" if tokens is not None else "interrupted")
    error.partial = partial
    return error


def _figures(result: Any, seconds: float) -> str:
    results = result if isinstance(result, Batch) else [result]
    tokens = sum(getattr(r, "tokens", None) or 0 for r in results)
    if tokens and seconds:
        return f"{tokens} tokens in {seconds:.1f} s ({tokens / seconds:.0f}/s)"
    return f"{len(results)} in {seconds:.2f} s"


def _row(resident: Resident[ModelPlan, Driver]) -> ResidentRow:
    facts = resident.model.facts()
    return ResidentRow(
        subject=resident.key.subject,
        names=tuple(sorted(resident.holders)),
        device=facts.device,
        dtype=facts.dtype,
        bytes=facts.bytes,
        parameters=facts.parameters,
        pinned=resident.pinned,
        running=resident.users > 0,
        load_seconds=resident.load_seconds,
        idle_seconds=time.monotonic() - resident.last_used,
    )


def _whose(row: ResidentRow) -> str:
    return ", ".join(row.names) or row.subject


def _unchanged(entry: tuple[str, int, int]) -> bool:
    try:
        facts = os.stat(entry[0])
    except OSError:
        return False
    return (facts.st_size, facts.st_mtime_ns) == entry[1:]


def _card(handle: Handle, resident: Resident[ModelPlan, Driver] | None) -> Iterator[tuple[str, str]]:
    component = handle.component
    settings = component.settings
    yield "task", component.task.name if component.task else component.component.type.name
    yield "model", component.subject
    if component.driver:
        yield (
            "driver",
            f"{settings.driver or component.task.driver if component.task else ''} ({component.driver.name})",
        )
    if resident is None:
        yield "state", "not loaded; the first call loads it"
    else:
        facts = resident.model.facts()
        yield "device", f"{facts.device} (asked: {settings.device}; {component.device_why})"
        yield "precision", f"{facts.dtype} (asked: {settings.precision})"
        size = devices.format_bytes(facts.bytes)
        yield "memory", f"{size}, {facts.parameters:,} parameters" if facts.parameters else size
        if facts.window:
            yield "window", f"{facts.window} tokens"
        yield "loaded in", f"{resident.load_seconds:.2f} s"
    if handle.inputs:
        yield "inputs", ", ".join(i.name + ("" if i.required else " (optional)") for i in handle.inputs)
        yield (
            "call it",
            f'{handle.name}("…")'
            if len([i for i in handle.inputs if i.required]) <= 1
            else (f"{handle.name}({', '.join(f'{i.name}=…' for i in handle.inputs if i.required)})"),
        )
    for note in (*handle.plan.spec.remarks, *component.notes):
        yield "note", note
