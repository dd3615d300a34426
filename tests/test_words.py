"""mc_jupyter.words."""

from __future__ import annotations

import doctest

import pytest

from mc_jupyter import words
from mc_jupyter.words import did_you_mean, format_bytes, hinted, listing, seconds


def test_the_examples_of_its_docstrings_run() -> None:
    found = doctest.testmod(words)
    assert found.attempted >= 3
    assert found.failed == 0


@pytest.mark.parametrize(("word", "hint"), [("tempratur", "temperature"), ("fp16", "float16"), ("qqq", None)])
def test_the_nearest_word_is_suggested(word: str, hint: str | None) -> None:
    assert did_you_mean(word, ["temperature", "float16", "top_p"]) == (f"did you mean {hint!r}?" if hint else None)


def test_a_listing_reads_as_a_sentence() -> None:
    assert [listing(["a"]), listing(["a", "b"]), listing(["a", "b", "c"], "and")] == ["a", "a or b", "a, b and c"]


def test_a_message_about_an_unknown_word_names_the_nearest_one() -> None:
    assert hinted("no task 'chta'", "chta", ["chat", "embed"]) == "no task 'chta'; did you mean 'chat'?"
    assert hinted("no task 'qqq'", "qqq", ["chat"]) == "no task 'qqq'"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 ms"), (0.004, "4 ms"), (0.00996, "10 ms"), (0.0996, "0.1 s"), (0.5, "0.5 s"), (9.96, "10 s"), (95, "2 min"),
     (4000, "67 min"), (9000, "2.5 h")],
)  # fmt: skip
def test_a_time_is_written_in_one_way(value: float, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (99_960_000, "100 MB"), (999_600_000, "1.0 GB"), (1.2e9, "1.2 GB"),
     (141e9, "141 GB"), (3e12, "3.0 TB"), (-6.4e9, "-6.4 GB")],
)  # fmt: skip
def test_sizes_are_written_in_powers_of_ten(count: float, text: str) -> None:
    assert format_bytes(count) == text
