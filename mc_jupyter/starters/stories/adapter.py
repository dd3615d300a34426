"""Train a LoRA adapter of the story model on one style; `pirate/train.py` and `space/train.py` run this.

Every step draws the adapter's weight, and the style's share in that step's stories is that weight: so the adapter has
been trained for weights between 0 and 1 too, and turning it down fades the style.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from safetensors.torch import save_file
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from mc_jupyter import starters
from mc_jupyter.starters import training
from mc_jupyter.starters.stories.styles import Style, stream
from mc_jupyter.starters.stories.train import render

ROWS, LENGTH = 12, 160
STEPS = 400


def set_weight(model: Any, weight: float, adapter: str) -> None:
    """How much of an adapter is added in every layer: 0 none, 1 as trained."""
    for layer in model.modules():
        if isinstance(layer, LoraLayer):
            layer.set_scale(adapter, weight)


def batch(tokenizer: PreTrainedTokenizerFast, shares: Mapping[Style, float], seed: int) -> torch.Tensor:
    """Token ids (ROWS, LENGTH), a document to a row, cut or padded with the ignored label's -100."""
    documents = [render(document) for document in itertools.islice(stream(shares, seed), ROWS)]
    encoded = tokenizer(documents, add_special_tokens=False)["input_ids"]
    rows = [[*([0] if document[0] != "<" else []), *row] for document, row in zip(documents, encoded, strict=True)]
    padded = [row[:LENGTH] + [-100] * (LENGTH - len(row)) for row in rows]
    return torch.tensor(padded)


def weights(style: Style, beside: Style | None, seed: int) -> Iterator[dict[Style, float]]:
    """The adapters' weights at each step: half of the time 1, else 0.2 or more; half of the time with another.

    Beside another, the two weights come to 1 more often than not, as who mixes them will have it.
    """
    rng = random.Random(seed)
    while True:
        weight = 1.0 if rng.random() < 0.5 else rng.uniform(0.2, 1.0)
        if beside is None or rng.random() < 0.5:
            yield {style: weight}
        else:
            weight = rng.uniform(0.2, 0.8)
            yield {style: weight, beside: 1 - weight if rng.random() < 0.7 else rng.uniform(0.2, 1.0)}


def prepare(style: Style, beside: Style | None) -> Any:
    """The story model with a new adapter; the one it is to get on with is on it too, and stays as it is."""
    base = LlamaForCausalLM.from_pretrained(starters.folder("stories"), dtype=torch.float32)
    base.config.name_or_path = base.name_or_path = "starter:stories"
    projections = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    config = LoraConfig(task_type="CAUSAL_LM", r=8, lora_alpha=16, target_modules=projections)
    model = get_peft_model(base, config, adapter_name=style.name)
    if beside:
        model.load_adapter(starters.folder(f"stories-{beside.name}"), adapter_name=beside.name)
        model.base_model.set_adapter([style.name, beside.name])
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(f".{style.name}." in name)
    return model


def train(style: Style, out: Path, steps: int, seed: int = 0, beside: Style | None = None) -> float:
    """Generate, train, save as PEFT does; the loss of the last stretch. Every step sees new documents."""
    torch.manual_seed(seed)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(starters.folder("stories"))
    model = prepare(style, beside)
    drawn = weights(style, beside, seed)

    def loss_at(step: int) -> torch.Tensor:
        shares = next(drawn)
        for each in filter(None, (style, beside)):
            set_weight(model, shares.get(each, 0.0), each.name)
        ids = batch(tokenizer, shares, seed * 1_000_003 + step)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(input_ids=ids.where(ids >= 0, tokenizer.pad_token_id), use_cache=False).logits[:, :-1]
        return torch.nn.functional.cross_entropy(logits.float().reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1))

    loss = training.fit(model, loss_at, steps=steps, rate=5e-3, decay=0.0, every=50 if steps > 50 else 5)
    save(model, style.name, out)
    return loss


def save(model: Any, name: str, out: Path) -> None:
    """The two files of an adapter, the weights as float16. (PEFT's `save_pretrained` would write a card as well.)"""
    out.mkdir(parents=True, exist_ok=True)
    config = model.peft_config[name]
    config.inference_mode = True
    config.target_modules = sorted(config.target_modules)  # a set otherwise, in another order each time
    config.save_pretrained(out)
    tensors = get_peft_model_state_dict(model, adapter_name=name, save_embedding_layers=False)
    file = out / "adapter_model.safetensors"
    save_file({key: tensor.half().contiguous() for key, tensor in tensors.items()}, file, metadata={"format": "pt"})
    file.chmod(0o644)  # safetensors writes 0600, which a wheel would carry along
