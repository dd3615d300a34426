"""Thousands of tries of one kind: processes that try are started, watched, and begun anew where one died."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz import findings, kind
from tests.fuzz.findings import ROOT, Finding
from tests.fuzz.sandbox import Sandbox

_PATIENCE = 120.0  # seconds without a word beyond a kind's own: importing and making models, on a machine that is busy
_GROWTH = {"MB of memory": 150, "threads": 3, "open files": 5, "temporary files": 0}
_ENOUGH = 40  # deaths after which a kind is given up


@dataclass
class Result:
    """What came of a kind: how many cases ended how, the findings, and how long it took."""

    kind: str
    first: int
    tried: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    endings: Counter[str] = field(default_factory=Counter)
    found: dict[tuple[str, str, str], list[Finding]] = field(default_factory=dict)
    grown: dict[str, int] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        self.found.setdefault(finding.same, []).append(finding)

    def lines(self) -> Iterator[str]:
        """The result in words: a line of figures, then each fault once, with the command that shows it."""
        pace = self.tried / self.seconds * 60 if self.seconds else 0
        ends = ", ".join(f"{count:,} {ending}" for ending, count in sorted(self.endings.items()))
        grown = ", ".join(f"{'+' if more >= 0 else ''}{more} {what}" for what, more in self.grown.items())
        yield (
            f"{self.kind}: {self.tried:,} tried from seed {self.first} in {self.seconds:.0f} s, {pace:,.0f} a minute, "
            f"the slowest {self.slowest:.1f} s: {ends}{f'; {grown}' if grown else ''}; "
            f"{len(self.found) or 'no'} fault{'s' if len(self.found) != 1 else ''}"
        )
        for same in sorted(self.found.values(), key=len, reverse=True):
            one = same[0]
            times = f" ({len(same)} times)" if len(same) > 1 else ""
            yield f"  {one.kind} {one.seed}: {one.what}{times}"
            yield f"      {one.where}" if one.where else "      (no frame)"
            yield f"      {one.command}"


def run(name: str, first: int, count: int, seconds: float | None = None, *, warm: int | None = None) -> Result:
    """Try `count` cases of a kind, those of seeds `first` and up; no new one after `seconds`.

    Growth is what is held at the end more than after the first `warm` cases (default: a tenth, 300 at most).
    """
    result = Result(name, first)
    with tempfile.TemporaryDirectory(prefix=f"fuzz-{name}-") as folder:
        sandbox = Sandbox(Path(folder))
        sandbox.make()
        before = sandbox.left_outside()
        began = time.monotonic()
        warm = min(max(count // 10, 20), 300) if warm is None else warm
        _try_all(result, sandbox, count, warm, None if seconds is None else began + seconds)
        result.seconds = time.monotonic() - began
        if sandbox.left_outside() != before:
            result.add(Finding(name, first, "beyond the sandbox: files beside it are not as they were"))
    return result


def _try_all(result: Result, sandbox: Sandbox, count: int, warm: int, end: float | None) -> None:
    for _ in range(_ENOUGH):
        if result.tried >= count or (end is not None and time.monotonic() > end):
            return
        process = _Process(result.kind, result.first + result.tried, count - result.tried, warm, end, sandbox)
        if process.follow(result):
            return
    result.add(Finding(result.kind, result.first, f"given up after {result.tried} cases: {_ENOUGH} processes died"))


class _Process:
    """One process that tries, as whoever started it sees it."""

    def __init__(self, name: str, first: int, count: int, warm: int, end: float | None, sandbox: Sandbox):
        self.name, self.first, self.sandbox = name, first, sandbox
        self.patience = _PATIENCE + kind.named(name).seconds
        reads, writes = os.pipe()
        words = [name, str(first), str(count), str(warm), str(end or 0.0), str(sandbox.folder), str(writes)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker", *words], env=sandbox.environment(ROOT), pass_fds=(writes,), cwd=sandbox.inside / "work",
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(writes)
        self.talk = reads

    def follow(self, result: Result) -> bool:
        """Hear it to its end. Says whether it ended by itself."""
        now: int | None = None
        readings: list[dict[str, int]] = []
        for said in self._words():
            if "begins" in said:
                now = said["begins"]
            if "reading" in said:
                readings.append(said["reading"])
            if "ends" in said:
                now = None
                self._ended(result, said)
        code = self.process.wait()
        os.close(self.talk)
        self._grown(result, readings)
        if code == 0:
            return True
        result.tried += now is not None
        result.endings["finding"] += now is not None
        result.add(self._death(self.first if now is None else now, code))
        return False

    def _words(self) -> Iterator[dict[str, Any]]:
        """What it says; nothing more where it has been silent for too long and is ended."""
        heard = b""
        while True:
            while b"\n" not in heard:
                if not select.select([self.talk], [], [], self.patience)[0]:
                    self.process.kill()
                    return
                piece = os.read(self.talk, 1 << 16)
                if not piece:
                    return
                heard += piece
            line, _, heard = heard.partition(b"\n")
            yield json.loads(line)

    def _ended(self, result: Result, said: dict[str, Any]) -> None:
        result.tried += 1
        result.endings[said["ending"]] += 1
        result.slowest = max(result.slowest, said["seconds"])
        for finding in said["findings"]:
            result.add(Finding(**finding))

    def _death(self, seed: int, code: int) -> Finding:
        """The finding for a process that ended in the middle: it hung, or native code failed."""
        dump = self._left("dump")
        if "Timeout (" in dump:
            what = f"hangs: longer than {kind.named(self.name).seconds:g} s"
        elif dump:
            what = f"dies: {dump.splitlines()[0]}"
        else:
            noise = self._left("noise").strip().splitlines()
            what = f"dies: exit status {code}, {noise[-1][:200] if noise else 'without a word'}"
        return findings.of_dump(self.name, seed, what, dump)

    def _left(self, name: str) -> str:
        """What the process left in a file; nothing where it died before it opened one."""
        file = self.sandbox.folder / name
        return file.read_text(errors="replace") if file.exists() else ""

    def _grown(self, result: Result, readings: list[dict[str, int]]) -> None:
        if len(readings) < 2:
            return
        result.grown = {what: readings[-1][what] - readings[0][what] for what in readings[0]}
        for what, more in result.grown.items():
            if more > _GROWTH[what]:
                result.add(
                    Finding(self.name, self.first, f"growth: {more} {what} more at the end than near the beginning")
                )


def show(name: str, seed: int) -> int:
    """Make and try one case, and show it."""
    with tempfile.TemporaryDirectory(prefix=f"fuzz-{name}-") as folder:
        sandbox = Sandbox(Path(folder))
        sandbox.make()
        command = [
            sys.executable,
            "-m",
            "tests.fuzz.worker",
            name,
            str(seed),
            "1",
            "0",
            "0",
            str(sandbox.folder),
            "show",
        ]
        return subprocess.run(
            command, env=sandbox.environment(ROOT), cwd=sandbox.inside / "work", check=False
        ).returncode
