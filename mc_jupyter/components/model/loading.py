"""A model in memory: fetched, loaded, adapters laid over it, cast; and what it holds for whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Mapping
from contextlib import nullcontext
from threading import Lock

from mc_jupyter import weights
from mc_jupyter.allocator import returning_at_once, trim
from mc_jupyter.components import Need, Open, Planned, Resident, Room
from mc_jupyter.components.model.choices import Files, ModelPlan, Use
from mc_jupyter.drivers import ODD_FILES, AdapterFacts, AdapterKey, Asked, Driver, Facts, Layers, ModelKey
from mc_jupyter.drivers._bounds import within
from mc_jupyter.errors import DoesNotFit, MissingPackage, PlanError, RunError, WeightsError
from mc_jupyter.events import Phase, Run
from mc_jupyter.faults import pointing, said_as
from mc_jupyter.process import importing
from mc_jupyter.weights import Checkpoint


class LoadedModel(Open):
    """A library holding one model, and the adapters laid over it, each with the holders it is there for."""

    def __init__(self, key: ModelKey, driver: Driver):
        self.key = key
        self.driver = driver
        self.laid: dict[AdapterKey, set[str]] = {}
        self._facts_of_adapters: Mapping[AdapterKey, AdapterFacts] = {}

    @property
    def subject(self) -> str:
        return self.key.subject

    @property
    def bytes(self) -> int:
        """Memory that it takes: its tensors, the adapters laid over it, and its tokenizer."""
        return sum(self.memory().values())

    @property
    def adapter_bytes(self) -> int:
        return sum(each.bytes for each in self.adapters().values())

    @property
    def mapped(self) -> int:
        return self.facts().mapped

    def memory(self) -> Mapping[str, int]:
        facts = self.facts()
        found = Counter({self.key.device: facts.bytes + self.adapter_bytes})
        if facts.beside:
            found["cpu"] += facts.beside
        return found

    def facts(self) -> Facts:
        return self.driver.facts()

    def adapters(self) -> Mapping[AdapterKey, AdapterFacts]:
        """What is laid over it, read back; while it runs, or somebody lays on or takes off, as it was before that."""
        if self.lock.acquire(blocking=False):
            try:
                self._facts_of_adapters = self.driver.layers.facts() if self.driver.layers else {}
            finally:
                self.lock.release()
        return self._facts_of_adapters

    def parts(self) -> tuple[str, ...]:
        return tuple(key.name for key in self.adapters())

    def adapters_of(self, planned: Planned) -> list[tuple[AdapterKey, float, AdapterFacts | None]]:
        use = planned.use if isinstance(planned, ModelPlan) else None
        return self.used(use) if use else []

    def used(self, use: Use) -> list[tuple[AdapterKey, float, AdapterFacts | None]]:
        """The adapters of one component: what each is, how much of it is used, and what its layers say.

        None for the last while the model runs: its layers may then be set for another component.
        """
        layers = self.driver.layers
        if layers is None or not use.adapters or not self.lock.acquire(blocking=False):
            return [(key, weight, None) for key, weight in use.adapters]
        try:
            layers.use({key: weight for key, weight in use.weights.items() if key in self.laid})
            found = layers.facts()
            return [(key, weight, found.get(key)) for key, weight in use.adapters]
        finally:
            self.lock.release()

    def set_weights(self, use: Use) -> None:
        """Let exactly a component's adapters take part from now on."""
        if self.driver.layers is not None and (self.laid or use.adapters):
            self.driver.layers.use(use.weights)

    def serves(self, holder: str, planned: Planned) -> bool:
        use = planned.use if isinstance(planned, ModelPlan) else None
        return use is not None and all(holder in self.laid.get(key, ()) for key, _ in use.adapters)

    def stay(self, holder: str, planned: Planned) -> None:
        use = planned.use if isinstance(planned, ModelPlan) else None
        self.take_off(holder, but=[key for key, _ in use.adapters] if use else ())

    def keep_for(self, holders: Collection[str]) -> None:
        for gone in {holder for those in self.laid.values() for holder in those} - set(holders):
            self.take_off(gone)

    def take_off(self, holder: str, but: Container[AdapterKey] = ()) -> None:
        """Take off the adapters that were there for this holder alone, but for these."""
        with self.lock:
            for key in [k for k, holders in self.laid.items() if holder in holders and k not in but]:
                self.laid[key].discard(holder)
                if not self.laid[key]:
                    del self.laid[key]
                    self.layers.detach(key)

    def lay(self, holder: str, files: Files, run: Run) -> None:
        """Lay the holder's adapters over the model and take off those it no longer wants; all of it, or none.

        What an adapter holds that is no part of the model is told.
        """
        three = zip(files.use.adapters, files.adapters, files.places, strict=True)
        wanted = {key: (checkpoint, place) for (key, _), checkpoint, place in three}
        new: list[AdapterKey] = []
        with self.lock:
            try:
                for key, (checkpoint, place) in wanted.items():
                    if key not in self.laid:
                        with pointing(place), said_as(WeightsError, f"adapter {key.name} cannot be laid over its base"):
                            weights.check_again(checkpoint, f"adapter {key.name}", "adapter")
                            self.layers.attach(key, checkpoint)
                        new.append(key)
                        self.laid[key] = set()
            except BaseException:
                for key in new:
                    del self.laid[key]
                    self.layers.detach(key)
                raise
            for key in wanted:
                self.laid[key].add(holder)
            self.take_off(holder, but=wanted)
            for note in (note for key, each in self.adapters().items() if key in wanted for note in each.notes):
                run.note(note)

    @property
    def layers(self) -> Layers:
        """What lays adapters over it: nobody plans adapters for a library that has none."""
        assert self.driver.layers is not None
        return self.driver.layers

    def cast(self, holder: str, key: ModelKey) -> None:
        """Become what another number type's key says; the adapters that were there for the holder are off then."""
        self.take_off(holder)
        with returning_at_once(), said_as(RunError, f"{key.subject} cannot become {key.dtype}"):
            self.driver.cast(key)
        self.key = key

    def close(self) -> None:
        self.laid.clear()
        self.driver.close()


