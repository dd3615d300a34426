"""Tokens a second of `text-generation` against `model.generate` called directly: the same prompt, greedy."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import models
from tests.bench.measure import Row, in_turns

ROUNDS = 15
AIM = 0.98
TOKENS = 128
SIZES: dict[str, Any] = {
    "hidden_size": 512, "intermediate_size": 1408, "num_hidden_layers": 6, "num_attention_heads": 8,
    "num_key_value_heads": 8, "initializer_range": 0.05, "eos_token_id": None,
}  # fmt: skip
PROMPT = "once upon a time there was a brave cat who wanted to learn how to swim in the sea"
CELL = """
component:
  type: model
  task: text-generation
  model: {folder}
  text: ${{input.text as text}}
  max_output_length: {tokens}
  do_sample: false
"""


def rows(rounds: int = ROUNDS) -> Iterator[Row]:
    """On the CPU; and where there is a GPU, in both half precisions on that."""
    import torch

    places = [("cpu", "float32")]
    if torch.cuda.is_available():
        places += [("cuda:0", "float16"), ("cuda:0", "bfloat16")]
    with tempfile.TemporaryDirectory() as made:
        folder = models.llama(Path(made), **SIZES)
        for device, dtype in places:
            yield _row(folder, device, dtype, rounds)


def _row(folder: Path, device: str, dtype: str, rounds: int) -> Row:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    import mc_jupyter as mc

    with mc.Session() as session:
        cell = CELL.format(folder=folder, tokens=TOKENS)
        ours = session.load(cell, "ours", overrides={"device": device, "precision": dtype})
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).to(device).eval()

        def direct() -> list[int]:
            inputs = tokenizer(PROMPT, return_tensors="pt", return_token_type_ids=False).to(device)
            with torch.inference_mode():
                written = model.generate(**inputs, max_new_tokens=TOKENS, do_sample=False)
            ids: list[int] = written[0, inputs["input_ids"].shape[1] :].tolist()
            tokenizer.decode(ids, skip_special_tokens=True)
            return ids

        written = list(ours(PROMPT).token_ids)  # up to the tokenizer's end, which this model's config does not know
        assert written == direct()[: len(written)]
        times = in_turns(rounds, ours=lambda: ours(PROMPT), direct=direct)
    size = sum(p.numel() for p in model.parameters())
    ratio = times.ratio("direct", "ours")
    where = "" if device == "cpu" else f" in {dtype} on {device}"
    return Row(
        f"greedy text of {TOKENS} tokens by a Llama of {size / 1e6:.0f} M parameters{where}; peer: `model.generate`",
        f"{TOKENS / times.median('ours'):.0f} tokens/s", f"{TOKENS / times.median('direct'):.0f} tokens/s",
        f"{ratio:.2f}×", f"≥ {AIM}×", ratio >= AIM,
    )  # fmt: skip
