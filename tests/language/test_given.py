"""What a call is given: data as notebooks hold it, and nothing that would be taken for something else."""

from __future__ import annotations

import datetime
import functools
import math
from collections import UserList, deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import InputError
from mc_jupyter.language.given import readable
from mc_jupyter.language.inputs import Input

np = pytest.importorskip("numpy")
NAN = float("nan")


class Table:
    """What a data frame shows of itself, whoever made it."""

    def __init__(self, *names: str):
        self.names = names

    @property
    def columns(self) -> tuple[str, ...]:
        return self.names

    def __iter__(self) -> Any:
        return iter(self.columns)

    def __str__(self) -> str:
        return "  ".join(self.columns)


class Column:
    """A column as polars has it: it is no list, and gives one."""

    def __init__(self, *items: Any):
        self.items = list(items)

    def to_list(self) -> list[Any]:
        return self.items


def cell(*lines: str, task: str = "text-generation") -> str:
    head = ("type: model", "driver: echo", f"task: {task}", *lines)
    return "component:\n" + "".join(f"  {line}\n" for line in head)


CELLS = {
    "a text": cell("text: ${input.text as text}"),
    "a longer text": cell("text: 'Say: ${input.text}'"),
    "a message": cell("messages:", "  - {role: user, content: '${input.text}'}", task="chat-completion"),
}


@pytest.fixture(params=CELLS)
def say(session: mc.Session, request: pytest.FixtureRequest) -> mc.Handle:
    """A component that repeats its input, where that stands in each of the places where it can."""
    return session.load(CELLS[request.param], "say")


NOTHING: dict[str, Callable[[], Any]] = {
    "a list": lambda: ["a", NAN],
    "a tuple": lambda: ("a", NAN),
    "an iterator": lambda: iter(["a", NAN]),
    "a deque": lambda: deque(["a", NAN]),
    "a column": lambda: Column("a", NAN),
    "numbers": lambda: np.array([1.0, NAN]),
    "objects": lambda: np.array(["a", NAN], dtype=object),
    "half precision": lambda: [np.float16(1), np.float16("nan")],
    "times": lambda: [np.datetime64("2020-01-01"), np.datetime64("NaT")],
    "durations": lambda: [np.timedelta64(1, "s"), np.timedelta64("NaT")],
    "decimals": lambda: [Decimal(1), Decimal("nan")],
    "decimals that signal": lambda: [Decimal(1), Decimal("sNaN")],
    "null": lambda: ["a", None],
    "a masked array": lambda: np.ma.array(["a", "b"], mask=[False, True]),
    "a column with a null": lambda: Column("a", None),
}


@pytest.mark.parametrize("what", NOTHING)
def test_where_nothing_stands_in_a_list_it_is_refused_with_its_place(say: mc.Handle, what: str) -> None:
    with pytest.raises(InputError, match=r"text\[1\] is (NaN|NaT|null)\b"):
        say(text=NOTHING[what]())


@pytest.mark.parametrize("alone", [NAN, np.float32("nan"), Decimal("nan"), np.datetime64("NaT"), np.array(NAN)])
def test_nothing_alone_is_refused(say: mc.Handle, alone: Any) -> None:
    with pytest.raises(InputError, match=r"text is Na[NT]\b"):
        say(alone)


def test_the_words_nan_and_null_are_texts_like_others(say: mc.Handle) -> None:
    assert [str(text).split()[-1] for text in say(["nan", "NaN", "null", "None"])] == ["nan", "NaN", "null", "None"]


@pytest.mark.parametrize(("value", "place"), [
    ([["a", NAN]], r"x\[0\]\[1\]"), ({"a": {"b": NAN}}, r"x\.a\.b"), ({1: (NAN,)}, r"x\[1\]\[0\]"),
    ([{"content": NAN}], r"x\[0\]\.content"),
])  # fmt: skip
def test_what_is_nested_is_looked_through(value: Any, place: str) -> None:
    with pytest.raises(InputError, match=rf"^{place} is NaN"):
        readable({"x": value})


