"""A document with every choice made: what would be loaded, where, in which precision, and what stands in the way.

Planning reads the text and looks at this machine's disk and devices. It loads nothing and opens no socket.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mc_jupyter.cell import place_in
from mc_jupyter.components.model import Model
from mc_jupyter.errors import ComposeError, NotBuilt, UnknownName
from mc_jupyter.inputs import inputs_of
from mc_jupyter.plan.choices import ComponentPlan, Plan, PlannedAdapter
from mc_jupyter.plan.identity import unchanged
from mc_jupyter.plan.model import ModelPlanner
from mc_jupyter.spec import Component, Spec
from mc_jupyter.words import hinted, listing

OVERRIDES = ("device", "device_mode", "precision", "quantization", "batch_size", "seed", "keep_alive")
"""What may be decided beside the text (`%%compose --device cpu`), as if it said so; and `adapters.NAME`, a weight."""

__all__ = ["ComponentPlan", "Plan", "PlannedAdapter", "make", "unchanged"]


def make(spec: Spec, env: Mapping[str, str], overrides: Mapping[str, Any] | None = None) -> Plan:
    """The plan of a document on this machine, now. UnknownName for an override that there is not."""
    for name in overrides or {}:
        if name not in OVERRIDES and not name.startswith("adapters."):
            fix = f"there are {listing([*OVERRIDES, 'adapters.NAME'], 'and')}"
            raise UnknownName(hinted(f"{name!r} cannot be decided beside the text", name, OVERRIDES), fix=fix)
    plans = tuple(_component(c, env, overrides or {}) for c in spec.components)
    here = {c.id for c in spec.components} | {"__default__"}
    jobs = [job for workflow in spec.workflows for job in workflow.jobs]
    called = [one.component for job in jobs for one in job.type.calls(job.fields)]
    missing = dict.fromkeys(name for name in called if isinstance(name, str) and name not in here)
    if "__default__" in called and not spec.components:
        missing["__default__"] = None
    return Plan(spec, plans, tuple(missing))


def _component(component: Component, env: Mapping[str, str], overrides: Mapping[str, Any]) -> ComponentPlan:
    inputs = inputs_of(component.actions[0]) if component.actions else ()
    if component.type is not Model:
        lack = NotBuilt(
            f"type: {component.type.name} is read and planned, but this version does not run it yet",
            place=place_in(component.written, ("type",)),
        )
        obstacles: tuple[ComposeError, ...] = () if component.type.runs else (lack,)
        return ComponentPlan(component.id, component, component.settings, inputs=inputs, obstacles=obstacles)
    return ModelPlanner(component, env, overrides).plan(inputs)
