"""Environment variables are put in once, typed where they stand unquoted, and never read as expressions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mc_jupyter.errors import ExpressionError
from mc_jupyter.language.expressions import render
from mc_jupyter.language.expressions.environment import resolve_env
from mc_jupyter.values.scalars import Plain

words = st.text(alphabet=st.sampled_from("${}[]|@().\\\"'ab1 *:;/\n-"), max_size=60) | st.text(max_size=40)

examples = settings(max_examples=200, deadline=None)

ENV = {
    "X": "1",
    "NAME": "bob",
    "B": "yes",
    "E": "",
    "F": "0.50",
    "REF": "${input.s}",
    "Q": '"}',
    "SLASH": "a\\",
    "D": "$",
}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (Plain("${env.X}"), 1), ("${env.X}", "1"), (Plain("${env.B}"), True), (Plain("${env.E}"), None),
        (Plain("${env.F}"), 0.5), (Plain("${env.E | d}"), None), (Plain("${env.NO | 8080}"), 8080),
        ("${env.NO | 8080}", "8080"), (Plain('${env.NO | "8080"}'), "8080"), (Plain("${env.NAME}-${env.X}"), "bob-1"),
        (Plain("80${env.X}"), 801), (Plain("${env.X as string}"), "1"), (Plain("${env.X as boolean}"), True),
        ("${env.X as integer}", 1), (Plain("${env.NO | ${env.X}}"), 1), ("a ${env.NAME} b", "a bob b"),
        ("${input.x | ${env.NAME}}", "${input.x | bob}"),
    ],
)  # fmt: skip
def test_environment_variables_are_put_in(text: str, result: Any) -> None:
    found = resolve_env({"a": [text]}, ENV)["a"][0]
    assert found == result
    assert isinstance(found, type(result))


@pytest.mark.parametrize("name", ["REF", "Q", "SLASH", "D", "NAME"])
@pytest.mark.parametrize(
    "form",
    ["${{env.{0}}}", "a ${{env.{0}}}", "${{env.{0}}}${{input.n}}", "${{input.x | ${{env.{0}}}}}", "$${{env.{0}}}",
     '${{input.x | "a ${{env.{0}}}"}}', "${{env.{0}}}{{input.n}}", "${{input.x | a ${{env.{0}}} b}}"],
)  # fmt: skip
def test_a_variable_is_never_read_as_an_expression(form: str, name: str) -> None:
    text = form.format(name)
    at_run_time = render(text, {"input": {"n": 3}, "env": ENV})
    assert render(resolve_env(text, ENV), {"input": {"n": 3}}) == at_run_time


def test_every_missing_variable_is_named_at_once() -> None:
    with pytest.raises(ExpressionError) as caught:
        resolve_env({"a": "${env.NAMEE}", "b": ["${input.x | ${env.OTHER}}"]}, ENV)
    assert [problem.message for problem in caught.value.problems] == [
        "the environment variable NAMEE is not set",
        "the environment variable OTHER is not set",
    ]


def test_missing_variables_can_stay() -> None:
    kept = resolve_env([Plain("${env.NO}"), "x ${env.NO} ${env.X}", "${env.NO | d}"], ENV, missing="keep")
    assert kept == ["${env.NO}", "x ${env.NO} 1", "d"]
    assert isinstance(kept[0], Plain)


@examples
@given(
    st.text(max_size=20),
    st.sampled_from(["${env.V}", "x${env.V}${a}", "${a | ${env.V}}", '${z | "${env.V}"}', "$${env.V}{a}"]),
)
def test_putting_a_variable_in_early_or_late_is_the_same(value: str, text: str) -> None:
    late = render(text, {"a": "A", "env": {"V": value}})
    assert render(resolve_env(text, {"V": value}), {"a": "A"}) == late
