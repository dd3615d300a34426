"""mc_jupyter.errors."""

from __future__ import annotations

import gc
import inspect
import weakref

import pytest

from mc_jupyter import errors
from mc_jupyter.errors import ComposeError, Place, Problem, did_you_mean, forget_frames, listing


def test_the_tree_drawn_at_the_top_is_the_tree() -> None:
    drawn = errors.__doc__ or ""
    for name, cls in vars(errors).items():
        if inspect.isclass(cls) and issubclass(cls, ComposeError):
            assert name in drawn, f"{name} is not drawn"


def test_a_problem_is_its_line_its_caret_and_a_way_out() -> None:
    problem = Problem("unknown key 'x'", Place(3, 5, 4, "    xxxx: 1"), "did you mean 'y'?")
    assert str(problem) == "line 3: unknown key 'x'\n        xxxx: 1\n        ^^^^\n    → did you mean 'y'?"


def test_a_caret_never_passes_the_end_of_its_line() -> None:
    assert Place(1, 3, 100, "abcdef").caret().splitlines()[1] == "      ^^^^"


def test_tabs_before_a_caret_stay_tabs() -> None:
    assert Place(1, 2, 1, "\tx").caret().splitlines()[1] == "    \t^"


def test_what_ipython_shows_is_the_text_alone() -> None:
    assert ComposeError("it broke", fix="mend it")._render_traceback_() == ["ComposeError: it broke\n    → mend it"]


def test_several_problems_are_one_error() -> None:
    error = ComposeError([Problem("one"), Problem("two")])
    assert str(error) == "one\ntwo"
    assert len(error.problems) == 2


@pytest.mark.parametrize(("word", "hint"), [("tempratur", "temperature"), ("fp16", "float16"), ("qqq", None)])
def test_the_nearest_word_is_suggested(word: str, hint: str | None) -> None:
    assert did_you_mean(word, ["temperature", "float16", "top_p"]) == (f"did you mean {hint!r}?" if hint else None)


def test_a_listing_reads_as_a_sentence() -> None:
    assert [listing(["a"]), listing(["a", "b"]), listing(["a", "b", "c"], "and")] == ["a", "a or b", "a, b and c"]


def test_forgotten_frames_keep_nothing_alive() -> None:
    class Heavy:
        pass

    def fail() -> None:
        heavy = Heavy()
        alive.append(weakref.ref(heavy))

        def inner() -> None:
            assert heavy
            raise ValueError("broken")

        inner()

    alive: list[weakref.ref[Heavy]] = []
    try:
        try:
            fail()
        except ValueError as error:
            raise RuntimeError("it failed") from error
    except RuntimeError as error:
        forget_frames(error)
        kept = error
    gc.collect()
    assert alive[0]() is None
    assert isinstance(kept.__cause__, ValueError)
