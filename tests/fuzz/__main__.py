"""`python -m tests.fuzz [KIND …] [--count N] [--seed S] [--seconds T] [--one SEED]`: hostile inputs, and what came of them."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

from tests.fuzz import campaign, kind


def main(words: list[str]) -> int:
    """Exit status 1 where there are findings."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(kind.names())}; default: all")
    parser.add_argument("--count", type=int, default=1000, help="cases of each kind")
    parser.add_argument("--seconds", type=float, help="after which no new case of a kind is begun")
    parser.add_argument("--seed", type=int, help="of the first case; the next ones follow it. Default: drawn, and told")
    parser.add_argument("--one", type=int, metavar="SEED", help="make, try and show this one case")
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2), help="kinds at once")
    given = parser.parse_args(words)
    if unknown := [name for name in given.kinds if name not in kind.names()]:
        parser.error(f"no kind {unknown[0]!r}; there are {', '.join(kind.names())}")
    if given.one is not None:
        if len(given.kinds) != 1:
            parser.error("--one SEED is a case of one KIND")
        return campaign.show(given.kinds[0], given.one)
    first = int.from_bytes(os.urandom(4), "big") if given.seed is None else given.seed
    print(f"seed {first}: to try the same again, python -m tests.fuzz --seed {first} --count {given.count}", flush=True)
    faults = 0
    with ThreadPoolExecutor(given.jobs) as pool:
        runs = [
            pool.submit(campaign.run, name, first, given.count, given.seconds) for name in given.kinds or kind.names()
        ]
        for done in as_completed(runs):
            result = done.result()
            print(*result.lines(), sep="\n", flush=True)
            faults += len(result.found) or not result.tried  # of what nothing was tried, nothing is known
    print(f"{faults or 'no'} fault{'s' if faults != 1 else ''}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
