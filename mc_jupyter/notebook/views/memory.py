"""Where memory goes: how full each device is, then the models and what each holds, the largest first."""

from __future__ import annotations

from html import escape
from typing import Any

from mc_jupyter.notebook.html import FONT, MUTED, Table, bar, muted
from mc_jupyter.notebook.views import View
from mc_jupyter.words import format_bytes


class Memory(View):
    """What `%compose mem` answers."""

    types = ("mc_jupyter.engine.report.MemoryReport",)

    def plain(self) -> str:
        return f"{self._free().plain()}\n\n{self._models().plain()}"

    def html(self) -> str:
        gauges = "".join(
            _gauge(name, 1 - m.free / m.total if m.total else 0.0, str(m)) for name, m in self.value.devices.items()
        )
        remark = muted(self._free().remark)
        return f'<div style="{FONT}">{gauges}</div>{remark}<div style="height:10px"></div>{self._models().html()}'

    def _free(self) -> Table:
        report = self.value
        return Table(
            ("device", "free", "of", "limited by"),
            tuple(
                (name, format_bytes(m.free), format_bytes(m.total), m.limit_by) for name, m in report.devices.items()
            ),
            "memory",
            f"this kernel holds {format_bytes(report.process)} in all"
            + "".join(f"; models on {name} may take {format_bytes(limit)}" for name, limit in report.limits.items()),
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
