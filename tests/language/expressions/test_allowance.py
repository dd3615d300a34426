"""One rendering does so much and no more."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import pytest

from mc_jupyter import interrupts
from mc_jupyter.errors import ExpressionError, Interrupted
from mc_jupyter.events import Run
from mc_jupyter.language.expressions import allowance, render
from mc_jupyter.values import Stream

HUNDRED = list(range(100))


def nested(times: int) -> Any:
    """A loop in a loop in a loop."""
    return {"*": HUNDRED, "x": nested(times - 1)} if times else "${item}"


@pytest.mark.parametrize("value", [nested(9), {"|": HUNDRED, "a": nested(8)}])
def test_loops_in_loops_are_ended(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "VALUES", 20_000)
    with pytest.raises(ExpressionError, match="evaluates more than 20,000 values"):
        render(value, {})


@pytest.mark.parametrize(
    "value",
    [
        "${input.text}" * 10_000,
        "${input.text}${input.none}" * 10_000,
        ["...${input.list}"] * 10_000,
        {"+": [{"+": ["${input.list}"] * 100}] * 100},
        ["${input.list as text}"] * 10_000,
        {"*": HUNDRED, "x": {"+": ["${input.text}"] * 500}},
    ],
)
def test_texts_and_lists_put_together_of_large_ones_are_ended(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "SIZE", 5_000_000)
    with pytest.raises(ExpressionError, match="this makes more than 5 million letters"):
        render(value, {"input": {"text": "a" * 10_000, "list": [1] * 10_000}})


def test_one_interrupt_ends_a_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "VALUES", 10**9)
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    with interrupts.stop_on_interrupt(Run()), pytest.raises(Interrupted):
        render(nested(9), {})
    assert time.monotonic() - started < 2


def test_what_is_only_handed_on_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "SIZE", 10)
    assert render(["${input} ", "${input as text}", "${input}"], {"input": "abcdefgh"})[1:] == ["abcdefgh"] * 2


def test_many_matches_share_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "SECONDS", 0.5)
    slow = {"input": "${item}", "operator": "match", "value": "(a+)+b"}
    with pytest.raises(ExpressionError, match="matching took more than 0.5 seconds"):
        render({"*": {"input": ["a" * 20] * 1000, "where": slow}}, {})


def test_an_item_of_a_stream_has_an_allowance_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "VALUES", 10)
    pieces = render({"*": "${input}", "x": "${item}"}, {"input": Stream(range(1000))})
    assert len(list(pieces)) == 1000
