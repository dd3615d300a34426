"""Mistakes of a newcomer: the error stands at the line that was mistyped, says why, and gives the line to paste."""

from __future__ import annotations

import pytest

from mc_jupyter.errors import Problem, SpecError
from mc_jupyter.language.cell import read, to_plain

CELL = """component:
  type: model
  task: text-generation
  model: starter:stories
  text: ${input.text as text}
  params:
    temperature: 0.5
    do_sample: true
"""


def problem_of(text: str) -> Problem:
    with pytest.raises(SpecError) as caught:
        read(text)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def mistyped(old: str, new: str) -> Problem:
    """What is said when one piece of the cell is mistyped, which is on the line it is told of."""
    assert CELL.count(old) == 1
    problem = problem_of(CELL.replace(old, new))
    assert problem.place is not None
    assert problem.place.line == CELL[: CELL.index(old)].count("\n") + 1
    return problem


@pytest.mark.parametrize("key", ["component", "type", "task", "model", "text", "params", "temperature", "do_sample"])
def test_a_forgotten_colon_blames_its_own_line(key: str) -> None:
    line = next(line.strip() for line in CELL.splitlines() if line.strip().startswith(f"{key}:"))
    problem = mistyped(f"{key}:", key)
    assert problem.message == f"a colon is missing behind {key}"
    assert (problem.fix or "").startswith(line)


@pytest.mark.parametrize("key", ["type", "task", "model", "temperature"])
def test_a_forgotten_blank_behind_a_colon_is_told_on_its_line(key: str) -> None:
    assert mistyped(f"{key}: ", f"{key}:").message == "a blank is missing behind the colon"


def test_every_line_that_lacks_its_colon_is_told() -> None:
    with pytest.raises(SpecError) as caught:
        read("params:\n  temperature 0.5\n  top_k 3\n  do_sample: true\n")
    assert [(p.place.line, p.fix) for p in caught.value.problems if p.place] == [
        (2, "temperature: 0.5"),
        (3, "top_k: 3"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "says", "paste"),
    [
        ("model: ", "model = ", "with a colon, not with =", "model: starter:stories"),
        ("model: ", "model=", "with a colon, not with =", "model: starter:stories"),
        ("model: ", "model：", "full-width colon", "model: starter:stories"),
        ("component:", "component：", "full-width colon", "component:"),
        ("  model: ", "\u00a0\u00a0model: ", "no-break space (U+00A0)", "model: starter:stories"),
        ("model: ", "model:\u00a0", "no-break space (U+00A0)", "model: starter:stories"),
        ("model: ", "model:\u3000", "ideographic space", "model: starter:stories"),
        ("  model: ", "  \ufeffmodel ", "byte order mark", "model"),
        ("  model: ", "\tmodel: ", "a tab cannot indent", "  model: starter:stories"),
        ("model: ", "model:\t", "a tab stands here", "model: starter:stories"),
        ("starter:stories", "starter:stories\t", "a tab stands here", "model: starter:stories"),
        ("    temperature: ", "\t\ttemperature: ", "a tab cannot indent", "    temperature: 0.5"),
        ("  task: ", "task: ", "task: is not indented like the lines around it", "  task: text-generation"),
        ("  model: ", "    model: ", "indented deeper than the one above", "  model: starter:stories"),
        ("  model: ", " model: ", "not indented like the ones before it", "  model: starter:stories"),
        ("starter:stories", '"C:\\Users\\me\\mood"', "a Windows path in double quotes", "'C:\\Users\\me\\mood'"),
        ("starter:stories", '"\\\\server\\share"', "a Windows path in double quotes", "'\\\\server\\share'"),
        ("${input.text as text}", '"what \\d is"', "\\d is no escape", "'what \\d is'"),
        ("${input.text as text}", "'it's ${input.text}'", "text stands behind", 'text: "it\'s ${input.text}"'),
        ("${input.text as text}", '"say "hi" twice"', "text stands behind", "text: 'say \"hi\" twice'"),
        ("${input.text as text}", "[INST] ${input.text} [/INST]", "is a list", 'text: "[INST] ${input.text} [/INST]"'),
        ("${input.text as text}", "Answer: ${input.text}", "second `: `", 'text: "Answer: ${input.text}"'),
        ("${input.text as text}", "| ${input.text}", "begins on the next line", "text: |\n        ${input.text}"),
        ("${input.text as text}", "*bold* one", "begins with *", 'text: "*bold* one"'),
        ("${input.text as text}", "@${input.text}", "cannot begin a value", 'text: "@${input.text}"'),
        ("starter:stories", "`starter:stories`", "cannot begin a value", 'model: "`starter:stories`"'),
        ("starter:stories", '"starter:stories', "never close", "close them"),
    ],
)  # fmt: skip
def test_a_mistyped_line_is_told_with_what_to_paste(old: str, new: str, says: str, paste: str) -> None:
    problem = mistyped(old, new)
    assert says in problem.message
    assert paste in (problem.fix or "")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("{temperature: 0.5", "{temperature: 0.5}"),
        ("{temperature: 0.5 do_sample: true}", "{temperature: 0.5, do_sample: true}"),
        ("{temperature: 0.5，do_sample: true}", "{temperature: 0.5,do_sample: true}"),
        ("{stop: [a, b}", "{stop: [a, b]}"),
        ("{temperature: 0.5}}", "{temperature: 0.5}"),
        ("- a - b", "[a, b]"),
    ],
)
def test_a_brace_or_comma_that_is_missing_is_put_in(wrong: str, right: str) -> None:
    problem = problem_of(f"a: 1\nparams: {wrong}\nb: 2\n")
    assert problem.place is not None
    assert problem.place.line == 2
    assert problem.fix == f"params: {right}"


