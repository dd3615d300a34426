"""Images by diffusers, compared with its pipelines called directly: the same weights, the same seed, the same pixels."""

from __future__ import annotations

import gc
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import mc_jupyter as mc
from mc_jupyter import devices
from mc_jupyter.drivers._diffusers import decoding, loading, memory, previews
from mc_jupyter.errors import (
    ComposeError,
    DoesNotFit,
    InputError,
    Interrupted,
    PlanError,
    RunError,
    SpecError,
    WeightsError,
)
from mc_jupyter.events import Advance, Note, Preview, Run
from mc_jupyter.values.pictures import origin
from tests import pipelines
from tests.conftest import cell

pytestmark = pytest.mark.slow

KINDS = ("sdxl", "flux", "hunyuan")
GUIDANCE = {"sdxl": 7.5, "flux": 3.5, "hunyuan": 5.0}
SMALL = ("width: 64", "height: 64", "num_inference_steps: 3")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("pipelines")
    return {kind: getattr(pipelines, kind)(root / kind) for kind in KINDS}


@pytest.fixture(scope="module")
def drawing(made: dict[str, Path]) -> Any:
    """A session that keeps its models for the whole file."""
    with mc.Session() as session:
        yield session


@pytest.fixture(scope="module")
def pipe(made: dict[str, Path]) -> Callable[[str], Any]:
    """The pipelines loaded by diffusers itself, each once."""
    loaded: dict[str, Any] = {}

    def get(kind: str) -> Any:
        if kind not in loaded:
            loaded[kind] = read(made[kind])
        return loaded[kind]

    return get


def read(folder: Path, **more: Any) -> Any:
    from diffusers import DiffusionPipeline

    with loading.quiet():
        pipe = DiffusionPipeline.from_pretrained(folder, **more)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def text(model: Path | str, *lines: str) -> str:
    return cell("image-generation", model, *SMALL, *lines)


def direct(pipe: Any, kind: str, seed: int = 7, prompt: str = "a red fox", **more: Any) -> np.ndarray[Any, Any]:
    exact = {"use_resolution_binning": False} if kind == "hunyuan" else {}
    asked = {"width": 64, "height": 64, "num_inference_steps": 3, "guidance_scale": GUIDANCE[kind], **exact, **more}
    with loading.quiet():
        image = pipe(prompt, generator=torch.Generator().manual_seed(seed), **asked).images[0]
    return np.asarray(image).astype(int)


def pixels(image: Any) -> np.ndarray[Any, Any]:
    return np.asarray(image).astype(int)


class Heard:
    """A run whose events are kept; `on` may answer to them."""

    def __init__(self, on: Callable[[Any, Run], None] = lambda event, run: None):
        self.events: list[Any] = []
        self.run = Run(listener=self.hear)
        self.on = on

    def hear(self, event: Any) -> None:
        self.events.append(event)
        self.on(event, self.run)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def notes(self) -> str:
        return "\n".join(event.text for event in self.of(Note))


