"""What there is to say of a model component: what was asked for, and what is loaded, read back from it."""

from __future__ import annotations

from collections.abc import Iterator

from mc_jupyter import words
from mc_jupyter.components import Resident
from mc_jupyter.components.model.choices import ModelPlan
from mc_jupyter.components.model.loading import LoadedModel
from mc_jupyter.drivers import AdapterFacts, AdapterKey
from mc_jupyter.words import format_bytes, listing


def rows(planned: ModelPlan, resident: Resident | None) -> Iterator[tuple[str, str]]:
    """Rows of a label and a text."""
    yield "task", planned.task.name
    yield "model", planned.subject
    yield "driver", f"{planned.settings.driver or planned.task.driver} ({planned.driver.name})"
    if resident is None:
        yield "state", "not loaded; the first call loads it"
        return
    model: LoadedModel = resident.thing
    facts, settings = model.facts(), planned.settings
    yield "device", f"{facts.device} (asked: {settings.device}; {planned.device_why})"
    yield "precision", f"{facts.dtype} (asked: {settings.precision})"
    if settings.quantization.type != "none" or facts.quantization != "none":
        yield "quantization", f"{facts.quantization} (asked: {settings.quantization.type})"
    for key, weight, laid in model.used(planned.use) if planned.use else ():
        yield "adapter", _adapter(key, weight, laid)
    more = {"adapters": model.adapter_bytes, "its tokenizer": facts.beside}
    parts = [f"{format_bytes(size)} of {name}" for name, size in more.items() if size]
    size = format_bytes(model.bytes) + (f", with {listing(parts, 'and')}" if parts else "")
    yield "memory", f"{size}, {facts.parameters:,} parameters" if facts.parameters else size
    if fits := model.driver.fits(settings):
        yield "window", f"{fits} tokens"
    yield "loaded in", words.seconds(resident.load_seconds)


def _adapter(key: AdapterKey, weight: float, laid: AdapterFacts | None) -> str:
    """`pirate × 0.5, starter:stories-pirate: 28 modules, rank 8, scale 1.0, 0.3 MB`."""
    told = f"{key.name} × {weight:g}, {key.subject}"
    if laid is None:
        return told
    rank, scale = (_range(*pair) for pair in (laid.ranks, laid.scales))
    return f"{told}: {laid.changes}, rank {rank}, scale {scale}, {format_bytes(laid.bytes)}"


def _range(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
