"""What diffusers cannot do of what a component asks: by its settings, its files, its adapters and its calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers import Asked, Refusal, refused
from mc_jupyter.drivers import _quantization as quantization
from mc_jupyter.drivers._diffusers.adapters import check_adapter
from mc_jupyter.drivers._diffusers.architectures import traits_of, unfit
from mc_jupyter.errors import PlanError

if TYPE_CHECKING:
    from mc_jupyter.weights import Checkpoint


def refusals(asked: Asked) -> Iterator[Refusal]:
    """All of them. Where the files are of a wrong kind, only that is said of them."""
    yield from quantization.refuses(asked)
    settings, checkpoint = asked.settings, asked.checkpoint
    if settings is not None:
        yield from _of_settings(settings)
    if settings is None or checkpoint is None:
        return
    yield from (wrong := refused(_check, settings, checkpoint))
    if wrong:
        return
    for number, call in asked.numbered_calls():
        for field, message, fix in unfit(traits_of(checkpoint), call):
            yield Refusal(PlanError(message, fix=fix), field, call=number)
    for name, files in asked.adapters.items():
        yield from refused(check_adapter, checkpoint, files, name, adapter=name)


def _of_settings(settings: Any) -> Iterator[Refusal]:
    if settings.device_mode == "auto":
        error = PlanError(
            "device_mode: auto spreads layers over several GPUs, which diffusers' pipelines cannot do",
            fix="remove device_mode: what does not fit on the GPU then waits in main memory for its turn",
        )
        yield Refusal(error, "device_mode")
    if settings.family == "hunyuan-image":
        error = PlanError(
            "architecture: hunyuan-image is read, but this version does not draw with it",
            fix="architecture: hunyuan (HunyuanDiT), sdxl or flux",
        )
        yield Refusal(error, "family")


def _check(settings: Any, checkpoint: Checkpoint) -> None:
    """Raise PlanError or WeightsError unless these files are a pipeline that draws as asked."""
    traits_of(checkpoint, settings.family)
    quantization.check(settings, checkpoint)
