"""One control for one setting: a row of words, a slider, a text field, or the expression that sets it.

A control knows nothing of models: it shows a state, and tells its owner what the user chose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mc_jupyter.notebook.panel.looks import Hint, Looks, label, one_line, reasons
from mc_jupyter.notebook.panel.settings import Setting, State, is_choice, options_of, said

Chosen = Callable[[str, Any], None]
"""Told the setting's name and the value that the user chose; None is the default."""


class Control:
    """A setting's widgets: its field, a button back to the default, and lines for reasons and errors."""

    def __init__(self, looks: Looks, setting: Setting, state: State, chosen: Chosen):
        import ipywidgets as widgets

        self.setting, self._looks, self._chosen = setting, looks, chosen
        self.hint, self.error = Hint(looks), Hint(looks)
        fields = self.fields(state)
        self.reset = looks.button(
            "", self._back, icon="undo", tooltip=f"{setting.name}: back to the default", layout="no icon"
        )
        row = looks.make(widgets.HBox, "line", children=(*fields, self.reset))
        self.widget = looks.make(widgets.VBox, "column", children=(row, self.hint.widget, self.error.widget))

    def _back(self) -> None:
        self._chosen(self.setting.name, None)

    def fields(self, state: State) -> tuple[Any, ...]:
        """The widgets of the row."""
        raise NotImplementedError

    @property
    def value(self) -> Any:
        """What the user chose, or is shown."""
        raise NotImplementedError

    def show(self, state: State) -> None:
        """Say what the text says. The owner sees to it that nobody takes this for a choice."""
        self.put(state.value if state.written or state.value is not None else self.setting.default)
        shown = state.written and self.setting.of_call and not state.expression
        self.reset.layout = self._looks.layout("icon" if shown else "no icon")

    def put(self, value: Any) -> None:
        raise NotImplementedError

    def resume(self, before: Any) -> None:
        """Stand where the control before this one stood, with a value that could not be."""
        self.put(before.value)
        self.error.say(before.error.text)

    def forbid(self, why: Mapping[Any, str]) -> None:
        """Disable the values that cannot be had here."""


class Words(Control):
    """A few words, one of them chosen; each can be disabled with its reason."""

    def fields(self, state: State) -> tuple[Any, ...]:
        import ipywidgets as widgets

        self.buttons = {option: self._button(option) for option in options_of(self.setting, state.value)}
        name = self._looks.html(label(self.setting.name, self.setting.description), "label")
        return name, self._looks.make(widgets.HBox, "segments", children=tuple(self.buttons.values()))

    def _button(self, option: Any) -> Any:
        import ipywidgets as widgets

        made = self._looks.make(widgets.ToggleButton, "segment", description=said(option))
        made.observe(lambda _: self._pressed(option), "value")
        return made

    def _pressed(self, option: Any) -> None:
        self._chosen(self.setting.name, option)

    @property
    def value(self) -> Any:
        return next((option for option, button in self.buttons.items() if button.value), None)

    def put(self, value: Any) -> None:
        for option, button in self.buttons.items():
            on = option == value and isinstance(option, bool) == isinstance(value, bool)
            button.value = on
            button.button_style = "primary" if on else ""

    def forbid(self, why: Mapping[Any, str]) -> None:
        for option, button in self.buttons.items():
            button.disabled = option in why and not button.value
            button.tooltip = why.get(option) or self.setting.description
        self.hint.say(reasons({said(option): reason for option, reason in why.items()}) if why else "")


class Slider(Control):
    """A number between two limits."""

    def fields(self, state: State) -> tuple[Any, ...]:
        import ipywidgets as widgets

        one = self.setting
        assert one.minimum is not None
        whole = one.kind == "integer"
        low = one.minimum + one.step if one.above else one.minimum
        value = state.value if isinstance(state.value, int | float) else one.default
        self.field = self._looks.make(
            widgets.IntSlider if whole else widgets.FloatSlider,
            "field",
            min=min(low, value),
            max=one.maximum,
            value=value,
            step=one.step,
            readout_format="d" if whole else ".2f",
            description=one.name,
            tooltip=one.description,
            continuous_update=False,
        )
        self.field.observe(lambda change: self._chosen(one.name, change["new"]), "value")
        return (self.field,)

    @property
    def value(self) -> Any:
        return self.field.value

    def put(self, value: Any) -> None:
        self.field.min = min(self.field.min, value)  # a slider would move a value to its end, and show another
        self.field.value = value


class Typed(Control):
    """A number without limits, or a text. Empty is the default, which stands there in grey."""

    def fields(self, state: State) -> tuple[Any, ...]:
        import ipywidgets as widgets

        one = self.setting
        self.field = self._looks.make(
            widgets.Text,
            "field",
            value=_typed(state),
            placeholder=said(one.default) if one.default is not None else "default",
            description=one.name,
            tooltip=one.description,
            continuous_update=False,
        )
        self.field.observe(lambda change: self._chosen(one.name, one.read(change["new"])), "value")
        return (self.field,)

    @property
    def value(self) -> Any:
        return self.setting.read(self.field.value)

    def show(self, state: State) -> None:
        self.field.value = _typed(state)
        super().show(state)

    def put(self, value: Any) -> None:
        """What it says was put in already, as it is written."""

    def resume(self, before: Any) -> None:
        self.field.value = before.field.value
        super().resume(before)


class Fixed(Control):
    """An expression: the call, or the environment, says the value."""

    def fields(self, state: State) -> tuple[Any, ...]:
        name = self._looks.html(label(self.setting.name, self.setting.description), "label")
        self.field = self._looks.html("", "expression")
        return name, self.field

    @property
    def value(self) -> Any:
        return None

    def show(self, state: State) -> None:
        self.reset.layout = self._looks.layout("none")  # the whole line is the expression's
        by = "the environment" if "${env." in state.expression and "${input" not in state.expression else "the call"
        self.field.value = one_line(f"set by {by}", state.expression)

    def put(self, value: Any) -> None:
        """It shows no value."""


def _typed(state: State) -> str:
    return str(state.value) if state.written and state.value is not None else ""


def control_for(looks: Looks, setting: Setting, state: State, chosen: Chosen) -> Control:
    """The control that suits a setting and what it says now."""
    kind = Fixed if state.expression else Words if is_choice(setting) else Slider if setting.slides else Typed
    return kind(looks, setting, state, chosen)
