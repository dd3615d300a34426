"""A stream is read once, by `for` or `async for`, and what it came from is closed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from mc_jupyter.values import Stream


async def counted(stop: int) -> AsyncIterator[int]:
    for number in range(stop):
        await asyncio.sleep(0)
        yield number


class Closing:
    """An iterator that remembers whether it was closed."""

    def __init__(self) -> None:
        self.closed = False

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        return 1

    def close(self) -> None:
        self.closed = True


def test_an_async_source_is_read_with_for() -> None:
    assert list(Stream(counted(3))) == [0, 1, 2]


def test_an_async_source_is_read_with_for_while_a_loop_runs() -> None:
    async def reading() -> list[int]:
        return list(Stream(counted(3)))

    assert asyncio.run(reading()) == [0, 1, 2]


def test_a_sync_source_is_read_with_async_for() -> None:
    async def reading() -> list[int]:
        return [item async for item in Stream(iter([1, 2])).map(lambda item: item * 2)]

    assert asyncio.run(reading()) == [2, 4]


def test_an_async_source_is_read_on_the_loop_it_belongs_to() -> None:
    threads = set()

    async def source() -> AsyncIterator[int]:
        threads.add(threading.current_thread())
        yield 1

    async def reading() -> list[int]:
        return [item async for item in Stream(source()).map(lambda item: item).filter(bool)]

    assert asyncio.run(reading()) == [1]
    assert threads == {threading.current_thread()}


def test_map_and_filter_wait_until_they_are_read() -> None:
    seen: list[int] = []

    def watched(item: int) -> int:
        seen.append(item)
        return item

    stream = Stream([1, 2, 3]).map(watched).filter(lambda item: item != 2)
    assert seen == []
    assert next(stream) == 1
    assert seen == [1]
    assert list(stream) == [3]


def test_split_streams_each_give_everything_in_any_order_of_reading() -> None:
    left, right = Stream(counted(3)).split(2)
    assert next(left) == 0
    assert list(right) == [0, 1, 2]
    assert list(left) == [1, 2]


def test_closing_closes_the_source_through_what_was_made_of_it() -> None:
    source = Closing()
    stream = Stream(source).map(str)
    next(stream)
    stream.close()
    assert source.closed
    assert list(stream) == []


def test_closing_an_async_source_runs_its_end() -> None:
    ended = []

    async def source() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            ended.append(True)

    with Stream(source()) as stream:
        assert next(stream) == 1
    assert ended == [True]


def test_a_fault_of_the_source_comes_out_as_it_is() -> None:
    async def source() -> AsyncIterator[int]:
        yield 1
        raise ZeroDivisionError

    stream = Stream(source()).map(str)
    assert next(stream) == "1"
    with pytest.raises(ZeroDivisionError):
        next(stream)


def test_no_thread_stays_behind_a_read_stream() -> None:
    list(Stream(counted(2)))
    assert not [thread for thread in threading.enumerate() if thread.name == "mc_jupyter-stream"]
