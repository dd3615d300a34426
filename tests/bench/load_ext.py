"""`%load_ext mc_jupyter` against `%load_ext sql` (jupysql), each in IPython processes of its own."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator

from tests.bench.measure import Row

ROUNDS = 7
CODE = """
import json, sys, time
before = len(sys.modules)
start = time.perf_counter()
get_ipython().run_line_magic("load_ext", {name!r})
print(json.dumps([time.perf_counter() - start, len(sys.modules) - before]))
"""


def rows() -> Iterator[Row]:
    _load("mc_jupyter"), _load("sql")  # the files are in the page cache from here on
    pairs = [(_load("mc_jupyter"), _load("sql")) for _ in range(ROUNDS)]
    ours, peer = (statistics.median(pair[i][0] for pair in pairs) for i in (0, 1))
    times = statistics.median(p[0] / o[0] for o, p in pairs)
    yield Row(
        "`%load_ext mc_jupyter` against `%load_ext sql` (jupysql)",
        f"{ours * 1e3:.0f} ms", f"{peer * 1e3:.0f} ms", f"{times:.1f}× faster", "≤ 80 ms", ours <= 0.08,
    )  # fmt: skip
    own, other = pairs[0][0][1], pairs[0][1][1]
    yield Row("new modules by it", str(own), str(other), f"{other / own:.1f}× fewer", "≤ 60", own <= 60)


def _load(name: str) -> tuple[float, int]:
    """Seconds that load_ext takes in a new IPython, and how many modules it brings."""
    command = [
        sys.executable,
        "-m",
        "IPython",
        "--quick",
        "--HistoryManager.enabled=False",
        "-c",
        CODE.format(name=name),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, modules = json.loads(done.stdout.splitlines()[-1])
    return seconds, modules
