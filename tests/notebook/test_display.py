"""How results look."""

from __future__ import annotations

import importlib
import re
from html.parser import HTMLParser
from types import MappingProxyType
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from mc_jupyter.notebook import display, views
from mc_jupyter.notebook.html import Page, Table
from mc_jupyter.notebook.showing import Showing
from mc_jupyter.values import Batch, Embedding, Faces, Label, Text
from tests.notebook.conftest import LABEL

EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)">&amp; ${x} "quotes"'


class _Checked(HTMLParser):
    """Collects tags and attributes, and what is open."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        if tag not in ("img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def checked(html: str) -> _Checked:
    parser = _Checked()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


VALUES: list[Any] = [
    Text(EVIL, finish_reason="stop", tokens=3, seed=7),
    Label(label=EVIL, score=0.9, label_id=0),
    Label({"label": EVIL, "score": 0.9}, scores={EVIL: 0.9, "other": 0.1}),
    Batch([Text(EVIL)] * 30),
    Batch([Label(label=EVIL, score=0.9)]),
    Batch([{EVIL: EVIL}]),
    Faces(faces=[{"score": 0.5, "bounding_box": [1, 2, 3, 4], "embedding": [0.1] * 4}], width=10, height=20),
    {"answer": EVIL, "list": [EVIL]},
    [EVIL],
    EVIL,
    Table((EVIL, "b"), ((EVIL, "c"),), EVIL, EVIL),
    Page(EVIL, EVIL),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda v: type(v).__name__)
def test_whatever_a_model_wrote_is_text_and_never_markup(value: Any) -> None:
    html = display.bundle(value)["text/html"]  # type: ignore[index]
    found = checked(html)
    assert "script" not in found.tags
    assert not {name for name in found.attributes if name.startswith("on")}
    assert "img" not in found.tags
    assert not re.search(r"""(?:src|href)=["']?https?:""", html)
    if not isinstance(value, Faces):
        assert "alert(1)" in found.text


@pytest.mark.parametrize("value", VALUES, ids=lambda v: type(v).__name__)
def test_without_its_styles_a_result_still_reads(value: Any) -> None:
    html = re.sub(r' style="[^"]*"', "", display.bundle(value)["text/html"])  # type: ignore[index]
    assert checked(html).tags & {"table", "pre"}


def test_white_space_of_a_text_is_kept() -> None:
    shown = display.bundle(Text("a  b\n\n   c\t|"))
    assert shown is not None
    assert "a  b\n\n   c\t|" in shown["text/html"]
    assert shown["text/plain"] == "a  b\n\n   c\t|"


def test_a_text_tells_how_it_came_about() -> None:
    text = Text("hi", finish_reason="length", tokens=1200, seed=7)
    assert (
        views.of(text, Showing()).in_run(10.0).figures
        == "1,200 tokens · cut at the longest length allowed · 120 tokens/s · seed 7"
    )


def test_a_label_shows_every_score_best_first() -> None:
    shown = display.bundle(Label({"label": "b", "score": 0.7}, scores={"a": 0.1, "b": 0.7, "c": 0.2}))
    assert shown is not None
    assert shown["text/plain"].splitlines() == ["▸ b  0.7000", "  c  0.2000", "  a  0.1000"]


def test_an_embedding_shows_its_size_its_norm_and_its_first_numbers() -> None:
    shown = display.bundle(Embedding([0.6, -0.8, *[0.0] * 382]))
    assert shown is not None
    assert shown["text/plain"].startswith("embedding of 384 numbers · norm 1.0000\n[0.6000, -0.8000, ")
    assert "<svg" in shown["text/html"]


@pytest.mark.parametrize("values", [[], [1.0], [float("nan"), float("inf"), 1.0], [0.0] * 10, [1.0] * 5000])
def test_any_vector_can_be_drawn(values: list[float]) -> None:
    html = display.bundle(Embedding(values))["text/html"]  # type: ignore[index]
    checked(html)
    assert "NaN" not in html
    assert len(html) < 4000


def test_a_long_batch_shows_its_first_rows_and_says_how_many_more() -> None:
    shown = display.bundle(Batch(Text(f"answer {i}") for i in range(1000)))
    assert shown is not None
    assert shown["text/html"].count("<tr") == 21
    assert "… 980 more" in shown["text/html"]
    assert "… 980 more" in shown["text/plain"]


def test_a_picture_is_stored_once_as_png() -> None:
    shown = display.bundle(Image.new("CMYK", (4, 5)))
    assert shown is not None
    assert set(shown) == {"text/plain", "image/png"}
    assert shown["image/png"].startswith(b"\x89PNG")


def test_values_too_long_for_a_page_are_said_in_words() -> None:
    value = {"vector": [0.25] * 500, "image": Image.new("L", (2, 3)), "raw": b"x" * 99, "rows": list(range(50))}
    shown = display.bundle(value)
    assert shown is not None
    for words in ("… 500 numbers", "‹image 2×3›", "‹99 bytes›", "… 30 more"):
        assert words in shown["text/plain"]


def test_formatters_name_classes_that_exist() -> None:
    for dotted in (dotted for view in views.View.all() for dotted in view.types):
        module, _, name = dotted.rpartition(".")
        found = type(None) if name == "NoneType" else getattr(importlib.import_module(module), name, MappingProxyType)
        assert f"{found.__module__}.{found.__qualname__}" == dotted


@pytest.mark.parametrize("value", [Text("hi"), Label(label="a", score=1.0), Embedding([1.0]), Batch([Text("a")])])
def test_ipython_shows_results_in_our_form_and_plainly_inside_others(shell: InteractiveShell, value: Any) -> None:
    data, _ = shell.display_formatter.format(value)
    assert data["text/plain"] == display.bundle(value)["text/plain"]  # type: ignore[index]
    inside, _ = shell.display_formatter.format([value])
    base = next(b for b in type(value).__mro__ if b in (str, dict, list))
    assert inside["text/plain"] == repr([base(value)])


def test_a_component_is_its_card_and_one_line_inside_others(shell: InteractiveShell) -> None:
    shell.run_cell(LABEL)
    handle = shell.user_ns["sentiment"]
    assert shell.display_formatter.format(handle)[0]["text/plain"].startswith("sentiment  text-classification\n")
    assert shell.display_formatter.format([handle])[0]["text/plain"] == f"[{handle!r}]"


def test_a_value_of_the_users_own_is_left_to_ipython() -> None:
    assert display.bundle(object()) is None
