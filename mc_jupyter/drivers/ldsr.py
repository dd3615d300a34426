"""driver: custom for image-upscale with architecture: ldsr: latent diffusion that enlarges, by diffusers."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mc_jupyter.devices import give_back
from mc_jupyter.drivers import Asked, Driver, Facts, ModelKey, Refusal, TaskCall, performs, refused
from mc_jupyter.drivers import _numbers as numbers
from mc_jupyter.drivers._batching import unless_stopped
from mc_jupyter.drivers._chance import Chance
from mc_jupyter.drivers._diffusers.loading import quiet
from mc_jupyter.drivers._diffusers.parts import SCHEDULERS, check_parts, of_diffusers
from mc_jupyter.drivers._memory import refusing_what_does_not_fit
from mc_jupyter.drivers._upscaling import planes
from mc_jupyter.errors import InputError, PlanError
from mc_jupyter.events import Advance, Run
from mc_jupyter.language.fields import SEEDS
from mc_jupyter.tasks import Task
from mc_jupyter.tasks.image_upscale import ImageUpscale
from mc_jupyter.values.pictures import marked
from mc_jupyter.weights import check_pickle, known
from mc_jupyter.weights.reading import shown

if TYPE_CHECKING:
    from PIL.Image import Image

    from mc_jupyter.weights import Checkpoint

_PIPELINE = "LDMSuperResolutionPipeline"
_PARTS = {
    "vqvae": (of_diffusers("VQModel"), of_diffusers("AutoencoderKL")),
    "unet": (of_diffusers("UNet2DModel"),),
    "scheduler": SCHEDULERS,
}
_MULTIPLE = 32  # the pipeline shrinks what is no multiple of it; we pad instead, and cut off again
_STEPS = 100  # the pipeline's own default
_SEEN_WHOLE = "ldsr sees a picture as a whole"
_IGNORED = {
    "image-upscale": {
        "tile_size": _SEEN_WHOLE,
        "tile_pad_size": _SEEN_WHOLE,
        "color_format": "its pipeline takes RGB",
        "batch_size": "images go through one by one",
    }
}


class _Stopped(Exception):
    """The run was stopped: leaves the pipeline's loop."""


class Ldsr(Driver):
    """Enlarges pictures by denoising: it begins with noise, so a seed belongs to each result.

    Grey pictures go through as grey RGB, and their colours are averaged. Transparency is resampled by Lanczos: to a
    model that invents detail, it is no picture.
    """

    words = ("custom",)
    package = "diffusers"
    heads = (ImageUpscale.head,)
    ignores = _IGNORED

    def __init__(self, pipeline: Any):
        self.pipeline = pipeline

    @classmethod
    def suits(cls, task: type[Task], written: Mapping[str, Any]) -> bool:
        return "ldsr" in (written.get("family"), written.get("architecture"))

    @classmethod
    def source(cls, task: type[Task], settings: Any) -> Any:
        file = known.known(str(getattr(settings.model, "repository", "")))
        if file is not None:
            raise PlanError(
                f"{file.name} is one file of weights, and ldsr a folder that holds a {_PIPELINE} of diffusers",
                fix="architecture: auto",
            )
        return settings.model

    @classmethod
    def refuses(cls, asked: Asked) -> Iterator[Refusal]:
        yield from super().refuses(asked)
        settings, files = asked.settings, asked.checkpoint
        if settings is not None and settings.quantization.type != "none":
            error = PlanError("ldsr is not quantized in this version", fix="precision: float16, on a GPU")
            yield Refusal(error, "quantization")
        if settings is not None and settings.device_mode != "single":
            error = PlanError("device_mode: auto does not spread ldsr: it fits one device", fix="device_mode: single")
            yield Refusal(error, "device_mode")
        if files is not None and (found := files.pipeline) != _PIPELINE:
            what = f"a {shown(found)}" if found else "no pipeline"
            yield Refusal(PlanError(
                f"ldsr is a folder that holds a {_PIPELINE} of diffusers, and {settings.model} is {what}",
                fix="architecture: auto, for a single file of ESRGAN, Real-ESRGAN or SwinIR" if not found else None,
            ))  # fmt: skip
        elif files is not None:
            yield from refused(check_parts, files, _PARTS)

    @classmethod
    def wake(cls, key: ModelKey) -> None:
        from diffusers import LDMSuperResolutionPipeline  # noqa: F401

    @classmethod
    def load(cls, key: ModelKey, checkpoint: Checkpoint | None, run: Run) -> Ldsr:
        assert checkpoint is not None
        check_pickle(checkpoint)
        with refusing_what_does_not_fit(key.subject), quiet(), Chance(0).drawing():
            pipeline = _read(key, checkpoint).to(key.device)
        pipeline.set_progress_bar_config(disable=True)
        return cls(pipeline)

    @property
    def scale(self) -> int:
        """How many times larger what it decodes is than its latents, which are as large as the input."""
        return int(2 ** (len(self.pipeline.vqvae.config.block_out_channels) - 1))

    @performs(ImageUpscale)
    def upscale(self, call: TaskCall) -> list[Any]:
        """One enlarged PIL image for each item, None for those that a stop came before. Item k is drawn by seed + k."""
        action = call.action
        if action.eta is not None and not self._takes_eta():
            name = type(self.pipeline.scheduler).__name__
            raise InputError(f"eta has no effect with the scheduler {name}", fix="remove eta:")
        images = unless_stopped(map(planes.upright, call.items), call.run)
        if images is None:
            return [None] * len(call.items)
        planes.say_scale(call.run, action.scale, self.scale)
        first = _any_seed() if action.seed is None else action.seed
        steps = _Steps(self.pipeline, action.num_inference_steps or _STEPS, len(images), call.run)
        results: list[Image | None] = []
        for k, image in enumerate(images):
            results.append(None if call.run.stopped else self._enlarged(image, action, (first + k) % SEEDS, steps))
        return results

    def _enlarged(self, image: Image, action: Any, seed: int, steps: _Steps) -> Image | None:
        parts = planes.split(image)
        if parts.note:
            steps.run.note(parts.note)
        scale = action.scale or self.scale
        planes.check_room(image.size, self.scale, scale)
        made = self._drawn(parts.colour, seed, action.eta, steps)
        if made is None:
            return None
        size = planes.scaled(image.size, scale)
        alpha = planes.resampled(parts.alpha, size) if parts.alpha is not None else None
        result = planes.join(planes.resampled(made, size), alpha, parts)
        return marked(
            result, before=image, scale=scale, method="LDSR", seed=seed, num_inference_steps=steps.count, eta=action.eta
        )

    def _drawn(self, colour: Image, seed: int, eta: float | None, steps: _Steps) -> Image | None:
        """The picture by its own scale; None when the run was stopped before its end."""
        import torch

        noise = torch.Generator("cpu").manual_seed(seed)
        more = {} if eta is None else {"eta": eta}
        try:
            # What `eta` adds, the scheduler draws without a generator.
            with steps, Chance(seed).drawing():
                made = self.pipeline(
                    image=_padded(_rgb(colour)),
                    num_inference_steps=steps.count, generator=noise, output_type="pt", **more,
                ).images[0]  # fmt: skip
        except _Stopped:
            return None
        made = made[:, : colour.height * self.scale, : colour.width * self.scale].float()
        numbers.check(made, self.pipeline.unet.dtype)
        return _picture(made, colour.mode)

    def _takes_eta(self) -> bool:
        return "eta" in inspect.signature(self.pipeline.scheduler.step).parameters

    def facts(self) -> Facts:
        parts = (self.pipeline.unet, self.pipeline.vqvae)
        tensors = [tensor for part in parts for tensor in (*part.parameters(), *part.buffers())]
        first = next(self.pipeline.unet.parameters())
        return Facts(
            device=str(first.device),
            dtype=str(first.dtype).removeprefix("torch."),
            bytes=sum(t.numel() * t.element_size() for t in tensors),
            parameters=sum(p.numel() for part in parts for p in part.parameters()),
            architecture=type(self.pipeline).__name__,
            notes=(f"enlarges {self.scale}×",),
        )

    def close(self) -> None:
        self.pipeline = None
        give_back()


