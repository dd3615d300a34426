"""Widgets for a component's inputs, and what they say: those of a form and of a panel.

Of a component with several actions, the inputs are those of the one that is chosen above them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import InputError
from mc_jupyter.notebook.html import Table, number
from mc_jupyter.trust.permissions import NOTHING, Permissions
from mc_jupyter.values import describe
from mc_jupyter.values.scalars import typed_value
from mc_jupyter.words import DEFAULT

if TYPE_CHECKING:
    from mc_jupyter.components import Planned
    from mc_jupyter.language.inputs import Input

_WIDE = {"width": "560px"}
_NARROW = {"width": "320px"}
_STYLE = {"description_width": "120px"}

Dress = Callable[[Any, str], Any]
"""Told a field and the words that describe it: what stands in the column for it."""


def inputs_of(planned: Planned) -> dict[str, tuple[Input, ...]]:
    """The inputs of each action by its name, the one first that runs when none is named."""
    component = planned.component
    first = component.first_action.id
    names = [first, *(one.id for one in component.actions if one.id != first)]
    return {name: planned.inputs_for(name) for name in names}


class InputFields:
    """A field for each input, under a choice of the action where there are several.

    `inputs` are those of each action, `action` the one to begin with, `given` the values to begin at (what is not said
    begins at its default). `dress` makes of a field what stands in the column. `close` frees the widgets.
    """

    def __init__(
        self,
        inputs: Mapping[str, tuple[Input, ...]],
        given: Mapping[str, Any],
        dress: Dress,
        *,
        action: str = DEFAULT,
        permissions: Permissions = NOTHING,
    ):
        import ipywidgets as widgets

        self.by_action = inputs
        self.fields: dict[str, Any] = {}
        self._given, self._dress, self._permissions = dict(given), dress, permissions
        self.action = action if action in inputs else next(iter(inputs))
        self.chooser: Any = None
        self.widget = widgets.VBox(layout={"margin": "0", "overflow": "visible"})
        if len(inputs) > 1:
            self.chooser = widgets.Dropdown(
                options=tuple(inputs), value=self.action, description="action", layout=_NARROW, style=_STYLE,
                tooltip="what it is asked to do",
            )  # fmt: skip
            self._head = dress(self.chooser, "")
            self.chooser.observe(lambda change: self.choose(change["new"]), "value")
        self._fill()

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Those of the action that is chosen."""
        return self.by_action[self.action]

    def choose(self, action: str) -> None:
        """Another action: its inputs, those of the same name with what was typed."""
        self._given |= self.typed()
        self.action = action
        self._fill()

    def _fill(self) -> None:
        old = self.widget.children[1 if self.chooser else 0 :]
        self.fields = {
            one.name: field_for(one, self._given.get(one.name, one.default), self._permissions) for one in self.inputs
        }
        self._begun = {name: getattr(field, "value", None) for name, field in self.fields.items()}
        lines = [self._dress(self.fields[one.name], one.description) for one in self.inputs]
        self.widget.children = (self._head, *lines) if self.chooser else tuple(lines)
        _close(old)

    def values(self) -> dict[str, Any]:
        """What the fields say now. An empty field is an input that nobody gave."""
        found = {one.name: value_of(one, self.fields[one.name]) for one in self.inputs}
        return {name: value for name, value in found.items() if value is not None}

    def typed(self) -> dict[str, Any]:
        """What was put into the fields, as a field of that name takes it again; not what they began at."""
        values = {name: getattr(field, "value", None) for name, field in self.fields.items()}
        put = {name: value for name, value in values.items() if value != self._begun[name] or name in self._given}
        return {name: value for name, value in put.items() if isinstance(value, str | int | float | bytes | Path)}

    def close(self) -> None:
        """Free the widgets: ipywidgets keeps each one until then."""
        _close((self.widget,))


def _close(widgets: Iterable[Any]) -> None:
    """Close widgets and what is in them, their layouts and styles too."""
    for one in widgets:
        _close(getattr(one, "children", ()))
        for part in (one, one.layout, getattr(one, "style", None)):
            if part is not None:
                part.close()


