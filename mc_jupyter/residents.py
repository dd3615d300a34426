"""The models in memory: loaded when they are needed, shared where plans are equal, given back when room is short.

One budget per device: what is free there, or a limit that was set. A load that does not fit lets idle models go first,
the one least recently used first; pinned and running ones stay. Whoever lost its model gets it again at its next call.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from mc_jupyter import devices, weights, words
from mc_jupyter.cache import Cache, Resident
from mc_jupyter.drivers import AdapterFacts, AdapterKey, Asked, Driver, Layers, ModelKey, number_type
from mc_jupyter.drivers._memory import give_back, is_out_of_memory
from mc_jupyter.errors import DoesNotFit, PlanError, RunError, forget_frames
from mc_jupyter.events import Phase, Run
from mc_jupyter.plan import ComponentPlan, unchanged
from mc_jupyter.weights import Checkpoint
from mc_jupyter.words import format_bytes, listing

_LIMIT = "the limit set for models"
_RAISE = 'raise the limit: %config ComposeMagics.memory = {"cpu": "8 GB"}, or Session(memory=…)'

T = TypeVar("T")
Model = Resident[ModelKey, Driver]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a component has in memory: a model, and how much of each adapter laid over it takes part."""

    model: ModelKey
    adapters: tuple[tuple[AdapterKey, float], ...] = ()

    @property
    def weights(self) -> dict[AdapterKey, float]:
        """How much of each adapter. One that is named twice counts twice."""
        found: dict[AdapterKey, float] = {}
        for plan, weight in self.adapters:
            found[plan] = found.get(plan, 0.0) + weight
        return found

    def unchanged(self) -> bool:
        """Whether its files are those that were loaded."""
        return unchanged(self.model.identity) and all(unchanged(plan.identity) for plan, _ in self.adapters)


@dataclass(frozen=True, slots=True)
class Files:
    """A component's files on this disk, and what they will be in memory.

    `least` is how many bytes do in need, where the library can run a model that does not fit as a whole.
    """

    base: Checkpoint | None
    adapters: tuple[Checkpoint, ...]
    loaded: Loaded
    least: int | None = None

    @property
    def adapter_bytes(self) -> int:
        """Memory the adapters take."""
        pairs = zip(self.loaded.adapters, self.adapters, strict=True)
        return sum(checkpoint.bytes_as(plan.dtype) for (plan, _), checkpoint in pairs)


@dataclass(frozen=True, slots=True)
class ResidentRow:
    """One loaded model as a reader sees it. `bytes` is read from its tensors and its adapters, times are in seconds."""

    subject: str
    names: tuple[str, ...]
    device: str
    dtype: str
    bytes: int
    parameters: int | None
    pins: tuple[str, ...]
    running: bool
    load_seconds: float
    idle_seconds: float
    quantization: str = "none"
    adapters: tuple[str, ...] = ()

    @property
    def pinned(self) -> bool:
        return bool(self.pins)

    @property
    def number_type(self) -> str:
        """`float32`, or of a quantized model `nf4, the rest float32`."""
        return number_type(self.dtype, self.quantization)


def files_of(component: ComponentPlan, base: Checkpoint | None, adapters: Iterable[Checkpoint]) -> Files:
    """What a component's files will be in memory, now that all of them are on this disk."""
    found, model = tuple(adapters), component.model(base)
    laid = [(one.plan(model, files), one.weight) for one, files in zip(component.adapters, found, strict=True)]
    least = component.driver.least(model, base) if component.driver and base else None
    return Files(base, found, Loaded(model, tuple(laid)), least)