@pytest.fixture
def plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time for a preview after every step, however short the run."""
    monkeypatch.setattr(previews, "SHARE", 1e9)
    monkeypatch.setattr(previews, "LEAST", 0.0)
    monkeypatch.setattr(previews, "APART", 0.0)


class TestPixels:
    @pytest.mark.parametrize("kind", KINDS)
    def test_an_image_is_the_pipelines_own(self, kind: str, made: Any, drawing: mc.Session, pipe: Any) -> None:
        image = drawing.load(text(made[kind]), kind)("a red fox", seed=7)
        assert np.array_equal(pixels(image), direct(pipe(kind), kind))
        facts = origin(image).facts
        assert (facts["prompt"], facts["seed"], facts["num_inference_steps"]) == ("a red fox", 7, 3)
        assert facts["guidance_scale"] == GUIDANCE[kind]
        assert (image.width, image.height) == (64, 64)

    @pytest.mark.parametrize(
        ("kind", "line", "named"),
        [
            ("sdxl", "negative_prompt: fog", {"negative_prompt": "fog"}),
            ("sdxl", "clip_skip: 1", {"clip_skip": 1}),
            ("sdxl", "guidance_scale: 1.0", {"guidance_scale": 1.0}),
            ("flux", "max_sequence_length: 16", {"max_sequence_length": 16}),
            ("hunyuan", "negative_prompt: fog", {"negative_prompt": "fog"}),
        ],
    )
    def test_a_field_is_what_the_pipeline_is_told(
        self, kind: str, line: str, named: dict[str, Any], made: Any, drawing: mc.Session, pipe: Any
    ) -> None:
        image = drawing.load(text(made[kind], line), kind)("a red fox", seed=7)
        assert np.array_equal(pixels(image), direct(pipe(kind), kind, **named))
        if "guidance" not in line:
            assert not np.array_equal(pixels(image), direct(pipe(kind), kind))

    def test_the_largest_seed_is_the_generators_own_and_the_next_begins_again(
        self, made: Any, drawing: mc.Session, pipe: Any
    ) -> None:
        last = 2**64 - 1
        images = drawing.load(text(made["sdxl"], f"seed: {last}", "num_images: 2"), "last")("a red fox")
        assert [origin(image).facts["seed"] for image in images] == [last, 0]
        assert np.array_equal(pixels(images[0]), direct(pipe("sdxl"), "sdxl", seed=last))

    def test_seed_minus_one_draws_a_seed_and_records_it(self, made: Any, drawing: mc.Session, pipe: Any) -> None:
        image = drawing.load(text(made["sdxl"], "seed: -1"), "any")("a red fox")
        drawn = origin(image).facts["seed"]
        assert drawn >= 0
        assert np.array_equal(pixels(image), direct(pipe("sdxl"), "sdxl", seed=drawn))

    def test_flux_keeps_from_its_negative_prompt(self, made: Any, drawing: mc.Session, pipe: Any) -> None:
        image = drawing.load(text(made["flux"], "negative_prompt: fog", "true_cfg_scale: 4"), "flux")("a fox", seed=7)
        plain = direct(pipe("flux"), "flux", prompt="a fox")
        told = direct(pipe("flux"), "flux", prompt="a fox", negative_prompt="fog", true_cfg_scale=4.0)
        assert np.array_equal(pixels(image), told)
        assert not np.array_equal(told, plain)

    def test_the_checkpoints_own_size_is_drawn_unless_another_is_said(self, made: Any, drawing: mc.Session) -> None:
        for kind, side in (("sdxl", 64), ("hunyuan", 64)):
            image = drawing.load(cell("image-generation", made[kind], "num_inference_steps: 1"), kind)("a", seed=1)
            assert image.size == (side, side)
        image = drawing.load(cell("image-generation", made["flux"], "num_inference_steps: 1"), "flux")("a", seed=1)
        assert image.size == (256, 256)

    @pytest.mark.parametrize("scheduler", ["DDIMScheduler", "DPMSolverMultistepScheduler", "UniPCMultistepScheduler",
                                           "EulerAncestralDiscreteScheduler", "HeunDiscreteScheduler",
                                           "PNDMScheduler", "LMSDiscreteScheduler"])  # fmt: skip
    def test_every_scheduler_draws_the_same_with_and_without_previews(
        self, scheduler: str, made: Any, drawing: mc.Session, pipe: Any, tmp_path: Path, plenty: None
    ) -> None:
        folder = pipelines.with_scheduler(tmp_path / "sdxl", made["sdxl"], scheduler)
        lines = ("width: 64", "height: 64", "num_inference_steps: 6")
        handle = drawing.load(cell("image-generation", folder, *lines), "s")
        heard = Heard()
        watched = handle("a red fox", seed=7, run=heard.run)
        assert len(heard.of(Preview)) >= 3
        unheard = handle("a red fox", seed=7)
        assert np.array_equal(pixels(watched), pixels(unheard))
        itself, before = pipe("sdxl"), pipe("sdxl").scheduler
        itself.scheduler = pipelines.scheduler(scheduler)
        own = direct(itself, "sdxl", num_inference_steps=6)
        itself.scheduler = before
        assert np.array_equal(pixels(unheard), own)
        # The prediction of the last step but one is nearer to the picture than that of the first.
        first, last = (pixels(event.image.resize((64, 64))) for event in (heard.of(Preview)[0], heard.of(Preview)[-1]))
        assert abs(last - own).mean() < abs(first - own).mean()
        drawing.unload("s")


class TestManyImages:
    def test_image_k_alone_with_its_seed_is_the_same_image(self, made: Any, drawing: mc.Session) -> None:
        many = drawing.load(text(made["sdxl"], "num_images: 3"), "many")("a red fox", seed=5)
        assert [origin(image).facts["seed"] for image in many] == [5, 6, 7]
        alone = drawing.load(text(made["sdxl"]), "one")
        for image in many:
            assert np.array_equal(pixels(image), pixels(alone("a red fox", seed=origin(image).facts["seed"])))

    def test_prompts_times_images_keep_their_order(self, made: Any, drawing: mc.Session) -> None:
        handle = drawing.load(text(made["sdxl"], "num_images_per_prompt: 2"), "many")
        rows = handle(["a red fox", "a tree"], seed=1)
        assert [[(origin(i).facts["prompt"], origin(i).facts["seed"]) for i in row] for row in rows] == [
            [("a red fox", 1), ("a red fox", 2)], [("a tree", 3), ("a tree", 4)],
        ]  # fmt: skip

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_batch_is_the_same_up_to_rounding(self, kind: str, made: Any, drawing: mc.Session) -> None:
        alone = drawing.load(text(made[kind], "negative_prompt: fog") if kind != "flux" else text(made[kind]), "one")
        line = ("negative_prompt: fog",) if kind != "flux" else ()
        together = drawing.load(text(made[kind], "batch_size: 3", *line), "three")
        prompts = ["a red fox", "a tree", "the sea"]
        for one, other in zip(alone(prompts, seed=1), together(prompts, seed=1), strict=True):
            assert abs(pixels(one) - pixels(other)).max() <= 1
            assert origin(one).facts["seed"] == origin(other).facts["seed"]

    def test_without_a_seed_one_is_drawn_and_recorded(self, made: Any, drawing: mc.Session) -> None:
        handle = drawing.load(text(made["sdxl"], "output: ${result.seed}"), "seeds")
        seeds = {handle("a red fox") for _ in range(3)}
        assert len(seeds) == 3
        plain = drawing.load(text(made["sdxl"]), "plain")
        image = plain("a red fox")
        assert np.array_equal(pixels(image), pixels(plain("a red fox", seed=origin(image).facts["seed"])))

    def test_memory_that_runs_out_halves_the_batch(
        self, made: Any, drawing: mc.Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        handle = drawing.load(text(made["sdxl"], "batch_size: 4"), "four")
        resident: Any = drawing.resident_of(handle)
        assert resident is not None
        unet = resident.thing.driver.pipe.unet
        forward = unet.forward

        def small(sample: Any, *given: Any, **named: Any) -> Any:
            if len(sample) > 4:  # both halves of guidance: more than two images
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
            return forward(sample, *given, **named)

        monkeypatch.setattr(unet, "forward", small)
        heard = Heard()
        images = handle(["a", "b", "c", "d"], seed=1, run=heard.run)
        assert [origin(image).facts["prompt"] for image in images] == ["a", "b", "c", "d"]
        assert "going on with 2" in heard.notes
        assert heard.of(Advance)[-1].done == heard.of(Advance)[-1].total == 6


class TestWatching:
    def test_steps_are_told_over_all_batches(self, made: Any, drawing: mc.Session) -> None:
        heard = Heard()
        drawing.load(text(made["sdxl"]), "one")(["a", "b"], seed=1, run=heard.run)
        assert [(e.done, e.total, e.unit) for e in heard.of(Advance)] == [(i, 6, "steps") for i in range(1, 7)]

    def test_a_short_run_has_no_previews(self, made: Any, drawing: mc.Session) -> None:
        heard = Heard()
        drawing.load(text(made["sdxl"]), "one")("a", seed=1, run=heard.run)
        assert not heard.of(Preview)

    @pytest.mark.parametrize("kind", ["flux", "hunyuan"])
    def test_previews_near_the_picture_and_never_change_it(
        self, kind: str, made: Any, drawing: mc.Session, plenty: None
    ) -> None:
        handle = drawing.load(text(made[kind]).replace("steps: 3", "steps: 8"), kind)
        heard = Heard()
        image = pixels(handle("a red fox", seed=7, run=heard.run))
        assert np.array_equal(image, pixels(handle("a red fox", seed=7)))
        shown = [pixels(event.image) for event in heard.of(Preview)]
        assert len(shown) == 6
        assert abs(shown[-1] - image).mean() < abs(shown[0] - image).mean()

    def test_previews_are_small(self, made: Any, drawing: mc.Session, plenty: None) -> None:
        heard = Heard()
        lines = ("width: 512", "height: 256", "num_inference_steps: 4")
        drawing.load(cell("image-generation", made["hunyuan"], *lines), "wide")("a", seed=1, run=heard.run)
        assert [event.image.size for event in heard.of(Preview)] == [(192, 96)] * 2

    def test_the_budget_holds(self) -> None:
        now = [0.0]
        budget = previews.Budget(clock=lambda: now[0])
        made = 0
        for step in range(1, 201):
            now[0] += 0.5
            budget.begin()
            if budget.affords(step, 200, step, 200):
                with budget.making():
                    now[0] += 0.3
                made += 1
            assert budget.started is not None
            assert budget.spent <= previews.SHARE * (now[0] - budget.started - budget.spent) + 1e-9
        assert made == 5

    def test_interrupting_keeps_the_preview_and_what_is_done(self, made: Any, drawing: mc.Session) -> None:
        handle = drawing.load(text(made["sdxl"]), "one")
        whole = handle(["a", "b", "c"], seed=1)

        def at_the_fourth(event: Any, run: Run) -> None:
            if isinstance(event, Advance) and event.done == 4:
                run.stop()

        heard = Heard(at_the_fourth)
        with pytest.raises(Interrupted, match="interrupted after 1 of 3") as caught:
            handle(["a", "b", "c"], seed=1, run=heard.run)
        first, second, third = caught.value.partial
        assert np.array_equal(pixels(first), pixels(whole[0]))
        assert origin(second).facts["interrupted"] == "step 1 of 3"
        assert origin(second).facts["seed"] == 2
        assert third is None
        assert heard.of(Advance)[-1].done == 4
        assert [pixels(i).tolist() for i in handle(["a", "b", "c"], seed=1)] == [pixels(i).tolist() for i in whole]


class TestAdapters:
    @pytest.fixture(scope="class")
    def laid(self, made: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
        root = tmp_path_factory.mktemp("adapters")
        sdxl, flux = made["sdxl"], made["flux"]
        return {
            "plain": pipelines.lora(root / "plain", sdxl),
            "told": pipelines.lora(root / "told", sdxl, seed=2, rank=2, alpha=6, encoders=True, metadata=True),
            "peft": pipelines.lora(root / "peft", sdxl, alpha=8, peft=True),
            "flux": pipelines.lora(root / "flux", flux, seed=3),
        }

    def with_them(self, session: mc.Session, base: Path, laid: Any, **weights: float) -> Any:
        listed = ", ".join(f"{{name: {n}, model: {laid[n]}, weight: {w}}}" for n, w in weights.items())
        return session.load(text(base, f"peft_adapters: [{listed}]"), "laid")

    @pytest.mark.parametrize(
        ("kind", "weights"),
        [("sdxl", {"plain": 0.7}), ("sdxl", {"told": 1.3}), ("sdxl", {"plain": 0.7, "told": -0.4}),
         ("flux", {"flux": 0.8})],
    )  # fmt: skip
    def test_a_sum_is_diffusers_own(
        self, kind: str, weights: dict[str, float], made: Any, laid: Any, drawing: mc.Session
    ) -> None:
        image = pixels(self.with_them(drawing, made[kind], laid, **weights)("a red fox", seed=7))
        own = read(made[kind])
        bare = direct(own, kind)
        with loading.quiet():
            for name in weights:
                own.load_lora_weights(laid[name], adapter_name=name)
            own.set_adapters(list(weights), list(weights.values()))
        assert np.array_equal(image, direct(own, kind))
        assert not np.array_equal(image, bare)

    def test_pefts_own_files_are_laid_with_their_scale(self, made: Any, laid: Any, drawing: mc.Session) -> None:
        from peft import PeftModel

        handle = self.with_them(drawing, made["sdxl"], laid, peft=1.0)
        own = read(made["sdxl"])
        own.unet = PeftModel.from_pretrained(own.unet, laid["peft"]).base_model.model
        assert np.array_equal(pixels(handle("a red fox", seed=7)), direct(own, "sdxl"))
        ((_, _, facts),) = handle.adapters()
        assert (facts.modules, facts.ranks, facts.scales) == (16, (4, 4), (2.0, 2.0))

    def test_kohyas_form_is_what_diffusers_makes_of_it(
        self, made: Any, laid: Any, drawing: mc.Session, tmp_path: Path
    ) -> None:
        from safetensors.torch import load_file, save_file

        state = {}
        for key, tensor in load_file(laid["plain"] / "pytorch_lora_weights.safetensors").items():
            path, _, side = key.removeprefix("unet.").partition(".lora_")
            name = f"lora_unet_{path.replace('.', '_')}"
            state[f"{name}.lora_{'down' if side.startswith('A') else 'up'}.weight"] = tensor.contiguous()
            state[f"{name}.alpha"] = torch.tensor(2.0)
        folder = tmp_path / "kohya"
        folder.mkdir()
        save_file(state, folder / "kohya.safetensors")
        handle = self.with_them(drawing, made["sdxl"], {"kohya": folder}, kohya=1.0)
        own = read(made["sdxl"])
        with loading.quiet():
            own.load_lora_weights(folder, weight_name="kohya.safetensors")
        assert np.array_equal(pixels(handle("a red fox", seed=7)), direct(own, "sdxl"))
        assert handle.adapters()[0][2].scales == (0.5, 0.5)

    def test_a_weight_changes_hot_and_none_is_the_base(
        self, made: Any, laid: Any, drawing: mc.Session, pipe: Any
    ) -> None:
        handle = self.with_them(drawing, made["sdxl"], laid, plain=1.0, told=0.5)
        loads = drawing.loads
        handle.set({"adapters.plain": 0, "adapters.told": 0})
        assert np.array_equal(pixels(handle("a red fox", seed=7)), direct(pipe("sdxl"), "sdxl"))
        handle.set({"adapters.plain": 0.3})
        image = handle("a red fox", seed=7)
        assert not np.array_equal(pixels(image), direct(pipe("sdxl"), "sdxl"))
        assert origin(image).facts["adapters"] == {"plain": 0.3, "told": 0.0}
        handle.set({"peft_adapters": None})
        assert np.array_equal(pixels(handle("a red fox", seed=7)), direct(pipe("sdxl"), "sdxl"))
        assert drawing.loads == loads
        resident: Any = drawing.resident_of(handle)
        assert resident is not None
        assert not any("lora" in name for name, _ in resident.thing.driver.pipe.unet.named_modules())

    @pytest.mark.parametrize("kind", ["int8", "nf4"])
    def test_over_quantized_layers(self, kind: str, made: Any, laid: Any, drawing: mc.Session) -> None:
        bare = drawing.load(text(made["sdxl"], f"quantization: {kind}"), "bare")
        before = pixels(bare("a red fox", seed=7))
        line = f"peft_adapters: {{name: plain, model: {laid['plain']}}}"
        handle = drawing.load(text(made["sdxl"], f"quantization: {kind}", line), "laid")
        assert not np.array_equal(pixels(handle("a red fox", seed=7)), before)
        handle.set({"adapters.plain": 0})
        assert np.array_equal(pixels(handle("a red fox", seed=7)), before)

    def test_hunyuan_which_diffusers_has_no_loader_for(self, made: Any, drawing: mc.Session, tmp_path: Path) -> None:
        from peft import PeftModel

        folder = pipelines.lora(tmp_path / "hunyuan", made["hunyuan"], peft=True)
        own = read(made["hunyuan"])
        bare = direct(own, "hunyuan")
        own.transformer = PeftModel.from_pretrained(own.transformer, folder).base_model.model
        image = pixels(self.with_them(drawing, made["hunyuan"], {"mine": folder}, mine=1.0)("a red fox", seed=7))
        assert np.array_equal(image, direct(own, "hunyuan"))
        assert not np.array_equal(image, bare)

    def test_the_part_that_reads_a_flux_prompt_is_changed_too(
        self, made: Any, laid: Any, drawing: mc.Session, tmp_path: Path
    ) -> None:
        """diffusers leaves T5's layers of a file out."""
        from safetensors.torch import load_file, save_file

        state = load_file(laid["flux"] / "pytorch_lora_weights.safetensors")
        own = read(made["flux"])
        with loading.quiet():
            own.load_lora_weights(laid["flux"])
        without = direct(own, "flux")
        for n in (0, 1):
            weight = own.text_encoder_2.encoder.block[n].layer[0].SelfAttention.v.weight
            generator = torch.Generator().manual_seed(n)
            up, down = torch.randn(32, 4, generator=generator), torch.randn(4, 32, generator=generator)
            name = f"lora_te2_encoder_block_{n}_layer_0_SelfAttention_v"
            state |= {f"{name}.lora_up.weight": up, f"{name}.lora_down.weight": down}
            weight.data += up @ down
        (tmp_path / "both").mkdir()
        save_file(state, tmp_path / "both" / "lora.safetensors")
        handle = self.with_them(drawing, made["flux"], {"both": tmp_path / "both"}, both=1.0)
        image = pixels(handle("a red fox", seed=7))
        assert abs(image - direct(own, "flux")).max() <= 1
        assert abs(image - without).max() > 3

    def test_an_adapter_of_another_model_is_refused_before_anything_is_read(
        self, made: Any, laid: Any, session: mc.Session, tmp_path: Path
    ) -> None:
        with pytest.raises(PlanError, match="none of the 16 layers that it changes is one of this flux"):
            self.with_them(session, made["flux"], laid, plain=1.0)
        wide = pipelines.sdxl(tmp_path / "wide", width=64)
        with pytest.raises(PlanError, match="for a model of another size"):
            self.with_them(session, wide, laid, plain=1.0)
        assert session.loads == 0


