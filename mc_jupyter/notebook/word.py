"""The user's word in a notebook: a button under the error that asks for it, and tables of what it covers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import ComposeError
from mc_jupyter.notebook.html import Bundle, Table, widget_bundle
from mc_jupyter.trust import project
from mc_jupyter.trust.environment import names_in
from mc_jupyter.words import in_order

if TYPE_CHECKING:
    from mc_jupyter.trust.consent import Consent, Wish
    from mc_jupyter.trust.environment import Allowed

_WANTED = ("variable", "for", "written", "goes to")


class Offer:
    """A table of what a cell wants, and a button that allows just that."""

    def __init__(self, wanted: Sequence[Wish], consent: Consent):
        import ipywidgets as widgets

        # A project's list is a wider yes, given by its own line only.
        self.wanted = [wish for wish in wanted if wish.name != project.FILE]
        self.consent = consent
        names = ", ".join(dict.fromkeys(wish.name for wish in self.wanted))
        self.button = widgets.Button(
            description=f"Allow {in_order(names)}", tooltip="remembered outside the notebook", layout={"width": "auto"}
        )
        self.button.on_click(self._clicked)

    def bundle(self) -> Bundle:
        """The button where there are widgets; elsewhere, and in the saved notebook, what it is for."""
        return {**wishes(self.wanted)._repr_mimebundle_(), **widget_bundle(self.button)}

    def _clicked(self, button: Any) -> None:
        button.disabled = True
        try:
            self.consent.agree(self.wanted)
        except ComposeError as error:
            button.description = in_order(error.problems[0].message)
            return
        button.description = "Allowed: run the cell again"

    def close(self) -> None:
        """Free the widget."""
        self.button.close()


def wishes(found: Iterable[Wish], title: str = "") -> Table:
    """What was asked for, a row each."""
    rows = tuple(tuple(map(in_order, (w.name, w.use, w.written, w.goes))) for w in found)
    return Table(_WANTED, rows, title)


def allowed(found: Allowed) -> Table:
    """What documents may read beside what is harmless, and by whose word."""
    said = tuple((name, "every cell", "", "this session's configuration") for name in found.names)
    started = names_in(os.environ.get("MC_JUPYTER_ENV", ""))
    said += tuple((name, "every cell", "", "MC_JUPYTER_ENV") for name in started)
    given = tuple((w.wish.name, w.wish.use, w.wish.goes, f"your word, {w.since}") for w in found.consent.given())
    if not (said or given):
        return Table(("",), (), "cells may read what is harmless (HOME, LANG …), and nothing else of the environment")
    return Table(
        ("variable", "for", "goes to", "by"), (*said, *given), remark="%compose trust --revoke NAME takes back"
    )
