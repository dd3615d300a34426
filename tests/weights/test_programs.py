"""A file that another program runs is told for what it is, and what runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import NoSuchModel, PlanError, WeightsError
from mc_jupyter.events import Run
from mc_jupyter.weights import fetch
from mc_jupyter.weights.formats import format_of
from mc_jupyter.weights.programs import program_of, told
from tests.conftest import cell
from tests.weights.hub_stand_in import HubStandIn
from tests.weights.test_weights import CONFIG, source, stand_in

__all__ = ["stand_in"]

GGUF = b"GGUF" + bytes(3000)
TEXT = ("safetensors", "pytorch")


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("m.Q4_K_M.gguf", "llama.cpp"),
        ("sub/model.onnx", "onnxruntime"),
        ("openvino_model.bin", "OpenVINO"),
        ("m.mlpackage/Manifest.json", "Core ML"),
        ("weights.npz", "mlx-lm"),
        ("tf_model.h5", "TensorFlow"),
        ("flax_model.msgpack", "Flax"),
        ("ggml-model-q4_0.bin", "llama.cpp"),
        ("consolidated.00.pth", "Meta's llama"),
        ("m.litertlm", "LiteRT"),
    ],
)
def test_names_tell_the_program(name: str, runs: str) -> None:
    assert runs in (told([name]) or "")


def test_what_transformers_saves_is_no_other_programs() -> None:
    for name in ("model.safetensors", "pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "adapter_model.bin"):
        assert program_of(name) is None
        assert format_of(name) is not None
    assert format_of("openvino_model.bin") is None


@pytest.mark.parametrize("inside", [True, False], ids=["folder", "file"])
def test_a_gguf_cell_says_what_it_is_and_what_would_run_it(session: mc.Session, tmp_path: Path, inside: bool) -> None:
    (tmp_path / "m.Q4_K_M.gguf").write_bytes(GGUF)
    with pytest.raises(WeightsError, match=r"m\.Q4_K_M\.gguf is a GGUF file, which llama\.cpp runs") as caught:
        session.load(cell("chat-completion", tmp_path if inside else tmp_path / "m.Q4_K_M.gguf"))
    assert "in safetensors or pytorch" in str(caught.value)


@pytest.mark.parametrize("filename", [None, "m.gguf"])
def test_a_gguf_on_the_hub_is_told_before_it_is_fetched(stand_in: HubStandIn, filename: str | None) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "m.gguf": GGUF})
    with pytest.raises((WeightsError, NoSuchModel), match=r"m\.gguf is a GGUF file, which llama\.cpp runs"):
        fetch(source(filename=filename), Run(), formats=TEXT)  # type: ignore[arg-type]


def test_networks_for_another_program_in_a_folder_are_not_offered_as_the_way_out(
    session: mc.Session, tmp_path: Path
) -> None:
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx/model.onnx").write_bytes(b"\x08" * 50)
    with pytest.raises(NoSuchModel, match="is an ONNX network, which onnxruntime runs"):
        session.load(cell("text-generation", tmp_path))


STORED: list[tuple[dict[str, Any], str]] = [
    ({"quantization": {"group_size": 64, "bits": 4}}, "by mlx: mlx-lm runs it"),
    ({"quantization_config": {"quant_method": "exl2", "bits": 4.0}}, "by exl2: ExLlamaV2 runs it"),
    ({"quantization_config": {"quant_method": "mystery"}}, "by mystery: transformers does not know that"),
    ({"quantization_config": {"quant_method": "awq", "bits": 4}}, "by awq: reading that needs gptqmodel"),
]


@pytest.mark.parametrize(("said", "told_of"), STORED, ids=lambda one: str(one)[-20:])
def test_a_model_stored_quantized_for_another_program_is_refused_before_it_is_read(
    session: mc.Session, llama: Path, tmp_path: Path, said: dict[str, Any], told_of: str
) -> None:
    folder = Path(shutil.copytree(llama, tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **said}))
    with pytest.raises(PlanError, match=f"stored quantized {told_of}") as caught:
        session.load(cell("text-generation", folder))
    assert "quantization: here" in str(caught.value)
