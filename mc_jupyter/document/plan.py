"""A document with every choice made: what would be opened, where, in which precision, and what stands in the way.

Planning reads the text and looks at this machine's disk and devices. It loads nothing and opens no socket.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mc_jupyter.components import Planned
from mc_jupyter.document.spec import Spec
from mc_jupyter.errors import ComposeError, UnknownName
from mc_jupyter.words import DEFAULT, UNNAMED, hinted, listing

BESIDE = ("device", "device_mode", "precision", "quantization", "batch_size", "seed", "keep_alive")
"""What may be decided beside the text (`%%compose --device cpu`), as if it said so; and `adapters.NAME`, a weight."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole document's plan, frozen: what each of its components would open, and what stands in the way.

    `spec` is what the text says, `components` are planned in its order, `missing` are the components that workflows
    call and that this document does not define.
    """

    spec: Spec = field(repr=False)
    components: tuple[Planned, ...]
    missing: tuple[str, ...] = ()

    @property
    def component(self) -> Planned | None:
        """The component that runs when none is named: the only one, or the default; None where there is neither."""
        default = [c for c in self.components if c.component.default]
        return (self.components if len(self.components) == 1 else (*default, None))[0]

    def named(self, name: str) -> Planned:
        """The component of that name. UnknownName where there is none, or where the default is asked for and is not
        marked.
        """
        wanted = self.spec.component(name).id
        return next(c for c in self.components if c.id == wanted)

    @property
    def settled(self) -> bool:
        """Whether the same text gives the same plan for as long as it `holds`."""
        return all(c.settled for c in self.components)

    def holds(self) -> bool:
        """Whether the files it was made from are as they were."""
        return all(c.holds() for c in self.components)

    @property
    def problems(self) -> tuple[ComposeError, ...]:
        """The errors that running it would raise."""
        return tuple(problem for c in self.components for problem in c.problems)

    @property
    def own_notes(self) -> tuple[str, ...]:
        """What a reader should know of the document as a whole."""
        flows = ("its workflows are planned, but this version does not run them",) if self.spec.workflows else ()
        lacking = tuple(f"component {name!r} is not defined in this document" for name in self.missing)
        return (*self.spec.notes, *flows, *lacking)

    @property
    def notes(self) -> tuple[str, ...]:
        """The same, and what there is to know of each component."""
        return (*self.own_notes, *(note for c in self.components for note in c.notes))

    def lines(self) -> list[str]:
        """The plan in words, a line each: what is what, then notes, then what stands in the way."""
        named = (c.line() if c.id == UNNAMED else f"{c.id}: {c.line()}" for c in self.components)
        asked = (f"asks first: {what}" for c in self.components for what in c.asks)
        return [*named, *self.notes, *asked, *map(_lack, self.problems)]


def make(spec: Spec, env: Mapping[str, str], beside: Mapping[str, Any] | None = None) -> Plan:
    """The plan of a document on this machine, now. UnknownName for a field that cannot be decided beside the text."""
    for name in beside or {}:
        if name not in BESIDE and not name.startswith("adapters."):
            fix = f"there are {listing([*BESIDE, 'adapters.NAME'], 'and')}"
            raise UnknownName(hinted(f"{name!r} cannot be decided beside the text", name, BESIDE), fix=fix)
    plans = tuple(component.type.plan(component, env, beside or {}) for component in spec.components)
    here = {c.id for c in spec.components} | {DEFAULT}
    jobs = [job for workflow in spec.workflows for job in workflow.jobs]
    called = [one.component for job in jobs for one in job.type.calls(job.fields)]
    missing = dict.fromkeys(name for name in called if isinstance(name, str) and name not in here)
    if DEFAULT in called and not spec.components:
        missing[DEFAULT] = None
    return Plan(spec, plans, tuple(missing))


def _lack(problem: ComposeError) -> str:
    """What stands in the way, in one line: of a way out that takes several, the first."""
    first = problem.problems[0]
    where = f"line {first.place.line}: " if first.place else ""
    fix = next((p.fix for p in problem.problems if p.fix), None)
    return f"lacks: {where}{first.message}" + (f" → {fix.splitlines()[0]}" if fix else "")
