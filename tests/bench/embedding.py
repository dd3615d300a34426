"""1 000 docstrings embedded by `text-embedding` and by sentence-transformers, and what the machine could do at most."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
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
        times = in_turns(
            rounds,
            ours=lambda: ours(texts),
            peer=theirs,
            half=lambda: half(texts),
            peak=lambda: [best.append(_peak(kind)) for kind, best in peaks.items()],
        )
    tokens, work = sum(lengths), docstrings.operations(lengths)
    for name, kind, aim, share_aim in (("ours", torch.float32, 1.4, 0.65), ("half", torch.bfloat16, 2.4, None)):
        ratio, word = times.ratio("peer", name), str(kind).removeprefix("torch.")
        yield Row(
            f"{count:,} texts, {tokens:,} tokens embedded in {word}; peer: sentence-transformers, float32",
            f"{times.median(name):.1f} s", f"{times.median('peer'):.1f} s", f"{ratio:.2f}×", f"≥ {aim}×", ratio >= aim,
        )  # fmt: skip
        shares = [
            work / seconds / peak for seconds, peak in zip(times.seconds[name], peaks[kind], strict=True)
        ]
        share = sorted(shares)[len(shares) // 2]
        peak = sorted(peaks[kind])[len(peaks[kind]) // 2]
        yield Row(
            f"share of the machine's {word} matrix-product peak in it",
            f"{work / times.median(name) / 1e9:.0f} GFLOP/s", f"{peak / 1e9:.0f} GFLOP/s", f"{share:.0%}",
        )  # fmt: skip


def _peak(kind: torch.dtype, seconds: float = 1.0) -> float:
    """Operations a second of a large matrix product."""
    import torch

    size = 2048
    a, b = (torch.randn(size, size).to(kind) for _ in range(2))
    multiply: Callable[[], Any] = lambda: a @ b  # noqa: E731
    multiply()
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        multiply()
        done += 1
    return done * 2 * size**3 / (time.perf_counter() - start)
