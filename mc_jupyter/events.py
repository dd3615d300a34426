"""What a run says while it runs, and how it is told to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

PhaseName = Literal["find", "download", "load", "run"]
Unit = Literal["bytes", "tokens", "items", "steps", "tiles", "files"]


@dataclass(frozen=True, slots=True)
class Phase:
    """A new part of the work begins: finding files, downloading, loading (the library, then the model), running.

    `name` says which; `subject` is what it is about: a model, a library, a component.
    """

    name: PhaseName
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Advance:
    """How far the current phase is: `done` of `total` (None where nobody can know it), counted in `unit`."""

    done: int
    total: int | None
    unit: Unit


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of `text` that a model has just produced. `item` says which input of a list it answers, from 0."""

    text: str
    item: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """What an `image` will look like, as far as the model can say now: PIL's. `item` says which of several, from 0."""

    image: Any
    item: int = 0


@dataclass(frozen=True, slots=True)
class Note:
    """One line of `text` that a reader should see: a choice made, an input that was cut, a model that was released."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The run ended. `outcome` is "done", "failed" or "interrupted"; `summary` is one line of figures."""

    outcome: Literal["done", "failed", "interrupted"] = "done"
    summary: str = ""


Event = Phase | Advance | Piece | Preview | Note | Done
Listener = Callable[[Event], None]


def _silence(event: Event) -> None:
    """The listener of whoever does not listen."""


@dataclass(slots=True)
class Run:
    """One run: who listens to it, and whether it has been told to stop.

    `listener` is a function of one event (Phase, Advance, Piece, Preview, Note, Done), called in the thread that does
    the work: `handle("…", run=Run(print))`. It should be quick, and raise nothing. Whoever works calls `emit` as it
    goes, and looks at `stopped` between tokens, steps or batches. A run that was stopped stays so: each call has its
    own.
    """

    listener: Listener = _silence
    _stop: threading.Event = field(default_factory=threading.Event)

    def emit(self, event: Event) -> None:
        """Tell the listener of an `event`."""
        self.listener(event)

    def note(self, text: str) -> None:
        """Tell the listener one line of `text` that a reader should see."""
        self.listener(Note(text))

    @property
    def heard(self) -> bool:
        """Whether anybody listens: what is made for listeners alone need not be made."""
        return self.listener is not _silence

    def stop(self) -> None:
        """Ask it to end soon, from any thread: what is called then raises Interrupted with what there was by then."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether it has been told to stop."""
        return self._stop.is_set()


@contextmanager
def stop_on_interrupt(run: Run) -> Iterator[None]:
    """Turn the first SIGINT into `run.stop()`, so that an engine ends at the next token instead of mid-operation.

    A second SIGINT raises KeyboardInterrupt at once. Outside the main thread, where Python delivers no signals,
    this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_signal(number: int, frame: object) -> None:
        if run.stopped:
            raise KeyboardInterrupt
        run.stop()

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
