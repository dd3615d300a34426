"""Settings as other programs write them: they work, or the error says which word of ours to write."""

from __future__ import annotations

from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import InputError, SpecError, UnknownName
from mc_jupyter.tasks import Task
from mc_jupyter.values.pictures import origin

DRAW = "component: {type: model, task: image-generation, driver: echo, width: 8, height: 8, %s}"


def fix(session: mc.Session, line: str) -> str:
    with pytest.raises(SpecError) as caught:
        session.load(DRAW % line)
    return caught.value.problems[0].fix or ""


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ("cfg_scale: 7", "guidance_scale:"),
        ("CFG scale: 7", "guidance_scale:"),
        ("cfg: 7", "guidance_scale:"),
        ("params: {cfg_scale: 7}", "guidance_scale:"),
        ("action: {sampler: euler}", "remove it: the model is drawn by the scheduler"),
        ("Sampler: Euler a", "remove it: the model is drawn by the scheduler"),
        ("scheduler: karras", "remove it: the model is drawn by the scheduler"),
        ("size: 512x512", "width: and height:"),
        ("batch_count: 2", "num_images:"),
        ("denoising_strength: 0.5", "remove it: pictures are drawn from the description"),
        ("noise_seed: 3", "seed: is its name here"),
        ("subseed: 3", "remove it: the noise is drawn from seed:"),
        ("eta: 0.5", "remove it: the model is drawn by the scheduler"),
        ("ENSD: 31337", "remove it: the model is drawn by the scheduler"),
        ("timesteps: [999]", "remove it: the model is drawn by the scheduler"),
        ("image: a.png", "remove it: pictures are drawn from the description"),
        ("mask: a.png", "remove it: pictures are drawn from the description"),
        ("tiling: true", "remove it: nothing here does that"),
        ("refiner: x", "remove it: nothing here does that"),
        ("Hires upscale: 2", "task: image-upscale enlarges"),
        ("lora_scale: 0.5", "peft_adapters:"),
        ("aspect_ratio: '16:9'", "width: and height:"),
        ("prompt_2: x", "every text encoder reads the same"),
        ("CLIP_stop_at_last_layers: 2", "clip_skip:"),
    ],
)
def test_another_programs_word_is_answered_by_ours(line: str, ours: str, session: mc.Session) -> None:
    assert ours in fix(session, line)


@pytest.mark.parametrize(
    ("word", "ours"), [("outscale", "scale:"), ("tile", "tile_size:"), ("tile_pad", "tile_pad_size:")]
)
def test_an_upscalers_word_is_answered_too(word: str, ours: str, session: mc.Session) -> None:
    with pytest.raises(SpecError, match=f"unknown key '{word}'[\\s\\S]*→ {ours} is its name here"):
        session.load(f"component: {{type: model, task: image-upscale, driver: echo, {word}: 2}}")


CHAT = "component: {type: model, task: chat-completion, driver: echo, %s}"


@pytest.mark.parametrize("line", ["text: '${input.text}'", "prompt: hi", "system: be short", "system_prompt: be short"])
def test_a_chat_of_one_text_is_answered_by_messages_that_work(line: str, session: mc.Session) -> None:
    with pytest.raises(SpecError) as caught:
        session.load(CHAT % line)
    written = caught.value.problems[0].fix or ""
    assert session.load(CHAT % written)("hi").endswith("hi")


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ("min_p: 0.1", "remove it: temperature:, top_k: and top_p:"),
        ("eta_cutoff: 3", "remove it: temperature:, top_k: and top_p:"),
        ("presence_penalty: 1", "remove it: repetition_penalty:"),
        ("num_ctx: 4096", "max_seq_length: is its name here"),
    ],
)
def test_what_other_servers_draw_with_is_answered_too(line: str, ours: str, session: mc.Session) -> None:
    with pytest.raises(SpecError) as caught:
        session.load(CHAT % line)
    assert ours in (caught.value.problems[0].fix or "")


