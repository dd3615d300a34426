"""What setting fields of a component would do to what is loaded: the least that is right, said before it is done.

| step     | when                                                      | what happens                               |
|----------|-----------------------------------------------------------|--------------------------------------------|
| nothing  | sampling, prompts, batch size: not part of the model      | nothing that is loaded changes             |
| weights  | another weight of an adapter that is laid on              | a number per layer; no reload              |
| adapters | an adapter more or less                                   | only that one is laid on or taken off      |
| cast     | another number type, equal bit for bit to a fresh load    | each tensor is cast in place               |
| share    | another component has just this model loaded              | it is used by both                         |
| reload   | anything else                                             | the old model goes, then the new one comes |
| later    | nothing is loaded yet                                     | the next call loads it                     |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mc_jupyter import words
from mc_jupyter.drivers import Driver
from mc_jupyter.handles import Handle
from mc_jupyter.plan import ComponentPlan, Plan
from mc_jupyter.residents import Files, Loaded, Model, Residents, bytes_of, whose
from mc_jupyter.words import format_bytes, listing

Step = Literal["nothing", "weights", "adapters", "cast", "share", "reload", "later"]

# Measured on two cores: bytes a second, read and written; seconds that any cast takes; seconds to lay on an adapter.
_CAST_PACE = 2e9
_CAST_LEAST = 0.05
_LAYING = 0.05


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change does to memory. `bytes` is what the component's model then takes, `seconds` is about how long."""

    step: Step
    words: str
    bytes: int | None = None
    seconds: float | None = None
    evicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Change:
    """Fields of a component set, and not applied yet: `text` is the document as it would then read."""

    name: str
    settings: Mapping[str, Any]
    text: str
    overrides: Mapping[str, Any] = field(repr=False)
    plan: Plan = field(repr=False)
    component: ComponentPlan = field(repr=False)
    effect: Effect
    files: Files | None = field(default=None, repr=False)
    state: tuple[str, Loaded | None] | None = field(default=None, repr=False)
    """The text and the models of the component when this was described."""

    def __repr__(self) -> str:
        return f"<{self.name}: {self}>"

    def __str__(self) -> str:
        return f"{said(self.settings)}: {self.effect.words}"


def said(settings: Mapping[str, Any]) -> str:
    """`precision: bfloat16, adapters.alpaca: 0.3`; a field taken out is `precision: default`."""
    return ", ".join(f"{name}: {'default' if value is None else _brief(value)}" for name, value in settings.items())


def _brief(value: Any) -> str:
    if isinstance(value, Mapping):
        value = {name: "•••" if name == "token" else inner for name, inner in value.items()}
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def effect_of(handle: Handle, component: ComponentPlan, files: Files | None, residents: Residents) -> Effect:
    """The least that is right. DoesNotFit where the change needs more memory than can be had."""
    if files is None:
        lacking = [component.subject] if component.checkpoint is None else []
        lacking += [str(a.settings.model) for a in component.adapters if a.checkpoint is None]
        return Effect("reload", f"downloads {listing(lacking, 'and')} first, then loads it")
    now = residents.ready(handle.name, handle.loaded)
    effect = _later(files, residents) if now is None else _step(handle, now, files, residents)
    if effect.step in ("nothing", "weights", "share"):
        return effect
    evicts = tuple(whose(r) for r in residents.in_the_way(handle.name, files))
    if not evicts:
        return effect
    words = f"{effect.words}; unloads {listing(evicts, 'and')} to make room"
    return Effect(effect.step, words, effect.bytes, effect.seconds, evicts)


def _stored(files: Files) -> str | None:
    """The number type that all of the base's weights are stored in; None where there are several."""
    kinds = [kind for kind, _ in files.base.elements if "float" in kind] if files.base else []
    return kinds[0] if len(kinds) == 1 else None


def _later(files: Files, residents: Residents) -> Effect:
    size, seconds = _size(files), residents.seconds(files)
    return Effect("later", f"the next call loads it: {_amount(size)}{_about(seconds)}", size, seconds)


def _step(handle: Handle, now: Model, files: Files, residents: Residents) -> Effect:
    assert handle.loaded is not None
    old, new = handle.loaded, files.loaded
    if new.model == old.model:
        return _on_the_same_model(old, files)
    held, size = bytes_of(now), _size(files)
    if (other := residents.get(new.model)) is not None:
        return Effect("share", f"uses the model that {whose(other)} has loaded", bytes_of(other), 0.0)
    stored = _stored(files)
    alone = now.holders == {handle.name} and not now.pinned
    if alone and now.model.castable(old.model, new.model, stored):
        took = _CAST_LEAST + (held + (size or 0)) / _CAST_PACE + _LAYING * len(new.adapters)
        return Effect("cast", f"cast in place: {_amount(size)} instead of {_amount(held)}{_about(took)}", size, took)
    seconds = residents.seconds(files)
    goes = f"{_amount(held)} given back first" if alone else f"the old one stays for {_others(now, handle.name)}"
    return Effect("reload", f"loads the model again: {_amount(size)}, {goes}{_about(seconds)}", size, seconds)


def _on_the_same_model(old: Loaded, files: Files) -> Effect:
    had, wanted = dict(old.adapters), dict(files.loaded.adapters)
    more = [plan.name for plan in wanted if plan not in had]
    less = [plan.name for plan in had if plan not in wanted]
    if more or less:
        parts = [f"lays on {listing(more, 'and')} ({_amount(files.adapter_bytes)} in all)"] if more else []
        parts += [f"takes off {listing(less, 'and')}"] if less else []
        return Effect("adapters", f"{', '.join(parts)}; the base stays", None, _LAYING * len(more))
    if had != wanted or old.weights != files.loaded.weights:
        changed = [plan.name for plan in wanted if wanted[plan] != had[plan]] or [plan.name for plan in wanted]
        return Effect("weights", f"another weight for {listing(changed, 'and')}; nothing is loaded", None, 0.001)
    return Effect("nothing", "nothing that is loaded changes", None, 0.0)


def _others(resident: Model, name: str) -> str:
    others = sorted(resident.holders - {name})
    return listing(others, "and") or "whoever pinned it"


def _size(files: Files) -> int | None:
    """Bytes the model takes when it is loaded, its adapters with it."""
    if files.base is None:
        return None
    key = files.loaded.model
    return Driver.named(key.driver).estimate(key, files.base).weights_bytes + files.adapter_bytes


def _amount(size: int | None) -> str:
    return "nothing" if size is None else format_bytes(size)


def _about(seconds: float | None) -> str:
    return "" if seconds is None else f", about {words.seconds(max(seconds, 0.001))}"
