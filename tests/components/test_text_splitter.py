"""mc_jupyter.components.text_splitter: the second component type that runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mc_jupyter as mc
from mc_jupyter.components.text_splitter import pieces
from mc_jupyter.errors import InputError, SpecError
from mc_jupyter.events import Advance, Run
from mc_jupyter.values import Batch

TEXT = "The little fox ran home.\n\nIt was late, and the moon\nwas bright."


def cut(text: str, size: int, overlap: int = 0, separators: list[str] | None = None, join: bool = True) -> list[str]:
    fields = SimpleNamespace(chunk_size=size, chunk_overlap=overlap, separators=separators, maximize_chunk=join)
    return list(pieces(text, fields))


def document(*lines: str) -> str:
    return "component:\n  type: text-splitter\n" + "".join(f"  {line}\n" for line in lines)


# What LangChain's RecursiveCharacterTextSplitter (langchain-text-splitters 1.x) gives for the same texts and numbers.
@pytest.mark.parametrize(
    ("text", "size", "overlap", "expected"),
    [
        (TEXT, 30, 0, ["The little fox ran home.", "It was late, and the moon", "was bright."]),
        (
            TEXT,
            12,
            4,
            ["The little", "fox ran", "ran home.", "It was", "was late,", "and the", "the moon", "was bright."],
        ),
        ("abcdefghij", 4, 1, ["abcd", "defg", "ghij"]),
        ("a b c d", 3, 0, ["a b", "c", "d"]),
        ("a b c d", 4, 0, ["a b", "c d"]),
        ("", 10, 0, []),
        ("   ", 10, 0, []),
    ],
)
def test_a_text_is_cut_where_a_reader_would(text: str, size: int, overlap: int, expected: list[str]) -> None:
    assert cut(text, size, overlap) == expected


def test_separators_may_be_ones_own_and_what_has_none_stays_whole() -> None:
    assert cut("one;two;three", 5, separators=[";"]) == ["one", ";two", ";three"]
    assert cut("sentence without one", 5, separators=[";"]) == ["sentence without one"]


def test_without_joining_each_cut_is_a_piece() -> None:
    assert cut("a b c d", 100, join=True) == ["a b c d"]
    assert cut("a b c d", 100, join=False) == ["a", "b", "c", "d"]


@given(st.text(alphabet="ab \n", max_size=200), st.integers(1, 30), st.data())
@settings(max_examples=200, deadline=None)
def test_no_piece_is_longer_than_asked_and_no_letter_is_lost(text: str, size: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    found = cut(text, size, overlap)
    assert all(0 < len(piece) <= size for piece in found)
    letters, end = "".join(text.split()), 0
    for piece in found:  # each begins where the ones before it end, or within them
        bare = "".join(piece.split())
        start = letters.rfind(bare, 0, end + len(bare))
        assert start >= 0
        end = max(end, start + len(bare))
    assert end == len(letters)
    assert "".join("".join(cut(text, size, 0)).split()) == letters


class TestAsAComponent:
    def test_it_runs_like_a_model_does(self, session: mc.Session) -> None:
        handle = session.load(document("chunk_size: 12", "chunk_overlap: 0"), "cut")
        assert handle(TEXT) == handle(text=TEXT) == cut(TEXT, 12)
        assert session.residents() == []
        assert handle.facts() is None

    def test_a_list_of_texts_gives_a_list_of_lists(self, session: mc.Session) -> None:
        handle = session.load(document("chunk_size: 3", "chunk_overlap: 0"), "cut")
        found = handle(["a b c", "d"])
        assert (type(found), found) == (Batch, [["a b", "c"], ["d"]])
        assert handle.map(["a"]) == [["a"]]

    def test_a_call_may_say_a_size_where_the_cell_leaves_it_to_it(self, session: mc.Session) -> None:
        handle = session.load(document("chunk_size: ${input.size as integer | 100}", "chunk_overlap: 0"), "cut")
        assert handle("a b c d", size=4) == ["a b", "c d"]
        assert handle("a b c d") == ["a b c d"]

    def test_its_output_is_shaped_and_its_pieces_may_stream(self, session: mc.Session) -> None:
        shaped = session.load(document("chunk_size: 3", "chunk_overlap: 0", "output: {n: '${result[0]}'}"), "a")
        assert shaped("a b c d") == {"n": "a b"}
        stream = session.load(document("chunk_size: 4", "chunk_overlap: 0", "stream_output: true"), "b")("a b c d")
        assert [next(stream), next(stream)] == ["a b", "c d"]

    def test_pieces_that_would_share_more_than_they_hold_are_refused_at_their_line(self, session: mc.Session) -> None:
        with pytest.raises(SpecError, match=r"line 4: chunk_overlap is 10, and pieces have 10 characters"):
            session.load(document("chunk_size: 10", "chunk_overlap: 10"), "cut")
        handle = session.load(document("chunk_size: ${input.n as integer}", "chunk_overlap: 10"), "cut")
        with pytest.raises(InputError, match="pieces have 5 characters"):
            handle("a b", n=5)

    def test_its_fields_are_set_and_its_card_says_what_it_is(self, session: mc.Session) -> None:
        handle = session.load(document("chunk_size: 12", "chunk_overlap: 0"), "cut")
        change = handle.set(chunk_size=3)
        assert (change.effect.step, handle("a b c")) == ("nothing", ["a b", "c"])
        assert dict(handle.card()) == {"type": "text-splitter", "inputs": "text", "call it": 'cut("…")'}
        with pytest.raises(mc.ComposeError, match="no field that can be set"):
            handle.set(precision="bfloat16")

    def test_a_stop_ends_it_between_texts(self, session: mc.Session) -> None:
        run = Run(lambda event: run.stop() if isinstance(event, Advance) else None)
        handle = session.load(document(), "cut")
        with pytest.raises(mc.Interrupted) as caught:
            handle(["a", "b", "c"], run=run)
        assert caught.value.partial == [["a"]]

    def test_variants_of_it_are_compared(self, session: mc.Session) -> None:
        handle = session.load(document("chunk_overlap: 0"), "cut")
        found: Any = handle.compare({"chunk_size": [4, 100]}, "a b c d")
        assert [record["output"] for record in found] == [["a b", "c d"], ["a b c d"]]
        assert [record["error"] for record in found] == [None, None]

    def test_a_flag_that_it_has_not_is_refused(self, session: mc.Session) -> None:
        with pytest.raises(mc.ComposeError, match="text-splitter has no --device"):
            session.load(document(), "cut", overrides={"device": "cpu"})


def test_an_output_shapes_each_piece_of_a_stream(session: mc.Session) -> None:
    text = "component: {type: text-splitter, chunk_size: 4, chunk_overlap: 0, stream_output: true, output: '- ${result[]}'}"
    assert list(session.load(text, "cut")("a b c d")) == ["- a b", "- c d"]
