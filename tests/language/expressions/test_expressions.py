"""What expressions give, and what is told of those that give nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import BaseModel

from mc_jupyter.errors import ExpressionError
from mc_jupyter.language.expressions import render
from mc_jupyter.values import Batch, Embedding, Label, Text
from mc_jupyter.values.scalars import Plain
from tests.language.expressions.sources import S


def test_a_rendered_value_is_not_rendered_again() -> None:
    assert render({"a": "${input.t}", "b": "<${input.t}>"}, {"input": {"t": "${input.s}", "s": 1}}) == {
        "a": "${input.s}", "b": "<${input.s}>"
    }  # fmt: skip


def test_keys_are_not_rendered() -> None:
    assert render({"${input.s}": 1}, S) == {"${input.s}": 1}


def test_models_and_tuples_are_rendered_as_mappings_and_lists() -> None:
    class Message(BaseModel):
        content: str

    assert render((Message(content="${input.s}"),), S) == [{"content": "hello"}]
    assert render("${m.content}", {"m": Message(content="x")}) == "x"


def test_a_null_path_is_told_with_what_there_was() -> None:
    told: list[tuple[str, str]] = []
    assert render("${input.user.nmae}", S, on_null=lambda one, why: told.append((one.text, why))) is None
    assert told == [("${input.user.nmae}", "no key 'nmae'; there are: name (did you mean 'name'?)")]


def test_a_present_null_and_a_default_are_not_told() -> None:
    told: list[str] = []
    render(["${input.none}", "${input.x | 1}"], S, on_null=lambda one, why: told.append(why))
    assert told == []


def test_results_answer_their_aliases() -> None:
    sources = {
        "result": Text("hi", finish_reason="stop"), "vector": Embedding([1.0]),
        "labels": Batch([Label(label="a", score=0.5), Label(label="b", score=1.0)]), "texts": Batch([Text("x"), Text("y")]),
    }  # fmt: skip
    assert render("${result.choices[0].message.content}", sources) == "hi"
    assert render("${vector.embedding}", sources) == [1.0]
    assert render("${labels.label}", sources) == ["a", "b"]
    assert render("${labels[0].label}", sources) == "a"
    assert render("${texts.choices[0].message.content}", sources) == ["x", "y"]
    assert render("${labels[].score}", sources) == [0.5, 1.0]


def test_elementwise_is_for_model_inputs_only() -> None:
    assert render({"text": "${input.list as text}"}, S, elementwise=True) == {"text": ["1", "2", "3"]}
    assert render("${input.list as text}", S) == "[1, 2, 3]"


def test_a_conversion_that_fails_names_its_expression() -> None:
    with pytest.raises(ExpressionError, match=r"\$\{input\.s as number\}"):
        render("x ${input.s as number}", S)


def test_env_is_an_ordinary_source_at_run_time() -> None:
    assert render(Plain("${env.X}"), S) == 1
    assert render("${env.X}", S) == "1"


def test_a_raw_async_iterator_is_a_stream() -> None:
    async def letters() -> AsyncIterator[str]:
        for letter in "ab":
            yield letter

    assert list(render({"*": "${result}", "t": "${item}"}, {"result": letters()})) == [{"t": "a"}, {"t": "b"}]
    assert list(render("${input.s}", {"input": {"s": letters()}})) == ["a", "b"]
    assert render("x${result as text}", {"result": letters()}) is not None
