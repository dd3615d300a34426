"""A model's modules by path: PEFT's layers that are laid over it, its own beneath them, and what each holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def wrapped(module: Any, path: str = "", seen: set[int] | None = None) -> Iterator[tuple[Any, str, Any]]:
    """Every layer of PEFT's in a model, outermost only: what holds it, its path, and it."""
    from peft.tuners.lora import LoraLayer

    seen = set() if seen is None else seen
    for name, child in module.named_children():
        if isinstance(child, LoraLayer):
            yield module, path + name, child
        elif id(child) not in seen:
            seen.add(id(child))
            yield from wrapped(child, f"{path}{name}.", seen)


def own_modules(model: Any) -> Iterator[tuple[str, Any]]:
    """A model's own modules by path, whatever is laid over them."""
    layers = {path: layer for _, path, layer in wrapped(model)}
    inside = tuple(f"{path}." for path in layers)
    for path, module in model.named_modules():
        if not path.startswith(inside):
            yield path, layers[path].get_base_layer() if path in layers else module


def parameters_of(module: Any) -> dict[str, Any]:
    """A module's own parameters by name, one that it holds under two names under both."""
    return dict(module.named_parameters(recurse=False, remove_duplicate=False))
