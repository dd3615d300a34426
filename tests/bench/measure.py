"""Measuring side by side, and the rows that come of it."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `met` is None where there is no aim."""

    what: str
    ours: str
    peer: str
    ratio: str
    aim: str = ""
    met: bool | None = None

    def markdown(self) -> str:
        met = {True: "yes", False: "no", None: ""}[self.met]
        return f"| {' | '.join((self.what, self.ours, self.peer, self.ratio, self.aim, met))} |"


HEAD = "| what | ours | peer | ratio | aim | met |\n|---|---|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of each contender, round by round: the same position of two lists was measured at the same moment."""

    seconds: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])

    def ratio(self, name: str, base: str) -> float:
        """How many times as long `name` takes as `base`: the median over the rounds."""
        return statistics.median(a / b for a, b in zip(self.seconds[name], self.seconds[base], strict=True))

    def added(self, name: str, base: str) -> float:
        """How many seconds longer `name` takes than `base`: the median over the rounds."""
        return statistics.median(a - b for a, b in zip(self.seconds[name], self.seconds[base], strict=True))


def in_turns(rounds: int, /, **contenders: Callable[[], Any]) -> Times:
    """Call each contender once a round; every second round goes backwards. They should have been called before."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds):
        for name in sorted(contenders, key=list(contenders).index, reverse=turn % 2 == 1):
            start = time.perf_counter()
            contenders[name]()
            seconds[name].append(time.perf_counter() - start)
    return Times(seconds)


def machine() -> str:
    """One line that says what the figures were measured on."""
    import psutil

    memory = psutil.virtual_memory().total / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers"))
    load = f"; load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    python = platform.python_version()
    return f"{_processor()}, {_cores()} cores, {memory:.0f} GiB; Python {python}, {packages}{load}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
