"""Components that are no models, used as a user uses them: no word raises, and none speaks of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import mc_jupyter as mc
from mc_jupyter.notebook.panel.board import Panel
from mc_jupyter.notebook.panel.controls import Typed, Words
from tests.notebook.test_completion import offered

CELL = """%%compose cut
component:
  type: text-splitter
  text: ${input.text}
  chunk_size: 20
  chunk_overlap: 5
"""
TEXT = "one two three four five six seven eight nine ten"
PIECES = ["one two three four", "four five six seven", "eight nine ten"]

Run = Callable[[str], Any]


@pytest.fixture
def cut(run: Run, shell: InteractiveShell) -> mc.Handle:
    run(CELL)
    found: mc.Handle = shell.user_ns["cut"]
    return found


@pytest.fixture
def shown(run: Run, cut: mc.Handle, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a line; its value as a reader without HTML sees it, and what it printed."""

    def run_line(line: str) -> str:
        capsys.readouterr()
        found = run(line)
        assert not isinstance(found, BaseException), found
        data, _ = shell.display_formatter.format(found)
        told = "" if found is None else str(data["text/plain"])
        return f"{told}\n{capsys.readouterr().out}"

    return run_line


def test_a_cell_defines_it_and_calls_run_it(run: Run, cut: mc.Handle) -> None:
    assert repr(cut) == "<cut: text-splitter>"
    assert cut(TEXT) == PIECES
    assert run(f"%compose run cut text='{TEXT}'") == PIECES
    assert cut.map([TEXT, "a"]) == [PIECES, ["a"]]
    assert run(CELL.replace("cut", f"cut -i text='{TEXT}'", 1)) == PIECES


def test_its_card_says_what_it_is_and_how_it_is_called(shown: Run) -> None:
    lines = [line.split() for line in shown("%compose show cut").splitlines()]
    assert lines[:3] == [["cut", "text-splitter"], ["inputs", "text"], ["call", "it", 'cut("…")']]


def test_its_card_has_no_sign_of_a_model(cut: mc.Handle, shell: InteractiveShell) -> None:
    data, _ = shell.display_formatter.format(cut)
    assert "text-splitter" in data["text/html"]
    assert "○" not in data["text/html"]
    assert "●" not in data["text/html"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("%compose ls", "cut   text-splitter"),
        ("%compose show cut", "cut  text-splitter"),
        ("%compose show cut --yaml", "chunk_size: 20"),
        ("%compose check cut", "text-splitter"),
        ("%compose panel cut", "chunk_size     20"),
        ("%compose form cut", "text   text  needed"),
        ("%compose pull cut", "nothing to download"),
        ("%compose set cut chunk_size=30", "chunk_size: 30: nothing that is open changes\n→ <cut: text-splitter>"),
        ("%compose set cut chunk_size=30 --check", "chunk_size: 30: nothing that is open changes"),
        ("%compose unload cut", "cut: nothing of it is open"),
        (CELL.replace("cut", "cut --check", 1), "text-splitter"),
        (CELL.replace("cut", "cut --panel", 1), "chunk_overlap  5"),
    ],
    ids=lambda text: text.splitlines()[0],
)
def test_every_word_says_what_is_true_of_it(shown: Run, line: str, says: str) -> None:
    told = shown(line)
    assert says in told
    assert "loaded" not in told
    assert "loads" not in told


def test_memory_is_told_with_nothing_of_it(shown: Run) -> None:
    told = shown("%compose mem")
    assert "no model is loaded" in told
    assert "cut" not in told


def test_setting_a_field_changes_the_next_call(run: Run, cut: mc.Handle) -> None:
    run("%compose set cut chunk_size=40")
    assert cut(TEXT) == ["one two three four five six seven eight", "nine ten"]
    assert "  chunk_size: 40\n" in cut.text
    error = run("%compose set cut chunk_size=3")
    assert isinstance(error, mc.SpecError)
    assert "chunk_overlap is 5, and pieces have 3 characters" in str(error)


