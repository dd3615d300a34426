"""Adapters of writers and classifiers over an embedder: what it has is laid, what it lacks is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import mc_jupyter as mc
from mc_jupyter.errors import PlanError
from mc_jupyter.events import Note, Run
from tests import adapters, models
from tests.conftest import cell

TEXTS = ["a lovely day", "the little fox ran over the green hill", "x"]


def bart(folder: Path) -> Path:
    from transformers import BartConfig, BartForConditionalGeneration

    torch.manual_seed(0)
    tokenizer = models.byte_tokenizer()
    config = BartConfig(
        vocab_size=len(tokenizer), d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
        decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=128, init_std=0.3,
        bos_token_id=0, eos_token_id=1, pad_token_id=2,
    )  # fmt: skip
    BartForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def loaded(session: mc.Session, task: str, base: Path, adapter: Path) -> tuple[Any, list[str]]:
    heard: list[object] = []
    document = cell(task, base, f"peft_adapters: [{{name: mine, model: {adapter}}}]")
    handle = session.load(document, run=Run(listener=heard.append))
    return handle, [event.text for event in heard if isinstance(event, Note)]


def by_peft(base: Path, adapter: Path, auto: str, reader: Any) -> list[list[float]]:
    import transformers
    from peft import PeftModel

    whole = PeftModel.from_pretrained(getattr(transformers, auto).from_pretrained(base), adapter).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    rows = []
    for text in TEXTS:
        with torch.no_grad():
            inputs = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
            found = reader(whole.get_base_model())(**inputs).last_hidden_state[0].mean(0)
        rows.append((found / found.norm()).tolist())
    return rows


@pytest.mark.parametrize(("make", "targets"), [(models.t5, ("q", "v")), (bart, ("q_proj", "v_proj"))])
def test_an_adapter_of_an_encoder_decoder_changes_its_encoder(
    session: mc.Session, tmp_path: Path, make: Any, targets: tuple[str, ...]
) -> None:
    base, auto = make(tmp_path / "base"), "AutoModelForSeq2SeqLM"
    folder = adapters.lora(tmp_path / "a", base, auto=auto, targets=targets)
    handle, notes = loaded(session, "text-embedding", base, folder)
    expected = by_peft(base, folder, auto, lambda model: model.get_encoder())
    for ours, row in zip(handle(TEXTS), expected, strict=True):
        assert ours == pytest.approx(row, abs=1e-5)
    assert any("8 of the 12 layers that it changes are of a decoder or a head" in note for note in notes)


@pytest.mark.parametrize(
    ("auto", "more"),
    [
        ("AutoModelForCausalLM", {"modules_to_save": ["lm_head"]}),
        ("AutoModelForCausalLM", {"targets": ("q_proj", "lm_head")}),
        ("AutoModelForSequenceClassification", {"task_type": "SEQ_CLS"}),
    ],
)
def test_a_head_takes_no_part_in_an_embedder_and_is_told(
    session: mc.Session, llama: Path, tmp_path: Path, auto: str, more: dict[str, Any]
) -> None:
    folder = adapters.lora(tmp_path / "a", llama, auto=auto, **more)
    handle, notes = loaded(session, "text-embedding", llama, folder)
    for ours, row in zip(handle(TEXTS), by_peft(llama, folder, auto, lambda model: model.model), strict=True):
        assert ours == pytest.approx(row, abs=1e-5)
    assert any("they take no part" in note for note in notes)


def test_an_adapter_of_a_decoder_alone_is_refused(session: mc.Session, t5: Path, tmp_path: Path) -> None:
    folder = adapters.lora(tmp_path / "a", t5, auto="AutoModelForSeq2SeqLM", targets=r"decoder\..*\.q")
    with pytest.raises(PlanError, match=r"changes nothing that an embedder has(.|\n)*it is for task: text-generation"):
        loaded(session, "text-embedding", t5, folder)


def test_a_head_of_another_task_names_its_task(session: mc.Session, llama: Path, tmp_path: Path) -> None:
    folder = adapters.lora(tmp_path / "a", llama, auto="AutoModelForSequenceClassification", task_type="SEQ_CLS")
    with pytest.raises(PlanError, match=r"first score.weight(.|\n)*it was trained for task: text-classification"):
        loaded(session, "text-generation", llama, folder)


def test_an_adapter_with_more_words_says_how_its_base_gets_them(
    session: mc.Session, llama: Path, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    larger = AutoModelForCausalLM.from_pretrained(llama)
    words = larger.config.vocab_size + 8
    larger.resize_token_embeddings(words)
    larger.save_pretrained(tmp_path / "base")
    AutoTokenizer.from_pretrained(llama).save_pretrained(tmp_path / "base")
    folder = adapters.lora(tmp_path / "a", tmp_path / "base", modules_to_save=["embed_tokens", "lm_head"])
    with pytest.raises(PlanError, match=rf"another size(.|\n)*resize_token_embeddings\({words}\)"):
        loaded(session, "text-generation", llama, folder)
    assert loaded(session, "text-generation", tmp_path / "base", folder)[0]("x")  # the way out


def test_what_cannot_be_merged_is_not_sent_to_be_merged(session: mc.Session, llama: Path, tmp_path: Path) -> None:
    from peft import PromptTuningConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    own = AutoModelForCausalLM.from_pretrained(llama)
    get_peft_model(own, PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4)).save_pretrained(tmp_path)
    with pytest.raises(PlanError, match=r"PROMPT_TUNING(.|\n)*cannot be merged either: use peft\.PeftModel"):
        loaded(session, "text-generation", llama, tmp_path)
