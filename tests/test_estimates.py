"""What a load takes at its peak, in a fresh process, against what was said before it: for each precision and bits."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import models, pipelines
from tests.loads import measure

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's own memory"),
]

NEAR = 0.15

LARGE: dict[str, dict[str, Any]] = {
    "llama": {"vocab_size": 32_000, "hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 10,
              "num_attention_heads": 12, "num_key_value_heads": 12},
    "gpt2": {"n_embd": 768, "n_layer": 12, "n_head": 12},
    "classifier": {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12},
    "t5": {"d_model": 768, "d_kv": 64, "d_ff": 2048, "num_layers": 6, "num_heads": 12},
}  # fmt: skip
"""Each about 100 million parameters."""

TASKS = {"classifier": "text-classification"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A large and a small model of a kind, the large one stored as said. One large one is on the disk at a time."""
    made: dict[str, Path] = {}

    def give(kind: str, stored: str) -> dict[str, Path]:
        name = f"{kind}-{stored}"
        if name not in made:
            for folder in made.values():
                shutil.rmtree(folder)
            made.clear()
            made[name] = _stored(kind, tmp_path_factory.mktemp(name), stored)
        small = getattr(models, kind)(tmp_path_factory.mktemp("small"))
        return {"folder": made[name] / "large", "small": small}

    yield give
    for folder in made.values():
        shutil.rmtree(folder)


def _stored(kind: str, folder: Path, dtype: str) -> Path:
    import torch
    from safetensors.torch import load_file, save_file

    torch.set_num_threads(2)
    file = getattr(models, kind)(folder / "large", **LARGE[kind]) / "model.safetensors"
    if dtype != "float32":
        tensors = {name: tensor.to(getattr(torch, dtype)) for name, tensor in load_file(file).items()}
        save_file(tensors, file, {"format": "pt"})
    return folder


def check(folders: Any, kind: str, stored: str, *lines: str) -> None:
    found = measure(**folders(kind, stored), task=TASKS.get(kind, "text-generation"), lines=lines)
    assert found.ratios[0] == pytest.approx(1, abs=NEAR), found


@pytest.mark.parametrize("stored", ["float32", "bfloat16"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_whole_weights_take_what_was_said(folders: Any, stored: str, precision: str) -> None:
    check(folders, "llama", stored, f"precision: {precision}")


@pytest.mark.parametrize("kind", ["int8", "nf4", "fp4"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_fewer_bits_take_what_was_said(folders: Any, precision: str, kind: str) -> None:
    check(folders, "llama", "bfloat16", f"precision: {precision}", f"quantization: {kind}")


@pytest.mark.parametrize("bits", ["none", "int8", "nf4"])
@pytest.mark.parametrize("kind", ["gpt2", "classifier", "t5"])
def test_other_architectures_do_too(folders: Any, kind: str, bits: str) -> None:
    check(folders, kind, "float32", f"quantization: {bits}")


def test_ten_loads_in_one_process_take_alike_and_leave_nothing(folders: Any) -> None:
    found = measure(**folders("llama", "bfloat16"), task="text-generation", lines=("quantization: nf4",), times=10)
    assert max(found.peaks) < 1.05 * min(found.peaks)
    assert found.left[-1] - found.left[0] < 0.03 * found.estimated


@pytest.mark.parametrize("kind", ["BPE", "Unigram", "WordPiece"])
def test_a_large_vocabulary_counts(tmp_path: Path, kind: str) -> None:
    small, folder = (
        models.llama(tmp_path / "small"),
        models.llama(tmp_path / "large", vocab_size=100_000, hidden_size=8),
    )
    models.large_vocabulary(kind, 100_000).save(str(folder / "tokenizer.json"))
    # Cast, its weights are no pages of their file: those would be added to the peak, which is the tokenizer's, before them.
    found = measure(folder, small, task="text-generation", lines=("precision: bfloat16",))
    assert found.held_estimated > 20e6
    assert found.ratios[0] == pytest.approx(1, abs=NEAR), found
    given_back = found.held[0] - found.left[0]
    assert given_back == pytest.approx(found.held_estimated, rel=0.25), found


@pytest.mark.parametrize("lines", [(), ("quantization: nf4",)])
def test_a_pipeline_takes_what_was_said(tmp_path: Path, lines: tuple[str, ...]) -> None:
    folder, small = pipelines.sdxl(tmp_path / "large", width=256), pipelines.sdxl(tmp_path / "small")
    told = ("architecture: sdxl", "precision: bfloat16", *lines)
    found = measure(folder, small, task="image-generation", lines=told)
    shutil.rmtree(folder)
    assert found.ratios[0] == pytest.approx(1, abs=NEAR), found
