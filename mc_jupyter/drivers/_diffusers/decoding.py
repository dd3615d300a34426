"""From latents to pictures: the VAE, what it needs of memory, numbers that are none, and the model's own filter.

The pipelines' formulas are those of diffusers 0.42: the same latents give the same pixels as `output_type="pil"`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mc_jupyter import devices
from mc_jupyter.errors import RunError
from mc_jupyter.words import format_bytes

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from mc_jupyter.events import Run

_ROOM = 0.8  # of what is free, what a decoder may take before it goes by tiles


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded image. `hidden` says that the model's own filter made it black; `tiled` and `exact` how it came."""

    image: Image
    hidden: bool = False
    tiled: bool = False
    upcast: bool = False


def pictures(pipe: Any, latents: torch.Tensor, width: int, height: int, run: Run) -> Iterator[Picture]:
    """The pictures of a batch of latents as the pipeline's loop leaves them, decoded one at a time.

    RunError where the numbers are none: that would be a black picture.
    """
    check_numbers(latents, pipe)
    spread = unpacked(pipe, latents, width, height)
    with tiles(pipe, width, height, run) as tiled:
        for i in range(len(spread)):
            pixels, upcast = _pixels(pipe, spread[i : i + 1], run)
            image, hidden = _filtered(pipe, pixels)
            yield Picture(image, hidden, tiled, upcast)


def unpacked(pipe: Any, latents: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Latents as the VAE has them, (images, channels, rows, columns): FLUX packs two by two into one token."""
    if latents.ndim == 4:
        return latents
    spread: torch.Tensor = pipe._unpack_latents(latents, height, width, pipe.vae_scale_factor)
    return spread


def check_numbers(latents: torch.Tensor, pipe: Any) -> None:
    """RunError when the denoiser gave numbers that are none."""
    import torch

    if not torch.isfinite(latents).all():
        raise _none(f"the denoiser ({_dtype(latents)})", _dtype(latents))


def _none(part: str, dtype: str) -> RunError:
    fix = "precision: float32 (or bfloat16)" if dtype == "float16" else "precision: float32"
    if dtype == "float32":
        fix = "its weights are damaged, or an adapter's weight is far too large: fetch the model again, or lower it"
    return RunError(f"the picture would be black: {part} gave numbers that are none (NaN or infinite)", fix=fix)


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def decode(pipe: Any, latents: torch.Tensor) -> torch.Tensor:
    """Pixels from -1 to 1 of unpacked latents, in the VAE's own number type, float32 where it asks for that."""
    import torch

    vae = pipe.vae
    config = vae.config
    # SDXL's VAE overflows in float16, and says so.
    raised = vae.dtype == torch.float16 and bool(config.get("force_upcast")) and _is_sdxl(pipe)
    if raised:
        vae.to(dtype=torch.float32)
    try:
        pixels: torch.Tensor = vae.decode(_scaled(latents, config, vae.dtype, pipe), return_dict=False)[0]
    finally:
        if raised:
            vae.to(dtype=torch.float16)
    return pixels


def _is_sdxl(pipe: Any) -> bool:
    return hasattr(pipe, "unet")


def _scaled(latents: torch.Tensor, config: Any, dtype: torch.dtype, pipe: Any) -> torch.Tensor:
    """Latents in the VAE's own measure."""
    import torch

    latents = latents.to(dtype)
    mean, spread = config.get("latents_mean"), config.get("latents_std")
    if _is_sdxl(pipe) and mean is not None and spread is not None:
        shape = (1, -1, 1, 1)
        by, plus = (torch.tensor(each).view(shape).to(latents.device, latents.dtype) for each in (spread, mean))
        scaled: torch.Tensor = latents * by / config.scaling_factor + plus
        return scaled
    latents = latents / config.scaling_factor
    shift = None if _is_sdxl(pipe) else config.get("shift_factor")
    return latents if shift is None else latents + shift


def _pixels(pipe: Any, latents: torch.Tensor, run: Run) -> tuple[torch.Tensor, bool]:
    """The pixels, and whether the VAE had to be raised to float32 because its half precision gave none."""
    import torch

    vae = pipe.vae
    with torch.no_grad():
        pixels = decode(pipe, latents)
        if torch.isfinite(pixels).all():
            return pixels, False
        own = vae.dtype
        if own == torch.float32:
            raise _none("the VAE (float32)", "float32")
        vae.to(dtype=torch.float32)
        try:
            pixels = decode(pipe, latents)
        finally:
            vae.to(dtype=own)
    if not torch.isfinite(pixels).all():
        raise _none("the VAE, in float32 as well,", "float32")
    name = str(own).removeprefix("torch.")
    run.note(f"the VAE gave no numbers in {name}: decoded again in float32 (precision: float32 does so at once)")
    return pixels, True


def _filtered(pipe: Any, pixels: torch.Tensor) -> tuple[Image, bool]:
    """The picture, and whether the model's own safety checker hid it."""
    if getattr(pipe, "watermark", None) is not None:
        pixels = pipe.watermark.apply_watermark(pixels)
    hidden = False
    if getattr(pipe, "safety_checker", None) is not None:
        checked, found = pipe.run_safety_checker(pixels, pixels.device, next(pipe.safety_checker.parameters()).dtype)
        pixels, hidden = checked, bool(found and found[0])
    image: Image = pipe.image_processor.postprocess(pixels, output_type="pil", do_denormalize=[not hidden])[0]
    return image, hidden


# --- memory -----------------------------------------------------------------------------------------------------------


def decoding_bytes(config: Any, width: int, height: int, size: int) -> int:
    """About how much memory decoding one picture takes at its peak; `size` is bytes per number.

    Its last block works on whole rows of pixels in as many channels as the block before it gives: the input, its norm,
    its activation and the convolution's result are there at once.
    """
    channels = list(config.get("block_out_channels") or (128, 256))
    return int(4 * channels[min(1, len(channels) - 1)] * width * height * size)


@contextmanager
def tiles(pipe: Any, width: int, height: int, run: Run) -> Iterator[bool]:
    """Let the VAE go by tiles, that overlap and are blended, where the whole picture would not fit; and say so."""
    vae = pipe.vae
    size = 4 if vae.config.get("force_upcast") else next(vae.parameters()).element_size()
    need = decoding_bytes(vae.config, width, height, size)
    place = pipe._execution_device  # between its turns the VAE may wait in main memory
    free = devices.free_memory(f"cuda:{place.index or 0}" if place.type == "cuda" else place.type).free
    if need <= _ROOM * free or not hasattr(vae, "enable_tiling"):
        yield False
        return
    run.note(
        f"decoding {width} × {height} would take about {format_bytes(need)} of "
        f"{format_bytes(free)} free: the VAE goes by tiles, so that seams may differ a little"
    )
    vae.enable_tiling()
    try:
        yield True
    finally:
        vae.disable_tiling()
