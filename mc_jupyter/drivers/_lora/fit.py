"""Whether an adapter can fit a model, as far as the headers of both say: asked before any weight is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import TYPE_CHECKING

from mc_jupyter.drivers._lora.card import Card
from mc_jupyter.drivers._lora.entries import Entries, by_name, entries
from mc_jupyter.weights.formats import format_of
from mc_jupyter.weights.headers import Tensor, tensors

if TYPE_CHECKING:
    from mc_jupyter.weights import Checkpoint

_TRANSPOSED = ("gpt2", "openai-gpt", "imagegpt", "decision_transformer")  # their Conv1D holds (inputs, outputs)


def check_adapter(base: Checkpoint, adapter: Checkpoint, name: str) -> None:
    """PlanError or WeightsError unless these files are a LoRA adapter that can fit this base.

    Only headers are read. Where the base's files name things otherwise than its modules are named, or are no
    safetensors, nothing is refused: `attach` finds out.
    """
    card = Card.read(adapter, name)
    shapes = by_name(((tensor.name, tensor.shape) for tensor in headers(adapter)), name)
    held = entries(shapes, name)
    wanted, here = sizes(held, shapes), list(headers(base))
    if not (wanted and here):
        return
    words = last_words(tensor.name.rpartition(".")[0] for tensor in here)
    if not last_words(wanted) & words and not _renamed(base):
        raise card.no_module(last_words(wanted), words)
    found = {
        tensor.name.removesuffix(".weight"): tensor.shape
        for tensor in here
        if tensor.name.endswith(".weight") and len(tensor.shape) == 2 and tensor.dtype in PLAIN
    }
    turned = bool(card.config.get("fan_in_fan_out")) or base.model_type in _TRANSPOSED
    for module, shape in wanted.items():
        own = _same_module(module, found)
        if own and own != shape and not (turned and own == shape[::-1]):
            raise card.other_size(module, shape, own)


PLAIN = ("float64", "float32", "float16", "bfloat16")


def headers(checkpoint: Checkpoint) -> Iterator[Tensor]:
    for file in checkpoint.files:
        if format_of(file.name) == "safetensors":
            yield from tensors(file)


def sizes(held: Entries, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, int]]:
    """The shape that each module's weight must have: (outputs, inputs), of an embedding (entries, width)."""
    found: dict[str, tuple[int, int]] = {}
    for layer, roles in held.layers.items():
        down, up = shapes[roles["down"]], shapes[roles["up"]]
        if len(down) == len(up) == 2:
            # A: (rank, inputs), B: (outputs, rank); an embedding's A is (rank, entries), its B (width, rank).
            found[layer] = (down[1], up[0]) if layer in held.tables else (up[0], down[1])
    return found


def last_words(modules: Iterable[str]) -> Set[str]:
    return {module.rpartition(".")[2] for module in modules}


def _same_module(module: str, here: Mapping[str, tuple[int, ...]]) -> tuple[int, ...] | None:
    """The shape of a module's weight in files whose names may lack, or have more of, first parts (`model.`)."""
    for name in (module, module.partition(".")[2]):
        if name in here:
            return here[name]
    longer = [other for other in here if other.endswith(f".{module}")]
    return here[longer[0]] if len(longer) == 1 else None


def _renamed(base: Checkpoint) -> bool:
    """Whether transformers gives this architecture's modules other names than its files do."""
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping

    return bool(get_checkpoint_conversion_mapping(base.model_type))
