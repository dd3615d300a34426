"""How much a library may build of a checkpoint: about what its files hold, and never without end.

A config is a few letters and may ask for anything: 10⁹ layers, a vocabulary of 10¹². Its numbers are looked at before a
library is (they fill lists while it reads them), and while it builds the model, its tensors are counted as they come.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import WeightsError
from mc_jupyter.weights.formats import format_of
from mc_jupyter.weights.headers import tensors
from mc_jupyter.weights.reading import read_json
from mc_jupyter.words import format_bytes

if TYPE_CHECKING:
    import torch

    from mc_jupyter.weights import Checkpoint

# Keys that say how many there are of something, or how large it is; what they may say where no tensor is so large.
_COUNT = re.compile(r"(num_|n_(?!positions|ctx)).*|.*(layers|labels|depths?|blocks|heads|experts)$")
_SIZE = re.compile(r"(d|n)_\w+|.*(_size|_dim|_channels|_width|_features|_positions|_embeddings|channels|side)$")
# Sides that pictures are scaled to before a model sees them; the largest known are 2,560.
_SIDE = re.compile(r"height|width|size|image_size|shortest_edge|max_patches")
_MANY, _LARGE, _LONG = 2**20, 2**26, 2**13
# A model may have what its files do not: masks, tables, a head that is not trained yet.
_NUMBERS_BESIDE = 100_000_000
_TENSORS_BESIDE = 10_000
_PACKED = 8  # numbers of 4 bits in one of 32


def check_numbers(checkpoint: Checkpoint) -> None:
    """WeightsError when a config asks for more of something than any tensor of the files has."""
    largest = max((side for file in _safe(checkpoint) for t in tensors(file) for side in t.shape), default=0)
    for file in _configs(checkpoint.folder):
        for key, value in _numbers(read_json(file)):
            if value > max(_most(key), largest):
                raise WeightsError(
                    f"{file.relative_to(checkpoint.folder)} says {key}: {value}, and {_held(checkpoint)}",
                    fix="fetch it again",
                )


def _most(key: str) -> float:
    """What a key may say where no tensor is so large."""
    kinds = ((_SIDE, _LONG), (_COUNT, _MANY), (_SIZE, _LARGE))
    return next((most for kind, most in kinds if kind.fullmatch(key)), float("inf"))


@contextmanager
def within(checkpoint: Checkpoint) -> Iterator[None]:
    """WeightsError as soon as what is built inside, in this thread, is much more than the files hold."""
    check_numbers(checkpoint)
    if "torch" not in sys.modules:  # the library builds with something else
        yield
        return
    import torch.nn.modules.module as hooks

    count = _Count(checkpoint)
    with ExitStack() as hung:
        for register in (
            hooks.register_module_module_registration_hook,
            hooks.register_module_parameter_registration_hook,
            hooks.register_module_buffer_registration_hook,
        ):
            hung.callback(register(count.add).remove)
        yield


class _Count:
    """Counts the modules and tensors that one thread builds, each place in a module once."""

    def __init__(self, checkpoint: Checkpoint):
        self.checkpoint = checkpoint
        self.thread = threading.get_ident()
        self.seen: set[tuple[int, str]] = set()
        self.numbers = 0
        held = checkpoint.parameters or checkpoint.bytes // 2
        packed = _PACKED if "quantization_config" in checkpoint.config else 1
        self.most_numbers = 2 * held * packed + _NUMBERS_BESIDE
        self.most = 32 * sum(1 for file in _safe(checkpoint) for _ in tensors(file)) + _TENSORS_BESIDE

    def add(self, module: torch.nn.Module, name: str, made: Any) -> None:
        """torch's hook: called before something becomes a part of a module."""
        if threading.get_ident() != self.thread or (place := (id(module), name)) in self.seen:
            return
        self.seen.add(place)
        self.numbers += made.numel() if hasattr(made, "numel") else 0
        if len(self.seen) > self.most or self.numbers > self.most_numbers:
            raise WeightsError(
                f"the model's config asks for more than {len(self.seen):,} tensors and {self.numbers:,} numbers, "
                f"and {_held(self.checkpoint)}{_suspect(self.checkpoint)}",
                fix="fetch it again",
            )


def _safe(checkpoint: Checkpoint) -> list[Path]:
    return [file for file in checkpoint.files if format_of(file.name) == "safetensors"]


def _configs(folder: Path) -> list[Path]:
    """The files that a library builds a model from: the model's, and those of a pipeline's parts."""
    return sorted(file for file in (*folder.glob("*config.json"), *folder.glob("*/*config.json")))


def _numbers(tree: Any, key: str = "") -> Iterator[tuple[str, int]]:
    """Every whole number in it, with the key that it stands under."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _numbers(value, name)
    elif isinstance(tree, list):
        for value in tree:
            yield from _numbers(value, key)
    elif isinstance(tree, int | float) and not isinstance(tree, bool) and tree > 1 and tree < float("inf"):
        yield key, int(tree)


def _held(checkpoint: Checkpoint) -> str:
    """What the files have, in words."""
    if not checkpoint.parameters:
        return f"the files hold {format_bytes(checkpoint.bytes)}"
    return f"the files hold {checkpoint.parameters:,} numbers in all"


def _suspect(checkpoint: Checkpoint) -> str:
    """The largest size or count that a config names: what is wrong, most likely."""
    found = (
        (value, key, file.relative_to(checkpoint.folder))
        for file in _configs(checkpoint.folder)
        for key, value in _numbers(read_json(file))
        if _COUNT.fullmatch(key) or _SIZE.fullmatch(key)
    )
    value, key, file = max(found, default=(0, "", None), key=lambda each: each[0])
    return f" (the largest that {file} says is {key}: {value})" if file else ""