@pytest.mark.parametrize(
    ("word", "ours"),
    [("4bit", "nf4"), ("4-bit", "nf4"), ("bnb-4bit", "nf4"), ("Q4_K_M", "nf4"), ("8bit", "int8"), ("q8_0", "int8")],
)
def test_how_others_say_so_many_bits_is_answered_by_as_many(word: str, ours: str, session: mc.Session) -> None:
    with pytest.raises(SpecError, match=f"'{word}' is not one of its words: {ours}"):
        session.load(CHAT % f"quantization: {word}")


@pytest.mark.parametrize(("task", "word"), [("image-upscale", "real-esrgan"), ("image-generation", "flux")])
def test_an_architecture_given_as_the_driver_is_told(task: str, word: str, session: mc.Session) -> None:
    with pytest.raises(SpecError, match=f"'{word}': it is an architecture\n[\\s\\S]*→ architecture: {word}"):
        session.load(f"component: {{type: model, task: {task}, driver: {word}}}")


def test_a_word_about_the_inputs_is_no_field_of_a_call(session: mc.Session) -> None:
    chat = session.load(CHAT % 'messages: [{role: user, content: "${input.text as text}"}]', "chat")
    with pytest.raises(InputError, match=r"no input 'prompt'\n    → its inputs: text"):
        chat(prompt="hi")


def test_a_word_that_nobody_uses_is_still_the_nearest_of_ours(session: mc.Session) -> None:
    assert fix(session, "guidance_scal: 7") == "did you mean 'guidance_scale'?"


def test_setting_another_programs_word_says_ours(session: mc.Session) -> None:
    handle = session.load(DRAW % "seed: 1")
    with pytest.raises(UnknownName) as caught:
        handle.set(cfg_scale=7)
    assert "guidance_scale:" in (caught.value.problems[0].fix or "")


def test_giving_another_programs_word_to_a_call_says_ours(session: mc.Session) -> None:
    handle = session.load(DRAW % "seed: 1")
    with pytest.raises(InputError) as caught:
        handle("a hat", cfg_scale=7)
    assert str(caught.value).splitlines() == [
        "cfg_scale is called guidance_scale here, a field of image_generation's cell, and no input of it",
        "    → write guidance_scale: ${input.guidance_scale as number | 7} in the cell to give it with each call",
        "      or image_generation.set(guidance_scale=7) for all that follow",
    ]
    with pytest.raises(InputError, match=r"no input 'sampler'[\s\S]*→ leave it out: the model is drawn by"):
        handle("a hat", sampler="euler")
    with pytest.raises(InputError, match=r"no input 'size'[\s\S]*→ in its cell: width: and height:, in pixels"):
        handle("a hat", size="512x512")


def test_steps_are_the_denoising_steps(session: mc.Session) -> None:
    assert origin(session.load(DRAW % "steps: 3")("a hat")).facts["num_inference_steps"] == 3


@pytest.mark.parametrize("task", ["image-generation", "image-upscale", "text-generation", "chat-completion"])
def test_seed_minus_one_is_as_if_nothing_were_said(task: str) -> None:
    made = Task.named(task)
    written = [made.Action.model_validate({made.input: "${input.x}", "seed": seed}) for seed in (-1, 7)]
    assert [getattr(action, "seed", None) for action in written] == [None, 7]


def test_an_expression_and_a_call_may_give_minus_one(session: mc.Session) -> None:
    handle = session.load(DRAW % "seed: '${input.begin as integer | 5}'")
    assert origin(handle("a hat", begin=-1)).facts["seed"] == 0  # what echo draws with when nobody says a seed
    assert origin(handle("a hat", seed=-1)).facts["seed"] == 0
    assert origin(handle("a hat")).facts["seed"] == 5


@pytest.mark.parametrize(("seed", "limit"), [(2**64, "less than 2\\*\\*64"), (-2, "at least -1")])
def test_a_seed_that_no_generator_takes_is_told_with_the_limit(seed: int, limit: str, session: mc.Session) -> None:
    with pytest.raises(SpecError, match=f"seed should be {limit}, and is {seed}"):
        session.load(DRAW % f"seed: {seed}")


def test_clip_skip_says_that_one_layer_is_left_out_already() -> None:
    schema: dict[str, Any] = mc.schema()
    draws = next(c for c in schema["$defs"]["component"]["oneOf"] if c["title"] == "model image-generation")
    assert "besides the last" in draws["properties"]["clip_skip"]["description"]
