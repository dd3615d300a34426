"""What a call was given wrongly is told at the call: fields that are no inputs, files that are not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc

DRAW = """component:
  type: model
  task: image-generation
  driver: echo
  prompt: ${input.prompt as text}
"""
WRITE = """component:
  type: model
  task: text-generation
  driver: echo
  text: ${input.question as text}
  params: {temperature: 0.3, stop_sequences: [end]}
"""


@pytest.fixture
def write(session: mc.Session) -> mc.Handle:
    return session.load(WRITE, "write")


def said(call: Any) -> str:
    with pytest.raises(mc.InputError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize(
    ("given", "expression", "setting"),
    [
        ({"temperature": 0.9}, "temperature: ${input.temperature as number | 0.3}", "write.set(temperature=0.9)"),
        ({"truncate": True}, "truncate: ${input.truncate as boolean | false}", "write.set(truncate=True)"),
        ({"top_k": 3}, "top_k: ${input.top_k as integer | 50}", "write.set(top_k=3)"),
        ({"seed": None, "num_beams": 2}, "num_beams: ${input.num_beams as integer | 1}", "write.set(num_beams=2)"),
        ({"stop_sequences": ["x"]}, "stop_sequences: ${input.stop_sequences as ", "write.set(stop_sequences=…)"),
    ],
)
def test_a_field_given_as_an_argument_is_answered_by_what_to_write(
    write: mc.Handle, given: dict[str, Any], expression: str, setting: str
) -> None:
    told = said(lambda: write("why", **given))
    assert f"{[*given][-1]} is a field of write's cell" in told
    assert expression in told
    assert setting in told


def test_a_field_that_nobody_has_set_begins_at_what_the_call_gave(session: mc.Session) -> None:
    draw = session.load(DRAW, "draw")
    told = said(lambda: draw("a fox", width=128))
    assert "width: ${input.width as integer | 128}" in told
    assert "draw.set(width=128)" in told


@pytest.mark.parametrize("field", ["temperature", "truncate", "top_k", "max_output_length", "do_sample"])
def test_what_it_says_to_write_works(session: mc.Session, write: mc.Handle, field: str) -> None:
    values: dict[str, Any] = {
        "temperature": 0.4,
        "truncate": True,
        "top_k": 5,
        "max_output_length": 7,
        "do_sample": False,
    }
    line = said(lambda: write("why", **{field: values[field]})).partition("write ")[2].partition(" in the cell")[0]
    cell = WRITE.replace("  params: {temperature: 0.3, stop_sequences: [end]}\n", f"  {line}\n")
    again = session.load(cell, "again")
    assert again("why", **{field: values[field]}) == again("why")
    assert field in [one.name for one in again.inputs]


@pytest.mark.parametrize("call", ["stream", "map", "compare", "mapping"])
def test_every_way_to_call_says_it(write: mc.Handle, call: str) -> None:
    ways = {
        "stream": lambda: write.stream("why", temperature=1),
        "map": lambda: write.map(["why"], temperature=1),
        "compare": lambda: write.compare({"seed": [1]}, "why", temperature=1),
        "mapping": lambda: write({"question": "why", "temperature": 1}),
    }
    assert "write temperature: ${input.temperature as number | 0.3} in the cell" in said(ways[call])


def test_a_field_of_the_component_is_set(write: mc.Handle) -> None:
    told = said(lambda: write("why", device="cpu"))
    assert "write.set(device='cpu')" in told
    assert "${" not in told


def test_the_field_that_takes_the_inputs_is_not_offered_for_another_name(write: mc.Handle) -> None:
    assert "its inputs: question" in said(lambda: write(text="why"))


def test_an_input_of_a_fields_name_is_an_input(session: mc.Session) -> None:
    cell = WRITE.replace("temperature: 0.3", "temperature: '${input.temperature as number | 0.3}'")
    assert session.load(cell, "heated")("why", temperature=0.5) == "why"


# --- values that the call gave ----------------------------------------------------------------------------------------

LOOK = "component:\n  type: model\n  task: image-to-text\n  driver: echo\n"


@pytest.mark.parametrize(
    "line", ["", "  image: ${input.image}\n", "  image: ${input.image as image}\n", "  image: ${ input.photo }\n"]
)
@pytest.mark.parametrize("written", ["text", "path", "list"])
def test_an_image_that_does_not_exist_points_at_the_call(session: mc.Session, line: str, written: str) -> None:
    look = session.load(LOOK + line, "look")
    given: Any = {"text": "fox.png", "path": Path("fox.png"), "list": ["fox.png"]}[written]
    with pytest.raises(mc.InputError) as caught:
        look(given)
    (problem,) = caught.value.problems
    name = "photo" if "photo" in line else "image"
    assert problem.place is None
    assert problem.message.startswith(f"{name}[0]: cannot read" if written == "list" else f"{name}: cannot read")
    assert "fox.png" in problem.message
    assert "type: model" not in str(caught.value)


@pytest.mark.parametrize("line", ["  image: fox.png\n", "  image: ${input.image as image | fox.png}\n"])
def test_an_image_that_the_cell_names_points_at_its_line(session: mc.Session, line: str) -> None:
    with pytest.raises(mc.InputError) as caught:
        session.load(LOOK + line, "look")()
    place = caught.value.problems[0].place
    assert place is not None
    assert (place.line, place.text) == (5, line.rstrip("\n"))


def test_a_value_of_a_setting_points_at_its_expression(session: mc.Session) -> None:
    cell = WRITE.replace("temperature: 0.3", "temperature: '${input.heat as number}'")
    told = said(lambda: session.load(cell, "heated")("why", heat="very"))
    assert told.startswith("line 6: the text 'very' is not a number in ${input.heat as number}")
