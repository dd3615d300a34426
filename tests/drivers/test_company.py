"""A list equals its texts one by one: whatever the padding token is, and for models that mind their company."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.drivers._transformers.company import Company, Together
from mc_jupyter.drivers._transformers.padding import taken_for_padding
from mc_jupyter.events import Note, Run
from tests import models
from tests.conftest import cell

TEXTS = ["the little fox ran over the green hill", "a", "a red ball", "an old oak", "tea"]
GREEDY = "params: {max_output_length: 8, do_sample: false}"


def decoder_classifier(folder: Path, **config: Any) -> Path:
    """A LLaMA that tells three classes apart by the last token that is no padding."""
    import torch
    from transformers import LlamaConfig, LlamaForSequenceClassification

    torch.manual_seed(0)
    tokenizer = models.byte_tokenizer()
    sizes = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "initializer_range": 0.3, "num_labels": 3,
    }  # fmt: skip
    LlamaForSequenceClassification(LlamaConfig(**{**sizes, **config})).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def alone_and_listed(session: mc.Session, folder: Path, *lines: str) -> tuple[list[list[float]], list[list[float]]]:
    handle = session.load(cell("text-classification", folder, "params: {return_probabilities: true}", *lines))
    return [handle(t)["probabilities"] for t in TEXTS], [each["probabilities"] for each in handle(TEXTS)]


def written(session: mc.Session, folder: Path) -> tuple[list[Any], list[Any]]:
    handle = session.load(cell("text-generation", folder, GREEDY))
    return [handle(t).token_ids for t in TEXTS], [each.token_ids for each in handle(TEXTS)]


class TestPaddingTokens:
    @pytest.mark.parametrize("pad", [None, 2, 0, 77, 5000, -1])
    def test_a_decoder_that_classifies_reads_a_list_as_it_reads_each_text(
        self, session: mc.Session, tmp_path: Path, pad: int | None
    ) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        folder = decoder_classifier(tmp_path, pad_token_id=0)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "pad_token_id": pad}))
        alone, listed = alone_and_listed(session, folder)
        for one, other in zip(alone, listed, strict=True):
            assert other == pytest.approx(one, abs=1e-5)
        if pad in (5000, -1):
            return  # transformers makes no embedding with such a padding token: what is right is the list alone
        model = AutoModelForSequenceClassification.from_pretrained(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        for text, row in zip(TEXTS, alone, strict=True):
            with torch.no_grad():
                logits = model(**tokenizer(text, return_tensors="pt", return_token_type_ids=False)).logits
            assert row == pytest.approx(logits.softmax(-1)[0].tolist(), abs=1e-5)

    def test_what_a_model_takes_for_padding_is_its_own_again_afterwards(self) -> None:
        from transformers import LlamaConfig

        config = LlamaConfig(pad_token_id=None)
        with pytest.raises(RuntimeError), taken_for_padding(config, 7):
            assert config.pad_token_id == 7
            raise RuntimeError
        assert config.pad_token_id is None


class TestCompany:
    def test_an_encoder_that_counts_positions_is_filled_up_on_the_right(
        self, session: mc.Session, tmp_path: Path
    ) -> None:
        import torch
        from transformers import BartConfig, BartForConditionalGeneration

        torch.manual_seed(0)
        tokenizer = models.byte_tokenizer()
        config = BartConfig(
            vocab_size=len(tokenizer), d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
            decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=128,
            init_std=0.3, bos_token_id=0, eos_token_id=1, pad_token_id=2, decoder_start_token_id=1,
            forced_eos_token_id=None,
        )  # fmt: skip
        BartForConditionalGeneration(config).save_pretrained(tmp_path)
        tokenizer.save_pretrained(tmp_path)
        alone, listed = written(session, tmp_path)
        assert listed == alone
        assert len(set(alone)) > 1

    def test_a_model_whose_positions_count_from_the_padding_is_told_of_and_takes_equal_lengths(
        self, session: mc.Session, tmp_path: Path
    ) -> None:
        import torch
        from transformers import XLMConfig, XLMWithLMHeadModel

        torch.manual_seed(0)
        tokenizer = models.byte_tokenizer()
        config = XLMConfig(
            vocab_size=len(tokenizer), emb_dim=32, n_layers=2, n_heads=4, causal=True, embed_init_std=0.3, init_std=0.3,
            max_position_embeddings=128, pad_index=2, bos_index=0, eos_index=1, mask_token_id=4, lang_id=0,
        )  # fmt: skip
        XLMWithLMHeadModel(config).save_pretrained(tmp_path)
        tokenizer.save_pretrained(tmp_path)
        heard: list[object] = []
        handle = session.load(cell("text-generation", tmp_path, GREEDY))
        listed = [each.token_ids for each in handle(TEXTS, run=Run(listener=heard.append))]
        assert listed == [handle(t).token_ids for t in TEXTS]
        assert [e.text for e in heard if isinstance(e, Note) and "of equal length" in e.text]

    def test_an_encoder_without_a_mask_gives_of_a_list_what_it_gives_of_each(
        self, session: mc.Session, tmp_path: Path
    ) -> None:
        import torch
        from transformers import FNetConfig, FNetModel

        torch.manual_seed(0)
        tokenizer = models.word_tokenizer()
        config = FNetConfig(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, initializer_range=0.3,
            max_position_embeddings=64, pad_token_id=0,
        )  # fmt: skip
        FNetModel(config).save_pretrained(tmp_path)
        tokenizer.save_pretrained(tmp_path)
        handle = session.load(cell("text-embedding", tmp_path))
        for one, other in zip([handle(t) for t in TEXTS], handle(TEXTS), strict=True):
            assert other == pytest.approx(one, abs=1e-5)

    def test_a_usual_model_takes_all_rows_at_once_and_is_measured_once(
        self, session: mc.Session, encoder: Path
    ) -> None:
        handle = session.load(cell("text-embedding", encoder))
        driver: Any = session.resident_of(handle).thing.driver
        handle(TEXTS)
        passes: list[int] = []
        driver.model.register_forward_pre_hook(
            lambda module, args, kwargs: passes.append(len(kwargs["input_ids"])), with_kwargs=True
        )
        handle(TEXTS)
        handle(TEXTS[1:])
        assert passes == [len(TEXTS), len(TEXTS) - 1]
        assert driver.company.together is Together.PADDED


class TestMeasuring:
    """The steps from filled up to alone, on models that are arithmetic."""

    LENGTHS = (5, 3, 3, 1)

    def parts(self, company: Company, of: Any, batch: tuple[int, ...] = (0, 1, 2, 3)) -> list[list[int]]:
        import torch

        return list(
            company.parts(list(batch), self.LENGTHS, lambda rows: torch.tensor([[of(i, rows)] for i in rows]), Run())
        )

    def test_rows_that_overlook_all_others_go_together(self) -> None:
        assert self.parts(Company(exact=True), lambda i, rows: 1.0 + i) == [[0, 1, 2, 3]]

    def test_rows_that_mind_their_padding_go_with_those_of_their_length(self) -> None:
        company = Company(exact=True)
        width = lambda i, rows: float(max(self.LENGTHS[j] for j in rows))  # noqa: E731
        assert self.parts(company, width) == [[0], [1, 2], [3]]
        assert company.together is Together.EQUAL

    def test_rows_that_mind_each_other_go_alone(self) -> None:
        company = Company(exact=True)
        assert self.parts(company, lambda i, rows: float(len(rows))) == [[0], [1], [2], [3]]
        assert company.together is Together.ALONE

    def test_a_longer_row_than_any_before_is_measured_again(self) -> None:
        company = Company(exact=True)
        minds_from_5_on = lambda i, rows: float(max(self.LENGTHS[j] for j in rows) >= 5) + 1  # noqa: E731
        assert self.parts(company, minds_from_5_on, (1, 2, 3)) == [[1, 2, 3]]
        assert self.parts(company, minds_from_5_on) == [[0], [1, 2], [3]]

    def test_half_precision_may_differ_by_its_own_rounding(self) -> None:
        rounded = lambda i, rows: 1.0 + 0.01 * len(rows)  # noqa: E731
        assert self.parts(Company(exact=False), rounded) == [[0, 1, 2, 3]]
        assert self.parts(Company(exact=True), rounded) == [[0], [1], [2], [3]]

    def test_rows_that_never_share_a_batch_are_told_of_once(self) -> None:
        heard: list[object] = []
        company, run = Company(exact=False, alone="why"), Run(listener=heard.append)
        for _ in range(2):
            assert list(company.parts([0, 1], [3, 2], lambda rows: pytest.fail("measured"), run)) == [[0], [1]]
        assert [event.text for event in heard if isinstance(event, Note)] == ["why"]


class TestRounding:
    """Half precision and quantized layers: what a list shares, and what is told of it."""

    def test_int8_gives_of_a_list_what_it_gives_of_each(self, session: mc.Session, llama: Path) -> None:
        pytest.importorskip("bitsandbytes")
        handle = session.load(cell("text-generation", llama, "quantization: int8", GREEDY))
        heard: list[object] = []
        listed = [each.token_ids for each in handle(TEXTS, run=Run(listener=heard.append))]
        assert listed == [handle(t).token_ids for t in TEXTS]
        assert any("one by one" in event.text for event in heard if isinstance(event, Note))

    def test_half_precision_is_told_of_once_and_one_at_a_time_is_as_alone(
        self, session: mc.Session, llama: Path
    ) -> None:
        handle = session.load(cell("text-generation", llama, "precision: bfloat16", GREEDY))
        said = []
        for _ in range(2):
            heard: list[object] = []
            handle(TEXTS, run=Run(listener=heard.append))
            said.append([event.text for event in heard if isinstance(event, Note)])
        assert ["bfloat16 rounds texts" in note for note in said[0]] == [True]
        assert said[1] == []
        line = GREEDY.replace("{", "{batch_size: 1, ")
        one = session.load(cell("text-generation", llama, "precision: bfloat16", line), "one")
        assert [each.token_ids for each in one(TEXTS)] == [handle(t).token_ids for t in TEXTS]

    def test_a_model_that_is_cast_rounds_from_then_on(self, session: mc.Session, encoder: Path) -> None:
        handle = session.load(cell("text-embedding", encoder, "precision: float32"))
        driver: Any = session.resident_of(handle).thing.driver
        assert driver.company.close == Company(exact=True).close
        handle.set(precision="bfloat16")
        handle("x")
        driver = session.resident_of(handle).thing.driver
        assert driver.company.close == Company(exact=False).close
