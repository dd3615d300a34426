"""What a run shows, with a clock of our own."""

from __future__ import annotations

from typing import Any

import pytest

from mc_jupyter.events import Done, Note, Phase, Piece, Progress
from mc_jupyter.notebook.progress import Account, Surface
from mc_jupyter.notebook.progress import Progress as Output


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Front:
    """Takes messages as a front-end would."""

    def __init__(self, clock: Clock):
        self.clock = clock
        self.sent: list[tuple[float, bool, dict[str, Any]]] = []

    def publish(
        self, bundle: dict[str, Any], metadata: Any = None, *, transient: Any = None, update: bool = False
    ) -> None:
        self.sent.append((self.clock.now, update, bundle))


def _output(surface: Surface = "live") -> tuple[Output, Front, Clock]:
    clock = Clock()
    front = Front(clock)
    return Output(front, surface, clock), front, clock


def test_a_download_says_share_amounts_rate_and_time_left() -> None:
    account = Account()
    account.take(Phase("download", "owner/model"), 0.0)
    for second in range(5):
        account.take(Progress(second * 10_000_000, 100_000_000, "bytes"), float(second))
    assert account.line(4.0) == "downloading owner/model · 40% · 40.0 MB of 100 MB · 10.0 MB/s · 6.0 s left"


def test_a_rate_follows_the_last_seconds_and_not_the_first() -> None:
    account = Account()
    account.take(Phase("download"), 0.0)
    account.take(Progress(0, None, "bytes"), 0.0)
    account.take(Progress(1_000_000_000, None, "bytes"), 1.0)
    for second in range(20, 30):
        account.take(Progress(1_000_000_000 + (second - 20) * 1000, None, "bytes"), float(second))
    assert account.rate() == pytest.approx(1000, rel=0.01)


def test_what_nobody_can_know_is_not_said() -> None:
    account = Account()
    account.take(Phase("load", "model"), 0.0)
    assert account.line(3.0) == "loading model · 3.0 s"
    account.take(Progress(7, None, "files"), 3.0)
    assert account.line(4.0) == "loading model · 7 files"
    assert account.share is None


def test_a_new_phase_begins_at_nothing() -> None:
    account = Account()
    account.take(Progress(5, 10, "items"), 0.0)
    account.take(Phase("run", "model"), 1.0)
    assert account.done is None


def test_nothing_is_shown_of_what_takes_less_than_half_a_second() -> None:
    output, front, clock = _output()
    output.listen(Phase("load", "model"))
    for _ in range(10):
        clock.now += 0.04
        output.listen(Progress(1, 10, "items"))
    assert front.sent == []
    clock.now += 0.2
    output.listen(Progress(2, 10, "items"))
    assert len(front.sent) == 1


def test_text_is_shown_at_once_and_then_at_most_twenty_times_a_second() -> None:
    output, front, clock = _output()
    for i in range(1000):
        output.listen(Piece(f"w{i} "))
        clock.now += 0.005
    assert front.sent[0][0] == 100.0
    times = [t for t, _, _ in front.sent]
    assert max(sum(1 for t in times if start <= t < start + 1) for start in times) <= 20
    assert all(update for _, update, _ in front.sent[1:])


def test_long_texts_are_sent_less_often() -> None:
    output, front, clock = _output()
    output.listen(Piece("x" * 600_000))
    for _ in range(100):
        clock.now += 0.05
        output.listen(Piece("y"))
    assert 2 <= len(front.sent) <= 4


def test_a_progress_without_an_answer_leaves_nothing_to_read() -> None:
    output, front, clock = _output()
    with output:
        output.listen(Phase("load", "model"))
        clock.now += 1
        output.listen(Progress(1, 10, "items"))
    assert front.sent[-1][1:] == (True, {"text/plain": ""})


def test_the_answer_takes_the_place_of_the_progress_and_nothing_follows_it() -> None:
    output, front, clock = _output()
    with output:
        output.listen(Piece("hal"))
        output.show({"text/plain": "hello"})
        clock.now += 5
        output.listen(Piece("lo"))
    assert [bundle["text/plain"] for _, _, bundle in front.sent][1:] == ["hello"]
    assert front.sent[-1][1] is True


def test_notes_stand_under_the_answer_once_each_and_stay_where_there_is_none() -> None:
    output, front, _ = _output()
    with output:
        output.listen(Note("the input was cut <b>"))
        output.listen(Note("the input was cut <b>"))
        output.show({"text/plain": "hello", "text/html": "<pre>hello</pre>"})
    ((_, _, bundle),) = front.sent
    assert bundle["text/plain"] == "hello\nthe input was cut <b>"
    assert bundle["text/html"].count("the input was cut &lt;b&gt;") == 1
    output, front, _ = _output()
    with output:
        output.listen(Note("another model was released"))
    assert front.sent[-1][2]["text/plain"] == "another model was released"


def test_several_answers_stand_under_their_numbers() -> None:
    account = Account()
    for item, text in ((1, "b"), (0, "a"), (1, "B")):
        account.take(Piece(text, item), 0.0)
    assert account.text() == "[0] a\n\n[1] bB"


def test_a_captured_run_shows_its_answer_only() -> None:
    output, front, clock = _output("quiet")
    output.listen(Phase("load"))
    clock.now += 2
    output.listen(Piece("half"))
    assert front.sent == []
    output.show({"text/plain": "whole"})
    assert len(front.sent) == 1


def test_a_terminal_gets_the_text_as_it_comes_and_one_line_for_each_phase(capsys: pytest.CaptureFixture[str]) -> None:
    output, front, clock = _output("terminal")
    output.listen(Phase("load", "model"))
    for _ in range(50):
        clock.now += 0.1
        output.listen(Progress(1, 10, "items"))
    output.listen(Note("released another model"))
    output.listen(Piece("one "))
    output.listen(Piece("two"))
    output.listen(Done())
    output.show({"text/plain": "one two"}, figures="2 tokens")
    shown = capsys.readouterr()
    assert shown.out == "one two\n[2 tokens]\n"
    assert shown.err.count("loading model") == 1
    assert "released another model" in shown.err
    assert front.sent == []
