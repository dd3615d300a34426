"""1 000 docstrings embedded by `text-embedding` and by sentence-transformers, and what the machine could do at most."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench import docstrings
from tests.bench.measure import Row, in_turns

if TYPE_CHECKING:
    import torch

ROUNDS = 3
CELL = """
component:
  type: model
  task: text-embedding
  model: {folder}
  text: ${{input.text as text}}
  truncate: true
"""


def rows(count: int = 1000, rounds: int = ROUNDS) -> Iterator[Row]:
    import torch
    from sentence_transformers import SentenceTransformer

    import mc_jupyter as mc

    every = docstrings.docstrings()
    texts = docstrings.sample(every, count)
    with tempfile.TemporaryDirectory() as folder, mc.Session() as session:
        docstrings.minilm(Path(folder), every)
        cell = CELL.format(folder=folder)
        ours = session.load(cell, "float32", overrides={"device": "cpu", "precision": "float32"})
        half = session.load(cell, "bfloat16", overrides={"device": "cpu", "precision": "bfloat16"})
        peer = SentenceTransformer(folder, device="cpu")
        assert peer.max_seq_length == docstrings.POSITIONS

        def theirs() -> Any:
            return peer.encode(texts, normalize_embeddings=True, show_progress_bar=False)

        difference = (torch.tensor(list(ours(texts))) - torch.from_numpy(theirs())).abs().max().item()
        assert difference < 1e-5, f"the vectors differ by {difference}"
        half(texts[:32])
        lengths = [len(ids) for ids in peer.tokenizer(texts, truncation=True)["input_ids"]]
        peaks: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}

        def peak() -> None:
            for kind, found in peaks.items():
                found.append(_peak(kind))

        times = in_turns(rounds, ours=lambda: ours(texts), peer=theirs, half=lambda: half(texts), peak=peak)
    tokens, work = sum(lengths), docstrings.operations(lengths)
    for name, kind, aim in (("ours", torch.float32, 1.4), ("half", torch.bfloat16, 2.4)):
        ratio, word = times.ratio("peer", name), str(kind).removeprefix("torch.")
        yield Row(
            f"{count:,} texts, {tokens:,} tokens embedded in {word}; peer: sentence-transformers, float32",
            f"{times.median(name):.1f} s", f"{times.median('peer'):.1f} s", f"{ratio:.2f}×", f"≥ {aim}×", ratio >= aim,
        )  # fmt: skip
        # Best against best: what else runs here can only lower either.
        reached, possible = work / min(times.seconds[name]), max(peaks[kind])
        yield Row(
            f"share of the machine's {word} matrix-product peak in it (best round, best peak)",
            f"{reached / 1e9:.0f} GFLOP/s", f"{possible / 1e9:.0f} GFLOP/s", f"{reached / possible:.0%}",
        )  # fmt: skip


def _peak(kind: torch.dtype, seconds: float = 1.0) -> float:
    """Operations a second of the fastest of many large matrix products."""
    import torch

    size = 2048
    a, b = (torch.randn(size, size).to(kind) for _ in range(2))
    product, end, best = a @ b, time.perf_counter() + seconds, 0.0
    while (start := time.perf_counter()) < end:
        torch.mm(a, b, out=product)
        best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best
