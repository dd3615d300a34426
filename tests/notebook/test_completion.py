"""What Tab offers: every case is typed into IPython's own completer."""

from __future__ import annotations

from typing import Any

import pytest
from IPython.core.completer import CompletionContext, provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from tests.notebook.conftest import LABEL

HEAD = "%%compose poem\ncomponent:\n  type: model\n"
IMAGES = HEAD + "  task: image-generation\n"


def offered(shell: InteractiveShell, code: str) -> list[str]:
    """The texts that a front-end would list at the end of `code`, through the whole completer."""
    with provisionalcompleter():
        return [c.text for c in shell.Completer.completions(code, len(code))]


@pytest.mark.parametrize(
    ("code", "has", "lacks"),
    [
        ("%%compose\nworkflow:\n  jobs:\n    - id: a\n      type: if\n      i", ["if_true: ", "if_false: "], ["id: "]),
        ("%%compose\nc", ["component:", "components:"], ["workflow:"]),
        ("%%compose\ncomponent:\n  ty", ["type: "], ["task: "]),
        ("%%compose\ncomponent:\n  type: ", ["model", "http-client"], ["text-generation"]),
        ("%%compose\ncomponents:\n  - type: m", ["model"], ["http-client"]),
        ("%%compose\ncomponents:\n  - type: model\n    ta", ["task: "], []),
        (HEAD + "  t", ["task: ", "text: ", "temperature: ", "top_k: "], ["type: ", "try"]),
        (HEAD + "  task: ", ["text-generation", "chat-completion", "text-embedding"], ["model"]),
        (HEAD + "  task: text-", ["text-generation", "text-embedding"], ["chat-completion"]),
        (HEAD + "  task: text-classification\n  la", ["labels: "], ["lambda"]),
        (HEAD + "  task: text-embedding\n  te", ["text: "], ["temperature: "]),
        (HEAD + "  dri", ["driver: "], []),
        (HEAD + "  driver: ", ["echo", "huggingface"], []),
        (HEAD + "  device: c", ["cpu", "cuda"], ["auto", "callable"]),
        (HEAD + "  precision: ", ["auto", "float16", "bfloat16", "float32"], ["int8"]),
        (HEAD + "  quantization: ", ["none", "int8", "nf4"], ["float16"]),
        (HEAD + "  quantization:\n    ty", ["type: "], []),
        (HEAD + "  quantization:\n    type: n", ["none", "nf4"], ["model"]),
        (HEAD + "  model: st", ["starter:embedding", "starter:shapes"], []),
        (IMAGES + "  model: st", ["starter:shapes"], ["starter:stories", "starter:upscale"]),
        (IMAGES + "  architecture: ", ["sdxl", "flux"], ["blip"]),
        (IMAGES + "  family: s", ["sdxl"], ["flux"]),
        (HEAD + "  model:\n    rev", ["revision: "], ["reversed"]),
        (HEAD + "  preload: ", ["true", "false"], []),
        (HEAD + "  action:\n    te", ["text: ", "temperature: "], ["task: "]),
        (HEAD + "  action:\n    pa", ["params:"], []),
        (HEAD + "  params:\n    max", ["max_output_length: ", "max_input_length: "], ["max", "max_seq_length: "]),
        (HEAD + "  params:\n    do_sample: f", ["false"], ["float"]),
        (HEAD + "  params:\n    temperature: 0.5\n    tem", [], ["temperature: "]),
        (HEAD + "  text: ${in", ["input."], ["int"]),
        ("%%time\n" + HEAD + "  tas", ["task: "], []),
        ("%%compose poem --dev", ["--device"], []),
        ("%%compose poem --device ", ["cpu", "cuda"], []),
        ("%compose ", ["run", "unload", "help"], ["abs"]),
        ("%compose un", ["unload"], ["run"]),
        ("%compose run ", ["sentiment"], []),
        ("%compose run sentiment te", ["text="], ["term"]),
        ("%compose unload ", ["sentiment"], []),
        ("%compose unload --", ["--all"], []),
        ("x = %compose run s", ["sentiment"], ["set", "sorted"]),
        ("%compose help ch", ["check"], ["chr"]),
        ("%compose schema text-generation.temp", ["text-generation.temperature"], []),
        ("%compose schema text-e", ["text-embedding"], []),
    ],
)
def test_tab_offers_what_may_stand_here(shell: InteractiveShell, code: str, has: list[str], lacks: list[str]) -> None:
    shell.run_cell(LABEL)
    found = offered(shell, code)
    assert set(has) <= set(found)
    assert not set(lacks) & set(found)
    assert "print" not in found


@pytest.mark.parametrize(
    "code",
    [
        HEAD + "  zzz",
        HEAD + "  task: no-such-task\n  te",
        HEAD + "  driver: [\n  te",
        "%%compose\n\t- : :\n  ty",
        "%%compose\nworkflow:\n  jobs:\n    - ty",
        "%compose nonsense ",
        "%compose run nobody te",
        HEAD + "  text: 'it",
    ],
)
def test_a_text_that_is_wrong_offers_no_python_names_and_raises_nothing(shell: InteractiveShell, code: str) -> None:
    assert not {"print", "type", "text", "next", "zip"} & set(offered(shell, code))


def _match(shell: InteractiveShell, code: str) -> dict[str, Any]:
    lines = code.split("\n")
    context = CompletionContext(
        token="", full_text=code, cursor_position=len(lines[-1]), cursor_line=len(lines) - 1, limit=None
    )
    found: dict[str, Any] = shell.Completer.custom_matchers[-1](context)
    return found


@pytest.mark.parametrize("code", ["pri", "x = 5\nx.", "text = '%compose'\npri", "%%composer\nty", "# %%compose\nty"])
def test_other_cells_are_left_alone(shell: InteractiveShell, code: str) -> None:
    found = _match(shell, code)
    assert found["completions"] == []
    assert not found.get("suppress")


@pytest.mark.parametrize("code", [HEAD + "  pri", HEAD + "  text: pri", HEAD + "  text: ", "%compose ls pri"])
def test_where_nothing_is_to_be_offered_python_offers_nothing_either(shell: InteractiveShell, code: str) -> None:
    assert set(offered(shell, code)) <= {"pri", ""}


def test_the_part_that_is_replaced_may_hold_hyphens(shell: InteractiveShell) -> None:
    assert _match(shell, HEAD + "  task: text-gen")["matched_fragment"] == "text-gen"


def test_a_second_tab_reads_no_folder_and_imports_nothing(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib
    import pkgutil

    _match(shell, HEAD + "  task: text-classification\n  la")

    def refuse(*args: Any, **named: Any) -> Any:
        raise AssertionError("looked for files")

    monkeypatch.setattr(pkgutil, "iter_modules", refuse)
    monkeypatch.setattr(importlib, "import_module", refuse)
    assert _match(shell, HEAD + "  task: text-classification\n  la")["completions"]
