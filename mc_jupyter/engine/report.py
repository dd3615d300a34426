"""What is open, and what a component is, as a reader sees it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from mc_jupyter import devices, process
from mc_jupyter.devices import Memory
from mc_jupyter.drivers import number_type
from mc_jupyter.engine import room
from mc_jupyter.engine.definition import Defined
from mc_jupyter.engine.residents import Resident, Residents
from mc_jupyter.words import format_bytes, listing


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
class Part:
    """What some of the process's memory is: a few words, its bytes, and what there is to know of it."""

    what: str
    bytes: int
    words: str = ""


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """Where memory goes: what is free on each device, what this process takes and for what, and what is open.

    `within` is everything that limits the CPU's memory, the narrowest first. `parts` add up to `process`; the last of
    them is what nothing explains.
    """

    devices: Mapping[str, Memory]
    process: int
    residents: tuple[ResidentRow, ...]
    limits: Mapping[str, int] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    within: tuple[Memory, ...] = ()

    @property
    def unexplained(self) -> int:
        """Bytes of the process that belong to nothing that is known."""
        return self.parts[-1].bytes if self.parts else 0


def card(one: Defined, resident: Resident | None) -> Iterator[tuple[str, str]]:
    """What there is to say about a component, in rows of a label and a text."""
    planned = one.planned
    yield from planned.type.card(planned, resident)
    first = planned.component.first_action.id
    if inputs := planned.inputs_for(first):
        needed = [each for each in inputs if each.required]
        yield "inputs", ", ".join(each.name + ("" if each.required else " (optional)") for each in inputs)
        given = ", ".join(f"{each.name}=…" for each in needed) if len(needed) > 1 else inputs[0].of.example
        named = "" if planned.component.default_action else f', action="{first}"'
        yield "call it", f"{one.name}({given}{named})"
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
    held = process.holds()
    rows, parts = tuple(map(row, residents)), tuple(_parts(held, residents))
    return MemoryReport(free, held.resident, rows, residents.limits, parts, devices.cpu_limits())


def _parts(held: process.Holds, residents: Residents) -> Iterator[Part]:
    """What the process's memory is, as far as is known. Where figures exceed what there is, the later give way."""
    models = sum(resident.thing.memory().get("cpu", 0) for resident in residents)
    mapped = sum(resident.thing.mapped for resident in residents)
    brought = process.brought()
    left = held.own
    for part in (
        Part("models", models - mapped, "weights, adapters, tokenizers"),
        Part("Python", brought.before, "and what was there before mc_jupyter"),
        Part("libraries", brought.imported, "imported for models"),
        Part("free", held.free, "freed, and kept by the allocator for what comes next"),
    ):
        size = min(part.bytes, left)
        left -= size
        yield replace(part, bytes=size)
    weights = f"libraries, and weights that stay in their files ({format_bytes(mapped)})" if mapped else "libraries"
    yield Part("files", held.files, f"pages of {weights}: dropped when memory is short")
    if held.shared:
        yield Part("shared", held.shared, "with other processes")
    yield Part("not explained", left, "the notebook's own variables, what libraries keep")