class Residents:
    """One session's models. `limits` are bytes per device that models may take; what is free counts besides."""

    def __init__(self, limits: Mapping[str, int] | None = None, on_change: Callable[[], None] = lambda: None):
        self.limits = dict(limits or {})
        self.on_change = on_change
        self._cache: Cache[ModelKey, Driver] = Cache()
        self._took: dict[ModelKey, float] = {}
        self._timers: dict[ModelKey, threading.Timer] = {}

    def __iter__(self) -> Iterator[Model]:
        return iter(self._cache)

    @property
    def loads(self) -> int:
        return self._cache.loads

    def get(self, key: ModelKey | None) -> Model | None:
        return self._cache.get(key) if key is not None else None

    def held_by(self, holder: str) -> list[Model]:
        return self._cache.held_by(holder)

    def ready(self, holder: str, loaded: Loaded | None) -> Model | None:
        """The holder's model with its adapters laid on, if all that is there and its files are what they were."""
        resident = self.get(loaded.model) if loaded else None
        if resident is None or loaded is None or holder not in resident.holders or not loaded.unchanged():
            return None
        there = all(holder in resident.parts.get(plan, ()) for plan, _ in loaded.adapters)
        return resident if there else None

    # --- loading ------------------------------------------------------------------------------------------------------

    def fetch(self, component: ComponentPlan, run: Run) -> Files:
        """The component's files, downloaded first where they must be, and held against each other."""
        driver, task, settings = component.driver, component.task, component.settings
        assert driver is not None
        assert task is not None
        if not driver.needs_weights:
            return files_of(component, None, ())
        base = weights.fetch(
            driver.source(task, settings),
            run,
            allow_pickle=settings.allow_pickle,
            formats=driver.formats,
            before_download=lambda size: self._refuse_download(component, size),
        )
        driver.check(Asked(task, settings, component.device, base))
        adapters = []
        for one in component.adapters:
            found = weights.fetch(
                one.settings.model, run, allow_pickle=settings.allow_pickle, kind="adapter", formats=driver.formats
            )
            driver.check(Asked(task, settings, component.device, base, {one.name: found}))
            adapters.append(found)
        return files_of(component, base, adapters)

    def hold(self, component: ComponentPlan, holder: str, run: Run) -> Loaded:
        """Load what the component needs and is not there; the holder lets go of any other model first.

        An error before weights are read (missing files, too little memory) leaves everything as it was.
        """
        driver = component.driver
        assert driver is not None
        files = self.fetch(component, run)
        wanted = files.loaded
        self.make_room(holder, files, run)
        if self.get(wanted.model) is None:
            run.emit(Phase("load", driver.package or driver.name))
            driver.wake()

        def load() -> Driver:
            run.emit(Phase("load", component.subject))
            return driver.load(wanted.model, files.base, run)

        resident = self._guarded(lambda: self._cache.hold(wanted.model, holder, load), wanted.model)
        self._took.setdefault(wanted.model, resident.load_seconds)
        self._guarded(lambda: _lay(resident, holder, files), wanted.model)
        resident.keep[holder] = component.settings.keep_alive
        return wanted

    def reweigh(self, holder: str, resident: Model, files: Files, component: ComponentPlan) -> Loaded:
        """Say how much of each adapter that is laid on counts from now on, and how long the model is kept."""
        if files.loaded.adapters:
            with self._cache.lease(resident) as model:
                _layers(model).use(files.loaded.weights)
        self.adopt(holder, resident, files.loaded, component)
        return files.loaded

    def adopt(self, holder: str, resident: Model, loaded: Loaded, component: ComponentPlan) -> None:
        """Keep a model that is there as a component's text now says: how long, and with none but its own adapters."""
        resident.keep[holder] = component.settings.keep_alive
        if not resident.users:
            resident.leave_parts(holder, but=[plan for plan, _ in loaded.adapters])
        self._recount(resident)

    def cast(self, holder: str, old: Model, files: Files, component: ComponentPlan, run: Run) -> Loaded:
        """Bring the holder's model to the number type that its files would now be loaded in.

        Where the library finds that a cast would not equal a fresh load, the model is loaded anew.
        """
        wanted = files.loaded
        self.make_room(holder, files, run)
        try:
            with self._cache.lease(old) as model:
                old.leave_parts(holder)
                self._guarded(lambda: model.cast(wanted.model), wanted.model)
                self._cache.rekey(old, wanted.model)
                old.keep[holder] = component.settings.keep_alive
                _lay(old, holder, files)
        except PlanError as error:
            if not isinstance(error, DoesNotFit):
                return self.hold(component, holder, run)
            self._cache.evict(old)
            raise
        except BaseException:  # an interrupt, too: some of its tensors are cast, and some are not
            self._cache.evict(old)
            raise
        self._recount(old)
        return wanted

    def _guarded(self, work: Callable[[], T], key: ModelKey) -> T:
        """The work's result; of its errors, none keeps a tensor, and out of memory names who holds how much."""
        try:
            return work()
        except BaseException as error:
            forget_frames(error)  # they hold what was read so far
            if not (is_out_of_memory(error) or isinstance(error, DoesNotFit)):
                raise
            give_back()
            text = str(error).strip().splitlines()[0]
            raise self.out_of_memory(text, key) from None

    def out_of_memory(self, text: str, key: ModelKey) -> DoesNotFit:
        """The error for memory that ran out after all: who holds how much, and what to try."""
        others = [r for r in self if r.key.device == key.device and r.key != key]
        held = listing([f"{whose(r)} ({format_bytes(bytes_of(r))})" for r in others], "and")
        ways = [f"`%compose unload {whose(r)}`" for r in others if r.idle][:1]
        ways += ["a smaller batch_size or input", "`precision: bfloat16`", "`quantization: int8`"]
        message = text if "out of memory" in text else f"out of memory: {text}"
        return DoesNotFit(message + (f"; loaded are {held}" if held else ""), fix=listing(ways))

    # --- room ---------------------------------------------------------------------------------------------------------

    def make_room(self, holder: str, files: Files, run: Run) -> None:
        """Let idle models go until the component fits. DoesNotFit, with nothing gone, where that is not enough."""
        for resident in self.in_the_way(holder, files):
            name, size = whose(resident), bytes_of(resident)
            idle = time.monotonic() - resident.last_used
            if self._cache.evict(resident):
                run.note(
                    f"{name}: unloaded to make room ({format_bytes(size)}; idle for {words.seconds(idle)}); "
                    "its next call loads it again"
                )

    def in_the_way(self, holder: str, files: Files) -> list[Model]:
        """The idle models that must go before the component fits, the least recently used first."""
        key, base = files.loaded.model, files.base
        if base is None:
            return []
        need = self.need(files)
        leaving = self._cache.leaving(holder, key)
        memory = self._free(key.device, leaving)
        going: list[Model] = []
        others = [r for r in self if r not in leaving and r.key.device == key.device and r.key != key]
        for resident in sorted((r for r in others if r.idle), key=lambda r: r.last_used):
            if need <= self._free(key.device, [*leaving, *going]).free:
                break
            going.append(resident)
        free = self._free(key.device, [*leaving, *going]).free
        if need > free and (files.least is None or files.least + files.adapter_bytes > free):
            held = [(whose(r), bytes_of(r)) for r in others]
            lighter = Driver.named(key.driver).lighter(key, base)
            own = memory.limit_by == _LIMIT
            weights.check_fits(
                need, memory, held, subject=key.subject, lighter=lighter, otherwise=_RAISE if own else None
            )
        return going

    def need(self, files: Files) -> int:
        """Bytes that loading takes at its peak; of a model that is there, only what its adapters take."""
        key, base = files.loaded.model, files.base
        if base is None or self.get(key) is not None:
            return files.adapter_bytes
        return Driver.named(key.driver).estimate(key, base).peak_bytes + files.adapter_bytes

    def _free(self, device: str, leaving: Iterable[Model]) -> devices.Memory:
        """What models may still take on a device once these have gone."""
        gone = list(leaving)
        freed = sum(bytes_of(r) for r in gone if r.key.device == device)
        memory = devices.free_memory(device)
        memory = devices.Memory(memory.free + freed, memory.total, memory.limit_by)
        limit = self.limits.get(device, self.limits.get(device.partition(":")[0]))
        if limit is None:
            return memory
        held = sum(bytes_of(r) for r in self if r.key.device == device and r not in gone)
        budget = devices.Memory(max(0, limit - held), limit, _LIMIT)
        return min(memory, budget, key=lambda m: m.free)

    def _refuse_download(self, component: ComponentPlan, size: int) -> None:
        """DoesNotFit before a download whose model cannot fit in any case, with every other model gone."""
        # Weights stored in float32 halve in half precision; others do not get smaller than their files.
        least = size if component.dtype(None)[0] == "float32" else size // 2
        if component.settings.quantization.type != "none":
            least = size // 8
        weights.check_fits(least, self._free(component.device, list(self)), subject=component.subject)

    def seconds(self, files: Files) -> float | None:
        """About how long loading takes: as it did before, or at the pace of the loads so far. None when unknown."""
        key, base = files.loaded.model, files.base
        if key in self._took:
            return self._took[key]
        paces = [r.key.quantization == key.quantization and bytes_of(r) / r.load_seconds for r in self]
        known = [pace for pace in paces if pace]
        if base is None or not known:
            return None
        return Driver.named(key.driver).estimate(key, base).weights_bytes / (sum(known) / len(known))

    # --- using --------------------------------------------------------------------------------------------------------

    @contextmanager
    def lease(self, resident: Model, now: Callable[[], Loaded | None]) -> Iterator[Driver]:
        """The model with exactly a component's adapters taking part, for as long as the block runs.

        `now` says which those are once the model is free: while a call waited for it, they may have changed.
        """
        try:
            with self._cache.lease(resident) as model:
                loaded = now()
                if loaded is None or loaded.model != resident.key:
                    raise RunError("the component changed while this call waited for its model", fix="call it again")
                if resident.parts or loaded.adapters:
                    _layers(model).use(loaded.weights)
                yield model
        finally:
            self._expire(resident)

    def laid(self, resident: Model, loaded: Loaded) -> list[tuple[AdapterKey, float, AdapterFacts | None]]:
        """The adapters of one component: what each is, how much of it is used, and what its layers say.

        None for the last while the model runs: its layers may then be set for another component.
        """
        if not loaded.adapters or resident.users or not resident.lock.acquire(blocking=False):
            return [(plan, weight, None) for plan, weight in loaded.adapters]
        try:
            _layers(resident.model).use(loaded.weights)
            found = _layers(resident.model).facts()
            return [(plan, weight, found.get(plan)) for plan, weight in loaded.adapters]
        finally:
            resident.lock.release()

    def _recount(self, resident: Model) -> None:
        """Count anew how long an idle model is kept: somebody has changed their mind."""
        if (timer := self._timers.pop(resident.key, None)) is not None:
            timer.cancel()
        if resident.idle and _kept_for(resident) > 0:
            self._expire(resident)

    def _expire(self, resident: Model) -> None:
        """Begin to count the time for which the model is kept; where one timer counts already, it will look again."""
        seconds = _kept_for(resident)
        if seconds == 0:
            self._cache.evict(resident)
        elif seconds != float("inf") and resident.key not in self._timers:
            self._look_after(resident.key, seconds)

    def _look_after(self, key: ModelKey, seconds: float) -> None:
        # A timer's thread must keep no model and no session alive: it knows the plan only.
        timer = threading.Timer(seconds, _look_again, (weakref.ref(self), key))
        timer.daemon = True
        self._timers[key] = timer
        timer.start()

    def time_is_up(self, key: ModelKey) -> None:
        """Let a model go that has been idle for as long as it was to be kept; of one used since, look again later."""
        self._timers.pop(key, None)
        resident = self.get(key)
        if resident is None:
            return
        left = _kept_for(resident) - (time.monotonic() - resident.last_used)
        if left <= 0:
            self._cache.evict(resident)
            self.on_change()
        elif left != float("inf"):
            self._look_after(key, left)

    # --- letting go ---------------------------------------------------------------------------------------------------

    def release(self, holder: str) -> list[Model]:
        """Let go of everything the holder holds; gives the models that went. Those that stay may be kept for less."""
        held = self.held_by(holder)
        gone = self._cache.release(holder)
        for resident in held:
            if resident not in gone and resident.idle:
                self._expire(resident)
        return gone

    def clear(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._cache.clear()

    def refuse_if_running(self, residents: Iterable[Model]) -> None:
        for resident in residents:
            if resident.users:
                raise RunError(f"{resident.key.subject} is running", fix="interrupt its run first")

    def unpin(self, holder: str) -> None:
        """Take a component's pins off, wherever they are; a model that nobody else wants goes."""
        for resident in self:
            resident.pins.discard(holder)
            if not resident.holders and resident.idle:
                self._cache.evict(resident)

    def move_pin(self, holder: str, old: Model, new: Model) -> None:
        """A component's pin goes with it to the model it now has; the old one goes if nobody is left to want it."""
        old.pins.discard(holder)
        new.pins.add(holder)
        if not old.holders and not old.pinned:
            self._cache.evict(old)

    def rows(self) -> list[ResidentRow]:
        return [_row(r) for r in self]


def _look_again(residents: weakref.ref[Residents], key: ModelKey) -> None:
    if (here := residents()) is not None:
        here.time_is_up(key)


def _kept_for(resident: Model) -> float:
    """Seconds for which it is kept after a call: as long as the most patient of its holders says."""
    return max(resident.keep.values(), default=float("inf"))


def _layers(model: Driver) -> Layers:
    """What lays adapters over a model of which adapters are asked: a plan asks none of another."""
    assert model.layers is not None
    return model.layers


def _lay(resident: Model, holder: str, files: Files) -> None:
    """Lay the holder's adapters over its model and take off those it no longer wants; all of it, or none."""
    wanted = {plan: checkpoint for (plan, _), checkpoint in zip(files.loaded.adapters, files.adapters, strict=True)}
    new = []
    with resident.lock:
        try:
            for plan, checkpoint in wanted.items():
                if plan not in resident.parts:
                    _layers(resident.model).attach(plan, checkpoint)
                    new.append(plan)
                    resident.parts[plan] = set()
        except BaseException:
            for plan in new:
                del resident.parts[plan]
                _layers(resident.model).detach(plan)
            raise
        for plan in wanted:
            resident.parts[plan].add(holder)
        resident.leave_parts(holder, but=wanted)


def whose(resident: Model) -> str:
    """What a reader calls a loaded model: the components that hold it."""
    return ", ".join(sorted(resident.holders)) or resident.key.subject


def bytes_of(resident: Model) -> int:
    """Memory that a loaded model takes, read from its tensors, with the adapters laid over it."""
    return resident.model.facts().bytes + sum(each.bytes for each in _adapters_of(resident).values())


def _adapters_of(resident: Model) -> Mapping[AdapterKey, AdapterFacts]:
    """What is laid over a model, where nobody is laying on or taking off at this moment."""
    if not resident.lock.acquire(blocking=False):
        return {}
    try:
        return resident.model.layers.facts() if resident.model.layers else {}
    finally:
        resident.lock.release()


def _row(resident: Model) -> ResidentRow:
    facts = resident.model.facts()
    return ResidentRow(
        subject=resident.key.subject,
        names=tuple(sorted(resident.holders)),
        device=facts.device,
        dtype=facts.dtype,
        bytes=bytes_of(resident),
        parameters=facts.parameters,
        pins=tuple(sorted(resident.pins)),
        running=resident.users > 0,
        load_seconds=resident.load_seconds,
        idle_seconds=time.monotonic() - resident.last_used,
        quantization=facts.quantization,
        adapters=tuple(plan.name for plan in _adapters_of(resident)),
    )
