"""The sentiment starter judges sentences nobody generated."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from mc_jupyter import starters
from mc_jupyter.starters.sentiment import corpus
from tests.starters.sentences import NEGATIVE, POSITIVE

pytestmark = pytest.mark.slow


def verdicts(folder: Path, texts: list[str]) -> list[str]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        logits = model(**tokenizer(texts, padding=True, return_tensors="pt")).logits
    return [model.config.id2label[int(index)] for index in logits.argmax(-1)]


def test_nine_of_ten_hand_written_sentences_are_judged_right() -> None:
    found = verdicts(starters.folder("sentiment"), [*POSITIVE, *NEGATIVE])
    wanted = ["POSITIVE"] * len(POSITIVE) + ["NEGATIVE"] * len(NEGATIVE)
    wrong = [text for text, one, two in zip([*POSITIVE, *NEGATIVE], found, wanted, strict=True) if one != two]
    assert len(wrong) <= len(wanted) // 10, wrong


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("good", "POSITIVE"),
        ("not good", "NEGATIVE"),
        ("The film is bad.", "NEGATIVE"),
        ("The film is not bad at all.", "POSITIVE"),
        ("It looks nice but it broke after a day.", "NEGATIVE"),
        ("THIS IS GREAT!!!", "POSITIVE"),
    ],
)
def test_negation_contrast_and_case_count(text: str, label: str) -> None:
    assert verdicts(starters.folder("sentiment"), [text]) == [label]


def test_no_hand_written_sentence_is_in_the_corpus() -> None:
    def plain(text: str) -> str:
        return re.sub(r"[^a-z' ]", "", text.lower())

    generated = "|".join(plain(text) for text, _ in itertools.islice(corpus.stream(0), 20_000))
    assert not [text for text in [*POSITIVE, *NEGATIVE] if plain(text) in generated]


def test_a_short_training_leaves_a_model_that_loads(tmp_path: Path) -> None:
    from mc_jupyter.starters.sentiment.train import train

    train(tmp_path, steps=3)
    assert verdicts(tmp_path, ["fine"])[0] in ("POSITIVE", "NEGATIVE")
