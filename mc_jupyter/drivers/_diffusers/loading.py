"""Reading a pipeline with diffusers: its parts, their number type, their bits, and where they are put."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers import _quantization as quantization
from mc_jupyter.drivers._belonging import check_rows, check_vocabulary
from mc_jupyter.drivers._diffusers.architectures import Architecture
from mc_jupyter.drivers._transformers.loading import Quiet
from mc_jupyter.errors import PlanError

if TYPE_CHECKING:
    import torch

    from mc_jupyter.drivers import ModelKey
    from mc_jupyter.weights import Checkpoint

_VARIANT = re.compile(r"\.(fp16|bf16|fp32|non_ema|ema)(?:-\d{5}-of-\d{5})?\.\w+$")
_RAW = ("pooler",)  # HunyuanDiT's multiplies by its layers' weights itself, and never calls them
_BIG = 0.1  # a text encoder is quantized, too, if it has at least this share of the denoiser's numbers


@contextmanager
def quiet() -> Iterator[None]:
    """No bars and no warnings of diffusers' and transformers' own: what matters is said by us."""
    from diffusers.utils import logging as log

    level = log.get_verbosity()
    log.set_verbosity_error()
    bars = log.is_progress_bar_enabled() if hasattr(log, "is_progress_bar_enabled") else True
    log.disable_progress_bar()
    try:
        with Quiet():
            yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()


def read_pipeline(kind: Architecture, key: ModelKey, checkpoint: Checkpoint) -> Any:
    """The pipeline on the CPU, in the key's number type. What diffusers raises is raised as it comes."""
    import diffusers
    import torch

    files = checkpoint.files
    safe = all(file.suffix == ".safetensors" for file in files)
    pipe = getattr(diffusers, kind.pipeline).from_pretrained(
        checkpoint.folder,
        dtype=getattr(torch, key.dtype),
        use_safetensors=True if safe else None,
        variant=_variant(checkpoint),
        local_files_only=True,
    )
    pipe.set_progress_bar_config(disable=True)
    _check_tokenizers(pipe)
    return pipe


def _check_tokenizers(pipe: Any) -> None:
    """WeightsError for a tokenizer that is not its text encoder's, or has no vocabulary."""
    for name in ("tokenizer", "tokenizer_2"):
        if tokenizer := pipe.components.get(name):
            check_vocabulary(tokenizer, f"into {name}/")
            encoder = pipe.components[name.replace("tokenizer", "text_encoder")]
            check_rows(tokenizer, encoder.config.vocab_size, name)


def _variant(checkpoint: Checkpoint) -> str | None:
    """`fp16` where the chosen files of some part are named so (`….fp16.safetensors`): diffusers wants to be told."""
    found = {match[1] for file in checkpoint.files if (match := _VARIANT.search(file.name))}
    if len(found) > 1:
        raise PlanError(
            f"the parts of this model are stored as {' and '.join(sorted(found))}, and diffusers reads one of them",
            fix="save it again whole: `pipeline.save_pretrained(folder)`",
        )
    return found.pop() if found else None


def modules(pipe: Any) -> dict[str, torch.nn.Module]:
    """The pipeline's parts that hold weights, by name."""
    import torch

    return {name: part for name, part in pipe.components.items() if isinstance(part, torch.nn.Module)}


def whole(pipe: Any) -> torch.nn.Module:
    """One module that has the pipeline's parts as its own, under their names."""
    import torch

    container = torch.nn.ModuleDict(modules(pipe))
    container.config = {"model_type": "custom"}  # type: ignore[assignment]  # who asks wants what models have
    return container


# --- fewer bits -------------------------------------------------------------------------------------------------------


def quantize(pipe: Any, kind: Architecture, key: ModelKey) -> None:
    """Hold the linear layers of the denoiser, and of the big text encoders, in fewer bits.

    diffusers' own way (0.42) wants a GPU. The layers are bitsandbytes' either way.
    """
    import torch

    quantization.import_quietly()
    dtype = getattr(torch, key.dtype)
    for part in to_quantize(pipe, kind):
        kept = (*_RAW, *(getattr(part, "_keep_in_fp32_modules", None) or ()))
        for path, linear in [(p, m) for p, m in part.named_modules() if type(m) is torch.nn.Linear]:
            if any(name in path.split(".") for name in kept):
                continue
            parent, _, name = path.rpartition(".")
            setattr(part.get_submodule(parent), name, _in_fewer_bits(linear, key).to(key.device))
        part.requires_grad_(False)
        quantization.settle(part, dtype)


def to_quantize(pipe: Any, kind: Architecture) -> list[torch.nn.Module]:
    """The denoiser, and the text encoders beside which it is not everything."""
    parts = modules(pipe)
    denoiser = parts[kind.denoiser]
    least = _BIG * _numbers(denoiser)
    encoders = [part for name, part in parts.items() if name.startswith("text_encoder")]
    return [denoiser, *(part for part in encoders if _numbers(part) >= least)]


def _numbers(part: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in part.parameters())


def _in_fewer_bits(linear: Any, key: ModelKey) -> Any:
    """A layer of bitsandbytes with the same weight: it becomes small when it is put on a device."""
    import torch
    from bitsandbytes.nn.modules import Int8Params, Linear4bit, Linear8bitLt, Params4bit

    sizes = (linear.in_features, linear.out_features, linear.bias is not None)
    weight = linear.weight.data
    made: Any
    if key.quantization == "int8":
        made = Linear8bitLt(*sizes, has_fp16_weights=False, device="meta")
        made.weight = Int8Params(weight, requires_grad=False, has_fp16_weights=False)
    else:
        kind = quantization.FOUR_BITS[key.quantization]
        computes = getattr(torch, key.compute_dtype or key.dtype)
        double = key.double_quant
        made = Linear4bit(*sizes, computes, compress_statistics=double, quant_type=kind, device="meta")  # type: ignore[no-untyped-call]
        made.weight = Params4bit(weight, requires_grad=False, compress_statistics=double, quant_type=kind, module=made)
    made.bias = None if linear.bias is None else torch.nn.Parameter(linear.bias.data, requires_grad=False)
    return made.eval()
