"""Memory that really runs out: a process of its own, whose address space is limited once its model is loaded."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mc_jupyter.devices import is_out_of_memory
from mc_jupyter.drivers._memory import halving
from mc_jupyter.errors import RunError
from mc_jupyter.events import Note, Run
from tests import models
from tests.conftest import cell

here = pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS limits the address space on Linux only")

# What every program begins with. `more` is how many bytes may still be taken.
PRELUDE = """
import json, resource, sys
from pathlib import Path
import mc_jupyter as mc
from mc_jupyter.devices import give_back
from mc_jupyter.errors import ComposeError
from mc_jupyter.events import Note, Piece, Run

def limit(more):
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = resource.RLIM_INFINITY if more is None else pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))

ballast = []

def take_all():
    "Leave no room for anything large, not even between what the process has."
    limit(0)
    for size in (2**24, 2**22, 2**20):
        try:
            while True:
                ballast.append(bytearray(size))
        except MemoryError:
            pass

def give_all():
    ballast.clear()
    limit(None)

notes, pieces = [], {}

def listen(event):
    if isinstance(event, Note):
        notes.append(event.text)
    if isinstance(event, Piece):
        pieces[event.item] = pieces.get(event.item, "") + event.text

run = Run()
run.listener = listen
session = mc.Session()
"""


def in_a_process(program: str) -> Any:
    """What the program prints last, as JSON. One thread and one arena: each more takes 64 MB of address space."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run([sys.executable, "-c", PRELUDE + program], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def halved(notes: list[str]) -> list[tuple[int, int]]:
    """(inputs at once, what it went on with), from the notes."""
    words = [note.split() for note in notes if note.startswith("out of memory with ")]
    return [(int(w[4]), int(w[-1])) for w in words]


@pytest.mark.slow
@here
def test_a_batch_that_does_not_fit_goes_through_in_smaller_ones(encoder: Path) -> None:
    document = cell("text-embedding", encoder, "batch_size: 4096")
    found = in_a_process(f"""
text = {document!r}
texts = ["the little fox ran over the green hill %d" % n * 3 for n in range(4096)]
ample = session.load(text.replace("4096", "128"), "ample")(texts)
few = session.load(text, "few")
few(texts[:8])
give_back()
limit(120_000_000)
tight = few(texts, run=run)
limit(None)
far = max(abs(x - y) for a, b in zip(ample, tight, strict=True) for x, y in zip(a, b, strict=True))
print(json.dumps([notes, far, len(tight)]))
""")
    notes, far, count = found
    steps = halved(notes)
    assert steps[0] == (4096, 2048)
    assert all(after == before // 2 for before, after in steps)
    assert [before for before, _ in steps] == [4096 >> n for n in range(len(steps))], "the smaller size holds"
    assert count == 4096
    assert far < 1e-5


@pytest.mark.slow
@here
def test_writing_goes_on_in_smaller_batches_and_shows_no_piece_twice(llama: Path) -> None:
    document = cell("text-generation", llama, "batch_size: 2048", "params: {max_output_length: 4, do_sample: false}")
    notes, same, shown = in_a_process(f"""
text = {document!r}
prompts = ["the little fox ran over the green hill and saw %d" % n for n in range(2048)]
ample = session.load(text.replace("2048", "128"), "ample")(prompts)
few = session.load(text, "few")
few(prompts[:8])
give_back()
limit(20_000_000)
tight = few(prompts, run=run)
limit(None)
print(json.dumps([notes, list(ample) == list(tight), [pieces.get(i, "") for i in range(2048)] == list(tight)]))
""")
    assert halved(notes)[0] == (2048, 1024)
    assert same
    assert shown


@pytest.mark.slow
@here
def test_rows_that_had_begun_to_show_are_not_shown_twice(llama: Path) -> None:
    """Memory runs out after the first token of a batch has been shown, and is there again for the next attempt."""
    document = cell("text-generation", llama, "batch_size: 1024", "params: {max_output_length: 5, do_sample: false}")
    notes, early, same, shown = in_a_process(f"""
text = {document!r}
prompts = ["the little fox ran over the green hill and saw %d" % n for n in range(1024)]
ample = session.load(text.replace("1024", "128"), "ample")(prompts)
few = session.load(text, "few")
few(prompts[:8])
early = 0

def tighten(event):
    global early
    listen(event)
    if isinstance(event, Piece) and not notes:
        early = len(pieces)
        if early == 1:
            take_all()
    if isinstance(event, Note):
        give_all()

run.listener = tighten
tight = few(prompts, run=run)
limit(None)
whole = [pieces.get(i, "") for i in range(1024)] == list(tight)
print(json.dumps([notes, early, list(ample) == list(tight), whole]))
""")
    assert halved(notes) == [(1024, 512)]
    assert early > 0
    assert same
    assert shown


@pytest.mark.slow
@here
def test_one_input_that_does_not_fit_is_an_error_that_says_so_and_the_model_stays_usable(tmp_path: Path) -> None:
    folder = models.encoder(tmp_path, max_position_embeddings=9000, intermediate_size=8192)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "model_max_length": 9000}))
    said, notes, same = in_a_process(f"""
embed = session.load({cell("text-embedding", folder)!r}, "embed")
before = embed("the little fox")
limit(150_000_000)
try:
    embed("fox " * 8000, run=run)
    said = "nothing"
except ComposeError as error:
    said = type(error).__name__ + ": " + str(error)
print(json.dumps([said, notes, list(embed("the little fox")) == list(before)]))
""")
    assert said.startswith("RunError: out of memory: ")
    assert "a shorter input" in said
    assert not halved(notes)
    assert same


