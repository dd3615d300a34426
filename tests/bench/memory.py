"""What loads take at their peak, ten of each in fresh processes, beside what was said before them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import models
from tests.bench.measure import Row
from tests.loads import Measured, measure

ROUNDS = 10
# 100 million parameters, stored as float32.
LARGE: dict[str, Any] = {
    "vocab_size": 32_000, "hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 10,
    "num_attention_heads": 12, "num_key_value_heads": 12,
}  # fmt: skip
LOADS = (
    ("precision: float32",),
    ("precision: bfloat16",),
    ("precision: bfloat16", "quantization: int8"),
    ("precision: bfloat16", "quantization: nf4"),
    ("precision: bfloat16", "quantization: fp4"),
)


def rows(rounds: int = ROUNDS) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as made:
        folder, small = models.llama(Path(made) / "large", **LARGE), models.llama(Path(made) / "small")
        for lines in LOADS:
            found = [measure(folder, small, task="text-generation", lines=lines) for _ in range(rounds)]
            yield _row(", ".join(lines), found)


def _row(what: str, found: list[Measured]) -> Row:
    peaks = [each.peaks[0] / 1e6 for each in found]
    ratios = [each.ratios[0] for each in found]
    return Row(
        f"memory at the peak of a load, 100 M parameters, {what}; peer: what was said before it",
        f"{min(peaks):.0f} to {max(peaks):.0f} MB",
        f"{found[0].estimated / 1e6:.0f} MB",
        f"{min(ratios):.2f} to {max(ratios):.2f}×",
        "0.85 to 1.15×",
        all(abs(ratio - 1) <= 0.15 for ratio in ratios),
    )
