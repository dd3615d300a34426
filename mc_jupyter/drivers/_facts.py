"""What a loaded transformers model really is, read back from its tensors and modules."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from mc_jupyter.devices import files_in_memory
from mc_jupyter.drivers import Facts, ModelKey
from mc_jupyter.drivers import _quantization as quantization
from mc_jupyter.errors import PlanError
from mc_jupyter.words import listing


def read_facts(model: Any, key: ModelKey, window: int | None, notes: tuple[str, ...]) -> Facts:
    """The facts, with a note for each difference from the key. PlanError if nothing of it could be quantized."""
    parameters = list(model.parameters())
    layers = quantization.layers(model)
    if key.quantization != "none" and not layers:
        raise PlanError(
            f"no layer of this model became {key.quantization}: it has no linear layer that bitsandbytes knows",
            fix="remove quantization:",
        )
    scales = [tensor for layer in layers for tensor in quantization.scales(layer)]
    tensors = {id(t): t for t in (*parameters, *model.buffers(), *scales)}.values()
    kinds: Counter[str] = Counter()
    for parameter in _whole(model, layers).values():
        kinds[_word(parameter.dtype)] += parameter.numel()
    return Facts(
        device=_where(model, tensors),
        dtype=kinds.most_common(1)[0][0] if kinds else "",
        bytes=sum(map(_bytes, tensors)),
        mapped=sum(map(_bytes, _mapped(tensors))),
        parameters=sum(quantization.numbers(p) for p in parameters),
        quantization=_quantization(model, layers),
        window=window,
        architecture=type(model).__name__,
        notes=(*notes, *_differences(model, key, layers)),
    )


def _bytes(tensor: Any) -> int:
    return int(tensor.numel() * tensor.element_size())


def _mapped(tensors: Collection[Any]) -> list[Any]:
    """Those that lie in a file's pages: on a CPU, where they were stored as they are wanted."""
    spans = files_in_memory()
    begin = [first for first, _ in spans]

    def inside(address: int) -> bool:
        position = bisect_right(begin, address) - 1
        return position >= 0 and address < spans[position][1]

    return [tensor for tensor in tensors if tensor.device.type == "cpu" and inside(tensor.data_ptr())]


def _word(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")


def _whole(model: Any, layers: list[Any]) -> Mapping[str, Any]:
    """The parameters that are not quantized, by name."""
    quantized = {id(layer.weight) for layer in layers}
    return {name: p for name, p in model.named_parameters() if id(p) not in quantized}


def _quantization(model: Any, layers: list[Any]) -> str:
    """`nf4 (bitsandbytes, 24 of 25 linear layers)`: the kind comes first."""
    if layers:
        from torch.nn import Linear
        from transformers.pytorch_utils import Conv1D  # gpt2's linear layer

        kinds = Counter(quantization.kind(layer) for layer in layers)
        every = sum(isinstance(m, Linear | Conv1D) for m in model.modules())
        return f"{kinds.most_common(1)[0][0]} (bitsandbytes, {len(layers)} of {every} linear layers)"
    stored = getattr(model.config, "quantization_config", None)  # a checkpoint that was quantized another way
    method = stored.get("quant_method") if isinstance(stored, dict) else getattr(stored, "quant_method", None)
    return str(getattr(method, "value", method) or "none")


def _where(model: Any, tensors: Any) -> str:
    """`cpu`; or, where accelerate spread the model, how many of its parts are on each device."""
    spread = getattr(model, "hf_device_map", None) or {}
    parts = Counter(f"cuda:{place}" if isinstance(place, int) else str(place) for place in spread.values())
    if len(parts) > 1:
        return ", ".join(f"{place} ({count} parts)" for place, count in sorted(parts.items()))
    return ", ".join(sorted({str(t.device) for t in tensors}))


def _differences(model: Any, key: ModelKey, layers: list[Any]) -> Iterator[str]:
    """What is otherwise than the key says, a line each."""
    if key.quantization == "int4":
        yield "int4 is bitsandbytes' nf4"
    yield from _compute_types(key, layers)
    # A 4-bit layer holds its bias in the type it was told to compute in.
    biases = {id(layer.bias) for layer in layers if quantization.is_four_bit(layer)}
    whole = {n: p for n, p in _whole(model, layers).items() if p.is_floating_point() and id(p) not in biases}
    others: dict[str, list[str]] = {}
    for name, parameter in whole.items():
        if (kind := _word(parameter.dtype)) != key.dtype:
            others.setdefault(kind, []).append(name)
    for kind, names in others.items():
        short = list(dict.fromkeys(".".join(name.split(".")[-2:]) for name in names))
        shown = listing(short[:3], "and") if len(short) <= 3 else f"{', '.join(short[:3])} …"
        yield f"{len(names)} of {len(whole)} tensors are {kind}, not {key.dtype}: {shown}"
    if key.device_mode == "auto" and "parts" not in (where := _where(model, model.parameters())):
        yield f"device_mode: auto put the whole model on {where}"


def _compute_types(key: ModelKey, layers: list[Any]) -> Iterator[str]:
    four = [layer for layer in layers if quantization.is_four_bit(layer)]
    asked = key.compute_dtype or key.dtype
    for kind, count in Counter(quantization.computes_in(layer) for layer in four).items():
        if kind != asked:
            yield f"{count} of {len(four)} 4-bit layers compute in {kind}, not {asked}: bitsandbytes' way on this CPU"
