"""What goes on in this process, in whichever thread, and how an interrupt or Python's end stops all of it.

Only the main thread hears SIGINT. So whatever works is entered here while it does (`going`), and whoever hears an
interrupt tells everything (`stop_all`).
"""

from __future__ import annotations

import atexit
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from mc_jupyter.errors import Interrupted
from mc_jupyter.events import Run

_PATIENCE = 10.0  # seconds that Python's end waits for what goes on to stop


class Stoppable(Protocol):
    """What can be told to end soon: a Run is one. `stop` may be called from a signal's handler, so it takes no lock."""

    def stop(self) -> None: ...


# A dictionary, for its single steps need no lock: a signal's handler would wait for ever for one that its own thread
# holds.
_going: dict[tuple[int, object], Stoppable] = {}
_ended = False


class Word:
    """Whether somebody said stop to work that is no run of its own: a rendering, a match, a picture that is read."""

    def __init__(self) -> None:
        self.said = False

    @property
    def stopped(self) -> bool:
        return self.said

    def stop(self) -> None:
        self.said = True

    def look(self) -> None:
        """Interrupted, where it was said."""
        if self.said:
            raise Interrupted("interrupted")


@contextmanager
def going(work: Stoppable) -> Iterator[None]:
    """While the block runs, an interrupt of the process stops this, whichever thread it works in."""
    mark = (threading.get_ident(), object())
    try:
        _going[mark] = work
        if _ended or _over_is_stopped(mark[0]):
            work.stop()
        yield
    finally:
        _going.pop(mark, None)


def _over_is_stopped(thread: int) -> bool:
    """Whether what a thread's work is a part of was stopped a moment before it began."""
    return any(getattr(work, "stopped", False) for (worker, _), work in list(_going.items()) if worker == thread)


def stop_all() -> None:
    """Tell everything that goes on to end soon: at its next token, step, tile or batch."""
    for work in list(_going.values()):
        work.stop()


@contextmanager
def stop_on_interrupt(run: Run) -> Iterator[None]:
    """Turn the first SIGINT into a word to everything that goes on, so that it ends at a token, not mid-operation.

    A second SIGINT raises KeyboardInterrupt at once. Outside the main thread, where Python delivers no signals, this is
    `going`: an interrupt is heard by whoever has the main thread, the notebook in a kernel.
    """
    if threading.current_thread() is not threading.main_thread():
        with going(run):
            yield
        return

    def on_signal(number: int, frame: object) -> None:
        if run.stopped:
            raise KeyboardInterrupt
        stop_all()

    with going(run):
        before = signal.signal(signal.SIGINT, on_signal)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


@atexit.register
def _end() -> None:
    """End what goes on before Python does: a thread inside a library at that moment would abort the process."""
    global _ended
    _ended = True
    until = time.monotonic() + _PATIENCE
    while _going and time.monotonic() < until:
        stop_all()
        time.sleep(0.005)
