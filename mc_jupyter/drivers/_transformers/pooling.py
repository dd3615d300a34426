"""Token vectors pooled into one: (batch, tokens, width) and mask (batch, tokens) → (batch, width), in float32.

Each way is sentence-transformers' own, for rows padded on either side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def pooled(states: torch.Tensor, mask: torch.Tensor, modes: Sequence[str], unread: int = 0) -> torch.Tensor:
    """The vectors of each mode, one after another. The first `unread` tokens of a text, its prompt, take no part."""
    import torch

    states = states.float()
    places = mask.cumsum(1) * mask  # 1 for a text's first token
    part = mask * (places > unread)
    return torch.cat([POOLINGS[mode](states, part, places) for mode in modes], -1)


def _sum(states: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    return (states * part.unsqueeze(-1)).sum(1)


def _count(part: torch.Tensor) -> torch.Tensor:
    return part.sum(1, keepdim=True).float().clamp(min=1e-9)


def _mean(states: torch.Tensor, part: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    return _sum(states, part) / _count(part)


def _mean_by_root(states: torch.Tensor, part: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    return _sum(states, part) / _count(part).sqrt()


def _weighted_mean(states: torch.Tensor, part: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    return _mean(states, part * places, places)


def _max(states: torch.Tensor, part: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    return states.masked_fill(part.unsqueeze(-1) == 0, float("-inf")).amax(1)


def _first(states: torch.Tensor, part: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    return states[range(len(states)), part.int().argmax(1)]


def _last(states: torch.Tensor, part: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    return states[range(len(states)), (part * places).argmax(1)]


POOLINGS = {
    "cls": _first,
    "max": _max,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_by_root,
    "weightedmean": _weighted_mean,
    "lasttoken": _last,
}
"""By sentence-transformers' words, in the order in which it lays several side by side."""