def test_a_conversation_without_content_is_refused(session: mc.Session) -> None:
    handle = session.load(cell(task="chat-completion"))
    with pytest.raises(InputError, match=r"messages\[1\]\.content is NaN"):
        handle([{"role": "user", "content": "hi"}, {"role": "user", "content": NAN}])


@pytest.mark.parametrize("message", [{"role": "user"}, {"role": "user", "content": None}, {"role": "tool"}])
def test_a_message_that_says_nothing_is_refused_with_its_place(session: mc.Session, message: dict[str, Any]) -> None:
    handle = session.load(cell(task="chat-completion"))
    with pytest.raises(InputError, match=r"messages\[1\] is wrong: a message needs content"):
        handle([{"role": "user", "content": "hi"}, message])
    asking = {"role": "assistant", "tool_calls": [{"name": "look"}]}
    assert handle([{"role": "user", "content": "hi"}, asking, {"role": "tool", "content": "3"}]) == "3"


@pytest.mark.parametrize("rows", [[{"t": "a"}, {"t": None}], [{"t": "a"}, {}], [{"t": "a"}, {"t": ["b"]}]])
def test_what_an_expression_finds_in_records_is_a_text_each(session: mc.Session, rows: list[Any]) -> None:
    handle = session.load(cell("text: ${input.rows[*].t}"))
    with pytest.raises(InputError, match=r"\[1\] is (null|a list of 1), and not a text"):
        handle(rows=rows)


class TestSetting:
    """A field is set to what an input could be, too."""

    @pytest.mark.parametrize(("value", "says"), [
        (NAN, "text is NaN"), (["a", NAN], r"text\[1\] is NaN"), (np.array([1, NAN]), r"text\[1\] is NaN"),
        (Table("text"), "give one column"),
    ])  # fmt: skip
    def test_a_field_is_not_set_to_nothing_or_to_a_table(self, session: mc.Session, value: Any, says: str) -> None:
        handle = session.load(cell("text: ${input.text}"))
        before = handle.text
        with pytest.raises(InputError, match=says):
            handle.set(text=value)
        assert handle.text == before

    def test_a_field_is_set_to_an_arrays_values(self, session: mc.Session) -> None:
        handle = session.load(cell("text: ${input.text}"))
        handle.set(text=np.array(["a", "b"]), temperature=np.float32(0.5), seed=np.int64(7))
        assert handle() == ["a", "b"]


class TestTables:
    TABLES = (Table("n", "text"), np.array([(1, "a")], dtype=[("n", int), ("text", "U5")]))

    @pytest.mark.parametrize("table", TABLES)
    def test_a_table_is_answered_by_its_column(self, say: mc.Handle, table: Any) -> None:
        with pytest.raises(InputError, match=r"columns n and text[\s\S]*give one column: table\['text'\]"):
            say(table)

    @pytest.mark.parametrize("table", TABLES)
    def test_no_loop_goes_over_the_names_of_columns(self, say: mc.Handle, table: Any) -> None:
        with pytest.raises(InputError, match="give one column"):
            say.map(table)

    def test_a_table_among_others_is_named_by_its_place(self, say: mc.Handle) -> None:
        with pytest.raises(InputError, match=r"text\[1\] is a table"):
            say(["a", Table("text")])

    def test_rows_are_no_texts(self, say: mc.Handle) -> None:
        with pytest.raises(InputError, match=r"text\[0\] is a list of 2, and not a text"):
            say(np.array([["a", "b"]]))


@pytest.mark.parametrize("made", [
    lambda: UserList("ab"), lambda: deque("ab"), lambda: {"a": 1, "b": 2}.keys(), lambda: {1: "a", 2: "b"}.values(),
    lambda: Column("a", "b"), lambda: np.array(["a", "b"]), lambda: (letter for letter in "ab"),
])  # fmt: skip
def test_whatever_holds_texts_in_order_is_a_list_of_them(session: mc.Session, made: Callable[[], Any]) -> None:
    assert session.load(CELLS["a text"])(made()) == ["a", "b"]


