"""Resident models, keyed by what they are: who holds them, who is using them, and when they go.

Equal plans are one model. A model stays while a component holds it or someone pinned it; a lease keeps it while it
runs. Whoever comes for another model under the same name releases the old one first, so that two never stand in memory
where one would do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Container, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from mc_jupyter.errors import RunError


class Model(Protocol):
    """What the cache needs of a loaded model."""

    layers: Any

    def close(self) -> None: ...


K = TypeVar("K", bound=Hashable)
M = TypeVar("M", bound=Model)


@dataclass(slots=True)
class Resident(Generic[K, M]):
    """One loaded model. `load_seconds` is what loading took; `users` counts the calls under way.

    `parts` are what is laid over the model (adapters), each with the holders it is there for. `keep` is how many
    seconds each holder wants the model kept after its last call, `pins` who wants it kept whatever comes.
    """

    key: K
    model: M
    load_seconds: float
    holders: set[str] = field(default_factory=set)
    parts: dict[Hashable, set[str]] = field(default_factory=dict)
    keep: dict[str, float] = field(default_factory=dict)
    pins: set[str] = field(default_factory=set)
    thread: int | None = None  # which thread is using it now
    users: int = 0
    last_used: float = field(default_factory=time.monotonic)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def pinned(self) -> bool:
        """Whether somebody wants it kept."""
        return bool(self.pins)

    @property
    def idle(self) -> bool:
        """Whether it may go: nobody is using it, and nobody pinned it."""
        return not (self.users or self.pinned)

    def leave_parts(self, holder: str, but: Container[Hashable] = ()) -> None:
        """Take off the parts that were there for this holder alone, but for these."""
        with self.lock:
            for part in [p for p, holders in self.parts.items() if holder in holders and p not in but]:
                self.parts[part].discard(holder)
                if not self.parts[part]:
                    del self.parts[part]
                    self.model.layers.detach(part)


class Cache(Generic[K, M]):
    """The resident models of one session. Safe to use from several threads."""

    def __init__(self) -> None:
        self._residents: dict[K, Resident[K, M]] = {}
        self._lock = threading.RLock()  # held while a model loads: one at a time
        self._gate = threading.Lock()  # held for a moment: who uses a model, and which models there are
        self.loads = 0
        """How many models have been loaded since the session began."""

    def __iter__(self) -> Iterator[Resident[K, M]]:
        return iter(tuple(self._residents.values()))

    def get(self, key: K) -> Resident[K, M] | None:
        return self._residents.get(key)

    def held_by(self, holder: str) -> list[Resident[K, M]]:
        return [r for r in self if holder in r.holders]

    def leaving(self, holder: str, key: K) -> list[Resident[K, M]]:
        """The models that go when `holder` turns to another plan: only it holds them, and they are idle."""
        return [r for r in self.held_by(holder) if r.key != key and r.holders == {holder} and r.idle]

    def hold(self, key: K, holder: str, load: Callable[[], M]) -> Resident[K, M]:
        """The model of this plan, loaded if it is not there; `holder` keeps it, and lets go of any other first."""
        with self._lock:
            for old in self.held_by(holder):
                if old.key != key:
                    self._let_go(old, holder)
            resident = self._residents.get(key)
            if resident is None:
                start = time.perf_counter()
                model = load()
                self.loads += 1
                resident = Resident(key, model, time.perf_counter() - start)
                self._residents[key] = resident
            resident.holders.add(holder)
            return resident

    def release(self, holder: str) -> list[Resident[K, M]]:
        """Let go of everything `holder` holds; gives the models that went."""
        with self._lock:
            return [r for r in self.held_by(holder) if self._let_go(r, holder)]

    def evict(self, resident: Resident[K, M]) -> bool:
        """Close a model whoever holds it, unless it is pinned or running."""
        return resident.idle and self._remove(resident)

    def rekey(self, resident: Resident[K, M], key: K) -> None:
        """Say that a model has become another plan's (it was cast)."""
        with self._gate:
            del self._residents[resident.key]
            resident.key = key
            self._residents[key] = resident

    def clear(self) -> None:
        with self._lock:
            for resident in self:
                with self._gate:
                    self._residents.pop(resident.key, None)
                resident.model.close()

    @contextmanager
    def lease(self, resident: Resident[K, M]) -> Iterator[M]:
        """The model, kept for as long as the block runs; calls of one model follow one another."""
        if resident.thread == threading.get_ident():
            raise RunError("a call of this model is under way in this very thread", fix="call it when that has ended")
        with self._gate:
            if self._residents.get(resident.key) is not resident:
                raise RunError("the model was unloaded before this call began", fix="call it again")
            resident.users += 1
        try:
            with resident.lock:
                resident.thread = threading.get_ident()
                try:
                    yield resident.model
                finally:
                    resident.thread = None
        finally:
            with self._gate:
                resident.users -= 1
                resident.last_used = time.monotonic()
            self._tidy(resident)

    def _tidy(self, resident: Resident[K, M]) -> None:
        """After a run: what holders who left meanwhile had of the model goes; with the last of them the model."""
        if not resident.holders and not resident.pinned and self._remove(resident):
            return
        if not resident.users:
            for holder in {name for holders in resident.parts.values() for name in holders} - resident.holders:
                resident.leave_parts(holder)

    def _let_go(self, resident: Resident[K, M], holder: str) -> bool:
        """Drop one holder; the model goes with its last, unless it is pinned or running."""
        resident.holders.discard(holder)
        resident.keep.pop(holder, None)
        if not resident.holders and not resident.pinned and self._remove(resident):
            return True
        if not resident.users:
            resident.leave_parts(holder)
        return False

    def _remove(self, resident: Resident[K, M]) -> bool:
        """Close a model that nobody uses."""
        with self._gate:
            if resident.users or self._residents.get(resident.key) is not resident:
                return False
            del self._residents[resident.key]
        resident.model.close()
        return True
