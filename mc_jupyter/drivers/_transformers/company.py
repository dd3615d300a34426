"""Which texts may go through a model together: measured on the model itself, for its design seldom says it.

Rows of a batch are filled up to one length, and a mask says what is filling. Many models pay it no heed somewhere: a
recurrent state runs on through it, positions are counted from it, a Fourier transform mixes it in. What such a model
gives of a text then depends on what else is in the list. So the shortest row is computed alone and beside the longest;
where the results differ, only rows of equal length share a batch, and where these differ too, each goes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from mc_jupyter.events import Run

Measure = Callable[[list[int]], "torch.Tensor"]
"""Positions of rows → (rows, …): the numbers that a model gives of each among these."""

_CLOSE = 1e-3  # of the largest number: float32 differs by 1e-5 with the shape of a batch
_CLOSE_IN_HALF = 5e-2  # half precision and quantized layers, by 1e-2


class Together(IntEnum):
    """The rows that share a batch."""

    PADDED = 0
    EQUAL = 1
    ALONE = 2


_TOLD = {
    Together.EQUAL: "this model's design does not overlook what fills up shorter texts: only those of equal length go "
    "through it together",
    Together.ALONE: "what this model gives of a text depends on the others of a list: they go through it one by one",
}


class Company:
    """What is known of one loaded model: the rows that may share a batch, and how far that was measured."""

    def __init__(self, *, exact: bool, alone: str = ""):
        """`alone` says why rows never share a batch here, where that is known beforehand."""
        self.together = Together.ALONE if alone else Together.PADDED
        self.untold = alone
        self.close = _CLOSE if exact else _CLOSE_IN_HALF
        self.widest = self.padding = -1

    def parts(self, batch: list[int], lengths: Sequence[int], measure: Measure, run: Run) -> Iterator[list[int]]:
        """A batch in parts, each of rows that give together what they give alone."""
        if self.untold and len(batch) > 1:
            run.note(self.untold)
            self.untold = ""
        waiting = self._split(batch, lengths)
        while waiting and not run.stopped:
            part = waiting.pop(0)
            if len(part) == 1 or self._holds(part, lengths, measure):
                yield part
                continue
            waiting = self._split([i for each in (part, *waiting) for i in each], lengths)
            run.note(_TOLD[self.together])

    def _split(self, batch: list[int], lengths: Sequence[int]) -> list[list[int]]:
        if self.together is Together.PADDED:
            return [batch]
        if self.together is Together.ALONE:
            return [[position] for position in batch]
        longest_first = sorted(batch, key=lambda i: -lengths[i])
        return [list(same) for _, same in groupby(longest_first, key=lengths.__getitem__)]

    def _holds(self, part: list[int], lengths: Sequence[int], measure: Measure) -> bool:
        """Whether these rows may go together. Measured where they are longer, or filled up more, than any before."""
        longest_first = sorted(part, key=lambda i: -lengths[i])
        longest, shortest = longest_first[0], longest_first[-1]
        width, padding = lengths[longest], lengths[longest] - lengths[shortest]
        if width <= self.widest and padding <= self.padding:
            return True
        alone, beside = measure([shortest])[0], measure([longest, shortest])[1]
        if _apart(alone, beside) > self.close:
            self.together = Together.EQUAL if padding else Together.ALONE
            self.widest = self.padding = -1
            return False
        self.widest, self.padding = max(self.widest, width), max(self.padding, padding)
        return True


def _apart(alone: torch.Tensor, beside: torch.Tensor) -> float:
    """How far two results of one text are apart, of the larger's size. What is no number in either counts for nothing:
    it is told of where a result is made of it."""
    import torch

    steps = min(len(alone), len(beside))
    alone, beside = alone[:steps].double(), beside[:steps].double()
    known = torch.isfinite(alone) & torch.isfinite(beside)
    if not known.any():
        return 0.0
    return float((alone - beside)[known].abs().max() / alone[known].abs().max().clamp(min=1e-9))
