"""What the user chose: applied at once where it costs nothing, kept until Apply where it does. No widgets here.

Component and session are held weakly, and looked up at each use: a cell may have been run again, a session closed.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from mc_jupyter.document.edits import ADAPTER
from mc_jupyter.errors import ComposeError, InputError, RunError
from mc_jupyter.notebook.panel import settings as fields

if TYPE_CHECKING:
    from mc_jupyter.engine.changes import Change
    from mc_jupyter.session import Handle, Session

AT_ONCE = ("nothing", "weights", "later")
"""Steps of a change that cost nothing now."""


class Choices:
    """One component's choices. `pending` are those not applied yet, as `handle.change` takes them."""

    def __init__(self, handle: Handle):
        self.name = handle.name
        self.pending: dict[str, Any] = {}
        self._handle, self._session = weakref.ref(handle), weakref.ref(handle.session)

    @property
    def session(self) -> Session:
        session = self._session()
        if session is None or self.name not in session.handles:
            raise InputError(f"{self.name} is no longer defined", fix="run its cell again")
        return session

    @property
    def handle(self) -> Handle:
        """The component; an error where its cell has been run again, or its session has ended."""
        session, handle = self.session, self._handle()
        if handle is None or session.handles[self.name] is not handle:
            raise RunError(
                f"the cell of {self.name} has been run again since", fix=f"{self.name}.panel() opens its panel"
            )
        return handle

    def take(self, name: str, value: Any, *, wait: bool) -> None:
        """A value for a field (None: its default). The cell's own error where it cannot be; nothing has changed then.

        With `wait` nothing is applied: the model is at work.
        """
        handle = self.handle
        self.pending.pop(name, None)
        if self._says(handle, name, value):
            return
        try:
            change = handle.change({name: value})
        except ComposeError:
            if not self.pending:
                raise
            handle.change({**self.pending, name: value})  # perhaps together with what waits
        else:
            if not wait and costs_nothing(change):
                self.session.apply(change)
                return
            handle.change({**self.pending, name: value})
        self.pending[name] = value

    def add_adapter(self, name: str, model: str, *, wait: bool) -> None:
        """One more adapter; it gets a name where none is given."""
        if not model:
            raise InputError("names no model", fix="a hub name, a path, or starter:stories-pirate")
        taken = [*(one.name for one in self.handle.planned.adapters), *_added(self.pending)]
        name = name or f"adapter_{len(taken) + 1}"
        if name in taken:
            raise InputError(f"two adapters are called {name!r}", fix="give each its own name")
        self.take(ADAPTER + name, model, wait=wait)

    def settle(self) -> None:
        """Apply what had to wait and now need not: the run has ended, or the model is gone."""
        handle = self.handle
        for wanted in (dict(self.pending), *({name: value} for name, value in self.pending.items())):
            if not wanted or any(name not in self.pending for name in wanted):
                continue
            try:
                change = handle.change(wanted)
            except ComposeError:
                continue  # it is said where it waits
            if costs_nothing(change):
                self.session.apply(change)
                self.applied(wanted)

    def applied(self, wanted: dict[str, Any]) -> None:
        """These have been applied; what was chosen since still waits."""
        self.pending = {k: v for k, v in self.pending.items() if k not in wanted or wanted[k] != v}

    def beside(self, name: str) -> dict[str, Any]:
        """The fields that wait beside this one."""
        return {k: v for k, v in self.pending.items() if k != name and not k.startswith(ADAPTER) and v is not None}

    def text(self) -> tuple[str, str]:
        """The cell with what waits in it, and a remark on that."""
        handle = self.handle
        if not self.pending:
            return handle.text, ""
        try:
            return handle.change(self.pending).text, "with what is not applied yet"
        except ComposeError:
            return handle.text, "without what is not applied yet"

    def _says(self, handle: Handle, name: str, value: Any) -> bool:
        """Whether the text says just this already."""
        if name.startswith(ADAPTER):
            weights = {one.name: one.weight for one in handle.planned.adapters}
            return not isinstance(value, str) and weights.get(name.removeprefix(ADAPTER)) == value
        setting = next(s for s in fields.settings_of(handle.planned.component) if s.name == name)
        state = fields.state_of(handle, setting)
        if value is None:
            return not state.written
        now = setting.default if state.value is None and not state.written else state.value
        return bool(now == value and isinstance(now, bool) == isinstance(value, bool))


def costs_nothing(change: Change) -> bool:
    """Whether a change may be applied without asking: nothing is loaded, cast or unloaded by it."""
    return change.effect.step in AT_ONCE and not change.effect.evicts


def _added(pending: dict[str, Any]) -> list[str]:
    return [name.removeprefix(ADAPTER) for name, value in pending.items() if isinstance(value, str)]
