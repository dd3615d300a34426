"""What the three training scripts share: command line, optimizer and schedule, and how weights are stored."""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


def arguments(default_out: Path, default_steps: int) -> argparse.Namespace:
    """`--out`, `--steps`, `--seed` and `--resume` as every training script takes them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=default_out, help="folder to write the model to")
    parser.add_argument("--steps", type=int, default=default_steps, help="optimizer steps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", type=Path, help="folder of a model to go on from (stories, sentiment)")
    return parser.parse_args()


def cosine(step: int, steps: int, warmup: int) -> float:
    """The share of the peak learning rate at a step: a linear rise, then half a cosine down to 2 %."""
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))


def fit(
    model: torch.nn.Module,
    loss_at: Callable[[int], torch.Tensor],
    *,
    steps: int,
    rate: float,
    betas: tuple[float, float] = (0.9, 0.98),
    decay: float = 0.05,
    every: int = 100,
) -> float:
    """Train in place and return the mean loss of the last stretch; `loss_at(step)` runs the model.

    Two threads, unless `OMP_NUM_THREADS` says otherwise: on a busy machine one is faster, as threads spin.
    """
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=betas)
    warmup = max(1, min(200, steps // 10))
    model.train()
    begun, recent = time.monotonic(), [0.0]
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * cosine(step, steps, warmup)
        loss = loss_at(step)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        recent = [*recent, loss.item()] if step % every else [loss.item()]
        if (step + 1) % every == 0 or step + 1 == steps:
            mean = sum(recent) / len(recent)
            print(f"step {step + 1}/{steps}  loss {mean:.4f}  {time.monotonic() - begun:.0f} s", flush=True)  # noqa: T201
    model.eval()
    return sum(recent) / len(recent)


def save(model: Any, tokenizer: Any, out: Path) -> None:
    """Write model and tokenizer as `from_pretrained` reads them, the weights as float16 safetensors."""
    out.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / "model.safetensors").chmod(0o644)  # safetensors writes 0600, which a wheel would carry along
