"""Text as it is written: the stream that a call's answer can be, over a run of its own."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from mc_jupyter.errors import Interrupted
from mc_jupyter.events import Event, Piece, Run
from mc_jupyter.interrupts import going
from mc_jupyter.openmp import give_back_team
from mc_jupyter.values import Batch, Stream


class TextStream(Stream):
    """Text as it is written, by a run in a thread of its own, which begins when the first piece is asked for.

    name  what the thread is called after
    work  what writes: a function of the run, whose value is the whole answer
    run   who listens besides, and who may stop it

    `.result` is the whole answer, once it has ended. Leaving a loop over the stream, closing it or letting go of it
    stops the run at its next token; what had been written by then can still be read, unless it was closed. A stream
    that nobody reads never begins. An error of the run is raised to whoever reads. What writes no text gives its
    results one by one.
    """

    def __init__(self, name: str, work: Callable[[Run], Any], run: Run):
        self._writing = _Writing(name, work, run)
        super().__init__(self._writing)  # whose thread knows nothing of the stream, so that it goes when let go of

    def close(self) -> None:
        """Stop the run, and wait until it has ended: the model is free then. Closing twice is fine."""
        super().close()
        self._writing.wait()

    async def aclose(self) -> None:
        """`close()` from a running event loop."""
        await asyncio.to_thread(self.close)

    def leave(self) -> None:
        """Stop the run at its next token, and wait for nothing."""
        self._writing.close()

    def __del__(self) -> None:
        self.leave()  # and no more: garbage is collected in any thread, whatever it holds, the run's own among them
        super().__del__()

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
    """A run that writes, and an iterator of its pieces. Several threads may read, and any may close it."""

    def __init__(self, name: str, work: Callable[[Run], Any], run: Run):
        self.name, self.work, self.run, self.result = name, work, run, None
        self.pieces: queue.SimpleQueue[str | _End] = queue.SimpleQueue()
        self.waiting: deque[Callable[[], object]] = deque()  # how event loops are told that there is a piece
        self.thread: threading.Thread | None = None
        self.ended = self.written = False
        self.left: Iterator[Any] = iter(())  # of what came without pieces
        self.gate = threading.Lock()  # held for a moment: it begins once

    # reading

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        self.begin()
        return self.taken(self.pieces.get())

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        # Nothing waits in a thread of a pool: Python's end waits for those before it stops anything.
        self.begin()
        loop = asyncio.get_running_loop()
        while True:
            there = asyncio.Event()
            self.waiting.append(partial(loop.call_soon_threadsafe, there.set))
            try:
                return self.taken(self.pieces.get_nowait())
            except StopIteration:
                raise StopAsyncIteration from None
            except queue.Empty:
                await there.wait()

    def taken(self, piece: str | _End) -> Any:
        if isinstance(piece, str):
            self.written = True
            return piece
        self.put(piece)  # for whoever reads besides, or again
        self.wait()
        return next(self.rest(piece))

    def rest(self, end: _End) -> Iterator[Any]:
        """What is left to give once the run has ended: its error, once; or its value, of which nothing was written."""
        with self.gate:
            error, end.error = end.error, None
            if not self.written and error is None:
                self.written, self.left = True, iter(_whole(end.value))
        if error is not None:
            raise error
        return self.left

    def close(self) -> None:
        """There is nobody to write for: end soon."""
        if self.thread is not None and not self.ended:
            self.run.stop()

    def wait(self) -> None:
        """Until the run has ended and what it used is free."""
        if self.thread is not None and self.thread is not threading.current_thread():
            self.thread.join()

    # writing

    def begin(self) -> None:
        with self.gate:
            if self.thread is not None:
                return
            heard = self.run.listener

            def listen(event: Event) -> None:
                heard(event)
                if isinstance(event, Piece):
                    self.put(event.text)

            self.run.listener = listen
            give_back_team()  # who reads waits from now on
            self.thread = threading.Thread(target=self.write, name=f"mc_jupyter-{self.name}", daemon=True)
            self.thread.start()

    def write(self) -> None:
        end = _End()
        with going(self.run):
            try:
                end.value = self.work(self.run)
            except Interrupted as error:
                end.value = error.partial
            except BaseException as error:  # handed to whoever reads the stream
                end.error = error
        self.result, self.ended = end.value, True
        self.put(end)

    def put(self, piece: str | _End) -> None:
        self.pieces.put(piece)
        while self.waiting:
            with suppress(IndexError, RuntimeError):  # somebody else has told it; its loop is closed
                self.waiting.popleft()()


def _whole(value: Any) -> Iterable[Any]:
    """The pieces of what came without any: those of a stream or a list, else the value itself."""
    if value is None:  # stopped before there was anything
        return ()
    return value if isinstance(value, Stream) or type(value) in (list, Batch) else [value]
