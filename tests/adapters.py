"""LoRA adapters made here, over the models of `tests.models`, and saved by PEFT itself.

Both matrices of each are random and not zero, so that every one of them changes what its base says.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from mc_jupyter.weights import Checkpoint
from mc_jupyter.weights.checkpoint import read
from mc_jupyter.weights.selection import choose


def lora(
    folder: Path,
    base: Path,
    *,
    auto: str = "AutoModelForCausalLM",
    rank: int = 4,
    alpha: float | None = None,
    targets: Any = ("q_proj", "v_proj"),
    rslora: bool = False,
    seed: int = 1,
    size: float = 0.2,
    dtype: str | None = None,
    embedding: bool | str = "auto",
    **config: Any,
) -> Path:
    """A folder as PEFT saves it. `alpha` is twice the rank unless said; `size` the spread of the random numbers.

    `embedding` is PEFT's save_embedding_layers: "auto" saves the base's table along when the adapter changes it.
    """
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model

    names = targets if isinstance(targets, str) else list(targets)
    settings = {"r": rank, "lora_alpha": 2 * rank if alpha is None else alpha, "use_rslora": rslora, **config}
    own = getattr(transformers, auto).from_pretrained(base)
    made = get_peft_model(own, LoraConfig(target_modules=names, **settings))
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in made.named_parameters():
        if parameter.requires_grad:
            random = torch.randn(parameter.shape, generator=generator) * size
            parameter.data = random if "lora_" in name else parameter.data + random  # a head or a bias trained along
            if dtype:
                parameter.data = parameter.data.to(getattr(torch, dtype))
    made.save_pretrained(folder, save_embedding_layers=embedding)
    return folder


def as_pickle(folder: Path, target: Path) -> Path:
    """The same adapter in the older form of its file: adapter_model.bin."""
    import torch
    from safetensors.torch import load_file

    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.safetensors"))
    torch.save(load_file(folder / "adapter_model.safetensors"), target / "adapter_model.bin")
    return target


def checkpoint(folder: Path) -> Checkpoint:
    """An adapter's files, as the planner finds them."""
    return _read(folder, "adapter")


def base(folder: Path) -> Checkpoint:
    """A model's files, as the planner finds them."""
    return _read(folder, "model")


def _read(folder: Path, kind: Any) -> Checkpoint:
    names = [str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()]
    chosen = choose(names, kind=kind)
    assert chosen is not None
    return read(folder, chosen)
