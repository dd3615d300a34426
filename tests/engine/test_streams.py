"""A stream's run begins when somebody reads, and ends when nobody does; its model is free then."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.engine.streams import TextStream
from mc_jupyter.errors import Interrupted, RunError
from mc_jupyter.events import Advance, Run
from mc_jupyter.interrupts import stop_all
from tests import models
from tests.conftest import cell

LONG = "params: {max_output_length: 3900, min_output_length: 3900, do_sample: false}"


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.llama(tmp_path_factory.mktemp("endless"), window=4096)


@pytest.fixture
def story(session: mc.Session, endless: Path) -> mc.Handle:
    return session.load(cell("text-generation", endless, LONG), "story")


def writers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "mc_jupyter-story"]


def counted(stream: TextStream) -> list[int]:
    """The tokens of a stream's run, as they come."""
    counts: list[int] = []

    def listen(event: object) -> None:
        if isinstance(event, Advance):
            counts.append(event.done)

    stream.run.listener = listen
    return counts


def broken(stream: TextStream) -> None:
    for _ in stream:
        break


def failed(stream: TextStream) -> None:
    with pytest.raises(ZeroDivisionError):
        for _ in stream:
            raise ZeroDivisionError


def closed(stream: TextStream) -> None:
    next(stream)
    stream.close()


def left_with(stream: TextStream) -> None:
    with stream:
        next(stream)


def mapped(stream: TextStream) -> None:
    for _ in stream.map(str.upper):
        break


def left_async(stream: TextStream) -> None:
    async def reading() -> None:
        async for _ in stream:
            break

    asyncio.run(reading())


def cancelled(stream: TextStream) -> None:
    async def reading() -> None:
        async for _ in stream:
            pass

    async def main() -> None:
        task = asyncio.create_task(reading())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def closed_by_another_thread(stream: TextStream) -> None:
    threading.Timer(0.1, stream.close).start()
    list(stream)


LEAVING = [broken, failed, closed, left_with, mapped, left_async, cancelled, closed_by_another_thread]


@pytest.mark.parametrize("leave", LEAVING)
def test_leaving_a_stream_that_has_a_name_stops_its_run_and_frees_the_model_at_once(
    story: mc.Handle, leave: Callable[[TextStream], None]
) -> None:
    stream = story.stream("the fox")
    counts = counted(stream)
    leave(stream)
    by_then = len(counts)
    story.unload()
    assert story.facts() is None
    assert len(counts) - by_then <= 1
    assert stream.result.finish_reason == "interrupted"
    assert not writers()


def test_letting_go_of_a_stream_stops_its_run(story: mc.Handle) -> None:
    stream = story.stream("the fox")
    counts = counted(stream)
    next(stream)
    del stream
    by_then = len(counts)
    story.unload()
    assert len(counts) - by_then <= 1


def test_a_stream_that_is_collected_as_garbage_stops_its_run(story: mc.Handle) -> None:
    circle: list[Any] = [story.stream("the fox")]
    counts = counted(circle[0])
    circle.append(circle)
    next(circle[0])
    del circle
    gc.collect()
    by_then = len(counts)
    story.unload()
    assert len(counts) - by_then <= 1


def test_after_a_loop_was_left_another_call_need_not_wait_for_the_rest(session: mc.Session, story: mc.Handle) -> None:
    short = session.load(story.text.replace("3900", "3"), "short")
    fresh = short("the fox").token_ids
    stream = story.stream("the fox")
    counts = counted(stream)
    broken(stream)
    by_then = len(counts)
    assert short("the fox").token_ids == fresh
    assert len(counts) - by_then <= 1


def test_what_was_written_before_a_loop_was_left_can_still_be_read(story: mc.Handle) -> None:
    stream = story.stream("the fox")
    first = next(iter(stream))
    assert first + "".join(stream) == stream.result


def test_reading_piece_by_piece_is_no_loop_and_leaves_nothing(session: mc.Session, story: mc.Handle) -> None:
    handle = session.load(story.text.replace("3900", "20"), "short")
    stream = handle.stream("the fox")
    next(stream), next(stream)
    list(stream)
    assert stream.result.finish_reason == "length"


def test_a_stream_that_nobody_reads_never_begins(story: mc.Handle) -> None:
    streams = [story.stream("the fox") for _ in range(3)]
    streams[0].close()
    iter(streams[1])
    assert not writers()
    story.unload()
    assert [stream.result for stream in streams] == [None, None, None]
    assert not any(stream.run.stopped for stream in streams)


def test_an_interrupt_stops_no_stream_that_has_not_begun(story: mc.Handle) -> None:
    stream = story.stream("the fox")
    stop_all()
    assert next(stream) is not None
    stream.close()


def test_two_threads_that_read_one_stream_get_each_piece_once_and_both_end(
    session: mc.Session, story: mc.Handle
) -> None:
    stream = session.load(story.text.replace("3900", "60"), "short").stream("the fox")
    pieces: list[str] = []
    threads = [threading.Thread(target=lambda: pieces.extend(stream)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    assert sum(map(len, pieces)) == len(stream.result)


def test_an_event_loop_reads_what_a_loop_reads_and_no_thread_of_a_pool_waits(
    session: mc.Session, story: mc.Handle
) -> None:
    handle = session.load(story.text.replace("3900", "30"), "short")
    pools: set[str] = set()

    async def reading() -> list[str]:
        pieces = []
        async for piece in handle.stream("the fox"):
            pools.update(thread.name for thread in threading.enumerate() if thread.name.startswith("asyncio"))
            pieces.append(piece)
        return pieces

    assert asyncio.run(reading()) == list(handle.stream("the fox"))
    assert not pools


def test_an_event_loop_gets_what_comes_without_pieces(session: mc.Session) -> None:
    handle = session.load("component: {type: model, task: text-generation, driver: echo}")

    async def reading() -> list[str]:
        return [piece async for piece in handle.stream("a b")]

    assert asyncio.run(reading()) == list(handle.stream("a b"))


def test_a_call_that_waits_for_its_turn_can_be_stopped(story: mc.Handle) -> None:
    stream, run, ended = story.stream("the fox"), Run(), []

    def call() -> None:
        with pytest.raises(Interrupted, match="before its turn"):
            story("the fox", run=run)
        ended.append(stream.result)

    next(stream)
    thread = threading.Thread(target=call)
    thread.start()
    time.sleep(0.1)
    run.stop()
    thread.join(10)
    assert ended == [None]  # and the other one wrote on
    stream.close()


def test_a_listener_that_stops_its_run_and_unloads_is_told_that_it_runs(story: mc.Handle) -> None:
    said: list[str] = []
    run = Run()

    def listen(event: object) -> None:
        if isinstance(event, Advance) and not said:
            run.stop()
            with pytest.raises(RunError) as caught:
                story.unload()
            said.append(str(caught.value))

    run.listener = listen
    with pytest.raises(Interrupted):
        story("the fox", run=run)
    assert "is running" in said[0]


def test_a_model_that_is_used_is_not_unloaded_under_its_run(story: mc.Handle) -> None:
    stream = story.stream("the fox")
    next(stream)
    with pytest.raises(RunError, match="is running"):
        story.unload()
    stream.close()
