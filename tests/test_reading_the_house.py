"""tests/house.py: what it makes of a table and of a package, on small ones of which all is known."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests import house
from tests.house import Arrow, room

DRAWN = """
| floor | rooms | what |
|---|---|---|
| 8 face | `notebook/` | the only room that knows IPython |
| 4 parts | `tasks/` → `drivers/`, `stores/` → `components/` (the model's own folder inside: planning, loading), `jobs/` | a file each |
| 0 ground | errors · events · `trust/` (permissions, files) · `catalog.py` (class `Part`; imports none) | |

| floor | rooms |
|---|---|
| 9 | `elsewhere` |
"""


def test_a_row_is_a_floor_and_an_arrow_in_it_a_step() -> None:
    assert house.floors(DRAWN) == {
        "notebook": (8, 0),
        "tasks": (4, 0), "drivers": (4, 1), "stores": (4, 1), "components": (4, 2), "jobs": (4, 2),
        "errors": (0, 0), "events": (0, 0), "trust": (0, 0), "catalog": (0, 0),
    }  # fmt: skip


def test_the_number_is_what_says_how_high_a_row_is() -> None:
    rows = DRAWN.split("\n\n")[0].splitlines()
    turned = "\n".join([*rows[:3], *reversed(rows[3:])])
    assert house.floors(turned) == house.floors(DRAWN)
    renumbered = house.floors(DRAWN.replace("| 0 ground", "| 9 ground"))
    assert renumbered["errors"] > renumbered["notebook"]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("| face | `a` | |", "begins with its number"),
        ("| 1 | the rooms of models | |", "'the rooms of models' is not a room's name"),
        ("| 1 | `a`, `b` · `a/` | |", "a stands on the table twice"),
    ],
)
def test_a_row_that_cannot_be_read_is_an_error(row: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        house.floors(f"| floor | rooms | what |\n|---|---|---|\n{row}")


def test_a_text_without_the_table_is_an_error() -> None:
    with pytest.raises(ValueError, match="no table"):
        house.floors("| room | what |\n|---|---|\n| `a` | |")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A package of two rooms, one of them a folder, with an import of every kind."""
    for name, text in {
        "__init__": "from mc_jupyter.high import front",
        "low": """
            from typing import TYPE_CHECKING
            if TYPE_CHECKING:
                from mc_jupyter.high.front import Front
            else:
                import json
            def f():
                import mc_jupyter.high as high
                from mc_jupyter import __version__, starters
        """,
        "high/__init__": "from . import front\nfrom .. import low\nfrom os import path",
        "high/front": "class Front:\n    from mc_jupyter.high import back",
        "high/back": "from mc_jupyter.high.front import Front",
        "starters/__init__": "import torch",
    }.items():
        file = tmp_path / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(textwrap.dedent(text))
    return tmp_path


def test_every_import_is_an_arrow_lazy_and_type_only_ones_too(small: Path) -> None:
    assert {(a.source, a.target, a.when) for a in house.arrows(small)} == {
        ("__init__", "high/front", "top"),
        ("low", "high/front", "types"),
        ("low", "high/__init__", "lazy"),
        ("low", "__init__", "lazy"),
        ("high/__init__", "high/front", "top"),
        ("high/__init__", "low", "top"),
        ("high/front", "high/back", "top"),
        ("high/back", "high/front", "top"),
    }


def test_an_arrow_to_a_higher_floor_or_step_or_to_the_door_climbs(small: Path) -> None:
    arrows = house.arrows(small)
    up = {("low", "high/front"), ("low", "high/__init__"), ("low", "__init__")}
    assert house.pairs(house.climbs(arrows, {"low": (0, 0), "high": (1, 0)})) == up
    assert house.pairs(house.climbs(arrows, {"low": (0, 0), "high": (0, 1)})) == up
    assert house.pairs(house.climbs(arrows, {"low": (1, 0), "high": (0, 0)})) == {
        ("high/__init__", "low"), ("low", "__init__")
    }  # fmt: skip


def test_circles_are_found_between_files_and_between_rooms(small: Path) -> None:
    inside = [arrow for arrow in house.arrows(small) if arrow.source != "low"]
    assert house.circles(inside) == {frozenset({"high/front", "high/back"})}
    assert house.circles(inside, room) == set()
    apart = [Arrow("a/x", "b/x"), Arrow("b/y", "a/y"), Arrow("b/y", "b/x")]
    assert house.circles(apart) == set()
    assert house.circles(apart, room) == {frozenset({"a", "b"})}


def test_an_import_of_what_is_not_there_is_an_error(small: Path) -> None:
    (small / "lost.py").write_text("from mc_jupyter.nowhere.at import all")
    with pytest.raises(ValueError, match=r"nowhere\.at\.all is not in the house"):
        house.arrows(small)
