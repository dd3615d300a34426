"""driver: custom for image-upscale with architecture: ldsr: diffusers' latent super-resolution."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import mc_jupyter as mc
from mc_jupyter.errors import InputError, Interrupted, PlanError, SpecError, UnsafeWeights, WeightsError
from mc_jupyter.events import Advance, Note, Run
from mc_jupyter.values.pictures import origin
from tests import upscalers
from tests.conftest import cell
from tests.upscalers import picture

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return upscalers.ldsr(tmp_path_factory.mktemp("ldsr"))


@pytest.fixture(scope="module")
def shared() -> Any:
    with mc.Session() as made:
        yield made


@pytest.fixture
def load(shared: mc.Session, folder: Path) -> Any:
    def loaded(*lines: str) -> Any:
        return shared.load(cell("image-upscale", folder, "device: cpu", "architecture: ldsr", "steps: 3", *lines), "l")

    return loaded


def directly(folder: Path, image: Any, seed: int, **more: Any) -> Any:
    """What diffusers gives, called as its documentation says."""
    from diffusers import LDMSuperResolutionPipeline

    pipeline = LDMSuperResolutionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.Generator("cpu").manual_seed(seed)
    torch.manual_seed(seed)
    return pipeline(image, num_inference_steps=3, generator=noise, **more).images[0]


@pytest.mark.parametrize("line", ["", "eta: 0.5"])
def test_a_picture_is_pixel_for_pixel_what_diffusers_gives(load: Any, folder: Path, line: str) -> None:
    image = picture(64, 32)
    more = {"eta": 0.5} if line else {}
    result = load("seed: 7", *([line] if line else []))(image)
    assert result.size == (256, 128)
    assert np.array_equal(np.asarray(result), np.asarray(directly(folder, image, 7, **more)))


def test_each_of_a_list_has_the_seed_that_gives_it_alone(load: Any) -> None:
    images = [picture(32, 32, seed=n) for n in range(3)]
    results = load("seed: 11")(images)
    assert [origin(r).facts["seed"] for r in results] == [11, 12, 13]
    assert np.array_equal(np.asarray(load("seed: 13")(images[2])), np.asarray(results[2]))


def test_without_a_seed_one_is_drawn_and_recorded(load: Any) -> None:
    image = picture(32, 32)
    one, other = load()(image), load()(image)
    assert origin(one).facts["seed"] != origin(other).facts["seed"]
    again = load(f"seed: {origin(one).facts['seed']}")(image)
    assert np.array_equal(np.asarray(again), np.asarray(one))
    assert origin(one).facts["num_inference_steps"] == 3
    assert origin(one).before is image


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (33, 31)])
def test_any_size_is_padded_and_cut_off_again(load: Any, folder: Path, size: tuple[int, int]) -> None:
    image = picture(*size)
    result = load("seed: 1")(image)
    assert result.size == (size[0] * 4, size[1] * 4)
    across, down = -size[0] % 32, -size[1] % 32
    padded = Image.fromarray(np.pad(np.asarray(image), ((0, down), (0, across), (0, 0)), mode="edge"))
    expected = directly(folder, padded, 1).crop((0, 0, size[0] * 4, size[1] * 4))
    assert np.array_equal(np.asarray(result), np.asarray(expected))


@pytest.mark.parametrize(
    ("mode", "becomes"), [("L", "L"), ("1", "L"), ("P", "RGB"), ("RGBA", "RGBA"), ("LA", "LA"), ("I;16", "I;16")]
)
def test_every_mode_stays_the_picture_it_was(load: Any, mode: str, becomes: str) -> None:
    grey = np.asarray(picture(20, 12, "L"))
    image = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else picture(20, 12).convert(mode)
    result = load()(image)
    assert (result.mode, result.size) == (becomes, (80, 48))


def test_transparency_is_resampled(load: Any) -> None:
    image = picture(32, 32, "RGBA")
    image.putalpha(Image.linear_gradient("L").resize((32, 32)))
    expected = image.getchannel("A").resize((128, 128), Image.Resampling.LANCZOS)
    assert np.array_equal(np.asarray(load()(image).getchannel("A")), np.asarray(expected))


def test_another_scale_is_resampled_and_that_is_said(load: Any) -> None:
    events: list[Any] = []
    assert load("scale: 1.5")(picture(32, 32), run=Run(events.append)).size == (48, 48)
    assert [e.text for e in events if isinstance(e, Note)] == [
        "the model enlarges 4×: its results are resampled to 1.5× (Lanczos)"
    ]


def test_progress_goes_by_steps_over_all_images(load: Any) -> None:
    events: list[Any] = []
    load()([picture(32, 32), picture(32, 32)], run=Run(events.append))
    assert [(e.done, e.total, e.unit) for e in events if isinstance(e, Advance)] == [
        (n, 6, "steps") for n in range(1, 7)
    ]


def test_an_interrupt_at_a_step_keeps_what_is_whole_and_the_pipeline_stays(load: Any) -> None:
    handle, images, run = load("seed: 2"), [picture(32, 32), picture(32, 32)], Run()
    before = handle(images)
    run.listener = lambda e: run.stop() if isinstance(e, Advance) and e.done == 5 else None
    with pytest.raises(Interrupted, match="after 1 of 2") as caught:
        handle(images, run=run)
    first, second = caught.value.partial
    assert second is None
    assert np.array_equal(np.asarray(first), np.asarray(before[0]))
    after = handle(images)
    assert all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in zip(after, before, strict=True))


def test_eta_is_refused_by_a_scheduler_that_has_none(session: mc.Session, tmp_path: Path) -> None:
    folder = upscalers.ldsr(tmp_path, scheduler="PNDMScheduler")
    text = cell("image-upscale", folder, "architecture: ldsr", "steps: ${input.steps as integer | 8}")
    with pytest.raises(InputError, match="PNDMScheduler does not go by 2 steps"):
        session.load(text)(image=picture(32, 32), steps=2)
    with pytest.raises(InputError, match="eta has no effect with the scheduler PNDMScheduler"):
        session.load(text + "  eta: 0.5\n")(picture(32, 32))
    events: list[Any] = []
    session.load(text)(picture(32, 32), run=Run(events.append))
    last = [e for e in events if isinstance(e, Advance)][-1]
    assert last.done == last.total


@pytest.mark.parametrize("line", ["tile_size: 64", "tile_pad_size: 8", "color_format: bgr", "batch_size: 2"])
def test_what_would_have_no_effect_is_refused(session: mc.Session, folder: Path, line: str) -> None:
    with pytest.raises(SpecError, match=f"{line.partition(':')[0]} has no effect here"):
        session.plan(cell("image-upscale", folder, "architecture: ldsr", line))


@pytest.mark.parametrize("line", ["quantization: int8", "device_mode: auto"])
def test_what_ldsr_does_not_do_is_an_obstacle(session: mc.Session, folder: Path, line: str) -> None:
    assert session.plan(cell("image-upscale", folder, "architecture: ldsr", line)).problems


def test_half_precision_is_what_the_tensors_are(load: Any) -> None:
    handle = load("precision: bfloat16")
    assert handle.facts().dtype == "bfloat16"
    assert handle(picture(32, 32)).size == (128, 128)


def test_another_pipeline_is_named(session: mc.Session, tmp_path: Path) -> None:
    upscalers.ldsr(tmp_path)
    index = tmp_path / "model_index.json"
    index.write_text(index.read_text().replace("LDMSuperResolutionPipeline", "StableDiffusionPipeline"))
    with pytest.raises(PlanError, match="is a StableDiffusionPipeline"):
        session.load(cell("image-upscale", tmp_path, "architecture: ldsr"))


def test_a_file_that_is_known_by_its_name_is_no_pipeline(session: mc.Session) -> None:
    with pytest.raises(PlanError, match=r"line 4: RealESRGAN_x4plus is one file of weights[\s\S]*architecture: auto"):
        session.load(cell("image-upscale", "RealESRGAN_x4plus", "architecture: ldsr"))


def test_damaged_parts_are_one_error(session: mc.Session, tmp_path: Path) -> None:
    upscalers.ldsr(tmp_path)
    (tmp_path / "scheduler" / "scheduler_config.json").write_text("{")
    with pytest.raises(WeightsError, match="line 4: .*scheduler_config.json is not JSON"):
        session.load(cell("image-upscale", tmp_path, "architecture: ldsr"))


def test_pickled_parts_need_a_word(session: mc.Session, folder: Path, tmp_path: Path) -> None:
    from diffusers import LDMSuperResolutionPipeline

    LDMSuperResolutionPipeline.from_pretrained(folder).save_pretrained(tmp_path, safe_serialization=False)
    with pytest.raises(UnsafeWeights, match="allow_pickle"):
        session.load(cell("image-upscale", tmp_path, "architecture: ldsr"))
    text = cell("image-upscale", tmp_path, "architecture: ldsr", "allow_pickle: true", "steps: 1")
    assert session.load(text)(picture(32, 32)).size == (128, 128)


def test_facts_and_unloading(session: mc.Session, folder: Path) -> None:
    handle = session.load(cell("image-upscale", folder, "architecture: ldsr", "steps: 1"), "u")
    handle(picture(32, 32))
    facts = handle.facts()
    assert (facts.architecture, facts.dtype, facts.bytes) == (
        "LDMSuperResolutionPipeline",
        "float32",
        4 * (facts.parameters or 0),
    )
    gone = weakref.ref(session.resident_of(handle).thing.driver.pipeline.unet)
    session.unload("u")
    gc.collect()
    assert gone() is None
