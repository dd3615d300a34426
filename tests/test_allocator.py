"""mc_jupyter.allocator: what is freed goes back to the system, and the user's own blocks keep their speed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mc_jupyter import allocator

pytestmark = pytest.mark.skipif(allocator._glibc() is None, reason="not glibc")

SETUP = """
import ctypes
from mc_jupyter.allocator import held_free, returning_at_once, trim

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
MB = 2**20

def left(size, pinned=100_000):
    'Free bytes that the heap keeps after such a block came and went below one that stays (in no gap, if it is large).'
    block, stays = libc.malloc(size), libc.malloc(pinned)
    libc.free(block)
    return held_free()

libc.free(libc.malloc(24 * MB))      # from now on glibc by itself puts blocks of up to 24 MB on its heap
"""


def said(code: str, **env: str) -> list[str]:
    """What a process of its own prints: allocators remember."""
    done = subprocess.run(
        [sys.executable, "-c", SETUP + code], capture_output=True, text=True, timeout=60, env={**os.environ, **env}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_block_that_is_freed_inside_goes_back_at_once_whatever_was_freed_before() -> None:
    outside, inside = said("print(left(8 * MB, MB)); trim()\nwith returning_at_once(): print(left(9 * MB) - left(64))")
    assert int(outside) > 8_000_000
    assert int(inside) < 1_000_000


def test_afterwards_blocks_are_reused_as_in_a_process_that_glibc_has_adapted_to() -> None:
    (after,) = said("with returning_at_once(): pass\nprint(left(8 * MB, MB))")
    assert int(after) > 8_000_000


def test_of_several_inside_the_last_one_to_leave_ends_it() -> None:
    code = "first, second = returning_at_once(), returning_at_once()\nfirst.__enter__(); second.__enter__()\n"
    code += "first.__exit__(None, None, None); print(left(8 * MB))\n"
    code += "second.__exit__(None, None, None); print(left(8 * MB, MB))"
    between, after = said(code)
    assert int(between) < 1_000_000
    assert int(after) > 8_000_000


@pytest.mark.parametrize(
    "own", [{"MALLOC_MMAP_THRESHOLD_": str(2**25)}, {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=33554432"}]
)
def test_a_bound_that_the_user_has_set_stays(own: dict[str, str]) -> None:
    (inside,) = said("with returning_at_once(): print(left(8 * MB, MB))", **own)
    assert int(inside) > 8_000_000
