"""Values that arrive one at a time: a stream is read once, by `for` or by `async for`, and closes its source.

What a stream is made into (`map`, `split`, `chain` …) is computed as it is read. Each of these is one generator, a
stage, that asks for items and emits others; the same stage serves both ways of reading.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Generator, Iterable, Iterator
from typing import Any

from mc_jupyter.values.loops import PrivateLoop

_END: Any = object()


class _Emit:
    """What a stage hands on; anything else that it yields is the stream it wants the next item of."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value


# A stage is written once and driven both ways: `next` answers its requests in `__next__`, `anext` in `__anext__`.
_Stage = Generator["_Emit | Stream", Any, None]


class Stream:
    """Values that arrive one at a time, once; over an iterator, sync or async or both, readable either way.

    It may be read on after a loop over it was left, unless it stops then what it comes from (a model's run does).
    Read with `for`, an async source is driven by an event loop of its own in a thread of its own, so this works
    in a notebook, whose loop is already running. Read with `async for`, a sync source waits in a thread.
    `close()` closes the source; so does the end of a `with` block.
    """

    def __init__(self, source: Iterable[Any] | AsyncIterable[Any]):
        self._stage: _Stage | None = None
        self._parents: tuple[Stream, ...] = ()
        self._sync: Iterator[Any] | None = None
        self._async: AsyncIterator[Any] | None = None
        self._loop: PrivateLoop | None = None
        self._seen_loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        if isinstance(source, AsyncIterable):
            self._async = source.__aiter__()
        if isinstance(source, Iterable):
            self._sync = iter(source)

    @classmethod
    def _of(cls, stage: _Stage, parents: Iterable[Stream]) -> Stream:
        stream = cls(())
        stream._sync, stream._stage, stream._parents = None, stage, tuple(parents)
        return stream

    # reading

    def __iter__(self) -> Iterator[Any]:
        return _Loop(self)

    def __next__(self) -> Any:
        if self._closed:
            raise StopIteration
        try:
            item = self._next_of_stage() if self._stage else self._next_of_source()
        except BaseException:
            self.close()
            raise
        if item is _END:
            self.close()
            raise StopIteration
        return item

    def __aiter__(self) -> AsyncIterator[Any]:
        return _Loop(self)

    async def __anext__(self) -> Any:
        if self._closed:
            raise StopAsyncIteration
        try:
            item = await (self._anext_of_stage() if self._stage else self._anext_of_source())
        except BaseException:
            await self.aclose()
            raise
        if item is _END:
            await self.aclose()
            raise StopAsyncIteration
        return item

    def _next_of_stage(self) -> Any:
        assert self._stage is not None
        try:
            request = next(self._stage)
            while not isinstance(request, _Emit):
                request = self._stage.send(next(request, _END))
        except StopIteration:
            return _END
        return request.value

    async def _anext_of_stage(self) -> Any:
        assert self._stage is not None
        try:
            request = next(self._stage)
            while not isinstance(request, _Emit):
                request = self._stage.send(await anext(request, _END))
        except StopIteration:
            return _END
        return request.value

    def _next_of_source(self) -> Any:
        if self._async is None or self._sync is not None:
            return next(self._sync or iter(()), _END)
        if self._loop is None:
            self._loop = PrivateLoop()
        return self._loop.run(_anext_or_end(self._async))

    async def _anext_of_source(self) -> Any:
        if self._async is None:
            return await asyncio.to_thread(next, self._sync or iter(()), _END)
        if self._loop is not None:
            return await asyncio.to_thread(self._loop.run, _anext_or_end(self._async))
        self._seen_loop = asyncio.get_running_loop()
        return await _anext_or_end(self._async)

    def collect(self) -> list[Any]:
        """All that is still to come."""
        return list(self)

    # making others

    def map(self, function: Callable[[Any], Any]) -> Stream:
        """A stream of `function(item)`, computed as it is read."""
        return self.expand(lambda item: (function(item),))

    def filter(self, keep: Callable[[Any], bool]) -> Stream:
        """A stream of the items that `keep` says True of."""
        return self.expand(lambda item: (item,) if keep(item) else ())

    def expand(self, function: Callable[[Any], Iterable[Any]]) -> Stream:
        """A stream of everything in `function(item)`, item after item."""

        def stage() -> _Stage:
            while (item := (yield self)) is not _END:
                for out in function(item):
                    yield _Emit(out)

        return Stream._of(stage(), [self])

    def split(self, count: int) -> list[Stream]:
        """`count` streams, each of all the items. What one has read and another has not is kept in memory."""
        waiting: list[deque[Any]] = [deque() for _ in range(count)]
        shared = _Shared(self, count)

        def stage(mine: deque[Any]) -> _Stage:
            while True:
                while mine:
                    yield _Emit(mine.popleft())
                item = yield shared
                if item is _END:
                    return
                for queue in waiting:
                    queue.append(item)

        return [Stream._of(stage(mine), [shared]) for mine in waiting]

    @staticmethod
    def chain(parts: Iterable[Any]) -> Stream:
        """All items of the first of the `parts`, then of the second …; each is a stream, a list, or one item."""
        parts = list(parts)

        def stage() -> _Stage:
            for part in parts:
                if isinstance(part, Stream):
                    while (item := (yield part)) is not _END:
                        yield _Emit(item)
                else:
                    for item in part if isinstance(part, list) else [part]:
                        yield _Emit(item)

        return Stream._of(stage(), [part for part in parts if isinstance(part, Stream)])

    @staticmethod
    def rows(columns: list[Any]) -> Stream:
        """Lists of one item of each of the `columns` (streams or lists), until the shortest ends."""
        streams = [column if isinstance(column, Stream) else Stream(column) for column in columns]

        def stage() -> _Stage:
            while streams:
                row = []
                for stream in streams:
                    item = yield stream
                    if item is _END:
                        return
                    row.append(item)
                yield _Emit(row)

        return Stream._of(stage(), streams)

    # ending

    def leave(self) -> None:
        """A loop over it ended, by itself or early: who works for it alone need not go on. Waits for nothing."""
        for parent in self._parents:
            parent.leave()

    def close(self) -> None:
        """Close the source. What was not read is lost; closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        if self._stage:
            self._stage.close()
        for parent in self._parents:
            parent.close()
        if self._sync is not None:
            _close_sync(self._sync)
        elif self._async is not None:
            self._close_async_source()

    async def aclose(self) -> None:
        """`close()` from a running event loop."""
        if self._closed or self._async is None or self._loop is not None:
            if self._stage and not self._closed:
                self._closed = True
                self._stage.close()
                for parent in self._parents:
                    await parent.aclose()
            else:
                self.close()
            return
        self._closed = True
        aclose = getattr(self._async, "aclose", None)
        if aclose is not None:
            await aclose()

    def _close_async_source(self) -> None:
        aclose = getattr(self._async, "aclose", None)
        if aclose is not None:
            if self._seen_loop is not None and self._seen_loop.is_running():
                # It began on that loop and must end there; waiting for it here could wait for ourselves.
                asyncio.run_coroutine_threadsafe(_awaited(aclose), self._seen_loop)
            else:
                self._loop = self._loop or PrivateLoop()
                self._loop.run(_awaited(aclose))
        if self._loop is not None:
            self._loop.stop()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        loop = getattr(self, "_loop", None)
        if loop is not None:
            loop.stop()

    def __repr__(self) -> str:
        return f"<Stream {'closed' if self._closed else 'open'}>"


class _Loop:
    """One loop over a stream. The stream may have a name; that a loop is left shows only by what goes with it."""

    __slots__ = ("_stream",)

    def __init__(self, stream: Stream):
        self._stream = stream

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._stream)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        return await anext(self._stream)

    def __del__(self) -> None:
        self._stream.leave()


class _Shared(Stream):
    """The source of several split streams: closed when the last of them is."""

    def __init__(self, source: Stream, readers: int):
        super().__init__(())
        self._readers = readers

        def stage() -> _Stage:
            while (item := (yield source)) is not _END:
                yield _Emit(item)

        self._sync, self._stage, self._parents = None, stage(), (source,)

    def leave(self) -> None:
        """The others may want more."""

    def close(self) -> None:
        self._readers -= 1
        if self._readers <= 0:
            super().close()

    async def aclose(self) -> None:
        self._readers -= 1
        if self._readers <= 0:
            await super().aclose()


async def _anext_or_end(source: AsyncIterator[Any]) -> Any:
    return await anext(source, _END)


async def _awaited(function: Callable[[], Any]) -> None:
    await function()


def _close_sync(source: Iterator[Any]) -> None:
    close = getattr(source, "close", None)
    if close is not None:
        close()
