"""How the words of a line become arguments and inputs."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import pytest

from mc_jupyter.errors import InputError, UnknownName
from mc_jupyter.language.inputs import Input
from mc_jupyter.notebook import album, arguments, cells, commands, documents, input_fields
from mc_jupyter.trust.permissions import NOTHING

KINDS = ("text", "number", "integer", "boolean", "json", "select", "slider", "image")
INPUTS = tuple(Input(kind, kind) for kind in KINDS)


@pytest.mark.parametrize(
    ("line", "words", "silent"),
    [
        ('run poem text="a  b" n=3', ["run", "poem", "text=a  b", "n=3"], False),
        ("run poem text='it is {this} ${that} $x'", ["run", "poem", "text=it is {this} ${that} $x"], False),
        ("run poem text=hi;", ["run", "poem", "text=hi"], True),
        ('run poem text="hi;"', ["run", "poem", "text=hi;"], False),
        ('run poem text="hi;";', ["run", "poem", "text=hi;"], True),
        ("run poem text=C:\\new\\table", ["run", "poem", "text=C:\\new\\table"], False),
        (r"run poem text=a\ b\"c", ["run", "poem", 'text=a b"c'], False),
        (r"""run text="he \"said\" C:\new" b='C:\new'""", ["run", r'text=he "said" C:\new', r"b=C:\new"], False),
        ("ls ;", ["ls"], True),
        ("", [], False),
    ],
)
def test_a_line_is_split_as_in_a_shell_and_only_a_bare_semicolon_silences(
    line: str, words: list[str], silent: bool
) -> None:
    assert arguments.split(line) == (words, silent)


def test_an_open_quote_is_an_error_that_shows_how_to_quote() -> None:
    with pytest.raises(InputError, match="a quote is opened and not closed") as caught:
        arguments.split("run poem text=it's")
    assert '"it\'s free"' in str(caught.value)


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("text=42", "text", "42"),
        ("text=true", "text", "true"),
        ("text= a = b := c ", "text", " a = b := c "),
        ("text=", "text", ""),
        ("select=1", "select", "1"),
        ("number=0.5", "number", 0.5),
        ("integer=3", "integer", 3),
        ("slider=2", "slider", 2),
        ("boolean=yes", "boolean", True),
        ('json={"a": [1, null]}', "json", {"a": [1, None]}),
        ("image=cat.png", "image", "cat.png"),
        ("image=data:image/png;base64,AA==", "image", "data:image/png;base64,AA=="),
        ("text:=review", "text", ["a list"]),
        ("number", "number", 7.5),
    ],
)
def test_a_value_is_text_unless_its_input_is_of_another_kind(word: str, name: str, value: Any) -> None:
    variables = {"review": ["a list"], "number": 7.5}
    assert arguments.inputs_of([word], INPUTS, variables) == {name: value}


@pytest.mark.parametrize(
    ("word", "error", "says"),
    [
        ("txet=1", UnknownName, "did you mean 'text'?"),
        ("text:=reveiw", UnknownName, "did you mean 'review'?"),
        ("I love it", InputError, "text='I love it'"),
        ("json={", InputError, "should be a json"),
    ],
)
def test_a_wrong_input_is_named_with_a_way_out(word: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error) as caught:
        arguments.inputs_of([word], INPUTS, {"review": 1})
    assert says in str(caught.value)


ASK = "%%compose ask\ncomponent: {type: model, task: chat-completion, driver: echo, messages: MESSAGES}"
WORDS = [
    "a # b",
    "- buy milk",
    "yes",
    "12",
    "null",
    "[draft]",
    "[draft] one",
    "{x}",
    "a: b",
    '"quoted"',
    "it's",
    "*",
    "@",
]


@pytest.mark.parametrize("text", ["Question: what is 2+2?", *WORDS])
def test_a_text_inside_a_message_is_the_words_of_the_line(run: Any, text: str) -> None:
    run(ASK.replace("MESSAGES", "[{role: user, content: '${input.text}'}]"))
    assert run(f"%compose run ask text={shlex.quote(text)}") == text


def test_an_input_that_is_all_of_the_messages_is_read_as_yaml(run: Any) -> None:
    run(ASK.replace("MESSAGES", "${input.talk}"))
    assert run("""%compose run ask talk='[{role: user, content: "a # b"}]'""") == "a # b"


@pytest.mark.parametrize("text", WORDS)
@pytest.mark.parametrize("field", ["text", "prompt"])
def test_a_field_that_wants_a_text_is_set_to_the_words_of_the_line(run: Any, field: str, text: str) -> None:
    run("%%compose say\ncomponent: {type: model, task: text-generation, driver: echo, text: '${input.text}'}")
    run(f"%compose set say {field}={shlex.quote(text)}")
    assert run("%compose run say") == text


def test_an_input_given_twice_is_an_error() -> None:
    with pytest.raises(InputError, match="twice"):
        arguments.inputs_of(["text=a", "text=b"], INPUTS, {})


def test_a_function_marked_as_a_command_is_a_word_with_its_signature_as_grammar() -> None:
    def greet(notebook: Any, name: str, *given: str, seed: int | None = None, all: bool = False) -> Any:
        """Say hello."""
        return notebook, name, given, seed, all

    commands.command(greet)
    try:
        made = commands.find("greet")
        assert made.usage == "%compose greet NAME [KEY=VALUE …] [--seed N] [--all]"
        found = arguments.parse(made.parser, ["you", "--seed", "3", "a=1", "b=2"])
        assert arguments.call(greet, "me", found) == ("me", "you", ("a=1", "b=2"), 3, False)
    finally:
        del commands.COMMANDS["greet"]


def test_an_unknown_flag_is_answered_in_one_line_with_a_hint() -> None:
    with pytest.raises(UnknownName, match=r"has no flag --yml; did you mean '--yaml'\?"):
        arguments.parse(commands.find("show").parser, ["poem", "--yml"])


def test_a_flag_that_was_meant_as_an_input_is_given_back_as_one() -> None:
    with pytest.raises(UnknownName, match=r"no flag --text[\s\S]*\n      an input: -i text=…") as caught:
        arguments.parse(commands.find("run").parser, ["poem", "--text", "hello"])
    assert "[--seed N]" in str(caught.value)
    with pytest.raises(UnknownName, match=r"\n      an input: -i text=hello"):
        arguments.parse(commands.find("run").parser, ["poem", "--text=hello"])


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("text=what is 2+2?", "what is 2+2?"),
        ("number=3 text=hello there integer=2", "hello there"),
        ('text="it\'s" a b', "it's a b"),
    ],
)
def test_a_text_without_quotes_is_given_back_with_them(line: str, text: str) -> None:
    with pytest.raises(InputError, match="stands alone behind text=") as caught:
        arguments.inputs_of(arguments.split(line)[0], INPUTS, {})
    written = caught.value.problems[0].fix or ""
    assert arguments.inputs_of(arguments.split(written)[0], INPUTS, {}) == {"text": text}


def test_a_word_that_is_no_variable_is_told_as_a_text() -> None:
    with pytest.raises(UnknownName, match="→ as a text: text=hello;"):
        arguments.inputs_of(["hello"], INPUTS, {})


def test_a_word_too_many_is_an_error() -> None:
    with pytest.raises(InputError, match="what is 'two' for"):
        arguments.parse(commands.find("form").parser, ["one", "two"])


def test_a_word_that_is_needed_is_named() -> None:
    with pytest.raises(InputError, match="required: NAME"):
        arguments.parse(commands.find("show").parser, [])


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("pipe.yml", "it is no file"),
        ("a\0b.yml", "null byte"),
        ("~nobody-of-that-name/x.yml", "home directory"),
        ("a" * 300 + ".yml", "File name too long"),
        ("large.yml", "larger than 10.0 MB"),
    ],
    ids=lambda value: value[:12],
)
def test_a_file_that_cannot_be_or_never_ends_is_one_error(
    name: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.yml")
    with Path("large.yml").open("wb") as large:
        large.truncate(10_000_001)  # a hole: it takes no room
    with pytest.raises(InputError, match=rf"cannot read .*{why}"):
        documents.read(name, NOTHING)
    with pytest.raises(InputError, match=rf"cannot write .*{why}"):
        documents.write(name, "component:")


@pytest.mark.parametrize("line", ["b -o--", "b --out=--", "b -i--", "b --input=--", "b --adapter=--", "b --seed=--"])
def test_a_flag_whose_word_is_none_is_an_error(line: str) -> None:
    with pytest.raises(InputError, match=r"%compose: (-o|-i|--adapter) names nothing|--seed"):
        arguments.parse(cells.parser(), line.split())


@pytest.mark.parametrize("line", ["b -o--", "b -i--"])
def test_so_it_is_on_a_line(line: str) -> None:
    with pytest.raises(InputError, match=r"%compose run: -[oi] names nothing"):
        arguments.parse(commands.COMMANDS["run"].parser, line.split())


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("[" * 100_000, "nested deeper than 64"), ("[[[", "expected the node content"), ("&a [*a]", "are not read here"),
        ("!!timestamp x", "are not read here"), ("!!int x", "are not read here"), ('"\\Uffffffff"', "it is not YAML"),
        ("a\n---\nb", "more than one value"), ("{[1]: 2}", "cannot be a key"), ("'", "unexpected end"),
    ],
)  # fmt: skip
def test_what_is_no_value_of_yaml_is_one_error(written: str, says: str) -> None:
    with pytest.raises(InputError, match=rf"the input 'json' should be a json, and is the text [\s\S]*{says}"):
        arguments.inputs_of([f"json={written}"], INPUTS, {})


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2024-01-01", "2024-01-01"), ("2024-13-45", "2024-13-45"), ("1970-01-01 00:00:00 -99:99", "1970-01-01 00:00:00 -99:99"),
        ("0x_", "0x_"), ("9" * 5000, "9" * 5000), ("0x" + "f" * 5000, "0x" + "f" * 5000), ("", None), ("[1, 'a', ~]", [1, "a", None]),
        ("{a: {b: 1.5}, c: yes}", {"a": {"b": 1.5}, "c": True}), ("[2024-01-01]", ["2024-01-01"]),
    ],
)  # fmt: skip
def test_a_date_and_what_is_no_number_stay_text(written: str, value: Any) -> None:
    assert arguments.inputs_of([f"json={written}"], INPUTS, {}) == {"json": value}


@pytest.mark.parametrize("written", ["n" * 300, "a/" + "n" * 300, "a\0b", "\ud800", "a/" * 3000, "~nobody-at-all/x"])
def test_a_name_that_no_file_can_have_is_one_error(written: str) -> None:
    uses = (documents.read, lambda name, _: documents.write(name, ""), album.folder)
    for use, name in zip(uses, (f"{written}x.yml", f"{written}x.yml", written), strict=True):
        with pytest.raises(InputError, match="cannot read|cannot write|no pictures can be saved"):
            use(name, NOTHING)


@pytest.mark.parametrize("value", ["nan", "inf", float("-inf"), 10**400])
@pytest.mark.parametrize("kind", ["slider", "integer", "number"])
def test_a_field_of_a_form_begins_at_a_number_that_there_is(kind: str, value: Any) -> None:
    made = input_fields.field_for(Input("x", kind, minimum=0, maximum=2, step=1), value)
    assert made.value == 0


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("text = hello", "no blanks may stand around ="),
        ("text =hello", "no blanks may stand around ="),
        ("text: hello", "with =, and not with a colon"),
        ("text:hello", "with =, and not with a colon"),
    ],
)
def test_an_input_in_another_spelling_is_answered(line: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        arguments.inputs_of(line.split(), INPUTS, {"hello": 1})
    assert caught.value.problems[0].fix == "text='…'"
