"""What running a cell a second time adds to the bare model call: reading, planning, looking up, shaping the result.

The models are tiny, so that what is added shows, and run on one thread, so that it is not lost in the noise of two.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests import models
from tests.bench.measure import Row, in_turns

ROUNDS = 100
AIM = 2.0  # milliseconds
TEXT = "what a lovely day it is to read a good book in the garden"
TOKENS = 8
CELL = """component:
  type: model
  task: {task}
  model: {folder}
  text: ${{input.text as text}}
"""


def rows(rounds: int = ROUNDS) -> Iterator[Row]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            label = models.classifier(Path(folder, "classifier"))
            yield from _rows("text-classification", label, "", _classify(label), rounds)
            write = models.llama(Path(folder, "llama"))
            more = f"  max_output_length: {TOKENS}\n  do_sample: false\n"
            yield from _rows("text-generation", write, more, _generate(write), rounds)
    finally:
        torch.set_num_threads(threads)


def _rows(task: str, folder: Path, more: str, bare: Callable[[], Any], rounds: int) -> Iterator[Row]:
    """The same cell through a session and through `%%compose`, each against the bare call."""
    import mc_jupyter as mc

    text = CELL.format(task=task, folder=folder) + more
    with mc.Session() as session:

        def again() -> Any:
            return session.load(text, "again")(TEXT)

        assert _plain(again()) == _plain(bare()), f"{again()!r} is not {bare()!r}"
        yield _row(f"second run of a {task} cell: session against the library called directly", again, bare, rounds)
        assert session.loads == 1
    shell = _shell()
    shell.user_ns["given"] = TEXT

    def cell() -> Any:
        return shell.run_cell_magic("compose", "again -i text:=given -o answer", text)

    cell()
    assert _plain(shell.user_ns["answer"]) == _plain(bare())
    yield _row(f"second run of a {task} cell: `%%compose` against the library called directly", cell, bare, rounds)
    shell.run_line_magic("unload_ext", "mc_jupyter")


def _row(what: str, ours: Callable[[], Any], bare: Callable[[], Any], rounds: int) -> Row:
    times = in_turns(rounds, ours=ours, bare=bare)
    added = times.added("ours", "bare") * 1e3
    return Row(
        what, f"{times.median('ours') * 1e3:.2f} ms", f"{times.median('bare') * 1e3:.2f} ms",
        f"{added:.2f} ms added", f"≤ {AIM:.0f} ms added", added <= AIM,
    )  # fmt: skip


def _shell() -> Any:
    """IPython in this process, with the extension, and no history to write."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.run_line_magic("load_ext", "mc_jupyter")
    return shell


def _plain(answer: Any) -> Any:
    """What the two sides must agree on: the text, or the label."""
    return answer["label"] if isinstance(answer, dict) else str(answer)


def _classify(folder: Path) -> Callable[[], Any]:
    """transformers by hand: tokenizer, model, softmax."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()

    def bare() -> dict[str, Any]:
        with torch.inference_mode():
            chances = model(**tokenizer(TEXT, return_tensors="pt")).logits.softmax(-1)[0]
        best = int(chances.argmax())
        return {"label": model.config.id2label[best], "score": chances[best].item()}

    return bare


def _generate(folder: Path) -> Callable[[], Any]:
    """transformers by hand: tokenizer, generate, decode."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()

    def bare() -> str:
        inputs = tokenizer(TEXT, return_tensors="pt", return_token_type_ids=False)
        with torch.inference_mode():
            written = model.generate(**inputs, max_new_tokens=TOKENS, do_sample=False)
        text: str = tokenizer.decode(written[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        return text

    return bare
