"""The panel's lower half: the inputs, and the answer under them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import ComposeError
from mc_jupyter.events import Run
from mc_jupyter.notebook.answer import Answer
from mc_jupyter.notebook.input_fields import InputFields, in_column
from mc_jupyter.notebook.panel.looks import LABEL, Looks
from mc_jupyter.trust.permissions import NOTHING, Permissions
from mc_jupyter.words import DEFAULT

if TYPE_CHECKING:
    from mc_jupyter.language.inputs import Input
    from mc_jupyter.session import Handle


class Calling:
    """Fields for the inputs of each action, and the output that a run writes into.

    `before` is what stood there until now: what was typed into it stays where the inputs are the same, and its answer.
    """

    def __init__(
        self,
        looks: Looks,
        inputs: Mapping[str, tuple[Input, ...]],
        before: Calling | None = None,
        permissions: Permissions = NOTHING,
    ):
        import ipywidgets as widgets

        given, action = _kept(before.inputs, inputs) if before is not None else ({}, DEFAULT)
        self.inputs: InputFields = InputFields(inputs, given, _in_column, action=action, permissions=permissions)
        self.answer = looks.make(widgets.Output, "plain")
        self._answer = Answer(self.answer)
        if before is not None:
            self.answer.outputs = before.answer.outputs
            self._answer.offer, before._answer.offer = before._answer.offer, None

    @property
    def fields(self) -> Mapping[str, Any]:
        """The widget of each input."""
        return self.inputs.fields

    def run(self, handle: Handle, started: Callable[[Run], None]) -> str:
        """Call the component with what the fields say; gives how fast it was. `started` gets the run, to stop it."""
        try:
            values = self.inputs.values()
        except ComposeError as error:
            self._answer.fail(error)
            return ""
        return self._answer.run(handle, values, started, self.inputs.action)

    def close(self) -> None:
        self.inputs.close()
        self._answer.close()


def _kept(old: InputFields, inputs: Mapping[str, tuple[Input, ...]]) -> tuple[dict[str, Any], str]:
    """What was typed into inputs that are still as they were, and the action that was chosen."""
    same = {one.name for one in old.inputs if one in inputs.get(old.action, ())}
    return {name: value for name, value in old.typed().items() if name in same}, old.action


def _in_column(field: Any, description: str) -> Any:
    in_column(field, LABEL)
    return field
