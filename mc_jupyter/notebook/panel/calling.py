"""The panel's lower half: the inputs, Run and Stop, and the answer under them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import ComposeError
from mc_jupyter.events import Run
from mc_jupyter.notebook import form
from mc_jupyter.notebook.answer import Answer
from mc_jupyter.notebook.panel.looks import Looks
from mc_jupyter.trust.permissions import NOTHING, Permissions

if TYPE_CHECKING:
    from mc_jupyter.language.inputs import Input
    from mc_jupyter.session import Handle

_LABEL = "132px"


class Calling:
    """Fields for the inputs, and the output that a run writes into."""

    def __init__(
        self,
        looks: Looks,
        inputs: tuple[Input, ...],
        kept: Mapping[str, Any],
        permissions: Permissions = NOTHING,
    ):
        import ipywidgets as widgets

        self.inputs = inputs
        made = {i.name: form.field_for(i, kept.get(i.name, i.default), permissions) for i in inputs}
        self.fields = {name: looks.keep(field) for name, field in made.items()}
        for field in self.fields.values():
            form.in_column(field, _LABEL)
        self.answer = looks.make(widgets.Output, "plain")
        self._answer = Answer(self.answer)
        self.widget = looks.make(widgets.VBox, "column", children=tuple(self.fields.values()))

    def values(self) -> dict[str, Any]:
        """What the fields say now. An empty field is an input that nobody gave."""
        found = {one.name: form.value_of(one, self.fields[one.name]) for one in self.inputs}
        return {name: value for name, value in found.items() if value is not None}

    def run(self, handle: Handle, started: Callable[[Run], None]) -> str:
        """Call the component with what the fields say; gives how fast it was. `started` gets the run, to stop it."""
        try:
            values = self.values()
        except ComposeError as error:
            self._answer.fail(error)
            return ""
        return self._answer.run(handle, values, started)

    def fail(self, error: ComposeError) -> None:
        self._answer.fail(error)
