"""`python -m tests.bench [NAME …]` prints one Markdown table of figures for this machine."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import warnings

NAMES = ("load_ext", "second_run", "embedding", "generation", "streaming", "drawing", "changes", "memory", "upscaling")


def main(names: list[str]) -> int:
    if unknown := [name for name in names if name not in NAMES]:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # Threads that wait without burning the core: beside other jobs, the default makes everybody ten times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    _no_bars()
    from tests.bench.measure import HEAD, machine

    print(machine(), end="\n\n")
    print(HEAD, flush=True)
    for name in names or NAMES:
        for row in importlib.import_module(f"tests.bench.{name}").rows():
            print(row.markdown(), flush=True)
    return 0


def _no_bars() -> None:
    from transformers.utils import logging as bars

    bars.disable_progress_bar()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
