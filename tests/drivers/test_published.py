"""Checkpoints as they are published: files in parts of every name load to the same model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from tests.conftest import cell
from tests.weights.test_shards import PAIRS

GREEDY = "params: {max_output_length: 8, min_output_length: 8, do_sample: false}"
NAMED = [PAIRS[1], PAIRS[3], PAIRS[4], ("embed.safetensors", "layers.safetensors")]


@pytest.fixture(scope="module")
def expected(llama: Path) -> tuple[int, ...]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(llama), AutoTokenizer.from_pretrained(llama)
    ids = tokenizer("the fox", return_tensors="pt")["input_ids"]
    row = model.generate(input_ids=ids, max_new_tokens=8, min_new_tokens=8, do_sample=False)[0, ids.shape[1] :]
    return tuple(row.tolist())


def in_parts(llama: Path, folder: Path, pair: tuple[str, str], indexed: bool) -> Path:
    """The model's weights in two files of these names, and an index of them."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(llama, folder)
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names, where = sorted(state), dict[str, str]()
    for file, part in zip(pair, (names[:9], names[9:]), strict=True):
        save_file({name: state[name] for name in part}, folder / file, metadata={"format": "pt"})
        where |= dict.fromkeys(part, file)
    if indexed:
        index = json.dumps({"metadata": {}, "weight_map": where})
        (folder / "model.safetensors.index.json").write_text(index)
    return folder


@pytest.mark.parametrize("pair", NAMED, ids=lambda pair: pair[0])
def test_weights_in_parts_of_any_name_are_the_same_model(
    session: mc.Session, llama: Path, tmp_path: Path, expected: Any, pair: tuple[str, str]
) -> None:
    folder = in_parts(llama, tmp_path / "parts", pair, indexed=True)
    assert session.load(cell("text-generation", folder, GREEDY))("the fox").token_ids == expected


def test_numbered_parts_need_no_index(session: mc.Session, llama: Path, tmp_path: Path, expected: Any) -> None:
    folder = in_parts(llama, tmp_path / "parts", PAIRS[2], indexed=False)
    assert session.load(cell("text-generation", folder, GREEDY))("the fox").token_ids == expected


def test_a_part_that_is_missing_is_named(session: mc.Session, llama: Path, tmp_path: Path) -> None:
    folder = in_parts(llama, tmp_path / "parts", NAMED[-1], indexed=True)
    (folder / "layers.safetensors").unlink()
    with pytest.raises(mc.ComposeError, match=r"layers\.safetensors is missing"):
        session.load(cell("text-generation", folder, GREEDY))
