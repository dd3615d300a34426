"""Texts as tokens: in pieces, equal to those of all at once; and the texts that are too long to be read."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.drivers._transformers import tokens
from mc_jupyter.drivers._transformers.tokens import tokenized, worth_reading
from mc_jupyter.errors import InputError, Interrupted
from mc_jupyter.events import Advance, Run
from tests import models
from tests.conftest import cell


@pytest.fixture(scope="module")
def tokenizer(llama: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(llama)


TEXTS = [*("the little fox", "", "ein schöner Tag\n", "x" * 5_000), *("numbers 1 2 3", "a b") * 3_000]


@pytest.mark.parametrize("how", [{}, {"truncation": True, "max_length": 5}])
def test_in_pieces_they_are_what_the_tokenizer_gives_of_all_at_once(tokenizer: Any, how: dict[str, Any]) -> None:
    assert tokenized(tokenizer, TEXTS, Run(), **how) == tokenizer(TEXTS, **how)["input_ids"]


def test_a_run_that_is_stopped_ends_after_the_piece_under_way(tokenizer: Any) -> None:
    run, read = Run(), list[int]()

    def reading(texts: list[str], **how: Any) -> Any:
        read.append(len(texts))
        run.stop()
        return tokenizer(texts, **how)

    assert tokenized(reading, ["a b"] * 100_000, run) is None
    assert len(read) == 1
    assert read[0] < 10_000


def test_reading_that_takes_long_tells_how_far_it_is(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_QUIET", 0.0)
    heard: list[Any] = []
    tokenized(tokenizer, ["a b"] * 5_000, Run(heard.append))
    assert heard == [Advance(2_000, 5_000, "items"), Advance(4_000, 5_000, "items"), Advance(5_000, 5_000, "items")]


@pytest.mark.parametrize(("task", "input"), [("text-generation", "text"), ("text-embedding", "text")])
def test_a_text_that_cannot_fit_is_refused_before_it_is_read(
    session: mc.Session, llama: Path, encoder: Path, task: str, input: str
) -> None:
    handle = session.load(cell(task, llama if task == "text-generation" else encoder))
    with pytest.raises(InputError, match=r"input 2 of 2 has 600,000 letters; at most \d+ tokens fit"):
        handle(["a", "wo" * 300_000])


def test_with_truncate_only_what_matters_of_a_long_text_is_read(session: mc.Session, encoder: Path) -> None:
    handle = session.load(cell("text-embedding", encoder, "truncate: true"))
    long = "a lovely day in the old wood " * 40_000
    assert list(handle(long)) == list(handle(long[: tokens.LETTERS // 2]))


def test_where_a_tokenizer_cuts_the_start_the_end_is_what_is_kept() -> None:
    text = "a" * tokens.LETTERS + "b"
    assert worth_reading([text, "short"], 5, "end") == [text[1:], "short"]
    assert worth_reading([text, "short"], 5, "start") == [text[:-1], "short"]


def test_a_model_without_a_limit_reads_a_few_million_letters() -> None:
    text = "a" * tokens.UNLIMITED
    assert worth_reading([text], None) == [text]
    with pytest.raises(InputError, match=re.escape(f"at most {tokens.UNLIMITED:,} are read")):
        worth_reading([text + "a"], None)


def test_a_long_list_that_is_interrupted_is_one_error(session: mc.Session, encoder: Path) -> None:
    handle = session.load(cell("text-embedding", encoder))
    run = Run()
    run.stop()
    with pytest.raises(Interrupted, match="after 0 of 3"):
        handle(list(itertools.repeat("a", 3)), run=run)


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.gpt2(tmp_path_factory.mktemp("gpt2"))


@pytest.mark.parametrize("task", ["text-generation", "text-embedding"])
def test_a_text_without_tokens_is_an_error_that_names_it(session: mc.Session, gpt2: Path, task: str) -> None:
    handle = session.load(cell(task, gpt2))
    with pytest.raises(InputError, match=r"the input has no tokens: the text '' is empty"):
        handle("")
    with pytest.raises(InputError, match=r"input 2 of 3 has no tokens: the text '' is empty"):
        handle(["a red fox", "", "a hen"])
