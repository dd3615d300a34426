"""`python -m tests.bench [NAME …]` prints one Markdown table."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import warnings

NAMES = ("load_ext", "second_run", "embedding", "generation")


def main(names: list[str]) -> int:
    if unknown := [name for name in names if name not in NAMES]:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    from tests.bench.measure import HEAD, machine

    print(machine(), end="\n\n")
    print(HEAD, flush=True)
    for name in names or NAMES:
        for row in importlib.import_module(f"tests.bench.{name}").rows():
            print(row.markdown(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
