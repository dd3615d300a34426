"""What holds for every starter: it is small, whole, described, and found without importing torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mc_jupyter import starters

MEGABYTE = 1_000_000


def test_the_starters_are_found() -> None:
    assert set(starters.names()) >= {"embedding", "sentiment", "stories", "upscale"}


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(KeyError, match="stories"):
        starters.folder("nonesuch")


def test_importing_the_package_does_not_import_torch() -> None:
    code = "import sys, mc_jupyter.starters; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_all_files_fit_in_the_wheel() -> None:
    sizes = {
        path: path.stat().st_size
        for name in starters.names()
        for path in starters.folder(name).rglob("*")
        if path.is_file()
    }
    assert max(sizes.values()) < 3.9 * MEGABYTE
    assert sum(sizes.values()) <= 15 * MEGABYTE


@pytest.mark.parametrize("name", ["embedding", "sentiment", "stories", "upscale"])
def test_every_starter_has_a_card_that_names_its_limits(name: str) -> None:
    card = (starters.folder(name) / "README.md").read_text()
    for heading in ("## What it does", "## What it does not do", "## Retrain"):
        assert heading in card
    assert "synthetic" in card
    assert "MIT" in card


@pytest.mark.parametrize("name", ["embedding", "sentiment", "stories", "upscale"])
def test_weights_are_stored_as_float16_safetensors(name: str) -> None:
    import torch
    from safetensors.torch import load_file

    weights = load_file(Path(starters.folder(name)) / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}
