"""What a run shows, with a clock of our own."""

from __future__ import annotations

import re
from typing import Any

import pytest
from PIL import Image

from mc_jupyter.events import Advance, Done, Note, Phase, Piece, Preview
from mc_jupyter.notebook.account import Account
from mc_jupyter.notebook.progress import Output, Surface


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
        account.take(Advance(second * 10_000_000, 100_000_000, "bytes"), float(second))
    assert account.line(4.0) == "downloading owner/model · 40% · 40.0 MB of 100 MB · 10.0 MB/s · 6 s left"


def test_a_rate_follows_the_last_seconds_and_not_the_first() -> None:
    account = Account()
    account.take(Phase("download"), 0.0)
    account.take(Advance(0, None, "bytes"), 0.0)
    account.take(Advance(1_000_000_000, None, "bytes"), 1.0)
    for second in range(20, 30):
        account.take(Advance(1_000_000_000 + (second - 20) * 1000, None, "bytes"), float(second))
    assert account.rate() == pytest.approx(1000, rel=0.01)


def test_what_nobody_can_know_is_not_said() -> None:
    account = Account()
    account.take(Phase("load", "model"), 0.0)
    assert account.line(3.0) == "loading model · 3 s"
    account.take(Advance(7, None, "files"), 3.0)
    assert account.line(4.0) == "loading model · 7 files"
    assert account.share is None


def test_a_new_phase_begins_at_nothing() -> None:
    account = Account()
    account.take(Advance(5, 10, "items"), 0.0)
    account.take(Phase("run", "model"), 1.0)
    assert account.done is None


def test_nothing_is_shown_of_what_takes_less_than_half_a_second() -> None:
    output, front, clock = _output()
    output.listen(Phase("load", "model"))
    for _ in range(10):
        clock.now += 0.04
        output.listen(Advance(1, 10, "items"))
    assert front.sent == []
    clock.now += 0.2
    output.listen(Advance(2, 10, "items"))
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
        output.listen(Advance(1, 10, "items"))
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
        output.listen(Advance(1, 10, "items"))
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


# --- pictures ---------------------------------------------------------------------------------------------------------


def _picture() -> Image.Image:
    return Image.effect_noise((1024, 768), 90).convert("RGB")


def test_a_picture_that_forms_is_small_and_stands_above_the_bar() -> None:
    account = Account()
    account.take(Phase("run", "draw"), 0.0)
    account.take(Advance(3, 20, "steps"), 1.0)
    account.take(Preview(_picture()), 1.0)
    html = account.bundle(2.0)["text/html"]
    assert html.index("data:image/jpeg;base64") < html.index("3 of 20 steps")
    assert len(html) < 60_000
    assert account.bundle(2.0)["text/plain"] == "running draw · 15% · 3 of 20 steps"


def test_several_pictures_are_a_short_row_of_which_each_has_its_latest() -> None:
    account = Account()
    account.take(Phase("run", "draw"), 0.0)
    for item in range(9):
        account.take(Preview(Image.new("RGB", (64, 64), "red"), item), 1.0)
        account.take(Preview(Image.new("RGB", (64, 64), "blue"), item), 1.0)
    html = account.bundle(2.0)["text/html"]
    assert html.count("<img") == 6
    assert 'alt="picture 8, not finished"' in html
    assert len(set(re.findall(r'src="([^"]+)"', html))) == 1


def test_pictures_are_sent_at_most_four_times_a_second() -> None:
    output, front, clock = _output()
    output.listen(Phase("run", "draw"))
    for step in range(300):
        clock.now += 0.02
        output.listen(Advance(step, 300, "steps"))
        output.listen(Preview(Image.new("RGB", (8, 8))))
    times = [t for t, _, bundle in front.sent if "<img" in bundle["text/html"]]
    assert 15 <= len(times) <= 4 * 6


def test_pictures_of_one_phase_are_gone_in_the_next() -> None:
    account = Account()
    account.take(Phase("run", "draw"), 0.0)
    account.take(Preview(_picture()), 1.0)
    account.take(Phase("load", "other"), 2.0)
    assert "<img" not in account.bundle(3.0)["text/html"]


def test_steps_that_take_seconds_say_how_long_each_takes() -> None:
    account = Account()
    account.take(Phase("run", "draw"), 0.0)
    for step in range(4):
        account.take(Advance(step, 10, "steps"), step * 8.0)
    assert account.line(24.0) == "running draw · 30% · 3 of 10 steps · 8 s a step · 56 s left"


def test_a_count_that_begins_anew_is_measured_anew() -> None:
    account = Account()
    account.take(Phase("run", "draw"), 0.0)
    for second, step in enumerate([0, 10, 0, 1, 2]):
        account.take(Advance(step, 10, "steps"), float(second))
    assert account.line(4.0) == "running draw · 20% · 2 of 10 steps · 1 steps/s · 8 s left"


def test_a_picture_at_the_end_is_alone_in_its_output_and_words_follow_it() -> None:
    output, front, _ = _output()
    with output:
        output.listen(Note("scale 3 was resampled from 4 <b>"))
        output.show({"text/plain": "image", "image/png": b"png"}, below=["8×8 pixels"], beside=[{"text/plain": "more"}])
    assert [sorted(bundle) for _, _, bundle in front.sent] == [
        ["image/png", "text/plain"], ["text/html", "text/plain"], ["text/plain"],
    ]  # fmt: skip
    assert front.sent[1][2]["text/plain"] == "8×8 pixels\nscale 3 was resampled from 4 <b>"
    assert "&lt;b&gt;" in front.sent[1][2]["text/html"]


def test_a_terminal_and_a_capture_show_no_pictures_on_their_way(capsys: pytest.CaptureFixture[str]) -> None:
    for surface in ("quiet", "terminal"):
        output, front, clock = _output(surface)
        output.listen(Phase("run", "draw"))
        clock.now += 2
        output.listen(Preview(_picture()))
        assert front.sent == []
    assert "image" not in capsys.readouterr().err
