"""A list of texts is embedded as each is alone, and as the library does: every family that transformers' AutoModel takes.

Several hundred, most of them made of parts that see or hear: `make families` runs them.
"""

from __future__ import annotations

import inspect
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

pytestmark = pytest.mark.families

TEXTS = ["the little fox ran over the green hill", "a fox", "a red ball", "an old oak"]
READS = sorted(modeling_auto.MODEL_MAPPING_NAMES)
DESCRIBES = ("blip", "blip-2", "git")

_REASONS = {
    "it needs timm": "fast_vlm gemma3n pe_audio_video pe_video perception_lm",
    "it needs torchaudio": "higgs_audio_v2_tokenizer",
    "it needs detectron2": "layoutlmv2",
    "its parts are large, and their sizes have names of their own": "align clap dia dots3_note_text "
    "fastspeech2_conformer_with_hifigan florence2 janus llama4 pe_audio seamless_m4t seamless_m4t_v2 tvp vibevoice "
    "vibevoice_asr vits",
    "its sizes have to fit each other in a way of its own": "bridgetower chameleon cosmos3_edge cosmos3_edge_text csm "
    "deepseek_ocr2 dots3_note efficientloftr emu3 ernie4_5_vl_moe fun_asr_nano glm5_next glm5_next_text "
    "gradium_phonon_tts granite4_vision hunyuan_vl hunyuan_vl_text inkling2 kyutai_speech_to_text molmo2 muse_spark "
    "muse_spark_audio nemo_speechlm nemotron3_5_transcribe_audio nemotron3_5_transcribe_word_timestamp "
    "nemotron3_diarization neomme pocket_tts",
    "transformers' table names a class for it that is none, or does not take its config": "evolla musicgen "
    "musicgen_melody t5gemma2_encoder voxtral_realtime_text",
}
UNBUILT = {family: why for why, several in _REASONS.items() for family in several.split()}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    families.tokenizer(ends=True).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    shutil.rmtree(tmp_path)


def reads_tokens(family: str) -> bool:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind: Any = modeling_auto.MODEL_MAPPING[CONFIG_MAPPING[family]]
    kind = kind[0] if isinstance(kind, tuple) else kind
    return "input_ids" in inspect.signature(kind.forward).parameters


@pytest.mark.parametrize("family", READS)
def test_an_embedder_reads(family: str, session: mc.Session, folder: Path, tokenizer: Path) -> None:
    """What the library cannot read a text with is refused, in one error, when it is loaded."""
    if family in UNBUILT:
        pytest.skip(f"{family}: {UNBUILT[family]}")
    if not reads_tokens(family):
        pytest.skip(f"{family} takes no tokens")
    made = families.Made(family, "AutoModel", folder, tokenizer)
    document = cell("text-embedding", folder, "params: {normalize: false}")
    try:
        expected = [made.embedded(text) for text in TEXTS]
    except Exception:
        expected = []
    if not expected or family in DESCRIBES:
        with pytest.raises(ComposeError, match="gives no vectors of a text's tokens|describes images"):
            session.load(document)
        return
    handle = session.load(document)
    for text, listed, vector in zip(TEXTS, handle(TEXTS), expected, strict=True):
        near = pytest.approx(vector, abs=1e-4 * max(map(abs, vector)))
        assert list(handle(text)) == near
        assert list(listed) == near


def test_no_family_of_the_tables_is_unknown() -> None:
    assert {*UNBUILT, *DESCRIBES} <= set(READS)
    assert len(READS) > 500
