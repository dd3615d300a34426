"""Text as it is written: the stream that a call's answer can be, over a run of its own."""

from __future__ import annotations

import atexit
import queue
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mc_jupyter.errors import Interrupted
from mc_jupyter.events import Event, Piece, Run
from mc_jupyter.values import Batch, Stream

_JOIN = 10.0  # seconds that Python's end waits for a run to stop


class TextStream(Stream):
    """Text as it is written, by a run in a thread of its own, which begins when the first piece is asked for.

    name  what the thread is called after
    work  what writes: a function of the run, whose value is the whole answer
    run   who listens besides, and who may stop it

    `.result` is the whole answer, once it has ended. Closing the stream or letting go of it, as leaving a loop over
    `handle.stream(…)` does, stops the run at its next token; a stream that nobody reads never begins. An error of the
    run is raised to whoever reads. What writes no text gives its results one by one.
    """

    def __init__(self, name: str, work: Callable[[Run], Any], run: Run):
        self._writing = _Writing(name, work, run)
        super().__init__(_pieces(self._writing))  # which knows nothing of the stream, so that it goes when let go of

    def close(self) -> None:
        """Stop the run, and wait until it has ended: the model is free then. Closing twice is fine."""
        self._writing.patient = True
        super().close()

    @property
    def run(self) -> Run:
        """The run that writes it."""
        return self._writing.run

    @property
    def result(self) -> Any:
        """The whole answer; None until it has ended."""
        return self._writing.result


class _End:
    """How a run ended: with a value, or with an error."""

    def __init__(self, value: Any = None, error: BaseException | None = None):
        self.value, self.error = value, error


class _Writing:
    """A run that writes, and the pieces that nobody has read yet."""

    def __init__(self, name: str, work: Callable[[Run], Any], run: Run):
        self.run, self.work, self.result = run, work, None
        self.patient = False  # whether whoever ends the stream waits for the run
        self.pieces: queue.SimpleQueue[str | _End] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self.write, name=f"mc_jupyter-{name}", daemon=True)

    def begin(self) -> None:
        heard = self.run.listener

        def listen(event: Event) -> None:
            heard(event)
            if isinstance(event, Piece):
                self.pieces.put(event.text)

        self.run.listener = listen
        _running.add(self)
        self.thread.start()

    def write(self) -> None:
        end = _End()
        try:
            end.value = self.work(self.run)
        except Interrupted as error:
            end.value = error.partial
        except BaseException as error:  # handed to whoever reads the stream
            end.error = error
        self.result = end.value
        _running.discard(self)
        self.pieces.put(end)

    def leave(self) -> None:
        """The reader went away: there is nobody to write for.

        A stream that is collected as garbage does not wait: that may happen in any thread, in the run's own, too.
        """
        self.run.stop()
        if self.patient and threading.current_thread() is not self.thread:
            self.thread.join()


_running: weakref.WeakSet[_Writing] = weakref.WeakSet()


def _pieces(writing: _Writing) -> Iterator[Any]:
    writing.begin()
    written = False
    try:
        while isinstance(piece := writing.pieces.get(), str):
            written = True
            yield piece
    except BaseException:
        writing.leave()
        raise
    writing.thread.join()
    if piece.error is not None:
        raise piece.error
    if not written:
        yield from _whole(piece.value)


def _whole(value: Any) -> Iterable[Any]:
    """The pieces of what came without any: those of a stream or a list, else the value itself."""
    return value if isinstance(value, Stream) or type(value) in (list, Batch) else [value]


@atexit.register
def _stop_all() -> None:
    """End what still runs before Python goes: a thread inside a library at that moment would abort the process."""
    left = list(_running)
    for writing in left:
        writing.run.stop()
    for writing in left:
        writing.thread.join(_JOIN)
