"""A list equals its texts one by one, and the library called directly: every architecture family of transformers.

The families are transformers' own tables of what each task's class accepts. Each is built tiny and at random, saved,
and loaded by the ordinary code.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from transformers.models.auto import modeling_auto

import mc_jupyter as mc
from mc_jupyter.errors import ComposeError
from tests import families
from tests.conftest import cell

pytestmark = pytest.mark.slow

TEXTS = ["the little fox ran over the green hill", "a fox", "a red ball", "an old oak"]
SHORTER = [TEXTS[0], "a", *TEXTS[2:]]  # a single token: CANINE, of the classifiers, reads none alone
GREEDY = "params: {max_output_length: 6, do_sample: false, num_beams: 1}"  # FSMT asks for five beams

WRITES = sorted(modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
TRANSLATES = sorted(modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES)
SEES = sorted(modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES)
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
# These describe images; `test_captioning.py` holds each against the library, alone and in lists.
DESCRIBES = ("blip", "blip-2", "git", "pix2struct", "vision-encoder-decoder")
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


def skip_unbuilt(family: str) -> None:
    if family in UNBUILT:
        pytest.skip(f"{family}: {UNBUILT[family]}")


@pytest.mark.parametrize("family", [each for each in WRITES if each not in REFUSED])
def test_a_decoder_writes(family: str, session: mc.Session, folder: Path, tokenizers: dict[bool, Path]) -> None:
    skip_unbuilt(family)
    made = families.Made(family, "AutoModelForCausalLM", folder, tokenizers[False])
    expected = [made.written(text) for text in SHORTER]
    handle = session.load(cell("text-generation", folder, GREEDY))
    assert [list(handle(text).token_ids) for text in SHORTER] == expected
    assert [list(each.token_ids) for each in handle(SHORTER)] == expected
    chat = session.load(cell("chat-completion", folder, 'chat_template: "{{ messages[0].content }}"', GREEDY))
    answers = chat([[{"role": "user", "content": text}] for text in SHORTER])
    assert [list(each.token_ids) for each in answers] == expected


@pytest.mark.parametrize("family", [each for each in TRANSLATES if each not in (*LISTENS, *PAIRS)])
def test_an_encoder_decoder_writes(
    family: str, session: mc.Session, folder: Path, tokenizers: dict[bool, Path]
) -> None:
    made = families.Made(family, "AutoModelForSeq2SeqLM", folder, tokenizers[True])
    expected = [made.written(text) for text in TEXTS]
    handle = session.load(cell("text-generation", folder, GREEDY))
    assert [list(handle(text).token_ids) for text in TEXTS] == expected
    assert [list(each.token_ids) for each in handle(TEXTS)] == expected


@pytest.mark.parametrize("family", JUDGES)
def test_a_classifier_judges(family: str, session: mc.Session, folder: Path, tokenizers: dict[bool, Path]) -> None:
    skip_unbuilt(family)
    made = families.Made(family, "AutoModelForSequenceClassification", folder, tokenizers[True], num_labels=3)
    handle = session.load(cell("text-classification", folder, "params: {return_probabilities: true}"))
    for text, listed in zip(TEXTS, handle(TEXTS), strict=True):
        expected = made.judged(text)
        assert handle(text)["probabilities"] == pytest.approx(expected, abs=1e-4)
        assert listed["probabilities"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("family", REFUSED)
def test_what_is_saved_as_a_part_of_another_is_refused(
    family: str, session: mc.Session, folder: Path, tokenizers: dict[bool, Path]
) -> None:
    families.Made(family, "AutoModelForCausalLM", folder, tokenizers[False])
    with pytest.raises(ComposeError, match=REFUSED[family]) as caught:
        session.load(cell("text-generation", folder))
    assert "task: text-generation" not in str(caught.value).split("→")[-1]


@pytest.mark.parametrize("family", LISTENS)
def test_what_listens_is_refused(family: str, session: mc.Session, folder: Path, tokenizers: dict[bool, Path]) -> None:
    families.named(family, folder, modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES[family])
    shutil.copytree(tokenizers[False], folder, dirs_exist_ok=True)
    with pytest.raises(ComposeError, match="cannot do this task"):
        session.load(cell("text-generation", folder))


@pytest.mark.parametrize("family", [each for each in SEES if each not in DESCRIBES])
def test_what_sees_and_describes_nothing_is_refused(family: str, session: mc.Session, folder: Path) -> None:
    families.named(family, folder, modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES[family])
    with pytest.raises(ComposeError, match="this model does not describe images"):
        session.load(cell("image-to-text", folder))


def test_no_family_is_passed_over() -> None:
    known = {*WRITES, *TRANSLATES, *JUDGES, *SEES}
    for table in (UNBUILT, REFUSED, LISTENS, PAIRS, DESCRIBES, families.STUBBORN):
        assert set(table) <= known | set(modeling_auto.MODEL_MAPPING_NAMES)
    assert len(WRITES) > 150
    assert len(TRANSLATES) > 30
    assert len(JUDGES) > 100
