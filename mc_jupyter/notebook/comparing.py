"""A comparison as a table: plain and still for every reader, and sortable where there are widgets.

The words of `%compose compare` are read here too. A live table holds the comparison's records, which are plain values:
it keeps no model and no session alive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from mc_jupyter.comparison.table import OUTPUT, Column, Comparison, Record, in_a_line
from mc_jupyter.errors import InputError
from mc_jupyter.notebook import pictures
from mc_jupyter.notebook.html import LINE, MUTED, ROW, TABLE, Bundle, heading, muted
from mc_jupyter.notebook.png import data_uri, smaller
from mc_jupyter.values import is_image

if TYPE_CHECKING:
    from mc_jupyter.notebook.magics import ComposeMagics

_FIELD = re.compile(r"(?P<name>[^\s=:]+)=(?P<values>.*)", re.DOTALL)
_LINES, _WIDTH = 4, 320  # of an answer in the table
_THUMBNAIL = 128  # pixels
_LEFT = "text-align:left;vertical-align:top;padding:4px 18px 4px 0;border:none"
_RIGHT = _LEFT.replace("left;v", "right;v", 1) + ";white-space:nowrap;font-variant-numeric:tabular-nums"
_AS_GIVEN = "as given"


# --- the words of the line --------------------------------------------------------------------------------------------


def grid_of(words: Sequence[str]) -> tuple[dict[str, list[Any]], list[str]]:
    """The grid that `field=value,value` words name, and the words of inputs after `-i`.

    Values are read as a YAML list reads them: a comma inside quotes, brackets or braces does not part them.

    >>> grid_of(["precision=float32,bfloat16", "adapters.a=0,0.5", "-i", "text=a, b"])
    ({'precision': ['float32', 'bfloat16'], 'adapters.a': [0, 0.5]}, ['text=a, b'])
    """
    grid: dict[str, list[Any]] = {}
    inputs: list[str] = []
    waiting = iter(words)
    for word in waiting:
        if word in ("-i", "--input"):
            inputs.append(_after(word, next(waiting, None)))
        elif word.startswith(("--input=", "-i")):
            inputs.append(word.removeprefix("--input=").removeprefix("-i"))
        else:
            name, values = _field(word)
            if name in grid:
                raise InputError(f"{name} is given twice", fix=f"{name}=…,… names all its values at once")
            grid[name] = values
    if not grid:
        raise InputError("nothing to compare", fix="precision=float32,bfloat16 -i text='…'")
    return grid, inputs


def _after(flag: str, word: str | None) -> str:
    if word is None:
        raise InputError(f"{flag} names no input", fix=f"{flag} text='…'")
    return word


def _field(word: str) -> tuple[str, list[Any]]:
    """A field's name and its values."""
    found = _FIELD.fullmatch(word)
    if found is None:
        raise InputError(f"{word!r} names no values to compare", fix=f"{word.strip(':=') or 'precision'}=VALUE,VALUE")
    import yaml

    name, written = found["name"], found["values"]
    try:
        values = yaml.safe_load(f"[{written}]")
    except yaml.YAMLError:
        values = None
    if not values or not isinstance(values, list):
        raise InputError(
            f"{name} has no values that can be read: {written!r}", fix=f"""{name}=VALUE,VALUE, or {name}='"a, b", c'"""
        )
    return name, values


# --- the table --------------------------------------------------------------------------------------------------------


def static(comparison: Comparison) -> Bundle:
    """The table as text and as HTML, the best figure of each column in bold; pictures side by side above it."""
    return {"text/plain": comparison.plain(), "text/html": html(comparison)}


def html(comparison: Comparison) -> str:
    shown = _pictures(comparison)
    columns = [c for c in comparison.columns if not (shown and c is OUTPUT)]
    heads = "".join(f'<th style="{_side(c)};font-weight:600;{MUTED}">{escape(c.heading)}</th>' for c in columns)
    rows = "".join(
        f'<tr style="{ROW}">{"".join(_cell(comparison, record, c) for c in columns)}</tr>' for record in comparison
    )
    head = f'<tr style="{ROW};border-bottom:1px solid {LINE}">{heads}</tr>'
    remarks = "".join(map(muted, comparison.remarks))
    return f'{heading(comparison.title)}{shown}<table style="{TABLE}">{head}{rows}</table>{remarks}'


def _pictures(comparison: Comparison) -> str:
    """Where every variant that succeeded gave one picture: these side by side, under each what it was made with."""
    done = [record for record in comparison if record["error"] is None]
    if len(done) < 2 or not all(is_image(record["output"]) for record in done):
        return ""
    captions = list(map(_set, done))
    failed = "".join(
        muted(f"{_set(record)}: ✗ {record['error']}") for record in comparison if record["error"] is not None
    )
    return pictures.grid([record["output"] for record in done], pictures.here(), captions) + failed


def _set(record: Record) -> str:
    return ", ".join(f"{name}={value}" for name, value in record["settings"].items())


def _side(column: Column) -> str:
    """Numbers stand on the right, so that their digits do."""
    return _RIGHT if column.better else _LEFT


def _cell(comparison: Comparison, record: Record, column: Column) -> str:
    if column is OUTPUT:
        inner = _answer(record)
        return f'<td style="{_LEFT};min-width:160px;max-width:420px;overflow-wrap:anywhere">{inner}</td>'
    words = escape(column.words(record))
    return f'<td style="{_side(column)}">{f"<b>{words}</b>" if comparison.is_best(record, column) else words}</td>'


def _answer(record: Record) -> str:
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

    def __init__(self, comparison: Comparison):
        import ipywidgets as widgets

        self.comparison = comparison
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
        self.rows = widgets.HTML(html(comparison))
        self.box = widgets.VBox([widgets.HBox([self.by, self.reverse]), self.rows], layout={"padding": "4px 0"})
        for control in (self.by, self.reverse):
            control.observe(self._sort, "value")

    def _sort(self, change: Any) -> None:
        self.rows.value = html(self.sorted())

    def sorted(self) -> Comparison:
        """The comparison as the controls say."""
        if self.by.value:
            return self.comparison.sorted(self.by.value, reverse=self.reverse.value)
        return self.comparison.reversed() if self.reverse.value else self.comparison

    def bundle(self) -> Bundle:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        return {**static(self.comparison), "application/vnd.jupyter.widget-view+json": view}

    def close(self) -> None:
        """Free the widgets: ipywidgets keeps each one until then."""
        for widget in (self.by, self.reverse, self.rows, *self.box.children, self.box):
            widget.close()


def bundle(comparison: Comparison, notebook: ComposeMagics | None = None) -> Bundle:
    """What a comparison looks like: with a live table where somebody can use it; one for each component at a time.

    `notebook` is the one of the running shell unless it is given; it closes the tables when it goes.
    """
    notebook = notebook or _here()
    if notebook is None or not notebook.interactive or len(comparison) < 2:
        return static(comparison)
    name = f"compare {comparison.name}"  # no component's name: those have no blanks
    table: Sortable | None = notebook.open_forms.get(name)
    if table is None or table.comparison is not comparison:
        if table is not None:
            table.close()
        table = notebook.open_forms[name] = Sortable(comparison)
    return table.bundle()


def _here() -> ComposeMagics | None:
    from IPython.core.getipython import get_ipython

    from mc_jupyter.notebook.magics import ComposeMagics

    shell = get_ipython()
    return ComposeMagics.of(shell) if shell is not None else None
