"""Cases that do each of the things that a finding is: with it, the fuzzer is held to account."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from random import Random
from typing import Any

from mc_jupyter.errors import InputError
from tests.fuzz.kind import Kind

_KEPT: list[Any] = []


class Misbehaving(Kind):
    """The case is its seed: what it does is the method of that number."""

    imports = ()
    seconds = 5.0
    megabytes = 100

    def make(self, dice: Random) -> int:
        return next(seed for seed in range(1000) if Random(seed).getstate() == dice.getstate())

    def attempt(self, case: int) -> str:
        deeds = (
            _raises, _hangs, _dies, _writes, _runs, _connects, _shows, _is_noisy, _takes_memory, _writes_natively, _ends,
            _leaves_things,
        )  # fmt: skip
        if case < len(deeds):
            return deeds[case]()
        if case % 2:
            raise InputError("refused, as it should be")
        return "given"


def _raises() -> str:
    raise KeyError("nobody should see this")


def _hangs() -> str:
    time.sleep(60)
    return ""


def _dies() -> str:
    ctypes.string_at(0)
    return ""


def _writes() -> str:
    with contextlib.suppress(OSError):  # as a library would
        Path("../../outside/new.txt").write_text("x")
    return ""


def _runs() -> str:
    with contextlib.suppress(OSError):
        subprocess.run([sys.executable, "--version"], check=False)
    return ""


def _connects() -> str:
    with contextlib.suppress(OSError), socket.socket() as one:
        one.settimeout(0.1)
        one.connect(("192.0.2.1", 80))
    return ""


def _shows() -> str:
    raise InputError(f"the password {os.environ['DB_PASS']} is wrong")


def _is_noisy() -> str:
    os.write(2, b"a native library's word\n")
    return ""


def _takes_memory() -> str:
    return str(len(bytearray(200_000_000)))


def _writes_natively() -> str:
    libc = ctypes.CDLL(None)
    libc.close(libc.creat(b"../../outside/native.txt", 0o600))
    return ""


def _ends() -> str:
    raise SystemExit(3)


def _leaves_things() -> str:
    """A thread, files and memory that stay, of each more than is allowed."""
    for _ in range(9):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        _KEPT.append(tempfile.NamedTemporaryFile(delete=False))  # noqa: SIM115
        _KEPT.append(bytearray(b"x" * 20_000_000))
    return ""
