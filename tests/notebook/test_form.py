"""A form made from inputs, filled in and run without a front-end."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import ipywidgets
import pytest
from IPython.core.interactiveshell import InteractiveShell

import mc_jupyter as mc
from mc_jupyter.language.inputs import Input
from mc_jupyter.notebook.form import Form
from mc_jupyter.notebook.image_field import ImageField
from mc_jupyter.notebook.input_fields import field_for, value_of
from tests.notebook.conftest import until

CELL = """%%compose ask
component:
  type: model
  task: text-generation
  driver: echo
  text: ${input.text as text | @(description What to continue <b>)}
  temperature: ${input.heat as slider/0,2,0.1 | 0.7}
  max_output_length: ${input.most as integer}
  do_sample: ${input.draw as boolean | true}
  output:
    said: ${result}
    style: ${input.style as select/plain,grand | plain}
"""


@pytest.fixture
def form(shell: InteractiveShell) -> Form:
    shell.run_cell("%config ComposeMagics.forms = 'always'")
    assert shell.run_cell(CELL.replace(" | @(", " @(")).success
    found: Form = shell.magics_manager.registry["ComposeMagics"].notebook.opened["ask"]
    return found


@pytest.mark.parametrize(
    ("one", "widget"),
    [
        (Input("a", "text"), ipywidgets.Textarea),
        (Input("a", "number"), ipywidgets.Text),
        (Input("a", "number", default=1.5), ipywidgets.FloatText),
        (Input("a", "integer", default=3), ipywidgets.IntText),
        (Input("a", "slider", minimum=0, maximum=2, step=0.1, default=0.7), ipywidgets.FloatSlider),
        (Input("a", "slider", minimum=0, maximum=10, step=1, default=3), ipywidgets.IntSlider),
        (Input("a", "select", options=("x", "y")), ipywidgets.Dropdown),
        (Input("a", "boolean", default=True), ipywidgets.Checkbox),
        (Input("a", "image"), ImageField),
        (Input("a", "image", default="cat.png"), ImageField),
        (Input("a", "audio"), ipywidgets.FileUpload),
        (Input("a", "json", default={"k": [1]}), ipywidgets.Textarea),
        (Input("a", "messages"), ipywidgets.Textarea),
    ],
    ids=lambda v: v.kind if isinstance(v, Input) else v.__name__,
)
def test_every_kind_of_input_has_its_widget_and_gives_its_default_back(one: Input, widget: type) -> None:
    field = field_for(one, one.default)
    assert type(field).__name__ == widget.__name__
    expected = {"select": "x"}.get(one.kind, one.default)
    assert value_of(one, field) == expected
    field.close()


def test_what_is_typed_is_of_the_inputs_kind() -> None:
    for kind, typed, value in (("number", "0.5", 0.5), ("integer", "3", 3), ("json", '{"a": 1}', {"a": 1})):
        one = Input("a", kind)
        field = field_for(one, None)
        field.value = typed
        assert value_of(one, field) == value
    field = field_for(Input("a", "text"), None)
    field.value = "42"
    assert value_of(Input("a", "text"), field) == "42"


def test_fields_begin_at_the_defaults_of_the_cell(form: Form) -> None:
    assert form.fields["heat"].value == 0.7
    assert form.fields["draw"].value is True
    assert form.fields["style"].value == "plain"
    assert form.fields["text"].value == ""


def test_run_calls_the_component_with_what_the_fields_say(form: Form) -> None:
    form.fields["text"].value = "one two three four"
    form.fields["most"].value = "2"
    form.fields["style"].value = "grand"
    form.button.click()
    form.wait()
    (output,) = form.answer.outputs
    assert output["data"]["text/plain"] == "{'said': 'one two ', 'style': 'grand'}"
    assert output["metadata"]["mc_jupyter"]["component"] == "ask"
    assert form.button.disabled is False


def test_an_error_is_shown_under_the_form_in_the_words_of_a_cell(form: Form) -> None:
    form.fields["text"].value = "one"
    form.fields["most"].value = "-5"
    form.button.click()
    form.wait()
    (output,) = form.answer.outputs
    assert output["output_type"] == "error"
    assert output["traceback"] == [f"InputError: {output['evalue']}"]
    assert "max_output_length should be at least 1" in output["evalue"]


def test_stop_ends_a_run_and_keeps_what_there_is(slow: mc.Handle) -> None:
    form = Form(slow, {"text": "word " * 2000})
    assert form.stop_button.layout.display == "none"
    form.button.click()
    form.button.click()  # while it runs this does nothing
    until(lambda: "word word" in str(form.answer.outputs))
    assert (form.button.disabled, form.stop_button.layout.display) == (True, None)
    form.stop_button.click()
    form.wait(10)
    (output,) = form.answer.outputs
    assert "word word" in output["data"]["text/plain"]
    assert "interrupted after" in output["data"]["text/plain"]
    assert (form.button.disabled, form.stop_button.layout.display) == (False, "none")
    form.fields["text"].value = "one two"
    form.button.click()
    form.wait(10)
    assert "interrupted" not in str(form.answer.outputs)
    form.close()


def test_a_form_that_is_closed_stops_its_run(slow: mc.Handle) -> None:
    form = Form(slow, {"text": "word " * 2000})
    form.button.click()
    until(lambda: form.answer.outputs)
    form.close()
    form.wait(10)
    slow.unload()
    assert slow.facts() is None


def test_stop_while_a_model_is_loaded_ends_once_it_is_and_nothing_is_written(session: mc.Session, llama: Path) -> None:
    text = "component: {{type: model, task: text-generation, model: {0}, text: '${{input.text}}', preload: false}}"
    handle = session.load(text.format(llama), "story")
    form = Form(handle, {"text": "the fox"})
    form.button.click()
    form.stop_button.click()
    form.wait()
    (output,) = form.answer.outputs
    assert "interrupted" in str(output)
    assert "1 token" not in str(output)
    form.close()


def test_an_empty_field_is_an_input_that_nobody_gave(form: Form) -> None:
    form.button.click()
    form.wait()
    assert "ask needs text" in form.answer.outputs[0]["evalue"]


def test_beside_the_widgets_stands_a_table_of_the_inputs(form: Form) -> None:
    bundle = form.bundle()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    for words in ("heat", "0 to 2", "plain or grand", "What to continue"):
        assert words in bundle["text/html"]
        assert words in bundle["text/plain"]
    assert "<b>)" not in bundle["text/html"]


def test_running_the_cell_again_closes_the_form_before(shell: InteractiveShell, form: Form) -> None:
    shell.run_cell(CELL.replace(" | @(", " @("))
    notebook: Any = shell.magics_manager.registry["ComposeMagics"].notebook
    assert notebook.opened["ask"] is not form
    assert form.box.comm is None
    assert len(notebook.opened) == 1


def test_an_open_form_keeps_no_component_alive(shell: InteractiveShell, form: Form) -> None:
    notebook = shell.magics_manager.registry["ComposeMagics"].notebook
    handle = weakref.ref(shell.user_ns["ask"])
    notebook.session.close()
    shell.user_ns.pop("ask")
    shell.user_ns.pop("_", None)
    gc.collect()
    assert handle() is None
    form.button.click()
    form.wait()
    assert "no longer defined" in form.answer.outputs[0]["evalue"]


def test_unloading_closes_every_widget(shell: InteractiveShell, form: Form) -> None:
    widgets = [form.box, form.button, form.answer, *form.fields.values()]
    assert all(w.comm is not None for w in widgets)
    shell.run_line_magic("unload_ext", "mc_jupyter")
    assert all(w.comm is None for w in widgets)
    shell.run_line_magic("load_ext", "mc_jupyter")


def test_a_form_is_shown_on_the_users_word(shell: InteractiveShell, form: Form) -> None:
    assert shell.run_cell("%compose form ask").success
    assert shell.magics_manager.registry["ComposeMagics"].notebook.opened["ask"] is not form
