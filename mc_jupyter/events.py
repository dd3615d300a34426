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
    """A new part of the work begins: finding files, downloading, loading (the library, then the model), running."""

    name: PhaseName
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Advance:
    """How far the current phase is. `total` is None where nobody can know it."""

    done: int
    total: int | None
    unit: Unit


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text that a model has just produced. `item` says which input of a list it answers."""

    text: str
    item: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """What an image will look like, as far as the model can say now: a PIL image. `item` says which of several."""

    image: Any
    item: int = 0


@dataclass(frozen=True, slots=True)
class Note:
    """One line a reader should see: a choice that was made, an input that was cut, a model that was released."""

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

    Engines call `emit` as they go and look at `stopped` between tokens, steps or batches.
    """

    listener: Listener = _silence
    _stop: threading.Event = field(default_factory=threading.Event)

    def emit(self, event: Event) -> None:
        self.listener(event)

    def note(self, text: str) -> None:
        self.listener(Note(text))

    @property
    def heard(self) -> bool:
        """Whether anybody listens: what is made for listeners alone need not be made."""
        return self.listener is not _silence

    def stop(self) -> None:
        self._stop.set()

    @property
    def stopped(self) -> bool:
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
