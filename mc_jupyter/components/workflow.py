"""A workflow of the same document, called like a component."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from mc_jupyter.components import ComponentType
from mc_jupyter.language.fields import Closed
from mc_jupyter.words import DEFAULT


class WorkflowAction(Closed):
    """One call of the workflow."""

    workflow: str = Field(DEFAULT, description="Which workflow; default: the document's.")
    input: Any = Field(None, description="What it gets; default: what the component got.")
    output: Any = Field(None, description="What the call gives back, built from ${output}.")


class Workflow(ComponentType):
    """A workflow of the same document, called like a component."""

    sources: ClassVar[tuple[str, ...]] = ("output", "result")
    Action: ClassVar[type[Closed]] = WorkflowAction
