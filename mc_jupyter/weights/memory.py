"""What a model will take in memory, known from its files before they are read, and whether that much is free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mc_jupyter.devices import Memory
from mc_jupyter.errors import DoesNotFit
from mc_jupyter.weights.checkpoint import Checkpoint
from mc_jupyter.words import format_bytes, listing


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes that a model will take: once loaded, and at most while it loads. What the input needs comes on top.

    It is memory that the model cannot do without: the process's own, and pages of the file that stay its weights. Not
    counted are pages that are mapped only to be converted, which the kernel drops when memory is short; nor what
    imported libraries take, which are imported before what is free is looked at. `tests/bench/memory.py` holds it
    against what loads take.
    """

    weights_bytes: int
    peak_bytes: int


def estimate(checkpoint: Checkpoint, dtype: str) -> Estimate:
    """What the checkpoint takes when every number of it is loaded as `dtype`."""
    weights = checkpoint.bytes_as(dtype)
    return Estimate(weights, weights + checkpoint.largest)  # one tensor at a time is there twice: as stored, as loaded


def check_fits(
    need: int,
    memory: Memory,
    residents: Sequence[tuple[str, int]] = (),
    *,
    subject: str,
    lighter: Sequence[tuple[str, int]] = (),
    otherwise: str | None = None,
) -> None:
    """DoesNotFit when `need` bytes are not free: with both numbers, what is resident, and up to three ways out.

    `residents` are (names, bytes) of what is loaded on the device, `lighter` what `alternatives` gives, `otherwise` a
    last way out.
    """
    if need <= memory.free:
        return
    ways = [
        f"`%compose unload {name.replace(', ', ' ')}` frees {format_bytes(size)}"
        for name, size in _enough(need - memory.free, residents)
    ]
    ways += [f"`{line}` makes it {format_bytes(size)}" for line, size in lighter if size <= memory.free]
    held = (
        f"; loaded are {listing([f'{name} ({format_bytes(size)})' for name, size in residents], 'and')}"
        if residents
        else ""
    )
    raise DoesNotFit(
        f"{subject} needs {format_bytes(need)}; {memory}{held}",
        fix=listing([*ways[:3], *([otherwise] if otherwise else [])])
        or "use a smaller model, or a machine with more memory",
    )


def _enough(short: int, residents: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """The smallest resident that frees enough; or, the largest first, the few that do together; or none."""
    alone = [resident for resident in sorted(residents, key=lambda resident: resident[1]) if resident[1] >= short]
    if alone:
        return alone[:1]
    chosen: list[tuple[str, int]] = []
    for resident in sorted(residents, key=lambda resident: -resident[1]):
        chosen.append(resident)
        if sum(size for _, size in chosen) >= short:
            return chosen
    return []
