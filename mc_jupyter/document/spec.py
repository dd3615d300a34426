"""A whole document, typed: its components and workflows, whichever edition's spelling they are written in.

`read` gives a Spec or a SpecError with every problem of the text (`reader` and `workflows` do it). Nothing is loaded,
asked for or run: expressions stay expressions. Here stand the data, and the keys that are no part's own fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mc_jupyter.components import DEFAULT, Component, chosen
from mc_jupyter.jobs import JobType
from mc_jupyter.language.cell import Document, Map

TOP = ("component", "components", "workflow", "workflows")
"""The keys of a document."""

ELSEWHERE = tuple(
    name + plural
    for name in ("controller", "listener", "gateway", "logger", "system", "tracer")
    for plural in ("", "s")
)
"""The keys of a model-compose file that a notebook has no use for; a note says so."""

COMPONENT = ("id", "type", "action", "actions")
"""What a component may say besides its own fields and its action's."""

ACTION = ("id", "default")
"""What an action may say besides its own fields."""

WORKFLOW = ("id", "title", "description", "input", "output", "default", "job", "jobs")
"""What a workflow may say."""

JOB = ("type",)
"""What a job may say besides its own fields."""


@dataclass(frozen=True, slots=True)
class Job:
    """One step of a workflow. `after` are the jobs it waits for, written or found in its expressions."""

    id: str
    type: type[JobType]
    fields: Any
    after: frozenset[str]
    written: Map = field(repr=False)


@dataclass(frozen=True, slots=True)
class Workflow:
    """Jobs, and how they hang together."""

    id: str
    jobs: tuple[Job, ...]
    written: Map = field(repr=False)
    output: Any = None
    title: str | None = None
    description: str | None = None
    default: bool = False


@dataclass(frozen=True, slots=True)
class Spec:
    """What a document says. `notes` are choices a reader should know of."""

    document: Document = field(repr=False)
    components: tuple[Component, ...]
    workflows: tuple[Workflow, ...]
    notes: tuple[str, ...] = ()

    def component(self, name: str = DEFAULT) -> Component:
        """The component of that name; without one, the only one or the one marked `default: true`."""
        found: Component = chosen(self.components, name, "this document", "component")
        return found
