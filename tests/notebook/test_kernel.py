"""Cells in a real kernel: what it sends, how an interrupt ends, what a saved notebook holds."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.notebook.conftest import LABEL, SLOW_DRIVER, Kernel, Ran

POEM = """%%compose poem {flags}
component:
  type: model
  task: text-generation
  driver: {driver}
  text: ${{input.text as text}}
"""
CANARY = "hf_canary0123456789"


def test_ten_thousand_tokens_leave_one_output_and_at_most_twenty_updates_a_second(kernel: Kernel) -> None:
    kernel.run(POEM.format(flags="", driver="echo"))
    kernel.run("long = ' '.join(f'w{i}' for i in range(10_000))")
    ran = kernel.run("%compose run poem text:=long")
    outputs = ran.outputs()
    assert len(outputs) == 1
    assert outputs[0]["data"]["text/plain"].startswith("w0 w1 ")
    assert "w9999" in outputs[0]["data"]["text/plain"]
    assert "10,000 tokens" in outputs[0]["data"]["text/plain"]
    assert len(ran.of("display_data", "update_display_data")) < 40


def test_a_slow_text_is_shown_as_it_is_written_without_flooding(kernel: Kernel) -> None:
    kernel.run(POEM.format(flags="", driver="slow"))
    ran = kernel.run("%compose run poem text='" + " ".join(f"w{i}" for i in range(100)) + "'")
    times = [t for t, m in ran.messages if m["msg_type"] in ("display_data", "update_display_data")]
    assert len(times) > 8
    busiest = max(sum(1 for t in times if start <= t < start + 1) for start in times)
    assert busiest <= 20
    plains = [content["data"]["text/plain"] for content in ran.of("display_data", "update_display_data")]
    lengths = [len(plain.partition("\n\n[")[0].rstrip()) for plain in plains]
    assert all(a <= b for a, b in itertools.pairwise(lengths))
    assert len(ran.outputs()) == 1


def test_an_interrupt_keeps_the_partial_text_and_ends_with_a_short_error(kernel: Kernel) -> None:
    kernel.run(POEM.format(flags="", driver="slow"))
    text = " ".join(f"w{i}" for i in range(2000))
    ran = kernel.run(f"%compose run poem text='{text}'", interrupt_after=3, timeout=20)
    shown, error = ran.outputs()
    assert shown["data"]["text/plain"].startswith("w0 w1")
    assert "interrupted after" in shown["data"]["text/plain"]
    assert error["ename"] == "Interrupted"
    assert len(error["traceback"]) == 1
    fresh = kernel.run("%compose run poem text='one two three'").outputs()
    assert len(fresh) == 1
    assert fresh[0]["data"]["text/plain"].startswith("one two three\n\n[3 tokens")


def test_a_streaming_cell_leaves_one_output_with_the_whole_text(kernel: Kernel) -> None:
    cell = POEM.format(flags="-i text='one two three' -o whole", driver="slow") + "  streaming: true\n"
    assert kernel.run(cell).outputs() == []
    ran = kernel.run("%compose run poem text='four five six'")
    (output,) = ran.outputs()
    assert output["data"]["text/plain"].startswith("four five six\n\n[3 tokens")
    assert kernel.run("whole").outputs()[0]["data"]["text/plain"].startswith("one two three")


def test_an_interrupt_of_a_streaming_cell_keeps_the_partial_text(kernel: Kernel) -> None:
    kernel.run(POEM.format(flags="", driver="slow") + "  streaming: true\n")
    text = " ".join(f"w{i}" for i in range(2000))
    shown, error = kernel.run(f"%compose run poem text='{text}'", interrupt_after=3, timeout=20).outputs()
    assert shown["data"]["text/plain"].startswith("w0 w1")
    assert error["ename"] == "Interrupted"


def test_an_interrupted_load_ends_with_a_short_error_and_the_cell_runs_again(kernel: Kernel) -> None:
    kernel.run("%compose unload --all")
    ran = kernel.run(POEM.format(flags="", driver="slow"), interrupt_after=1, timeout=20)
    error = ran.outputs()[-1]
    assert error["ename"] == "Interrupted"
    assert len(error["traceback"]) == 1
    again = kernel.run(POEM.format(flags="-i text='one two'", driver="slow")).outputs()
    assert again[-1]["data"]["text/plain"].startswith("one two")


def test_a_long_load_shows_one_progress_that_gives_way_to_the_card(kernel: Kernel) -> None:
    kernel.run("%compose unload --all")
    ran = kernel.run(POEM.format(flags="", driver="slow"))
    sent = ran.of("display_data", "update_display_data")
    transient = [c["data"] for c in sent[:-1]]
    assert transient
    assert all("loading" in data["text/plain"] and "<" in data["text/html"] for data in transient)
    assert any("of 80.0 MB" in data["text/plain"] for data in transient)
    outputs = ran.outputs()
    assert len(outputs) == 1
    assert 'poem("…")' in outputs[0]["data"]["text/plain"]
    assert "loading" not in outputs[0]["data"]["text/plain"]


def test_what_is_quick_shows_no_progress(kernel: Kernel) -> None:
    kernel.run(LABEL)
    ran = kernel.run("%compose run sentiment text=hello")
    assert len(ran.of("display_data", "update_display_data", "execute_result")) == 1


def test_a_change_of_what_is_not_loaded_leaves_one_output(kernel: Kernel) -> None:
    kernel.run(LABEL)
    (output,) = kernel.run("%compose set sentiment batch_size=2").outputs()
    assert "nothing that is loaded changes" in output["data"]["text/plain"]


@pytest.mark.parametrize("before", ["%%time\n", "%%capture kept\n"])
def test_other_cell_magics_may_stand_before_ours(kernel: Kernel, before: str) -> None:
    ran = kernel.run(before + POEM.format(flags="-i text='one two'", driver="slow"))
    assert not ran.of("error")
    assert kernel.run("poem.name").outputs()[0]["data"]["text/plain"] == "'poem'"
    if "capture" in before:
        assert not ran.of("display_data")
        count = kernel.run("len(kept.outputs)").outputs()[0]
        assert count["data"]["text/plain"] == "1"


def test_a_result_carries_plain_text_html_and_where_it_came_from(kernel: Kernel) -> None:
    kernel.run(LABEL)
    (output,) = kernel.run("%compose run sentiment text=hello").outputs()
    assert {"text/plain", "text/html"} <= set(output["data"])
    told = output["metadata"]["mc_jupyter"]
    assert (told["task"], told["driver"], told["device"]) == ("text-classification", "echo", "cpu")


def test_an_error_is_one_real_error_output_of_a_few_lines(kernel: Kernel) -> None:
    ran = kernel.run("%%compose poem\ncomponent:\n  type: model\n  tsak: text-generation\n")
    (error,) = ran.outputs()
    assert error["output_type"] == "error"
    assert error["ename"] == "SpecError"
    assert "did you mean 'task'?" in "".join(error["traceback"])
    assert "File" not in "".join(error["traceback"])


def test_a_form_is_shown_where_somebody_can_fill_it_in(kernel: Kernel) -> None:
    ran = kernel.run(POEM.format(flags="", driver="echo"), allow_stdin=True)
    card, form = ran.outputs()
    assert "application/vnd.jupyter.widget-view+json" in form["data"]
    assert "text" in form["data"]["text/html"]
    assert 'poem("…")' in card["data"]["text/plain"]
    assert not ran.of("error")


def test_tab_in_a_cell_offers_our_words_and_not_pythons(kernel: Kernel) -> None:
    code = "%%compose poem\ncomponent:\n  type: model\n  task: text-"
    kernel.client.complete(code, len(code))
    reply = kernel.client.get_shell_msg(timeout=20)
    while reply["msg_type"] != "complete_reply":
        reply = kernel.client.get_shell_msg(timeout=20)
    assert "text-generation" in reply["content"]["matches"]
    assert code[reply["content"]["cursor_start"] : reply["content"]["cursor_end"]] == "text-"


PAINT = """%%compose paint {flags}
component:
  type: model
  task: image-generation
  driver: painter
  prompt: ${{input.prompt as text}}
  num_inference_steps: {steps}
