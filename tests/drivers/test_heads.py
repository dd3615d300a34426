"""What a classifier's numbers become, by what its head was trained for: compared with transformers' own pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.drivers._transformers.heads import function_of
from mc_jupyter.errors import InputError
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


class TestNames:
    """id2label as it is published, and not."""

    @staticmethod
    def named(folder: Path, names: Any) -> Path:
        made = models.classifier(folder, labels=("a", "b", "c"))
        said = json.loads((made / "config.json").read_text())
        (made / "config.json").write_text(json.dumps({**said, "id2label": names}))
        return made

    @pytest.mark.parametrize(
        "names",
        [{"2": "c", "0": "a", "1": "b"}, {"0": 0, "1": 1, "2": 2}],
    )
    def test_any_order_and_numbers_as_names(self, session: mc.Session, tmp_path: Path, names: dict[str, Any]) -> None:
        folder = self.named(tmp_path, names)
        found = judged(session, folder, TEXTS[0])
        assert found["probabilities"] == pytest.approx(by_the_pipeline(folder, TEXTS[0]), abs=1e-5)
        assert found["label"] == str(names[str(found["label_id"])])

    @pytest.mark.parametrize(
        "names", [{"0": "a", "1": "b", "5": "c"}, {"1": "a", "2": "b", "3": "c"}, {"0": [], "1": "b", "2": {}}]
    )
    def test_classes_without_a_name_are_told_and_may_be_named(
        self, session: mc.Session, tmp_path: Path, names: dict[str, str]
    ) -> None:
        folder = self.named(tmp_path, names)
        with pytest.raises(InputError, match=r"3 classes, from 0 on, and id2label(.|\n)*labels: \["):
            judged(session, folder, TEXTS[0])
        handle = session.load(cell("text-classification", folder, "labels: [x, y, z]"))
        assert handle(TEXTS[0])["label"] in "xyz"

    def test_classes_of_one_name_keep_their_scores(self, session: mc.Session, tmp_path: Path) -> None:
        found = judged(session, self.named(tmp_path, {"0": "same", "1": "other", "2": "same"}), TEXTS[0])
        assert list(found.scores.values()) == found["probabilities"]
        assert list(found.scores) == ["same (0)", "other", "same (2)"]


class TestPairs:
    """Two texts read as one, as cross-encoders and models of inference are trained."""

    PAIR = "params: {text: '${input.text}', text_pair: '${input.pair}', return_probabilities: true}"

    @staticmethod
    def by_the_library(folder: Path, first: str, second: str, **how: Any) -> list[float]:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        model, tokenizer = (
            each.from_pretrained(folder) for each in (AutoModelForSequenceClassification, AutoTokenizer)
        )
        with torch.no_grad():
            logits = model(**tokenizer(first, second, return_tensors="pt", **how)).logits[0]
        found: list[float] = logits.softmax(-1).tolist()
        return found

    def test_a_pair_is_what_the_library_makes_of_it(self, session: mc.Session, tmp_path: Path) -> None:
        folder = models.classifier(tmp_path)
        handle = session.load(cell("text-classification", folder, self.PAIR))
        others = ["a red ball under the old tree", "x"]
        for first in TEXTS:
            expected = [self.by_the_library(folder, first, second) for second in others]
            assert handle(text=first, pair=others[0])["probabilities"] == pytest.approx(expected[0], abs=1e-5)
            for found, row in zip(handle(text=first, pair=others), expected, strict=True):
                assert found["probabilities"] == pytest.approx(row, abs=1e-5)
        both = handle(text=TEXTS[:2], pair=others)
        assert both[1]["probabilities"] == pytest.approx(self.by_the_library(folder, TEXTS[1], others[1]), abs=1e-5)
        assert handle(text="a", pair="b")["probabilities"] != handle(text="b", pair="a")["probabilities"]

    def test_a_pair_is_cut_as_the_library_cuts_it(self, session: mc.Session, tmp_path: Path) -> None:
        folder = models.classifier(tmp_path)
        line = self.PAIR.replace("{text:", "{truncate: true, max_input_length: 9, text:")
        long = "the little fox ran over the green hill"
        found = session.load(cell("text-classification", folder, line))(text=long, pair="a red ball")
        expected = self.by_the_library(folder, long, "a red ball", truncation=True, max_length=9)
        assert found["probabilities"] == pytest.approx(expected, abs=1e-5)
        whole = session.load(cell("text-classification", folder, self.PAIR), "whole")
        with pytest.raises(InputError, match="at most 64 fit"):
            whole(text=long * 9, pair="a")

    def test_lists_of_two_lengths_are_refused(self, session: mc.Session, classifier: Path) -> None:
        handle = session.load(cell("text-classification", classifier, self.PAIR))
        with pytest.raises(InputError, match="there are 3 texts in text_pair for 2 in text"):
            handle(text=["a", "b"], pair=["x", "y", "z"])

    @pytest.mark.parametrize(
        "said",
        [
            {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"},
            {"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}},
            {},
        ],
    )
    @pytest.mark.slow
    def test_a_reranker_gives_what_sentence_transformers_gives(
        self, session: mc.Session, tmp_path: Path, said: dict[str, Any]
    ) -> None:
        from sentence_transformers import CrossEncoder

        folder = models.classifier(tmp_path, labels=("LABEL_0",), **said)
        handle = session.load(cell("text-classification", folder, self.PAIR))
        pairs = [(TEXTS[0], each) for each in TEXTS]
        expected = CrossEncoder(str(folder), device="cpu").predict(pairs).tolist()
        assert [each["score"] for each in handle(text=TEXTS[0], pair=TEXTS)] == pytest.approx(expected, abs=1e-5)

    def test_classes_are_odds_whatever_a_reranker_would_give(self, session: mc.Session, tmp_path: Path) -> None:
        said = {"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}
        folder = models.classifier(tmp_path, labels=("a", "b", "c"), **said)
        assert sum(judged(session, folder, TEXTS[0])["probabilities"]) == pytest.approx(1)


def test_a_list_of_texts_with_several_ends_is_read_as_each_alone(session: mc.Session, tmp_path: Path) -> None:
    """BART reads its classes at the last `</s>`, and has no batch of texts with other numbers of them."""
    import torch
    from tokenizers.processors import TemplateProcessing
    from transformers import BartConfig, BartForSequenceClassification

    torch.manual_seed(0)
    tokenizer = models.byte_tokenizer()
    tokenizer._tokenizer.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    config = BartConfig(
        vocab_size=len(tokenizer), d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
        decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=128, init_std=0.3,
        bos_token_id=0, eos_token_id=1, pad_token_id=2, num_labels=3,
    )  # fmt: skip
    BartForSequenceClassification(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    texts = ["a premise </s></s> this is about", "b", "the old tree", "tea </s> x"]
    listed = [each["probabilities"] for each in judged(session, tmp_path, texts)]
    for text, found in zip(texts, listed, strict=True):
        assert found == pytest.approx(by_the_pipeline(tmp_path, text), abs=1e-5)


@pytest.mark.parametrize("kind", ["ModernBert", "XLNet"])
def test_a_body_without_its_head_is_told_of_and_no_damage(session: mc.Session, tmp_path: Path, kind: str) -> None:
    import transformers

    tokenizer = models.byte_tokenizer()
    sizes = {"vocab_size": len(tokenizer), "num_hidden_layers": 2, "num_attention_heads": 4, "pad_token_id": 2}
    if kind == "XLNet":
        sizes = {"vocab_size": len(tokenizer), "d_model": 64, "n_layer": 2, "n_head": 4, "d_inner": 128}
    else:
        sizes |= {"hidden_size": 64, "intermediate_size": 128}
    config = getattr(transformers, f"{kind}Config")(**sizes)
    getattr(transformers, f"{kind}Model")(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    card = dict(session.load(cell("text-classification", tmp_path)).card())
    assert "random weights" in card["note"]


def test_a_model_that_fills_gaps_is_told_of_where_it_writes(session: mc.Session, tmp_path: Path) -> None:
    from transformers import BertConfig, BertForMaskedLM

    tokenizer = models.word_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=64,
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    card = dict(session.load(cell("text-generation", tmp_path)).card())
    assert "to fill gaps and not to write" in card["note"]
