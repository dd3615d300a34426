"""A loaded model's number type changed in place, compared with loading it anew."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import torch

from mc_jupyter import process
from mc_jupyter.devices import give_back
from mc_jupyter.drivers import ModelKey
from mc_jupyter.drivers.transformers import Transformers
from mc_jupyter.errors import PlanError
from tests import models
from tests.drivers.test_quantization import answer, load

pytestmark = pytest.mark.slow

HALF = ("float16", "bfloat16")
# (stored as, loaded as, cast to): every pair of plans that may be cast, for each type of file.
PAIRS = [
    *(("float32", "float32", new) for new in HALF),
    *((stored, "float32", new) for stored in HALF for new in HALF),
    *((stored, stored, new) for stored in HALF for new in ("float32", *HALF) if new != stored),
]
MAKERS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "llama": (models.llama, "causal-lm"),
    "gpt2": (models.gpt2, "causal-lm"),
    "t5": (models.t5, "seq2seq-lm"),
    "bert": (models.classifier, "sequence-classifier"),
}


def plan(dtype: str = "float32", **more: Any) -> ModelKey:
    said = {"driver": "transformers", "head": "causal-lm", "identity": ("it",), "device": "cpu", "dtype": dtype}
    return ModelKey(**{**said, **more})


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """A small model's folder, by architecture and the number type of its file."""
    made: dict[tuple[str, str], Path] = {}

    def folder(name: str, dtype: str) -> Path:
        if (name, dtype) not in made:
            path = tmp_path_factory.mktemp(f"{name}-{dtype}")
            maker, head = MAKERS[name]
            model = load(maker(path), head).model.to(getattr(torch, dtype))
            model.save_pretrained(path)
            made[name, dtype] = path
        return made[name, dtype]

    return folder


def tensors(model: Any) -> dict[str, Any]:
    """Everything it holds: parameters, and buffers with those that no file has."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def configs(model: Any) -> Iterator[dict[str, Any]]:
    for module in model.modules():
        if hasattr(module, "config"):
            yield {k: v for k, v in module.config.to_dict().items() if k != "_name_or_path"}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(("file", "old", "new"), PAIRS)
def test_a_cast_model_is_a_fresh_one_bit_for_bit(stored: Any, name: str, file: str, old: str, new: str) -> None:
    folder, head = stored(name, file), MAKERS[name][1]
    cast, fresh = load(folder, head, dtype=old), load(folder, head, dtype=new)
    assert Transformers.castable(cast.key, fresh.key, file)
    cast.cast(fresh.key)
    ours, theirs = tensors(cast.model), tensors(fresh.model)
    assert list(ours) == list(theirs)
    assert {n: t.dtype for n, t in ours.items()} == {n: t.dtype for n, t in theirs.items()}
    assert all(torch.equal(ours[n], theirs[n]) for n in ours)
    assert list(configs(cast.model)) == list(configs(fresh.model))
    assert cast.model.dtype == fresh.model.dtype
    assert torch.equal(answer(cast.model), answer(fresh.model))
    # What was read as it is stored may still be pages of its file; what was cast is its own.
    assert replace(cast.facts(), mapped=0) == replace(fresh.facts(), mapped=0)


def test_there_and_back_is_where_it_was(stored: Any) -> None:
    folder = stored("t5", "float16")
    driver = load(folder, "seq2seq-lm")
    before = copy.deepcopy(driver.model).state_dict()
    old, new = driver.key, load(folder, "seq2seq-lm", dtype="float16").key
    driver.cast(new)
    assert Transformers.castable(new, old, "float16")
    driver.cast(old)
    assert all(torch.equal(tensor, before[name]) for name, tensor in driver.model.state_dict().items())


def test_tied_tensors_stay_one(stored: Any) -> None:
    driver = load(stored("gpt2", "float32"), "causal-lm")
    assert driver.model.lm_head.weight is driver.model.transformer.wte.weight
    driver.cast(load(stored("gpt2", "float32"), "causal-lm", dtype="bfloat16").key)
    assert driver.model.lm_head.weight is driver.model.transformer.wte.weight
    assert driver.model.lm_head.weight.dtype == torch.bfloat16


@pytest.mark.parametrize(("old", "new"), permutations(("float32", *HALF), 2))
@pytest.mark.parametrize("file", ["float32", *HALF, "float64", "float8_e4m3fn", None])
def test_what_rounding_lost_is_not_made_up(file: str | None, old: str, new: str) -> None:
    assert Transformers.castable(plan(old), plan(new), file) == ((file, old, new) in PAIRS)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (plan(quantization="int8"), plan("bfloat16", quantization="int8")),
        (plan(), plan("bfloat16", quantization="int8")),
        (plan(device_mode="auto"), plan("bfloat16", device_mode="auto")),
        (plan(), plan("bfloat16", device="cuda:0")),
        (plan(), plan("bfloat16", identity=("another",))),
        (plan(), plan("bfloat16", head="encoder")),
    ],
)
def test_plans_that_differ_in_more_are_not_cast(old: ModelKey, new: ModelKey) -> None:
    assert not Transformers.castable(old, new, "float32")


def test_a_buffer_that_is_computed_in_the_models_type_keeps_it_from_being_cast(llama: Path) -> None:
    """transformers has such models; here a buffer of the kind is put into one, and nothing is changed."""
    driver = load(llama, "causal-lm")
    driver.model.model.register_buffer("table", torch.zeros(3, dtype=torch.float16), persistent=False)
    other = type(driver.model.model)
    made = other.__init__

    def with_table(self: Any, *given: Any, **named: Any) -> None:
        made(self, *given, **named)
        self.register_buffer("table", torch.zeros(3), persistent=False)

    other.__init__ = with_table
    try:
        with pytest.raises(PlanError, match="must be loaded again"):
            driver.cast(plan("bfloat16"))
    finally:
        other.__init__ = made
    assert {p.dtype for p in driver.model.parameters()} == {torch.float32}


def test_casting_to_half_precision_gives_half_of_the_memory_back(tmp_path: Path) -> None:
    driver = load(models.large_llama(tmp_path), "causal-lm")
    half = load(tmp_path, "causal-lm", dtype="bfloat16")
    key_of_half, small = half.key, half.facts().bytes
    half.close()
    driver.model = driver.model.float()
    for parameter in driver.model.parameters():
        parameter.data = parameter.data.clone()  # memory of its own, where a file was mapped
    large = driver.facts().bytes
    give_back()
    before = process.holds().resident
    driver.cast(key_of_half)
    saved = before - process.holds().resident
    assert driver.facts().bytes == small
    assert saved == pytest.approx(large - small, rel=0.1)
