"""What a classifier's numbers become, by what its head was trained for: compared with transformers' own pipeline."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.drivers._transformers.heads import function_of
from tests import models
from tests.conftest import cell

TEXTS = ["a lovely day", "the old tree", "numbers such as 1 2 3"]
REGRESSION, SEVERAL = "regression", "multi_label_classification"


def judged(session: mc.Session, folder: Path, text: Any) -> Any:
    return session.load(cell("text-classification", folder, "params: {return_probabilities: true}"))(text)


def by_the_pipeline(folder: Path, text: str) -> list[float]:
    from transformers import pipeline

    made = pipeline("text-classification", model=str(folder), device="cpu")
    names = made.model.config.id2label
    found = {each["label"]: each["score"] for each in made(text, top_k=None)}
    return [found[names[i]] for i in range(len(names))]


@pytest.mark.parametrize(
    ("labels", "config"),
    [
        (("rating",), {"problem_type": REGRESSION}),
        (("warmth", "length"), {"problem_type": REGRESSION}),
        (("spam",), {}),
        (("a", "b", "c"), {"problem_type": SEVERAL}),
        (("a", "b", "c"), {"problem_type": "single_label_classification"}),
        (("a", "b", "c"), {}),
    ],
)
def test_scores_are_those_of_transformers_pipeline(
    session: mc.Session, tmp_path: Path, labels: tuple[str, ...], config: dict[str, Any]
) -> None:
    folder = models.classifier(tmp_path, labels=labels, **config)
    for text in TEXTS:
        found = judged(session, folder, text)
        expected = by_the_pipeline(folder, text)
        assert found["probabilities"] == pytest.approx(expected, abs=1e-5)
        assert found["score"] == pytest.approx(max(expected), abs=1e-5)
        assert found["label"] == labels[expected.index(max(expected))]


def test_a_regression_head_gives_numbers_beyond_those_of_odds(session: mc.Session, tmp_path: Path) -> None:
    folder = models.classifier(tmp_path, labels=("rating",), problem_type=REGRESSION, initializer_range=0.9)
    found = [each["score"] for each in judged(session, folder, TEXTS)]
    assert any(not 0 <= score <= 1 for score in found)
    assert found == pytest.approx([judged(session, folder, text)["score"] for text in TEXTS], abs=1e-5)


@pytest.mark.parametrize("named", ["softmax", "sigmoid", "none"])
def test_a_function_that_the_files_name_is_the_one(session: mc.Session, tmp_path: Path, named: str) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = models.classifier(tmp_path, labels=("a", "b"), function_to_apply=named)
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        logits = model(**tokenizer(TEXTS[0], return_tensors="pt")).logits[0]
    expected = {"softmax": logits.softmax(-1), "sigmoid": logits.sigmoid(), "none": logits}[named]
    assert judged(session, folder, TEXTS[0])["probabilities"] == pytest.approx(expected.tolist(), abs=1e-5)


def test_a_word_for_a_function_that_is_none_is_passed_over() -> None:
    config = SimpleNamespace(function_to_apply="relu", problem_type=REGRESSION, num_labels=1)
    assert function_of(config) == "none"
