"""What a run says while it runs, and how it is told to stop."""

from __future__ import annotations

from collections.abc import Callable
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


class _Word:
    """Whether somebody said stop: to a run, and to every copy of it. No Event: a signal's handler may say it, in the
    midst of whatever its thread does, and would wait for ever for a lock that this thread holds."""

    said = False


@dataclass(slots=True)
class Run:
    """One run: who listens to it, and whether it has been told to stop.

    `listener` is a function of one event (Phase, Advance, Piece, Preview, Note, Done), called in the thread that does
    the work: `handle("…", run=Run(print))`. It should be quick, and raise nothing. Whoever works calls `emit` as it
    goes, and looks at `stopped` between tokens, steps or batches. A run that was stopped stays so: each call has its
    own.
    """

    listener: Listener = _silence
    _stop: _Word = field(default_factory=_Word)

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
        self._stop.said = True

    @property
    def stopped(self) -> bool:
        """Whether it has been told to stop."""
        return self._stop.said
