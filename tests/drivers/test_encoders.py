"""Embedding with what is no plain encoder: models that have a decoder too, that count positions, that give no tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import InputError, PlanError
from tests import models
from tests.conftest import cell

TEXTS = ["a lovely day", "the little fox ran over the green hill and saw a ball", "x"]
_T5 = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
_BART = {
    "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "max_position_embeddings": 64, "init_std": 0.3,
}  # fmt: skip
_BERT = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "initializer_range": 0.3,
}  # fmt: skip
_LED = {"max_encoder_position_embeddings": 64, "max_decoder_position_embeddings": 64, "attention_window": 8}
_PROPHET = {
    "hidden_size": 32, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "num_encoder_layers": 2, "num_decoder_layers": 2,
    "num_encoder_attention_heads": 4, "num_decoder_attention_heads": 4, "max_position_embeddings": 64, "init_std": 0.3,
}  # fmt: skip
WITH_DECODER: dict[str, dict[str, Any]] = {
    "t5": _T5, "mt5": _T5, "umt5": _T5, "longt5": _T5, "switch_transformers": {**_T5, "num_experts": 2}, "bart": _BART,
    "mbart": _BART, "pegasus": _BART, "marian": _BART, "m2m_100": _BART, "blenderbot": _BART, "plbart": _BART,
    "led": {**_BART, **_LED}, "prophetnet": _PROPHET,
}  # fmt: skip
READ_BY_DECODER = ("bart", "mbart", "led", "plbart")


def save(folder: Path, kind: str, tokenizer: Any, **config: Any) -> Path:
    """A model of transformers' word `kind`, as `AutoModel` makes it."""
    import torch
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(0)
    special = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": 1, "bos_token_id": 0}
    made = AutoConfig.for_model(kind, **{"vocab_size": len(tokenizer), **special, **config})
    AutoModel.from_config(made).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def with_decoder(folder: Path, kind: str) -> Path:
    return save(folder, kind, models.byte_tokenizer(), decoder_start_token_id=2, **WITH_DECODER[kind])


