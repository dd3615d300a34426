"""Where memory goes: how full each device is, what this kernel holds, then what each model does, the largest first."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from mc_jupyter.devices import Memory as Limit
from mc_jupyter.notebook.html import FONT, MUTED, Table, bar, muted
from mc_jupyter.notebook.views import View
from mc_jupyter.words import format_bytes


class Memory(View):
    """What `%compose mem` answers."""

    types = ("mc_jupyter.engine.report.MemoryReport",)

    def plain(self) -> str:
        return "\n\n".join(table.plain() for table in (self._free(), self._kernel(), self._models()))

    def html(self) -> str:
        gauges = "".join(_gauge(name, 1 - m.free / m.total if m.total else 0.0, str(m)) for name, m in self._limits())
        remark = self._free().remark
        space = '<div style="height:10px"></div>'
        tables = space.join(table.html() for table in (self._kernel(), self._models()))
        return f'<div style="{FONT}">{gauges}</div>{muted(remark) if remark else ""}{space}{tables}'

    def _limits(self) -> Iterator[tuple[str, Limit]]:
        """Each device; the CPU as often as something limits its memory."""
        for name, memory in self.value.devices.items():
            yield from ((name, each) for each in ((name == "cpu" and self.value.within) or (memory,)))

    def _free(self) -> Table:
        limits = [f"models on {name} may take {format_bytes(limit)}" for name, limit in self.value.limits.items()]
        return Table(
            ("device", "free", "of", "limited by"),
            tuple((name, format_bytes(m.free), format_bytes(m.total), m.limit_by) for name, m in self._limits()),
            "memory",
            "; ".join(limits),
        )

    def _kernel(self) -> Table:
        return Table(
            ("", "memory", ""),
            tuple((part.what, format_bytes(part.bytes), part.words) for part in self.value.parts),
            f"this kernel holds {format_bytes(self.value.process)}",
        )

    def _models(self) -> Table:
        held = sorted(self.value.residents, key=lambda row: -row.bytes)
        return Table(
            ("model", "for", "memory", "precision", "device", "adapters", ""),
            tuple(map(_row, held)),
            "loaded models" if held else "no model is loaded",
        )


def _row(row: Any) -> tuple[str, ...]:
    names, adapters = ", ".join(row.names), ", ".join(row.adapters)
    state = ", ".join(word for word, so in (("pinned", row.pinned), ("running", row.running)) if so)
    return row.subject, names, format_bytes(row.bytes), row.number_type, row.device, adapters, state


def _gauge(name: str, used: float, words: str) -> str:
    return f'<div><b>{escape(name)}</b> {bar(used, width=200)} <span style="{MUTED}">{escape(words)}</span></div>'