class TestNumbers:
    @pytest.mark.parametrize("kind", KINDS)
    def test_half_precision_is_what_diffusers_loads(self, kind: str, made: Any, session: mc.Session) -> None:
        handle = session.load(text(made[kind], "precision: bfloat16"), kind)
        assert handle.facts().dtype == "bfloat16"
        own = read(made[kind], dtype=torch.bfloat16)
        assert np.array_equal(pixels(handle("a red fox", seed=7)), direct(own, kind))

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("bits", ["int8", "nf4", "fp4"])
    def test_linear_layers_become_few_bits(self, kind: str, bits: str, made: Any, session: mc.Session) -> None:
        whole = session.load(text(made[kind]), "whole")
        handle = session.load(text(made[kind], f"quantization: {bits}"), "few")
        facts = handle.facts()
        assert facts.quantization.startswith(f"{bits} (bitsandbytes, ")
        assert facts.bytes < whole.facts().bytes
        assert facts.parameters == whole.facts().parameters
        image = pixels(handle("a red fox", seed=7))
        assert np.array_equal(image, pixels(handle("a red fox", seed=7)))
        near = abs(image - pixels(whole("a red fox", seed=7))).mean()
        assert 0 < near < 30

    def test_int4_is_said_to_be_nf4(self, made: Any, session: mc.Session) -> None:
        heard = Heard()
        session.load(text(made["flux"], "quantization: int4"), "few", run=heard.run)
        assert "int4 is bitsandbytes' nf4" in heard.notes

    def test_a_repository_with_half_precision_files_alone_loads(
        self, made: Any, session: mc.Session, pipe: Any, tmp_path: Path
    ) -> None:
        folder = tmp_path / "half"
        read(made["sdxl"], dtype=torch.float16).save_pretrained(folder, variant="fp16")
        assert (folder / "unet" / "diffusion_pytorch_model.fp16.safetensors").is_file()
        handle = session.load(text(folder), "half")
        own = read(folder, variant="fp16", dtype=torch.float32)
        assert np.array_equal(pixels(handle("a red fox", seed=7)), direct(own, "sdxl"))


