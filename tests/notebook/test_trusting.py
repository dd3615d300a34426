"""The user's word in a notebook: asked for by an error and a button, given by a line, listed and taken back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from mc_jupyter.errors import InputError, NeedsWord
from mc_jupyter.notebook.word import Offer
from mc_jupyter.trust.secrets import Secret
from tests.notebook.conftest import Kernel
from tests.trust.test_secrets import CANARY

Run = Callable[[str], Any]

CELL = """%%compose poem
component:
  type: model
  driver: echo
  text: like a ${env.STYLE}
"""


@pytest.fixture(autouse=True)
def _nothing_said_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("STYLE", "pirate")


@pytest.fixture
def attended(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is there, and says yes when he is asked."""
    run("%config ComposeMagics.forms = 'always'")
    monkeypatch.setattr("builtins.input", lambda question: "yes")


def offered(shell: InteractiveShell) -> Offer:
    found: Offer = shell.magics_manager.registry["ComposeMagics"].notebook.opened["a word"]
    return found


@pytest.mark.usefixtures("attended")
def test_a_cell_asks_once_and_the_line_of_its_error_answers(run: Run) -> None:
    asked = run(CELL)
    assert isinstance(asked, NeedsWord)
    assert "line 5: this cell wants the environment variable STYLE for its field text, shown to whoever reads" in str(
        asked
    )
    line = next(line.strip(" →") for line in str(asked).splitlines() if "%compose trust" in line)
    assert "allowed from now on" in repr(run(line))
    assert run(CELL) == "like a pirate"


@pytest.mark.usefixtures("attended")
def test_a_line_is_no_word_before_somebody_has_said_yes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run(CELL)
    questions: list[str] = []
    monkeypatch.setattr("builtins.input", lambda question: questions.append(question) or "no")  # type: ignore[func-returns-value]
    assert "not allowed" in repr(run("%compose trust STYLE"))
    assert re.search(r"STYLE +text +like a .* this folder +whoever reads the notebook", questions[0])
    assert isinstance(run(CELL), NeedsWord)


@pytest.mark.usefixtures("attended")
def test_the_button_gives_the_word_and_shows_what_it_is_for(run: Run, shell: InteractiveShell) -> None:
    run(CELL)
    offer = offered(shell)
    shown = offer.bundle()
    assert "STYLE" in shown["text/plain"]
    assert "whoever reads the notebook" in shown["text/plain"]
    offer.button.click()
    assert offer.button.disabled
    assert run(CELL) == "like a pirate"


@pytest.mark.usefixtures("attended")
def test_what_is_allowed_is_listed_and_taken_back(run: Run) -> None:
    assert "nothing else of the environment" in repr(run("%compose trust"))
    run(CELL)
    run("%compose trust STYLE")
    run("%config ComposeMagics.env = ['DB_*']")
    listed = repr(run("%compose trust"))
    assert "STYLE" in listed
    assert "your word, " in listed
    assert "DB_*" in listed
    assert "STYLE" in repr(run("%compose trust --revoke STYLE"))
    assert isinstance(run(CELL), NeedsWord)


@pytest.mark.usefixtures("attended")
def test_no_word_is_given_that_nobody_asked_for(run: Run) -> None:
    refused = run("%compose trust DB_PASS")
    assert isinstance(refused, InputError)
    assert "no cell has asked for 'DB_PASS'" in str(refused)


@pytest.mark.usefixtures("attended")
def test_a_component_is_nothing_to_trust_but_what_it_asked_for_is(run: Run) -> None:
    run(CELL.replace("like a ${env.STYLE}", "${input.x as text} ${env.STYLE}"))
    refused = run("%compose trust poem")
    assert isinstance(refused, InputError)
    assert "poem is a component" in str(refused)
    assert "ComposeMagics" not in str(refused)
    run("poem('x')")
    assert "what was asked for is STYLE" in str(run("%compose trust poem"))


@pytest.mark.usefixtures("attended")
def test_a_call_in_a_cell_of_python_offers_the_button_under_its_error(run: Run, shell: InteractiveShell) -> None:
    run(CELL.replace("like a ${env.STYLE}", "${input.x as text} ${env.STYLE}"))
    assert isinstance(run("poem('a')"), NeedsWord)
    offer = offered(shell)
    assert offer.button.description == "Let this cell read STYLE"
    offer.button.click()
    assert offer.button.description == "Allowed: run the cell again"
    assert run("poem('a')") == "a pirate"


