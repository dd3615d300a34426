"""What stays open, by key: loaded models, stores, clients. Who holds them, who is using them, and when they go.

Equal keys are one resident. It stays while a component holds it or somebody pinned it; a lease keeps it while it is
used. Whoever comes for another one under the same name lets go of the old one first, so that two never stand in memory
where one would do. Where room is short, idle ones go, the least recently used first; whoever lost its own gets it again
at its next call. Safe to use from several threads.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mc_jupyter import words
from mc_jupyter.components import FOR_EVER, Effect, Need, Open
from mc_jupyter.devices import give_back, is_out_of_memory
from mc_jupyter.engine import room
from mc_jupyter.errors import DoesNotFit, Interrupted, PlanError, RunError, forget_frames
from mc_jupyter.events import Run
from mc_jupyter.words import format_bytes

T = TypeVar("T")

_LOOK = 0.05  # seconds between two looks of whoever waits: has it been told to stop?
_PATIENCE = 30.0  # seconds that a run which was told to stop is given to reach its next token, step or tile


class Gone(RunError):
    """What a call was to use went before the call began: it is opened again."""


@dataclass(slots=True, eq=False)
class Resident:
    """One open thing. `load_seconds` is what opening it took; `users` counts the calls under way.

    `keep` is how many seconds each holder wants it kept after its last call, `pins` who wants it kept whatever comes.
    """

    key: Any
    thing: Any
    load_seconds: float
    holders: set[str] = field(default_factory=set)
    keep: dict[str, float] = field(default_factory=dict)
    pins: set[str] = field(default_factory=set)
    thread: int | None = None  # which thread is using it now
    users: int = 0
    runs: list[Run] = field(default_factory=list)  # of the calls among its users
    gone: bool = False
    last_used: float = field(default_factory=time.monotonic)

    @property
    def pinned(self) -> bool:
        """Whether somebody wants it kept."""
        return bool(self.pins)

    @property
    def idle(self) -> bool:
        """Whether it may go: nobody is using it, and nobody pinned it."""
        return not (self.users or self.pinned)

    @property
    def ending(self) -> bool:
        """Whether it is in use by nobody but calls that were told to stop: it is free in a moment."""
        return 0 < self.users == len(self.runs) and all(run.stopped for run in tuple(self.runs))

    @property
    def kept_for(self) -> float:
        """Seconds for which it is kept after a call: as long as the most patient of its holders says."""
        return max(self.keep.values(), default=FOR_EVER)

    @property
    def whose(self) -> str:
        """What a reader calls it: the components that hold it."""
        return ", ".join(sorted(self.holders)) or str(self.thing.subject)


class Residents:
    """One session's residents. `limits` are bytes per device that they may take; what is free counts besides.

    `on_change` is called when one goes by itself, from a thread of its own.
    """

    def __init__(self, limits: Mapping[str, int] | None = None, on_change: Callable[[], None] = lambda: None):
        self.limits = dict(limits or {})
        self.on_change = on_change
        self.loads = 0
        """How many have been opened since the session began."""
        self._table: dict[Hashable, Resident] = {}
        self._took: dict[Hashable, float] = {}
        self._timers: dict[Hashable, threading.Timer] = {}
        self._opening = threading.RLock()  # held while room is made and one is opened: one at a time
        self._gate = threading.Lock()  # held for a moment: which there are, and who uses them
        self._closed = False

    def __iter__(self) -> Iterator[Resident]:
        return iter(tuple(self._table.values()))

    def get(self, key: Hashable | None) -> Resident | None:
        return self._table.get(key) if key is not None else None

    def held_by(self, holder: str) -> list[Resident]:
        return [resident for resident in self if holder in resident.holders]

    def took(self, key: Hashable) -> float | None:
        """Seconds that opening this took the first time; None when it never was."""
        return self._took.get(key)

    # --- opening ------------------------------------------------------------------------------------------------------

    def hold(
        self,
        place: Place,
        key: Hashable,
        open: Callable[[], Open],
        need: Need | None,
        finish: Callable[[Any], None] | None = None,
    ) -> Resident:
        """What this key says, opened if it is not there; the place's holder lets go of any other first.

        `finish` does with it what this holder needs besides, in its turn among the calls; nobody closes it meanwhile.
        An error before it is opened (too little memory) leaves everything as it was; after one of `finish` the holder
        has only what it had of it before.
        """
        self.wait_for_ending(self)
        with self._opening:
            self.refuse_if_closed()
            if place.run.stopped:
                raise Interrupted("interrupted before it was loaded")
            self._make_room(place, key, need)
            for old in self.held_by(place.holder):
                if old.key != key:
                    self._let_go(old, place.holder)
            had = any(resident.key == key for resident in self.held_by(place.holder))
            resident = self._joined(place.holder, key) or self._opened(place.holder, key, open)
            resident.keep[place.holder] = place.keep
        try:
            if finish is not None:
                with resident.thing.lock:
                    self.guarded(lambda: finish(resident.thing), resident.key)
        except BaseException:
            self._leave(resident)
            if not had:
                self.release(place.holder)
            raise
        self._leave(resident)
        return resident

    def _joined(self, holder: str, key: Hashable) -> Resident | None:
        """The resident of this key, held and in use from now on."""
        with self._gate:
            resident = self._table.get(key)
            if resident is not None:
                resident.holders.add(holder)
                resident.users += 1
            return resident

    def _opened(self, holder: str, key: Hashable, open: Callable[[], Open]) -> Resident:
        start = time.perf_counter()
        thing = self.guarded(open, key)
        seconds = time.perf_counter() - start
        self.loads += 1
        self._took.setdefault(key, seconds)
        resident = Resident(key, thing, seconds, holders={holder}, users=1)
        with self._gate:
            self._table[key] = resident
        if self._closed:  # while it was opened
            self._leave(resident)
            self.clear()
            self.refuse_if_closed()
        return resident

    def become(
        self, place: Place, resident: Resident, key: Hashable, work: Callable[[], None], need: Need | None
    ) -> bool:
        """Let a resident become what another key says: `work` changes it, in its turn among the calls.

        False where it has gone before its turn came. An error of `work` that is a PlanError has changed nothing; after
        any other the resident is closed.
        """
        try:
            with self.lease(resident, counts=False), self._opening:
                self._make_room(place, key, need, but=resident)
                self.guarded(work, key)
                if not self._rekeyed(resident, key):
                    return False
        except Gone:
            return False
        except PlanError as error:
            if isinstance(error, DoesNotFit) and "out of memory" in str(error):
                self.evict(resident)
            raise
        except BaseException:  # an interrupt, too: some of it is changed, and some is not
            self.evict(resident)
            raise
        resident.keep[place.holder] = place.keep
        self.recount(resident)
        return True

    def _rekeyed(self, resident: Resident, key: Hashable) -> bool:
        with self._gate:
            if self._table.get(resident.key) is not resident:  # the session was closed meanwhile
                return False
            del self._table[resident.key]
            resident.key = key
            self._table[key] = resident
            return True

    def guarded(self, work: Callable[[], T], key: Hashable) -> T:
        """The work's result; of its errors, none keeps a tensor, and out of memory names who holds how much."""
        try:
            return work()
        except BaseException as error:
            forget_frames(error)  # they hold what was read so far
            if not (is_out_of_memory(error) or isinstance(error, DoesNotFit)):
                raise
            give_back()
            text = str(error).strip().splitlines()[0]
            raise room.out_of_memory(self, text, key) from None

    # --- room ---------------------------------------------------------------------------------------------------------

    def _make_room(self, place: Place, key: Hashable, need: Need | None, but: Resident | None = None) -> None:
        """Let idle residents go until the need fits. DoesNotFit, with nothing gone, where that is not enough."""
        for resident in self.in_the_way(place.holder, key, need, but) if need is not None else ():
            name, size = resident.whose, room.bytes_of(resident)
            idle = time.monotonic() - resident.last_used
            if self.evict(resident):
                place.run.note(
                    f"{name}: unloaded to make room ({format_bytes(size)}; idle for {words.seconds(idle)}); "
                    "its next call loads it again"
                )

    def in_the_way(self, holder: str, key: Hashable, need: Need, but: Resident | None = None) -> list[Resident]:
        """The idle residents that must go before the need fits, the least recently used first.

        What only the holder holds goes in any case, and `but`, which is to become what is needed.
        """
        alone = (r for r in self.held_by(holder) if r.key != key and r.holders == {holder})
        leaving = [r for r in alone if r.idle or r is but]
        return room.in_the_way(self, self.limits, need, key, leaving)

    # --- using --------------------------------------------------------------------------------------------------------

    @contextmanager
    def lease(self, resident: Resident, run: Run | None = None, *, counts: bool = True) -> Iterator[Any]:
        """What is open, kept for as long as the block runs; calls follow one another where it is one at a time.

        Gone when it has been closed meanwhile; Interrupted where the `run` was stopped before its turn came. Only a
        lease that `counts` begins its time of keeping anew.
        """
        if resident.thread == threading.get_ident():
            raise RunError("a call of this model is under way in this very thread", fix="call it when that has ended")
        with self._gate:
            if self._table.get(resident.key) is not resident:
                raise Gone("the model was unloaded before this call began", fix="call it again")
            resident.users += 1
            resident.runs += [run] if run is not None else []
        try:
            if not resident.thing.one_at_a_time:
                yield resident.thing
                return
            with _turn(resident.thing.lock, run):
                resident.thread = threading.get_ident()
                try:
                    yield resident.thing
                finally:
                    resident.thread = None
        finally:
            self._leave(resident, run)
            if counts and not resident.gone:
                self._expire(resident)

    def _leave(self, resident: Resident, run: Run | None = None) -> None:
        """After a use: what nobody wants any more goes; what there is of it for others than its holders, too."""
        with self._gate:
            resident.users -= 1
            resident.runs = [other for other in resident.runs if other is not run]
            resident.last_used = time.monotonic()
            orphaned = resident.gone and not resident.users
        if orphaned:
            resident.thing.close()
        elif resident.holders or resident.pinned or not self._remove(resident):
            self._settle(resident)

    def _settle(self, resident: Resident) -> None:
        """Let what is open keep only what is there for its holders; where it is in use, at the end of that."""
        if resident.users or not resident.thing.lock.acquire(blocking=False):
            return
        try:
            resident.thing.keep_for(resident.holders)
        finally:
            resident.thing.lock.release()

    def wait_for_ending(self, residents: Iterable[Resident]) -> None:
        """Until calls that were told to stop have: whoever left a stream, or stopped a run, may go on at once.

        Not for one of this very thread, whose listener it may be that asks.
        """
        until, here = time.monotonic() + _PATIENCE, threading.get_ident()
        for resident in residents:
            while resident.ending and resident.thread != here and time.monotonic() < until:
                time.sleep(0.001)

    def refuse_if_running(self, residents: Iterable[Resident]) -> None:
        for resident in residents:
            if resident.users:
                raise RunError(f"{resident.thing.subject} is running", fix="interrupt its run first")

    def refuse_if_closed(self) -> None:
        if self._closed:
            raise RunError("this session has been closed", fix="make another: mc_jupyter.Session()")

    # --- keeping ------------------------------------------------------------------------------------------------------

    def recount(self, resident: Resident) -> None:
        """Count anew how long an idle resident is kept: somebody has changed their mind."""
        if (timer := self._timers.pop(resident.key, None)) is not None:
            timer.cancel()
        if resident.idle and resident.kept_for > 0:
            self._expire(resident)

    def _expire(self, resident: Resident) -> None:
        """Begin to count the time for which it is kept; where one timer counts already, it will look again."""
        seconds = resident.kept_for
        if seconds == 0:
            self.evict(resident)
        elif seconds != FOR_EVER and resident.key not in self._timers:
            self._look_after(resident.key, seconds)

    def _look_after(self, key: Hashable, seconds: float) -> None:
        # A timer's thread must keep no model and no session alive: it knows the key only.
        timer = threading.Timer(seconds, _look_again, (weakref.ref(self), key))
        timer.daemon = True
        self._timers[key] = timer
        timer.start()

    def time_is_up(self, key: Hashable) -> None:
        """Let go of what has been idle for as long as it was to be kept; of what was used since, look again later."""
        self._timers.pop(key, None)
        resident = self.get(key)
        if resident is None:
            return
        left = resident.kept_for - (time.monotonic() - resident.last_used)
        if left <= 0:
            self.evict(resident)
            self.on_change()
        elif left != FOR_EVER:
            self._look_after(key, left)

    def pin(self, holder: str) -> bool:
        """Keep what a holder holds, whatever comes; False where it holds nothing."""
        held = self.held_by(holder)
        for resident in held:
            resident.pins.add(holder)
        return bool(held)

    def unpin(self, holder: str) -> None:
        """Take a holder's pins off, wherever they are; what nobody else wants goes."""
        for resident in self:
            resident.pins.discard(holder)
            if not resident.holders and resident.idle:
                self.evict(resident)
            elif resident.idle:
                self.recount(resident)

    def move_pin(self, holder: str, old: Resident, new: Resident) -> None:
        """A holder's pin goes with it to what it now has; the old one goes if nobody is left to want it."""
        old.pins.discard(holder)
        new.pins.add(holder)
        if not old.holders and not old.pinned:
            self.evict(old)

    # --- letting go ---------------------------------------------------------------------------------------------------

    def release(self, holder: str) -> list[Resident]:
        """Let go of everything a holder holds; gives what went. What stays may be kept for less."""
        with self._opening:
            held = self.held_by(holder)
            gone = [resident for resident in held if self._let_go(resident, holder)]
        for resident in held:
            if resident not in gone and resident.idle:
                self._expire(resident)
        return gone

    def evict(self, resident: Resident) -> bool:
        """Close a resident whoever holds it, unless it is pinned or in use."""
        return resident.idle and self._remove(resident)

    def unload(self) -> None:
        """Let go of everything. RunError, with nothing gone, while something is in use."""
        self.wait_for_ending(self)
        with self._opening:
            self.refuse_if_running(self)
            for resident in self:
                self._remove(resident)
            self._stop_timers()

    def clear(self) -> None:
        """Let go of everything, and open nothing more. What is in use is closed when its last use ends."""
        self._closed = True
        self._stop_timers()
        for resident in self:
            with self._gate:
                self._table.pop(resident.key, None)
                resident.gone = True
                waits = bool(resident.users)
            if not waits:
                resident.thing.close()

    def _stop_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _let_go(self, resident: Resident, holder: str) -> bool:
        """Drop one holder; the resident goes with its last, unless it is pinned or in use."""
        with self._gate:
            resident.holders.discard(holder)
            resident.keep.pop(holder, None)
        if not resident.holders and not resident.pinned and self._remove(resident):
            return True
        self._settle(resident)
        return False

    def _remove(self, resident: Resident) -> bool:
        """Close what nobody uses."""
        with self._gate:
            if resident.users or self._table.get(resident.key) is not resident:
                return False
            del self._table[resident.key]
        resident.thing.close()
        return True


