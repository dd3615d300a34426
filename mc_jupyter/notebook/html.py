"""The words of HTML: one form that reads in light and dark themes and on GitHub, and beside it the plain text.

Everything a model, a file or a user wrote is escaped and stands inside `letters`; there is no script and nothing is
fetched. Styles are inline and
use the theme's own text colour, so a viewer that strips them (GitHub) still shows headings, tables and `<pre>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from mc_jupyter.words import visible

Bundle = dict[str, Any]
"""What an output holds: a rendering for each MIME type."""

ROWS = 20  # of a batch, before "… 980 more"
WIDTH = 160  # characters of a text in a table's cell

ACCENT = "#4c8dff"
LINE = "rgba(128,128,128,.28)"
FONT = (
    "font-family:var(--jp-ui-font-family,system-ui,-apple-system,'Segoe UI',sans-serif);font-size:13px;line-height:1.5"
)
_MONO = "font-family:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace);font-size:12px"
_BOX = "border-radius:8px;padding:12px 16px;margin:2px 0;max-width:760px;box-sizing:border-box"
_FRAME = f"{FONT};border:1px solid {LINE};{_BOX}"
MUTED = "opacity:.62"
TABLE = f"{FONT};border-collapse:collapse;border:none;margin:0;width:auto;text-align:left"
ROW = "background:transparent"
_CELL = "text-align:left;vertical-align:top;padding:4px 20px 4px 0;border:none"
# JupyterLab breaks words of a <pre> anywhere, unless told not to.
_PRE = (
    "white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere;"
    "margin:0;padding:0;background:transparent;border:none;color:inherit"
)
_AS_IS = "mathjax_ignore tex2jax_ignore"
_SANS = FONT.replace("font-size:13px", "font-size:14px")


def letters(inner: str) -> str:
    """HTML whose text is read letter by letter: MathJax typesets nothing in it.

    Front-ends typeset every HTML output and widget, and TeX has links of its own: `\\(\\href{…}{…}\\)`. The classes are
    those that MathJax 3 (JupyterLab) and 2 (nbconvert, nbviewer) skip, with all that is inside.
    """
    return f'<div class="{_AS_IS}">{visible(inner)}</div>' if inner else ""


def described(name: str) -> dict[str, Any]:
    """The description of a widget that somebody else named. Descriptions are typeset as well, but for a button's."""
    if not {"$", "\\"} & set(name):  # TeX begins with one of them
        return {"description": visible(name)}
    return {"description": f'<span class="{_AS_IS}">{escape(visible(name))}</span>', "description_allow_html": True}


def muted(text: str) -> str:
    """A line of figures under a result."""
    return f'<div style="{FONT};font-size:12px;{MUTED};margin-top:6px"><small>{escape(text)}</small></div>'


def pre(text: str, *, mono: bool = True) -> str:
    """Text exactly as it is: white-space kept, nothing interpreted."""
    return f'<pre style="{_PRE};{_MONO if mono else _SANS}">{escape(text)}</pre>'


def code(text: str) -> str:
    return f'<code style="{_MONO};background:transparent;color:inherit;padding:0;border:none">{escape(text)}</code>'


def frame(inner: str) -> str:
    return f'<div style="{_FRAME}">{inner}</div>'


def bar(share: float, *, width: int = 120) -> str:
    """A small horizontal bar, filled from the left."""
    filled = round(100 * min(1.0, max(0.0, share)), 1)
    return (
        f'<span style="display:inline-block;vertical-align:middle;width:{width}px;height:6px;border-radius:3px;'
        f'background:rgba(128,128,128,.22)"><span style="display:block;width:{filled}%;height:6px;border-radius:3px;'
        f'background:{ACCENT}"></span></span>'
    )


def number(value: float) -> str:
    """Four digits of a fraction, all of a whole number: `0.3333`, `16384`."""
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e15 and value == int(value) else f"{value:.4g}"


