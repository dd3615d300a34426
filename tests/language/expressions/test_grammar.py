"""What is read as a reference, and what stays text."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mc_jupyter.errors import ComposeError, ExpressionError
from mc_jupyter.language.expressions import render
from mc_jupyter.language.expressions.environment import resolve_env
from mc_jupyter.language.expressions.grammar import escape, has_reference, is_single, parse
from mc_jupyter.language.expressions.references import references
from tests.language.expressions.sources import S

words = st.text(alphabet=st.sampled_from("${}[]|@().\\\"'ab1 *:;/\n-"), max_size=60) | st.text(max_size=40)

examples = settings(max_examples=200, deadline=None)


def test_a_reference_is_taken_apart() -> None:
    text = "a ${input.x[0][1:].y as image/png[q=1, w=${input.w}];base64 | d @(description A (b))@(title T)} b"
    (one,) = parse(text).references
    assert (one.source, one.stream, one.path[0], one.path[1]) == ("input", False, "x", 0)
    assert (one.type, one.subtype, one.format) == ("image", "png", "base64")
    assert [(name, str(part.parts[0])) for name, part in one.attributes] == [("q", "1"), ("w", "${input.w}")]
    assert one.default is not None
    assert one.default.parts == ("d",)
    assert one.annotations == {"description": "A (b)", "title": "T"}
    assert text[one.start : one.end] == one.text


def test_a_nested_reference_knows_its_offsets_in_the_whole_text() -> None:
    text = "x ${input.a | ${input.b}}"
    outer = parse(text).references[0]
    assert outer.default is not None
    inner = outer.default.references[0]
    assert text[inner.start : inner.end] == "${input.b}"


@pytest.mark.parametrize(
    "text",
    [
        "${ }",
        "${}",
        "${input.s",
        "${1a}",
        "$input",
        "${input.s as}",
        "${input.s hello}",
        "${.a}",
        "${",
        "$",
        "${input.n | {}",
    ],
)
def test_what_is_no_reference_stays_text(text: str) -> None:
    assert render(text, S) == text
    assert not has_reference(text)


def test_a_template_says_what_it_could_not_read() -> None:
    assert parse("a ${ } ${input.x} ${oh no}").unread == (2, 18)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${input.x | d}", "d"),
        ("${input.x|d}", "d"),
        ("${x|d}", "d"),
        ("${input.x | two words }", "two words"),
        ("${input.x | }", ""),
        ('${input.x | "quoted"}', "quoted"),
        ("${input.x | 'quoted'}", "quoted"),
        ('${input.x | "a}b"}', "a}b"),
        ('${input.x | "a\\"b\\\\"}', 'a"b\\'),
        ('${input.x | "Hi ${input.s}"}', "Hi hello"),
        ('${input.x | "a" or "b"}', '"a" or "b"'),
        ('${input.x | "}', '"'),
        ("${input.x | don't}", "don't"),
        ("${input.x | Hi ${input.s}, ${input.n}}", "Hi hello, 3"),
        ("${input.x | ${input.y | ${input.n}}}", 3),
        ("${input.x as integer | ${input.num}}", 42),
        ('{"k": "${input.x | 1}"}', '{"k": "1"}'),
        ("${input.n | x} and }", "3 and }"),
        ('${input.x as json | {"a": {"b": 1}}}', {"a": {"b": 1}}),
        ("${input.x | a\\@b\\$c\\{d\\}}", "a@b$c{d}"),
        ("${input.x | C:\\dir}", "C:\\dir"),
        ("${input.x | me@home}", "me@home"),
        ("${input.x | $5}", "$5"),
        ("${input.x | 1 @(description up to (10))}", "1"),
        ("${input.x as number | 0.5 @(a b)}", 0.5),
        ("${input.n @(description a (b) c)}!", "3!"),
        ("${input.none | 9}", "9"),
        ("${input.x | ${input.list}}", [1, 2, 3]),
    ],
)
def test_defaults_and_annotations(text: str, result: Any) -> None:
    assert render(text, S) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("\\${input.s}", "${input.s}"),
        ("a \\${input.s} ${input.s}", "a ${input.s} hello"),
        ("\\\\${input.s}", "\\hello"),
        ("\\\\\\${input.s}", "\\${input.s}"),
        ("$${input.n}", "$3"),
        ("costs $5 {really} \\n \\$ \\{", "costs $5 {really} \\n \\$ \\{"),
        ("\\\\${ }", "\\\\${ }"),
    ],
)
def test_escapes(text: str, result: Any) -> None:
    assert render(text, S) == result


def test_nesting_deeper_than_the_limit_is_an_error() -> None:
    def nested(depth: int) -> str:
        return "${a | " * depth + "x" + "}" * depth

    assert render(nested(32), {}) == "x"
    with pytest.raises(ExpressionError, match="nested deeper than 32"):
        render(nested(34), {})


@pytest.mark.parametrize(
    "piece",
    ["${", "${a", "${a | ", '${a | "', "${a.", "${a as b/c[", "${a @(", "@(", "${a | {", "${a[", "\\", "${a}", "${a | ${b}",
     " ", "${a | @(", ")", "${a | x} ", "${a | 'x' "],
)  # fmt: skip
def test_hostile_text_is_read_in_linear_time(piece: str) -> None:
    for text in (piece * (100_000 // len(piece)), "${a | " + piece * (100_000 // len(piece))):
        began = time.perf_counter()
        with contextlib.suppress(ExpressionError):
            render(text, {})
        assert time.perf_counter() - began < 2.0


@examples
@given(words)
def test_any_text_gives_a_value_or_an_error_of_ours(text: str) -> None:
    try:
        parse(text)
        render(text, {"a": {"b": [1, 2]}, "b": "x"})
        resolve_env(text, {"a": "x"}, missing="keep")
        list(references(text))
    except ComposeError:
        pass


@examples
@given(st.text())
def test_text_without_references_renders_to_itself(text: str) -> None:
    text = text.replace("${", "$ {")
    assert render(text, {}) == text


@examples
@given(words)
def test_every_character_of_a_value_arrives(text: str) -> None:
    assert render("${input.p}", {"input": {"p": text}}) == text
    assert render("a ${input.p} b", {"input": {"p": text}}) == f"a {text} b"


@examples
@given(words)
def test_escaped_text_renders_to_itself(text: str) -> None:
    assert render(escape(text), {"a": 1, "b": 2}) == text


@examples
@given(words)
def test_the_parts_of_a_template_cover_its_text(text: str) -> None:
    try:
        template = parse(text)
    except ComposeError:
        return
    assert all(text[one.start : one.end] == one.text for one in template.references)
    assert is_single(text) == (bool(template.references) and template.references[0].text == text)
