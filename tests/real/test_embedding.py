"""A trained sentence model: vectors are what its own library gives, in a list and alone, within its window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mc_jupyter as mc
from mc_jupyter.errors import InputError
from tests.conftest import cell

pytestmark = pytest.mark.real

TEXTS = ["A cat sleeps on the sofa.", "A kitten naps on the couch.", "The stock market fell by three percent.",
         "né à Zürich 🎉", "x", "a long sentence with many more words than the others have, so that they are padded"]  # fmt: skip
LONG = "the fox and the hound " * 200
WINDOW = 256  # sentence_bert_config.json; the network itself has room for 512


@pytest.fixture(scope="module")
def handle(shared: mc.Session, sentences: Path) -> Any:
    lines = ("device: cpu", "precision: float32", "truncate: ${input.cut as boolean | false}")
    return shared.load(cell("text-embedding", sentences, *lines), "embed")


def directly(folder: Path, texts: list[str], window: int = WINDOW) -> Any:
    """Tokens cut at the window, their vectors averaged where there is text, then of length 1: the model's card."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    rows = []
    for text in texts:
        given = tokenizer(text, return_tensors="pt", truncation=True, max_length=window)
        with torch.inference_mode():
            mean = model(**given).last_hidden_state[0].mean(0)
        rows.append((mean / mean.norm()).numpy())
    return np.array(rows)


def test_vectors_are_the_mean_of_the_tokens_of_length_one(handle: Any, sentences: Path) -> None:
    np.testing.assert_allclose(np.array(handle(TEXTS)), directly(sentences, TEXTS), atol=2e-6)


def test_vectors_are_what_sentence_transformers_gives(handle: Any, sentences: Path) -> None:
    from sentence_transformers import SentenceTransformer

    peer = SentenceTransformer(str(sentences), device="cpu")
    np.testing.assert_allclose(np.array(handle([*TEXTS, LONG], cut=True)), peer.encode([*TEXTS, LONG]), atol=2e-6)


def test_a_list_is_its_texts_one_by_one(handle: Any) -> None:
    np.testing.assert_allclose(np.array(handle(TEXTS)), np.array([handle(text) for text in TEXTS]), atol=2e-6)


def test_a_text_is_cut_at_the_window_that_the_model_was_made_for(handle: Any, sentences: Path) -> None:
    np.testing.assert_allclose(np.array(handle(LONG, cut=True)), directly(sentences, [LONG])[0], atol=2e-6)
    assert abs(np.array(handle(LONG, cut=True)) - directly(sentences, [LONG], 512)[0]).max() > 1e-3


def test_a_text_beyond_the_window_is_refused_where_nobody_says_to_cut_it(handle: Any) -> None:
    with pytest.raises(InputError, match=f"at most {WINDOW} fit"):
        handle(LONG)


def test_what_means_the_same_is_near(handle: Any) -> None:
    cat, kitten, market, *_ = np.array(handle(TEXTS))
    assert cat @ kitten > 0.6
    assert cat @ market < 0.2
