"""One call of a model: its task performed by its library, and every image told where it comes from."""

from __future__ import annotations

from typing import Any

from mc_jupyter.components import Call
from mc_jupyter.components.model.choices import ModelPlan
from mc_jupyter.components.model.loading import LoadedModel
from mc_jupyter.components.model.provenance import sign
from mc_jupyter.drivers import TaskCall
from mc_jupyter.errors import RunError
from mc_jupyter.faults import said_as
from mc_jupyter.values import Batch


def perform(planned: ModelPlan, opened: LoadedModel, call: Call) -> Any:
    """One result, or for a list of inputs a Batch of them, in order; None for those that a stop came before."""
    items, listed = planned.task.items(call.fields)
    results: list[Any] = []
    if items:
        if planned.use is not None:
            opened.set_weights(planned.use)
        given = TaskCall(items, call.fields, planned.settings, call.run)
        with said_as(RunError, f"{planned.driver.package or planned.driver.name} failed", place=planned.place):
            results = opened.driver.perform(planned.task, given)
        sign(results, planned, opened)
    return Batch(results) if listed else results[0]
