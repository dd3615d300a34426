"""What a real kernel still holds after an unload, after an error and after an interrupt: no tensor, and no memory."""

from __future__ import annotations

import ast
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

from tests import models

pytestmark = pytest.mark.slow

MB = 1_000_000
MARGIN = 0.15
"""How much of the model's bytes may be missing after an unload: allocators round up, and libraries keep caches."""

CELL = """%%compose {name} {flags}
component:
  type: model
  task: text-generation
  model: {folder}
  text: ${{input.text as text}}
  max_output_length: {tokens}
  do_sample: false
"""
PROMPT = "the little fox ran"

SETUP = """
import gc, os, signal, sys, weakref
import psutil, torch

def compose_session():
    return get_ipython().magics_manager.registry["ComposeMagics"].notebook.session

def watched(name):
    model = compose_session().resident_of(compose_session().handles[name]).thing.driver.model
    return [weakref.ref(model), *(weakref.ref(p) for p in model.parameters())]

def alive(refs):
    gc.collect()
    return sum(ref() is not None for ref in refs)

def tensors():
    gc.collect()
    return sum(issubclass(type(o), torch.Tensor) for o in gc.get_objects())

def rss():
    return psutil.Process().memory_info().rss

def interrupting(tokens):
    'A run that sends this process a SIGINT when so many tokens have come.'
    from mc_jupyter.events import Advance, Run

    def listen(event):
        if isinstance(event, Advance) and event.unit == "tokens" and event.done == tokens:
            os.kill(os.getpid(), signal.SIGINT)

    return Run(listener=listen)
"""


class Kernel:
    """A real ipykernel in a process of its own."""

    def __init__(self, folder: Path):
        # transformers reads weights in several threads, and glibc keeps some freed memory for each of them: with one
        # arena, what is measured is what is held.
        self.manager, self.client = start_new_kernel(
            cwd=str(folder),
            extra_arguments=["--HistoryManager.enabled=False"],
            env={**os.environ, "MALLOC_ARENA_MAX": "1"},
        )

    def cell(self, source: str, *, interrupt: bool = False) -> list[dict[str, Any]]:
        """Run a cell to its end and give what it sent. With `interrupt`, stop it when some text has been shown."""
        asked = self.client.execute(source, allow_stdin=False)
        sent: list[dict[str, Any]] = []
        while True:
            message = self.client.get_iopub_msg(timeout=120)
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return sent
            sent.append({"kind": kind, **content})
            if interrupt and kind.endswith("display_data") and "so far" in content["data"]["text/plain"]:
                self.manager.interrupt_kernel()
                interrupt = False

    def run(self, source: str) -> list[dict[str, Any]]:
        """Run a cell that must not fail."""
        sent = self.cell(source)
        errors = [m for m in sent if m["kind"] == "error"]
        assert not errors, "\n".join(errors[0]["traceback"])
        return sent

    def fails(self, source: str, *, interrupt: bool = False) -> str:
        """Run a cell that must fail; the name of its error."""
        errors = [m for m in self.cell(source, interrupt=interrupt) if m["kind"] == "error"]
        assert errors, f"no error from {source}"
        name: str = errors[0]["ename"]
        return name

    def value(self, expression: str) -> Any:
        """A plain value, read without a trace in `Out`, `_` or the last traceback."""
        asked = self.client.execute("", silent=True, user_expressions={"value": expression})
        while (reply := self.client.get_shell_msg(timeout=120))["parent_header"].get("msg_id") != asked:
            pass
        found = reply["content"]["user_expressions"]["value"]
        assert found["status"] == "ok", found
        return ast.literal_eval(found["data"]["text/plain"])

    def define(self, name: str, folder: Path, tokens: int = 24) -> None:
        self.run(CELL.format(name=name, flags="", folder=folder, tokens=tokens))
        self.run(f"{name}_refs = watched({name!r})")

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of 60 MB with a window of 2 048 tokens. It never ends a text by itself."""
    return models.llama(
        tmp_path_factory.mktemp("big"), window=2048, hidden_size=512, intermediate_size=1408, num_hidden_layers=5,
        num_attention_heads=8, num_key_value_heads=8, initializer_range=0.05, eos_token_id=None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama whose table of tokens ends before its tokenizer's: the last few words break it in the middle of a run."""
    return models.llama(tmp_path_factory.mktemp("faulty"), vocab_size=411)


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory, llama: Path) -> Iterator[Kernel]:
    """One kernel for this file; every library that a run needs is imported, and what they keep is kept."""
    made = Kernel(tmp_path_factory.mktemp("kernel"))
    made.run("%load_ext mc_jupyter")
    made.run(SETUP)
    made.run(CELL.format(name="first", flags=f"-i text='{PROMPT}'", folder=llama, tokens=8))
    made.run("%compose unload first")
    yield made
    made.close()