@pytest.mark.slow
@here
@pytest.mark.parametrize(
    ("settings", "more"),
    [
        ({"dtype": "bfloat16"}, 60_000_000),  # the file is, its numbers in another type do not fit
        ({"dtype": "float32", "quantization": "nf4", "compute_dtype": "float32", "double_quant": True}, 55_000_000),
    ],
)
def test_a_load_that_runs_out_of_memory_says_so_and_leaves_a_usable_process(
    tmp_path: Path, settings: dict[str, Any], more: int
) -> None:
    small, large = models.llama(tmp_path / "small"), models.large_llama(tmp_path / "large")
    said, held, works, dtype = in_a_process(f"""
from mc_jupyter import weights
from mc_jupyter.process import holds
from mc_jupyter.drivers import ModelKey
from mc_jupyter.drivers.transformers import Transformers
from mc_jupyter.language.fields import LocalSource

def load(folder):
    plan = ModelKey("transformers", "causal-lm", (), device="cpu", subject="the large one", **{settings!r})
    return Transformers.load(plan, weights.find(LocalSource(path=folder)), Run())

load({str(small)!r}).close()
before = holds().resident
limit({more})
try:
    load({str(large)!r})
    said = "nothing"
except ComposeError as error:
    said = type(error).__name__ + ": " + str(error)
held = holds().resident - before
limit(None)
import torch
print(json.dumps([said, held, load({str(large)!r}).facts().parameters, str(torch.get_default_dtype())]))
""")
    assert said.startswith("DoesNotFit: out of memory while loading the large one: ")
    assert "quantization: int8" in said
    assert held < 12_000_000
    assert works > 10_000_000
    assert dtype == "torch.float32"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: you"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (MemoryError(), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (RuntimeError("shape '[512, 21]' is invalid for input of size 11008"), False),
        (OSError(errno.ENOENT, "No such file"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_counts_as_out_of_memory(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) == expected


def test_torchs_own_error_counts() -> None:
    import torch

    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"))


class TestHalving:
    """The order of batches, with work that has a limit of its own."""

    @staticmethod
    def through(limit: int, plan: list[list[int]], run: Run | None = None) -> tuple[list[list[int]], list[int]]:
        tried: list[int] = []

        def work(batch: list[int]) -> list[int]:
            tried.append(len(batch))
            if len(batch) > limit:
                raise MemoryError
            return batch

        return [batch for batch, _ in halving(plan, work, run or Run())], tried

    def test_every_input_is_worked_on_once_and_in_order(self) -> None:
        done, tried = self.through(3, [list(range(10)), [10, 11], list(range(12, 19))])
        assert [i for batch in done for i in batch] == list(range(19))
        assert tried == [10, 5, 2, 2, 1, 2, 2, 1, 2, 2, 2, 2, 1]

    def test_what_fits_is_left_alone(self) -> None:
        assert self.through(9, [[0, 1, 2], [3]]) == ([[0, 1, 2], [3]], [3, 1])

    def test_each_halving_is_noted_once(self) -> None:
        notes: list[str] = []
        run = Run()
        run.listener = lambda event: notes.append(event.text) if isinstance(event, Note) else None
        self.through(8, [list(range(32)), list(range(32, 64))], run)
        assert notes == [
            "out of memory with 32 inputs at once: going on with 16",
            "out of memory with 16 inputs at once: going on with 8",
        ]

    def test_one_alone_that_fails_is_an_error(self) -> None:
        with pytest.raises(RunError, match="out of memory: MemoryError"):
            self.through(0, [[0, 1]])

    def test_a_stopped_run_tries_nothing_more(self) -> None:
        run = Run()
        run.stop()
        assert self.through(1, [[0, 1]], run) == ([], [])

    def test_other_errors_go_up(self) -> None:
        def work(batch: list[int]) -> int:
            raise ValueError("something else")

        with pytest.raises(ValueError, match="something else"):
            list(halving([[0, 1]], work, Run()))
