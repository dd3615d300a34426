"""mc_jupyter.document.edits: fields set in the user's text, every other character as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.document import edits as rewriting
from mc_jupyter.errors import InputError, UnknownName
from mc_jupyter.language import cell
from tests.document.test_reader import BLOCKS, documents

PLAIN = """\
# my model
component:
  type: model   # a model
  task: text-generation
  model: starter:stories
  text: ${input.prompt as text}
"""


def rewritten(text: str, settings: dict[str, Any], component: str = "__default__") -> str:
    return rewriting.rewritten(mc.read(text), settings, component)


def added(text: str, settings: dict[str, Any]) -> str:
    """What was added at the end of the text."""
    new = rewritten(text, settings)
    assert new.startswith(text.rstrip("\n"))
    return new[len(text.rstrip("\n")) :].strip("\n")


def test_a_field_of_the_model_is_added_to_the_component() -> None:
    assert added(PLAIN, {"precision": "bfloat16"}) == "  precision: bfloat16"
    assert added(PLAIN, {"batch_size": 8}) == "  batch_size: 8"


def test_parameters_are_added_under_params_and_join_those_that_are_there() -> None:
    assert added(PLAIN, {"temperature": 0.2, "params.top_p": 0.5}) == "  params:\n    temperature: 0.2\n    top_p: 0.5"


@pytest.mark.parametrize(
    ("before", "settings", "after"),
    [
        (
            "component: {type: model, model: x, params: {temperature: 1}}",
            {"temperature": 0.2, "top_k": 3},
            "component: {type: model, model: x, params: {temperature: 0.2, top_k: 3}}",
        ),
        (
            "component: {type: model, model: x, temperature: 1}  # hot",
            {"temperature": 0.2, "top_k": 3},
            "component: {type: model, model: x, temperature: 0.2, top_k: 3}  # hot",
        ),
        (
            "component: {type: model, model: x, action: {text: hi}}",
            {"batch_size": 2, "device": "cpu"},
            "component: {type: model, model: x, action: {text: hi, batch_size: 2}, device: cpu}",
        ),
        (
            "component: {type: model, model: x, quantization: {type: nf4, double_quant: false}}",
            {"quantization": "fp4"},
            "component: {type: model, model: x, quantization: {type: fp4, double_quant: false}}",
        ),
        (
            "component: {type: model, model: x, quantization: {type: nf4, double_quant: false}}",
            {"quantization": "int8"},
            "component: {type: model, model: x, quantization: int8}",
        ),
        (
            "components: [{id: a, type: model, default: true, model: x}, {id: b, type: model, model: y}]",
            {"precision": "float32"},
            "components: [{id: a, type: model, default: true, model: x, precision: float32}, "
            "{id: b, type: model, model: y}]",
        ),
        (
            "component: {type: model, model: x, params: {temperature: 1}, device: cpu}",
            {"temperature": None},
            "component: {type: model, model: x, device: cpu}",
        ),
        (
            "component: {type: model, model: x, precision: float32, device: cpu}",
            {"precision": None, "top_k": None},
            "component: {type: model, model: x, device: cpu}",
        ),
    ],
)
def test_a_field_is_set_where_the_text_has_it(before: str, settings: dict[str, Any], after: str) -> None:
    assert rewritten(before, settings) == after


def test_adapters_come_change_and_go() -> None:
    two = rewritten(PLAIN, {"adapters.a": "o/a", "adapters.b": {"model": "o/b", "weight": 0.3}})
    assert "    - type: lora\n      name: b\n      model: o/b\n      weight: 0.3" in two
    changed = rewritten(two, {"adapters.a": 0.5, "adapters.b": 1.5})
    assert changed == two.replace("model: o/a", "model: o/a\n      weight: 0.5").replace("0.3", "1.5")
    assert "o/b" not in rewritten(changed, {"adapters.b": None})
    assert "o/a" in rewritten(changed, {"adapters.b": None})
    assert rewritten(changed, {"adapters.b": None, "adapters.a": None}) == PLAIN


def test_a_single_adapter_without_a_list_gets_a_second() -> None:
    text = rewritten("component:\n  type: model\n  model: x\n  peft_adapter:\n    model: a/b\n", {"adapters.c": "c/d"})
    found = mc.read(text).component().settings.peft_adapters
    assert [(str(one.model), one.name) for one in found] == [("a/b", None), ("c/d", "c")]


def test_an_adapter_without_a_name_is_called_by_its_place() -> None:
    text = "component: {type: model, model: x, peft_adapters: [{model: a/b}, {model: c/d, weight: 2}]}"
    assert rewritten(text, {"adapters.adapter_2": 0.5}) == text.replace("weight: 2", "weight: 0.5")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temprature": 1}, "did you mean 'temperature'"),
        ({"adapters.z": 1}, "no adapter 'z'"),
        ({"task": "text-embedding"}, "'task' is no field that can be set"),
    ],
)
def test_what_cannot_be_set_is_refused_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        rewritten(PLAIN, settings)


def test_a_switch_is_no_weight() -> None:
    with pytest.raises(InputError, match="is a weight"):
        rewritten(rewritten(PLAIN, {"adapters.a": "o/a"}), {"adapters.a": False})


def test_the_text_is_read_again_only_where_another_edit_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, texts = mc.read(PLAIN, first_line=2), []

    def heard(text: str, **more: Any) -> cell.Document:
        texts.append(text)
        return read(text, **more)

    read = cell.read
    monkeypatch.setattr(cell, "read", heard)
    once = rewriting.rewritten(spec, {"precision": "float32"})
    assert texts == []
    assert rewriting.rewritten(spec, {"precision": "float32", "adapters.a": "o/a"}) != once
    assert texts == [once]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.stem)
def test_a_field_can_be_set_in_every_seed_block_that_loads_a_model(block: Path, session: mc.Session) -> None:
    # An upscaler and a face pack have no batches.
    field = {"20": "tile_size", "21": "min_face_size"}.get(block.stem, "batch_size")
    for text in documents(block):
        for component in mc.read(text).components:
            if component.type.name != "model":
                continue
            changed = rewritten(text, {"precision": "float32", field: 3}, component.id)
            found = next(c for c in mc.read(changed).components if c.id == component.id)
            assert found.settings.precision == "float32"
            assert getattr(found.action().fields, field) == 3