def means(folder: Path) -> list[Any]:
    """The mean of transformers' own vectors of the encoder, of each text alone."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    encoder, tokenizer = AutoModel.from_pretrained(folder).get_encoder(), AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        given = ({k: v for k, v in tokenizer(t, return_tensors="pt").items() if k != "token_type_ids"} for t in TEXTS)
        return [encoder(**each).last_hidden_state[0].mean(0).tolist() for each in given]


class TestDecoders:
    @pytest.mark.parametrize("kind", WITH_DECODER)
    def test_a_text_is_read_by_the_encoder_alone(self, session: mc.Session, tmp_path: Path, kind: str) -> None:
        folder = with_decoder(tmp_path, kind)
        handle = session.load(cell("text-embedding", folder, "params: {normalize: false}"))
        for ours, alone, theirs in zip(handle(TEXTS), map(handle, TEXTS), means(folder), strict=True):
            assert ours == pytest.approx(theirs, abs=1e-4, rel=1e-4)
            assert alone == pytest.approx(theirs, abs=1e-4, rel=1e-4)

    @pytest.mark.parametrize("kind", ["t5", "bart"])
    def test_the_decoder_takes_no_memory(self, session: mc.Session, tmp_path: Path, kind: str) -> None:
        from transformers import AutoModel

        folder = with_decoder(tmp_path, kind)
        model = AutoModel.from_pretrained(folder)
        facts = session.load(cell("text-embedding", folder)).facts()
        encoder = sum(p.numel() for p in model.get_encoder().parameters())
        assert encoder <= facts.parameters < sum(p.numel() for p in model.parameters())

    def test_a_checkpoint_of_an_encoder_alone_is_read(self, session: mc.Session, tmp_path: Path) -> None:
        from transformers import T5EncoderModel

        whole = with_decoder(tmp_path / "whole", "t5")
        T5EncoderModel.from_pretrained(whole).save_pretrained(tmp_path / "alone")
        models.byte_tokenizer().save_pretrained(tmp_path / "alone")
        handle = session.load(cell("text-embedding", tmp_path / "alone", "params: {normalize: false}"))
        for ours, theirs in zip(handle(TEXTS), means(whole), strict=True):
            assert ours == pytest.approx(theirs, abs=1e-4, rel=1e-4)

    @pytest.mark.parametrize("kind", ["t5", *READ_BY_DECODER])
    def test_one_that_sentence_transformers_saved_is_read_as_it_reads_it(
        self, session: mc.Session, tmp_path: Path, kind: str
    ) -> None:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer

        body = Transformer(str(with_decoder(tmp_path / "base", kind)))
        made = SentenceTransformer(modules=[body, Pooling(32), Dense(32, 16)], device="cpu")
        made.save(str(tmp_path / "saved"), create_model_card=False)
        expected = SentenceTransformer(str(tmp_path / "saved"), device="cpu").encode(TEXTS, normalize_embeddings=True)
        handle = session.load(cell("text-embedding", tmp_path / "saved"))
        for ours, alone, theirs in zip(handle(TEXTS), map(handle, TEXTS), expected.tolist(), strict=True):
            assert ours == pytest.approx(theirs, abs=1e-4)
            assert alone == pytest.approx(theirs, abs=1e-4)


class TestPositions:
    """RoBERTa's kin count positions from the padding token's number on: of 40 rows, 38 are for tokens."""

    KIN = (
        "roberta",
        "xlm-roberta",
        "camembert",
        "mpnet",
        "roberta-prelayernorm",
        "data2vec-text",
        "ibert",
        "longformer",
    )

    @pytest.fixture
    def text(self) -> str:
        return "the little fox ran over the green hill " * 9

    @pytest.mark.parametrize("kind", KIN)
    @pytest.mark.parametrize("task", ["text-embedding", "text-classification"])
    def test_a_long_text_is_cut_to_what_fits(
        self, session: mc.Session, tmp_path: Path, kind: str, task: str, text: str
    ) -> None:
        import torch
        from transformers import AutoModel, AutoModelForSequenceClassification

        tokenizer = models.word_tokenizer(max_length=512)
        tokenizer.pad_token = "[UNK]"  # number 1, as theirs is
        more = {"attention_window": 8} if kind == "longformer" else {}
        folder = save(tmp_path, kind, tokenizer, max_position_embeddings=40, pad_token_id=1, **_BERT, **more)
        ids = tokenizer(text, truncation=True, max_length=38, return_tensors="pt")["input_ids"]
        params = "params: {truncate: true, normalize: false}"
        if task == "text-classification":
            torch.manual_seed(0)
            head = AutoModelForSequenceClassification.from_pretrained(folder)
            head.save_pretrained(folder)
            params = "params: {truncate: true, return_probabilities: true}"
        handle = session.load(cell(task, folder, params))
        found = handle(text)
        with torch.no_grad():
            if task == "text-embedding":
                expected = AutoModel.from_pretrained(folder)(input_ids=ids).last_hidden_state[0].mean(0)
                assert found == pytest.approx(expected.tolist(), abs=1e-4)
            else:
                expected = head.eval()(input_ids=ids).logits.softmax(-1)[0]
                assert found["probabilities"] == pytest.approx(expected.tolist(), abs=1e-4)
        assert ("window", "38 tokens") in handle.card()

    def test_a_text_that_is_not_cut_is_refused_with_what_fits(
        self, session: mc.Session, tmp_path: Path, text: str
    ) -> None:
        tokenizer = models.word_tokenizer(max_length=512)
        folder = save(tmp_path, "xlm-roberta", tokenizer, max_position_embeddings=40, **_BERT)
        with pytest.raises(InputError, match="at most 39 fit"):  # this one's padding token is number 0
            session.load(cell("text-embedding", folder))(text)

    def test_positions_that_are_computed_have_none_for_padding(self, session: mc.Session, tmp_path: Path) -> None:
        folder = with_decoder(tmp_path, "m2m_100")
        assert ("window", "64 tokens") in session.load(cell("text-embedding", folder)).card()


class TestOthers:
    def test_a_model_that_sums_up_by_itself_is_refused_before_it_is_called(
        self, session: mc.Session, tmp_path: Path
    ) -> None:
        folder = save(tmp_path, "dpr", models.word_tokenizer(), **_BERT)
        with pytest.raises(PlanError, match="DPRQuestionEncoder.* gives no vectors of a text's tokens"):
            session.load(cell("text-embedding", folder))
        assert session.loads == 0

    def test_a_model_that_also_sees_is_refused_before_it_is_called(self, session: mc.Session, tmp_path: Path) -> None:
        tokenizer = models.word_tokenizer()
        text = {**_BERT, "vocab_size": len(tokenizer)}
        eyes = {**_BERT, "image_size": 16, "patch_size": 8}
        folder = save(tmp_path, "clip", tokenizer, text_config=text, vision_config=eyes)
        with pytest.raises(PlanError, match="CLIPModel.* gives no vectors of a text's tokens"):
            session.load(cell("text-embedding", folder))
        config = json.loads((folder / "config.json").read_text())
        assert config["model_type"] == "clip"
