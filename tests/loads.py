"""The memory that loading takes at its peak, in a process of its own, beside what was said of it before.

    one = measure(folder, small, task="text-generation", lines=["quantization: nf4"])
    one.estimated, one.peaks          bytes; a peak for each load

The process loads `small` first, a model of the same kind that takes next to nothing: what is imported for it is not the
load's. Then this process reads the other's own memory (`RssAnon`) twice a millisecond. Weights that stay pages of their
file are added: they are memory that the model needs, and not the process's own.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import cell

_EVERY = 0.0005


@dataclass(frozen=True, slots=True)
class Measured:
    """Bytes: what was estimated (held, and at the peak), and what each load took (at the peak, and after it)."""

    held_estimated: int
    estimated: int
    peaks: tuple[int, ...]
    held: tuple[int, ...]
    left: tuple[int, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """Each peak as a share of the estimate."""
        return tuple(peak / self.estimated for peak in self.peaks)


def own(process: Any = "self") -> int:
    """Memory that is a process's own: no file's pages."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def measure(folder: Path, small: Path, *, task: str, lines: Sequence[str] = (), times: int = 1) -> Measured:
    """Load a model so many times in one fresh process, unloaded each time."""
    documents = [cell(task, each, "device: cpu", *lines) for each in (small, folder)]
    started = [sys.executable, "-m", "tests.loads", *documents, str(times)]
    peaks, held, left = [], [], []
    with subprocess.Popen(started, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:

        def told() -> list[int]:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write("\n")
            child.stdin.flush()
            return list(map(int, child.stdout.readline().split()))

        held_estimated, estimated = told()
        before = own(child.pid)
        for _ in range(times):
            with _watched(child.pid) as highest:
                (mapped,) = told()
            held.append(own(child.pid) - before + mapped)
            peaks.append(max(highest) - before + mapped)
            told()
            left.append(own(child.pid) - before)
        child.communicate("\n")
    return Measured(held_estimated, estimated, tuple(peaks), tuple(held), tuple(left))


@contextmanager
def _watched(process: int) -> Iterator[list[int]]:
    """What was read while the block ran, the highest last."""
    found, ended = [own(process)], threading.Event()

    def watch() -> None:
        while not ended.is_set():
            if (now := own(process)) > found[-1]:
                found.append(now)
            time.sleep(_EVERY)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield found
    finally:
        ended.set()
        watching.join()


def _load(small: str, large: str, times: int) -> None:
    """The other process: does the next thing whenever it is told a line."""
    import mc_jupyter as mc
    from mc_jupyter.devices import give_back

    with mc.Session() as session:
        session.load(small, "small")
        session.unload("small")
        planned: Any = session.plan(large).component
        estimate = planned.driver.estimate(planned.model(planned.checkpoint), planned.checkpoint)
        give_back()  # what the small one left is not held against the large one
        _say(estimate.weights_bytes, estimate.peak_bytes)
        for _ in range(times):
            facts = session.load(large, "large").facts()
            assert facts is not None
            _say(facts.mapped)
            session.unload("large")
            _say()
        sys.stdin.readline()


def _say(*numbers: int) -> None:
    sys.stdin.readline()
    print(*numbers, flush=True)  # noqa: T201


if __name__ == "__main__":
    _load(sys.argv[1], sys.argv[2], int(sys.argv[3]))