@pytest.mark.parametrize("quote", ['"', "'"])
def test_quotes_left_open_are_told_where_they_open(quote: str) -> None:
    problem = problem_of(f"model: {quote}starter:stories\ntext: {quote}hello{quote}\n")
    assert problem.place is not None
    assert problem.place.line == 1
    assert problem.fix == f"model: {quote}starter:stories{quote}"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("c('hello')", "Python"),
        ("print(c(text='x'))", "Python"),
        ("import mc_jupyter as mc", "Python"),
        ("// a remark", "a comment begins with #"),
        ("```", "Markdown"),
    ],
)
def test_a_line_that_is_no_yaml_at_all_is_named(line: str, says: str) -> None:
    problem = problem_of(f"{CELL}{line}\n")
    assert says in problem.message
    assert problem.place is not None
    assert problem.place.line == 9


@pytest.mark.parametrize(("head", "end"), [("", "\n"), ("\ufeff", "\n"), ("", "\r\n"), ("", "\r"), ("\ufeff", "\r\n")])
def test_line_ends_and_a_byte_order_mark_change_nothing(head: str, end: str) -> None:
    assert read(head + CELL.replace("\n", end)).value == read(CELL).value
    problem = problem_of(head + CELL.replace("task:", "task").replace("\n", end))
    assert problem.place is not None
    assert problem.place.line == 3


def test_what_looks_like_yamls_own_inside_a_text_is_a_letter() -> None:
    text = "text: 你好：世界，“quoted”, 5\u00a0km – and ‘more’\nother: |\n  “one”：\u00a0two\n"
    document = read(text)
    assert to_plain(document.value)["text"] == "你好：世界，“quoted”, 5\u00a0km – and ‘more’"
    assert document.notes == ()


@pytest.mark.parametrize(
    ("written", "says"), [("“Once upon”", "left double quotation mark"), ("&and then", "&and names the text")]
)
def test_what_is_easily_taken_for_something_else_is_noted(written: str, says: str) -> None:
    document = read(f"a: 1\ntext: {written}\n")
    assert len(document.notes) == 1
    assert says in document.notes[0]
    assert document.notes[0].startswith("line 2: ")


def test_an_anchor_that_is_used_is_not_noted() -> None:
    assert read("a: &x text\nb: *x\n").notes == ()


@pytest.mark.parametrize("sign", ["|", ">", "|-"])
def test_a_text_on_lines_of_its_own_is_indented(sign: str) -> None:
    problem = problem_of(f"a: 1\nb:\n  text: {sign}\n  Once upon a time\n  other: 1\n")
    assert problem.place is not None
    assert problem.place.line == 4
    assert problem.fix == "    Once upon a time"


@pytest.mark.parametrize("sign", ["|", "&", "*"])
def test_a_form_whose_key_lacks_its_quotes_is_told(sign: str) -> None:
    assert problem_of(f"output:\n  {sign}: ${{result}}\n  name: ${{item}}\n").fix == f'"{sign}": ${{result}}'


def test_lines_whose_dashes_lack_a_blank_are_no_text() -> None:
    problem = problem_of("stop_sequences:\n  -end\n  -stop\n")
    assert problem.fix == "- end\n        - stop"
    assert read("a: -1\nb: --flag\n").value == {"a": -1, "b": "--flag"}
