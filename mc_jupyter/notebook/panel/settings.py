"""What can be set on a component, described from the fields' own metadata: the panel's controls are made from this.

A field with a few possible words is a choice, one with two limits a slider, any other number or text is typed. Fields
that hold lists, mappings, inputs or the output have no control: they are the cell's.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mc_jupyter import devices
from mc_jupyter.components.model import choose
from mc_jupyter.fields import Closed, is_deferred, spellings
from mc_jupyter.notebook import display
from mc_jupyter.plan.model import standing_in_the_way
from mc_jupyter.rewriting import settable

if TYPE_CHECKING:
    from mc_jupyter.handles import Handle
    from mc_jupyter.plan import ComponentPlan
    from mc_jupyter.spec import Component

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
        return "for ever" if value == float("inf") else display.number(value)
    return str(value)


# --- which fields -----------------------------------------------------------------------------------------------------


def settings_of(component: Component) -> tuple[Setting, ...]:
    """Every field of a component that a control can be made for: its own first, then those of its call.

    Without those of its call that its library would refuse, whatever they said.
    """
    shape = component.shape
    named = set(settable(component)) - {*shape.defaults, "model"} - set(_ignored(component))
    own = [s for s in _described(shape.settings, False) if s.name in named]
    call = [s for s in _described(shape.action, True) if s.name in named and s.name not in {o.name for o in own}]
    return (*sorted(own, key=lambda s: _rank(s.name, FIRST)), *sorted(call, key=lambda s: _rank(s.name, USUAL)))


def _ignored(component: Component) -> Iterable[str]:
    """The fields of a call that would change nothing with the component's library."""
    task, driver, _ = choose(component.written)
    return driver.ignored(task) if driver else ()


def in_sight(settings: tuple[Setting, ...], states: Mapping[str, State]) -> tuple[Setting, ...]:
    """The settings of a call to show at once: the usual ones, and those that the cell writes."""
    calls = [s for s in settings if s.of_call]
    if len(calls) <= _IN_SIGHT + 1:  # one more is less to read than a word that hides it
        return tuple(calls)
    return tuple(s for i, s in enumerate(calls) if i < _IN_SIGHT or states[s.name].written)


def _rank(name: str, order: tuple[str, ...]) -> int:
    return order.index(name) if name in order else len(order)


@functools.lru_cache(maxsize=64)
def _described(model: type[Closed], of_call: bool) -> tuple[Setting, ...]:
    schemas = model.model_json_schema()["properties"]
    found = (_setting(name, schemas.get(name, {}), of_call, info) for name, info in model.model_fields.items())
    return tuple(one for one in found if one is not None)


def _setting(name: str, schema: Mapping[str, Any], of_call: bool, info: Any) -> Setting | None:
    """A field as its JSON schema tells it; None where no control says what it may hold."""
    parts = [p for p in _alternatives(schema) if p.get("description") != "an expression"]
    optional = any(p.get("type") == "null" for p in parts)
    parts = [p for p in parts if p.get("type") != "null"]
    kind, options = _kind(parts)
    if kind is None:
        return None
    default = info.get_default(call_default_factory=True)
    low, high = _limits(parts[0]) if kind in ("integer", "number") else (None, None)
    return Setting(
        name=name,
        kind=kind,
        of_call=of_call,
        description=info.description or "",
        default=_plain(default),
        optional=optional,
        options=((None, *options) if optional and options else options),
        minimum=low,
        maximum=high,
        above="exclusiveMinimum" in parts[0],
    )


def _alternatives(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "anyOf" not in schema:
        yield schema
    for part in schema.get("anyOf", ()):
        yield from _alternatives(part)


def _kind(parts: list[Mapping[str, Any]]) -> tuple[Kind | None, tuple[Any, ...]]:
    words = tuple(word for part in parts for word in part.get("enum", ()))
    types = {part.get("type") for part in parts}
    if words:
        return "choice", words
    if types == {"boolean"}:
        return "choice", (True, False)
    if types and types <= {"integer", "number"}:
        return ("integer" if types == {"integer"} else "number"), ()
    return ("text", ()) if types and types <= {"string", "number"} else (None, ())


def _limits(part: Mapping[str, Any]) -> tuple[float | None, float | None]:
    return part.get("minimum", part.get("exclusiveMinimum")), part.get("maximum", part.get("exclusiveMaximum"))


def _plain(value: Any) -> Any:
    """`quantization` is a mapping whose type is the word for it."""
    return getattr(value, "type", value) if isinstance(value, Closed) else value


# --- what they say ----------------------------------------------------------------------------------------------------


def state_of(handle: Handle, setting: Setting) -> State:
    """What a field of the handle's text says, the flags of its cell counted."""
    component = handle.component.component
    action = component.action()
    fields, written = (action.fields, action.written) if setting.of_call else (component.settings, component.written)
    there = [n for n in (setting.name, *_others(type(fields), setting.name)) if n in written]
    if setting.name in handle.overrides:
        return State(handle.overrides[setting.name], True)
    raw = getattr(fields, setting.name)
    if is_deferred(raw):
        return State(None, True, str(raw))
    value = written[there[0]] if there and setting.kind == "text" else _plain(raw)
    return State(value, bool(there))


def _others(model: type[Closed], name: str) -> list[str]:
    return [other for other, field in spellings(model).items() if field == name]


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


def impossible(handle: Handle, setting: Setting, options: tuple[Any, ...], beside: Mapping[str, Any]) -> dict[Any, str]:
    """The options that cannot be had here, each with the reason that the plan of such a cell gives.

    `beside` are other fields to be set with it. Plans only: nothing is loaded, and no library is imported for it.
    """
    if setting.of_call or (setting.name != "device" and "torch" not in sys.modules):
        return {}
    component = handle.component
    given = {**handle.overrides, **beside}
    now = set(_messages(component, given))
    found = {}
    for option in options:
        if new := [text for text in _messages(component, {**given, setting.name: option}) if text not in now]:
            found[option] = _reason(new[0], setting.name, option)
    return found


def own_fields(handle: Handle) -> tuple[Any, ...]:
    """What the answer of `impossible` hangs on: the component's own fields. Adapters have no part in it."""
    settings, flags = handle.component.settings, {k: v for k, v in handle.overrides.items() if "." not in k}
    named = ((name, repr(getattr(settings, name))) for name in type(settings).model_fields if name != "peft_adapters")
    return (*named, repr(flags), handle.component.identity)


def _messages(component: ComponentPlan, given: Mapping[str, Any]) -> list[str]:
    found = standing_in_the_way(component, os.environ, given)
    return [problem.message for obstacle in found for problem in obstacle.problems]


def _reason(message: str, name: str, option: Any) -> str:
    """The message without what stands before it on the line: `device: mps is not on this machine` is said of mps."""
    for start in (f"`{name}: {said(option)}`", f"{name}: {said(option)}", said(option)):
        if message.startswith(start):
            return message.removeprefix(start).removeprefix(" is").lstrip(" :")
    return message
