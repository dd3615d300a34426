"""A form made from a component's inputs, of core ipywidgets but for images, with a table for readers without widgets.

The form holds its component weakly: a widget lives until it is closed, and must keep no model and no session alive.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import ComposeError, InputError
from mc_jupyter.notebook.answer import Answer
from mc_jupyter.notebook.html import Bundle, Table, number
from mc_jupyter.trust.permissions import NOTHING, Permissions

if TYPE_CHECKING:
    from mc_jupyter.language.inputs import Input
    from mc_jupyter.session import Handle

_WIDE = {"width": "560px"}
_NARROW = {"width": "320px"}
_BUTTON = {"width": "112px", "margin": "6px 0 8px 128px"}  # under the fields, not under their names
_STYLE = {"description_width": "120px"}


class Form:
    """One open form: a field for each input, a Run button, and the answer under it."""

    def __init__(self, handle: Handle, given: Mapping[str, Any]):
        import ipywidgets as widgets

        self.name = handle.name
        self._handle = weakref.ref(handle)
        self._inputs = handle.inputs
        self._lock = threading.Lock()
        allowed = handle.permissions
        self.fields = {one.name: field_for(one, given.get(one.name, one.default), allowed) for one in handle.inputs}
        self.button = widgets.Button(description="Run", button_style="primary", icon="play", layout=_BUTTON)
        self.answer = widgets.Output()
        self.button.on_click(self._clicked)
        hints = [_with_hint(self.fields[one.name], one) for one in handle.inputs]
        self.box = widgets.VBox([*hints, self.button, self.answer], layout={"max_width": "760px", "padding": "4px 0"})

    def bundle(self) -> Bundle:
        """The form where there are widgets; elsewhere, and in the saved notebook, a table of the inputs."""
        return {
            **Table(("input", "is", "default", ""), rows(self._inputs))._repr_mimebundle_(),
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.box.model_id,
            },
        }

    def values(self) -> dict[str, Any]:
        """What the fields say now. An empty field is an input that nobody gave."""
        found = {one.name: value_of(one, self.fields[one.name]) for one in self._inputs}
        return {name: value for name, value in found.items() if value is not None}

    def _clicked(self, button: Any) -> None:
        # Comms may come in a thread of their own (ipykernel 7.1 to 7.3): one run at a time.
        if not self._lock.acquire(blocking=False):
            return
        button.disabled, button.description = True, "Running…"
        answer = Answer(self.answer)
        try:
            answer.run(self._defined(), self.values())
        except ComposeError as error:
            self.answer.outputs = ()
            answer.fail(error)
        finally:
            button.disabled, button.description = False, "Run"
            self._lock.release()

    def _defined(self) -> Handle:
        handle = self._handle()
        if handle is None:
            raise InputError(f"{self.name} is no longer defined", fix="run its cell again")
        return handle

    def close(self) -> None:
        """Free the widgets: ipywidgets keeps each one until then."""
        for widget in (*self.fields.values(), self.button, self.answer, *self.box.children, self.box):
            widget.close()


def rows(inputs: Iterable[Input]) -> tuple[tuple[str, str, str, str], ...]:
    """The inputs for readers without widgets: name, kind, default and hint."""
    return tuple((i.name, _kind(i), "needed" if i.required else _written(i.default), i.description) for i in inputs)


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
        return float(value)
    except (TypeError, ValueError):
        return None


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
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise InputError(f"{one.name} should be a {one.kind}, and is {text!r}") from None


def _with_hint(field: Any, one: Input) -> Any:
    if not one.description:
        return field
    import ipywidgets as widgets

    return widgets.VBox(
        [
            field,
            widgets.HTML(
                f'<span style="margin-left:128px;opacity:.62;font-size:12px">{escape(one.description)}</span>'
            ),
        ]
    )


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
