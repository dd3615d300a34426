"""Fields that stand in the wrong place, or are written as in another language: where they belong, and what to paste."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import Problem


def problem_of(text: str) -> Problem:
    with pytest.raises(mc.SpecError) as caught:
        mc.read(text)
    assert len(caught.value.problems) == 1, str(caught.value)
    return caught.value.problems[0]


def line_of(problem: Problem) -> int | None:
    return problem.place.line if problem.place else None


def test_a_field_at_the_top_is_to_be_indented() -> None:
    problem = problem_of("component:\n  type: model\n  model: gpt2\ntask: text-generation\n")
    assert problem.message == "task stands at the top: a component's fields are indented under component:"
    assert line_of(problem) == 4
    assert [line.strip() for line in (problem.fix or "").splitlines()] == ["component:", "task: text-generation"]


def test_a_field_of_a_part_that_came_later_is_known_too(made: Callable[[str, str, str], None]) -> None:
    text = "component:\n  type: model\n  model: gpt2\n  task: text-generation\nloudness: 3\n"
    assert problem_of(text).message == "unknown key 'loudness'"
    made("tasks", "test_made_loud", """
        \"\"\"Say it louder.\"\"\"
        from pydantic import Field
        from mc_jupyter.parts import Task, TaskAction

        class Loud(Task):
            \"\"\"Say it louder.\"\"\"
            head, driver, result = "voice", "echo", str

            class Action(TaskAction):
                loudness: int = Field(1, description="How loud.")
        """)  # fmt: skip
    assert problem_of(text).message.startswith("loudness stands at the top")


@pytest.mark.parametrize("head", ["component:\n", "components:\n", ""])
def test_fields_without_any_indentation_are_given_back_indented(head: str) -> None:
    fields = ["type: model", "task: text-generation", "params:", "  top_k: 3"]
    problem = problem_of(head + "\n".join(fields) + "\n")
    assert line_of(problem) == 1 + bool(head)
    assert (problem.fix or "").splitlines()[1:] == [f"          {line}" for line in fields]


@pytest.mark.parametrize(
    ("line", "paste"),
    [
        ("token: hf_secret", "model: {repository: a/b, token: ${env.HF_TOKEN}}"),
        ("token: ${env.MINE}", "model: {repository: a/b, token: ${env.MINE}}"),
        ("revision: v1.0", "model: {repository: a/b, revision: v1.0}"),
        ("local_files_only: true", "model: {repository: a/b, local_files_only: true}"),
        ("weight: 0.5", "peft_adapters: [{weight: 0.5}]"),
        ("double_quant: true", "quantization: {double_quant: true}"),
        ("name: mine", "id: mine"),
    ],
)
def test_a_field_of_something_inside_is_told_where_it_belongs(line: str, paste: str) -> None:
    problem = problem_of(f"component:\n  type: model\n  model: a/b\n  {line}\n")
    assert problem.message == f"unknown key '{line.partition(':')[0]}'"
    assert paste in (problem.fix or "")
    assert "hf_secret" not in (problem.fix or "")


@pytest.mark.parametrize(
    ("params", "paste"),
    [
        ("{temperature:0.5}", "temperature: 0.5"),
        ("{temperature=0.5}", "temperature: 0.5"),
        ("{temperature 0.5}", "temperature: 0.5"),
        ("{temperature: 0,5}", "temperature: 0.5"),
        ("{temperature: '0,5'}", "0.5"),
        ("{temperature: None}", "leave the line out"),
        ("{do_sample: yess}", "'yes'"),
        ("[temperature: 0.5, top_k: 3]", "params:\n          temperature: 0.5\n          top_k: 3"),
    ],
)
def test_a_value_that_is_nearly_right_is_given_back_right(params: str, paste: str) -> None:
    problem = problem_of(f"component:\n  type: model\n  model: a/b\n  params: {params}\n")
    assert line_of(problem) == 4
    assert paste in (problem.fix or "")


def test_components_by_name_are_given_back_as_a_list() -> None:
    problem = problem_of("components:\n  first:\n    type: model\n    model: a/b\n")
    assert [line.strip() for line in (problem.fix or "").splitlines()] == [
        "components:", "- id: first", "type: model", "model: a/b"
    ]  # fmt: skip


def test_a_component_whose_fields_have_dashes_is_given_back_without() -> None:
    problem = problem_of("component:\n  - type: model\n  - task: text-generation\n")
    assert [line.strip() for line in (problem.fix or "").splitlines()] == [
        "component:", "type: model", "task: text-generation"
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["typ", "Type", "tpye"])
def test_a_misspelt_type_is_what_the_error_points_at(word: str) -> None:
    problem = problem_of(f"component:\n  model: a/b\n  {word}: model\n")
    assert line_of(problem) == 3
    assert f"{word}: is none" in problem.message


@pytest.mark.parametrize("word", ["gpu", "GPU", "nvidia"])
def test_another_name_of_a_device_is_answered_by_ours(word: str) -> None:
    assert "cuda" in problem_of(f"component:\n  type: model\n  model: a/b\n  device: {word}\n").message


# --- expressions ------------------------------------------------------------------------------------------------------

CELL = "component:\n  type: model\n  model: a/b\n  text: {}\n"


@pytest.mark.parametrize(
    ("written", "says", "paste"),
    [
        ("${input.x as text", "not closed", "${input.x as text}"),
        ("${}", "begins no expression", "${input.NAME}"),
        ("${input.x or hello}", "'or hello'", "${input.x | hello}"),
        ("${input.x, hello}", "', hello'", "${input.x | hello}"),
        ("${text}", "names 'text'", "${input.text}"),
        ("${inputs.x as text}", "names 'inputs'", "${input.x as text}"),
        ("${input．x}", "names", "${input.x}"),
        ("{input.x}", "should be text", "${input.x}"),
        ("{{ input.x }}", "{{ … }} is no expression", "${input.x}"),
    ],
)
def test_an_expression_that_is_none_is_answered_by_the_one_that_was_meant(written: str, says: str, paste: str) -> None:
    problem = problem_of(CELL.format(written))
    assert line_of(problem) == 4
    assert says in problem.message
    assert paste in (problem.fix or "")


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("'say {{ input.x }}'", "{{ input.x }} is no expression, and stays as it is written; an input is ${input.x}"),
        ("$(input.x)", "$(input.x) is no expression"),
        ("$input.x", "$input.x is no expression"),
        ("'{input.x} is text'", "{input.x} is no expression"),
        ("＄｛input.x｝", "＄｛input.x｝ is no expression"),
        ("${input.x || hello}", "the default in ${input.x || hello} is '| hello'"),
    ],
)
def test_an_expression_of_another_language_is_told_to_be_text(written: str, says: str) -> None:
    assert any(says in note for note in mc.read(CELL.format(written)).notes)


@pytest.mark.parametrize("written", ["${input.x}", "'{\"a\": 1}'", "costs $5 for ${input.x}", "${input.x | {b}}"])
def test_what_is_right_is_noted_nowhere(written: str) -> None:
    assert not any("no expression" in note for note in mc.read(CELL.format(written)).notes)


def test_a_form_without_its_template_is_told_at_its_line() -> None:
    problem = problem_of('component:\n  type: model\n  model: a/b\n  output:\n    "|": ${result}\n')
    assert line_of(problem) == 5
    assert "no branch" in problem.message


# --- words of other programs ------------------------------------------------------------------------------------------

BASE = {"type": "model", "task": "text-generation", "model": "a/b"}


@pytest.mark.parametrize(
    ("line", "paste"),
    [
        ("max_new_tokens: 5", "max_output_length:"),
        ("stop: [end]", "stop_sequences:"),
        ("messages: []", "task: chat-completion"),
        ("torch_dtype: float16", "precision:"),
        ("load_in_4bit: true", "quantization: nf4"),
        ("lora: ./style", "peft_adapters:"),
        ("model_id: gpt2", "model:"),
        ("driver: transformers", "driver: huggingface"),
        ("task: text-to-image", "task: image-generation"),
        ("task: feature-extraction", "task: text-embedding"),
        ("model: starter: stories", "model: starter:stories"),
    ],
)
def test_a_word_of_another_program_is_answered_by_ours(line: str, paste: str) -> None:
    key = line.partition(":")[0]
    lines = [f"  {name}: {value}\n" for name, value in BASE.items() if name != key]
    problem = problem_of("component:\n" + "".join(lines) + f"  {line}\n")
    assert line_of(problem) == len(lines) + 2
    assert paste in (problem.fix or "")


@pytest.mark.parametrize(
    "written",
    ["https://huggingface.co/openai/gpt2", "huggingface.co/openai/gpt2/tree/main", "https://hf.co/openai/gpt2"],
)
def test_a_model_by_its_address_is_given_back_by_its_name(written: str) -> None:
    assert problem_of(f"component:\n  type: model\n  model: {written}\n").message.endswith("its address: openai/gpt2")


def test_a_key_of_another_source_is_told_whose_it_is() -> None:
    problem = problem_of("component:\n  type: model\n  model: {path: ./x, repository: a/b}\n")
    assert problem.fix == "repository goes with provider: huggingface"


@pytest.mark.parametrize("piece", ["${ ", "${a ", "{{input", "$(input"])
def test_a_text_full_of_what_is_nearly_an_expression_is_answered_fast(piece: str) -> None:
    began = time.perf_counter()
    text = CELL.format(f"'{piece * 50_000}'")
    with suppress(mc.SpecError):
        mc.read(text)
    assert time.perf_counter() - began < 5
