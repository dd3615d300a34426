"""Memory that runs out, and memory given back."""

from __future__ import annotations

import ctypes
import errno
import gc
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from mc_jupyter.errors import DoesNotFit, RunError, forget_frames
from mc_jupyter.events import Run

T = TypeVar("T")

# How torch's allocators, its libraries and the system say it: lower case, anywhere in the message.
_WORDS = (
    "out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory", "unable to mmap",
    "bad_alloc", "alloc_failed", "could not allocate",
)  # fmt: skip


def give_back() -> None:
    """Collect what is unreachable, and return what is freed to the system."""
    gc.collect()
    trim()


def trim() -> None:
    """Empty torch's GPU cache, and let glibc return freed pages to the system."""
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
    """Whether an error says that memory ran out, on a GPU or on the CPU (where torch raises a mere RuntimeError)."""
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return isinstance(error, RuntimeError | OSError) and any(word in str(error).lower() for word in _WORDS)


def _line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


@contextmanager
def refusing_what_does_not_fit(subject: str) -> Iterator[None]:
    """DoesNotFit when memory runs out inside, with what was read by then given back."""
    try:
        yield
        return
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        text = _line(error)
        forget_frames(error)
    give_back()
    raise DoesNotFit(
        f"out of memory while loading {subject}: {text}",
        fix="quantization: int8, precision: bfloat16, or %compose unload another model",
    )


def halving(plan: Iterable[list[int]], work: Callable[[list[int]], T], run: Run) -> Iterator[tuple[list[int], T]]:
    """Each batch with what `work` makes of it, until the run is stopped.

    When memory runs out, the batch goes again in halves, and no later one is larger; RunError when one input alone is
    too much.
    """
    most = sys.maxsize
    for planned in plan:
        waiting = [planned]
        while waiting and not run.stopped:
            batch = waiting.pop(0)
            if len(batch) > most:
                waiting[:0] = [batch[i : i + most] for i in range(0, len(batch), most)]
                continue
            done, text = _tried(batch, work)
            if text is None:
                yield batch, done[0]
                continue
            give_back()
            if len(batch) == 1:
                raise RunError(f"out of memory: {text}", fix="a shorter input, or %compose unload another model")
            most = len(batch) // 2
            run.note(f"out of memory with {len(batch)} inputs at once: going on with {most}")
            waiting.insert(0, batch)


def _tried(batch: list[int], work: Callable[[list[int]], T]) -> tuple[list[T], str | None]:
    """(the result, None), or (nothing, what the allocator said), with nothing left of the attempt."""
    try:
        return [work(batch)], None
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        text = _line(error)
        forget_frames(error)  # they hold the tensors of the attempt
    return [], text
