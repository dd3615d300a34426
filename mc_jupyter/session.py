"""One kernel's state, and the road from text to result: read, plan, fetch, load, call."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from mc_jupyter import calls, devices, words
from mc_jupyter import plan as planning
from mc_jupyter import spec as specs
from mc_jupyter.changes import Change, effect_of
from mc_jupyter.drivers import Driver
from mc_jupyter.drivers._memory import give_back, is_out_of_memory
from mc_jupyter.errors import ComposeError, InputError, Interrupted, NotBuilt, RunError, UnknownName, forget_frames
from mc_jupyter.events import Done, Phase, Run, stop_on_interrupt
from mc_jupyter.handles import Handle
from mc_jupyter.plan import ComponentPlan, Plan
from mc_jupyter.residents import Files, Loaded, Model, ResidentRow, Residents, bytes_of, files_of
from mc_jupyter.rewriting import ADAPTER, field_name, plain, rewritten
from mc_jupyter.signatures import sign
from mc_jupyter.spec import DEFAULT
from mc_jupyter.trust import MAX_PIXELS, Permissions
from mc_jupyter.values import Batch, is_image
from mc_jupyter.values.pictures import origin
from mc_jupyter.weights import Checkpoint
from mc_jupyter.words import format_bytes, hinted, listing

_PLANS_KEPT = 64

NewRun = Callable[[], AbstractContextManager[Run]]


def silent_run() -> AbstractContextManager[Run]:
    """A run that nobody listens to."""
    return nullcontext(Run())


def _nobody() -> None:
    """Whom nobody's changes concern."""


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """Where memory goes: what is free on each device, what this process takes, and the loaded models."""

    devices: Mapping[str, devices.Memory]
    process: int
    residents: tuple[ResidentRow, ...]
    limits: Mapping[str, int] = field(default_factory=dict)


