"""Cells and lines in a shell of this process."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from mc_jupyter import catalog, drivers
from mc_jupyter.errors import InputError, Offline, RunError, SpecError, UnknownName
from tests import models
from tests.conftest import cell as component
from tests.notebook.conftest import LABEL

Run = Callable[[str], Any]

TEXT = """component:
  type: model
  task: text-generation
  driver: echo
  text: {text}
"""


def test_a_named_cell_defines_a_function(run: Run, shell: InteractiveShell) -> None:
    run(LABEL)
    assert shell.user_ns["sentiment"]("I love it")["label"] in ("NEGATIVE", "POSITIVE")


def test_the_same_cell_again_loads_nothing(run: Run, shell: InteractiveShell) -> None:
    run(LABEL)
    session = shell.magics_manager.registry["ComposeMagics"].notebook.session
    loads = session.loads
    run(LABEL)
    assert session.loads == loads == 1


def test_a_cell_that_needs_no_input_runs(run: Run) -> None:
    assert run("%%compose poem\n" + TEXT.format(text="roses are red")) == "roses are red"


def test_a_body_that_ends_with_a_semicolon_is_content(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("%%compose poem\n" + TEXT.format(text="roses are red;")) == "roses are red;"
    assert "roses are red;" in capsys.readouterr().out


def test_braces_and_dollars_of_the_body_and_of_the_line_are_not_expanded(run: Run, shell: InteractiveShell) -> None:
    shell.user_ns["x"] = "EXPANDED"
    assert run('%%compose poem -i text="{x} $x ${x} {{"\n' + TEXT.format(text="${input.text}")) == "{x} $x ${x} {{"
    assert run('%compose run poem text="{x} $x ${x} {{"') == "{x} $x ${x} {{"


def test_a_python_variable_is_an_input_with_its_type(run: Run, shell: InteractiveShell) -> None:
    shell.user_ns["text"] = ["one", "two"]
    shell.user_ns["review"] = "three"
    assert run("%%compose poem -i text\n" + TEXT.format(text="${input.text}")) == ["one", "two"]
    assert run("%compose run poem text:=review") == "three"


def test_out_keeps_the_result_in_a_variable_and_shows_nothing(run: Run, shell: InteractiveShell, capsys: Any) -> None:
    assert run("%%compose poem -o answer\n" + TEXT.format(text="a secret smile")) is None
    assert shell.user_ns["answer"] == "a secret smile"
    assert "smile" not in capsys.readouterr().out


def test_a_semicolon_on_the_line_shows_nothing_and_still_gives_the_value(
    run: Run, shell: InteractiveShell, capsys: Any
) -> None:
    run("%%compose poem\n" + TEXT.format(text="${input.text}"))
    capsys.readouterr()
    run("answer = %compose run poem text='a b';")
    assert shell.user_ns["answer"] == "a b"
    assert capsys.readouterr().out == ""


def test_an_answer_is_shown_once_and_is_the_value_of_the_line(run: Run, capsys: Any) -> None:
    run("%%compose poem\n" + TEXT.format(text="${input.text}"))
    capsys.readouterr()
    assert run("%compose run poem text=swallows") == "swallows"
    assert capsys.readouterr().out.count("swallows") == 1


def test_a_later_cell_shows_equal_values_as_usual(run: Run, capsys: Any) -> None:
    run("%%compose poem\n" + TEXT.format(text="${input.text}"))
    run("x = %compose run poem text=swallows")
    capsys.readouterr()
    run("x")
    assert "swallows" in capsys.readouterr().out


def test_a_missing_input_of_an_unnamed_cell_is_named_when_nobody_can_fill_in_a_form(run: Run) -> None:
    error = run("%%compose\n" + TEXT.format(text="${input.story}"))
    assert isinstance(error, InputError)
    assert "needs the input 'story'" in str(error)
    assert "%%compose -i story=" in str(error)


def test_a_named_cell_with_missing_inputs_shows_its_card(run: Run, capsys: Any) -> None:
    assert run(LABEL) is None
    shown = capsys.readouterr().out
    assert "text-classification" in shown
    assert 'sentiment("…")' in shown


def test_a_line_with_missing_inputs_says_how_to_give_them(run: Run) -> None:
    run(LABEL)
    error = run("%compose run sentiment")
    assert isinstance(error, InputError)
    assert '%compose run sentiment text="…"' in str(error)


def test_lines_in_errors_count_from_the_magic(run: Run) -> None:
    error = run("%%compose poem\ncomponent:\n  type: model\n  tsak: text-generation\n")
    assert isinstance(error, SpecError)
    assert "line 4: unknown key 'tsak'" in str(error)


def test_an_error_leaves_earlier_components_as_they_were(run: Run, shell: InteractiveShell) -> None:
    run(LABEL)
    assert isinstance(run("%%compose sentiment\ncomponent: {type: modle}"), SpecError)
    assert shell.user_ns["sentiment"]("hello")["label"]


@pytest.mark.parametrize(
    ("cell", "error", "says"),
    [
        ("%compose rnu", UnknownName, "did you mean 'run'?"),
        ("%compose run sentimnt text=a", UnknownName, "did you mean 'sentiment'?"),
        ("%compose show sentiment --yml", UnknownName, "did you mean '--yaml'?"),
        ("%%compose poem --devise cpu\ncomponent: {}", UnknownName, "did you mean '--device'?"),
        ("%%compose a b\ncomponent: {}", InputError, "what is 'b' for?"),
        ("%%compose my-poem\ncomponent: {}", InputError, "call it my_poem"),
        ("%%compose run\ncomponent: {}", UnknownName, "is a word of %compose"),
        ("%%compose print\ncomponent: {}", InputError, "print is Python's own"),
        ("%%compose poem --save no/such/x.yml\n" + TEXT.format(text="a"), InputError, "cannot write no/such/x.yml"),
        (
            "%%compose poem --precision fp17\n" + TEXT.format(text="a"),
            InputError,
            "--precision is 'fp17', which is not",
        ),
        (
            "%%compose k --seed 3\ncomponent: {type: model, task: text-embedding, driver: echo}",
            InputError,
            "--seed has no",
        ),
        ("%compose run sentiment text=I love it", InputError, "→ text='I love it'"),
        ("%compose pull owner/model", Offline, "owner/model"),
        ("%%compose poem\n   \n# nothing\n", InputError, "the cell is empty"),
        ("%compose load sentimnt.yml", InputError, "cannot read"),
        ("%compose run sentiment text=a -o my-answer", InputError, "call it my_answer"),
        ("%compose load a.yml --name class", InputError, "cannot be a variable's name"),
        ("%compose unload", InputError, "a name, or --all"),
        ("%compose schema text-generation.temprature", UnknownName, "did you mean 'temperature'?"),
        ("%compose help rum", UnknownName, "did you mean 'run'?"),
    ],
)
def test_what_is_wrong_on_a_line_is_said_with_a_way_out(run: Run, cell: str, error: type, says: str) -> None:
    run(LABEL)
    found = run(cell)
    assert type(found) is error
    assert says in str(found)


def test_a_mistyped_input_is_found_before_anything_is_loaded(run: Run, shell: InteractiveShell) -> None:
    error = run(LABEL.replace("%%compose sentiment", "%%compose sentiment -i txet=hello"))
    assert "did you mean 'text'?" in str(error)
    assert shell.magics_manager.registry["ComposeMagics"].notebook.session.loads == 0


def test_a_note_that_the_card_shows_is_not_said_again_under_it(run: Run, tmp_path: Path) -> None:
    from IPython.utils.capture import capture_output

    headless = models.encoder(tmp_path / "headless")
    with capture_output() as shown:
        run("%%compose judge\n" + component("text-classification", headless))
    told = "".join(shown.stdout) + "".join(str(one.data.get("text/plain", "")) for one in shown.outputs)
    assert told.count("has no trained classifier") == 1


def test_check_loads_nothing(run: Run, shell: InteractiveShell) -> None:
    made = run(LABEL.replace("%%compose sentiment", "%%compose sentiment --check"))
    assert made.component.task.name == "text-classification"
    assert "sentiment" not in shell.user_ns
    assert shell.magics_manager.registry["ComposeMagics"].notebook.session.loads == 0


def test_flags_stand_for_what_the_cell_does_not_say(run: Run, shell: InteractiveShell) -> None:
    error = run(LABEL.replace("%%compose sentiment", "%%compose sentiment --device cuda:99"))
    assert "cuda:99" in str(error)


def test_a_cell_is_saved_and_read_again(
    run: Run, shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "sentiment.yml"
    run(LABEL.replace("%%compose sentiment", f'%%compose sentiment --save "{file}"'))
    assert file.read_text() == LABEL.partition("\n")[2]
    assert run(f'%%compose again --file "{file}" -i text=hello\n\n')["label"]
    assert run(f'%compose load "{file}" --name third').name == "third"
    assert shell.user_ns["third"]("hello")["label"]


def test_a_file_and_a_body_are_not_both_documents(run: Run) -> None:
    assert "both hold a document" in str(run("%%compose a --file b.yml\ncomponent: {}"))


def test_every_word_of_help_has_one_and_answers(run: Run) -> None:
    from mc_jupyter.notebook.commands import COMMANDS

    shown = repr(run("%compose help"))
    for word, command in COMMANDS.items():
        assert command.summary
        assert f"%compose {word}" in shown
        assert command.summary in repr(run(f"%compose help {word}"))


def test_the_looking_words_answer(run: Run) -> None:
    run(LABEL)
    assert "sentiment" in repr(run("%compose ls"))
    assert run("%compose show sentiment --yaml").text == LABEL.partition("\n")[2].rstrip()
    assert run("%compose show sentiment").name == "sentiment"
    assert run("%compose check sentiment").component
    assert "image-generation by diffusers" in run("%compose check starter:shapes").lines()[0]
    assert "text-generation by transformers" in run("%compose check starter:stories").lines()[0]
    assert run("%compose mem").residents
    assert "a number from 0 to 2" in repr(run("%compose schema text-generation.temperature"))
    assert "text-embedding" in repr(run("%compose schema"))
    assert "a whole number from 8 to 16384" in repr(run("%compose schema image-generation.width"))
    assert "free of" in repr(run("%compose doctor"))


def test_pull_says_what_is_on_this_disk_and_loads_nothing(
    run: Run, shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "vector.yml"
    file.write_text("component: {type: model, task: text-embedding, model: 'starter:embedding'}")
    assert "starter:embedding" in repr(run(f"%compose pull {file}"))
    run(LABEL)
    assert "nothing to download" in repr(run("%compose pull sentiment"))
    assert [r.subject for r in run("%compose mem").residents] == ["echo"]


@pytest.mark.parametrize("name", ["x" * 300, "a=1" * 100, "~nobody-of-that-name"])
def test_a_word_that_no_file_can_be_called_is_an_unknown_name(run: Run, name: str) -> None:
    assert isinstance(run(f"%compose check {name}"), UnknownName)


def test_unload_gives_memory_back_and_the_next_call_loads_again(run: Run, shell: InteractiveShell) -> None:
    run(LABEL)
    assert "sentiment" in repr(run("%compose unload sentiment"))
    assert shell.user_ns["sentiment"].facts() is None
    assert run("%compose run sentiment text=hello")["label"]
    run("%compose pin sentiment")
    assert "pinned" in repr(run("%compose ls"))
    run("%compose unload --all")
    assert run("%compose mem").residents == ()


def test_help_of_the_magic_is_about_compose(shell: InteractiveShell) -> None:
    text = shell.find_cell_magic("compose").__doc__
    assert "%compose [-i KEY=VALUE]" in text
    assert "--quantization" in text


def test_config_lists_the_traits_and_full_tracebacks_show_frames(run: Run, capsys: Any) -> None:
    run("%config ComposeMagics.full_tracebacks = True")
    run("%compose rnu")
    shown = capsys.readouterr()
    assert "commands.py" in shown.out + shown.err
    run("%config ComposeMagics.full_tracebacks = False")
    run("%compose rnu")
    shown = capsys.readouterr()
    assert "commands.py" not in shown.out + shown.err
    assert "did you mean 'run'?" in shown.out + shown.err


def test_settings_may_stand_in_ipythons_configuration() -> None:
    InteractiveShell.clear_instance()
    config = Config()
    config.ComposeMagics.forms = "never"
    config.ComposeMagics.memory = {"cpu": "8 GB"}
    shell = InteractiveShell.instance(config=config)
    shell.run_line_magic("load_ext", "mc_jupyter")
    notebook = shell.magics_manager.registry["ComposeMagics"].notebook
    assert not notebook.interactive
    assert notebook.session.limits == {"cpu": 8_000_000_000}
    notebook.close()
    InteractiveShell.clear_instance()


class Weights:
    """Stands for a tensor: something a traceback could keep alive."""


FAILING = '''
"""Fails with a tensor at hand."""
from mc_jupyter.drivers import Driver, Facts
from tests.notebook.test_magics import Weights, note

class Failing(Driver):
    """Fails."""

    words = ("failing",)
    needs_weights = False

    @classmethod
    def recipe(cls, task):
        return "perform"

    @classmethod
    def load(cls, plan, checkpoint, run):
        return cls()

    def perform(self, task, call):
        tensor = Weights()
        note(tensor)
        raise ValueError("no such kernel image")

    def facts(self):
        return Facts(device="cpu", dtype="float32", bytes=0)
'''

SEEN: list[weakref.ref[Weights]] = []


def note(tensor: Weights) -> None:
    SEEN.append(weakref.ref(tensor))


def test_after_a_failure_no_traceback_keeps_a_tensor_alive(run: Run, tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(FAILING)
    drivers.__path__.append(str(tmp_path))
    catalog.forget()
    try:
        error = run("%%compose bad -i text=hello\n" + TEXT.format(text="${input.text}").replace("echo", "failing"))
        assert isinstance(error, RunError)
        gc.collect()
        assert SEEN
        assert sys.last_value is error
        assert all(ref() is None for ref in SEEN)
    finally:
        drivers.__path__.remove(str(tmp_path))
        catalog.forget()


def test_errors_of_the_users_own_code_are_not_ours_to_hide(run: Run) -> None:
    assert isinstance(run("1/0"), ZeroDivisionError)


def test_loading_a_file_of_several_components_defines_each_that_can_run(
    run: Run, shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "model-compose.yml"
    file.write_text(
        "controller: {type: http-server, port: 8080}\n"
        "workflow: {title: t, jobs: [{id: a, component: writer}]}\n"
        "components:\n"
        "  - {id: writer, type: model, task: text-generation, driver: echo}\n"
        "  - {id: caller, type: http-client, endpoint: 'http://localhost:1/'}\n"
    )
    table = run(f"%compose load {file}")
    assert shell.user_ns["writer"]("hi") == "hi"
    assert "does not run it yet" in str(table)
    assert "does not run them" in str(table)
    assert "caller" not in shell.user_ns


def test_several_components_are_unloaded_in_one_line(run: Run, shell: InteractiveShell) -> None:
    for name in ("one", "two"):
        run(f"%%compose {name} -i text=a\n" + TEXT.format(text="${input.text as text}"))
    assert "given back" in repr(run("%compose unload one two"))
    assert isinstance(run("%compose unload one three"), UnknownName)


@pytest.mark.parametrize("limits", ["{'gpu': '1 GB'}", "{'cpu': 'much'}"])
def test_a_memory_limit_that_limits_nothing_is_refused(run: Run, limits: str) -> None:
    from traitlets import TraitError

    run("%config ComposeMagics.memory = {'cpu': '8 GB'}")
    assert isinstance(run(f"%config ComposeMagics.memory = {limits}\n%compose ls"), TraitError)


def test_blanks_around_the_equals_sign_are_said(run: Run) -> None:
    run("%%compose one -i text=a\n" + TEXT.format(text="${input.text as text}"))
    error = run("%compose set one temperature = 0.5")
    assert isinstance(error, InputError)
    assert "no blanks" in str(error)


@pytest.mark.parametrize(
    ("line", "paste"),
    [
        ("ps", "%compose ls"),
        ("list", "%compose ls"),
        ("rm two", "%compose unload two"),
        ("down", "%compose unload --all"),
        ("exec two text='a b'", "%compose run two 'text=a b'"),
        ("download a/b", "%compose pull a/b"),
        ("memory", "%compose mem"),
    ],
)
def test_a_word_of_another_program_is_answered_by_ours(run: Run, line: str, paste: str) -> None:
    error = run(f"%compose {line}")
    assert isinstance(error, UnknownName)
    assert error.problems[0].fix == paste


def test_a_component_in_the_place_of_a_word_is_run(run: Run) -> None:
    run("%%compose mine\ncomponent:\n  type: model\n  task: text-generation\n  driver: echo\n")
    error = run("%compose mine prompt=once")
    assert isinstance(error, UnknownName)
    assert error.problems[0].fix == "%compose run mine prompt=once"


def test_an_input_without_its_flag_is_given_back_with_it(run: Run) -> None:
    error = run("%%compose mine text='a b'\ncomponent:\n  type: model\n  task: text-generation\n  driver: echo\n")
    assert isinstance(error, InputError)
    assert error.problems[0].fix == "an input: -i 'text=a b'"
