"""Panels used without a front-end: widgets are set and clicked, models are real and small."""

from __future__ import annotations

import gc
import sys
import textwrap
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ipywidgets
import pytest
from IPython.core.interactiveshell import InteractiveShell
from ipywidgets.widgets.widget import _instances

import mc_jupyter as mc
from mc_jupyter import catalog
from mc_jupyter.components.model.loading import LoadedModel
from mc_jupyter.document import plan
from mc_jupyter.engine import Engine
from mc_jupyter.notebook import panel as panels
from mc_jupyter.notebook.panel import settings
from mc_jupyter.notebook.panel.board import Panel
from mc_jupyter.notebook.panel.controls import Fixed, Slider, Typed, Words
from tests.notebook.conftest import until

STORY = """component:
  type: model
  task: text-generation
  model: {model}
  text: ${{input.text as text}}
  params:
    temperature: 0.8   # free
    max_output_length: 6
    top_k: ${{input.k as integer | 40}}
"""
PIRATE = """component:
  type: model
  task: text-generation
  model: starter:stories
  text: ${input.text as text}
  peft_adapters:
    - {name: pirate, model: "starter:stories-pirate", weight: 0.5}   # arr
  max_output_length: 6
"""


@pytest.fixture(autouse=True)
def no_widget_stays() -> Iterator[None]:
    """Every test closes its panels, and nothing of them is left."""
    before = set(_instances)
    yield
    assert {type(w).__name__ for key, w in _instances.items() if key not in before} == set()


@pytest.fixture
def story(session: mc.Session, llama: Path) -> mc.Handle:
    return session.load(STORY.format(model=llama), "story")


@pytest.fixture
def board(story: mc.Handle, session: mc.Session) -> Iterator[Panel]:
    yield story.panel()
    panels.close(session)


# --- choosing ---------------------------------------------------------------------------------------------------------


def test_controls_begin_at_what_the_cell_says(board: Panel) -> None:
    kinds = {name: type(board.controls[name]) for name in ("device", "temperature", "max_output_length", "top_k")}
    assert list(kinds.values()) == [Words, Slider, Typed, Fixed]
    assert board.controls["temperature"].value == 0.8
    assert board.controls["max_output_length"].value == 6
    assert board.controls["precision"].value == "auto"
    assert board.controls["do_sample"].value is None
    assert "${input.k as integer | 40}" in board.controls["top_k"].field.value  # type: ignore[attr-defined]


def test_a_parameter_is_applied_at_once_and_the_comments_stay(board: Panel, story: mc.Handle, session: Any) -> None:
    board.controls["temperature"].field.value = 0.3  # type: ignore[attr-defined]
    assert "    temperature: 0.3   # free\n" in story.text
    assert board.pending == {}
    assert session.loads == 1


def test_a_cold_change_waits_for_apply(board: Panel, story: mc.Handle) -> None:
    before = story.text
    board.controls["precision"].buttons["bfloat16"].value = True  # type: ignore[attr-defined]
    assert board.pending == {"precision": "bfloat16"}
    assert story.text == before
    assert str(story.change(precision="bfloat16")) in board.waiting.words.value
    assert board.waiting.apply.disabled is False
    board.waiting.apply.click()
    board.wait()
    assert story.facts().dtype == "bfloat16"
    assert "precision: bfloat16" in story.text
    assert board.pending == {}
    assert "bfloat16" in board.status.value


def test_several_changes_that_wait_are_one_change(board: Panel, story: mc.Handle) -> None:
    board.controls["precision"].buttons["bfloat16"].value = True  # type: ignore[attr-defined]
    board.controls["device"].buttons["cpu"].value = True  # type: ignore[attr-defined]
    assert "device: cpu" in story.text  # it changes nothing that is loaded
    board.controls["device_mode"].buttons["auto"].value = True  # type: ignore[attr-defined]
    assert board.pending == {"precision": "bfloat16", "device_mode": "auto"}
    board.waiting.apply.click()
    board.wait()
    assert board.pending == {}
    assert "device_mode: auto" in story.text
    assert "precision: bfloat16" in story.text


def test_discard_lets_go_of_what_waits(board: Panel, story: mc.Handle) -> None:
    before = story.text
    board.controls["precision"].buttons["bfloat16"].value = True  # type: ignore[attr-defined]
    board.waiting.discard.click()
    assert board.pending == {}
    assert story.text == before
    assert board.controls["precision"].value == "auto"


