"""Which files are the parts of one model: by their numbers, however those are written, and by an index."""

from __future__ import annotations

import json

import pytest

from mc_jupyter.errors import WeightsError
from mc_jupyter.events import Run
from mc_jupyter.weights import fetch
from mc_jupyter.weights.selection import choose
from mc_jupyter.weights.shards import group_of, numbered
from tests.weights.hub_stand_in import HubStandIn
from tests.weights.test_weights import CONFIG, SMALL, source, stand_in

__all__ = ["stand_in"]

PAIRS = [
    ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"),
    ("model-00001-of-000002.safetensors", "model-00002-of-000002.safetensors"),
    ("model_00001-of-00002.safetensors", "model_00002-of-00002.safetensors"),
    ("model.safetensors-00001-of-00002.safetensors", "model.safetensors-00002-of-00002.safetensors"),
    ("model-00001-of-00002.fp16.safetensors", "model-00002-of-00002.fp16.safetensors"),
    ("model.fp16-00001-of-00002.safetensors", "model.fp16-00002-of-00002.safetensors"),
    ("model-1-of-2.safetensors", "model-2-of-2.safetensors"),
    ("pytorch_model_00001-of-00002.bin", "pytorch_model_00002-of-00002.bin"),
]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0])
def test_numbers_make_files_the_parts_of_one_model(pair: tuple[str, str]) -> None:
    chosen = choose([*pair, "config.json"])
    assert chosen is not None
    assert chosen.weights == pair
    assert numbered(pair[1]) == pair


def test_a_file_that_stands_alone_has_no_number() -> None:
    for name in ("model.safetensors", "llama-2-of-mine.safetensors", "b-2-of-3-heads.safetensors"):
        assert group_of(name).of == 0
        assert numbered(name) == (name,)


def test_parts_of_two_splittings_are_two_models() -> None:
    names = ["a-00001-of-00002.gguf", "a-00002-of-00002.gguf", "a-00001-of-00001.gguf"]
    with pytest.raises(WeightsError, match="2 models are in one place"):
        choose(names, formats=("gguf",))


def test_what_an_index_lists_belongs_together_whatever_it_is_called() -> None:
    names = ["model.safetensors.index.json", "embed.safetensors", "layers.safetensors", "extra.safetensors"]
    chosen = choose(names, read=lambda index: ("embed.safetensors", "layers.safetensors"))
    assert chosen is not None
    assert chosen.weights == ("embed.safetensors", "layers.safetensors")


def test_one_whole_file_comes_before_an_index_as_transformers_has_it() -> None:
    names = ["model.safetensors", "model.safetensors.index.json", "embed.safetensors"]
    chosen = choose(names, read=lambda index: ("embed.safetensors",))
    assert chosen is not None
    assert chosen.weights == ("model.safetensors",)


def test_files_that_only_an_index_ties_together_are_fetched_with_it(stand_in: HubStandIn) -> None:
    index = json.dumps({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}).encode()
    stand_in.add("owner/model", {
        "config.json": CONFIG, "model.safetensors.index.json": index, "one.safetensors": SMALL,
        "two.safetensors": SMALL,
    })  # fmt: skip
    checkpoint = fetch(source(), Run())
    assert [file.name for file in checkpoint.files] == ["one.safetensors", "two.safetensors"]
    assert checkpoint.bytes == 2 * 40 * 40 * 2
