"""Memory that runs out while a library loads or computes: said in one way, or gone around in smaller batches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from mc_jupyter.devices import give_back, is_out_of_memory
from mc_jupyter.errors import DoesNotFit, RunError, forget_frames
from mc_jupyter.events import Run
from mc_jupyter.faults import reason

T = TypeVar("T")


@contextmanager
def refusing_what_does_not_fit(subject: str) -> Iterator[None]:
    """DoesNotFit when memory runs out inside, with what was read by then given back."""
    try:
        yield
        return
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        text = reason(error)
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
        text = reason(error)
        forget_frames(error)  # they hold the tensors of the attempt
    return [], text
