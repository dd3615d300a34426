"""What is open, and what a component is, as a reader sees it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mc_jupyter import devices
from mc_jupyter.drivers import number_type
from mc_jupyter.engine import room
from mc_jupyter.engine.definition import Defined
from mc_jupyter.engine.residents import Resident, Residents
from mc_jupyter.words import listing


@dataclass(frozen=True, slots=True)
class ResidentRow:
    """One open thing as a reader sees it. `bytes` is read from its tensors and its adapters, times are in seconds."""

    subject: str
    names: tuple[str, ...]
    device: str
    dtype: str
    bytes: int
    parameters: int | None
    pins: tuple[str, ...]
    running: bool
    load_seconds: float
    idle_seconds: float
    quantization: str = "none"
    adapters: tuple[str, ...] = ()

    @property
    def pinned(self) -> bool:
        return bool(self.pins)

    @property
    def number_type(self) -> str:
        """`float32`, or of a quantized model `nf4, the rest float32`."""
        return number_type(self.dtype, self.quantization)


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """Where memory goes: what is free on each device, what this process takes, and what is open."""

    devices: Mapping[str, devices.Memory]
    process: int
    residents: tuple[ResidentRow, ...]
    limits: Mapping[str, int] = field(default_factory=dict)


def card(one: Defined, resident: Resident | None) -> Iterator[tuple[str, str]]:
    """What there is to say about a component, in rows of a label and a text."""
    planned = one.planned
    yield from planned.type.card(planned, resident)
    if planned.inputs:
        needed = [each for each in planned.inputs if each.required]
        yield "inputs", ", ".join(each.name + ("" if each.required else " (optional)") for each in planned.inputs)
        several = f"{one.name}({', '.join(f'{each.name}=…' for each in needed)})"
        yield "call it", several if len(needed) > 1 else f"{one.name}({planned.inputs[0].of.example})"
    if len(planned.component.actions) > 1:
        yield "actions", listing([action.id for action in planned.component.actions], "and")
    facts = resident.thing.facts() if resident else None
    for note in (*one.definition.plan.own_notes, *planned.notes, *(facts.notes if facts else ())):
        yield "note", note


def row(resident: Resident) -> ResidentRow:
    """One open thing, read back from it."""
    facts = resident.thing.facts()
    return ResidentRow(
        subject=resident.thing.subject,
        names=tuple(sorted(resident.holders)),
        device=facts.device if facts else "",
        dtype=facts.dtype if facts else "",
        bytes=room.bytes_of(resident),
        parameters=facts.parameters if facts else None,
        pins=tuple(sorted(resident.pins)),
        running=resident.users > 0,
        load_seconds=resident.load_seconds,
        idle_seconds=time.monotonic() - resident.last_used,
        quantization=facts.quantization if facts else "none",
        adapters=resident.thing.parts(),
    )


def memory(residents: Residents) -> MemoryReport:
    """Free memory of each device in use, and what everything that is open takes of it."""
    used = (device for resident in residents for device in resident.thing.memory())
    free = {name: devices.free_memory(name) for name in dict.fromkeys(["cpu", *used])}
    return MemoryReport(free, devices.process_memory(), tuple(map(row, residents)), residents.limits)
