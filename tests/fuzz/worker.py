"""The process that tries: one case after another, each under a watch, each told to whoever started it.

    python -m tests.fuzz.worker KIND FIRST COUNT WARM END FOLDER PIPE

No case is begun after END, a time of `time.monotonic` (0: no end). A line of JSON on the file descriptor PIPE says what is begun and how it ended. A try that lasts longer than its kind
says ends the process, which leaves in FOLDER/dump where every thread was; so does a fault in native code.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import io
import json
import math
import os
import resource
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, TextIO

from mc_jupyter.errors import ComposeError
from tests.fuzz import findings, kind
from tests.fuzz.findings import Finding
from tests.fuzz.sandbox import Guard, Sandbox, betrayed

_SPARE = 6_000_000_000  # bytes that a worker may take: what wants more gets a MemoryError, and the machine lives on
_MB = 1_000_000


class Worker:
    """Tries cases of one kind. `talk` gets a line for each."""

    def __init__(self, name: str, sandbox: Sandbox, talk: TextIO):
        self.name, self.sandbox, self.talk = name, sandbox, talk
        self.noise = _Noise(sandbox.folder / "noise")
        made = kind.named(name)
        for library in made.imports:
            importlib.import_module(library)
        self.kind = made(sandbox.inside / "made")
        gc.collect()
        gc.freeze()  # what is imported is not walked again by every collection: most of a try's time
        self.guard = Guard(sandbox, str(findings.ROOT / "mc_jupyter"), self.kind.may_write, findings.caller)
        self.dump = (sandbox.folder / "dump").open("w+")
        self.before: dict[str, int] = {}
        self.ending = ""

    def tell(self, **what: Any) -> None:
        self.talk.write(json.dumps(what) + "\n")
        self.talk.flush()

    def run(self, seeds: range, warm: int, end: float) -> None:
        """Try the cases of these seeds. What is held after the first `warm` of them, and at the end, is told."""
        faulthandler.enable(self.dump)
        for seed in seeds:
            if time.monotonic() > end:
                break
            if seed == seeds.start + warm:
                self.before = self.holds()
                self.tell(reading=self.before)
            self.tell(begins=seed)
            began = time.perf_counter()
            found = self.attempt(seed)
            self.tell(
                ends=seed, seconds=time.perf_counter() - began, ending=self.ending, findings=[f.data() for f in found]
            )
        if self.before:
            self.tell(reading=self.holds())
        self.kind.close()

    def attempt(self, seed: int) -> list[Finding]:
        """One case, made and tried; what was wrong with it."""
        case = self.kind.make(Random(seed))
        told = self._unlike(seed, case)
        peak = _Peak()
        shown, error = self._watched(case)
        told += [findings.of_error(self.name, seed, error)] if error is not None else []
        told += [Finding(self.name, seed, f"beyond the sandbox: {what}", by) for what, by in self.guard.heard]
        told += [
            Finding(self.name, seed, what) for what in self._heard(f"{shown}{error}", self.noise.end(), peak.grown())
        ]
        self.ending = "finding" if told else self.ending
        return told

    def _watched(self, case: Any) -> tuple[str, BaseException | None]:
        """What a user would see of the case, and the exception that none should."""
        self.guard.heard.clear()
        self.noise.end()
        faulthandler.dump_traceback_later(self.kind.seconds, exit=True, file=self.dump)
        self.guard.armed = True
        self.ending = "gave"
        try:
            return self.kind.attempt(case), None
        except ComposeError as refused:
            self.ending = "refused"
            return str(refused), None
        except BaseException as other:  # SystemExit and KeyboardInterrupt, too: a case may end no process
            return "", other
        finally:
            self.guard.armed = False
            faulthandler.cancel_dump_traceback_later()

    def _heard(self, shown: str, noise: str, grown: int) -> Iterator[str]:
        """What is wrong with what was shown, written and taken."""
        if secret := betrayed(shown) or betrayed(noise):
            yield f"a secret is shown: {secret!r}"
        if self.kind.quiet and noise.strip():
            yield f"noise: {noise.strip().splitlines()[0][:200]}"
        if grown > self.kind.megabytes * _MB:
            yield f"memory: one try took {grown // _MB} MB"

    def _unlike(self, seed: int, case: Any) -> list[Finding]:
        """A finding where the same seed made another case: nobody could repeat it. Looked at now and then."""
        if seed % 50 or self.kind.shown(case) == self.kind.shown(self.kind.make(Random(seed))):
            return []
        return [Finding(self.name, seed, "the same seed makes another case")]

    def holds(self) -> dict[str, int]:
        """What this process holds now that it should not hold more of later."""
        import psutil

        gc.collect()
        _trim()
        process = psutil.Process()
        return {
            "MB of memory": process.memory_info().rss // _MB,
            "threads": threading.active_count(),
            "open files": process.num_fds(),
            "temporary files": self.sandbox.temporary(),
        }


class _Noise:
    """What is written to stdout and stderr, by native code as well: both are one file, read after each try."""

    def __init__(self, file: Path):
        self.file = file.open("w+b", buffering=0)
        for number in (1, 2):
            os.dup2(self.file.fileno(), number)

    def end(self) -> str:
        """What was written since the last time."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        size = os.fstat(self.file.fileno()).st_size
        if not size:
            return ""
        text = os.pread(self.file.fileno(), min(size, 10 * _MB), 0).decode("utf-8", "replace")
        self.file.truncate(0)
        self.file.seek(0)
        return text


class _Peak:
    """How much more memory there was at most, where the kernel says (Linux: VmHWM, which can be set back)."""

    def __init__(self) -> None:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        self.before = _status("VmRSS")

    def grown(self) -> int:
        return _status("VmHWM") - self.before


def _status(name: str) -> int:
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next((int(line.split()[1]) * 1024 for line in file if line.startswith(name)), 0)
    except OSError:
        return 0


def _trim() -> None:
    """Give back to the machine what malloc keeps of freed memory."""
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def show(name: str, seed: int, sandbox: Sandbox) -> None:
    """Make and try one case where everybody sees it: what it is, what came of it, and the whole traceback."""
    out = os.fdopen(os.dup(1), "w")
    worker = Worker(name, sandbox, io.StringIO())
    case = worker.kind.make(Random(seed))
    print(worker.kind.shown(case)[:20_000], "\n", file=out, flush=True)
    faulthandler.dump_traceback_later(worker.kind.seconds, exit=True, file=out)
    try:
        print(worker.kind.attempt(case)[:5000], file=out)
    except BaseException:
        import traceback

        traceback.print_exc(file=out)
    faulthandler.cancel_dump_traceback_later()
    print(worker.noise.end(), file=out, flush=True)
    for found in worker.attempt(seed):
        print(found.what, found.where, sep="\n    ", file=out, flush=True)


def main() -> None:
    name, first, count, warm, end, folder, pipe = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_DATA, (_SPARE, resource.RLIM_INFINITY))
    sandbox = Sandbox(Path(folder))
    os.chdir(sandbox.inside / "work")
    if pipe == "show":
        show(name, int(first), sandbox)
    else:
        with os.fdopen(int(pipe), "w") as talk:
            Worker(name, sandbox, talk).run(
                range(int(first), int(first) + int(count)), int(warm), float(end) or math.inf
            )
    sys.stdout.flush()
    os._exit(0)  # libraries' own endings are none of our matter here


if __name__ == "__main__":
    main()