@pytest.fixture
def kernel(warm: Kernel) -> Iterator[Kernel]:
    yield warm
    warm.run("%compose unload --all")


def test_after_an_unload_nothing_is_alive_though_results_and_handles_are_still_shown(kernel: Kernel, big: Path) -> None:
    before = kernel.value("tensors()")
    kernel.define("big", big)
    kernel.run("big")
    kernel.run(f"%compose run big text='{PROMPT}'")
    kernel.run("answer = big('a green hill'); answer")
    kernel.run("big.map(['one', 'two'])")
    kernel.run("list(big.stream('old tree'))")
    assert kernel.value("alive(big_refs)") > 40
    kernel.run("%compose unload big")
    assert kernel.value("len(Out) >= 4 and big in Out.values() and answer in Out.values()")
    assert kernel.value("[type(x).__name__ for x in (_, __, ___)]") == ["Page", "list", "Batch"]
    assert kernel.value("alive(big_refs)") == 0
    assert kernel.value("tensors()") <= before


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_an_unload_gives_the_memory_back(kernel: Kernel, big: Path, precision: str) -> None:
    define = CELL.format(name="big", flags=f"--precision {precision} -i text='{PROMPT}'", folder=big, tokens=24)
    for _ in range(2):  # the first runs in a precision leave compiled kernels and their workspaces behind
        kernel.run(define)
        kernel.run("%compose unload big")
    before = kernel.value("rss()")
    for _ in range(5):
        kernel.run(define)
        size = kernel.value("big.facts().bytes")
        assert size > 40 * MB if precision == "float32" else size > 20 * MB
        assert kernel.value("rss()") - before > 0.5 * size
        kernel.run("%compose unload big")
    # Five models have come and gone: what they left together is less than half of one.
    assert kernel.value("rss()") - before < 0.5 * size


def test_after_an_error_in_a_run_nothing_of_the_run_is_alive_though_its_traceback_is(
    kernel: Kernel, faulty: Path
) -> None:
    kernel.define("faulty", faulty)
    kernel.run("faulty('~')")
    before = kernel.value("tensors()")
    for cell in (f"%compose run faulty text='{PROMPT}'", f"faulty('{PROMPT}')", f"list(faulty.stream('{PROMPT}'))"):
        assert kernel.fails(cell) == "RunError"
        assert kernel.value("type(sys.last_value).__name__") == "RunError"
        assert kernel.value("sys.last_traceback is not None")
        assert kernel.value("tensors()") <= before, cell
    kernel.run("faulty('~')")
    kernel.fails(f"faulty('{PROMPT}')")
    kernel.run("%compose unload faulty")
    assert kernel.value("type(sys.last_value).__name__") == "RunError"
    assert kernel.value("alive(faulty_refs)") == 0


@pytest.mark.parametrize("cell", ["%compose run big text='{}'", "big('{}')"])
def test_after_an_interrupt_nothing_of_the_run_is_alive_and_the_next_call_is_whole(
    kernel: Kernel, big: Path, cell: str
) -> None:
    kernel.define("big", big, tokens=24)
    kernel.run(f"fresh = big('{PROMPT}').token_ids")
    kernel.define("big", big, tokens=1900)
    before = kernel.value("tensors()")
    if cell.startswith("%"):
        start = time.monotonic()
        assert kernel.fails(cell.format(PROMPT), interrupt=True) == "Interrupted"
        assert time.monotonic() - start < 60
    else:
        assert kernel.fails(f"big('{PROMPT}', run=interrupting(30))") == "Interrupted"
        assert kernel.value("sys.last_value.partial.tokens") == 30
    assert kernel.value("0 < sys.last_value.partial.tokens < 1900")
    assert kernel.value("sys.last_value.partial.finish_reason") == "interrupted"
    assert kernel.value("tensors()") <= before
    assert kernel.value("all(a == b for a, b in zip(sys.last_value.partial.token_ids, fresh))")
    kernel.define("big", big, tokens=24)
    kernel.run(f"assert big('{PROMPT}').token_ids == fresh")
    assert kernel.fails(f"big('{PROMPT}', run=interrupting(3))") == "Interrupted"
    kernel.run("%compose unload big")
    assert kernel.value("type(sys.last_value).__name__") == "Interrupted"
    assert kernel.value("alive(big_refs)") == 0


def test_memory_is_back_after_an_interrupted_run_is_unloaded(kernel: Kernel, big: Path) -> None:
    kernel.define("big", big)
    size = kernel.value("big.facts().bytes")
    kernel.run("%compose unload big")
    before = kernel.value("rss()")
    assert kernel.fails(f"big('{PROMPT}', run=interrupting(20))") == "Interrupted"
    assert kernel.value("rss()") - before > 0.5 * size
    kernel.run("%compose unload big")
    assert kernel.value("rss()") - before < MARGIN * size
