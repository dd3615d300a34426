"""mc_jupyter.errors."""

from __future__ import annotations

import gc
import inspect
import re
import weakref

from mc_jupyter import errors
from mc_jupyter.errors import ComposeError, Place, Problem, WeightsError, forget_frames


def drawn(text: str) -> dict[str, str | None]:
    """The classes of a tree drawn with `├──` and `└──`, each with the one it hangs from: the last that stands further left."""
    parents: dict[str, str | None] = {}
    branch: list[tuple[int, str]] = []  # from the root to the line just read, each with its column
    for line in text.splitlines():
        found = re.match(r"(?:[│ ]*[├└]── )?([A-Z]\w+) {2,}\S", line)
        if not found:
            continue
        column, name = found.start(1), found[1]
        while branch and branch[-1][0] >= column:
            branch.pop()
        parents[name] = branch[-1][1] if branch else None
        branch.append((column, name))
    return parents


def test_the_tree_drawn_at_the_top_is_the_tree() -> None:
    classes = [c for c in vars(errors).values() if inspect.isclass(c) and issubclass(c, ComposeError)]
    tree = {c.__name__: c.__base__.__name__ for c in classes if c.__base__}
    assert drawn(errors.__doc__ or "") == {**tree, "ComposeError": None}


def test_a_drawn_tree_is_read_by_its_indentation() -> None:
    text = """
A words, A too
Root        all of it
├── Left    one
│   └── Low     its child
└── Right   another
    ├── One   of two
    └── Two   of two
"""
    assert drawn(text) == {
        "Root": None, "Left": "Root", "Low": "Left", "Right": "Root", "One": "Right", "Two": "Right"
    }  # fmt: skip


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


def test_an_error_points_at_a_place_where_it_points_at_none() -> None:
    here, there = Place(1, 1, 1, "a: 1"), Place(2, 1, 1, "b: 2")
    error = WeightsError([Problem("one"), Problem("two", there)]).at(here)
    assert type(error) is WeightsError
    assert [problem.place for problem in error.problems] == [here, there]
    assert error.at(None) is error


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
