"""mc_jupyter.document.plan: every choice made, and what stands in the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.drivers.transformers import Transformers
from mc_jupyter.errors import ComposeError, ExpressionError, NotBuilt, PlanError, SpecError
from mc_jupyter.tasks import Task
from tests.conftest import cell
from tests.document.test_reader import BLOCKS, documents


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.stem)
def test_every_seed_block_is_planned_or_says_in_a_line_what_it_lacks(session: mc.Session, block: Path) -> None:
    for text in documents(block):
        plan = session.plan(text)
        assert plan.lines()
        assert all("\n" not in line for line in plan.lines())
        assert all(isinstance(o, ComposeError) for o in plan.problems)


def test_planning_loads_nothing(session: mc.Session, llama: Path) -> None:
    plan = session.plan(cell("text-generation", llama))
    assert session.loads == 0
    assert plan.component.checkpoint.parameters == 127_680


def test_equal_plans_are_one_model_and_prompts_do_not_count(session: mc.Session, llama: Path) -> None:
    def model(*lines: str) -> Any:
        plan = session.plan(cell("text-generation", llama, *lines)).component
        return plan.model(plan.checkpoint)

    assert model() == model("text: hello", "params: {temperature: 1.5}", "batch_size: 3") == model("device: cpu")
    assert model() != model("precision: bfloat16")


def test_a_field_with_nothing_after_it_is_not_said(session: mc.Session, llama: Path) -> None:
    plan = session.plan(cell("text-generation", llama, "driver:", "device:", "precision:"))
    assert plan.problems == ()
    assert plan.component.settings.precision == "auto"


def test_the_library_is_chosen_once_when_the_document_is_read(
    session: mc.Session, llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    suits = Transformers.suits.__func__  # type: ignore[attr-defined]

    def heard(cls: type[Transformers], task: type[Task], written: object) -> bool:
        asked.append(task.name)
        return suits(cls, task, written)

    monkeypatch.setattr(Transformers, "suits", classmethod(heard))
    plan = session.plan(cell("text-generation", llama, "text: chosen once"))
    assert plan.component.driver is Transformers
    assert asked == ["text-generation"]


@pytest.mark.parametrize(
    ("task", "said"), [("text-generation", "transformers always loads piece by piece"), ("image-upscale", "nothing")]
)
def test_low_cpu_mem_usage_is_told_for_what_it_is_to_a_library(session: mc.Session, task: str, said: str) -> None:
    assert said in session.plan(cell(task, "./none", "low_cpu_mem_usage: true")).notes[0]


def test_tasks_of_one_head_share_a_model(session: mc.Session, llama: Path) -> None:
    plans = [session.plan(cell(task, llama)).component for task in ("text-generation", "chat-completion")]
    assert plans[0].model(plans[0].checkpoint) == plans[1].model(plans[1].checkpoint)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["peft_adapters: [{model: starter:stories}]"], "adapter"),
        (["peft_adapters: [{model: ./nowhere, weight: 0.5}]"], "there is no ./nowhere"),
        (["peft_adapters: [{name: a, model: a/b}, {name: a, model: a/c}]"], "two adapters are called 'a'"),
        (["peft_adapters: {model: a/b, quantization: int8}"], "adapter adapter_1: quantization is for the base"),
    ],
)
def test_adapters_that_cannot_be_are_obstacles_at_their_place(
    session: mc.Session, llama: Path, lines: list[str], message: str
) -> None:
    plan = session.plan(cell("text-generation", llama, *lines))
    assert [o for o in plan.problems if message in str(o) and o.problems[0].place], plan.lines()
    with pytest.raises(ComposeError):
        session.load(cell("text-generation", llama, *lines))
    assert session.loads == 0


def test_what_has_no_effect_on_a_driver_without_a_model_is_said(session: mc.Session) -> None:
    plan = session.plan(cell("text-generation", "x", "quantization: int8", "precision: float16", driver="echo"))
    assert "driver: echo loads no model: quantization and precision have no effect" in plan.notes


def test_an_adapters_weight_that_is_no_number_is_an_obstacle_at_its_place(session: mc.Session, llama: Path) -> None:
    plan = session.plan(cell("text-generation", llama, "peft_adapters: [{name: a, model: ./none, weight: .nan}]"))
    (said,) = [str(o) for o in plan.problems if "weight should be a number, and is nan" in str(o)]
    assert said.startswith("line 5: adapter a")


def test_how_quantized_weights_are_held_is_part_of_the_plan(session: mc.Session, llama: Path) -> None:
    def model(*lines: str) -> Any:
        plan = session.plan(cell("text-generation", llama, *lines)).component
        return plan.model(plan.checkpoint)

    four = model("quantization: nf4")
    assert (four.quantization, four.compute_dtype, four.double_quant) == ("nf4", "float32", True)
    assert four != model("quantization: {type: nf4, double_quant: false}")
    assert four != model("quantization: {type: nf4, compute_dtype: bfloat16}")
    assert model("quantization: int8").compute_dtype == ""
    assert model("quantization: none") == model("quantization: {type: none, double_quant: false}") == model()


def test_a_driver_that_is_not_here_is_an_obstacle_at_its_place(session: mc.Session) -> None:
    with pytest.raises(NotBuilt, match=r"line 5: driver: llamacpp does not perform text-generation"):
        session.load(cell("text-generation", "x/y", driver="llamacpp"))


def test_an_explicit_device_that_is_not_here_is_an_error(session: mc.Session, llama: Path) -> None:
    import torch

    if torch.backends.mps.is_available():
        pytest.skip("this machine has an MPS device")
    with pytest.raises(PlanError, match=r"line 5[\s\S]*device: mps[\s\S]*not on this machine"):
        session.load(cell("text-generation", llama, "device: mps"))


def test_auto_says_what_it_chose_and_why(session: mc.Session, llama: Path) -> None:
    plan = session.plan(cell("text-generation", llama))
    assert f"float32 on {plan.component.device} ({plan.component.device_why})" in plan.lines()[0]
    assert plan.component.device_why not in ("", "asked for")


def test_environment_variables_fill_fields_when_the_plan_is_made(
    session: mc.Session, llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = cell("text-generation", "${env.MODEL_FOLDER}", "precision: ${env.PRECISION | float32}")
    assert any("MODEL_FOLDER is not set" in line for line in session.plan(document).lines())
    monkeypatch.setenv("MODEL_FOLDER", str(llama))
    session.allowed = session.allowed.also(["MODEL_FOLDER", "PRECISION"])
    plan = session.plan(document)
    assert plan.problems == ()
    assert plan.component.checkpoint.folder == llama
    monkeypatch.setenv("PRECISION", "float17")
    lines = session.plan(document).lines()
    assert any("precision is ${env.PRECISION | float32}, which is not one of" in line for line in lines)
    assert not any("float17" in line for line in lines)  # a variable's value may be nobody's business


def test_overrides_are_as_if_the_cell_said_so(session: mc.Session, llama: Path) -> None:
    plan = session.plan(cell("text-generation", llama), overrides={"precision": "bfloat16"}).component
    assert plan.model(plan.checkpoint).dtype == "bfloat16"


def test_inputs_come_from_the_expressions_with_their_hints(session: mc.Session) -> None:
    text = cell(
        "text-generation",
        "x",
        "text: ${input.question as text @(description What to ask)}",
        "params:",
        "  temperature: ${input.heat as slider/0,2,0.1 | 0.7}",
        "  max_output_length: ${input.length as integer | 20}",
        "  do_sample: ${input.random as boolean | true}",
        "  stop_sequences: ['${input.stop as select/.,!,? | .}']",
        driver="echo",
    )
    inputs = {i.name: i for i in session.plan(text).component.inputs}
    assert list(inputs) == ["question", "heat", "length", "random", "stop"]
    assert inputs["question"].required
    assert inputs["question"].description == "What to ask"
    assert (inputs["heat"].kind, inputs["heat"].minimum, inputs["heat"].maximum, inputs["heat"].step) == (
        "slider",
        0,
        2,
        0.1,
    )
    assert (inputs["length"].kind, inputs["length"].default) == ("integer", 20)
    assert (inputs["random"].kind, inputs["random"].default) == ("boolean", True)
    assert (inputs["stop"].kind, inputs["stop"].options) == ("select", (".", "!", "?"))


def test_a_component_of_another_cell_is_named_as_missing(session: mc.Session) -> None:
    block = next(b for b in BLOCKS if b.stem == "17")
    assert session.plan(block.read_text(encoding="utf-8")).missing == ("embedder", "vector-store")


@pytest.mark.parametrize("task", ["text-generation", "image-to-text"])
def test_a_model_that_draws_does_no_task_of_transformers(session: mc.Session, task: str) -> None:
    (found,) = session.plan(cell(task, "starter:shapes")).component.problems
    assert "this model draws images (StableDiffusionXLPipeline)" in str(found)
    assert found.problems[0].fix == "task: image-generation"


@pytest.mark.parametrize(
    ("task", "fix"),
    [
        ("chat-completion", "starter:stories"),
        ("text-embedding", "starter:embedding"),
        ("image-generation", "starter:shapes"),
        ("image-upscale", "starter:upscale"),
        ("face-embedding", "NAME, or a path"),
    ],
)
def test_where_no_model_is_named_one_for_the_task_is(session: mc.Session, task: str, fix: str) -> None:
    (found,) = session.plan(f"component: {{type: model, task: {task}}}").component.problems
    assert found.problems[0].fix == f"model: {fix}"


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("slider/a,b", "`slider/a,b` is no range"), ("slider/nan,1", "is no range"), ("slider/0,inf", "is no range"),
        ("slider/5,1", "is no range"), ("slider/0,1,0", "is no range"), ("slider/0,1,-1", "is no range"),
        ("slider/0,1,0.1,2", "is no range"), ("slider/0,1e400", "is no range"), ("slider/0,1 | abc", "is no number"),
    ],
)  # fmt: skip
def test_limits_of_a_slider_that_are_no_range_are_told_at_their_place(kind: str, says: str) -> None:
    text = f"component:\n  type: model\n  task: text-generation\n  driver: echo\n  text: ${{input.x as {kind}}}\n"
    with pytest.raises((SpecError, ExpressionError), match=rf"line 5: [\s\S]*{says}"):
        mc.Session().plan(text)
