"""The embedding starter puts paraphrases nearer than strangers."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from mc_jupyter import starters
from mc_jupyter.starters.embedding import corpus
from tests.starters.sentences import TRIPLES

pytestmark = pytest.mark.slow


def vectors(folder: Path, texts: list[str]) -> torch.Tensor:
    """Mean pooling written out, as a reader of the card would do it."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32)
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)


def test_paraphrases_are_nearer_than_strangers() -> None:
    found = vectors(starters.folder("embedding"), [text for triple in TRIPLES for text in triple]).view(
        len(TRIPLES), 3, -1
    )
    near, far = (found[:, 0] * found[:, 1]).sum(-1), (found[:, 0] * found[:, 2]).sum(-1)
    wrong = [triple for triple, right in zip(TRIPLES, near > far, strict=True) if not right]
    assert len(wrong) <= 1, wrong


def test_each_sentence_finds_its_paraphrase_among_all_others() -> None:
    queries = vectors(starters.folder("embedding"), [triple[0] for triple in TRIPLES])
    answers = vectors(starters.folder("embedding"), [text for triple in TRIPLES for text in triple[1:]])
    best = (queries @ answers.T).argmax(-1)
    assert sum(int(index) == 2 * row for row, index in enumerate(best)) >= 0.75 * len(TRIPLES)


def test_sentence_transformers_agrees_with_plain_mean_pooling() -> None:
    import sentence_transformers as library

    folder, texts = starters.folder("embedding"), ["The dog barks.", "How do I get to the station from here?"]
    encoder = library.SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    assert torch.allclose(torch.tensor(encoder.encode(texts)), vectors(folder, texts), atol=1e-4)


def test_no_hand_written_sentence_is_in_the_corpus() -> None:
    written = {text.lower().rstrip(".?!") for triple in TRIPLES for text in triple}
    drawn = itertools.islice(corpus.stream(0), 20_000)
    generated = {text.lower().rstrip(".?!") for pair in drawn for text in (pair.sentence, pair.paraphrase)}
    assert not written & generated


def test_a_short_training_leaves_a_model_that_loads(tmp_path: Path) -> None:
    from mc_jupyter.starters.embedding.train import train

    train(tmp_path, steps=2)
    assert vectors(tmp_path, ["one", "two words"]).shape == (2, 128)
