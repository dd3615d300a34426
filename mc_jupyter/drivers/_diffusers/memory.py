"""Where a pipeline's parts wait for their turn: all on the GPU, one part at a time, or one layer at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from mc_jupyter import devices
from mc_jupyter.drivers import _quantization as quantization
from mc_jupyter.drivers._diffusers.architectures import Traits
from mc_jupyter.drivers._diffusers.loading import modules
from mc_jupyter.errors import DoesNotFit
from mc_jupyter.weights.memory import Estimate
from mc_jupyter.words import format_bytes

if TYPE_CHECKING:
    from mc_jupyter.drivers import ModelKey
    from mc_jupyter.events import Run
    from mc_jupyter.weights import Checkpoint

Placement = Literal["whole", "parts", "layers"]

# What is left free for the numbers of the steps themselves: about what SDXL takes in half precision at 1024 × 1024.
_WORK = 3_000_000_000
_LAYER = 4  # of its largest tensors, what one layer at a time needs beside that


def placement(free: int, parts: dict[str, int], work: int = _WORK) -> Placement:
    """How much of a pipeline fits on a GPU with `free` bytes; `parts` are the bytes of each."""
    if sum(parts.values()) + work <= free:
        return "whole"
    return "parts" if max(parts.values(), default=0) + work <= free else "layers"


def least(key: ModelKey, checkpoint: Checkpoint) -> int | None:
    """Bytes of the GPU with which the pipeline runs after all, a layer at a time. None where all of it must fit.

    Quantized layers stay where they were made: bitsandbytes does not move them to and fro.
    """
    if not key.device.startswith("cuda") or key.quantization != "none":
        return None
    return _WORK + _LAYER * checkpoint.largest


def estimate(key: ModelKey, checkpoint: Checkpoint) -> Estimate:
    """The memory of a pipeline. What is to be quantized is there whole first: in its files' pages where it is stored in
    the number type that was asked for, else as the process's own."""
    found = quantization.estimate(key, checkpoint)
    if key.quantization == "none" or key.device != "cpu" or checkpoint.dtype == key.dtype:
        return found
    whole = checkpoint.bytes_as(key.dtype) + quantization.passing(key, checkpoint)
    return replace(found, peak_bytes=max(found.peak_bytes, whole))


def place(pipe: Any, key: ModelKey, run: Run) -> Placement:
    """Put a pipeline that is on the CPU where it will run; say so where that is not wholly on its device."""
    if not key.device.startswith("cuda") or key.quantization != "none":
        pipe.to(key.device)
        return "whole"
    parts = {name: _bytes(part) for name, part in modules(pipe).items()}
    free = devices.free_memory(key.device)
    chosen = placement(free.free, parts)
    if chosen == "whole":
        pipe.to(key.device)
        return chosen
    move = pipe.enable_model_cpu_offload if chosen == "parts" else pipe.enable_sequential_cpu_offload
    move(device=key.device)
    how = "part by part, a little slower" if chosen == "parts" else "layer by layer, many times slower"
    run.note(
        f"{key.subject or 'the model'} takes {format_bytes(sum(parts.values()))} and {free}: it waits in main "
        f"memory and comes to {key.device} {how}, without previews"
    )
    return chosen


def _bytes(part: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in (*part.parameters(), *part.buffers()))


# --- the size of what is asked for ------------------------------------------------------------------------------------

# How many copies of its latents' features a denoiser holds at its widest: the skips of a UNet and both halves of
# guidance, or the streams and the fourfold hidden layer of a transformer.
_COPIES = 24


def drawing_bytes(pipe: Any, traits: Traits, width: int, height: int, images: int) -> int:
    """About how much memory the steps take at their peak, beside the weights."""
    denoiser = getattr(pipe, traits.kind.denoiser)
    config = denoiser.config
    if traits.kind.denoiser == "unet":
        tokens, features = traits.latents(width, height), config.block_out_channels[0]
    else:
        tokens = traits.latents(width, height) // 4  # two by two latents are one token
        features = config.num_attention_heads * config.attention_head_dim
    size = 2 if str(denoiser.dtype) in ("torch.float16", "torch.bfloat16") else 4
    return int(images * tokens * features * _COPIES * size)


def check_room(pipe: Any, traits: Traits, width: int, height: int, device: str) -> None:
    """DoesNotFit when a picture of this size cannot be drawn in what is free, however few at once."""
    need, memory = drawing_bytes(pipe, traits, width, height, 1), devices.free_memory(device)
    if need <= memory.free:
        return
    ratio = (memory.free / need) ** 0.5
    fits = [max(traits.step, int(side * ratio) // traits.step * traits.step) for side in (width, height)]
    raise DoesNotFit(
        f"drawing {width} × {height} takes about {format_bytes(need)}; {memory}",
        fix=f"width: {fits[0]} and height: {fits[1]}, or %compose unload another model",
    )
