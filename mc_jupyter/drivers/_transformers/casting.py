"""Changing a loaded transformers model's number type in place, to what loading it anew would give, bit for bit."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import PlanError

if TYPE_CHECKING:
    import torch

    from mc_jupyter.drivers import ModelKey

# Which stored numbers each number type holds unchanged.
_HOLDS = {
    "float32": ("float32", "float16", "bfloat16"),
    "float16": ("float16",),
    "bfloat16": ("bfloat16",),
}


def castable(old: ModelKey, new: ModelKey, stored: str | None) -> bool:
    """Whether what was loaded as `old` still holds every stored number, so that `new` can be made of it.

    `stored` is the one type of all the files' floats, None where they are of several.
    """
    return (
        replace(old, dtype=new.dtype) == new
        and old.quantization == "none"
        and old.device_mode == "single"
        and new.dtype in _HOLDS
        and stored in _HOLDS.get(old.dtype, ())
    )


def cast(model: Any, dtype: torch.dtype) -> None:
    """Bring every tensor to the type that `from_pretrained(dtype=…)` gives it, one at a time.

    A model of the same class without memory (on torch's meta device) says which type each is created in. PlanError,
    with nothing changed, where that is not enough: a buffer that no file holds would be computed otherwise.
    """
    twin = _twin(model, dtype)
    changes = [*_parameters(model, twin, dtype), *_buffers(model, twin, dtype)]
    for tensor, wanted in changes:
        tensor.data = tensor.data.to(wanted)
    others = dict(twin.named_modules())
    for name, module in model.named_modules():
        if hasattr(module, "config") and hasattr(others.get(name), "config"):
            _take_dtype(module.config, others[name].config)


def _twin(model: Any, dtype: torch.dtype) -> Any:
    import torch

    with torch.device("meta"):
        return type(model)._from_config(copy.deepcopy(model.config), dtype=dtype)


def _wanted(model: Any, name: str, created: torch.dtype, dtype: torch.dtype) -> torch.dtype:
    """transformers' own rule (5.23): some models keep modules in float32 whatever is asked."""
    for pattern, kept in model._get_dtype_plan(dtype).items():
        if re.search(pattern.replace("*", ".*"), name):
            return kept  # type: ignore[no-any-return]
    return created


def _parameters(model: Any, twin: Any, dtype: torch.dtype) -> list[tuple[Any, torch.dtype]]:
    created = {name: p.dtype for name, p in twin.named_parameters(remove_duplicate=False)}
    found = [(p, _wanted(model, name, created[name], dtype)) for name, p in model.named_parameters()]
    return [(p, wanted) for p, wanted in found if p.dtype != wanted]


def _buffers(model: Any, twin: Any, dtype: torch.dtype) -> list[tuple[Any, torch.dtype]]:
    created = {name: b.dtype for name, b in twin.named_buffers(remove_duplicate=False)}
    stored = twin.state_dict().keys()
    changes = []
    for name, buffer in model.named_buffers():
        wanted = _wanted(model, name, created[name], dtype) if name in stored else created[name]
        if wanted == buffer.dtype:
            continue
        if name not in stored:
            raise PlanError(f"{name} is computed anew in each number type: this model must be loaded again")
        changes.append((buffer, wanted))
    return changes


def _take_dtype(config: Any, other: Any) -> None:
    config.dtype = other.dtype
    for name in getattr(config, "sub_configs", ()):
        if (own := getattr(config, name, None)) is not None:
            _take_dtype(own, getattr(other, name))