def test_in_a_real_kernel_the_button_stands_under_the_error_of_a_call_and_of_a_cell(kernel: Kernel) -> None:
    kernel.run("import os; os.environ['TONE'] = 'sad'")
    asking = CELL.replace("like a ${env.STYLE}", "${input.x as text} ${env.TONE}")
    kernel.run(asking)
    for cell in ("poem('a')", asking.replace("poem", "poem -i x=a")):
        *_, error, question = kernel.run(cell, allow_stdin=True).outputs()  # after what says how it was loaded
        assert error["ename"] == "NeedsWord"
        assert "%compose trust TONE" in error["evalue"]
        assert "application/vnd.jupyter.widget-view+json" in question["data"]
        *_, unattended = kernel.run(cell).outputs()
        assert "MC_JUPYTER_ENV=TONE" in unattended["evalue"]


@pytest.mark.usefixtures("attended")
def test_a_question_that_a_cell_of_python_answers_itself_shows_no_button(run: Run, shell: InteractiveShell) -> None:
    run(CELL.replace("like a ${env.STYLE}", "${input.x as text} ${env.STYLE}"))
    assert run("try:\n    poem('a')\nexcept Exception:\n    pass") is None
    assert "a word" not in shell.magics_manager.registry["ComposeMagics"].notebook.opened


@pytest.mark.usefixtures("attended")
def test_a_panels_run_offers_the_button_under_its_error(run: Run) -> None:
    run(CELL.replace("like a ${env.STYLE}", "${input.x as text} ${env.STYLE}"))
    panel = run("poem.panel()")
    calling = panel.sections.calling
    calling.fields["x"].value = "a"
    panel.run_button.click()
    panel.wait(10)
    error, question = calling.answer.outputs
    assert "STYLE" in error["evalue"]
    assert "application/vnd.jupyter.widget-view+json" in question["data"]
    calling._answer.offer.button.click()
    panel.run_button.click()
    panel.wait(10)
    assert "a pirate" in json.dumps(calling.answer.outputs, default=str)


@pytest.mark.usefixtures("attended")
def test_the_button_for_files_says_what_it_does(run: Run, shell: InteractiveShell) -> None:
    run(CELL.replace("like a ${env.STYLE}", "hello") + "  allow_paths: true\n  allow_urls: true\n")
    assert offered(shell).button.description == "Let this cell read any file of this disk and any public address"


@pytest.mark.usefixtures("attended")
def test_the_list_says_what_each_word_covers(run: Run) -> None:
    run(CELL)
    run("%compose trust STYLE")
    table = run("%compose trust")
    (row,) = table.rows
    assert table.columns == ("what", "for", "written", "where", "goes to", "by")
    assert row[:5] == ("STYLE", "text", "like a ${env.STYLE}", "this folder", "whoever reads the notebook")
    assert re.fullmatch(r"your word, \d{4}-\d\d-\d\d \d\d:\d\d", row[5])


@pytest.mark.usefixtures("attended")
def test_what_configuration_allows_is_taken_back_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MC_JUPYTER_ENV", "LOUD")
    run("%config ComposeMagics.env = ['MY_*']")
    run("%config ComposeMagics.allow_paths = True")
    listed = run("%compose trust")
    assert [row[0] for row in listed.rows] == ["MY_*", "allow_paths", "LOUD"]
    assert "--revoke" not in repr(listed)
    for name, way in (
        ("MY_*", "%config ComposeMagics.env = "),
        ("allow_paths", "%config ComposeMagics.allow_paths = False"),
        ("LOUD", "start the notebook without it"),
    ):
        refused = run(f"%compose trust --revoke {name}")
        assert isinstance(refused, InputError)
        assert "and not by your word" in str(refused)
        assert way in str(refused)