"""


def _htmls(ran: Ran) -> list[str]:
    return [c["data"].get("text/html", "") for c in ran.of("display_data", "update_display_data")]


def test_a_picture_is_previewed_a_few_times_a_second_and_only_the_whole_one_is_kept(kernel: Kernel) -> None:
    ran = kernel.run(PAINT.format(flags="-i prompt='a hat'", steps=60))
    times = [t for t, m in ran.messages if "image/jpeg;base64" in str(m["content"].get("data", {}).get("text/html"))]
    assert len(times) >= 2
    assert max(sum(1 for t in times if start <= t < start + 1) for start in times) <= 4
    assert any("of 60 steps" in html and "left" in html for html in _htmls(ran))
    picture, figures = ran.outputs()
    assert set(picture["data"]) == {"text/plain", "image/png"}
    assert picture["metadata"]["mc_jupyter"]["seed"] == 5
    assert figures["data"]["text/plain"] == "400×300 pixels · seed 5 · 60 steps"
    assert "jpeg" not in json.dumps(ran.outputs())


def test_an_interrupt_keeps_the_last_preview_and_the_variable_gets_it(kernel: Kernel) -> None:
    ran = kernel.run(PAINT.format(flags="-i prompt='a hat' -o half", steps=900), interrupt_after=3, timeout=30)
    picture, figures, error = ran.outputs()
    assert error["ename"] == "Interrupted"
    assert "image/png" in picture["data"]
    assert re.match(r"interrupted at step \d+ of 900 · 400×300 pixels", figures["data"]["text/plain"])
    assert "step" in picture["metadata"]["mc_jupyter"]["interrupted"]
    (size,) = kernel.run("half.size").outputs()
    assert size["data"]["text/plain"] == "(400, 300)"
    again = kernel.run(PAINT.format(flags="-i prompt='a hat'", steps=2)).outputs()
    assert "interrupted" not in again[1]["data"]["text/plain"]


def test_an_interrupt_of_a_call_in_python_keeps_the_last_preview(kernel: Kernel) -> None:
    kernel.run(PAINT.format(flags="", steps=900))
    ran = kernel.run("paint('a hat')", interrupt_after=2, timeout=30)
    picture, figures, error = ran.outputs()
    assert "image/png" in picture["data"]
    assert figures["data"]["text/plain"].startswith("interrupted at step ")
    assert error["ename"] == "Interrupted"


def test_a_captured_picture_is_one_png_and_no_previews(kernel: Kernel) -> None:
    kernel.run(PAINT.format(flags="", steps=40))
    ran = kernel.run("%%capture kept\n%compose run paint prompt='a hat'")
    assert not ran.of("display_data", "update_display_data")
    (count,) = kernel.run("[sorted(o.data) for o in kept.outputs]").outputs()
    assert "jpeg" not in count["data"]["text/plain"]
    assert count["data"]["text/plain"].count("image/png") <= 1


def test_python_stores_a_picture_once(kernel: Kernel) -> None:
    kernel.run(PAINT.format(flags="", steps=2))
    (picture,) = kernel.run("paint('a hat')").outputs()
    assert set(picture["data"]) == {"text/plain", "image/png"}
    assert picture["metadata"]["mc_jupyter"]["prompt"] == "a hat"
    displayed, own = kernel.run("from PIL import Image\ndisplay(paint('a hat'))\nImage.new('RGB', (3, 3))").outputs()
    assert set(displayed["data"]) == set(own["data"]) == {"text/plain", "image/png"}


def test_before_and_after_are_a_picture_and_where_somebody_is_a_slider(kernel: Kernel) -> None:
    up = "%%compose up -i image:=small\ncomponent: {type: model, task: image-upscale, driver: echo, scale: 4}\n"
    kernel.run("from PIL import Image\nsmall = Image.effect_noise((40, 30), 90)")
    still, figures = kernel.run(up).outputs()
    assert set(still["data"]) == {"text/plain", "image/png"}
    assert "left before" in figures["data"]["text/plain"]
    assert still["metadata"]["mc_jupyter"]["scale"] == 4
    ran = kernel.run(up, allow_stdin=True)
    assert [sorted(o["data"])[0] for o in ran.outputs()] == [
        "image/png", "text/html", "application/vnd.jupyter.widget-view+json",
    ]  # fmt: skip
    assert not ran.of("error", "stream")


def _notebook(*cells: str) -> nbformat.NotebookNode:
    made = nbformat.from_dict(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
            "cells": [
                {
                    "id": f"c{i}",
                    "cell_type": "code",
                    "source": cell,
                    "metadata": {},
                    "outputs": [],
                    "execution_count": None,
                }
                for i, cell in enumerate(cells)
            ],
        }
    )
    assert isinstance(made, nbformat.NotebookNode)
    return made


@pytest.mark.kernel
def test_nbclient_fails_with_our_text(tmp_path: Path) -> None:
    notebook = _notebook("%load_ext mc_jupyter", "%%compose\ncomponent:\n  type: model\n  driver: echo\n", "never = 1")
    with pytest.raises(CellExecutionError) as caught:
        NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert "InputError" in str(caught.value)
    assert "needs the input 'prompt'" in str(caught.value)
    assert notebook.cells[2].execution_count is None


@pytest.mark.kernel
def test_a_saved_notebook_is_valid_reads_without_widgets_and_holds_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", CANARY)
    monkeypatch.setenv("MY_TOKEN", CANARY)
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "slow.py").write_text(SLOW_DRIVER)
    secret = "    model: {provider: huggingface, repository: some/model, token: '${env.MY_TOKEN}'}\n"
    notebook = _notebook(
        "%load_ext mc_jupyter",
        "import mc_jupyter.drivers; mc_jupyter.drivers.__path__.append('slow')",
        "%config ComposeMagics.forms = 'always'",
        "%config ComposeMagics.env = ['MY_TOKEN']",
        POEM.format(flags="", driver="slow").replace("    ", "  ") + secret[2:],
        "%compose run poem text='<script>alert(1)</script> one two three'",
        "%compose ls",
        "%compose mem",
        "%compose doctor",
        "%compose check poem",
        "%compose show poem",
        "poem",
    )
    client = NotebookClient(
        notebook, timeout=60, store_widget_state=True, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    text = json.dumps(notebook)
    assert CANARY not in text
    assert CANARY[:12] not in text
    state = notebook.metadata.pop("widgets", None)
    assert state is not None
    assert CANARY not in json.dumps(state)
    nbformat.validate(notebook)
    for cell in notebook.cells[4:]:
        assert cell.outputs
        for output in cell.outputs:
            assert output["data"]["text/plain"].strip()
            assert output["data"]["text/html"].strip()
            assert "<script" not in output["data"]["text/html"]
            assert "application/javascript" not in output["data"]
    assert "loading" not in text
