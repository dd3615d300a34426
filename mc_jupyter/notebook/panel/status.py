"""What is loaded, in one line: device, number type, quantization, memory, and how fast it is."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from mc_jupyter import devices, words
from mc_jupyter.notebook.html import ACCENT, FONT, MUTED, bar
from mc_jupyter.words import format_bytes

if TYPE_CHECKING:
    from mc_jupyter.drivers import AdapterFacts, Facts
    from mc_jupyter.session import Handle, Session


@dataclass(frozen=True, slots=True)
class Status:
    """A component's model as it is: `asked` and `actual` side by side. `memory` is empty where nothing is loaded."""

    rows: tuple[tuple[str, str, str], ...]
    """(field, what the cell asks for, what the loaded model says)"""
    memory: str = ""
    share: float = 0.0
    total: str = ""
    loaded_in: str = ""

    @property
    def loaded(self) -> bool:
        return bool(self.memory)


def status_of(handle: Handle, session: Session) -> Status:
    """Read from the loaded model, never from the plan."""
    resident = session.resident_of(handle)
    facts = resident.thing.facts() if resident else None
    rows = _rows(handle.planned.settings, facts)
    if resident is None or facts is None:
        return Status(rows)
    total = devices.free_memory(facts.device).total if facts.device else 0
    return Status(
        rows,
        format_bytes(facts.bytes),
        facts.bytes / total if total else 0.0,
        format_bytes(total),
        words.seconds(resident.load_seconds),
    )


def _rows(settings: Any, facts: Facts | None) -> tuple[tuple[str, str, str], ...]:
    asked = {
        "device": getattr(settings, "device", None),
        "precision": getattr(settings, "precision", None),
        "quantization": getattr(getattr(settings, "quantization", None), "type", None),
    }
    actual = (facts.device, facts.dtype, facts.quantization) if facts else ("", "", "")
    return tuple((name, str(a), b) for (name, a), b in zip(asked.items(), actual, strict=True) if a is not None)


def what_it_is(handle: Handle, between: str) -> str:
    """What the component does, and with what: its task and its model, or its type."""
    return between.join(dict.fromkeys((handle.planned.kind, handle.planned.subject)))


def absent(handle: Handle) -> str:
    """What to say while nothing is loaded: nothing, where there is no model."""
    return "not loaded; the next run loads it" if handle.planned.loads else ""


def what_is_laid(facts: AdapterFacts) -> list[str]:
    """What an adapter is over its base: how much of it, and the rank or ranks of its matrices."""
    return [facts.changes, f"rank {'–'.join(dict.fromkeys(map(str, facts.ranks)))}"]


def html(handle: Handle, status: Status, speed: str, remark: str = "") -> str:
    """The head of the panel: the component, and under it how its model is."""
    told = absent(handle)
    dot = f'<span style="color:{ACCENT if status.loaded else "inherit"}">{"●" if status.loaded else "○"}</span> '
    head = (
        f'<div style="{FONT};line-height:1.5">{dot if status.loaded or told else ""}'
        f'<b style="font-size:15px">{escape(handle.name)}</b>'
        f'<span style="{MUTED};margin-left:10px">{escape(what_it_is(handle, " · "))}</span></div>'
    )
    parts = _parts(status) if status.loaded else [_grey(told)] if told else []
    parts += [escape(speed)] if speed and (status.loaded or not told) else []
    parts += [_grey(escape(remark))] if remark else []
    dotted = '<span style="opacity:.4;margin:0 4px 0 8px">·</span> '
    line = dotted.join(f'<span style="white-space:nowrap">{part}</span>' for part in parts)
    return f'{head}<div style="{FONT};font-size:12px;line-height:1.7">{line}</div>'


def _parts(status: Status) -> list[str]:
    parts = [_row(*row) for row in status.rows]
    parts.append(f"{escape(status.memory)} {bar(max(status.share, 0.01), width=64)} {_grey(f'of {status.total}')}")
    parts.append(f"{_grey('loaded in')} {escape(status.loaded_in)}")
    return parts


def _row(name: str, asked: str, actual: str) -> str:
    told = "not quantized" if name == "quantization" and actual == "none" else actual
    differs = f" {_grey(f'(asked: {asked})')}" if asked != actual else ""
    return escape(told) + differs


def _grey(text: str) -> str:
    return f'<span style="{MUTED}">{text}</span>'