class Session:
    """Defines components, keeps their models, and calls them. A notebook has one; anyone may make more.

    `trust=True` asks nobody before it runs commands or sends secrets (nothing of this version does either).
    `new_run` gives calls that bring no run of their own one that somebody listens to. `memory` limits, in bytes, what
    models may take on a device (`{"cpu": 8e9}`; `cuda` stands for each GPU); what is free there counts in any case.
    `on_change` is called after what is loaded, or what a component says, has changed; perhaps from another thread.
    `allow_urls` and `allow_paths` let texts in inputs be fetched from public addresses, and read from files outside the
    working folder, as the fields of those names do for one component; images of more than `max_pixels` are refused.
    Leaving the `with` block unloads everything.
    """

    def __init__(
        self,
        *,
        trust: bool = False,
        new_run: NewRun | None = None,
        memory: Mapping[str, float] | None = None,
        on_change: Callable[[], None] = _nobody,
        allow_urls: bool = False,
        allow_paths: bool = False,
        max_pixels: int = MAX_PIXELS,
    ):
        self.trust = trust
        self.permissions = Permissions(allow_urls, allow_paths, max_pixels)
        self.new_run = new_run or silent_run
        self.on_change = on_change
        self.models = Residents({device: int(limit) for device, limit in (memory or {}).items()}, on_change)
        self._handles: dict[str, Handle] = {}
        self._plans: dict[tuple[Any, ...], Plan] = {}
        self._closed = False
        self._changing = threading.RLock()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Session: {len(self._handles)} components, {sum(1 for _ in self.models)} models loaded>"

    @property
    def handles(self) -> Mapping[str, Handle]:
        return MappingProxyType(self._handles)

    @property
    def loads(self) -> int:
        """How many models this session has loaded: running a cell again adds none."""
        return self.models.loads

    def close(self) -> None:
        """Unload every model and forget every component. A closed session loads nothing more."""
        self._closed = True
        self.models.clear()
        self._handles.clear()

    # --- describing ---------------------------------------------------------------------------------------------------

    def plan(self, text: str, *, first_line: int = 1, overrides: Mapping[str, Any] | None = None) -> Plan:
        """What the text would do here. Loads, downloads and runs nothing."""
        if not isinstance(text, str):
            raise InputError(f"a document is text, not {type(text).__name__}")
        key = (text, first_line, tuple(sorted((name, repr(value)) for name, value in (overrides or {}).items())))
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
        known = listing([*self._handles], "and")
        raise UnknownName(
            hinted(f"no component {name!r} has been defined", name, self._handles),
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
        plan: Plan | None = None,
        run: Run | None = None,
    ) -> Handle:
        """Define a component and load its model, unless the cell says `preload: false`.

        Of a document with several, it is the default one or the one that `component` names.
        `plan` is the text's own, where it has been made already. Returns its handle. The same text again loads nothing. An error before weights are read (a wrong text, missing
        files, too little memory) leaves everything as it was.
        """
        made = plan or self.plan(text, first_line=first_line, overrides=overrides)
        chosen = _runnable(made, component)
        handle = Handle(self, name or _name_of(chosen), text, made, chosen, dict(overrides or {}), first_line)
        run = run or Run()
        for remark in made.remarks:
            run.note(remark)
        handle.loaded = _loaded_by(chosen)  # perhaps it is loaded already
        there = self.models.ready(handle.name, handle.loaded)
        if there is not None and handle.loaded is not None:
            self.models.adopt(handle.name, there, handle.loaded, chosen)
        elif chosen.settings.preload:
            self._load(handle, run)
        self._handles[handle.name] = handle
        self.on_change()
        return handle

    def pull(self, text: str, *, first_line: int = 1, run: Run | None = None) -> list[Checkpoint]:
        """Download what the text's models need, their adapters too, and load nothing."""
        self._plans.clear()  # a branch may be elsewhere now
        made = self.plan(text, first_line=first_line)
        run = run or Run()
        found = [self.models.fetch(c, run) for c in made.components if c.driver and c.driver.needs_weights]
        return [checkpoint for files in found for checkpoint in (files.base, *files.adapters) if checkpoint]

    def ready(self, handle: Handle, run: Run) -> Model:
        """The handle's model, loaded if it is not."""
        if (resident := self.models.ready(handle.name, handle.loaded)) is not None:
            return resident
        self._refuse_if_replaced(handle)
        return self._load(handle, run)

    def _load(self, handle: Handle, run: Run) -> Model:
        if self._closed:
            raise RunError("this session has been closed", fix="make another: mc_jupyter.Session()")
        for obstacle in handle.component.obstacles:
            raise obstacle
        handle.loaded = self.models.hold(handle.component, handle.name, run)
        self.on_change()
        resident = self.models.get(handle.loaded.model)
        assert resident is not None
        return resident

    # --- changing -----------------------------------------------------------------------------------------------------

    def change(self, handle: Handle, settings: Mapping[str, Any]) -> Change:
        """What setting these fields would do: the new text, and what happens to memory. Does nothing yet.

        Fields are named as in the cell, an adapter's weight `adapters.NAME`; None takes one out of the text. A wrong
        value is the error that the cell would give; one that cannot be had here, or is too large, is said now.
        """
        self._refuse_if_replaced(handle)
        state = (handle.text, handle.loaded)
        settings = {field_name(name): plain(value) for name, value in settings.items()}
        overrides = {k: v for k, v in handle.overrides.items() if k not in settings}
        if "peft_adapters" in settings:
            overrides = {k: v for k, v in overrides.items() if not k.startswith(ADAPTER)}
        text = rewritten(specs.read(state[0], first_line=handle.first_line), settings, handle.component.id)
        made = self.plan(text, first_line=handle.first_line, overrides=overrides)
        component = _runnable(made, handle.component.id)
        files = _files_here(component)
        effect = effect_of(handle, component, files, self.models)
        return Change(handle.name, dict(settings), text, overrides, made, component, effect, files, state)

    def _refuse_if_replaced(self, handle: Handle) -> None:
        if self._handles.get(handle.name, handle) is not handle:
            raise RunError(f"the cell of {handle.name} has been run again since", fix=f"use the new {handle.name}")

    def apply(self, change: Change, run: Run | None = None) -> Handle:
        """Do what a change says. The handle is the same one, with another text; an error leaves it as it was.

        A change that was described before another one was applied is described anew, so that neither is lost.
        """
        with self._changing:
            return self._apply(change, run or Run())

    def _apply(self, change: Change, run: Run) -> Handle:
        handle = self.handle(change.name)
        if change.state != (handle.text, handle.loaded) or change.effect.step in ("cast", "share"):
            change = self.change(handle, change.settings)
        resident = self.models.ready(handle.name, handle.loaded)
        step = change.effect.step
        pinned = resident is not None and handle.name in resident.pins
        if step == "cast" and resident is not None and change.files is not None:
            loaded: Loaded | None = self.models.cast(handle.name, resident, change.files, change.component, run)
        elif step in ("nothing", "weights") and resident is not None and change.files is not None:
            loaded = self.models.reweigh(handle.name, resident, change.files, change.component)
        elif step == "later":
            loaded = _loaded_by(change.component)
        else:
            loaded = self.models.hold(change.component, handle.name, run)
        handle.text, handle.overrides = change.text, dict(change.overrides)
        handle.plan, handle.component, handle.loaded = change.plan, change.component, loaded
        if pinned and resident is not None and (now := self.resident_of(handle)) is not None:
            self.models.move_pin(handle.name, resident, now)
        self.on_change()
        return handle

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
        call = calls.prepare(
            handle.component, inputs, seed=seed, overrides=handle.overrides, permissions=handle.permissions
        )
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

    def perform(self, handle: Handle, resident: Model, call: calls.Prepared, run: Run) -> Any:
        task = handle.component.task
        assert task is not None
        with self.models.lease(resident, lambda: handle.loaded) as model:
            run.emit(Phase("run", handle.name))
            results = self._performed(model, task, call, run) if call.items else []
            sign(results, handle.component, model, handle.loaded)
        result = Batch(results) if call.listed else results[0]
        if run.stopped:
            raise _interrupted(result)
        return result

    def _performed(self, model: Driver, task: Any, call: calls.Prepared, run: Run) -> list[Any]:
        """The driver's results. However it fails, the traceback that goes up holds no tensor."""
        try:
            return model.perform(task, call.for_driver(run))
        except BaseException as error:
            forget_frames(error)
            if isinstance(error, ComposeError) or not isinstance(error, Exception):
                raise
            text = (str(error).strip() or type(error).__name__).splitlines()[0]
            if not is_out_of_memory(error):
                raise RunError(f"{type(error).__name__}: {text}") from None
            give_back()
            key = next((r.key for r in self.models if r.model is model), None)
            raise (self.models.out_of_memory(text, key) if key else RunError(f"out of memory: {text}")) from None

    # --- looking after models -----------------------------------------------------------------------------------------

    def unload(self, name: str | None = None) -> list[str]:
        """Let go of one component's model, or of all; gives a line for each model that went."""
        lines = self._unload(name)
        self.on_change()
        return lines

    def _unload(self, name: str | None) -> list[str]:
        if name is None:
            rows = self.residents()
            self.models.refuse_if_running(self.models)
            self.models.clear()
            return [f"{', '.join(r.names) or r.subject}: {format_bytes(r.bytes)} given back" for r in rows]
        self.handle(name)
        held = self.models.held_by(name)
        self.models.refuse_if_running(held)
        self.models.unpin(name)
        sizes = {id(r): bytes_of(r) for r in held}
        others = [r for r in held if r.holders != {name}]
        gone = self.models.release(name)
        lines = [f"{name}: {format_bytes(sizes[id(r)])} given back" for r in gone]
        lines += [f"{name}: let go; the model stays for {listing(sorted(r.holders), 'and')}" for r in others]
        return lines or [f"{name}: no model of it is loaded"]

    def pin(self, name: str, on: bool = True) -> None:
        """Keep a component's model when others come and go, until it is unpinned or unloaded by name."""
        self.handle(name)
        if not on:
            self.models.unpin(name)
            return
        held = self.models.held_by(name)
        if not held:
            raise RunError(f"{name} has no model loaded", fix=f"call it once, then %compose pin {name}")
        for resident in held:
            resident.pins.add(name)

    def residents(self) -> list[ResidentRow]:
        return self.models.rows()

    def memory(self) -> MemoryReport:
        names = dict.fromkeys(["cpu", *(r.key.device for r in self.models)])
        free = {name: devices.free_memory(name) for name in names}
        return MemoryReport(free, devices.process_memory(), tuple(self.residents()), self.models.limits)

    def resident_of(self, handle: Handle) -> Model | None:
        """The handle's model, where it is loaded; while it is being cast, it is what its name holds."""
        found = self.models.get(handle.loaded.model) if handle.loaded else None
        if found is None and self._handles.get(handle.name) is handle:
            found = next(iter(self.models.held_by(handle.name)), None)
        return found


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


