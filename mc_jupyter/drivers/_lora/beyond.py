"""What of an adapter lies beyond the model that it is laid over: the decoder of an embedder, and other tasks' heads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mc_jupyter.drivers._lora.entries import Entries
from mc_jupyter.errors import PlanError
from mc_jupyter.weights.reading import shown

TASK_OF_HEAD: Mapping[str, str] = {
    "lm_head": "text-generation", "score": "text-classification", "classifier": "text-classification",
    "pre_classifier": "text-classification", "classification_head": "text-classification",
}  # fmt: skip
"""The heads that adapters bring or change, and what each is for."""


def head_of(name: str, prefix: str) -> str:
    """The first word of a layer's or a parameter's name, without that of the model inside."""
    return name.removeprefix(f"{prefix}.").partition(".")[0]


def without_what_lies_beyond(held: Entries, model: Any, prefix: str, adapter: str) -> tuple[Entries, tuple[str, ...]]:
    """The entries that an embedder has a place for, and what is told of the rest.

    Token vectors come from what stands before a head, and before a decoder: there it is what it was in training.
    PlanError where it changes nothing else.
    """
    parts = _absent(model)
    beyond = [name for name in (*held.layers, *held.changes) if head_of(name, prefix) in parts]
    if not beyond:
        return held, ()
    first, aside = shown(min(beyond), 120), set(beyond)
    if len(aside) == held.count:
        head = TASK_OF_HEAD.get(head_of(min(beyond), prefix), "text-generation")
        raise PlanError(
            f"adapter {adapter} changes nothing that an embedder has: all of it is of the model's decoder or head, "
            f"first {first}",
            fix=f"it is for task: {head}",
        )
    kept = replace(
        held,
        layers={name: roles for name, roles in held.layers.items() if name not in aside},
        changes={name: change for name, change in held.changes.items() if name not in aside},
        tables=held.tables - aside,
    )
    said = f"{len(aside)} of the {held.count} layers that it changes are of a decoder or a head, first {first}"
    return kept, (f"adapter {adapter}: {said}: an embedder has none, and they take no part",)


def _absent(model: Any) -> set[str]:
    """The parts that an embedder was loaded without."""
    own = {name for name, _ in model.named_children()}
    if getattr(model, "base_model", None) is not model or "lm_head" in own:  # it has a head
        return set()
    return (TASK_OF_HEAD.keys() - own) | ({"decoder"} if "encoder" in own and "decoder" not in own else set())
