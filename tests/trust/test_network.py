"""Slow name look-ups: few threads, each ended by its own answer, and none in the way of Python's end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from mc_jupyter.trust.network import Network, TooSlow, looked_up


class Slow:
    """A resolver that answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer = threading.Event()

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        self.answer.wait(20)
        return ["192.0.2.1"]


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "mc_jupyter-lookup"]


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    yield made
    made.answer.set()
    for thread in threads():
        thread.join(5)
    assert threads() == []


def test_however_many_names_are_slow_there_are_never_more_than_four_threads(slow: Slow) -> None:
    for number in range(12):
        with pytest.raises(TooSlow):
            looked_up(Network(resolve=slow), f"host{number}", 80, 0.02)
    assert len(threads()) == 4
    assert len(slow.asked) == 4


def test_a_name_that_is_looked_up_already_is_waited_for(slow: Slow) -> None:
    for _ in range(5):
        with pytest.raises(TooSlow):
            looked_up(Network(resolve=slow), "host", 80, 0.02)
    assert slow.asked == ["host"]
    threading.Timer(0.1, slow.answer.set).start()
    assert looked_up(Network(resolve=slow), "host", 80, 5) == ["192.0.2.1"]


def test_after_slow_ones_names_are_looked_up_again(slow: Slow) -> None:
    for number in range(4):
        with pytest.raises(TooSlow):
            looked_up(Network(resolve=slow), f"host{number}", 80, 0.02)
    slow.answer.set()
    assert looked_up(Network(resolve=slow), "another", 80, 5) == ["192.0.2.1"]


@pytest.mark.parametrize("error", [OSError("no such name"), TimeoutError("slow"), UnicodeError("label too long")])
def test_what_the_resolver_raises_is_an_os_error(error: Exception) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise error

    with pytest.raises(OSError, match=str(error)):
        looked_up(Network(resolve=resolve), "host", 80, 5)


def test_python_ends_while_a_name_is_looked_up() -> None:
    code = (
        "import time; from mc_jupyter.trust.network import *\n"
        "try: looked_up(Network(resolve=lambda h, p: time.sleep(60)), 'host', 80, 0.1)\n"
        "except TooSlow: print('slow')"
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr, done.returncode) == ("slow\n", "", 0)
    assert time.monotonic() - started < 20
