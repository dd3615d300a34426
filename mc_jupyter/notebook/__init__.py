"""The notebook's side of mc_jupyter: the `%%compose` magic, completion, displays and forms. It decides nothing.

Everything here calls a Session and shows what comes back; without this folder the library works as well. What `load`
puts into a shell hangs on one object, the magic, and `unload` takes all of it away again.

    magics.py       `%%compose` and `%compose`, and what `%config` sets
    completion.py   Tab in a `%%compose` cell
    cells.py        what a `%%compose` cell does
    commands.py     the words after `%compose`, one function each; over reference.py (the language as tables) and
                    doctor.py (the state of the kernel)
    arguments.py    how the words of a line become arguments and inputs; grid.py those of `%compose compare`
    documents.py    files that a line names: read, and kept
    notebook.py     what one notebook holds and does: session, runs, what is open, how it shows
    panel/          controls for a component; form.py a form of its inputs; both over answer.py (their Run), work.py
                    (the thread it works in) and input_fields.py (a widget for each input, a choice of the action),
                    that over image_field.py over picker.py, picker.js and picker.css
    interrupt.py    the kernel's Interrupt, heard whatever the kernel does
    outcome.py      how a call ends: what is shown of it, saved and remembered
    progress.py     what a run shows while it runs; over account.py, which follows its events
    display.py      IPython taught to show values by their views
    views/          how results look: one file per kind of result
    album.py        pictures in full, in files; png.py pictures as bytes
    word.py         the user's word: a button that gives it, tables of what it covers
    html.py         the words of HTML; letters.py a widget of them
    showing.py      how results are wanted, and what is open
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
