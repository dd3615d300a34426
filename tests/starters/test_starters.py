"""What holds for every starter: it is small, whole, described, and found without importing torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mc_jupyter import starters

MEGABYTE = 1_000_000


def test_the_starters_are_found() -> None:
    assert set(starters.names()) >= {"embedding", "sentiment", "shapes", "shapes-caption", "stories", "upscale"}


def test_a_dash_in_a_name_is_an_underscore_in_its_folder() -> None:
    assert starters.folder("shapes-caption").name == "shapes_caption"


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
    assert sum(sizes.values()) <= 20 * MEGABYTE


@pytest.mark.parametrize("name", starters.names())
def test_every_starter_has_a_card_that_names_its_limits(name: str) -> None:
    card = (starters.folder(name) / "README.md").read_text()
    for heading in ("## What it does", "## What it does not do", "## Retrain"):
        assert heading in card
    assert "synthetic" in card
    assert "MIT" in card


@pytest.mark.parametrize("name", starters.names())
def test_weights_are_stored_as_float16_safetensors(name: str) -> None:
    import torch
    from safetensors.torch import load_file

    files = [each for each in starters.folder(name).rglob("*.safetensors") if "adapter" not in each.name]
    assert files
    assert {tensor.dtype for file in files for tensor in load_file(file).values()} == {torch.float16}
