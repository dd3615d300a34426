"""The LoRA adapters laid over one transformers model, in place, by PEFT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers import AdapterFacts, AdapterPlan

if TYPE_CHECKING:
    from mc_jupyter.weights import Checkpoint


def check_adapter(base: Checkpoint, adapter: Checkpoint, name: str) -> None:
    """Raise if these files are no LoRA adapter for this base."""


class Adapters:
    """What is laid over one model."""

    def __init__(self, model: Any):
        self.model = model

    def attach(self, plan: AdapterPlan, checkpoint: Checkpoint) -> None:
        raise NotImplementedError

    def detach(self, plan: AdapterPlan) -> None:
        raise NotImplementedError

    def use(self, weights: Mapping[AdapterPlan, float]) -> None:
        if weights:
            raise NotImplementedError

    def facts(self) -> dict[AdapterPlan, AdapterFacts]:
        return {}

    def close(self) -> None:
        self.model = None