def _files_here(component: ComponentPlan) -> Files | None:
    """The component's files, if all of them are on this disk."""
    assert component.driver is not None
    if not component.driver.needs_weights:
        return files_of(component, None, ())
    adapters = [one.checkpoint for one in component.adapters if one.checkpoint]
    if component.checkpoint is None or len(adapters) < len(component.adapters):
        return None
    return files_of(component, component.checkpoint, adapters)


def _loaded_by(component: ComponentPlan) -> Loaded | None:
    """What the component would have in memory, where its files are known."""
    files = _files_here(component)
    return files.loaded if files else None


def _interrupted(partial: Any) -> Interrupted:
    tokens = getattr(partial, "tokens", None)
    after = f" after {tokens} tokens" if tokens is not None else ""
    if isinstance(partial, Batch):
        after = f" after {sum(map(_is_whole, partial)):,} of {len(partial):,}"
    error = Interrupted(f"interrupted{after}", fix="what there was by then is in sys.last_value.partial")
    error.partial = partial
    return error


def _is_whole(result: Any) -> bool:
    """Whether an item of a batch was finished before the interrupt: a picture on its way was not."""
    if isinstance(result, Batch):
        return all(map(_is_whole, result))
    return result is not None and not (is_image(result) and origin(result).facts.get("interrupted"))


def _figures(result: Any, seconds: float) -> str:
    results = result if isinstance(result, Batch) else [result]
    tokens = sum(getattr(r, "tokens", None) or 0 for r in results)
    if tokens and seconds:
        return f"{tokens} tokens in {words.seconds(seconds)} ({tokens / seconds:.0f}/s)"
    return f"{len(results)} in {words.seconds(seconds)}"