def test_comparing_runs_each_variant(shown: Run, run: Run) -> None:
    told = shown(f"%compose compare cut chunk_size=20,40 -i text='{TEXT}'")
    assert "failed" not in told
    assert "shared" not in told
    found = run(f"%compose compare cut chunk_size=20,40 -i text='{TEXT}'")
    assert [record["output"] for record in found] == [PIECES, ["one two three four five six seven eight", "nine ten"]]
    assert [(record["loaded"], record["load_seconds"], record["device"]) for record in found] == [
        (False, None, None)
    ] * 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("%compose pin cut", "cut has nothing open that could be kept: text-splitter loads no model"),
        ("%compose set cut precision=bfloat16", "'precision' is no field that can be set"),
        ("%compose set cut max_concurrent_count=2", "'max_concurrent_count' is no field that can be set\n"),
        (CELL.replace("cut", "cut --device cpu", 1), "text-splitter has no --device"),
        (CELL.replace("cut", "cut --adapter x=1", 1), "text-splitter has no --adapter x"),
        ("%compose run cut text=a --seed 3", "text-splitter takes no seed"),
        ("%compose compare cut precision=float32 -i text=a", "'precision' is no field that can be set"),
    ],
    ids=lambda text: text.splitlines()[0],
)
def test_what_only_a_model_has_is_refused_in_one_line(run: Run, cut: mc.Handle, line: str, says: str) -> None:
    error = run(line)
    assert isinstance(error, mc.ComposeError)
    assert str(error).startswith(says)


def test_pieces_that_come_one_by_one_are_shown_as_a_list(run: Run) -> None:
    cell = CELL.replace("chunk_size", "stream_output: true\n  chunk_size")
    assert run(cell.replace("cut", f"cut -i text='{TEXT}'", 1)) == PIECES


def test_a_file_of_several_defines_it_beside_the_others(
    run: Run, shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "both.yml"
    file.write_text(
        "components:\n"
        "  - {id: cut, type: text-splitter, text: '${input.text}', chunk_size: 20, chunk_overlap: 5}\n"
        "  - {id: ask, type: model, task: text-generation, driver: echo, text: '${input.text}'}\n"
    )
    table = run(f"%compose load {file}")
    assert table.rows[0] == ("cut", "cut", "<cut: text-splitter, cut>")
    assert shell.user_ns["cut"](TEXT) == PIECES


def test_tab_knows_its_fields_and_inputs(shell: InteractiveShell, cut: mc.Handle) -> None:
    assert offered(shell, "%compose set cut chunk_s") == ["chunk_size="]
    assert offered(shell, "%compose set cut maximize_chunk=") == ["true", "false"]
    assert offered(shell, "%compose run cut ") == ["text="]
    assert offered(shell, "%%compose\ncomponent:\n  type: text-splitter\n  chunk_") == [
        "chunk_size: ",
        "chunk_overlap: ",
    ]


# --- its panel and its form -------------------------------------------------------------------------------------------


@pytest.fixture
def board(cut: mc.Handle) -> Iterator[Panel]:
    made: Panel = cut.panel()
    yield made
    made.close()


def test_its_panel_has_its_fields_and_nothing_of_a_model(board: Panel) -> None:
    kinds = {name: type(control) for name, control in board.controls.items()}
    assert kinds == {"chunk_size": Typed, "chunk_overlap": Typed, "maximize_chunk": Words, "stream_output": Words}
    assert board.adapters is None
    assert board.sections.model == []
    assert "loaded" not in board.status.value
    assert "○" not in board.status.value
    assert board.unload_button.layout.display == "none"


def test_its_panel_sets_fields_and_runs(board: Panel, cut: mc.Handle) -> None:
    board.controls["chunk_size"].field.value = "40"  # type: ignore[attr-defined]
    assert "chunk_size: 40" in cut.text
    assert board.pending == {}
    board.controls["chunk_size"].field.value = "3"  # type: ignore[attr-defined]
    assert "chunk_overlap is 5" in board.controls["chunk_size"].error.text
    board.calling.fields["text"].value = TEXT
    board.run_button.click()
    board.wait()
    (output,) = board.calling.answer.outputs
    assert output["data"]["text/plain"] == str(["one two three four five six seven eight", "nine ten"])
    assert "items/s" in board.status.value
    assert board.unload_button.layout.display == "none"


def test_its_form_runs_it(run: Run, cut: mc.Handle, shell: InteractiveShell) -> None:
    run("%compose form cut")
    form = shell.magics_manager.registry["ComposeMagics"].notebook.opened["cut"]
    form.fields["text"].value = TEXT
    form.button.click()
    form.wait()
    (output,) = form.answer.outputs
    assert output["data"]["text/plain"] == str(PIECES)
    assert output["metadata"]["mc_jupyter"]["type"] == "text-splitter"