@contextmanager
def _turn(lock: threading.RLock, run: Run | None) -> Iterator[None]:
    """The lock, in its turn. Interrupted where the run was stopped before it came."""
    while not lock.acquire(timeout=_LOOK):
        if run is not None and run.stopped:
            raise Interrupted("interrupted before its turn came")
    try:
        yield
    finally:
        lock.release()


def _look_again(residents: weakref.ref[Residents], key: Hashable) -> None:
    if (here := residents()) is not None:
        here.time_is_up(key)


@dataclass(slots=True)
class Place:
    """One holder's place among the residents: the `Room` that `ComponentType.open` and `change` are given.

    `key` is that of what the holder is defined as now, `keep` how many seconds what is opened stays after a call.
    """

    residents: Residents
    holder: str
    key: Hashable | None = None
    keep: float = FOR_EVER
    effect: Effect | None = None
    run: Run = field(default_factory=Run)

    @property
    def held(self) -> Resident | None:
        found = self.residents.get(self.key)
        return found if found is not None and self.holder in found.holders else None

    def get(self, key: Hashable) -> Resident | None:
        return self.residents.get(key)

    def hold(
        self,
        key: Hashable,
        open: Callable[[], Open],
        need: Need | None = None,
        finish: Callable[[Any], None] | None = None,
    ) -> Resident:
        return self.residents.hold(self, key, open, need, finish)

    def become(self, resident: Any, key: Hashable, work: Callable[[], None], need: Need | None = None) -> bool:
        return self.residents.become(self, resident, key, work, need)

    def in_the_way(self, key: Hashable, need: Need) -> list[Resident]:
        return self.residents.in_the_way(self.holder, key, need)

    def refuse(self, need: Need) -> None:
        room.refuse(self.residents, self.residents.limits, need)

    def took(self, key: Hashable) -> float | None:
        return self.residents.took(key)

    def others(self) -> list[Resident]:
        return list(self.residents)
