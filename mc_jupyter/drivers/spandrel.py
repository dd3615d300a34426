"""driver: custom for image-upscale: ESRGAN, Real-ESRGAN, SwinIR and whatever else spandrel reads from one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mc_jupyter.devices import HALF, give_back, is_out_of_memory
from mc_jupyter.drivers import Asked, Driver, Facts, ModelKey, Refusal, TaskCall, performs, refused
from mc_jupyter.drivers._batching import unless_stopped
from mc_jupyter.drivers._chance import Chance
from mc_jupyter.drivers._memory import refusing_what_does_not_fit
from mc_jupyter.drivers._upscaling import planes, upscalers
from mc_jupyter.drivers._upscaling.enlarging import Network, Tiling
from mc_jupyter.errors import InputError, PlanError
from mc_jupyter.events import Run
from mc_jupyter.tasks import Task
from mc_jupyter.tasks.image_upscale import ImageUpscale
from mc_jupyter.values.pictures import marked
from mc_jupyter.weights import known

if TYPE_CHECKING:
    from PIL.Image import Image

    from mc_jupyter.weights import Checkpoint

_IGNORED = {
    "image-upscale": {
        "num_inference_steps": "only ldsr goes by steps",
        "eta": "only ldsr draws noise",
        "seed": "only ldsr draws noise",
        "batch_size": "images go through one tile at a time, and tile_size: says how large one is",
    }
}


class Spandrel(Driver):
    """Enlarges pictures with a network that goes over them once, tile by tile.

    Transparency goes through the same network, as a grey picture of its own, so that its edges are as sharp as those
    of the colours; where it is complete, the colours beside it are looked at instead of those that are stored.
    """

    words = ("custom",)
    package, extra = "spandrel", "upscale"
    reads_one_file = True
    heads = (ImageUpscale.head,)
    ignores = _IGNORED

    def __init__(self, network: Network, notes: tuple[str, ...]):
        self.network = network
        self.notes = notes

    @classmethod
    def suits(cls, task: type[Task], written: Mapping[str, Any]) -> bool:
        return "ldsr" not in (written.get("family"), written.get("architecture"))

    @classmethod
    def source(cls, task: type[Task], settings: Any) -> Any:
        return known.source_of(settings)

    @classmethod
    def refuses(cls, asked: Asked) -> Iterator[Refusal]:
        yield from super().refuses(asked)
        for number, call in asked.numbered_calls():
            if call.get("tile_size") == 0 and call.get("tile_pad_size") is not None:
                said = "tile_pad_size has no effect here: tile_size: 0 cuts nothing"
                yield Refusal(PlanError(said, fix="remove tile_pad_size:"), "tile_pad_size", call=number)
        settings, files = asked.settings, asked.checkpoint
        if settings is not None and settings.quantization.type != "none":
            said = "upscalers are convolutions, which are not quantized"
            yield Refusal(PlanError(said, fix="precision: bfloat16 halves them"), "quantization")
        if settings is not None and settings.device_mode != "single":
            said = "device_mode: auto spreads no upscaler: each fits one device"
            yield Refusal(PlanError(said, fix="device_mode: single"), "device_mode")
        if settings is not None and files is not None:
            yield from refused(_check, settings, files)

    @classmethod
    def wake(cls, key: ModelKey) -> None:
        import spandrel  # noqa: F401

    @classmethod
    def load(cls, key: ModelKey, checkpoint: Checkpoint | None, run: Run) -> Spandrel:
        assert checkpoint is not None
        with refusing_what_does_not_fit(key.subject), Chance(0).drawing():
            model = upscalers.read_model(checkpoint)
            if model.input_channels not in (1, 3) or model.output_channels != model.input_channels:
                raise PlanError(
                    f"{key.subject} makes {model.output_channels} channels of {model.input_channels}: "
                    "it works on neither colours nor greys"
                )
            notes = _moved(model, key)
        return cls(Network(model), (f"enlarges {model.scale}×", *notes))

    @property
    def kind(self) -> str:
        """spandrel's name of the architecture."""
        return str(self.network.model.architecture.id)

    @performs(ImageUpscale)
    def upscale(self, call: TaskCall) -> list[Any]:
        """One enlarged PIL image for each item, None for those that a stop came before."""
        upscalers.refuse_other_kinds(call.settings.family, self.kind, str(call.settings.model))
        action = call.action
        if action.tile_size and self.network.whole_only:
            raise InputError(f"{self.network.model.architecture.name} has to see the whole picture", fix="tile_size: 0")
        tiling = Tiling(self.network, call.run, action.tile_size, action.tile_pad_size, action.color_format == "bgr")
        images = unless_stopped(map(planes.upright, call.items), call.run)
        tiles = unless_stopped(map(tiling.count, images or ()), call.run)
        if images is None or tiles is None:
            return [None] * len(call.items)
        tiling.total = sum(tiles)
        tiling.say_cuts(image.size for image in images)
        planes.say_scale(call.run, action.scale, self.network.scale)
        results: list[Image | None] = []
        for image in images:
            results.append(None if call.run.stopped else self._enlarged(image, action.scale, tiling))
        return results

    def _enlarged(self, image: Image, scale: float | None, tiling: Tiling) -> Image | None:
        parts = planes.split(image)
        if parts.note:
            tiling.run.note(parts.note)
        scale = scale or self.network.scale
        planes.check_room(image.size, self.network.scale, scale)
        made = []
        for plane in parts.each():
            enlarged = tiling.enlarge(plane)
            if enlarged is None:
                return None
            made.append(planes.resampled(enlarged, planes.scaled(image.size, scale)))
        if image.has_transparency_data and len(made) == 1:
            tiling.skip(image.size)
        result = planes.join(made[0], made[1] if len(made) > 1 else None, parts)
        return marked(result, before=image, scale=scale, method=self.kind)

    def facts(self) -> Facts:
        model = self.network.model
        tensors = [*model.model.parameters(), *model.model.buffers()]
        return Facts(
            device=str(model.device),
            dtype=str(model.dtype).removeprefix("torch."),
            bytes=sum(t.numel() * t.element_size() for t in tensors),
            parameters=sum(p.numel() for p in model.model.parameters()),
            architecture=self.kind,
            notes=self.notes,
        )

    def close(self) -> None:
        self.network.model = None
        give_back()


