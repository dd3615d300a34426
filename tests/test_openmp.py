"""mc_jupyter.openmp: a thread that waits for another's work leaves the cores to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or CORES < 2, reason="needs GNU OpenMP and two cores"),
]

SLEEPS = """
import json, resource, threading
import torch
from mc_jupyter.engine.streams import TextStream
from mc_jupyter.events import Run
from mc_jupyter.notebook.work import Work

def work(run=None):
    for _ in range(40):
        torch.exp(numbers)

def slept(what):
    work()  # this thread has a team
    before = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
    what()
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - before

def beside():
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

def of_a_panel():
    panel = Work("test")
    panel.start(work, lambda: None)
    panel.wait()

numbers = torch.randn(100_000)
print(json.dumps([min(slept(what) for _ in range(4)) for what in
                  (work, beside, lambda: list(TextStream("test", work, Run())), of_a_panel)]))
print(torch.get_num_threads())
"""


def test_what_writes_for_a_stream_or_a_panel_sleeps_no_more_than_a_plain_call() -> None:
    """Counted, not timed: how often threads sleep says it on a busy machine, too."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    env["OMP_NUM_THREADS"] = str(CORES)
    done = subprocess.run([sys.executable, "-c", SLEEPS], env=env, capture_output=True, text=True, check=True)
    said, threads = done.stdout.splitlines()
    plain, beside, streamed, panel = json.loads(said)
    assert beside > 40  # what it is about: two teams, and each piece of work is slept for
    assert max(streamed, panel) < plain + 20 < beside
    assert int(threads) == CORES
