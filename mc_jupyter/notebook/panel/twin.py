"""The panel for readers without widgets: the same sections as tables, as they were when the cell was run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mc_jupyter.notebook.html import Bundle, Table, frame
from mc_jupyter.notebook.html import bundle as both
from mc_jupyter.notebook.input_fields import table
from mc_jupyter.notebook.panel import status as statuses
from mc_jupyter.notebook.panel.settings import Setting, State, said

if TYPE_CHECKING:
    from mc_jupyter.notebook.panel.described import Described
    from mc_jupyter.notebook.panel.status import Status
    from mc_jupyter.session import Handle


def bundle(handle: Handle, status: Status, described: Described, speed: str) -> Bundle:
    """HTML and plain text of the panel's sections."""
    settings, states = described.settings, described.states
    tables = [t for t in (_model(status, settings, states), _adapters(handle), _calls(settings, states)) if t.rows]
    if any(described.inputs.values()):
        tables.append(table(described.inputs))
    space = '<div style="height:10px"></div>'
    head = "\n".join(
        filter(None, [f"{handle.name}  {statuses.what_it_is(handle, ', ')}", _line(handle, status, speed)])
    )
    plain = "\n\n".join([head, *(t.plain() for t in tables)])
    html = statuses.html(handle, status, speed) + "".join(space + t.html() for t in tables)
    return both(plain, frame(html))


def _line(handle: Handle, status: Status, speed: str) -> str:
    if not status.loaded:
        return statuses.absent(handle) or speed
    return ", ".join(filter(None, [f"{status.memory} of {status.total}", f"loaded in {status.loaded_in}", speed]))


def _model(status: Status, settings: Sequence[Setting], states: Mapping[str, State]) -> Table:
    """What was asked for and what it became; of the rest, only what the cell writes."""
    actual = {name: found for name, _, found in status.rows}
    own = [s for s in settings if not s.of_call and (s.name in actual or states[s.name].written)]
    rows = tuple((s.name, _said(s, states[s.name]), actual.get(s.name, "")) for s in own)
    return Table(("model", "asked", "actual" if status.loaded else ""), rows)


def _adapters(handle: Handle) -> Table:
    laid = {plan.name: facts for plan, _, facts in handle.adapters()}
    rows = []
    for one in handle.planned.adapters:
        facts = laid.get(one.name)
        told = ", ".join(statuses.what_is_laid(facts)) if facts else ""
        rows.append((one.name, f"{one.weight:g}", str(one.settings.model), told))
    return Table(("adapter", "weight", "model", ""), tuple(rows))


def _calls(settings: Sequence[Setting], states: Mapping[str, State]) -> Table:
    calls = [s for s in settings if s.of_call]
    chosen = [s for s in calls if states[s.name].written] or calls
    rows = tuple((s.name, _said(s, states[s.name]), "" if states[s.name].written else "default") for s in chosen)
    left = len(calls) - len(chosen)
    return Table(("parameter", "value", ""), rows, remark=f"{left} more at their defaults" if left else "")


def _said(setting: Setting, state: State) -> str:
    if state.expression:
        return state.expression
    return said(setting.default if state.value is None and not state.written else state.value)
