"""The expression language: what is read as a reference, what it gives, and what stays text."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from mc_jupyter.errors import ComposeError, ExpressionError
from mc_jupyter.expressions import (
    Plain,
    compare,
    escape,
    has_reference,
    is_single,
    matches,
    parse,
    references,
    render,
    resolve_env,
    yaml_type,
)
from mc_jupyter.values import Batch, Embedding, Label, Stream, Text

S: dict[str, Any] = {
    "input": {"s": "hello", "n": 3, "none": None, "list": [1, 2, 3], "objs": [{"id": 1}, {"id": 2}], "k h": "odd",
              "user": {"name": "Ann"}, "matrix": [[1, 2], [3, 4]], "num": "42"},
    "result": [[1, 2], [3, 4]],
    "env": {"X": "1"},
}  # fmt: skip

examples = settings(max_examples=200, deadline=None)


async def arriving(*items: Any) -> AsyncIterator[Any]:
    for item in items:
        yield item


# reading


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
    ["${ }", "${}", "${input.s", "${1a}", "$input", "${input.s as}", "${input.s hello}", "${.a}", "${", "$", "${input.n | {}"],
)
def test_what_is_no_reference_stays_text(text: str) -> None:
    assert render(text, S) == text
    assert not has_reference(text)


def test_a_template_says_what_it_could_not_read() -> None:
    assert parse("a ${ } ${input.x} ${oh no}").unread == (2, 18)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${input.list[-1]}", 3),
        ("${input.list[-4]}", None),
        ("${input.list[3]}", None),
        ("${input.list[1:]}", [2, 3]),
        ("${input.list[:-1]}", [1, 2]),
        ("${input.list[:]}", [1, 2, 3]),
        ("${input.list[5:]}", []),
        ("${input.objs[*].id}", [1, 2]),
        ("${input.objs[*].nope}", [None, None]),
        ("${input.matrix[*][0]}", [1, 3]),
        ("${input.matrix[*][*]}", [[1, 2], [3, 4]]),
        ("${input.s[0]}", None),
        ("${input.list.x}", None),
        ("${input[\"k h\"]}", "odd"),
        ("${input['user'].name}", "Ann"),
        ("${input.user/name}", "Ann"),
        ("${result[0][1]}", 2),
        ("${result[*][0]}", [1, 3]),
        ("${result[-1]}", [3, 4]),
        ("${ input.n }", 3),
        ("${input\n.n}", "${input\n.n}"),
        ("${result[][0]}", [1, 3]),
        ("${input[].n}", None),
    ],
)
def test_paths(text: str, result: Any) -> None:
    assert render(text, S) == result


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
        try:
            render(text, {})
        except ExpressionError:
            pass
        assert time.perf_counter() - began < 2.0


# values


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


# forms


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
    source = Stream([1, 2, 3]).map(lambda item: taken.append(item) or item)
    mapped = render({"*": "${result}", "v": "${item}"}, {"result": source})
    assert (next(mapped), taken) == ({"v": 1}, [1])


@pytest.mark.parametrize(
    ("operator", "left", "right", "result"),
    [
        ("eq", 3, "3", False), ("neq", 3, "3", True), ("gte", 3, 3, True), ("lte", 2, 1, False), ("in", "a", "abc", True),
        ("not-in", 1, [2], True), ("starts-with", "abc", "ab", True), ("ends-with", "abc", "ab", False),
        ("match", "abc", "b", False), ("match", "abc", "a.", True),
    ],
)  # fmt: skip
def test_operators(operator: str, left: Any, right: Any, result: bool) -> None:
    assert compare(operator, left, right) is result


def test_a_wrong_operator_is_answered_with_the_nearest() -> None:
    with pytest.raises(ExpressionError, match="did you mean 'starts-with'"):
        compare("startswith", "a", "b")


def test_matches_reads_nested_conditions() -> None:
    where = {"not": {"any": [{"input": "${item}", "value": 1}, {"all": [{"input": "${item}", "operator": "gt", "value": 5}]}]}}
    assert [matches(where, {"item": item}) for item in (1, 3, 9)] == [False, True, False]


# references


def test_references_are_found_in_containers_defaults_and_attributes() -> None:
    found = {one.source: path for path, one in references({"a": ["${b.c | ${d}}", {"x": "${e as image/png[q=${f}]}"}]})}
    assert found == {"b": ("a", 0), "d": ("a", 0), "e": ("a", 1, "x"), "f": ("a", 1, "x")}


def test_item_is_free_only_outside_its_loop() -> None:
    looped = {"*": {"input": "${xs}", "where": {"input": "${item}", "value": 1}}, "v": "${item} ${index} ${y}"}
    assert {one.source for _, one in references(looped)} == {"xs", "y"}
    assert [one.source for _, one in references({"*": "${item.xs}", "v": 1})] == ["item"]


# the environment

ENV = {"X": "1", "NAME": "bob", "B": "yes", "E": "", "F": "0.50", "REF": "${input.s}", "Q": '"}', "SLASH": "a\\", "D": "$"}


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


def test_env_is_an_ordinary_source_at_run_time() -> None:
    assert render(Plain("${env.X}"), S) == 1
    assert render("${env.X}", S) == "1"


@pytest.mark.parametrize("text", ["0b_", "0x_", "9" * 5000, "2024-01-01", "=", "<<", "1:99x"])
def test_odd_scalars_stay_text(text: str) -> None:
    assert yaml_type(text) == text


# properties

words = st.text(alphabet=st.sampled_from("${}[]|@().\\\"'ab1 *:;/\n-"), max_size=60) | st.text(max_size=40)


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


@examples
@given(st.text(max_size=20), st.sampled_from(["${env.V}", "x${env.V}${a}", "${a | ${env.V}}", '${z | "${env.V}"}', "$${env.V}{a}"]))
def test_putting_a_variable_in_early_or_late_is_the_same(value: str, text: str) -> None:
    late = render(text, {"a": "A", "env": {"V": value}})
    assert render(resolve_env(text, {"V": value}), {"a": "A"}) == late
