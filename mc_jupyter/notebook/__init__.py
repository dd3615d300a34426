"""The notebook's side of mc_jupyter: the `%%compose` magic, completion, displays and forms. It decides nothing.

Everything here calls a Session and shows what comes back; without this folder the library works as well. What `load`
puts into a shell hangs on one object, the magic itself, and `unload` takes all of it away again.

    magics.py       `%%compose` and `%compose`
    commands.py     the words after `%compose`: one function each
    arguments.py    how the words of a line become arguments and inputs
    display.py      how results look, in HTML and in plain text
    pictures.py     how pictures look: one PNG, grids, thumbnails; over png.py (bytes), album.py (files in full) and
                    slider.py (before and after)
    faces.py        pictures with numbered boxes
    outcome.py      how a call ends: what is shown of it, saved and remembered
    progress.py     what a run shows while it runs; over account.py, which follows its events
    form.py         a form made from a component's inputs
    completion.py   Tab in a `%%compose` cell
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load(shell: InteractiveShell) -> None:
    """Add `%compose` to a shell. A second time changes nothing."""
    from mc_jupyter.notebook.magics import ComposeMagics

    if ComposeMagics.of(shell) is None:
        ComposeMagics(shell).register()


def unload(shell: InteractiveShell) -> None:
    """Take everything out of the shell again; its models are freed."""
    from mc_jupyter.notebook.magics import ComposeMagics

    magics = ComposeMagics.of(shell)
    if magics is not None:
        magics.unregister()
