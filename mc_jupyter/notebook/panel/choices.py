"""What the user chose: applied at once where it costs nothing, kept until Apply where it does. No widgets here.

Component and session are held weakly, and looked up at each use: a cell may have been run again, a session closed.
"""

from __future__ import annotations

import shlex
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mc_jupyter.document.edits import ADAPTER
from mc_jupyter.errors import ComposeError, InputError, RunError, forget_frames
from mc_jupyter.notebook.panel.described import Described

if TYPE_CHECKING:
    from mc_jupyter.engine.changes import Change
    from mc_jupyter.engine.definition import Definition
    from mc_jupyter.events import Run
    from mc_jupyter.session import Handle, Session

AT_ONCE = ("nothing", "weights", "later")
"""Steps of a change that cost nothing now."""


class Choices:
    """One component's choices. `pending` are those not applied yet, as `handle.change` takes them.

    A definition is described once, and a change planned once: what is kept of either holds for as long as the
    definition stays, and of a change for as long as what is open stays too.
    """

    def __init__(self, handle: Handle):
        self.name = handle.name
        self.pending: dict[str, Any] = {}
        self._handle, self._session = weakref.ref(handle), weakref.ref(handle.session)
        self._described: Described | None = None
        self._planned: tuple[Definition, Any, Change | ComposeError] | None = None

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

    @property
    def described(self) -> Described:
        """What the component says now."""
        found, definition = self._described, self.handle.definition
        if found is None or found.definition is not definition:
            found = self._described = Described(definition)
        return found

    def change(self, settings: Mapping[str, Any]) -> Change:
        """What setting these fields would do: planned when it is first asked for, and kept."""
        definition, asked = self.handle.definition, (repr(settings), _standing(self.session))
        kept = self._planned
        if kept is None or kept[0] is not definition or kept[1] != asked:
            kept = self._planned = definition, asked, _outcome(self.handle, settings)
        if isinstance(kept[2], ComposeError):
            raise kept[2].with_traceback(None)
        return kept[2]

    def take(self, name: str, value: Any, *, wait: bool) -> None:
        """A value for a field (None: its default). The cell's own error where it cannot be; nothing has changed then.

        With `wait` nothing is applied: the model is at work.
        """
        self.pending.pop(name, None)
        if self.described.says(name, value):
            return
        self._planned = None  # a file that was lacking, a variable: what could not be may be possible by now
        try:
            change = self.change({name: value})
        except ComposeError:
            if not self.pending:
                raise  # else perhaps together with what waits
        else:
            if not wait and costs_nothing(change):
                self.session.apply(change)
                return
        self.change({**self.pending, name: value})
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

    def apply(self, wanted: Mapping[str, Any], run: Run | None = None) -> None:
        """Do what these would do; what was chosen since still waits."""
        self.session.apply(self.change(wanted), run)
        for name, value in wanted.items():
            if self.pending.get(name) == value:
                self.pending.pop(name, None)

    def settle(self) -> None:
        """Apply what had to wait and now need not: the run has ended, or the model is gone."""
        for wanted in (dict(self.pending), *({name: value} for name, value in self.pending.items())):
            if not wanted or any(name not in self.pending for name in wanted):
                continue
            try:
                free = costs_nothing(self.change(wanted))
            except ComposeError:
                continue  # it is said where it waits
            if free:
                self.apply(wanted)

    def beside(self, name: str) -> dict[str, Any]:
        """The fields that wait beside this one."""
        return {k: v for k, v in self.pending.items() if k != name and not k.startswith(ADAPTER) and v is not None}

    def cell(self) -> tuple[str, str]:
        """The cell to paste, under the flags that still count, with what waits in it; and a remark on that."""
        text, remark = self._text()
        head = " ".join(["%%compose", self.name, *_flags(self.handle.overrides, self.pending)])
        return f"{head}\n{text.strip(chr(10))}", remark

    def _text(self) -> tuple[str, str]:
        if not self.pending:
            return self.handle.text, ""
        try:
            return self.change(self.pending).text, "with what is not applied yet"
        except ComposeError:
            return self.handle.text, "without what is not applied yet"


def costs_nothing(change: Change) -> bool:
    """Whether a change may be applied without asking: nothing is loaded, cast or unloaded by it."""
    return change.effect.step in AT_ONCE and not change.effect.evicts


def _outcome(handle: Handle, settings: Mapping[str, Any]) -> Change | ComposeError:
    try:
        return handle.change(settings)
    except ComposeError as error:
        forget_frames(error)
        return error


def _standing(session: Session) -> tuple[Any, ...]:
    """What a change's effect hangs on besides the text: what is open, for whom, and what may be taken."""
    residents = tuple((r.key, frozenset(r.holders), r.pinned, r.idle) for r in session.engine.residents)
    return residents, tuple(session.limits.items())


def _added(pending: Mapping[str, Any]) -> list[str]:
    return [name.removeprefix(ADAPTER) for name, value in pending.items() if isinstance(value, str)]


def _flags(beside: Mapping[str, Any], pending: Mapping[str, Any]) -> list[str]:
    """The flags of the cell that still count: they are part of what the panel shows."""
    words: list[str] = []
    for name, value in beside.items():
        if name.startswith(ADAPTER) and name not in pending:
            words += ["--adapter", f"{name.removeprefix(ADAPTER)}={value}"]
        elif name not in pending:
            words += [f"--{name}", str(value)]
    return [shlex.quote(word) for word in words]
