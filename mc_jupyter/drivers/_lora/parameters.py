"""Weights, biases and norms that adapters give beside matrices: whole ones, or differences.

A parameter in use is the model's own, and each adapter's difference from it times its weight: linear, as matrices are.
It is computed from the model's own each time, so that nothing adds up; where no adapter takes part it is that object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import PlanError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Given:
    """One parameter as an adapter gives it: as it is to be (`whole`), or what is added to it."""

    path: str
    tensor: torch.Tensor
    whole: bool


@dataclass(frozen=True, eq=False, slots=True)
class _Place:
    module: Any
    name: str


class Parameters:
    """The parameters of one model that adapters change."""

    def __init__(self) -> None:
        self._own: dict[tuple[int, str], tuple[_Place, Any]] = {}
        self._given: dict[str, dict[tuple[int, str], Given]] = {}

    def attach(self, adapter: str, given: Iterable[Given], modules: Mapping[str, Any], dtype: Any) -> None:
        """Take an adapter's parameters in. PlanError for one whose numbers are not held as numbers here."""
        held: dict[tuple[int, str], Given] = {}
        for each in given:
            path, _, name = each.path.rpartition(".")
            module = modules[path]
            at = (id(module), name)
            own = self._own[at][1] if at in self._own else getattr(module, name)
            if own is None or own.is_meta or not own.is_floating_point():
                raise PlanError(
                    f"{each.path} cannot be changed by an adapter here: it is quantized, or waits elsewhere",
                    fix="remove quantization: and device_mode:, or merge the adapter into its base",
                )
            self._own.setdefault(at, (_Place(module, name), own))
            held[at] = Given(each.path, each.tensor.to(own.device, dtype, copy=True), each.whole)
        self._given[adapter] = held

    def detach(self, adapter: str) -> None:
        """Let an adapter's go; parameters that no other one changes are the model's own objects again."""
        self._given.pop(adapter, None)
        wanted = {at for held in self._given.values() for at in held}
        for at in self._own.keys() - wanted:
            place, own = self._own.pop(at)
            _put(place, own)

    def apply(self, weights: Mapping[str, float]) -> None:
        """Let exactly these adapters take part, in this order."""
        for at, (place, own) in self._own.items():
            parts = [(weight, self._given[a][at]) for a, weight in weights.items() if at in self._given.get(a, {})]
            _put(place, _sum(own, parts) if parts else own)

    def of(self, adapter: str) -> list[torch.Tensor]:
        """An adapter's tensors."""
        return [each.tensor for each in self._given.get(adapter, {}).values()]


def _sum(own: Any, parts: list[tuple[float, Given]]) -> Any:
    """The parameter with these parts of others; one that is whole and alone as it is, to the last bit."""
    import torch

    weight, first = parts[0]
    if len(parts) == 1 and first.whole and weight == 1:
        total = first.tensor.to(own.device)
    else:
        total = base = own.detach().float()
        for weight, given in parts:
            tensor = given.tensor.to(own.device).float()
            total = total + weight * (tensor - base if given.whole else tensor)
    return torch.nn.Parameter(total.to(own.dtype), requires_grad=own.requires_grad)


def _put(place: _Place, parameter: Any) -> None:
    """Put a parameter where the one in use is now: a part of a pipeline may have changed places meanwhile."""
    here = getattr(place.module, place.name)
    if here is parameter:
        return
    if parameter.device != here.device:
        parameter.data = parameter.data.to(here.device)
    setattr(place.module, place.name, parameter)
