"""Weights that are no numbers, and tokens that a model does not have: said as such."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import mc_jupyter as mc
from mc_jupyter.errors import RunError
from tests.conftest import cell


def damaged(good: Path, target: Path, with_: float) -> Path:
    """A copy whose last matrix is filled with what is no number."""
    shutil.copytree(good, target)
    state = load_file(target / "model.safetensors")
    name = [name for name in state if state[name].dim() == 2][-1]
    state[name] = torch.full_like(state[name], with_)
    save_file(state, target / "model.safetensors", {"format": "pt"})
    return target


@pytest.mark.parametrize("do_sample", [True, False])
@pytest.mark.parametrize("with_", [float("nan"), float("inf")])
def test_a_text_is_not_made_of_no_numbers(
    do_sample: bool, with_: float, llama: Path, tmp_path: Path, session: mc.Session
) -> None:
    made = session.load(
        cell(
            "text-generation",
            damaged(llama, tmp_path / "model", with_),
            f"action: {{text: ${{input.text}}, do_sample: {str(do_sample).lower()}}}",
        )
    )
    with pytest.raises(RunError, match=r"float32\) gives numbers that are none \(NaN or infinite\)\s+→ its weights"):
        made("the fox")


@pytest.mark.parametrize("task", ["text-classification", "text-embedding"])
def test_nor_is_a_label_or_a_vector(
    task: str, classifier: Path, encoder: Path, tmp_path: Path, session: mc.Session
) -> None:
    good = classifier if task == "text-classification" else encoder
    shutil.copytree(good, tmp_path / "model")
    file = tmp_path / "model" / "model.safetensors"
    save_file({name: tensor * float("nan") for name, tensor in load_file(file).items()}, file, {"format": "pt"})
    made = session.load(cell(task, tmp_path / "model"))
    with pytest.raises(RunError, match="gives numbers that are none"):
        made(["the fox", "the cat"])


@pytest.mark.parametrize("task", ["text-generation", "text-classification"])
def test_a_token_beyond_the_table_is_never_looked_up(
    task: str, llama: Path, classifier: Path, tmp_path: Path, session: mc.Session
) -> None:
    shutil.copytree(llama if task == "text-generation" else classifier, tmp_path / "model")
    file = tmp_path / "model" / "tokenizer.json"
    content = json.loads(file.read_text())
    added = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    content["added_tokens"].append({"id": 2**31, "content": "zebra", **added})
    file.write_text(json.dumps(content))
    made = session.load(cell(task, tmp_path / "model"))
    with pytest.raises(RunError, match=r"the tokenizer gives token \d+, and the model has \d+"):
        made("the zebra")
    assert made("the cat")
