"""Resident models, keyed by what they are: who holds them, who is using them, and when they go.

Equal plans are one model. A model stays while a component holds it or someone pinned it; a lease keeps it while it
runs. Whoever comes for another model under the same name releases the old one first, so that two never stand in memory
where one would do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from mc_jupyter.errors import PlanError


class Closable(Protocol):
    """What the cache needs of a loaded model."""

    def close(self) -> None: ...


K = TypeVar("K", bound=Hashable)
M = TypeVar("M", bound=Closable)


@dataclass(slots=True)
class Resident(Generic[K, M]):
    """One loaded model. `load_seconds` is what loading took; `users` counts the calls under way."""

    key: K
    model: M
    load_seconds: float
    holders: set[str] = field(default_factory=set)
    pinned: bool = False
    users: int = 0
    last_used: float = field(default_factory=time.monotonic)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)


class Cache(Generic[K, M]):
    """The resident models of one session. Safe to use from several threads."""

    def __init__(self) -> None:
        self._residents: dict[K, Resident[K, M]] = {}
        self._lock = threading.RLock()
        self.loads = 0
        """How many models have been loaded since the session began."""

    def __iter__(self) -> Iterator[Resident[K, M]]:
        return iter(tuple(self._residents.values()))

    def get(self, key: K) -> Resident[K, M] | None:
        return self._residents.get(key)

    def held_by(self, holder: str) -> list[Resident[K, M]]:
        return [r for r in self if holder in r.holders]

    def leaving(self, holder: str, key: K) -> list[Resident[K, M]]:
        """The models that go when `holder` turns to another plan: only it holds them, and nobody pinned them."""
        return [r for r in self.held_by(holder) if r.key != key and r.holders == {holder} and not r.pinned]

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

    def unload(self, key: K) -> None:
        """Close a model, whoever holds it."""
        with self._lock:
            resident = self._residents[key]
            if resident.users:
                raise PlanError("this model is running", fix="interrupt the run first")
            del self._residents[key]
            resident.model.close()

    def clear(self) -> None:
        with self._lock:
            for resident in self:
                del self._residents[resident.key]
                resident.model.close()

    @contextmanager
    def lease(self, key: K) -> Iterator[M]:
        """The model, kept for as long as the block runs; calls of one model follow one another."""
        resident = self._residents[key]
        with resident.lock:
            resident.users += 1
            try:
                yield resident.model
            finally:
                resident.users -= 1
                resident.last_used = time.monotonic()

    def _let_go(self, resident: Resident[K, M], holder: str) -> bool:
        """Drop one holder; the model goes with its last, unless it is pinned or running."""
        resident.holders.discard(holder)
        if resident.holders or resident.pinned or resident.users:
            return False
        del self._residents[resident.key]
        resident.model.close()
        return True
