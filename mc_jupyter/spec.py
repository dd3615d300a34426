"""A whole document, typed: its components and workflows, whichever edition's spelling they are written in.

`read` gives a Spec or a SpecError with every problem of the text (`reader` and `workflows` do it). Nothing is loaded,
asked for or run: expressions stay expressions. Here stand the data, and the keys that are no part's own fields.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from mc_jupyter import cell, expressions
from mc_jupyter.cell import Document, Map
from mc_jupyter.components import ComponentType, Shape
from mc_jupyter.errors import UnknownName
from mc_jupyter.fields import Closed
from mc_jupyter.jobs import DEFAULT as DEFAULT
from mc_jupyter.jobs import JobType
from mc_jupyter.words import hinted, listing

TOP = ("component", "components", "workflow", "workflows")
"""The keys of a document."""

ELSEWHERE = tuple(
    name + plural
    for name in ("controller", "listener", "gateway", "logger", "system", "tracer")
    for plural in ("", "s")
)
"""The keys of a model-compose file that a notebook has no use for; a remark says so."""

COMPONENT = ("id", "type", "action", "actions")
"""What a component may say besides its own fields and its action's."""

ACTION = ("id", "default")
"""What an action may say besides its own fields."""

WORKFLOW = ("id", "title", "description", "input", "output", "default", "job", "jobs")
"""What a workflow may say."""

JOB = ("type",)
"""What a job may say besides its own fields."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a component does. `written` is what the text says, in one spelling, with its places.

    `supplied` names the fields that the text leaves out and that were given an expression over the input.
    """

    id: str
    fields: Closed
    written: Map = field(repr=False)
    default: bool = False
    supplied: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Component:
    """One component, and what it can do.

    `shape` is what its type chose for it, `own` what the text says of its own fields, in one spelling, with places;
    `written` is its whole mapping as it stands there.
    """

    id: str
    type: type[ComponentType]
    shape: Shape = field(repr=False)
    settings: Any
    actions: tuple[Action, ...]
    own: Map = field(repr=False)
    written: Map = field(repr=False)

    @property
    def default(self) -> bool:
        return bool(self.settings.default)

    def action(self, name: str = DEFAULT) -> Action:
        """The action of that name; without one, the only action or the one marked `default: true`."""
        found: Action = _chosen(self.actions, name, f"component {self.id!r}", "action")
        return found


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
    """What a document says. `remarks` are choices a reader should know of."""

    document: Document = field(repr=False)
    components: tuple[Component, ...]
    workflows: tuple[Workflow, ...]
    remarks: tuple[str, ...] = ()

    def component(self, name: str = DEFAULT) -> Component:
        """The component of that name; without one, the only one or the one marked `default: true`."""
        found: Component = _chosen(self.components, name, "this document", "component")
        return found


def _chosen(parts: tuple[Any, ...], name: str, owner: str, noun: str) -> Any:
    names = [part.id for part in parts]
    if name != DEFAULT:
        for part in parts:
            if part.id == name:
                return part
        raise UnknownName(hinted(f"{owner} has no {noun} {name!r}", name, names), fix=listing(names) or None)
    if len(parts) == 1:
        return parts[0]
    marked = [part for part in parts if part.default]
    if marked:
        return marked[0]
    raise UnknownName(
        f"{owner} has {len(parts)} {noun}s, and none is marked as the default" if parts else f"{owner} has no {noun}",
        fix=f"name one of {listing(names)}, or give one default: true" if parts else None,
    )


@lru_cache(maxsize=64)
def read(text: str, *, first_line: int = 1) -> Spec:
    """The document that a text is. Lines in errors count from `first_line`; asking again is a look-up."""
    from mc_jupyter import reader

    return reader.read(text, first_line=first_line)


def parse(text: str, env: Mapping[str, str] | None = None) -> Any:
    """A document's plain values, `${env.X}` filled in from `env` (default: this process's) and nothing else."""
    value = cell.read(text).value
    return cell.to_plain(expressions.resolve_env(value, os.environ if env is None else env))


def schema() -> dict[str, Any]:
    """A JSON schema of documents, made from the fields, with their descriptions and limits."""
    from mc_jupyter._schema import document_schema

    return document_schema()
