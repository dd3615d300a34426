"""Numbers that are none (NaN, infinite) where a model should give some: told as such, not by what breaks of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import RunError

if TYPE_CHECKING:
    import torch


def check(numbers: torch.Tensor, dtype: Any) -> None:
    """RunError unless all of what a model of this number type gave are numbers."""
    import torch

    if not torch.isfinite(numbers).all():
        raise _no_numbers(str(dtype).removeprefix("torch."))


def _no_numbers(dtype: str) -> RunError:
    whole = "its weights are damaged, or an adapter's weight is far too large: fetch it again, or lower that"
    half = f"precision: {'float32 or bfloat16' if dtype == 'float16' else 'float32'}, unless its weights are damaged"
    return RunError(
        f"the model ({dtype}) gives numbers that are none (NaN or infinite)", fix=whole if dtype == "float32" else half
    )
