"""A plan whose files are gone from this disk, made whole by a model that was loaded from them and is in memory."""

from __future__ import annotations

from dataclasses import replace

from mc_jupyter.components.model.choices import ModelPlan, PlannedAdapter, Use
from mc_jupyter.errors import WeightsError

_NOTE = "the files of {} are gone: what is in memory is used, and once unloaded it cannot be loaded again"


def recalled(planned: ModelPlan, loaded: ModelPlan) -> ModelPlan | None:
    """The plan over the files that another was made from, which is loaded; None where it would need more than these."""
    if loaded.use is None or str(planned.settings.model) != str(loaded.settings.model) or loaded.holds():
        return None
    if planned.checkpoint is not None or loaded.outdated():
        return None
    adapters = tuple(_adapter(one, loaded) for one in planned.adapters)
    made = replace(planned, checkpoint=loaded.checkpoint, identity=loaded.identity, adapters=adapters)
    model = made.model(loaded.checkpoint)
    laid = [(one.key(model, one.checkpoint), one.weight) for one in adapters if one.checkpoint]
    if model != loaded.use.model or len(laid) < len(adapters):
        return None
    rest = tuple(problem for problem in planned.problems if not isinstance(problem, WeightsError))
    notes = (*loaded.component.shape.notes, _NOTE.format(loaded.subject))
    return replace(made, use=Use(model, tuple(laid)), problems=rest, notes=notes)


def _adapter(one: PlannedAdapter, loaded: ModelPlan) -> PlannedAdapter:
    """An adapter of a plan, with the files of the same one of the loaded plan where its own are gone."""
    same = (o for o in loaded.adapters if (o.name, str(o.settings.model)) == (one.name, str(one.settings.model)))
    if one.checkpoint is not None or (found := next(same, None)) is None:
        return one
    return replace(one, checkpoint=found.checkpoint, identity=found.identity)
