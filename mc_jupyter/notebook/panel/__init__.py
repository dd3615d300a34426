"""A component's panel: controls made from its fields' metadata, its adapters, its inputs, and what is loaded.

    story.panel()

    settings   what can be set, described from the fields (no widgets)
    described  what one definition says: described once, kept until another takes its place (no widgets)
    choices    what the user chose: planned once, applied or kept until Apply (no widgets)
    reasons    why some values cannot be had here (no widgets)
    controls   one control for one setting
    adapters   a switch and a weight for each adapter, and a line to add one
    waiting    what Apply would do
    calling    inputs and the answer
    status     what is loaded, in one line (no widgets)
    twin       the same for readers without widgets
    sections   what of these a component's text decides
    board      the panel: choices become changes of the text, and everything shown is read back
    looks      layouts, styles and small pieces of HTML

Only core ipywidgets are used, so that it works in JupyterLab, VS Code and Colab alike.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mc_jupyter.notebook.panel.board import Panel
    from mc_jupyter.session import Handle, Session

_open: weakref.WeakKeyDictionary[Session, weakref.WeakValueDictionary[str, Panel]] = weakref.WeakKeyDictionary()
"""The panels that are open, by session and component. Their widgets keep them until they are closed."""


def panel(handle: Handle) -> Panel:
    """A new panel of this component; the one before it is closed."""
    from mc_jupyter.notebook.panel.board import Panel

    made = Panel(handle)
    opened = _open.setdefault(made.choices.session, weakref.WeakValueDictionary())
    if (old := opened.pop(handle.name, None)) is not None:
        old.close()
    opened[handle.name] = made
    return made


def refresh(session: Session) -> None:
    """Let the open panels of a session show how things are now."""
    for one in list(_open.get(session, {}).values()):
        one.refresh()


def close(session: Session) -> None:
    """Close every panel of a session."""
    for one in list(_open.pop(session, {}).values()):
        one.close()