def test_where_nobody_is_there_an_error_names_what_works_there(run: Run) -> None:
    asked = str(run(CELL))
    assert "MC_JUPYTER_ENV=STYLE where the notebook is started" in asked
    assert "%config ComposeMagics.env" in asked
    assert "%compose trust" not in asked
    reading = CELL.replace("like a ${env.STYLE}", "hello") + "  allow_paths: true\n"
    asked = str(run(reading))
    assert "%compose trust" not in asked
    assert "%config ComposeMagics.allow_paths = True" in asked
    refused = run("%compose trust allow_paths STYLE")
    assert isinstance(refused, NeedsWord)
    assert "MC_JUPYTER_ENV=STYLE" in str(refused)
    assert "MC_JUPYTER_ENV=allow" not in str(refused)
    assert "no cell has asked for 'capb'" in str(run("%compose trust capb"))
    run("%config ComposeMagics.allow_paths = True")
    assert run(reading) == "hello"


def test_where_nobody_is_there_no_word_is_given(run: Run, shell: InteractiveShell) -> None:
    assert isinstance(run(CELL), NeedsWord)
    assert "a word" not in shell.magics_manager.registry["ComposeMagics"].notebook.opened
    refused = run("%compose trust STYLE")
    assert isinstance(refused, NeedsWord)
    assert "MC_JUPYTER_ENV=STYLE" in str(refused)
    assert isinstance(run(CELL), NeedsWord)


def test_configuration_allows_names_before_and_after_the_session_is_there(run: Run) -> None:
    run("%config ComposeMagics.env = ['ST*']")
    assert run(CELL) == "like a pirate"
    run("%config ComposeMagics.env = []")
    assert isinstance(run(CELL), NeedsWord)


@pytest.mark.usefixtures("attended")
def test_a_form_and_a_panel_show_no_variable_and_their_runs_ask(run: Run, shell: InteractiveShell) -> None:
    run("%config ComposeMagics.env = ['MY_TOKEN']")
    text = CELL.replace("like a ${env.STYLE}", "${input.style as text | ${env.STYLE}} ${input.more as text}")
    run(text)
    notebook = shell.magics_manager.registry["ComposeMagics"].notebook
    form = notebook.opened["poem"]
    assert [field.value for field in form.fields.values()] == ["", ""]
    form.fields["more"].value = "x"
    form.button.click()
    form.wait(10)
    error, question = form.answer.outputs
    assert "STYLE" in error["evalue"]
    assert "whoever reads the notebook" in question["data"]["text/plain"]
    form._answer.offer.button.click()
    form.button.click()
    form.wait(10)
    assert "pirate x" in json.dumps(form.answer.outputs, default=str)


@pytest.mark.usefixtures("attended")
def test_checking_showing_and_setting_show_no_value(
    run: Run, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STYLE", CANARY)
    monkeypatch.setenv("MY_TOKEN", CANARY)
    run("%config ComposeMagics.env = ['*']")
    wanting = CELL + "  model: {repository: a/b, token: '${env.MY_TOKEN}'}\n  keep_alive: ${env.MY_TOKEN}\n"
    for line in (
        CELL, wanting, wanting.replace("poem", "poem --check"), wanting + "  preload: false\n", "%compose ls",
        CELL.replace("like a ${env.STYLE}", "hi").replace("poem", "poem -i x=1"), "%compose show poem", "%compose mem",
        "%compose show poem --yaml", "%compose check poem", "%compose set poem temperature=0.5", "%compose panel poem",
        "%compose trust", "%compose compare poem temperature=0.1,0.2", "%tb", "Out", "_", "In",
    ):  # fmt: skip
        assert "canary" not in repr(run(line)), line
    assert "canary" not in "".join(capsys.readouterr())
    assert "canary" not in json.dumps({k: repr(v) for k, v in shell.user_ns.items() if k not in ("os", "In")})


@pytest.mark.parametrize("kind", ["ValueError", "ComposeError"])
def test_a_whole_traceback_shows_values_but_no_secret(
    run: Run, shell: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from mc_jupyter import notebook
    from mc_jupyter.errors import ComposeError

    def failing(*args: object) -> None:
        text, other = secret.reveal(), "shown"
        raise {"ValueError": ValueError, "ComposeError": ComposeError}[kind](text + other)

    secret = Secret(CANARY)
    monkeypatch.setattr(notebook.cells, "_new_name", failing)
    run("%config ComposeMagics.full_tracebacks = True")
    run("%xmode Verbose")
    shell.run_cell(CELL)
    shell.run_cell("%tb")
    told = "".join(capsys.readouterr())
    assert "shown" in told
    assert "canary" not in told
