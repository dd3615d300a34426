"""The user's word in a notebook: a button under the error that asks for it, and tables of what it covers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import ComposeError, InputError
from mc_jupyter.notebook.html import Bundle, Table, widget_bundle
from mc_jupyter.trust import consent, project
from mc_jupyter.trust.environment import names_in
from mc_jupyter.words import in_order, listing

if TYPE_CHECKING:
    from mc_jupyter.trust.consent import Consent, Wish, Word
    from mc_jupyter.trust.environment import Allowed
    from mc_jupyter.trust.permissions import Permissions

_WANTED = ("what", "for", "written", "where", "goes to")
_LONGEST = 60
_EVERY = "every folder"


class Offer:
    """A table of what a cell wants, and a button that allows just that; `then` says what to do after it."""

    def __init__(self, wanted: Sequence[Wish], consent: Consent, then: str = "run the cell again"):
        import ipywidgets as widgets

        # A project's list is a wider yes, given by its own line only.
        self.wanted = [wish for wish in wanted if wish.name != project.FILE]
        self.consent = consent
        self.then = then
        # What is exact to the letter of its component has a flag's name, and says in `use` what it reads.
        names = list(dict.fromkeys(wish.use if wish.exact else wish.name for wish in self.wanted))
        self.button = widgets.Button(
            description=f"Let this cell read {in_order(listing(names, 'and'))}",
            tooltip="remembered outside the notebook, for just what is asked here",
            layout={"width": "auto"},
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
        button.description = f"Allowed: {self.then}"

    def close(self) -> None:
        """Free the widget."""
        self.button.close()


def answered(wanted: Sequence[Wish]) -> bool | None:
    """Whether somebody says yes to these, asked here and now; None where nobody can be asked."""
    from IPython.core.error import StdinNotImplementedError

    try:
        answer = input(f"{wishes(wanted, 'May a cell read this?').plain()}\nyes or no: ")
    except (StdinNotImplementedError, EOFError):
        return None
    return answer.strip().lower() in ("y", "yes")


def wishes(found: Iterable[Wish], title: str = "") -> Table:
    """What was asked for, a row each."""
    return Table(_WANTED, tuple(map(_row, found)), title)


def allowed(found: Allowed, permissions: Permissions) -> Table:
    """What documents may read beside what is harmless, and by whose word."""
    said = tuple((name, "every cell", "", _EVERY, "", by) for name, by in configured(found, permissions))
    given = tuple((*_row(word.wish), f"your word, {_when(word)}") for word in found.consent.given())
    if not (said or given):
        return Table(("",), (), "cells may read what is harmless (HOME, LANG …), and nothing else of the environment")
    remark = "%compose trust --revoke WHAT takes your word back" if given else ""
    return Table((*_WANTED, "by"), (*said, *given), remark=remark)


def configured(found: Allowed, permissions: Permissions) -> list[tuple[str, str]]:
    """What configuration allows to every cell, and which."""
    here = "this session's configuration"
    reached = {"allow_paths": permissions.paths, "allow_urls": permissions.urls}
    return [
        *((name, here) for name in found.names),
        *((name, here) for name, on in reached.items() if on),
        *((name, "MC_JUPYTER_ENV") for name in names_in(os.environ.get("MC_JUPYTER_ENV", ""))),
    ]


def refuse_configured(names: Iterable[str], found: Allowed, permissions: Permissions) -> None:
    """InputError for a name that is allowed by configuration alone: no word can be taken back."""
    by = dict(configured(found, permissions))
    words = {word.wish.name for word in found.consent.given()}
    for name in names:
        if name in by and name not in words:
            setting = "env = […]" if name in found.names else f"{name} = False"
            started = by[name] == "MC_JUPYTER_ENV"
            fix = "start the notebook without it" if started else f"%config ComposeMagics.{setting}"
            raise InputError(f"{name} is allowed by {by[name]}, and not by your word", fix=fix)


def _row(wish: Wish) -> tuple[str, ...]:
    return tuple(map(in_order, (wish.name, wish.use, _cut(wish.written), _shown(wish.folder), wish.goes)))


def _cut(written: str) -> str:
    line = " · ".join(part.strip() for part in written.splitlines() if part.strip())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _shown(folder: str) -> str:
    """A folder as a reader of the notebook may see it: the name of who wrote it is nobody's business."""
    if not folder:
        return _EVERY
    if folder == consent.here():
        return "this folder"
    home = Path.home()
    return f"~/{Path(folder).relative_to(home)}" if Path(folder).is_relative_to(home) else folder


def _when(word: Word) -> str:
    return word.since.astimezone().strftime("%Y-%m-%d %H:%M")