class _Steps:
    """Tells each denoising step of a call's images, and ends the pipeline when the run is stopped.

    The pipeline has no callback: a hook on its network is called once a step.
    """

    def __init__(self, pipeline: Any, count: int, images: int, run: Run):
        self.pipeline, self.count, self.run = pipeline, count, run
        self.done = 0
        self.hook: Any = None
        try:
            pipeline.scheduler.set_timesteps(count)
        except (ValueError, IndexError):
            name = type(pipeline.scheduler).__name__
            raise InputError(f"the scheduler {name} does not go by {count} steps", fix="more steps") from None
        self.total = images * len(pipeline.scheduler.timesteps)  # some take a step more than they are asked for

    def __enter__(self) -> None:
        self.hook = self.pipeline.unet.register_forward_hook(self._after)

    def __exit__(self, *error: object) -> None:
        self.hook.remove()

    def _after(self, *_: object) -> None:
        self.done += 1
        self.run.emit(Advance(self.done, self.total, "steps"))
        if self.run.stopped:
            raise _Stopped


def _read(key: ModelKey, checkpoint: Checkpoint) -> Any:
    import torch
    from diffusers import LDMSuperResolutionPipeline

    return LDMSuperResolutionPipeline.from_pretrained(  # type: ignore[no-untyped-call]
        checkpoint.folder,
        dtype=getattr(torch, key.dtype),
        use_safetensors=True if all(file.suffix == ".safetensors" for file in checkpoint.files) else None,
        local_files_only=True,
    )


def _any_seed() -> int:
    import secrets

    return secrets.randbelow(2**32)


def _rgb(colour: Image) -> Image:
    """A plane as RGB; 16-bit greys lose the bits that the pipeline does not take."""
    import numpy as np
    from PIL import Image as pil

    if not colour.mode.startswith("I"):
        return colour.convert("RGB")
    return pil.fromarray((np.asarray(colour) / 257).round().astype(np.uint8)).convert("RGB")


def _padded(image: Image) -> Image:
    """The image with its edge repeated to the right and below, up to a multiple of 32 pixels."""
    import numpy as np
    from PIL import Image as pil

    across, down = -image.width % _MULTIPLE, -image.height % _MULTIPLE
    if not (across or down):
        return image
    return pil.fromarray(np.pad(np.asarray(image), ((0, down), (0, across), (0, 0)), mode="edge"))


def _picture(made: Any, mode: str) -> Image:
    """A tensor of colours × heights × widths, from 0 to 1, as a picture: grey where the plane was."""
    import numpy as np
    from PIL import Image as pil

    if mode == "RGB":
        return pil.fromarray((made * 255).round().permute(1, 2, 0).cpu().numpy().astype(np.uint8))
    most, kind = (255, np.uint8) if mode == "L" else (65535, np.uint16)
    return pil.fromarray((made.mean(0) * most).round().cpu().numpy().astype(kind))
