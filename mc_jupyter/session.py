"""One kernel's state, and the road from text to result: read, plan, fetch, load, call."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mc_jupyter import calls, devices, weights
from mc_jupyter import plan as planning
from mc_jupyter import spec as specs
from mc_jupyter.cache import Cache, Resident
from mc_jupyter.drivers import Driver, ModelPlan
from mc_jupyter.errors import (
    ComposeError,
    InputError,
    Interrupted,
    NotBuilt,
    RunError,
    UnknownName,
    did_you_mean,
    forget_frames,
    listing,
)
from mc_jupyter.events import Done, Phase, Run, stop_on_interrupt
from mc_jupyter.handles import Handle
from mc_jupyter.plan import ComponentPlan, Plan
from mc_jupyter.spec import DEFAULT
from mc_jupyter.values import Batch
from mc_jupyter.weights import Checkpoint

_PLANS_KEPT = 64

NewRun = Callable[[], AbstractContextManager[Run]]


def silent_run() -> AbstractContextManager[Run]:
    """A run that nobody listens to."""
    return nullcontext(Run())


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

    `trust=True` asks nobody before it runs commands or sends secrets (nothing of this version does either).
    `new_run` gives calls that bring no run of their own one that somebody listens to. Leaving the `with` block
    unloads everything.
    """

    def __init__(self, *, trust: bool = False, new_run: NewRun | None = None):
        self.trust = trust
        self.new_run = new_run or silent_run
        self._cache: Cache[ModelPlan, Driver] = Cache()
        self._handles: dict[str, Handle] = {}
        self._plans: dict[tuple[Any, ...], Plan] = {}
        self._closed = False

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
        """Unload every model and forget every component. A closed session loads nothing more."""
        self._closed = True
        self._cache.clear()
        self._handles.clear()

    # --- describing ---------------------------------------------------------------------------------------------------

    def plan(self, text: str, *, first_line: int = 1, overrides: Mapping[str, Any] | None = None) -> Plan:
        """What the text would do here. Loads, downloads and runs nothing."""
        if not isinstance(text, str):
            raise InputError(f"a document is text, not {type(text).__name__}")
        key = (text, first_line, tuple(sorted((overrides or {}).items())))
        kept = self._plans.get(key)
        if kept is not None and kept.holds():
            return kept
        made = planning.make(specs.read(text, first_line=first_line), os.environ, overrides)
        if made.settled:
            if len(self._plans) >= _PLANS_KEPT:
                self._plans.clear()
            self._plans[key] = made
        return made

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
        component: str = DEFAULT,
        first_line: int = 1,
        overrides: Mapping[str, Any] | None = None,
        run: Run | None = None,
    ) -> Handle:
        """Define a component and load its model, unless the cell says `preload: false`.

        Of a document with several, it is the default one or the one that `component` names.
        Returns its handle. The same text again loads nothing. An error before weights are read (a wrong text, missing
        files, too little memory) leaves everything as it was.
        """
        made = self.plan(text, first_line=first_line, overrides=overrides)
        chosen = _runnable(made, component)
        handle = Handle(self, name or _name_of(chosen), text, made, chosen, dict(overrides or {}))
        run = run or Run()
        for remark in made.remarks:
            run.note(remark)
        if chosen.checkpoint is not None:
            handle.model_plan = chosen.model(chosen.checkpoint)  # perhaps it is loaded already
        if chosen.settings.preload and not self._is_ready(handle):
            self._load(handle, run)
        self._handles[handle.name] = handle
        return handle

    def pull(self, text: str, *, first_line: int = 1, run: Run | None = None) -> list[Checkpoint]:
        """Download what the text's models need, and load nothing."""
        self._plans.clear()  # a branch may be elsewhere now
        made = self.plan(text, first_line=first_line)
        run = run or Run()
        return [self._fetch(c, run) for c in made.components if c.driver and c.driver.needs_weights]

    def ready(self, handle: Handle, run: Run) -> Resident[ModelPlan, Driver]:
        """The handle's model, loaded if it is not."""
        if (resident := self._is_ready(handle)) is not None:
            return resident
        if self._handles.get(handle.name, handle) is not handle:
            raise RunError(f"the cell of {handle.name} has been run again since", fix=f"use the new {handle.name}")
        return self._load(handle, run)

    def _is_ready(self, handle: Handle) -> Resident[ModelPlan, Driver] | None:
        """The handle's model, if it is loaded, held under its name, and its files are what they were."""
        resident = self._cache.get(handle.model_plan) if handle.model_plan else None
        held = resident is not None and handle.name in resident.holders and handle.current()
        return resident if held else None

    def _load(self, handle: Handle, run: Run) -> Resident[ModelPlan, Driver]:
        if self._closed:
            raise RunError("this session has been closed", fix="make another: mc_jupyter.Session()")
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

        if self._cache.get(key) is None:
            run.emit(Phase("load", driver.package or driver.name))
            driver.wake()
        try:
            resident = self._cache.hold(key, handle.name, load)
        except BaseException as error:
            forget_frames(error)  # they hold what was read so far
            raise
        handle.model_plan = key
        return resident

    def _fetch(self, component: ComponentPlan, run: Run) -> Checkpoint:
        assert component.driver is not None
        settings = component.settings
        return weights.fetch(
            settings.model,
            run,
            allow_pickle=settings.allow_pickle,
            formats=component.driver.formats,
            before_download=lambda size: self._refuse_download(component, size),
        )

    def _refuse_download(self, component: ComponentPlan, size: int) -> None:
        """DoesNotFit before a download whose model cannot fit in any case, with every other model gone."""
        # Weights stored in float32 halve in half precision; others do not get smaller than their files.
        least = size if component.dtype(None)[0] == "float32" else size // 2
        memory = devices.free_memory(component.device)
        freed = sum(r.model.facts().bytes for r in self._cache if r.key.device == component.device)
        memory = devices.Memory(memory.free + freed, memory.total, memory.limit_by)
        weights.check_fits(least, memory, subject=component.subject)

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
        lighter = [way for way in weights.alternatives(checkpoint, key.dtype) if way[0].startswith("precision")]
        weights.check_fits(need, memory, staying, subject=key.subject, lighter=lighter)

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
        call = calls.prepare(handle.component, inputs, seed=seed, overrides=handle.overrides)
        resident = self.ready(handle, run)
        if call.streams:
            return handle.pieces(call, run)
        with stop_on_interrupt(run):
            result = self.perform(handle, resident, call, run)
        given = call.output(result)
        for line in call.nulls:
            run.note(line)
        run.emit(Done("done", _figures(result, time.perf_counter() - started)))
        return given

    def perform(self, handle: Handle, resident: Resident[ModelPlan, Driver], call: calls.Prepared, run: Run) -> Any:
        task = handle.component.task
        assert task is not None
        with self._cache.lease(resident.key) as model:
            run.emit(Phase("run", handle.name))
            results = _performed(model, task, call, run) if call.items else []
        result = Batch(results) if call.listed else results[0]
        if run.stopped:
            raise _interrupted(result)
        return result

    # --- looking after models -----------------------------------------------------------------------------------------

    def unload(self, name: str | None = None) -> list[str]:
        """Let go of one component's model, or of all; gives a line for each model that went."""
        if name is None:
            rows = self.residents()
            self._refuse_if_running(list(self._cache))
            self._cache.clear()
            return [f"{_whose(row)}: {devices.format_bytes(row.bytes)} given back" for row in rows]
        self.handle(name)
        self._refuse_if_running(self._cache.held_by(name))
        for resident in self._cache.held_by(name):
            resident.pinned = resident.pinned and resident.holders != {name}
        sizes = {id(r): r.model.facts().bytes for r in self._cache.held_by(name)}
        others = [r for r in self._cache.held_by(name) if r.holders != {name}]
        gone = self._cache.release(name)
        lines = [f"{name}: {devices.format_bytes(sizes[id(r)])} given back" for r in gone]
        lines += [f"{name}: let go; the model stays for {listing(sorted(r.holders), 'and')}" for r in others]
        return lines or [f"{name}: no model of it is loaded"]

    def _refuse_if_running(self, residents: Iterable[Resident[ModelPlan, Driver]]) -> None:
        for resident in residents:
            if resident.users:
                raise RunError(f"{resident.key.subject} is running", fix="interrupt its run first")

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


# --- small parts ------------------------------------------------------------------------------------------------------


def _runnable(made: Plan, name: str = DEFAULT) -> ComponentPlan:
    if not made.components:
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
        forget_frames(error)
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
    after = f" after {tokens} tokens" if tokens is not None else ""
    if isinstance(partial, Batch):
        after = f" after {sum(r is not None for r in partial):,} of {len(partial):,}"
    error = Interrupted(f"interrupted{after}", fix="what there was by then is in sys.last_value.partial")
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