def test_choosing_what_there_is_takes_a_choice_back(board: Panel) -> None:
    board.controls["precision"].buttons["bfloat16"].value = True  # type: ignore[attr-defined]
    board.controls["precision"].buttons["auto"].value = True  # type: ignore[attr-defined]
    assert board.pending == {}


def test_pressing_the_chosen_word_again_leaves_it_chosen(board: Panel, story: mc.Handle) -> None:
    before = story.text
    board.controls["precision"].buttons["auto"].value = False  # type: ignore[attr-defined]
    assert board.controls["precision"].value == "auto"
    assert story.text == before


def test_while_nothing_is_loaded_every_change_is_applied_at_once(board: Panel, story: mc.Handle) -> None:
    board.unload_button.click()
    board.controls["precision"].buttons["bfloat16"].value = True  # type: ignore[attr-defined]
    assert "precision: bfloat16" in story.text
    assert board.pending == {}
    assert story.facts() is None


def test_what_this_machine_cannot_do_is_disabled_with_the_reason(board: Panel) -> None:
    mps = board.controls["device"].buttons["mps"]  # type: ignore[attr-defined]
    assert mps.disabled
    assert "on this machine" in mps.tooltip
    assert "mps" in board.controls["device"].hint.text
    assert not board.controls["device"].buttons["cpu"].disabled  # type: ignore[attr-defined]


def test_a_wrong_value_is_said_under_its_control_as_the_cell_says_it(board: Panel, story: mc.Handle) -> None:
    before, field = story.text, board.controls["max_output_length"].field  # type: ignore[attr-defined]
    for typed in ("-3", "many"):
        with pytest.raises(mc.ComposeError) as cell:
            story.change(max_output_length=-3 if typed == "-3" else typed)
        field.value = typed
        assert cell.value.problems[0].message in board.controls["max_output_length"].error.text.replace("&#x27;", "'")
        assert field.value == typed
        assert story.text == before
    field.value = "5"
    assert board.controls["max_output_length"].error.text == ""
    assert "max_output_length: 5\n" in story.text


def test_what_is_possible_once_another_field_has_changed_is_then_set(board: Panel, story: mc.Handle) -> None:
    board.controls["do_sample"].buttons[False].value = True  # type: ignore[attr-defined]
    assert "temperature has no effect" in board.controls["do_sample"].error.text
    assert board.controls["do_sample"].value is False
    board.choose("top_k", None)
    board.controls["temperature"].reset.click()
    assert board.controls["do_sample"].error.text == ""
    assert "do_sample: false" in story.text
    assert "temperature" not in story.text


def test_an_empty_field_and_the_button_beside_it_are_the_default(board: Panel, story: mc.Handle) -> None:
    board.controls["max_output_length"].field.value = ""  # type: ignore[attr-defined]
    assert "max_output_length" not in story.text
    board.controls["temperature"].reset.click()
    assert "temperature" not in story.text
    assert board.controls["temperature"].value == 0.7


def test_fields_that_are_asked_for_rarely_are_made_when_they_are_opened(board: Panel, story: mc.Handle) -> None:
    assert "num_beams" not in board.controls
    board.sections.fold.selected_index = 0
    board.controls["num_beams"].field.value = 2  # type: ignore[attr-defined]
    assert "num_beams: 2" in story.text
    board.sections.fold.selected_index = 1
    seq2seq = board.controls["architecture"].buttons["seq2seq"]  # type: ignore[attr-defined]
    assert seq2seq.disabled
    assert "causal" in seq2seq.tooltip