def cut(text: str, width: int = WIDTH) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def pairs(rows: Sequence[tuple[str, str]]) -> str:
    """Rows of a name and what it is."""
    cells = "".join(
        f'<tr style="{ROW}"><td style="text-align:left;vertical-align:top;padding:2px 20px 2px 0;border:none;'
        f'white-space:nowrap;{MUTED}">{escape(name)}</td><td style="text-align:left;vertical-align:top;padding:2px 0;'
        f'border:none;overflow-wrap:anywhere">{escape(text)}</td></tr>'
        for name, text in rows
    )
    return f'<table style="{TABLE}">{cells}</table>'


def heading(title: str) -> str:
    return f'<div style="{FONT};font-weight:600;margin-bottom:4px"><b>{escape(title)}</b></div>' if title else ""


def aligned(rows: Sequence[tuple[str, str]], indent: str = "  ") -> str:
    """The same rows in plain text."""
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{indent}{name:<{width}}  {text}" for name, text in rows)


@dataclass(frozen=True)
class Table:
    """Rows under headings, with a title above and a remark below. `coded` sets the first column as code."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    remark: str = ""
    coded: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return visible(self.plain())

    def plain(self) -> str:
        headed = self.rows and any(self.columns)
        table = [self.columns, *self.rows] if headed else list(self.rows)
        widths = [max((len(row[i]) for row in table), default=0) for i in range(len(self.columns))]
        lines = ["  ".join(f"{text:<{w}}" for text, w in zip(row, widths, strict=True)).rstrip() for row in table]
        if headed:
            lines.insert(1, "  ".join("─" * w for w in widths).rstrip())
        return "\n".join(part for part in (self.title, *lines, self.remark) if part)

    def html(self) -> str:
        body = "".join(self._html_row(row) for row in self.rows)
        table = f'<table style="{TABLE}">{self._html_head()}{body}</table>' if self.rows else ""
        return f"{heading(self.title)}{table}{muted(self.remark) if self.remark else ''}"

    def _html_head(self) -> str:
        if not any(self.columns):
            return ""
        heads = "".join(f'<th style="{_CELL};font-weight:600;{MUTED}">{escape(c)}</th>' for c in self.columns)
        return f'<tr style="{ROW};border-bottom:1px solid {LINE}">{heads}</tr>'

    def _html_row(self, row: tuple[str, ...]) -> str:
        cells = [code(text) if self.coded and not i else escape(text) for i, text in enumerate(row)]
        return (
            f'<tr style="{ROW}">'
            + "".join(f'<td style="{_CELL};overflow-wrap:anywhere">{c}</td>' for c in cells)
            + "</tr>"
        )

    def _repr_mimebundle_(self, **asked: Any) -> Bundle:
        return bundle(self.plain(), self.html())


@dataclass(frozen=True)
class Page:
    """A few lines of text under a heading: what `help`, `show` and `check` answer."""

    title: str
    text: str

    def __repr__(self) -> str:
        return visible(f"{self.title}\n\n{self.text}" if self.title else self.text)

    def _repr_mimebundle_(self, **asked: Any) -> Bundle:
        return bundle(repr(self), heading(self.title) + pre(self.text))


# --- whole outputs ----------------------------------------------------------------------------------------------------


def bundle(plain: str, html: str) -> Bundle:
    """Both renderings of one output. Whatever HTML leaves this folder goes by here, or by `letters.Letters`."""
    return {"text/plain": visible(plain), "text/html": letters(html)}


def text_bundle(text: str, figures: str = "") -> Bundle:
    """Text as it was written, and under it, in grey, how it came about."""
    plain = f"{text}\n\n[{figures}]" if figures else text
    return bundle(plain, pre(text, mono=False) + (muted(figures) if figures else ""))


def widget_bundle(widget: Any) -> Bundle:
    """A live widget, for where its kernel runs."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {"application/vnd.jupyter.widget-view+json": view}


def noted(shown: Bundle, notes: Sequence[str]) -> Bundle:
    """The bundle with lines under it that a reader should see, each once."""
    if not notes:
        return shown
    lines = list(dict.fromkeys(notes))
    under = bundle("\n".join(lines), "".join(map(muted, lines)))
    told = {**shown, "text/plain": "\n".join(filter(None, [shown.get("text/plain"), under["text/plain"]]))}
    if "text/html" in shown:
        told["text/html"] = shown["text/html"] + under["text/html"]
    return told