@pytest.mark.parametrize("bytes_", [b"caf\xc3\xa9", bytearray(b"caf\xc3\xa9"), memoryview(b"caf\xc3\xa9")])
def test_bytes_are_the_text_that_they_hold(say: mc.Handle, bytes_: Any) -> None:
    assert str(say(bytes_)).split()[-1] == "café"


@pytest.mark.parametrize("thing", [object(), len, str, math, ..., functools.partial(print), lambda: "a"])
def test_what_has_no_text_is_none(session: mc.Session, thing: Any) -> None:
    with pytest.raises(InputError, match=r"text is .*, and not a text"):
        session.load(CELLS["a text"])(thing)


def test_dates_and_numbers_are_texts_as_before(session: mc.Session) -> None:
    found = session.load(CELLS["a text"])([datetime.date(2020, 1, 2), 3, 1.5, True, Decimal("0.1")])
    assert found == ["2020-01-02", "3", "1.5", "True", "0.1"]


def test_a_list_inside_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(InputError, match="nested deeper than 64"):
        readable({"x": endless}, [Input("x")])


class TestPandas:
    """What pandas holds where there is nothing, by every type of a Series that has such."""

    @pytest.mark.parametrize("dtype", [
        "object", "string", "str", "category", "Int64", "float64", "Float64", "boolean", "datetime64[ns]",
        "timedelta64[ns]", "period[D]",
    ])  # fmt: skip
    def test_a_series_with_a_gap_is_refused_with_its_place(self, say: mc.Handle, dtype: str) -> None:
        pandas = pytest.importorskip("pandas")
        first: Any = {"I": 1, "f": 1.5, "F": 1.5, "b": True, "d": pandas.Timestamp(0), "t": pandas.Timedelta(1)}.get(
            dtype[0], "a"
        )
        first = pandas.Period("2020-01-01", "D") if dtype == "period[D]" else first
        with pytest.raises(InputError, match=r"text\[1\] is (NaN|NA|NaT|null)\b"):
            say(pandas.Series([first, None], dtype=dtype))

    def test_a_data_frame_is_answered_by_its_column(self, say: mc.Handle) -> None:
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame({"n": [1, 2], "text": ["a", "b"]})
        for call in (say, say.map):
            with pytest.raises(InputError, match=r"give one column: table\['text'\]"):
                call(frame)
        assert len(say(frame["text"])) == 2


class Loop:
    """What can be looped over, and shows its kind alone: a reader of another library."""

    def __iter__(self) -> Any:
        return iter(["a", "b"])

    def __repr__(self) -> str:
        return "Loop(2 texts)"


class Row:
    """A row as a loop over a frame gives it: values, with the names of their columns."""

    def __init__(self, **values: Any):
        self.index, self.values = [*values], [*values.values()]

    def tolist(self) -> list[Any]:
        return self.values


def test_what_can_be_looped_over_is_a_list(say: mc.Handle) -> None:
    assert say(Loop()) == say(["a", "b"])


def test_a_row_of_a_table_is_no_list_of_texts(say: mc.Handle) -> None:
    with pytest.raises(InputError, match=r"text is a row of a table[\s\S]*row\['text'\]"):
        say(Row(label=1, text="a"))
    assert say(Row(x="a", y="b")) == say(["a", "b"])  # a column with words for labels


def test_of_records_the_column_is_named(say: mc.Handle) -> None:
    for records, column in (([{"n": 1, "text": "a"}], "text"), ([{"n": 1, "prompt": "a"}], "n")):
        with pytest.raises(InputError, match=rf"text\[0\] is a mapping.*\n.*row\['{column}'\] for row in"):
            say(records)


def test_a_table_whose_columns_nobody_knows_yet_is_one(say: mc.Handle) -> None:
    class Reader:
        column_names = None

    with pytest.raises(InputError, match="text is a table"):
        say(Reader())
