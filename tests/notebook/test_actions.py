"""A component that does several things: each is called, completed and asked for by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import mc_jupyter as mc
from mc_jupyter.notebook.form import Form
from mc_jupyter.notebook.panel.board import Panel
from tests.notebook.test_completion import offered

CELL = """%%compose two
component:
  type: model
  task: text-generation
  driver: echo
  actions:
    - {id: first, text: "${input.question as text @(description What to ask.)}", output: {asked: "${result}"}}
    - {id: second, default: true, text: "${input.story}", output: {told: "${result}", of: "${input.question | nobody}"}}
"""

Run = Callable[[str], Any]


@pytest.fixture
def two(run: Run, shell: InteractiveShell) -> mc.Handle:
    run(CELL)
    found: mc.Handle = shell.user_ns["two"]
    return found


def test_run_calls_the_default_action_or_the_one_that_is_named(run: Run, two: mc.Handle) -> None:
    assert run("%compose run two story=once") == {"told": "once", "of": "nobody"}
    assert run("%compose run two --action first question=why") == {"asked": "why"}
    assert run("%compose run two question=why --action first") == {"asked": "why"}


def test_inputs_are_those_of_the_action(run: Run, two: mc.Handle) -> None:
    error = run("%compose run two --action first story=once")
    assert isinstance(error, mc.ComposeError)
    assert str(error).splitlines()[0] == "no input 'story'"
    assert "its inputs: question" in str(error)


def test_missing_inputs_are_said_with_the_action(run: Run, two: mc.Handle) -> None:
    told = str(run("%compose run two --action first"))
    assert told.splitlines()[0] == "two needs the input 'question'"
    assert '%compose run two --action first question="…"' in told
    cell = CELL.replace("two", "--action first", 1)
    assert '%%compose --action first -i question="…"' in str(run(cell))


def test_an_action_that_there_is_not_is_the_engines_own_error(run: Run, two: mc.Handle) -> None:
    with pytest.raises(mc.ComposeError) as engine:
        two(story="once", action="frist")
    error = run("%compose run two --action frist question=why")
    assert type(error) is type(engine.value)
    assert str(error) == str(engine.value)
    assert "this component has no action 'frist'; did you mean 'first'?" in str(error)
    assert str(run(CELL.replace("two", "two --action frist", 1))) == str(error)


def test_a_cell_runs_the_action_that_its_line_names(run: Run) -> None:
    assert run(CELL.replace("two", "two --action first -i question=why", 1)) == {"asked": "why"}
    assert run(CELL.replace("two", "two -i story=once", 1)) == {"told": "once", "of": "nobody"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%compose run two --action ", ["first", "second"]),
        ("%compose run two --action f", ["first"]),
        ("%compose run two ", ["story=", "question="]),
        ("%compose run two --action first ", ["question="]),
        ("%compose run two --action second story=x ", ["question="]),
        ("%%compose two --action first -i ", ["question="]),
        ("%%compose two --action ", ["first", "second"]),
    ],
)
def test_tab_offers_the_actions_and_the_inputs_of_the_one_that_is_named(
    shell: InteractiveShell, two: mc.Handle, line: str, words: list[str]
) -> None:
    assert offered(shell, line) == words


# --- where somebody is there ------------------------------------------------------------------------------------------


@pytest.fixture
def form(run: Run, shell: InteractiveShell) -> Form:
    run("%config ComposeMagics.forms = 'always'")
    run(CELL)
    return opened(shell)


def opened(shell: InteractiveShell) -> Form:
    found: Form = shell.magics_manager.registry["ComposeMagics"].notebook.opened["two"]
    return found


def test_a_form_offers_a_choice_of_the_action_and_its_fields_follow(form: Form) -> None:
    chooser = form.inputs.chooser
    assert (chooser.options, chooser.value) == (("second", "first"), "second")
    assert list(form.fields) == ["story", "question"]
    form.fields["question"].value = "why"
    gone = form.fields["story"]
    chooser.value = "first"
    assert list(form.fields) == ["question"]
    assert form.fields["question"].value == "why"  # typed before, and of the same name
    assert gone.comm is None
    form.button.click()
    form.wait()
    (output,) = form.answer.outputs
    assert output["data"]["text/plain"] == "{'asked': 'why'}"


def test_an_empty_field_is_missed_of_the_action_that_is_chosen(form: Form) -> None:
    form.inputs.chooser.value = "first"
    form.button.click()
    form.wait()
    assert form.answer.outputs[0]["evalue"] == "two needs question"


def test_a_form_begins_at_the_action_of_the_line(run: Run, shell: InteractiveShell, form: Form) -> None:
    run("%compose run two --action first")
    assert opened(shell) is not form
    assert opened(shell).inputs.action == "first"
    assert list(opened(shell).fields) == ["question"]
    run(CELL.replace("two", "two --action first", 1))
    assert opened(shell).inputs.chooser.value == "first"


def test_readers_without_widgets_see_the_inputs_of_each_action(form: Form) -> None:
    lines = [line.split() for line in form.bundle()["text/plain"].splitlines()]
    assert ["action", "input", "is", "default"] in lines
    assert ["second", "story", "text", "needed"] in lines
    assert ["first", "question", "text", "needed", "What", "to", "ask."] in lines


def test_closing_a_form_closes_its_choice(form: Form) -> None:
    parts = [form.inputs.chooser, form.inputs.chooser.layout, form.inputs.widget, *form.fields.values()]
    form.close()
    assert [part.comm for part in parts] == [None] * len(parts)


@pytest.fixture
def board(two: mc.Handle) -> Iterator[Panel]:
    made: Panel = two.panel()
    yield made
    made.close()


def test_a_panel_calls_the_action_that_is_chosen(board: Panel) -> None:
    board.calling.inputs.chooser.value = "first"
    board.calling.fields["question"].value = "why"
    board.run_button.click()
    board.wait()
    (output,) = board.calling.answer.outputs
    assert output["data"]["text/plain"] == "{'asked': 'why'}"


def test_a_panel_that_is_made_anew_stays_at_the_action(board: Panel, two: mc.Handle) -> None:
    board.calling.inputs.chooser.value = "first"
    board.calling.fields["question"].value = "why"
    before = board.sections
    two.set(temperature="${input.heat as number | 0.7}")
    board.refresh()
    assert board.sections is not before
    assert list(board.calling.inputs.by_action) == ["second", "first"]
    assert board.calling.inputs.action == "first"
    assert board.calling.fields["question"].value == "why"


def test_a_panel_says_whose_parameters_it_shows(board: Panel) -> None:
    assert any("PARAMETERS OF SECOND" in getattr(child, "value", "") for child in board._upper.children)


# --- of which none is the default -------------------------------------------------------------------------------------

OPEN = CELL.replace("default: true, ", "")


def test_a_component_without_a_default_action_is_called_by_naming_one(run: Run, shell: InteractiveShell) -> None:
    assert run(OPEN) is None
    two = shell.user_ns["two"]
    assert two("why", action="first") == {"asked": "why"}
    assert run("%compose run two --action second story=once") == {"told": "once", "of": "nobody"}
    assert run(OPEN.replace("two", "two --action first -i question=why", 1)) == {"asked": "why"}


@pytest.mark.parametrize(
    "line", ["two('why')", "%compose run two question=why", "two.stream('why')", "two.map(['why'])", "two()"]
)
def test_a_call_that_names_none_is_told_which_there_are(run: Run, line: str) -> None:
    run(OPEN)
    error = run(line)
    assert isinstance(error, mc.UnknownName)
    assert "this component has 2 actions, and none is marked as the default" in str(error)
    assert "first or second" in str(error)


def test_a_cell_that_is_to_run_now_names_one(run: Run) -> None:
    assert isinstance(run(OPEN.replace("two", "two -i question=why", 1)), mc.UnknownName)
    assert isinstance(run(OPEN.replace(" two", "", 1)), mc.UnknownName)


def test_its_form_and_panel_offer_the_choice(run: Run, shell: InteractiveShell) -> None:
    run("%config ComposeMagics.forms = 'always'")
    run(OPEN)
    assert opened(shell).inputs.chooser.options == ("first", "second")
    panel: Panel = shell.user_ns["two"].panel()
    assert panel.calling.inputs.chooser.options == ("first", "second")
    panel.close()


def test_its_card_says_how_to_call_it(run: Run, shell: InteractiveShell) -> None:
    run(OPEN)
    assert ("call it", 'two("…", action="first")') in shell.user_ns["two"].card()
