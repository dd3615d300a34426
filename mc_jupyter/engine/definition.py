"""What a name has been defined as: a component's text, its plan, and what was decided beside the text.

A definition is frozen data that can travel: pickled, it is its text, and is planned anew where it arrives.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mc_jupyter import document
from mc_jupyter.components import DEFAULT, Planned
from mc_jupyter.document import plan as planning
from mc_jupyter.document.edits import ADAPTER, rewritten
from mc_jupyter.document.plan import Plan
from mc_jupyter.language.fields import secrets_in
from mc_jupyter.trust.environment import Environment
from mc_jupyter.words import UNNAMED


@dataclass(frozen=True, slots=True)
class Definition:
    """One component of one document, planned.

    `beside` are the fields decided beside the text (`%%compose --device cpu`). `plan` is the whole document's,
    `planned` the component's own.
    """

    text: str = field(repr=False)  # a token may stand in it
    plan: Plan = field(repr=False)
    planned: Planned
    beside: Mapping[str, Any] = field(default_factory=dict)

    @property
    def component(self) -> str:
        """The component's id in its document."""
        return self.planned.id

    @property
    def first_line(self) -> int:
        """What lines in errors count from."""
        return self.plan.spec.document.source.first_line

    @property
    def name(self) -> str:
        """What it is called where nobody gives it a name."""
        named = self.planned.id != UNNAMED
        return self.planned.id if named else self.planned.kind.replace("-", "_")

    def __reduce__(self) -> tuple[Any, ...]:
        if any(True for part in self.plan.spec.components for _ in secrets_in([part.settings, part.own])):
            raise TypeError("a secret stands in this text, and a pickle can be read by anybody: write ${env.NAME}")
        return define, (self.text, self.component, dict(self.beside), self.first_line)


def define(
    text: str, component: str = DEFAULT, beside: Mapping[str, Any] | None = None, first_line: int = 1
) -> Definition:
    """The definition that a text gives on this machine. The errors of reading and planning it."""
    beside = dict(beside or {})
    plan = planning.make(document.read(text, first_line=first_line), Environment(os.environ), beside)
    return Definition(text, plan, plan.named(component), beside)


def written_with(old: Definition, settings: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The text with fields of the component set, and what stays decided beside it. UnknownName for an unknown field."""
    beside = {name: value for name, value in old.beside.items() if name not in settings}
    if "peft_adapters" in settings:
        beside = {name: value for name, value in beside.items() if not name.startswith(ADAPTER)}
    return rewritten(old.plan.spec, settings, old.component), beside


class Defined:
    """A name and what it is defined as now: setting fields puts another definition in the place of the old one.

    `name` is also what holds its residents: one that no variable can have belongs to something passing, such as a
    comparison. `lock` is held while what it needs is opened or changed, so that a call meanwhile waits for the new.
    """

    def __init__(self, name: str, definition: Definition):
        self.name = name
        self.definition = definition
        self.lock = threading.RLock()
        self.face: Any = None
        """What Python code holds of it: the session's affair."""

    @property
    def planned(self) -> Planned:
        """The component with every choice made, as it is defined now."""
        return self.definition.planned
