"""Spread, condition, map, join, split and zip: on lists at once, on streams as they are read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from mc_jupyter.errors import ExpressionError
from mc_jupyter.language.expressions import render
from mc_jupyter.values import Stream
from tests.language.expressions.sources import S


async def arriving(*items: Any) -> AsyncIterator[Any]:
    for item in items:
        yield item


@pytest.mark.parametrize(
    ("template", "result"),
    [
        (["...${input.list}", 9], [1, 2, 3, 9]),
        (["...${input.x}"], []),
        (["a...${input.n}"], ["a...3"]),
        ({"a": 0, "...": "${input.user}"}, {"a": 0, "name": "Ann"}),
        ({"...": "${input.x}"}, {}),
        ({"*": "${input.objs}", "v": "${item.id}", "i": "${index}"}, [{"v": 1, "i": 0}, {"v": 2, "i": 1}]),
        ({"*": "${input.objs}", "+": ["n", "${item.id as text}"]}, ["n1", "n2"]),
        ({"*": {"input": "${input.list}", "where": {"all": [
            {"input": "${item}", "operator": "gt", "value": 1}, {"input": "${item}", "operator": "lt", "value": 3}]}}}, [2]),
        ({"*": {"input": "${input.list}", "where": {"any": [{"input": "${item}", "value": 1}, {"input": "${index}", "value": 2}]}}},
         [1, 3]),
        ({"*": "${input.matrix}", "s": {"*": "${item}", "t": "${item}"}},
         [{"s": [{"t": 1}, {"t": 2}]}, {"s": [{"t": 3}, {"t": 4}]}]),
        ({"?": {"input": "${input.n}", "value": 3, "if_true": {"a": "${input.s}"}}}, {"a": "hello"}),
        ({"?": {"input": "${input.n}", "value": 4, "if_true": 1}}, None),
        ({"b": 1, "?": {"input": 1, "value": 1, "if_true": {"c": 2}}}, {"b": 1, "c": 2}),
        ({"b": 1, "?": {"input": 1, "value": 2, "if_true": {"c": 2}}}, {"b": 1}),
        ({"?": {"input": 1, "value": 1, "if_true": "ok", "if_false": "${input.s as number}"}}, "ok"),
        ({"+": [[1], "${input.x}", "${input.list}"]}, [1, 1, 2, 3]),
        ({"+": [{"a": 1}, {"b": 2}]}, {"a": 1, "b": 2}),
        ({"+": []}, None),
        ({"+": [1], "b": 2}, {"+": [1], "b": 2}),
        ({"|": "${input.objs}", "ids": "${item.id}", "at": "${index}"}, {"ids": [1, 2], "at": [0, 1]}),
        ({"&": {"a": "${input.list}", "b": "${input.x}"}}, []),
        ({"&": {"a": [1, 2], "b": [3, 4]}}, [{"a": 1, "b": 3}, {"a": 2, "b": 4}]),
    ],
)  # fmt: skip
def test_forms(template: Any, result: Any) -> None:
    assert render(template, S) == result


@pytest.mark.parametrize(
    "template",
    [
        ["...${input.n}"], {"...": "${input.s}"}, {"*": "${input.s}"}, {"*": "${input.user}"}, {"|": 3, "a": 1},
        {"+": ["a", 1]}, {"+": [[1], "a"]}, {"&": {"a": 1}}, {"&": 3}, {"?": "x"}, {"?": {"input": 1, "operator": "eqq"}},
        {"?": {"input": 1, "operator": "gt", "value": "a"}}, {"?": {"input": "a", "operator": "match", "value": "("}},
        {"*": [1], "x": {"?": {"any": 3}}},
    ],
)  # fmt: skip
def test_forms_that_cannot_be(template: Any) -> None:
    with pytest.raises(ExpressionError):
        render(template, S)


def test_streams_pass_lazily_through_the_forms() -> None:
    def stream() -> dict[str, Any]:
        return {"result": Stream(arriving(1, 2, 3))}

    assert render({"*": "${result}", "v": "${item}", "i": "${index}"}, stream()).collect()[2] == {"v": 3, "i": 2}
    assert render({"+": [[0], "${result}"]}, stream()).collect() == [0, 1, 2, 3]
    assert render({"+": "${result}"}, {"result": Stream(arriving([1], None, [2, 3]))}).collect() == [1, 2, 3]
    split = render({"|": "${result}", "a": "${item}", "b": "${item as text}"}, stream())
    assert split["b"].collect() == ["1", "2", "3"]
    assert split["a"].collect() == [1, 2, 3]
    assert render({"&": {"a": "${result}", "b": [7, 8]}}, stream()).collect() == [{"a": 1, "b": 7}, {"a": 2, "b": 8}]
    assert render("${result as text[]}", stream()).collect() == ["1", "2", "3"]
    assert render("${result[].x}", {"result": Stream([{"x": 1}])}).collect() == [1]
    assert render("got ${result}", {"result": Stream(["a", "b"])}) == "got ab"


def test_a_stream_map_asks_its_source_for_one_item_at_a_time() -> None:
    taken: list[int] = []

    def take(item: int) -> int:
        taken.append(item)
        return item

    source = Stream([1, 2, 3]).map(take)
    mapped = render({"*": "${result}", "v": "${item}"}, {"result": source})
    assert (next(mapped), taken) == ({"v": 1}, [1])


@pytest.mark.parametrize("template", [{"|": "${input.objs}"}, {"&": {}}, {"&": None}, {"&": []}, {"a": {"|": [1]}}])
def test_a_list_form_without_its_template_is_an_error(template: Any) -> None:
    with pytest.raises(ExpressionError, match="no branch|no list to zip"):
        render(template, S)
