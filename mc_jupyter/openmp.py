"""GNU OpenMP, by which torch computes on several cores: what a thread that is about to wait can give back.

Each thread that computes has a team of its own, which stays when the work is done. While all teams together are no
more than the cores, one that waits for its next piece of work spins; beyond that, libgomp lets each of them sleep at
once and be woken (GOMP_SPINCOUNT). A team for the thread that reads a stream and one for the thread that writes it are
more, so that writing slept 136 times a token instead of 2, and lost up to a quarter of its tokens a second.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

_SOFT = 1  # omp_pause_soft, of omp.h


def give_back_team() -> None:
    """Let this thread's team go; its next work that is worth several cores makes another, in less than a millisecond.

    How many threads it will then have stays what it is. Does nothing where there is no GNU OpenMP.
    """
    if sys.platform != "linux" or "torch" not in sys.modules:
        return
    with suppress(AttributeError):  # an OpenMP of before version 5, or none
        library = ctypes.CDLL(None)  # torch has loaded its own for everybody
        if not hasattr(library, "kmp_get_blocktime"):  # Intel's and LLVM's, whose threads share one pool
            library.omp_pause_resource(_SOFT, library.omp_get_initial_device())
