"""Room in memory: one budget per device, what is free there or a limit that was set; and what must go to fit."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from mc_jupyter import devices, weights
from mc_jupyter.components import Need
from mc_jupyter.errors import DoesNotFit
from mc_jupyter.words import format_bytes, listing

_LIMIT = "the limit set for models"
_RAISE = 'raise the limit: %config ComposeMagics.memory = {"cpu": "8 GB"}, or Session(memory=…)'

Limits = Mapping[str, int]


def bytes_of(resident: Any) -> int:
    """Memory that a resident takes, on whichever device."""
    return sum(resident.thing.memory().values())


def in_the_way(residents: Iterable[Any], limits: Limits, need: Need, key: Hashable, leaving: list[Any]) -> list[Any]:
    """The idle residents that must go before the need fits, the least recently used first.

    `leaving` go in any case. DoesNotFit where letting all of them go would not be enough.
    """
    taken = {resident: resident.thing.memory().get(need.device) for resident in residents}
    others = [r for r, size in taken.items() if size is not None and r not in leaving and r.key != key]
    memory = free(taken, limits, need.device, leaving)
    going: list[Any] = []
    for resident in sorted((r for r in others if r.idle), key=lambda r: r.last_used):
        if need.bytes <= free(taken, limits, need.device, [*leaving, *going]).free:
            break
        going.append(resident)
    left = free(taken, limits, need.device, [*leaving, *going]).free
    if need.bytes > left and (need.least is None or need.least > left):
        held = [(r.whose, bytes_of(r)) for r in others]
        own = _RAISE if memory.limit_by == _LIMIT else None
        weights.check_fits(need.bytes, memory, held, subject=need.subject, lighter=need.lighter(), otherwise=own)
    return going


def refuse(residents: Iterable[Any], limits: Limits, need: Need) -> None:
    """DoesNotFit where a need cannot be met even with everything that is open gone."""
    taken = {resident: resident.thing.memory().get(need.device) for resident in residents}
    weights.check_fits(need.bytes, free(taken, limits, need.device, list(taken)), subject=need.subject)


def free(taken: Mapping[Any, int | None], limits: Limits, device: str, gone: list[Any]) -> devices.Memory:
    """What may still be taken on a device once these have gone; `taken` is what each resident takes of it."""
    freed = sum(taken[r] or 0 for r in gone)
    memory = devices.free_memory(device)
    memory = devices.Memory(memory.free + freed, memory.total, memory.limit_by)
    limit = limits.get(device, limits.get(device.partition(":")[0]))
    if limit is None:
        return memory
    held = sum(size or 0 for r, size in taken.items() if r not in gone)
    budget = devices.Memory(max(0, limit - held), limit, _LIMIT)
    return min(memory, budget, key=lambda m: m.free)


def out_of_memory(residents: Iterable[Any], text: str, key: Hashable) -> DoesNotFit:
    """The error for memory that ran out after all: who holds how much, and what to try."""
    device = getattr(key, "device", None)
    others = [r for r in residents if r.key != key and (device is None or device in r.thing.memory())]
    held = listing([f"{r.whose} ({format_bytes(bytes_of(r))})" for r in others], "and")
    ways = [f"`%compose unload {r.whose}`" for r in others if r.idle][:1]
    ways += ["a smaller batch_size or input", "`precision: bfloat16`", "`quantization: int8`"]
    message = text if "out of memory" in text else f"out of memory: {text}"
    return DoesNotFit(message + (f"; loaded are {held}" if held else ""), fix=listing(ways))
