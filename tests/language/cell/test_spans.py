"""Containers know where their values were written, and so do their copies."""

from __future__ import annotations

import copy
import pickle

import pytest

from mc_jupyter.language.cell import read
from mc_jupyter.language.cell.spans import Map, Seq, place_in
from tests.language.cell.texts import CELL


def test_a_place_says_line_column_and_text() -> None:
    document = read(CELL, first_line=2)
    place = document.place(("component", "list", 1, "c"))
    assert (place.line, place.column, place.length) == (11, 10, 3)
    assert place.caret() == '          c: "x"\n             ^^^'
    assert document.place(("component", "list", 1, "c"), key=True).column == 7


def test_a_path_that_leads_too_far_gives_the_last_place() -> None:
    document = read(CELL)
    assert document.place(("component", "type", "x", 0)).line == 3
    assert document.place(("nope",)).line == 2


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_are_counted_with_every_kind_of_newline(newline: str) -> None:
    assert read(newline.join(["a: 1", "b: 2", "c: 3"])).place(("c",)).line == 3


def test_places_move_with_the_values_into_new_containers() -> None:
    value = read(CELL).value
    moved = Map({"action": {}}).with_(without=["action"])
    moved.take(value["component"], "text", "prompt")
    place = place_in(moved, ("prompt",))
    assert place is not None
    assert place.line == 4
    kept = value["component"].with_({"new": 1}, without=["type"])
    assert kept.value_span("text").line == 4
    assert kept.value_span("type") is None


def test_copies_keep_their_places_and_pickles_are_plain() -> None:
    value = read(CELL).value
    for made in (copy.copy(value), copy.deepcopy(value), value.copy()):
        assert made == value
        assert made.key_span("other").line == 15
    assert copy.deepcopy(value)["component"] is not value["component"]
    assert isinstance(copy.deepcopy(value)["component"]["list"], Seq)
    assert type(pickle.loads(pickle.dumps(value))) is dict