def open_model(planned: ModelPlan, room: Room, run: Run) -> Resident:
    """Load what the component needs and is not there; the holder lets go of any other model first.

    Where that is what was said, the holder's model is cast. An error before weights are read (missing files, too little
    memory) leaves everything as it was. Every error points at the model's line, or at an adapter's.
    """
    with pointing(planned.place), said_as(WeightsError, f"{planned.subject}: {ODD_FILES}"):
        return _opened(planned, room, run)


def _opened(planned: ModelPlan, room: Room, run: Run) -> Resident:
    in_memory = room.get(planned.key) is not None and not planned.outdated()  # where their files may be gone
    here = planned.files_here() if in_memory or planned.holds() else None
    files = here or fetch(planned, room, run)
    if room.effect is not None and room.effect.step == "cast" and (old := room.held) is not None:
        _cast(old, planned, files, room)
    library = planned.driver.package or planned.driver.name
    there = room.get(files.use.model)
    need = need_of(planned, files, there)
    if there is None:
        if here is not None and planned.driver.needs_weights:
            run.emit(Phase("find", planned.subject))  # they have been found when it was planned
        if need is not None:
            room.in_the_way(files.use.model, need)  # what cannot fit is refused before a library is imported for it
        run.emit(Phase("load", library))
        with _WAKING, importing(), said_as(MissingPackage, f"{library} does not start"):
            planned.driver.wake(files.use.model)
            trim()  # what importing used and freed is not the model's
        if files.base is not None:
            weights.check_again(files.base, planned.subject)

    def load() -> LoadedModel:
        run.emit(Phase("load", planned.subject))
        limits = within(files.base) if files.base else nullcontext()
        with returning_at_once(), said_as(WeightsError, f"{library} cannot load {planned.subject}"), limits:
            return LoadedModel(files.use.model, planned.driver.load(files.use.model, files.base, run))

    return room.hold(files.use.model, load, need, lambda model: model.lay(room.holder, files, run))


def _cast(old: Resident, planned: ModelPlan, files: Files, room: Room) -> None:
    """Bring the holder's model to another number type, where the library finds that this equals a fresh load."""
    key = files.use.model
    try:
        room.become(old, key, lambda: old.thing.cast(room.holder, key), need_of(planned, files, None))
    except PlanError as error:
        if isinstance(error, DoesNotFit):
            raise


_WAKING = Lock()  # libraries import lazily, and not all of it well in two threads at once


def need_of(planned: ModelPlan, files: Files, there: Resident | None) -> Need | None:
    """Memory that opening takes at its peak: of a model that is there, only what adapters take that it lacks."""
    base, key = files.base, files.use.model
    if base is None:
        return None
    laid = there.thing.laid if there is not None else ()
    pairs = zip(files.use.adapters, files.adapters, strict=True)
    beside = sum(checkpoint.bytes_as(adapter.dtype) for (adapter, _), checkpoint in pairs if adapter not in laid)
    if there is not None:
        return Need(key.device, beside, key.subject) if beside else None
    peak = planned.driver.estimate(key, base).peak_bytes
    least = None if files.least is None else files.least + beside
    return Need(key.device, peak + beside, key.subject, least, lambda: planned.driver.lighter(key, base))


def fetch(planned: ModelPlan, room: Room | None, run: Run) -> Files:
    """The component's files, downloaded first where they must be, and held against each other."""
    driver, task, settings = planned.driver, planned.task, planned.settings
    if not driver.needs_weights:
        return planned.files_of(None, ())

    def before_download(size: int) -> None:
        if room is not None:
            room.refuse(_at_least(planned, size))

    base = weights.fetch(
        driver.source(task, settings),
        run,
        allow_pickle=settings.allow_pickle,
        formats=driver.formats,
        one_file=driver.reads_one_file,
        before_download=before_download,
    )
    driver.check(Asked(task, settings, planned.device, base))
    adapters = [_adapter(planned, base, i, run) for i in range(len(planned.adapters))]
    return planned.files_of(base, adapters)


def _adapter(planned: ModelPlan, base: Checkpoint, i: int, run: Run) -> Checkpoint:
    one, driver = planned.adapters[i], planned.driver
    found = weights.fetch(
        one.settings.model,
        run,
        allow_pickle=planned.settings.allow_pickle,
        kind="adapter",
        formats=driver.formats,
    )
    driver.check(Asked(planned.task, planned.settings, planned.device, base, {one.name: found}))
    return found


def _at_least(planned: ModelPlan, size: int) -> Need:
    """The least that a download of this size takes once it is loaded."""
    # Weights stored in float32 halve in half precision; others do not get smaller than their files.
    least = size if planned.dtype(None)[0] == "float32" else size // 2
    if planned.settings.quantization.type != "none":
        least = size // 8
    return Need(planned.device, least, planned.subject)
