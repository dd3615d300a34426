"""Text as it is written: the stream that a call's answer can be, over a run of its own."""

from __future__ import annotations

import atexit
import queue
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from mc_jupyter.errors import Interrupted
from mc_jupyter.events import Event, Piece, Run
from mc_jupyter.values.streams import Stream

_JOIN = 10.0  # seconds that Python's end waits for a run to stop

_running: weakref.WeakSet[TextStream] = weakref.WeakSet()


class TextStream(Stream):
    """Text as it is written, by a run in a thread of its own, which begins when the first piece is asked for.

    `.result` is the whole answer, once it has ended. Closing the stream, leaving its loop early or letting go of it
    stops the run at its next token; a stream that nobody reads never begins. An error of the run is raised to whoever
    reads.
    """

    def __init__(self, name: str, work: Callable[[Run], Any], run: Run):
        self.run = run
        self.result: Any = None
        self._name = name
        self._work = work
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        super().__init__(self._read())

    def _begin(self) -> threading.Thread:
        run, pieces, heard = self.run, self._queue, self.run.listener

        def listen(event: Event) -> None:
            heard(event)
            if isinstance(event, Piece):
                pieces.put(event.text)

        run.listener = listen
        self._thread = threading.Thread(target=_write, args=(self._work, run, pieces), daemon=True)
        self._thread.name = f"mc_jupyter-{self._name}"
        self._thread.start()
        _running.add(self)
        return self._thread

    def _read(self) -> Iterator[str]:
        thread = self._begin()
        end: _End | None = None
        try:
            while isinstance(piece := self._queue.get(), str):
                yield piece
            end = piece
        finally:
            if end is None:  # the reader went away: there is nobody to write for
                self.run.stop()
                while isinstance(piece := self._queue.get(), str):
                    pass
                end = piece
            thread.join()
            _running.discard(self)
            self.result = end.value
        if end.error is not None:
            raise end.error


class _End:
    """How a run ended: with a value, or with an error."""

    def __init__(self, value: Any = None, error: BaseException | None = None):
        self.value, self.error = value, error


def _write(work: Callable[[Run], Any], run: Run, pieces: queue.SimpleQueue[Any]) -> None:
    """The run, in its thread. It knows nothing of the stream, so that a stream nobody has any more can go."""
    try:
        pieces.put(_End(work(run)))
    except Interrupted as error:
        pieces.put(_End(error.partial))
    except BaseException as error:  # handed to whoever reads the stream
        pieces.put(_End(error=error))


@atexit.register
def _stop_all() -> None:
    """End what still runs before Python goes: a thread inside a library at that moment would abort the process."""
    streams = list(_running)
    for stream in streams:
        stream.run.stop()
    for stream in streams:
        if stream._thread is not None:
            stream._thread.join(_JOIN)
