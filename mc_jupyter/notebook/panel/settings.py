"""What can be set on a component, described from the fields' own metadata: the panel's controls are made from this.

A field with a few possible words is a choice, one with two limits a slider, any other number or text is typed. Fields
that hold lists, mappings, inputs or the output have no control: they are the cell's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mc_jupyter import devices
from mc_jupyter.document.edits import settable
from mc_jupyter.language.description import describe
from mc_jupyter.language.fields import Closed, is_deferred
from mc_jupyter.notebook import html

if TYPE_CHECKING:
    from mc_jupyter.components import Component
    from mc_jupyter.engine.definition import Definition

Kind = Literal["choice", "integer", "number", "text"]

FIRST = ("device", "device_mode", "precision", "quantization")
"""The component's fields that are always in sight; the task's and the driver's own are under "more"."""

USUAL = ("temperature", "top_p", "top_k", "max_output_length", "do_sample", "seed")
"""Parameters that are asked for most, in this order; others come in the order in which a task declares them."""

_IN_SIGHT = 6  # parameters, and those that the cell writes
_SLIDER = 200  # units: a longer range is typed


@dataclass(frozen=True, slots=True)
class Setting:
    """One field as a control shows it. `of_call` says whether it belongs to a call or to the component."""

    name: str
    kind: Kind
    of_call: bool
    description: str = ""
    default: Any = None
    optional: bool = False
    options: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    above: bool = False
    """Whether the minimum itself is too small."""

    @property
    def slides(self) -> bool:
        low, high = self.minimum, self.maximum
        numeric = self.kind in ("integer", "number") and not self.optional
        return numeric and low is not None and high is not None and high - low <= _SLIDER

    @property
    def step(self) -> float:
        assert self.minimum is not None
        assert self.maximum is not None
        span = self.maximum - self.minimum
        return 1 if self.kind == "integer" else 0.01 if span <= 1 else 0.05 if span <= 10 else span / 200

    def read(self, text: str) -> Any:
        """What was typed: None where nothing was; as it is where it is no number, for the cell's check to say so."""
        text = text.strip()
        if self.kind == "text" or not text:
            return text or None
        for number in (int, float):
            try:
                return number(text)
            except ValueError:
                continue
        return text


@dataclass(frozen=True, slots=True)
class State:
    """What a field says now. `expression` is `${…}` where a call or the environment sets it."""

    value: Any
    written: bool
    expression: str = ""


def said(value: Any) -> str:
    """A value in the document's words; None is the default."""
    if value is None:
        return "default"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "for ever" if value == float("inf") else html.number(value)
    return str(value)


# --- which fields -----------------------------------------------------------------------------------------------------


def settings_of(component: Component) -> tuple[Setting, ...]:
    """Every field of a component that a control can be made for: its own first, then those of its call.

    Without those of its call that its library would refuse, whatever they said.
    """
    shape = component.shape
    named = set(settable(component)) - {*shape.defaults, "model"} - set(shape.ignores)
    own = [s for s in _described(shape.settings, False) if s.name in named]
    call = [s for s in _described(shape.action, True) if s.name in named and s.name not in {o.name for o in own}]
    return (*sorted(own, key=lambda s: _rank(s.name, FIRST)), *sorted(call, key=lambda s: _rank(s.name, USUAL)))


def in_sight(settings: tuple[Setting, ...], states: Mapping[str, State]) -> tuple[Setting, ...]:
    """The settings of a call to show at once: the usual ones, and those that the cell writes."""
    calls = [s for s in settings if s.of_call]
    if len(calls) <= _IN_SIGHT + 1:  # one more is less to read than a word that hides it
        return tuple(calls)
    return tuple(s for i, s in enumerate(calls) if i < _IN_SIGHT or states[s.name].written)


def _rank(name: str, order: tuple[str, ...]) -> int:
    return order.index(name) if name in order else len(order)


def _described(model: type[Closed], of_call: bool) -> Iterator[Setting]:
    """The fields that a control can be made for."""
    for field in describe(model):
        if field.kind != "other":
            options = field.words if field.kind == "choice" else ()
            yield Setting(
                name=field.name,
                kind=field.kind,
                of_call=of_call,
                description=field.description,
                default=_plain(field.default),
                optional=field.optional,
                options=(None, *options) if field.optional and options else options,
                minimum=field.minimum,
                maximum=field.maximum,
                above=field.above,
            )


def _plain(value: Any) -> Any:
    """`quantization` is a mapping whose type is the word for it."""
    return getattr(value, "type", value) if isinstance(value, Closed) else value


# --- what they say ----------------------------------------------------------------------------------------------------


def states_of(definition: Definition, settings: tuple[Setting, ...]) -> dict[str, State]:
    """What each of these fields says in a definition's text, the flags of its cell counted."""
    component, beside = definition.planned.component, definition.beside
    action = component.first_action
    found = {}
    for one in settings:
        fields, written = (action.fields, action.written) if one.of_call else (component.settings, component.own)
        raw = getattr(fields, one.name)
        if one.name in beside:
            found[one.name] = State(beside[one.name], True)
        elif is_deferred(raw):
            found[one.name] = State(None, True, str(raw))
        else:
            there = one.name in written
            found[one.name] = State(written[one.name] if there and one.kind == "text" else _plain(raw), there)
    return found


# --- what this machine can do -----------------------------------------------------------------------------------------


def options_of(setting: Setting, value: Any) -> tuple[Any, ...]:
    """The values to offer: of a device those that are here, and what others mean by one."""
    options = setting.options
    if setting.name == "device" and not setting.of_call:
        here = [device.name for device in devices.devices()]
        options = tuple(dict.fromkeys(("auto", "cpu", *here, *(k for k in ("cuda", "mps") if not _has(here, k)))))
    return options if value in options or value is None else (*options, value)


def _has(names: list[str], kind: str) -> bool:
    return any(name.partition(":")[0] == kind for name in names)


def is_choice(setting: Setting) -> bool:
    return setting.kind == "choice" or (setting.name == "device" and not setting.of_call)
