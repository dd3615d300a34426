"""What this process holds of main memory, by kinds of pages, and how much of it libraries brought along.

holds()                Holds(resident=…, own=…, files=…, shared=…, free=…)
with importing(): …    what it takes more afterwards is counted as libraries'
brought()              Brought(before=…, imported=…)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mc_jupyter import allocator

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Holds:
    """Bytes in RAM: all of them; the process's own; pages of files, which are dropped when memory is short; memory that
    it shares with others; and what of its own was freed and not returned, at most.

    Where the system does not tell them apart, all of it is its own.
    """

    resident: int
    own: int
    files: int = 0
    shared: int = 0
    free: int = 0


def holds() -> Holds:
    """Read now."""
    try:
        lines = dict(line.partition(":")[::2] for line in _STATUS.read_text().splitlines())
        resident, own, files, shared = (_bytes(lines[name]) for name in ("VmRSS", "RssAnon", "RssFile", "RssShmem"))
    except (OSError, KeyError):
        import psutil

        resident = int(psutil.Process().memory_info().rss)
        return Holds(resident, resident)
    return Holds(resident, own, files, shared, min(allocator.held_free(), own))


def _bytes(written: str) -> int:
    """`  204128 kB`."""
    return int(written.split()[0]) * 1024


@dataclass(frozen=True, slots=True)
class Brought:
    """Bytes of the process's own that Python and whatever else was there before this package took, and that importing
    libraries took since."""

    before: int
    imported: int


_before = holds().own
_imported = 0


def brought() -> Brought:
    return Brought(_before, _imported)


@contextmanager
def importing() -> Iterator[None]:
    """Count what the block takes as libraries'. One at a time: who imports holds a lock anyway."""
    global _imported
    start = holds().own
    try:
        yield
    finally:
        _imported += max(0, holds().own - start)
