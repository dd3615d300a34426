"""How the panel looks: its few layouts and styles, shared by all of its widgets, and small pieces of HTML.

ipywidgets gives every widget a layout and a style of its own, each with a comm: sharing them makes a panel open in a
third of the time. It also keeps every widget until it is closed, so a `Looks` closes all that it made.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from mc_jupyter.errors import ComposeError
from mc_jupyter.notebook.html import ACCENT, FONT, LINE, MUTED, code, pre
from mc_jupyter.words import in_order

_LINE = f"1px solid {LINE}"
_BAD = "#d9534f"  # reads on white and on black
LABEL = "132px"
"""How wide the column of names is."""

_LAYOUTS: dict[str, dict[str, str]] = {
    "plain": {},
    "frame": {"max_width": "760px", "padding": "10px 16px 12px", "border": _LINE, "overflow": "hidden"},
    "none": {"display": "none"},
    "column": {"margin": "0", "overflow": "visible"},
    "row": {"margin": "0", "align_items": "center", "flex_flow": "row wrap", "overflow": "visible"},
    "line": {"margin": "0", "align_items": "center", "overflow": "visible"},
    "segments": {"margin": "2px 0", "flex_flow": "row wrap", "flex": "1 1 0", "overflow": "visible"},
    "segment": {"width": "auto", "min_width": "44px", "height": "26px", "padding": "0 9px", "margin": "0 1px 1px 0"},
    "label": {"width": LABEL, "min_width": LABEL, "margin": "0 8px 0 2px"},
    "field": {"width": "auto", "flex": "1 1 0", "min_width": "0"},
    "expression": {"flex": "1 1 0", "min_width": "0", "overflow": "hidden"},
    "html": {"margin": "0", "width": "auto"},
    "below": {"margin": f"0 0 2px calc({LABEL} + 10px)", "width": "auto"},
    "icon": {"width": "26px", "height": "26px", "padding": "0", "margin": "0 0 0 4px"},
    "no icon": {"width": "26px", "height": "26px", "padding": "0", "margin": "0 0 0 4px", "visibility": "hidden"},
    "button": {"width": "auto", "min_width": "76px", "padding": "0 12px", "margin": "2px 6px 2px 0"},
    "check": {"width": "auto", "min_width": LABEL, "margin": "0 8px 0 2px"},
    "name": {"width": LABEL, "margin": "2px 8px 2px 2px"},
    "pending": {
        "border_left": f"3px solid {ACCENT}", "padding": "2px 10px 4px", "margin": "6px 0 2px", "overflow": "visible",
    },
    "grid": {
        "grid_template_columns": "repeat(auto-fit, minmax(min(320px, 100%), 1fr))",
        "grid_gap": "0 20px", "margin": "0", "overflow": "visible",
    },
    "fold": {"margin": "4px 0 0"},
}  # fmt: skip

CLASS = "mc-jupyter-panel"

_SHEET = """
.P .widget-readout { min-width: 42px; padding: 0 2px }
.P .jupyter-button { border-radius: 3px }
.P .jupyter-button.mod-active { box-shadow: none }
.P .widget-checkbox { justify-content: flex-end; align-items: center }
.P .widget-checkbox input { margin: 0 4px 0 0 }
.P .jupyter-widget-Collapse-header, .P .jupyter-widget-Collapse-contents {
  background: transparent; border: none; box-shadow: none; padding: 2px 0 }
