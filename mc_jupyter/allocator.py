"""The C library's allocator: big blocks that go back to the system at once, and what it holds free.

glibc gives blocks from 128 kB on a mapping of their own, which goes back as soon as it is freed. Whenever such a block
is freed it raises that bound to the block's size, up to 32 MB (mallopt(3), M_MMAP_THRESHOLD): from then on the copies
that are made while weights are read, and thrown away, stay in its heaps. A 4-bit load of 600 million numbers then took
960 to 3089 MB where 790 do. Other C libraries (musl, macOS, Windows) have no such bound, and nothing is done there.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt, from malloc.h
_FIRST = 128 * 1024  # what glibc begins with
_LAST = 32 * 1024 * 1024  # what it raises it to at most, where a long has 64 bits

_lock = Lock()
_inside = 0


@contextmanager
def returning_at_once() -> Iterator[None]:
    """Hold glibc to the bound it begins with while the block runs, from whichever thread; others get it meanwhile, too.

    What stays: once it was told, glibc adapts the bound no more. It is left where it comes to by itself in a process
    that has loaded a model, at its highest, so that arrays of a user's own keep their speed.
    """
    libc = _to_be_told()
    if libc is None:
        yield
        return
    _enter(libc, 1)
    try:
        yield
    finally:
        _enter(libc, -1)


def _enter(libc: Any, step: int) -> None:
    global _inside
    with _lock:
        before, _inside = _inside, _inside + step
        if before and _inside:  # somebody else is inside
            return
        bound = _FIRST if _inside else _LAST
        libc.mallopt(_MMAP_THRESHOLD, bound)
        libc.mallopt(_TRIM_THRESHOLD, bound if _inside else 2 * bound)  # glibc's own proportion


def trim() -> None:
    """Return every page that the allocator holds free and whole to the system."""
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


def held_free() -> int:
    """Bytes that were freed and not returned, at most: pages inside a heap that were returned are counted, too."""
    libc = _glibc()
    if libc is None or not hasattr(libc, "mallinfo2"):  # glibc 2.33
        return 0
    libc.mallinfo2.restype = _Info
    return int(libc.mallinfo2().fordblks)


class _Info(ctypes.Structure):
    """`struct mallinfo2`."""

    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", *"abcdefg", "fordblks", "keepcost")]


@functools.cache
def _glibc() -> Any:
    """The process's C library where it is glibc."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None


def _to_be_told() -> Any:
    """glibc, unless the user has set its bound, or numbers are too small for ours."""
    told = "MALLOC_MMAP_THRESHOLD_" in os.environ or "mmap_threshold" in os.environ.get("GLIBC_TUNABLES", "")
    return None if told or ctypes.sizeof(ctypes.c_long) < 8 else _glibc()