class TestBlack:
    def test_a_vae_that_gives_no_numbers_is_named(self, made: Any, session: mc.Session) -> None:
        handle = session.load(text(made["sdxl"]), "broken")
        resident: Any = session.resident_of(handle)
        assert resident is not None
        resident.thing.driver.pipe.vae.decoder.conv_out.weight.data[0] = float("nan")
        with pytest.raises(RunError, match=r"would be black: the VAE.*NaN"):
            handle("a red fox", seed=7)

    def test_a_denoiser_that_gives_none_is_named_with_a_way_out(self, made: Any, session: mc.Session) -> None:
        handle = session.load(text(made["sdxl"], "precision: float16"), "broken")
        resident: Any = session.resident_of(handle)
        assert resident is not None
        resident.thing.driver.pipe.unet.conv_out.bias.data[0] = float("nan")
        with pytest.raises(RunError, match=r"the denoiser \(float16\) gave numbers that are none") as caught:
            handle("a red fox", seed=7)
        assert "precision: float32" in str(caught.value.problems[0].fix)

    def test_a_vae_that_overflows_in_half_precision_goes_again_in_float32(self, made: Any, session: mc.Session) -> None:
        handle = session.load(text(made["flux"], "precision: float16"), "half")
        resident: Any = session.resident_of(handle)
        assert resident is not None
        vae = resident.thing.driver.pipe.vae
        vae.decoder.conv_norm_out.weight.data *= 3e4  # products beyond float16's 65 504, and far within float32
        vae.decoder.conv_out.weight.data *= 10
        heard = Heard()
        image = handle("a red fox", seed=7, run=heard.run)
        assert "gave no numbers in float16: decoded again in float32" in heard.notes
        assert pixels(image).std() > 0
        assert origin(image).facts["vae"] == "float32"
        assert vae.dtype == torch.float16

    def test_the_models_filter_is_told_from_broken_numbers(self, session: mc.Session, tmp_path: Path) -> None:
        folder = pipelines.hunyuan(tmp_path / "safe", safety=True)
        with pytest.raises(RunError, match="safety checker hid every image .*black by its filter"):
            session.load(text(folder), "safe")("a red fox", seed=7)

    def test_one_hidden_image_of_several_is_said_and_marked(self, session: mc.Session, tmp_path: Path) -> None:
        handle = session.load(text(pipelines.hunyuan(tmp_path / "safe", safety=True)), "safe")
        resident: Any = session.resident_of(handle)
        assert resident is not None
        checker = resident.thing.driver.pipe.safety_checker
        own, calls = checker.forward, []

        def every_other(images: Any, clip_input: Any) -> Any:
            calls.append(1)
            return own(images=images, clip_input=clip_input) if len(calls) == 2 else (images, [False])

        checker.forward = every_other
        heard = Heard()
        shown, hidden = handle(["a", "b"], seed=7, run=heard.run)
        assert "hid 1 of 2 images (seed 8)" in heard.notes
        assert pixels(shown).std() > 0
        assert pixels(hidden).max() == 0
        assert "hidden" in origin(hidden).facts
        assert "hidden" not in origin(shown).facts