.P .jupyter-widget-Collapse-header { font-weight: normal; font-size: 12px; opacity: .75; line-height: 1.5 }
.P .widget-html-content { min-width: 0 }
.P .jupyter-widget-Collapse { margin: 0 }
"""


class Looks:
    """Makes a panel's widgets, and closes them. A part that comes and goes has one of its own, `within` the panel's."""

    def __init__(self, within: Looks | None = None):
        self._within = within
        self._layouts: dict[str, Any] = {} if within is None else within._layouts
        self._styles: dict[type, Any] = {} if within is None else within._styles
        self._made: list[Any] = []

    def make(self, kind: type, layout: str = "plain", **traits: Any) -> Any:
        """A widget of this class in one of the layouts."""
        if kind in self._styles:
            traits["style"] = self._styles[kind]
        made = kind(layout=self.layout(layout), **traits)
        if "style" in made.traits() and kind not in self._styles:
            self._styles[kind] = self._styled(made.style)
        self._made.append(made)
        return made

    def layout(self, name: str) -> Any:
        import ipywidgets as widgets

        if name not in self._layouts:
            self._layouts[name] = widgets.Layout(**_LAYOUTS[name])
        return self._layouts[name]

    @staticmethod
    def _styled(style: Any) -> Any:
        if style.has_trait("description_width"):
            style.description_width = LABEL
        return style

    def html(self, value: str = "", layout: str = "html") -> Any:
        from mc_jupyter.notebook.letters import Letters

        return self.make(Letters, layout, value=value)

    def button(
        self,
        text: str,
        click: Callable[[], None],
        *,
        icon: str = "",
        tooltip: str = "",
        kind: str = "",
        layout: str = "button",
    ) -> Any:
        import ipywidgets as widgets

        made = self.make(widgets.Button, layout, description=text, icon=icon, tooltip=tooltip, button_style=kind)
        made.on_click(lambda _: click())
        return made

    def close(self) -> None:
        shared = () if self._within else (*self._layouts.values(), *self._styles.values())
        for one in (*self._made, *shared):
            one.close()
        self._made.clear()
        if self._within is None:
            self._layouts.clear()
            self._styles.clear()


def sheet() -> str:
    """What layouts cannot say. A front-end that drops it shows a panel that is a little less dense."""
    return f"<style>{_SHEET.replace('.P ', f'.{CLASS} ')}</style>"


class Hint:
    """A line of HTML that takes no room while it is empty."""

    def __init__(self, looks: Looks, layout: str = "below"):
        self._looks, self._layout = looks, layout
        self.widget = looks.html("", "none")
        self.text = ""

    def say(self, html: str) -> None:
        if html != self.text:
            self.text = self.widget.value = html
            self.widget.layout = self._looks.layout(self._layout if html else "none")


def small(inner: str, style: str = MUTED) -> str:
    return f'<div style="{FONT};font-size:12px;line-height:1.4;{style}">{inner}</div>'


def section(title: str) -> str:
    """A muted heading with a line above it."""
    style = f"{FONT};font-size:11px;font-weight:600;letter-spacing:.05em;{MUTED};line-height:1.3"
    return f'<div style="{style};margin:10px 0 3px;padding-top:8px;border-top:{_LINE}">{escape(title.upper())}</div>'


def label(name: str, description: str) -> str:
    """A field's name at the left of its control, as ipywidgets sets its own."""
    style = "text-align:right;line-height:28px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis"
    return f'<div title="{escape(description)}" style="{style};font-size:13px">{escape(name)}</div>'


def one_line(told: str, written: str) -> str:
    """What is written in a cell, beside a word on it, cut at the end of the line."""
    style = "line-height:28px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis;font-size:13px"
    said = f'<span style="{MUTED}">{escape(told)}</span> {code(written)}'
    return f'<div title="{escape(written)}" style="{style}">{said}</div>'


def wrong(error: ComposeError) -> str:
    """An error as the cell says it, without the lines of the cell: the control above it is the place."""
    return small("<br>".join(_problem(p.message, p.fix) for p in error.problems), f"color:{_BAD}")


def _problem(message: str, fix: str | None) -> str:
    way_out = f' <span style="opacity:.8">→ {escape(in_order(fix))}</span>' if fix else ""
    return escape(in_order(message)) + way_out


def reasons(found: dict[str, str]) -> str:
    """Why options are disabled, those of one reason together."""
    groups: dict[str, list[str]] = {}
    for option, reason in found.items():
        groups.setdefault(reason, []).append(option)
    return small(" · ".join(f"{escape(', '.join(options))}: {escape(why)}" for why, options in groups.items()))


def document(text: str, remark: str) -> str:
    """A cell to copy: one click selects all of it (a kernel cannot reach the clipboard)."""
    box = f"user-select:all;border:{_LINE};border-radius:4px;padding:8px 10px;margin-top:6px"
    told = " · ".join(filter(None, ["a click selects all of it", remark]))
    return f'<div style="{box}">{pre(text)}</div>{small(escape(told))}'
