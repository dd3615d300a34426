"""Which inputs go through a model together: longest first, so that little of a batch is padding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from mc_jupyter.events import Run

T = TypeVar("T")

TOKENS = 1024
"""A batch is filled to about this many tokens. Measured best for encoders on CPU: larger batches leave the cache."""


def batches(
    lengths: Sequence[int], *, size: int | None = None, tokens: int = TOKENS, same_length: bool = False
) -> Iterator[list[int]]:
    """Positions of the inputs, batch by batch, from the longest input to the shortest.

    With `size`, every batch has that many (the last may have fewer). Without, a batch takes inputs while their number
    times the longest stays within `tokens`; a single input may be longer. With `same_length`, only inputs of equal
    length share a batch, so that nothing is padded.
    """
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch:
            longest = lengths[batch[0]]
            full = len(batch) >= size if size else (len(batch) + 1) * longest > tokens
            if full or (same_length and lengths[position] != longest):
                yield batch
                batch = []
        batch.append(position)
    if batch:
        yield batch


def unless_stopped(made: Iterable[T], run: Run) -> list[T] | None:
    """All that is made, one by one, before a model begins; None where the run is stopped meanwhile."""
    found = []
    for one in made:
        if run.stopped:
            return None
        found.append(one)
    return found
