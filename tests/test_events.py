"""mc_jupyter.events."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from mc_jupyter.events import Note, Run, stop_on_interrupt


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_interrupt_is_a_word_to_the_run_and_the_second_is_pythons() -> None:
    run = Run()
    with pytest.raises(KeyboardInterrupt), stop_on_interrupt(run):
        interrupt()
        assert run.stopped
        interrupt()


def test_afterwards_interrupts_are_what_they_were() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_on_interrupt(Run()):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_nothing_is_changed() -> None:
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with stop_on_interrupt(Run()):
                pass
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert failed == []


def test_a_run_tells_its_listener() -> None:
    heard: list[object] = []
    Run(listener=heard.append).note("hello")
    assert heard == [Note("hello")]
