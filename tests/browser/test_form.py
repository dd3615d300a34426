"""A cell without its inputs in JupyterLab: its card, its form, and what the form's Run gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import pytest

from tests.browser.lab import MAGICS, Cell, Lab, Server, tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

STORY = """%%compose story
component:
  type: model
  task: text-generation
  model: starter:stories
  text: ${input.prompt as text}
  params:
    max_output_length: 40
    temperature: ${input.heat as slider/0.1,1.5,0.1 | 0.7}
"""
TWO = """%%compose two
component:
  type: model
  task: text-generation
  driver: echo
  actions:
    - {id: first, text: "${input.question as text @(description What to ask.)}", output: {asked: "${result}"}}
    - {id: second, default: true, text: "${input.story}", temperature: "${input.heat as slider/0.1,1.5,0.1 | 0.7}"}
"""
CUT = """%%compose cut --panel
component:
  type: text-splitter
  text: ${input.text}
  chunk_size: 20
  chunk_overlap: 5
"""
FIELDS = f"{MAGICS}.opened['story'].fields"
SLOW = """%%compose slow
component:
  type: model
  task: text-generation
  driver: slow
  text: ${input.text as text}
"""


@pytest.fixture(scope="module")
def story(lab: Lab) -> Cell:
    """The cell, run: its card and its form are there."""
    cell = lab.run(STORY)
    cell.button("Run").wait_for()
    return cell


def test_a_cell_without_its_inputs_shows_its_card_and_a_form(lab: Lab, story: Cell) -> None:
    card, form = story.outputs()
    assert "starter:stories" in card
    assert "prompt" in form
    assert story.field("prompt").input_value() == ""
    assert story.readout("heat") == "0.70"
    lab.screenshot("form-empty", story)


def test_run_without_an_input_says_which_is_needed(lab: Lab, story: Cell) -> None:
    story.press("Run")
    story.shows("story needs prompt")
    lab.screenshot("form-missing", story)


def test_what_is_typed_is_run_and_the_answer_stands_under_the_form(lab: Lab, story: Cell) -> None:
    story.type("prompt", "Once there was a fox")
    story.slide("heat", -2)
    assert story.readout("heat") == "0.50"
    lab.until(f"{FIELDS}['heat'].value", 0.5)
    story.press("Run")
    story.shows("40 tokens")
    story.button("Run").wait_for()
    lab.screenshot("form-answered", story)
    seed = story.text().rpartition("seed ")[2].strip()
    again = lab.ask(f"story(prompt='Once there was a fox', heat=0.5, seed={seed})")
    assert " ".join(again.split()) in " ".join(story.text().split())


def test_the_form_ran_the_model_that_the_cell_had_loaded(lab: Lab, story: Cell) -> None:
    assert lab.ask(f"{MAGICS}.session.loads") == 1
    story.run()
    story.button("Run").wait_for()
    assert lab.ask(f"{MAGICS}.session.loads") == 1
    assert len(story.outputs()) == 2


def test_interrupt_keeps_what_was_written_and_the_form_runs_again(lab: Lab) -> None:
    cell = lab.run(SLOW)
    cell.type("text", " ".join(f"w{i}" for i in range(3000)))
    cell.press("Run")
    cell.shows("w20 w21")
    assert cell.button("Running…").is_disabled()
    lab.screenshot("form-running", cell)
    lab.interrupt()
    cell.shows("interrupted after")
    cell.button("Run").wait_for()
    assert "w0 w1" in cell.text()
    lab.screenshot("form-interrupted", cell)
    cell.type("text", " ".join(f"v{i}" for i in range(3000)))
    cell.press("Run")
    cell.shows("v20 v21")
    lab.interrupt()  # of a second run, which comes in another of the kernel's threads
    cell.shows("interrupted after")
    cell.type("text", "one two three")
    cell.press("Run")
    cell.shows("3 tokens")
    cell.shows_no("interrupted")
    assert lab.ask("slow('four five')") == "four five"


def test_stop_stands_beside_run_while_it_runs_and_ends_it(lab: Lab) -> None:
    cell = lab.run(SLOW.replace("%%compose slow", "%%compose stopped"))
    cell.button("Run").wait_for()
    assert not cell.button("Stop").is_visible()
    for word in ("a", "b"):
        cell.type("text", " ".join(f"{word}{i}" for i in range(3000)))
        cell.press("Run")
        cell.shows(f"{word}20 {word}21")
        lab.screenshot("form-stop", cell)
        cell.press("Stop")
        cell.shows("interrupted after")
        cell.button("Run").wait_for()
        assert not cell.button("Stop").is_visible()
        assert f"{word}0 {word}1" in cell.text()


def test_a_form_of_several_actions_asks_which_and_its_fields_follow(lab: Lab) -> None:
    cell = lab.run(TWO)
    cell.button("Run").wait_for()
    assert cell.field("action").locator("option").all_inner_texts() == ["second", "first"]
    assert cell.readout("heat") == "0.70"
    lab.screenshot("form-actions-second", cell)
    cell.choose("action", "first")
    cell.field("question").wait_for()
    assert not cell.field("story").is_visible()
    cell.type("question", "why")
    lab.screenshot("form-actions-first", cell)
    cell.press("Run")
    cell.shows("{'asked': 'why'}")
    lab.screenshot("form-actions-answered", cell)


def test_a_panel_asks_which_action_too(lab: Lab) -> None:
    panel = lab.run("%compose panel two")
    panel.choose("action", "first")
    panel.type("question", "what")
    panel.press("Run")
    panel.shows("{'asked': 'what'}")
    lab.screenshot("panel-actions", panel)


def test_a_component_that_is_no_model_has_a_panel_without_one(lab: Lab) -> None:
    cell = lab.run(CUT)
    cell.type("text", "one two three four five six seven eight")
    cell.press("Run")
    cell.shows("'four five six seven'")
    assert cell.button("Unload").is_hidden()
    lab.screenshot("panel-cut", cell)


def test_the_form_still_works_after_the_page_is_reloaded(lab: Lab, story: Cell) -> None:
    story.type("prompt", "Far away")
    lab.until(f"{FIELDS}['prompt'].value", "Far away")
    lab.save()
    lab.reload()
    story.press("Run")
    story.shows("40 tokens")
    assert story.field("prompt").input_value() == "Far away"


def test_a_saved_notebook_that_somebody_else_opens_shows_what_can_be_read_without_widgets(
    lab: Lab, server: Server, browser: Browser, story: Cell
) -> None:
    answer = lab.run("story('Once there was a fox', seed=5)")
    saved = nbformat.read(lab.save(), as_version=4)
    saved.metadata["from"] = "somebody else"  # not as this server wrote it: not trusted, so no widget and no script
    nbformat.write(saved, server.notebooks / "received.ipynb")
    with tab(server, browser, "received.ipynb") as other:
        other.cell(answer.index).shows("40 tokens")
        assert other.cell(answer.index).outputs() == answer.outputs()
        card, inputs = other.cell(story.index).outputs()
        assert card == story.outputs()[0]
        assert " ".join(inputs.split()) == "input is default prompt text needed heat 0.1 to 1.5 0.7"
        other.screenshot("form-received", other.cell(story.index))
        assert other.faults() == []
