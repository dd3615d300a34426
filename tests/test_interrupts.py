"""mc_jupyter.interrupts: who hears an interrupt, and how Python ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import mc_jupyter as mc
from mc_jupyter.comparison import Comparison
from mc_jupyter.errors import Interrupted
from mc_jupyter.events import Advance, Run
from mc_jupyter.interrupts import going, stop_all, stop_on_interrupt
from tests.conftest import cell


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def in_a_thread(work: object) -> threading.Thread:
    thread = threading.Thread(target=work)  # type: ignore[arg-type]
    thread.start()
    return thread


# --- hearing ----------------------------------------------------------------------------------------------------------


def test_the_first_interrupt_is_a_word_to_the_run_and_the_second_is_pythons() -> None:
    run = Run()
    with pytest.raises(KeyboardInterrupt), stop_on_interrupt(run):
        interrupt()
        assert run.stopped
        interrupt()


def test_an_interrupt_is_a_word_to_every_run_that_goes_on_in_whichever_thread() -> None:
    other, begun, heard = Run(), threading.Event(), threading.Event()

    def work() -> None:
        with stop_on_interrupt(other):
            begun.set()
            heard.wait(10)

    thread = in_a_thread(work)
    begun.wait(10)
    with stop_on_interrupt(Run()):
        interrupt()
        assert other.stopped
    heard.set()
    thread.join()


def test_a_run_that_does_not_go_on_hears_nothing() -> None:
    later, over = Run(), Run()
    with going(over):
        pass
    stop_all()
    assert (later.stopped, over.stopped) == (False, False)


def test_a_run_that_goes_on_twice_hears_until_both_have_ended() -> None:
    run = Run()
    with going(run):
        with going(run):
            pass
        stop_all()
    assert run.stopped


def test_afterwards_interrupts_are_what_they_were() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_on_interrupt(Run()):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_no_handler_is_changed() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with stop_on_interrupt(Run()):
            seen.append(signal.getsignal(signal.SIGINT))

    in_a_thread(work).join()
    assert seen == [before]


# --- what goes on -----------------------------------------------------------------------------------------------------


def interrupted_in_a_thread(work: Callable[[Run], object], after: int) -> tuple[list[int], BaseException | object]:
    """What work in a thread emitted by `Advance`, interrupted at so many, and how it ended."""
    counts: list[int] = []
    ended: list[BaseException | object] = []

    def listen(event: object) -> None:
        if isinstance(event, Advance):
            counts.append(event.done)
            if len(counts) == after:
                stop_all()  # as a signal's handler does

    def working() -> None:
        try:
            ended.append(work(Run(listen)))
        except Interrupted as error:
            ended.append(error)

    in_a_thread(working).join()
    return counts, ended[0]


def test_a_batch_that_another_thread_embeds_ends_after_the_batch_under_way(session: mc.Session, encoder: Path) -> None:
    embed = session.load(cell("text-embedding", encoder, "batch_size: 1"), "embed")
    counts, error = interrupted_in_a_thread(lambda run: embed(["one", "two", "three", "four"], run=run), 2)
    assert counts == [1, 2]
    assert isinstance(error, Interrupted)
    assert sum(one is not None for one in error.partial) == 2


def test_a_comparison_in_another_thread_ends_with_the_rows_there_are(session: mc.Session) -> None:
    echo = session.load("component: {type: model, task: text-generation, driver: echo}", "echo")
    found = interrupted_in_a_thread(lambda run: echo.compare({"temperature": [0.1, 0.2, 0.3]}, "a", run=run), 2)[1]
    assert isinstance(found, Comparison)
    assert [row["settings"] for row in found] == [{"temperature": 0.1}]


# --- Python's end -----------------------------------------------------------------------------------------------------

BEGINNING = """
    import sys, threading, time
    import mc_jupyter as mc
    session = mc.Session()
    session.__class__.__del__ = lambda self: None       # a session left open would warn
    text = "component: {type: model, task: text-generation, model: 'starter:stories', text: '${input.text}', params: "
    story = session.load(text + "{max_output_length: 190, min_output_length: 190}}", "story")
    def reading():
        while True:
            list(story.stream("Once"))
"""
ENDS = {
    "a stream that nobody read": "stream = story.stream('Once')",
    "a stream read by half": "stream = story.stream('Once'); next(stream)",
    "a loop that was left": """
        stream = story.stream('Once')
        for piece in stream:
            break
    """,
    "a stream that another thread reads": """
        threading.Thread(target=reading, daemon=True).start()
        time.sleep(0.3)
    """,
    "a stream that an event loop reads": """
        import asyncio
        stream = story.stream('Once')
        async def read():
            async for piece in stream:
                break
        asyncio.run(read())
    """,
    "a stream that an event loop waits for": """
        import asyncio
        stream, loop = story.stream('Once'), asyncio.new_event_loop()
        async def read():
            async for piece in stream:
                pass
        task = loop.create_task(read())
        loop.run_until_complete(asyncio.sleep(0.2))     # and then nobody runs the loop on
        task._log_destroy_pending = False
    """,
    "calls in another thread": """
        def calls():
            while True:
                story("Once")
        threading.Thread(target=calls, daemon=True).start()
        time.sleep(0.3)
    """,
    "a form that runs": """
        from mc_jupyter.notebook.form import Form
        form = Form(story, {"text": "Once"})
        form.button.click()
        time.sleep(0.3)
    """,
    "a panel that runs": """
        from mc_jupyter.notebook.panel import panel
        board = panel(story)
        board.calling.fields["text"].value = "Once"
        board.run_button.click()
        time.sleep(0.3)
    """,
}


@pytest.mark.slow
@pytest.mark.parametrize("what", ENDS)
def test_python_ends_cleanly_and_at_once(what: str) -> None:
    source = textwrap.dedent(BEGINNING) + textwrap.dedent(ENDS[what]) + "\nprint('end', flush=True)\n"
    ended = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (0, "end\n"), ended.stderr
    assert "Fatal Python error" not in ended.stderr
