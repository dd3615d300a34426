"""Tokens a second of a stream against those of a plain call: the same model, the same text.

In a process of its own, where threads wait as they do for a user: what a stream once lost was in how they wait.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import Row

ROUNDS = 9
AIM = 0.95
TOKENS = 32


def rows(rounds: int = ROUNDS) -> Iterator[Row]:
    """One row: plain calls and streams in turns."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.streaming", str(rounds)], env=env, capture_output=True, text=True,
        check=True, timeout=1800,
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    yield Row(
        f"the same text of {TOKENS} tokens as a stream; peer: as a plain call",
        f"{TOKENS / found['streamed']:.0f} tokens/s", f"{TOKENS / found['plain']:.0f} tokens/s",
        f"{found['ratio']:.2f}×", f"≥ {AIM}×", found["ratio"] >= AIM,
    )  # fmt: skip


def main(rounds: int) -> None:
    """Measure here, in this process, and print what was found as JSON."""
    import mc_jupyter as mc
    from tests import models
    from tests.bench.generation import CELL, PROMPT, SIZES
    from tests.bench.measure import in_turns

    with tempfile.TemporaryDirectory() as made, mc.Session() as session:
        handle = session.load(CELL.format(folder=models.llama(Path(made), **SIZES), tokens=TOKENS), "ours")
        assert "".join(handle.stream(PROMPT)) == handle(PROMPT)
        times = in_turns(rounds, streamed=lambda: list(handle.stream(PROMPT)), plain=lambda: handle(PROMPT))
    medians = {name: times.median(name) for name in ("streamed", "plain")}
    print(json.dumps({**medians, "ratio": times.ratio("plain", "streamed")}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