class TestRefusals:
    @pytest.mark.parametrize(
        ("kind", "line", "message"),
        [
            ("sdxl", "width: 100", "width: 100 is no multiple of 8[\\s\\S]*→ width: 96 or width: 104"),
            ("flux", "height: 66", "height: 66 is no multiple of 4[\\s\\S]*→ height: 64 or height: 68"),
            ("hunyuan", "width: 72", "width: 72 is no multiple of 16[\\s\\S]*→ width: 64 or width: 80"),
            ("hunyuan", "width: 8", "width: 8 is no multiple of 16[\\s\\S]*→ width: 16"),
            ("sdxl", "max_sequence_length: 64", "max_sequence_length changes nothing with sdxl: it is a field of flux"),
            ("sdxl", "true_cfg_scale: 4", "true_cfg_scale changes nothing with sdxl"),
            ("hunyuan", "clip_skip: 1", "clip_skip changes nothing with hunyuan"),
            ("sdxl", "clip_skip: 2", "clip_skip: 2, but the text encoders have 2 layers[\\s\\S]*clip_skip: 1"),
            ("flux", "distilled_guidance_scale: 3", "distilled_guidance_scale changes nothing with flux"),
            ("flux", "negative_prompt: fog", "counts only beside true_cfg_scale[\\s\\S]*→ true_cfg_scale: 4"),
            ("flux", "true_cfg_scale: 4", "true_cfg_scale changes nothing without negative_prompt"),
            ("sdxl", "architecture: flux", "this model is sdxl .*not flux[\\s\\S]*→ architecture: sdxl"),
            ("flux", "family: hunyuan", "this model is flux .*not hunyuan"),
            ("sdxl", "family: hunyuan-image", "hunyuan-image is read, but"),
            ("sdxl", "device_mode: auto", "device_mode: auto spreads layers"),
        ],
    )
    def test_it_is_said_where_it_stands_before_anything_is_loaded(
        self, kind: str, line: str, message: str, made: Any, session: mc.Session
    ) -> None:
        lines = [one for one in SMALL if not one.startswith(line.partition(":")[0] + ":")]
        with pytest.raises(ComposeError, match=message) as caught:
            session.load(cell("image-generation", made[kind], *lines, line))
        assert caught.value.problems[0].place is not None
        assert session.loads == 0

    def test_what_an_expression_gives_is_refused_at_the_call(self, made: Any, drawing: mc.Session) -> None:
        handle = drawing.load(
            cell("image-generation", made["sdxl"], "width: ${input.side}", "height: 64", "prompt: ${input.text}"), "w"
        )
        with pytest.raises(InputError, match="width: 100 is no multiple of 8"):
            handle(text="a", side=100)
        assert handle(text="a", side=72, seed=1).size == (72, 64)

    def test_a_method_that_is_not_generate_is_refused(self, made: Any, session: mc.Session) -> None:
        with pytest.raises(SpecError, match="method"):
            session.load(text(made["sdxl"], "method: inpaint"))

    def test_a_flux_without_guidance_draws_in_four_steps_and_refuses_guidance(
        self, session: mc.Session, tmp_path: Path
    ) -> None:
        folder = pipelines.flux(tmp_path / "schnell", guidance=False)
        image = session.load(cell("image-generation", folder, "width: 32", "height: 32"))("a", seed=1)
        facts = origin(image).facts
        assert (facts["num_inference_steps"], facts["max_sequence_length"]) == (4, 256)
        assert "guidance_scale" not in facts
        with pytest.raises(PlanError, match="made to draw without guidance"):
            session.load(text(folder, "guidance_scale: 3"))

    def test_another_kind_of_pipeline_is_named(self, session: mc.Session, made: Any, tmp_path: Path) -> None:
        import json

        folder = tmp_path / "other"
        shutil.copytree(made["sdxl"], folder)
        index = json.loads((folder / "model_index.json").read_text())
        (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": "PixArtAlphaPipeline"}))
        with pytest.raises(PlanError, match="this model is a PixArtAlphaPipeline.*sdxl, flux and hunyuan"):
            session.load(text(folder))
        (folder / "model_index.json").write_text(json.dumps({**index, "unet": ["my_unet", "MyUNet"]}))
        with pytest.raises(PlanError, match="never runs a repository's code"):
            session.load(text(folder))

    def test_a_single_file_is_told_how_it_becomes_a_pipeline(self, made: Any, session: mc.Session) -> None:
        file = made["sdxl"] / "unet" / "diffusion_pytorch_model.safetensors"
        with pytest.raises(WeightsError, match="no diffusers pipeline[\\s\\S]*from_single_file"):
            session.load(text(file))

    @pytest.mark.parametrize("part", ["vae", "tokenizer", "tokenizer_2", "scheduler"])
    def test_a_missing_part_is_named(self, part: str, made: Any, session: mc.Session, tmp_path: Path) -> None:
        folder = shutil.copytree(made["sdxl"], tmp_path / "cut")
        shutil.rmtree(folder / part)
        with pytest.raises(WeightsError, match=f"line 4: .* is not whole: it has no {part}\\n"):
            session.load(text(folder), "one")

    def test_a_config_of_another_form_is_one_error(self, made: Any, session: mc.Session, tmp_path: Path) -> None:
        folder = shutil.copytree(made["sdxl"], tmp_path / "odd")
        (folder / "unet" / "config.json").write_text('{"sample_size": "x"}')
        with pytest.raises(WeightsError, match="line 4: .*unet/config.json: sample_size should be whole numbers"):
            session.load(text(folder), "one")

    @pytest.mark.parametrize("kind", ["sdxl", "flux"])
    def test_a_tokenizer_that_pads_beyond_its_encoder_is_refused(
        self, kind: str, made: Any, session: mc.Session, tmp_path: Path
    ) -> None:
        import json

        folder = shutil.copytree(made[kind], tmp_path / "long")
        file = folder / "tokenizer" / "tokenizer_config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "model_max_length": 77_000_000}))
        with pytest.raises(WeightsError, match="line 4: .* says model_max_length: 77000000, and text_encoder reads"):
            session.load(text(folder), "one")

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_negative_prompt_that_is_cut_is_said_too(self, kind: str, made: Any, drawing: mc.Session) -> None:
        more = ["true_cfg_scale: 2", "max_sequence_length: 20"] if kind == "flux" else []
        heard = Heard()
        lines = ("num_inference_steps: 1", f"negative_prompt: {'a fox ' * 100}", *more)
        size = ("width: 64", "height: 64")
        drawing.load(cell("image-generation", made[kind], *size, *lines), "long")("a", seed=1, run=heard.run)
        assert "tokens of “a fox a fox" in heard.notes

    def test_a_description_that_is_cut_is_said(self, made: Any, drawing: mc.Session) -> None:
        heard = Heard()
        drawing.load(text(made["sdxl"]), "one")("fox " * 60, seed=1, run=heard.run)
        assert "the model reads 77" in heard.notes


class TestSpelling:
    @pytest.mark.parametrize(
        "lines",
        [
            ("params: {num_inference_steps: 3, width: 64, height: 64, num_return_images: 2}",),
            ("action: {text: '${input.text}', inference_steps: 3, width: 64, height: 64, num_images: 2}",),
            ("action: {prompt: '${input.text}', num_images_per_prompt: 2, width: 64, height: 64,"
             " params: {num_inference_steps: 3}}",),
        ],
    )  # fmt: skip
    def test_both_editions_places_and_names_mean_the_same(
        self, lines: tuple[str, ...], made: Any, drawing: mc.Session, pipe: Any
    ) -> None:
        first, _ = drawing.load(cell("image-generation", made["sdxl"], *lines), "spelled")(text="a red fox", seed=7)
        assert np.array_equal(pixels(first), direct(pipe("sdxl"), "sdxl"))

    def test_a_change_of_a_parts_config_is_another_model(self, made: Any, session: mc.Session, tmp_path: Path) -> None:
        import os

        folder = tmp_path / "changing"
        shutil.copytree(made["sdxl"], folder)
        session.load(text(folder), "one")
        config = folder / "scheduler" / "scheduler_config.json"
        config.write_text(config.read_text().replace("0.012", "0.02"))
        os.utime(config, (1, 1))
        session.load(text(folder), "one")
        assert session.loads == 2


class TestMemory:
    def test_where_the_parts_wait_follows_from_what_is_free(self) -> None:
        parts = {"unet": 5_000, "text_encoder": 2_000, "vae": 300}
        assert memory.placement(9_000, parts, work=1_000) == "whole"
        assert memory.placement(8_000, parts, work=1_000) == "parts"
        assert memory.placement(5_500, parts, work=1_000) == "layers"

    def test_a_size_that_cannot_be_drawn_names_one_that_can(
        self, made: Any, drawing: mc.Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        handle = drawing.load(text(made["sdxl"]).replace("width: 64", "width: 8192"), "large")
        monkeypatch.setattr(devices, "free_memory", lambda device: devices.Memory(100_000_000, 200_000_000, "a test"))
        with pytest.raises(DoesNotFit, match="drawing 8192 × 64 takes about [\\s\\S]*width: \\d+ and height: \\d+"):
            handle("a", seed=1)

    def test_a_decode_that_would_not_fit_goes_by_tiles_and_is_near(
        self, made: Any, drawing: mc.Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lines = ("width: 256", "height: 256", "num_inference_steps: 2")
        handle = drawing.load(cell("image-generation", made["hunyuan"], *lines), "large")
        whole = handle("a red fox", seed=7)
        need = decoding.decoding_bytes({"block_out_channels": [8, 8, 8, 8]}, 256, 256, 4)
        free = devices.Memory(need, 10 * need, "a test")
        monkeypatch.setattr("mc_jupyter.drivers._diffusers.decoding.devices.free_memory", lambda device: free)
        monkeypatch.setattr(memory, "check_room", lambda *given: None)
        heard = Heard()
        tiled = handle("a red fox", seed=7, run=heard.run)
        assert "the VAE goes by tiles" in heard.notes
        assert origin(tiled).facts["vae"] == "tiled"
        assert tiled.size == whole.size
        assert not np.array_equal(pixels(tiled), pixels(whole))
        monkeypatch.undo()
        assert np.array_equal(pixels(handle("a red fox", seed=7)), pixels(whole))

    def test_the_vae_is_measured_against_the_device_where_it_will_run(
        self, made: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pipe = SimpleNamespace(vae=pipelines.vae(), _execution_device=torch.device("cuda:1"))  # its weights wait
        asked = []

        def free(device: str) -> Any:
            asked.append(device)
            return devices.Memory(1, 2, "a test")

        monkeypatch.setattr(devices, "free_memory", free)
        heard = Heard()
        with decoding.tiles(pipe, 64, 64, heard.run) as tiled:
            assert tiled
        assert asked == ["cuda:1"]

    def test_parts_that_come_by_turns_go_back_also_after_an_error(
        self, made: Any, drawing: mc.Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        handle = drawing.load(text(made["sdxl"]), "one")
        whole = pixels(handle("a red fox", seed=7))
        resident: Any = drawing.resident_of(handle)
        assert resident is not None
        pipe, back = resident.thing.driver.pipe, []
        pipe.enable_model_cpu_offload(device="cpu")  # the CPU plays the GPU
        go_back = pipe.maybe_free_model_hooks

        def watched() -> None:
            back.append(True)
            go_back()

        monkeypatch.setattr(pipe, "maybe_free_model_hooks", watched)

        def interrupt(event: Any, run: Run) -> None:
            if isinstance(event, Advance):
                raise KeyboardInterrupt

        try:
            with pytest.raises(KeyboardInterrupt):
                handle("a red fox", seed=7, run=Heard(interrupt).run)
            assert back == [True]
            assert np.array_equal(pixels(handle("a red fox", seed=7)), whole)
        finally:
            pipe.remove_all_hooks()
            del pipe._all_hooks

    def test_unloading_gives_the_pipeline_back(self, made: Any, session: mc.Session) -> None:
        handle = session.load(text(made["sdxl"]), "one")
        handle("a red fox", seed=1, run=Heard().run)
        resident: Any = session.resident_of(handle)
        assert resident is not None
        gone = [
            weakref.ref(each)
            for each in (resident.thing.driver, resident.thing.driver.pipe.unet, resident.thing.driver.pipe.vae)
        ]
        del resident
        session.unload("one")
        gc.collect()
        assert [ref() for ref in gone] == [None] * 3

    @pytest.mark.gpu
    @pytest.mark.parametrize("chosen", ["whole", "parts", "layers"])
    def test_each_placement_draws_the_same_on_a_gpu(
        self, chosen: str, made: Any, session: mc.Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not torch.cuda.is_available():
            pytest.skip("there is no GPU here")
        lines = ("device: cuda", "precision: float32")
        whole = pixels(session.load(text(made["sdxl"], *lines), "whole")("a red fox", seed=7))
        session.unload("whole")
        monkeypatch.setattr(memory, "placement", lambda free, parts: chosen)
        heard = Heard()
        handle = session.load(text(made["sdxl"], *lines), "placed", run=heard.run)
        assert ("waits in main memory" in heard.notes) is (chosen != "whole")
        assert abs(pixels(handle("a red fox", seed=7)) - whole).max() <= 1


@pytest.mark.parametrize("kind", ["sdxl", "hunyuan"])
def test_a_scheduler_that_needs_four_steps_says_so_at_the_field(
    kind: str, made: dict[str, Path], drawing: mc.Session, tmp_path: Path
) -> None:
    folder = pipelines.with_scheduler(tmp_path / kind, made[kind], "PNDMScheduler")
    size = ("width: 64", "height: 64", "seed: 3")
    with pytest.raises(
        PlanError, match=r"num_inference_steps: 3, and this model's scheduler \(PNDM\) takes 4 at least"
    ):
        drawing.load(cell("image-generation", folder, *size, "num_inference_steps: 3"))
    handle = drawing.load(cell("image-generation", folder, *size, "num_inference_steps: ${input.steps as integer | 4}"))
    assert handle("a cat").size == (64, 64)
    with pytest.raises(InputError, match="takes 4 at least"):
        handle("a cat", steps=2)
