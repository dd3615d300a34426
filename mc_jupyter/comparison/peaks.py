"""How much memory a stretch of work takes at its peak, where the system can say.

On Linux the kernel keeps a process's highest resident set (`VmHWM`) and sets it back when "5" is written to
`/proc/self/clear_refs` (https://docs.kernel.org/filesystems/proc.html); on CUDA torch's allocator keeps its own.
Elsewhere nothing keeps a peak that can be set back, and there is none. The whole process is measured: what other
threads take meanwhile counts.

That set holds pages of files, too, which are read while a model is loaded and dropped when memory is short. What
loading takes is therefore looked at a thousand times a second without them, as an estimate counts it. What was freed
before is returned to the system first, so that the second measurement finds what the first one found.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from mc_jupyter.devices import trim

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_STATM = Path("/proc/self/statm")
_EVERY = 0.001  # seconds


@dataclass(frozen=True, slots=True)
class Reading:
    """Bytes in use now, and at the peak since it was last forgotten; `mapped` of those in use are files' pages."""

    now: int
    peak: int
    mapped: int = 0

    @property
    def own(self) -> int:
        """Without pages of files."""
        return self.now - self.mapped


@dataclass(slots=True)
class Stretch:
    """A stretch of work: what was read before and after it; None where nothing can be read.

    `own` is the most that was seen between without pages of files, where that is not what the peak says.
    """

    before: Reading | None = None
    after: Reading | None = None
    own: int | None = None

    @property
    def added(self) -> int | None:
        """What the work took at its peak above what was there before.

        Without pages of files: weights are mapped when a model is loaded, and read when they are first used.
        """
        if self.before is None or self.after is None:
            return None
        read = max(0, self.after.mapped - self.before.mapped)
        return max(0, self.after.peak - self.before.now - read)

    @property
    def passing(self) -> int | None:
        """What it took at its peak above what stayed: read, converted and given back again."""
        if self.after is None:
            return None
        return max(0, self.after.peak - self.after.now if self.own is None else self.own - self.after.own)


@contextmanager
def watched(device: str) -> Iterator[Stretch]:
    """Watch the memory of `device` (`cpu`, `cuda:0` …) for as long as the block runs."""
    found = Stretch()
    trim()
    forget_peak(device)
    found.before = memory(device)
    looking = _Looking() if device == "cpu" and found.before is not None else None
    try:
        yield found
    finally:
        found.own = looking.end() if looking else None
        found.after = memory(device)


class _Looking:
    """Looks at the process's own memory from a thread, until it is told to end."""

    def __init__(self) -> None:
        self.highest = 0
        self._ended = Event()
        self._thread = Thread(target=self._look, name="mc-jupyter-peak", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        while True:
            _, resident, shared, *_ = _STATM.read_text().split()
            self.highest = max(self.highest, (int(resident) - int(shared)) * page)
            if self._ended.wait(_EVERY):
                return

    def end(self) -> int:
        self._ended.set()
        self._thread.join()
        return self.highest


def forget_peak(device: str) -> None:
    """Let the peak begin again at what is in use now."""
    if device.startswith("cuda"):
        import torch

        for n in range(torch.cuda.device_count()):
            torch.cuda.reset_peak_memory_stats(n)
    elif device == "cpu" and sys.platform == "linux":
        try:
            _CLEAR.write_text("5")
        except OSError:  # a container may forbid it
            return


def memory(device: str) -> Reading | None:
    """What is in use. A model on several GPUs counts on all of them."""
    if device.startswith("cuda"):
        return _of_torch()
    if device != "cpu" or not _CLEAR.exists():
        return None
    lines = dict(line.partition(":")[::2] for line in _STATUS.read_text().splitlines())
    if "VmHWM" not in lines:
        return None
    now, peak, mapped = (_bytes(lines.get(name, "0 kB")) for name in ("VmRSS", "VmHWM", "RssFile"))
    return Reading(now, peak, mapped)


def _of_torch() -> Reading | None:
    import torch

    gpus = range(torch.cuda.device_count())
    peak = sum(torch.cuda.max_memory_allocated(n) for n in gpus)
    # Nothing allocated: the model belongs to another library, whose memory torch does not see.
    return Reading(sum(torch.cuda.memory_allocated(n) for n in gpus), peak) if peak else None


def _bytes(written: str) -> int:
    """`  204128 kB`."""
    return int(written.split()[0]) * 1024
