"""What waits for Apply: in words what it would do, why it cannot be, and the two buttons."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

from mc_jupyter.errors import ComposeError
from mc_jupyter.notebook.html import FONT
from mc_jupyter.notebook.panel.looks import Hint, Looks, wrong

if TYPE_CHECKING:
    from mc_jupyter.notebook.panel.choices import Choices


class Waiting:
    """Takes no room while nothing waits."""

    def __init__(self, looks: Looks, apply: Callable[[], None], discard: Callable[[], None]):
        import ipywidgets as widgets

        self._looks = looks
        self.words, self.error = looks.html(), Hint(looks, "html")
        self.apply = looks.button("Apply", apply, kind="primary", tooltip="do what stands above")
        self.discard = looks.button("Discard", discard, tooltip="leave everything as it is")
        buttons = looks.make(widgets.HBox, "row", children=(self.apply, self.discard))
        self.widget = looks.make(widgets.VBox, "none", children=(self.words, self.error.widget, buttons))

    def show(self, choices: Choices, working: bool) -> None:
        """Say what applying all that waits would do, or why it cannot be; not `working` on something else."""
        self.widget.layout = self._looks.layout("pending" if choices.pending else "none")
        if not choices.pending:
            self.words.value = ""
            self.error.say("")
            return
        possible = True
        try:
            told = escape(str(choices.change(choices.pending)))
            told += " · waits until the run has ended" if working else ""
        except ComposeError as error:
            possible, told = False, "not possible together:"
            self.error.say(wrong(error))
        self.words.value = f'<div style="{FONT};line-height:1.4">{told}</div>'
        self.apply.disabled = working or not possible
        self.discard.disabled = working
