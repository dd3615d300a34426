"""A comparison as a table: plain and still for every reader, and sortable where there are widgets.

A live table holds the comparison's records, which are plain values:
it keeps no model and no session alive.
"""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

from mc_jupyter.notebook.html import LINE, MUTED, ROW, TABLE, Bundle, heading, muted, widget_bundle
from mc_jupyter.notebook.png import data_uri, smaller
from mc_jupyter.notebook.showing import Showing
from mc_jupyter.notebook.views import View, _pictures
from mc_jupyter.values import is_image

if TYPE_CHECKING:
    from mc_jupyter.comparison.table import Column, Record
    from mc_jupyter.comparison.table import Comparison as Table

_LINES, _WIDTH = 4, 320  # of an answer in the table
_THUMBNAIL = 128  # pixels
_LEFT = "text-align:left;vertical-align:top;padding:4px 18px 4px 0;border:none"
_RIGHT = _LEFT.replace("left;v", "right;v", 1) + ";white-space:nowrap;font-variant-numeric:tabular-nums"
_AS_GIVEN = "as given"


class Comparison(View):
    """Variants of a component, each with what it gave and how it did; one live table for each component at a time."""

    types = ("mc_jupyter.comparison.table.Comparison",)

    def plain(self) -> str:
        return str(self.value.plain())

    def html(self) -> str:
        return html(self.value, self.showing)

    def bundle(self) -> Bundle:
        if self.showing.live is None or len(self.value) < 2:
            return super().bundle()
        name = f"compare {self.value.name}"
        table: Sortable | None = self.showing.live.get(name)
        if table is None or table.comparison is not self.value:
            table = Sortable(self.value, self.showing)
            self.showing.live.put(name, table)
        return {**super().bundle(), **table.bundle()}


# --- the table --------------------------------------------------------------------------------------------------------


def html(comparison: Table, showing: Showing) -> str:
    """The best figure of each column in bold; pictures side by side above the table."""
    shown = _side_by_side(comparison, showing)
    columns = [c for c in comparison.columns if not (shown and c.key == "output")]
    heads = "".join(f'<th style="{_side(c)};font-weight:600;{MUTED}">{escape(c.heading)}</th>' for c in columns)
    rows = "".join(
        f'<tr style="{ROW}">{"".join(_cell(comparison, record, c) for c in columns)}</tr>' for record in comparison
    )
    head = f'<tr style="{ROW};border-bottom:1px solid {LINE}">{heads}</tr>'
    notes = "".join(map(muted, comparison.notes))
    return f'{heading(comparison.title)}{shown}<table style="{TABLE}">{head}{rows}</table>{notes}'


def _side_by_side(comparison: Table, showing: Showing) -> str:
    """Where every variant that succeeded gave one picture: these side by side, under each what it was made with."""
    done = [record for record in comparison if record["error"] is None]
    if len(done) < 2 or not all(is_image(record["output"]) for record in done):
        return ""
    captions = list(map(_set, done))
    failed = "".join(
        muted(f"{_set(record)}: ✗ {record['error']}") for record in comparison if record["error"] is not None
    )
    return _pictures.grid([record["output"] for record in done], showing, captions) + failed


def _set(record: Record) -> str:
    return ", ".join(f"{name}={value}" for name, value in record["settings"].items())


def _side(column: Column) -> str:
    """Numbers stand on the right, so that their digits do."""
    return _RIGHT if column.better else _LEFT


def _cell(comparison: Table, record: Record, column: Column) -> str:
    if column.key == "output":
        inner = _answer(record)
        return f'<td style="{_LEFT};min-width:160px;max-width:420px;overflow-wrap:anywhere">{inner}</td>'
    words = escape(column.words(record))
    return f'<td style="{_side(column)}">{f"<b>{words}</b>" if comparison.is_best(record, column) else words}</td>'


def _answer(record: Record) -> str:
    from mc_jupyter.comparison.table import in_a_line

    if record["error"] is not None:
        return f'<span style="{MUTED}">✗ {_lines(record["error"])}</span>'
    output = record["output"]
    if is_image(output):
        return _thumbnail(output)
    if isinstance(output, list) and output and all(map(is_image, output)):
        return "".join(map(_thumbnail, output[:_LINES])) + _more(len(output))
    if isinstance(output, str):
        return _lines(output)
    if isinstance(output, list) and output and not isinstance(output[0], float):
        return "<br>".join(escape(in_a_line(item, _WIDTH // 2)) for item in output[:_LINES]) + _more(len(output))
    return escape(in_a_line(output, _WIDTH))


def _lines(text: str) -> str:
    """The first lines of a text, its line ends kept."""
    short = "\n".join(text.strip().split("\n")[:_LINES])[:_WIDTH]
    return escape(short).replace("\n", "<br>") + ("…" if len(short) < len(text.strip()) else "")


def _more(count: int) -> str:
    return f'<div style="{MUTED}">… {count - _LINES:,} more</div>' if count > _LINES else ""


def _thumbnail(image: Any) -> str:
    return (
        f'<img alt="image of {image.width}×{image.height} pixels" style="margin:0 6px 6px 0;border-radius:4px" '
        f'src="{data_uri(smaller(image, _THUMBNAIL))}">'
    )


# --- the live view ----------------------------------------------------------------------------------------------------


class Sortable:
    """One open table: a choice of the column to sort by, and the rows under it."""

    def __init__(self, comparison: Table, showing: Showing):
        import ipywidgets as widgets

        from mc_jupyter.notebook.letters import Letters

        self.comparison, self._showing = comparison, replace(showing, live=None)
        options = [(_AS_GIVEN, ""), *((c.heading, c.key) for c in comparison.columns)]
        self.by = widgets.Dropdown(
            options=options,
            value="",
            description="sort by",
            layout={"width": "260px"},
            style={"description_width": "60px"},
        )
        self.reverse = widgets.ToggleButton(
            value=False, description="reversed", icon="sort", layout={"width": "110px"}, tooltip="The last row first"
        )
        self.rows = Letters(html(comparison, showing))
        self.box = widgets.VBox([widgets.HBox([self.by, self.reverse]), self.rows], layout={"padding": "4px 0"})
        for control in (self.by, self.reverse):
            control.observe(self._sort, "value")

    def _sort(self, change: Any) -> None:
        self.rows.value = html(self.sorted(), self._showing)

    def sorted(self) -> Table:
        """The comparison as the controls say."""
        if self.by.value:
            return self.comparison.sorted(self.by.value, reverse=self.reverse.value)
        return self.comparison.reversed() if self.reverse.value else self.comparison

    def bundle(self) -> Bundle:
        return widget_bundle(self.box)

    def close(self) -> None:
        """Free the widgets: ipywidgets keeps each one until then."""
        for widget in (self.by, self.reverse, self.rows, *self.box.children, self.box):
            widget.close()
