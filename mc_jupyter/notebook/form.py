"""A form made from a component's inputs, of core ipywidgets but for images, with a table for readers without widgets.

The form holds its component weakly: a widget lives until it is closed, and must keep no model and no session alive.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import ComposeError, InputError
from mc_jupyter.notebook.answer import Answer
from mc_jupyter.notebook.html import Bundle, widget_bundle
from mc_jupyter.notebook.input_fields import InputFields, inputs_of, table
from mc_jupyter.notebook.work import Work
from mc_jupyter.words import DEFAULT

if TYPE_CHECKING:
    from mc_jupyter.session import Handle

_BUTTONS = {"margin": "4px 0 6px 126px"}  # under the fields, not under their names
_BUTTON = {"width": "112px"}


class Form:
    """One open form: a field for each input, a Run button, a Stop beside it while it runs, and the answer under them.

    `given` are the values to begin at. Of several actions, `action` is the one to begin with: the form offers a choice.
    """

    def __init__(self, handle: Handle, given: Mapping[str, Any], action: str = DEFAULT):
        import ipywidgets as widgets

        self.name = handle.name
        self._handle = weakref.ref(handle)
        self._work = Work(f"mc_jupyter form {handle.name}")
        self.inputs = InputFields(
            inputs_of(handle.planned), given, _with_hint, action=action, permissions=handle.permissions
        )
        self.button = widgets.Button(description="Run", button_style="primary", icon="play", layout=_BUTTON)
        self.stop_button = widgets.Button(
            description="Stop",
            icon="stop",
            tooltip="ends at the next token or step",
            layout={**_BUTTON, "display": "none"},
        )
        self.answer = widgets.Output()
        self._answer = Answer(self.answer)
        self.button.on_click(lambda _: self.run())
        self.stop_button.on_click(lambda _: self.stop())
        self._buttons = widgets.HBox([self.button, self.stop_button], layout=_BUTTONS)
        parts = [self.inputs.widget, self._buttons, self.answer]
        self.box = widgets.VBox(parts, layout={"max_width": "760px", "padding": "4px 0"})

    @property
    def fields(self) -> Mapping[str, Any]:
        """The widget of each input."""
        return self.inputs.fields

    def bundle(self) -> Bundle:
        """The form where there are widgets; elsewhere, and in the saved notebook, a table of the inputs."""
        return {**table(self.inputs.by_action)._repr_mimebundle_(), **widget_bundle(self.box)}

    def run(self) -> None:
        """Call the component with what the inputs say, in a thread. While it works, this does nothing."""
        if not self._work.on:
            self._work.start(self._ran, self._ended)

    def stop(self) -> None:
        """End the run at its next token, step or batch; what there is by then stays."""
        self._work.stop()

    def wait(self, seconds: float | None = None) -> None:
        """Until the run has ended."""
        self._work.wait(seconds)

    def _ran(self) -> None:
        self.button.disabled, self.button.description = True, "Running…"
        self.stop_button.layout.display = None
        try:
            self._answer.run(self._defined(), self.inputs.values(), self._work.listen, self.inputs.action)
        except ComposeError as error:
            self.answer.outputs = ()
            self._answer.fail(error)

    def _ended(self) -> None:
        self.stop_button.layout.display = "none"
        self.button.disabled, self.button.description = False, "Run"

    def _defined(self) -> Handle:
        handle = self._handle()
        if handle is None:
            raise InputError(f"{self.name} is no longer defined", fix="run its cell again")
        return handle

    def close(self) -> None:
        """Stop what runs, and free the widgets: ipywidgets keeps each one until then."""
        self.stop()
        self.inputs.close()
        self._answer.close()
        for widget in (self.button, self.stop_button, self._buttons, self.answer, self.box):
            widget.close()


def _with_hint(field: Any, description: str) -> Any:
    if not description:
        return field
    import ipywidgets as widgets

    from mc_jupyter.notebook.letters import Letters

    told = f'<span style="margin-left:128px;opacity:.62;font-size:12px">{escape(description)}</span>'
    return widgets.VBox([field, Letters(told)])
