"""What setting fields of a model would do to what is loaded: the least that is right, said before it is done.

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

from dataclasses import replace

from mc_jupyter import words
from mc_jupyter.components import Effect, Planned, Resident, Room
from mc_jupyter.components.model.choices import Files, ModelPlan, Use
from mc_jupyter.components.model.loading import need_of
from mc_jupyter.drivers import Driver
from mc_jupyter.words import format_bytes, listing

# Measured on two cores: bytes a second, read and written; seconds that any cast takes; seconds to lay on an adapter.
_CAST_PACE = 2e9
_CAST_LEAST = 0.05
_LAYING = 0.05


def effect_of(old: Planned, new: ModelPlan, room: Room) -> Effect:
    """The least that is right. DoesNotFit where the change needs more memory than can be had."""
    files = new.files_here()
    if files is None:
        lacking = [new.subject] if new.checkpoint is None else []
        lacking += [str(a.settings.model) for a in new.adapters if a.checkpoint is None]
        return Effect("reload", f"downloads {listing(lacking, 'and')} first, then loads it")
    now = room.held
    used = old.use if isinstance(old, ModelPlan) else None
    effect = _later(files, room) if now is None or used is None else _step(now, used, files, room)
    need = need_of(new, files, room.get(files.use.model))
    if effect.step in ("nothing", "weights", "share") or need is None:
        return effect
    evicts = tuple(resident.whose for resident in room.in_the_way(files.use.model, need))
    if not evicts:
        return effect
    return replace(effect, words=f"{effect.words}; unloads {listing(evicts, 'and')} to make room", evicts=evicts)


def _later(files: Files, room: Room) -> Effect:
    size, took = _size(files), _seconds(files, room)
    return Effect("later", f"the next call loads it: {_amount(size)}{_about(took)}", size, took)


def _step(now: Resident, old: Use, files: Files, room: Room) -> Effect:
    new = files.use
    if new.model == old.model:
        return _on_the_same_model(old, files)
    held, size = now.thing.bytes, _size(files)
    if (other := room.get(new.model)) is not None:
        return Effect("share", f"uses the model that {other.whose} has loaded", other.thing.bytes, 0.0)
    alone = now.holders == {room.holder} and not now.pinned
    if alone and now.thing.driver.castable(old.model, new.model, _stored(files)):
        took = _CAST_LEAST + (held + (size or 0)) / _CAST_PACE + _LAYING * len(new.adapters)
        return Effect("cast", f"cast in place: {_amount(size)} instead of {_amount(held)}{_about(took)}", size, took)
    expected = _seconds(files, room)
    goes = f"{_amount(held)} given back first" if alone else f"the old one stays for {_others(now, room.holder)}"
    return Effect("reload", f"loads the model again: {_amount(size)}, {goes}{_about(expected)}", size, expected)


def _on_the_same_model(old: Use, files: Files) -> Effect:
    had, wanted = dict(old.adapters), dict(files.use.adapters)
    more = [key.name for key in wanted if key not in had]
    less = [key.name for key in had if key not in wanted]
    if more or less:
        parts = [f"lays on {listing(more, 'and')} ({_amount(files.adapter_bytes)} in all)"] if more else []
        parts += [f"takes off {listing(less, 'and')}"] if less else []
        return Effect("adapters", f"{', '.join(parts)}; the base stays", None, _LAYING * len(more))
    if had != wanted or old.weights != files.use.weights:
        changed = [key.name for key in wanted if wanted[key] != had[key]] or [key.name for key in wanted]
        return Effect("weights", f"another weight for {listing(changed, 'and')}; nothing is loaded", None, 0.001)
    return Effect("nothing", "nothing that is loaded changes", None, 0.0)


def _stored(files: Files) -> str | None:
    """The number type that all of the base's weights are stored in; None where there are several."""
    kinds = [kind for kind, _ in files.base.elements if "float" in kind] if files.base else []
    return kinds[0] if len(kinds) == 1 else None


def _others(resident: Resident, name: str) -> str:
    others = sorted(resident.holders - {name})
    return listing(others, "and") or "whoever pinned it"


def _size(files: Files) -> int | None:
    """Bytes the model takes when it is loaded, its adapters with it."""
    if files.base is None:
        return None
    key = files.use.model
    return Driver.named(key.driver).estimate(key, files.base).weights_bytes + files.adapter_bytes


def _seconds(files: Files, room: Room) -> float | None:
    """About how long loading takes: as it did before, or at the pace of the loads so far. None when unknown."""
    key, base = files.use.model, files.base
    if (took := room.took(key)) is not None:
        return took
    alike = [r for r in room.others() if getattr(r.key, "quantization", None) == key.quantization]
    paces = [pace for r in alike if (pace := r.thing.bytes / r.load_seconds)]
    if base is None or not paces:
        return None
    size = Driver.named(key.driver).estimate(key, base).weights_bytes
    return float(size * len(paces) / sum(paces))


def _amount(size: int | None) -> str:
    return "nothing" if size is None else format_bytes(size)


def _about(seconds: float | None) -> str:
    return "" if seconds is None else f", about {words.seconds(max(seconds, 0.001))}"
