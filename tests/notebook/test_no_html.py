"""What a model, a cell or a stranger wrote is text in every output: no tag of theirs, no script, no picture from afar."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

import mc_jupyter as mc
from mc_jupyter.notebook import views
from mc_jupyter.notebook.showing import Showing
from mc_jupyter.tasks import Task
from mc_jupyter.values import Batch, Text

EVIL = "<script>alert(1)</script><img src=http://192.0.2.1/x onerror=alert(2)>\"'><svg onload=alert(3)>![](http://192.0.2.1/y)"
FOREIGN = {"script", "iframe", "object", "embed", "link", "form", "meta", "base"}
"""Tags that no output of ours has. Pictures and drawings it may have: of them, what they do and where they lead counts."""


class Reader(HTMLParser):
    """What a browser would make of an output: the tags, and the attributes that do something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.acts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.acts += [f"{tag} {name}={value}" for name, value in attrs if name.startswith("on") or _leads_away(value)]


def _leads_away(value: str | None) -> bool:
    return (value or "").strip().lower().startswith(("http:", "https:", "//", "javascript:", "data:text"))


def assert_harmless(bundle: dict[str, Any]) -> None:
    assert not {"application/javascript", "text/markdown", "text/latex", "image/svg+xml"} & set(bundle)
    reader = Reader()
    reader.feed(str(bundle.get("text/html", "")))
    assert reader.acts == []
    assert [tag for tag in reader.tags if tag in FOREIGN] == []


def shown(value: Any) -> dict[str, Any]:
    view = views.of(value, Showing())
    assert view is not None
    return {str(kind): part for kind, part in view.bundle().items()}


def _given(kind: str) -> Any:
    return (
        Image.new("RGB", (16, 16))
        if kind == "image"
        else [{"role": "user", "content": EVIL}]
        if kind == "messages"
        else EVIL
    )


@pytest.mark.parametrize("task", Task.names())
def test_the_answer_of_every_task_and_its_card_hold_no_tag_of_a_strangers(task: str, session: mc.Session) -> None:
    handle = session.load(f"component: {{type: model, task: {task}, driver: echo}}", EVIL)
    answer = handle(**{one.name: _given(one.kind) for one in handle.missing({})})
    assert_harmless(shown(handle))
    for value in (answer, Batch([answer, answer])):
        assert_harmless(shown(value))


@pytest.mark.parametrize("value", [Text(EVIL), Batch([Text(EVIL)])], ids=["a text", "a list of texts"])
def test_a_text_is_shown_letter_by_letter(value: Any) -> None:
    assert "&lt;script&gt;" in shown(value)["text/html"]
    assert_harmless(shown(value))


def test_a_plan_and_its_problems_hold_no_tag_of_a_strangers(session: mc.Session) -> None:
    text = (
        f"component:\n  id: {json.dumps(EVIL)}\n  type: model\n  task: text-generation\n  model: {json.dumps(EVIL)}\n"
    )
    assert_harmless(shown(session.plan(text)))


def test_words_of_compose_show_no_tag_of_a_strangers(shell: InteractiveShell, tmp_path: Path) -> None:
    for line in ("ls", "mem", "doctor", "help", "schema", "show words", "show words --yaml"):
        cell = f"component:\n  type: model\n  task: text-generation\n  driver: echo\n  text: '{EVIL.replace(chr(39), '')}'\n"
        shell.run_cell_magic("compose", "words;", cell)
        value = shell.run_line_magic("compose", line)
        data, _ = shell.display_formatter.format(value)
        assert_harmless(data)