def test_a_new_field_of_a_new_task_gets_a_control(
    session: mc.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mc_jupyter.tasks

    (tmp_path / "made_for_panel.py").write_text(
        textwrap.dedent('''
        """Say it louder."""
        from typing import Literal
        from pydantic import Field
        from mc_jupyter.tasks import Task, TaskAction, Texts


        class Shouting(Task):
            """Say it louder."""

            head, driver, result = "voice", "echo", str

            class Action(TaskAction):
                text: Texts = Field(description="What to say.")
                times: int = Field(1, ge=1, le=3, description="How loud.")
                pitch: float | None = Field(None, ge=0, description="How high.")
                mood: Literal["glad", "sad"] = Field("glad", description="How.")
                marks: list[str] = Field(default_factory=list, description="What to end with.")
    ''')
    )
    monkeypatch.setattr(mc_jupyter.tasks, "__path__", [*mc_jupyter.tasks.__path__, str(tmp_path)])
    catalog.forget()
    handle = session.load("component: {type: model, task: made-for-panel, driver: echo, times: 2}", "loud")
    board = handle.panel()
    kinds = {name: type(control) for name, control in board.controls.items()}
    assert kinds == {"batch_size": Typed, "times": Slider, "pitch": Typed, "mood": Words}
    times = board.controls["times"].field
    assert (times.min, times.max, times.value, times.tooltip) == (1, 3, 2, "How loud.")
    times.value = 3
    assert "times: 3" in handle.text
    panels.close(session)
    sys.modules.pop("mc_jupyter.tasks.made_for_panel", None)
    catalog.forget()


def test_what_somebody_else_sets_is_shown_and_set_by_nobody(board: Panel, story: mc.Handle, session: Any) -> None:
    story.set({"temperature": 1.1, "top_k": 7})
    after = story.text
    panels.refresh(session)
    assert board.controls["temperature"].value == 1.1
    assert board.controls["top_k"].value == 7  # no expression any more: it has a field
    assert story.text == after


# --- how often --------------------------------------------------------------------------------------------------------


@contextmanager
def counted(*functions: Any) -> Iterator[dict[str, int]]:
    """How often each of these functions is called in this block, by its name."""
    codes = {function.__code__: function.__name__ for function in functions}
    counts = dict.fromkeys(codes.values(), 0)

    def heard(frame: Any, event: str, arg: Any) -> None:
        if event == "call" and frame.f_code in codes:
            counts[codes[frame.f_code]] += 1

    sys.setprofile(heard)
    try:
        yield counts
    finally:
        sys.setprofile(None)


@pytest.fixture
def watched(llama: Path) -> Iterator[Panel]:
    """A panel that hears of every change, as a notebook's does; torch and the library are imported, nothing waits."""
    made = mc.Session(on_change=lambda: panels.refresh(made))
    with made:
        found = made.load(STORY.format(model=llama), "story").panel()
        found.controls["temperature"].field.value = 0.5
        yield found
        panels.close(made)


PLANNING = (plan.make, Engine.change, settings.settings_of, settings.states_of, Panel._show)


def test_one_press_of_a_slider_plans_describes_and_shows_once(watched: Panel) -> None:
    with counted(*PLANNING) as counts:
        watched.controls["temperature"].field.value = 0.3  # type: ignore[attr-defined]
    assert counts == {"make": 1, "change": 1, "settings_of": 1, "states_of": 1, "_show": 1}
    assert "temperature: 0.3" in watched.choices.handle.text


def test_a_choice_that_waits_is_planned_once_too(watched: Panel) -> None:
    with counted(*PLANNING) as counts:
        watched.controls["precision"].buttons["bfloat16"].value = True  # type: ignore[attr-defined]
    assert counts == {"make": 1, "change": 1, "settings_of": 0, "states_of": 0, "_show": 1}
    with counted(*PLANNING) as counts:
        watched.refresh()
        watched.yaml_button.value = True
    assert counts == {"make": 0, "change": 0, "settings_of": 0, "states_of": 0, "_show": 2}
    assert "precision: bfloat16" in watched.yaml.text


def test_a_panel_in_which_nothing_has_changed_plans_nothing_and_reads_what_is_loaded(watched: Panel) -> None:
    story = watched.choices.handle
    with counted(*PLANNING, LoadedModel.facts) as counts:
        panels.refresh(story.session)
    assert counts.pop("facts") > 0
    assert counts == {"make": 0, "change": 0, "settings_of": 0, "states_of": 0, "_show": 1}


def test_what_waits_is_planned_anew_when_what_is_open_has_changed(watched: Panel) -> None:
    watched.controls["precision"].buttons["bfloat16"].value = True  # type: ignore[attr-defined]
    assert "cast in place" in watched.waiting.words.value
    session = watched.choices.session
    session.load(watched.choices.handle.text, "other")  # the model is no longer this component's alone
    assert "cast in place" not in watched.waiting.words.value
    assert "stays for other" in watched.waiting.words.value


# --- adapters ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def pirate(session: mc.Session) -> Iterator[Panel]:
    handle = session.load(PIRATE, "pirate")
    yield handle.panel()
    panels.close(session)


def test_an_adapters_weight_is_applied_at_once(pirate: Panel, session: mc.Session) -> None:
    handle = session.handle("pirate")
    assert pirate.adapters is not None
    (row,) = pirate.adapters.rows
    assert "28 modules · rank 8 · scale now 1" in row.facts.text
    row.slider.value = 0.3
    assert "weight: 0.3}   # arr" in handle.text
    row.switch.value = False
    assert handle.adapters()[0][1] == 0
    assert "scale now 0" in row.facts.text
    row.switch.value = True
    assert row.slider.value == 0.3
    assert handle.adapters()[0][1] == 0.3
    assert session.loads == 1


def test_adapters_come_and_go_with_apply(pirate: Panel, session: mc.Session) -> None:
    handle = session.handle("pirate")
    assert pirate.adapters is not None
    pirate.adapters.name.value, pirate.adapters.model.value = "space", "starter:stories-space"
    pirate.adapters.add.click()
    assert "lays on space" in pirate.waiting.words.value
    pirate.waiting.apply.click()
    pirate.wait()
    assert [row.name for row in pirate.adapters.rows] == ["pirate", "space"]
    pirate.adapters.rows[0].remove.click()
    pirate.waiting.apply.click()
    pirate.wait()
    assert [plan.name for plan, _, _ in handle.adapters()] == ["space"]
    assert session.loads == 1


def test_an_adapter_that_cannot_be_is_said_under_its_line(pirate: Panel) -> None:
    assert pirate.adapters is not None
    pirate.adapters.name.value, pirate.adapters.model.value = "odd", "starter:stories-pirat"
    pirate.adapters.add.click()
    assert "stories-pirate" in pirate.adapters.error.text
    assert pirate.adapters.model.value == "starter:stories-pirat"
    assert pirate.pending == {}


# --- running ----------------------------------------------------------------------------------------------------------


def test_run_shows_the_answer_and_how_fast_it_was(board: Panel) -> None:
    board.calling.fields["text"].value = "t1 t2"
    board.calling.fields["k"].value = 5
    board.run_button.click()
    board.wait()
    (output,) = board.calling.answer.outputs
    assert output["metadata"]["mc_jupyter"]["component"] == "story"
    assert "6 tokens" in output["data"]["text/plain"]
    assert "tokens/s" in board.status.value
    assert board.stop_button.disabled


def test_an_error_of_a_run_is_shown_as_a_cell_shows_it(board: Panel) -> None:
    board.run_button.click()
    board.wait()
    (output,) = board.calling.answer.outputs
    assert output["traceback"] == ["InputError: story needs text"]


def test_stop_ends_a_run_and_keeps_what_there_is(slow: mc.Handle) -> None:
    board = slow.panel()
    board.calling.fields["text"].value = "word " * 2000
    board.run_button.click()
    until(lambda: "word word" in str(board.calling.answer.outputs))
    board.run_button.click()  # while it runs this does nothing
    board.stop_button.click()
    board.wait(10)
    (output,) = board.calling.answer.outputs
    assert "interrupted after" in output["data"]["text/plain"]
    assert "word word" in output["data"]["text/plain"]
    assert not board.run_button.disabled


def test_what_is_chosen_while_it_runs_is_applied_when_it_has_ended(slow: mc.Handle) -> None:
    board = slow.panel()
    board.calling.fields["text"].value = "word " * 2000
    board.run_button.click()
    until(lambda: board.calling.answer.outputs)
    board.controls["temperature"].field.value = 0.2
    assert board.pending == {"temperature": 0.2}
    assert "temperature" not in slow.text
    board.stop_button.click()
    board.wait(10)
    assert "temperature: 0.2" in slow.text
    assert board.pending == {}


def test_unload_gives_the_memory_back_and_says_so(board: Panel, story: mc.Handle) -> None:
    board.unload_button.click()
    assert story.facts() is None
    assert "not loaded" in board.status.value
    assert "given back" in board.status.value
    assert board.unload_button.disabled


def test_choices_from_several_threads_are_all_applied(board: Panel, story: mc.Handle) -> None:
    wanted = {"temperature": 0.4, "top_p": 0.5, "max_output_length": 9, "seed": 3}
    threads = [threading.Thread(target=board.choose, args=pair) for pair in wanted.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(f"{name}: {value}" in story.text for name, value in wanted.items())


def test_stop_ends_a_stream_and_its_answer_is_marked_so(slow: mc.Handle) -> None:
    slow.set(streaming=True)
    board = slow.panel()
    board.calling.fields["text"].value = "word " * 2000
    board.run_button.click()
    until(lambda: "word word" in str(board.calling.answer.outputs))
    board.stop_button.click()
    board.wait(10)
    assert "interrupted after" in board.calling.answer.outputs[0]["data"]["text/plain"]


def test_a_stop_before_the_run_is_there_counts(slow: mc.Handle) -> None:
    board = slow.panel()
    board.calling.fields["text"].value = "word " * 2000
    board.run_button.click()
    board.stop()
    board.wait(10)
    assert "interrupted" in str(board.calling.answer.outputs)


# --- the cell, the twin, the end --------------------------------------------------------------------------------------


def test_the_cell_to_copy_has_what_waits_and_its_flags(session: mc.Session, llama: Path) -> None:
    handle = session.load(STORY.format(model=llama), "story", overrides={"device": "cpu"})
    board = handle.panel()
    assert board.yaml.text == ""
    board.controls["precision"].buttons["bfloat16"].value = True
    board.yaml_button.value = True
    assert "%%compose story --device cpu\ncomponent:" in board.yaml.text
    assert "temperature: 0.8   # free" in board.yaml.text
    assert "precision: bfloat16" in board.yaml.text
    assert "not applied yet" in board.yaml.text
    assert "precision" not in handle.text
    panels.close(session)


def test_beside_the_widgets_stand_tables_of_the_same(board: Panel) -> None:
    bundle = board._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == board.box.model_id
    for words in ("story", "float32", "temperature", "0.8", "${input.k as integer | 40}", "needed"):
        assert words in bundle["text/html"]
        assert words in bundle["text/plain"]
    assert ["precision", "auto", "float32"] in [line.split() for line in bundle["text/plain"].splitlines()]


def test_a_second_panel_closes_the_first(board: Panel, story: mc.Handle) -> None:
    again = story.panel()
    assert board.box.comm is None
    assert again.box.comm is not None


def test_a_cell_that_was_run_again_is_said_in_one_line(board: Panel, session: mc.Session, llama: Path) -> None:
    newer = session.load(STORY.format(model=llama), "story")
    board.controls["temperature"].field.value = 0.1  # type: ignore[attr-defined]
    assert "has been run again since" in board.trouble.text
    assert board.run_button.disabled
    assert "temperature: 0.8" in newer.text


def test_an_open_panel_keeps_no_session_and_no_model_alive(llama: Path) -> None:
    session = mc.Session()
    handle = session.load(STORY.format(model=llama), "story")
    board = handle.panel()
    board.calling.fields["text"].value = "t1"
    board.run_button.click()
    board.wait()
    resident = session.resident_of(handle)
    gone: list[weakref.ref[Any]] = [weakref.ref(session), weakref.ref(handle), weakref.ref(resident.thing.driver.model)]
    session.close()
    del session, handle, resident
    gc.collect()
    assert [one() for one in gone] == [None, None, None]
    board.run_button.click()
    assert "no longer defined" in board.trouble.text
    board.close()


def test_a_closed_panel_is_gone(story: mc.Handle) -> None:
    board = story.panel()
    board.sections.fold.selected_index = 0
    gone = [weakref.ref(board), weakref.ref(board.box), weakref.ref(board.controls["temperature"].field)]
    board.close()
    del board
    gc.collect()
    assert [one() for one in gone] == [None, None, None]


def test_a_notebook_shows_it_as_a_cells_value(shell: InteractiveShell) -> None:
    cell = "%%compose ask\ncomponent: {type: model, task: text-generation, driver: echo, text: '${input.text}'}"
    assert shell.run_cell(cell).success
    board = shell.run_cell("ask.panel()").result
    data, _ = shell.display_formatter.format(board)
    assert {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert "ask" in data["text/plain"]
    assert isinstance(board.box, ipywidgets.VBox)
    board.close()
    shell.user_ns.pop("_", None)


def test_fields_that_the_library_would_refuse_have_no_control(session: mc.Session) -> None:
    from mc_jupyter.notebook.panel.settings import settings_of

    text = "component: {type: model, task: image-upscale, model: starter:upscale}"
    names = {setting.name for setting in settings_of(mc.read(text).components[0])}
    assert {"scale", "tile_size", "precision"} <= names
    assert not {"seed", "batch_size", "num_inference_steps"} & names
