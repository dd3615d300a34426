"""Configs that ask for more than the files hold: refused before anything large is made."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import WeightsError
from mc_jupyter.process import holds
from tests import captioners, models, pipelines
from tests.conftest import cell


def changed(good: Path, target: Path, file: str, path: tuple[str, ...], value: Any) -> Path:
    """A copy of a model with one value of one of its files changed."""
    shutil.copytree(good, target)
    tree = inside = json.loads((target / file).read_text())
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
    (target / file).write_text(json.dumps(tree))
    return target


def refused(text: str, session: mc.Session, *words: str) -> None:
    """It is refused with these words, soon, and without taking much memory."""
    began, before = time.perf_counter(), holds().resident
    with pytest.raises(WeightsError) as caught:
        session.load(text)
    assert time.perf_counter() - began < 10
    assert holds().resident - before < 300_000_000
    assert "line 4: " in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("vocab_size", 10**12),
        ("num_hidden_layers", 10**9),
        ("num_hidden_layers", 5000),
        ("hidden_size", 2**40),
        ("intermediate_size", 10**11),
        ("num_key_value_heads", 10**10),
        ("num_labels", 10**9),
    ],
)
def test_sizes_that_no_file_holds_are_refused_with_key_and_value(
    key: str, value: int, llama: Path, tmp_path: Path, session: mc.Session
) -> None:
    folder = changed(llama, tmp_path / "model", "config.json", (key,), value)
    refused(cell("text-generation", folder), session, key, str(value), "the files hold 1")


def test_a_window_that_no_table_of_positions_has(tmp_path: Path, session: mc.Session) -> None:
    good = models.gpt2(tmp_path / "good")
    folder = changed(good, tmp_path / "model", "config.json", ("n_positions",), 10**7)
    refused(cell("text-generation", folder), session, "n_positions: 10000000")


def test_a_part_of_a_pipeline(tmp_path: Path, session: mc.Session) -> None:
    good = pipelines.sdxl(tmp_path / "good")
    wide = changed(good, tmp_path / "wide", "vae/config.json", ("block_out_channels",), [8, 2**36])
    refused(cell("image-generation", wide), session, "vae/config.json says block_out_channels: 68719476736")
    long = changed(good, tmp_path / "long", "scheduler/scheduler_config.json", ("num_train_timesteps",), 10**11)
    refused(cell("image-generation", long), session, "num_train_timesteps: 100000000000")


def test_pictures_of_a_side_that_no_model_sees(tmp_path: Path, session: mc.Session) -> None:
    good = captioners.blip(tmp_path / "good")
    folder = changed(good, tmp_path / "model", "config.json", ("vision_config", "image_size"), 10**6)
    refused(cell("image-to-text", folder), session, "image_size: 1000000")


def test_pictures_scaled_to_a_side_that_no_memory_holds(tmp_path: Path, session: mc.Session) -> None:
    good = captioners.blip(tmp_path / "good")
    path = ("image_processor", "size", "height")
    folder = changed(good, tmp_path / "model", "processor_config.json", path, 10**6)
    refused(cell("image-to-text", folder), session, "processor_config.json says height: 1000000")


@pytest.mark.parametrize("make", [models.large_llama, models.gpt2, models.t5])
def test_what_the_files_hold_is_loaded(make: Any, tmp_path: Path, session: mc.Session) -> None:
    assert session.load(cell("text-generation", make(tmp_path / "model")))("the fox", seed=1).tokens
