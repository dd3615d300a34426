"""A list equals its texts one by one, and the library called directly: every architecture family of transformers.

The families are transformers' own tables of what each task's class accepts. Each is built tiny and at random, saved,
and loaded by the ordinary code.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transformers.models.auto import modeling_auto

import mc_jupyter as mc
from mc_jupyter.errors import ComposeError
from tests import families
from tests.conftest import cell

pytestmark = pytest.mark.slow

TEXTS = ["the little fox ran over the green hill", "a fox", "a red ball", "an old oak"]
GREEDY = "params: {max_output_length: 6, do_sample: false}"

WRITES = sorted(modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
TRANSLATES = sorted(modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES)
JUDGES = sorted(modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES)

# What transformers itself, or this machine, cannot make a small model of: nothing is said about these.
UNBUILT = {
    "blt": "it cannot write with a cache: transformers asks its config for num_hidden_layers, which only its parts have",
    "dots3_note": "its config names 46 layers one by one",
    "dots3_note_text": "its config names 46 layers one by one",
    "gemma3n": "it needs timm",
    "gemma4_assistant": "it drafts for another model, whose cache it reads",
    "gemma4_unified_assistant": "it drafts for another model, whose cache it reads",
    "layoutlmv2": "it needs detectron2",
    "musicgen": "the table names a class that does not take this family's config",
    "musicgen_melody": "the table names a class that does not take this family's config",
}
# What is refused, in one error. Those that listen are in the table of encoder-decoders and are none.
REFUSED = {
    "emu3": "cannot do this task",
    "git": "describes images",
    "mllama": "cannot do this task",
}
LISTENS = (
    "audioflamingo3", "glmasr", "granite_speech", "granite_speech_plus", "musicflamingo", "nemo_speechlm",
    "qwen2_audio", "qwen3_asr", "vibevoice_asr", "voxtral", "voxtral_realtime",
)  # fmt: skip
# `encoder-decoder` is a family of pairs, with no configuration of its own.
PAIRS = ("encoder-decoder",)


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Two tokenizers of bytes: with and without an end after each text, which some encoders look for."""
    made = {ends: tmp_path_factory.mktemp("tokenizer") for ends in (False, True)}
    for ends, folder in made.items():
        families.tokenizer(ends=ends).save_pretrained(folder)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    shutil.rmtree(tmp_path)  # several hundred models


class Made:
    """A tiny model of a family: in this process, and as a folder."""

    def __init__(self, family: str, auto: str, folder: Path, tokenizer: Path, **config: Any):
        import torch
        import transformers

        torch.manual_seed(0)
        self.model = getattr(transformers, auto).from_config(families.tiny(family, **config)).eval()
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(tokenizer)
        if getattr(self.model, "generation_config", None) is not None:
            self.model.generation_config.max_length = None
        self.model.save_pretrained(folder)
        shutil.copytree(tokenizer, folder, dirs_exist_ok=True)

    def inputs(self, text: str) -> Any:
        return self.tokenizer(text, return_tensors="pt", return_token_type_ids=False)

    def written(self, text: str) -> list[int]:
        """Greedily, without the end."""
        import torch

        torch.manual_seed(0)  # Reformer draws as it reads
        inputs = self.inputs(text)
        row = self.model.generate(
            **inputs, max_new_tokens=6, min_new_tokens=1, do_sample=False, num_beams=1, pad_token_id=families.PAD
        )[0].tolist()
        row = row[1 if self.model.config.is_encoder_decoder else inputs["input_ids"].shape[1] :]
        ends = self.model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [families.EOS if ends is None else ends]
        return row[: next((i for i, token in enumerate(row) if token in ends), len(row))]

    def judged(self, text: str) -> list[float]:
        import torch

        torch.manual_seed(0)
        with torch.inference_mode():
            return self.model(**self.inputs(text)).logits[0].float().softmax(-1).tolist()


def skip_unbuilt(family: str) -> None:
    if family in UNBUILT:
        pytest.skip(f"{family}: {UNBUILT[family]}")


@pytest.mark.parametrize("family", [each for each in WRITES if each not in REFUSED])
def test_a_decoder_writes(family: str, session: mc.Session, folder: Path, tokenizers: dict[bool, Path]) -> None:
    skip_unbuilt(family)
    made = Made(family, "AutoModelForCausalLM", folder, tokenizers[False])
    expected = [made.written(text) for text in TEXTS]
    handle = session.load(cell("text-generation", folder, GREEDY))
    assert [list(handle(text).token_ids) for text in TEXTS] == expected
    assert [list(each.token_ids) for each in handle(TEXTS)] == expected
    chat = session.load(cell("chat-completion", folder, 'chat_template: "{{ messages[0].content }}"', GREEDY))
    answers = chat([[{"role": "user", "content": text}] for text in TEXTS])
    assert [list(each.token_ids) for each in answers] == expected


@pytest.mark.parametrize("family", [each for each in TRANSLATES if each not in (*LISTENS, *PAIRS)])
def test_an_encoder_decoder_writes(
    family: str, session: mc.Session, folder: Path, tokenizers: dict[bool, Path]
) -> None:
    made = Made(family, "AutoModelForSeq2SeqLM", folder, tokenizers[True])
    expected = [made.written(text) for text in TEXTS]
    handle = session.load(cell("text-generation", folder, GREEDY))
    assert [list(handle(text).token_ids) for text in TEXTS] == expected
    assert [list(each.token_ids) for each in handle(TEXTS)] == expected


@pytest.mark.parametrize("family", JUDGES)
def test_a_classifier_judges(family: str, session: mc.Session, folder: Path, tokenizers: dict[bool, Path]) -> None:
    skip_unbuilt(family)
    made = Made(family, "AutoModelForSequenceClassification", folder, tokenizers[True], num_labels=3)
    handle = session.load(cell("text-classification", folder, "params: {return_probabilities: true}"))
    for text, listed in zip(TEXTS, handle(TEXTS), strict=True):
        expected = made.judged(text)
        assert handle(text)["probabilities"] == pytest.approx(expected, abs=1e-4)
        assert listed["probabilities"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("family", REFUSED)
def test_what_is_saved_as_a_part_of_another_is_refused(
    family: str, session: mc.Session, folder: Path, tokenizers: dict[bool, Path]
) -> None:
    Made(family, "AutoModelForCausalLM", folder, tokenizers[False])
    with pytest.raises(ComposeError, match=REFUSED[family]) as caught:
        session.load(cell("text-generation", folder))
    assert "task: text-generation" not in str(caught.value).split("→")[-1]


@pytest.mark.parametrize("family", LISTENS)
def test_what_listens_is_refused(family: str, session: mc.Session, folder: Path, tokenizers: dict[bool, Path]) -> None:
    families.named(family, folder, modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES[family])
    shutil.copytree(tokenizers[False], folder, dirs_exist_ok=True)
    with pytest.raises(ComposeError, match="cannot do this task"):
        session.load(cell("text-generation", folder))


def test_no_family_is_passed_over() -> None:
    known = {*WRITES, *TRANSLATES, *JUDGES}
    for table in (UNBUILT, REFUSED, LISTENS, PAIRS, families.STUBBORN):
        assert set(table) <= known | set(modeling_auto.MODEL_MAPPING_NAMES)
    assert len(WRITES) > 150
    assert len(TRANSLATES) > 30
    assert len(JUDGES) > 100
