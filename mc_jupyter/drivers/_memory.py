"""Giving memory back to the system after a model is gone."""

from __future__ import annotations

import ctypes
import gc
import sys


def give_back() -> None:
    """Collect what is unreachable, empty torch's GPU cache, and let glibc return freed pages to the system."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch is not None and torch.backends.mps.is_available():
        torch.mps.empty_cache()
    if sys.platform == "linux":
        try:
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        except (OSError, AttributeError):  # musl has no malloc_trim and returns pages by itself
            return


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: torch's on a GPU, its allocator's on a CPU, or Python's own."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(
        words in text for words in ("out of memory", "can't allocate memory", "not enough memory")
    )