def table(inputs: Mapping[str, tuple[Input, ...]]) -> Table:
    """The inputs for readers without widgets: kind, default and hint; of several actions, each with its name."""
    rows = [(action, *row) for action, several in inputs.items() for row in map(_row, several)]
    if len(inputs) > 1:
        return Table(("action", "input", "is", "default", ""), tuple(rows))
    return Table(("input", "is", "default", ""), tuple(row[1:] for row in rows))


def _row(one: Input) -> tuple[str, str, str, str]:
    return one.name, _kind(one), "needed" if one.required else _written(one.default), one.description


def field_for(one: Input, value: Any, permissions: Permissions = NOTHING) -> Any:
    """The widget for an input: a text area, number, slider, select, checkbox, file button or a place for an image."""
    import ipywidgets as widgets

    named = {"description": one.name, "style": _STYLE, "tooltip": one.description or one.name}
    if one.kind == "boolean":
        return widgets.Checkbox(value=bool(value), indent=True, **named)
    if one.kind == "select" and one.options:
        return widgets.Dropdown(
            options=one.options, value=value if value in one.options else one.options[0], layout=_NARROW, **named
        )
    if one.kind in ("slider", "number", "integer"):
        return _number_field(one, value, named)
    if one.kind == "image":
        from mc_jupyter.notebook.image_field import ImageField

        return ImageField(one.name, one.description or one.name, value, permissions)
    if one.of.file:
        accept = f"{one.kind}/*" if one.kind in ("audio", "video") else ""
        return widgets.FileUpload(accept=accept, multiple=False, **named)
    text = "" if value is None else value if isinstance(value, str) else _written(value)
    return widgets.Textarea(value=text, rows=3 if one.kind == "text" else 5, layout=_WIDE, **named)


def in_column(field: Any, label: str) -> None:
    """Let a field take the room there is, its name in a column this wide."""
    if hasattr(field, "name_width"):
        field.name_width(label)
    else:
        field.style.description_width = label
    field.layout.width = "auto"


def _number_field(one: Input, value: Any, named: dict[str, Any]) -> Any:
    import ipywidgets as widgets

    whole = one.kind == "integer" or (
        isinstance(one.step, int | float) and float(one.step).is_integer() and _is_whole(one.minimum)
    )
    cast = int if whole else float
    value = _as_number(value)
    low, high = one.minimum, one.maximum
    if low is not None and high is not None:
        start = low if value is None else value
        kind = widgets.IntSlider if whole else widgets.FloatSlider
        step = one.step or (1 if whole else (high - low) / 100)
        return kind(
            value=cast(start),
            min=cast(low),
            max=cast(high),
            step=cast(step),
            layout=_WIDE,
            continuous_update=False,
            **named,
        )
    if value is None and low is None:
        # A number field cannot be empty; a text field can, and nobody is given a 0 that they did not write.
        return widgets.Text(value="", layout=_NARROW, placeholder="a whole number" if whole else "a number", **named)
    start = value if value is not None else low or 0
    return (widgets.IntText if whole else widgets.FloatText)(value=cast(start), layout=_NARROW, **named)


def _as_number(value: Any) -> float | None:
    """A default as a number: `| 0.7` is text until it reaches its field."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _is_whole(value: float | None) -> bool:
    return value is not None and float(value).is_integer()


def value_of(one: Input, field: Any) -> Any:
    """What a field says; None when it is empty."""
    value = field.value
    if one.kind == "image":
        return value
    if one.of.file:
        return bytes(value[0]["content"]) if value else None
    if isinstance(value, str) and one.kind not in ("text", "select"):
        return _read(one, value)
    return None if value == "" else value


def _read(one: Input, text: str) -> Any:
    """JSON or a number that was typed as text."""
    if not text.strip():
        return None
    try:
        return typed_value(text)
    except ValueError as error:
        raise InputError(f"{one.name} should be a {one.kind}, and is {describe(text)}: {error}") from None


def _kind(one: Input) -> str:
    if one.options:
        return " or ".join(one.options)
    if one.minimum is not None and one.maximum is not None:
        return f"{number(one.minimum)} to {number(one.maximum)}"
    return one.kind


def _written(value: Any) -> str:
    """A default in a table or in a text area."""
    if value is None:
        return ""
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
