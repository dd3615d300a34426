"""What a model, a cell or a stranger wrote is text in every output: no tag of theirs, no script, no picture from afar,
nothing of it typeset, and nothing that steers a terminal.
"""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

import mc_jupyter as mc
from mc_jupyter.errors import InputError, Place
from mc_jupyter.events import Note, Piece
from mc_jupyter.notebook import views
from mc_jupyter.notebook.html import Page, Table, bundle, described, noted
from mc_jupyter.notebook.letters import Letters
from mc_jupyter.notebook.progress import Output
from mc_jupyter.notebook.showing import Showing
from mc_jupyter.notebook.word import wishes
from mc_jupyter.tasks import Task
from mc_jupyter.trust.consent import Wish
from mc_jupyter.values import Batch, Label, Text
from mc_jupyter.values.pictures import marked

EVIL = "<script>alert(1)</script><img src=http://192.0.2.1/x onerror=alert(2)>\"'><svg onload=alert(3)>![](http://192.0.2.1/y)$x^2$"
TEX = r"\(\href{https://192.0.2.1/x}{\text{Click here}}\) $x^2$"
ESCAPES = "\x1b[8mhidden\x1b[0m \x1b]8;;http://192.0.2.1\x07link\x9b2J\r\x08over"
CONTROLS = re.compile(r"[^\S \n\t]|[\x00-\x08\x0e-\x1f\x7f-\x9f]")
FOREIGN = {"script", "iframe", "object", "embed", "link", "form", "meta", "base"}
"""Tags that no output of ours has. Pictures and drawings it may have: of them, what they do and where they lead counts."""


VOID = {"img", "br", "hr", "input", "meta", "link", "base", "embed", "polyline"}


class Reader(HTMLParser):
    """What a browser would make of an output: the tags, the attributes that do something, and what MathJax would read."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.acts: list[str] = []
        self.typeset: list[str] = []
        self._ignored: list[bool] = []  # of each element that is open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        classes = (dict(attrs).get("class") or "").split()
        if tag not in VOID:
            self._ignored.append(tag == "style" or {"mathjax_ignore", "tex2jax_ignore"} <= set(classes))
        self.acts += [f"{tag} {name}={value}" for name, value in attrs if name.startswith("on") or _leads_away(value)]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self._ignored.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and not any(self._ignored):
            self.typeset.append(data)


def _leads_away(value: str | None) -> bool:
    return (value or "").strip().lower().startswith(("http:", "https:", "//", "javascript:", "data:text"))


def assert_harmless(bundle: dict[str, Any]) -> None:
    assert not {"application/javascript", "text/markdown", "text/latex", "image/svg+xml"} & set(bundle)
    reader = Reader()
    reader.feed(str(bundle.get("text/html", "")))
    assert reader.acts == []
    assert [tag for tag in reader.tags if tag in FOREIGN] == []
    assert reader.typeset == []
    assert not CONTROLS.search(str(bundle.get("text/html", "")) + str(bundle.get("text/plain", "")))


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


@pytest.mark.parametrize(
    "value",
    [
        Label({"label": TEX + ESCAPES, "score": 1.0}),
        Batch([TEX + ESCAPES, TEX]),
        Table(("a",), ((TEX + ESCAPES,),), TEX, TEX),
        Page(TEX, TEX + ESCAPES),
        {TEX + ESCAPES: Image.new("RGB", (16, 16))},
        [marked(Image.new("RGB", (16, 16)), prompt=TEX + ESCAPES), Image.new("RGB", (16, 16))],
    ],
    ids=["a label", "a list", "a table", "a page", "a picture's name", "a caption"],
)
def test_nothing_is_typeset_and_no_terminal_is_steered(value: Any) -> None:
    found = value._repr_mimebundle_() if isinstance(value, Table | Page) else shown(value)
    assert r"\href{https://192.0.2.1/x}" in found["text/html"]
    assert_harmless(found)


def test_notes_under_an_answer_are_no_tex_and_steer_nothing() -> None:
    assert_harmless(noted(bundle("an answer", "an answer"), [TEX, ESCAPES]))


def test_a_widget_of_html_hands_mathjax_nothing() -> None:
    field = Letters(TEX)
    field.value = f"<b>{TEX}</b>"
    assert_harmless({"text/html": field.value})
    assert TEX in field.value


def test_no_other_file_makes_an_output_or_a_widget_of_html() -> None:
    """Whatever is HTML goes by `html.bundle` or `Letters`, which say that nothing is typeset."""
    room = Path(views.__file__).parents[1]
    makes = re.compile(r"""["']text/html["']:|widgets\.(HTML|HTMLMath|Label)\b""")
    found = {file.name for file in room.rglob("*.py") if makes.search(file.read_text(encoding="utf-8"))}
    assert found == {"html.py", "letters.py"}


def test_a_name_beside_a_field_is_typeset_only_where_it_is_no_tex() -> None:
    assert described("pirate") == {"description": "pirate"}
    found = described(f"<b>{TEX}")
    assert_harmless({"text/html": found["description"]})
    assert "&lt;b&gt;" in found["description"]
    assert found["description_allow_html"]


def test_an_errors_lines_are_letters() -> None:
    place = Place(2, 3, 4, "a\x1bb\x1bcd\u202ee")
    error = InputError(f"no label {ESCAPES}\u202e", place=place, fix=f"{ESCAPES}\u2066")
    lines = "\n".join(error._render_traceback_())
    assert not CONTROLS.search(lines)
    assert not {"\u202e", "\u2066"} & set(lines)
    source, underlined = lines.splitlines()[1:3]
    assert source[underlined.index("^") :][: underlined.count("^")] == "b␛cd"


def test_what_a_terminal_is_told_is_letters(capsys: pytest.CaptureFixture[str]) -> None:
    with Output(None, "terminal") as output:
        output.announce(ESCAPES)
        output.listen(Note(ESCAPES))
        output.listen(Piece(ESCAPES))
        output.show({"text/plain": ESCAPES}, figures=ESCAPES)
    assert not CONTROLS.search("".join(capsys.readouterr()))


def test_what_a_cell_asks_for_is_shown_in_the_order_of_its_letters() -> None:
    wish = Wish("NAME", "model", "https://hub.example/\u202egpj.exe", f"{TEX}\x1b[8m")
    found = wishes([wish])._repr_mimebundle_()
    assert_harmless(found)
    assert "‹U+202E›" in found["text/html"]
    assert "␛[8m" in found["text/plain"]


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
