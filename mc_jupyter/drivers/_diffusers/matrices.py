"""An adapter's tensors brought into the form of the layers that they go to: as PEFT holds them there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers._diffusers.fitting import Fitted, Layer
from mc_jupyter.drivers._diffusers.spellings import Spellings, Target
from mc_jupyter.drivers._lora.parameters import Given

if TYPE_CHECKING:
    import torch


def laid_out(
    fitted: Fitted, state: Mapping[str, torch.Tensor], names: Spellings, modules: Mapping[str, Any]
) -> dict[str, torch.Tensor]:
    """Every matrix by PEFT's name for it. Where one layer has a bias all have, since PEFT knows all or none: zeros."""
    import torch

    biased = any("bias" in layer.roles for layer in fitted.layers)
    made: dict[str, torch.Tensor] = {}
    for layer in fitted.layers:
        down, up = _pair(layer, state)
        bias = state[layer.roles["bias"]] if "bias" in layer.roles else up.new_zeros(len(up))
        sizes = _rows(layer.target, names)
        for path, rows, part in zip(
            layer.target.paths, _split(up, layer.target, sizes), _split(bias, layer.target, sizes), strict=True
        ):
            if isinstance(modules[path], torch.nn.Embedding):
                made |= {f"{path}.lora_embedding_A": rows.T, f"{path}.lora_embedding_B": down.T}
                continue
            shape = names.shapes[f"{path}.weight"]
            made[f"{path}.lora_A.weight"] = down.reshape(len(down), *shape[1:])
            made[f"{path}.lora_B.weight"] = rows.reshape(*rows.shape, *(1 for _ in shape[2:]))
            if biased:
                made[f"{path}.lora_B.bias"] = part
    return made


def parameters(fitted: Fitted, state: Mapping[str, torch.Tensor], names: Spellings) -> tuple[Given, ...]:
    """The weights, biases and norms that the file gives, by path."""

    def each() -> Iterator[Given]:
        for one in fitted.parameters:
            parts = _split(state[one.change.key], one.target, _rows(one.target, names, one.attribute))
            for path, part in zip(one.target.paths, parts, strict=True):
                yield Given(f"{path}.{one.attribute}", part, one.change.whole)

    return tuple(each())


def _pair(layer: Layer, state: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """The two matrices whose product is added, `down` with a convolution's window where there is one."""
    import torch

    down, up = state[layer.roles["down"]], state[layer.roles["up"]]
    if layer.turned:
        return up.T, down.T
    if "mid" in layer.roles:
        middle = state[layer.roles["mid"]].float()
        down = torch.einsum("rjhw,ji->rihw", middle, down.flatten(1).float())
    return down, up.flatten(1)


def _rows(target: Target, names: Spellings, attribute: str = "weight") -> list[int]:
    return [names.shapes[f"{path}.{attribute}"][0] for path in target.paths]


def _split(tensor: torch.Tensor, target: Target, sizes: Sequence[int]) -> Sequence[torch.Tensor]:
    """The rows of each layer of several that the file holds as one."""
    import torch

    if target.flipped:
        tensor = torch.cat(tensor.chunk(2)[::-1])
    return torch.split(tensor, list(sizes))
