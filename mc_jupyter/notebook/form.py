"""A form made from a component's inputs, of core ipywidgets but for images, with a table for readers without widgets.

The form holds its component weakly: a widget lives until it is closed, and must keep no model and no session alive.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import ComposeError, InputError
from mc_jupyter.notebook.answer import Answer
from mc_jupyter.notebook.html import Bundle, widget_bundle
from mc_jupyter.notebook.input_fields import InputFields, inputs_of, table
from mc_jupyter.words import DEFAULT

if TYPE_CHECKING:
    from mc_jupyter.session import Handle

_BUTTON = {"width": "112px", "margin": "6px 0 8px 128px"}  # under the fields, not under their names


class Form:
    """One open form: a field for each input, a Run button, and the answer under it.

    `given` are the values to begin at. Of several actions, `action` is the one to begin with: the form offers a choice.
    """

    def __init__(self, handle: Handle, given: Mapping[str, Any], action: str = DEFAULT):
        import ipywidgets as widgets

        self.name = handle.name
        self._handle = weakref.ref(handle)
        self._lock = threading.Lock()
        self.inputs = InputFields(
            inputs_of(handle.planned), given, _with_hint, action=action, permissions=handle.permissions
        )
        self.button = widgets.Button(description="Run", button_style="primary", icon="play", layout=_BUTTON)
        self.answer = widgets.Output()
        self.button.on_click(self._clicked)
        parts = [self.inputs.widget, self.button, self.answer]
        self.box = widgets.VBox(parts, layout={"max_width": "760px", "padding": "4px 0"})

    @property
    def fields(self) -> Mapping[str, Any]:
        """The widget of each input."""
        return self.inputs.fields

    def bundle(self) -> Bundle:
        """The form where there are widgets; elsewhere, and in the saved notebook, a table of the inputs."""
        return {**table(self.inputs.by_action)._repr_mimebundle_(), **widget_bundle(self.box)}

    def _clicked(self, button: Any) -> None:
        # Comms may come in a thread of their own (ipykernel 7.1 to 7.3): one run at a time.
        if not self._lock.acquire(blocking=False):
            return
        button.disabled, button.description = True, "Running…"
        answer = Answer(self.answer)
        try:
            answer.run(self._defined(), self.inputs.values(), action=self.inputs.action)
        except ComposeError as error:
            self.answer.outputs = ()
            answer.fail(error)
        finally:
            button.disabled, button.description = False, "Run"
            self._lock.release()

    def _defined(self) -> Handle:
        handle = self._handle()
        if handle is None:
            raise InputError(f"{self.name} is no longer defined", fix="run its cell again")
        return handle

    def close(self) -> None:
        """Free the widgets: ipywidgets keeps each one until then."""
        self.inputs.close()
        for widget in (self.button, self.answer, self.box):
            widget.close()


def _with_hint(field: Any, description: str) -> Any:
    if not description:
        return field
    import ipywidgets as widgets

    told = f'<span style="margin-left:128px;opacity:.62;font-size:12px">{escape(description)}</span>'
    return widgets.VBox([field, widgets.HTML(told)])