def _check(settings: Any, checkpoint: Checkpoint) -> None:
    """Raise PlanError or WeightsError unless this file is an upscaler of the kind that is asked for."""
    kind = upscalers.kind_of(upscalers.file_of(checkpoint))
    if kind is not None:
        upscalers.refuse_other_kinds(settings.family, kind, str(settings.model))
    if kind == "SwinIR" and settings.precision in HALF:
        # In spandrel 0.4.2 its windows' masks are float32 whatever the weights are.
        raise PlanError(f"SwinIR does not compute in {settings.precision}", fix="precision: float32")


def _moved(model: Any, key: ModelKey) -> tuple[str, ...]:
    """Bring the model to its device and number type; a note where the architecture cannot do the one meant.

    PlanError on a CPU, where half precision is never chosen but by the cell.
    """
    import torch

    model.eval().to(key.device, torch.float32)
    if key.dtype == "float32":
        return ()
    able = {"float16": model.supports_half, "bfloat16": model.supports_bfloat16}[key.dtype]
    if able and _computes(model, getattr(torch, key.dtype)):
        return ()
    model.model.float()
    why = f"{model.architecture.name} does not compute in {key.dtype}"
    if key.device == "cpu":
        raise PlanError(why, fix="precision: float32")
    return (f"{why}: float32 instead",)


def _computes(model: Any, dtype: Any) -> bool:
    """Whether the model runs in a number type, and stays in it: spandrel 0.4.2 says so of some that do not."""
    import torch

    model.to(dtype)
    probe = torch.zeros(1, model.input_channels, 24, 40, dtype=dtype, device=model.device)
    try:
        model(probe)
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        return False
    return True
