"""Weights in fewer bits, by bitsandbytes: what is refused, how much memory they take, what transformers is told, how
the layers compute.

Measured with bitsandbytes 0.50 on CPUs: llama, gpt2, T5 and BERT load and compute in int8, nf4 and fp4, each with
float32, bfloat16 and float16 around them. What fails by itself is said at `settle`.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mc_jupyter import devices
from mc_jupyter.drivers import Asked, ModelKey, Refusal
from mc_jupyter.errors import MissingPackage, PlanError
from mc_jupyter.weights.headers import SIZES
from mc_jupyter.weights.memory import Estimate
from mc_jupyter.weights.reading import Config, shown

if TYPE_CHECKING:
    import torch

    from mc_jupyter.weights import Checkpoint

OFFERED = ("int8", "nf4")
"""What to offer where memory is short, the gentlest first."""

BY_BATCH = "int8 looks for the largest numbers among all texts of a batch: a list's texts go through it one by one"
"""Why a list is not what its texts are alone, where they share a batch (LLM.int8(), bitsandbytes 0.50)."""

FOUR_BITS = {"int4": "nf4", "nf4": "nf4", "fp4": "fp4"}
"""What each 4-bit word of a cell is to bitsandbytes. `int4` has no meaning there; model-compose makes it nf4."""

_KERNEL_ROWS = 32  # bitsandbytes' kernel for CPUs with AVX512-BF16 works on so many rows of a matrix at once


# --- before anything is read ------------------------------------------------------------------------------------------


def refuses(asked: Asked) -> Iterator[Refusal]:
    """What these settings ask for that bitsandbytes cannot do here."""
    if asked.settings is None:
        return
    device = asked.device or ("mps" if asked.settings.device == "mps" else None)  # also where there is none
    for error in _beyond(asked.settings.quantization, device):
        yield Refusal(error, "quantization")


def _beyond(asked: Any, device: str | None) -> Iterator[PlanError]:
    if asked.type not in FOUR_BITS and asked.compute_dtype != "auto":
        yield PlanError(
            f"compute_dtype is for 4-bit weights: it changes nothing with quantization: {asked.type}",
            fix="remove compute_dtype",
        )
    if asked.type == "none":
        return
    if importlib.util.find_spec("bitsandbytes") is None:
        yield MissingPackage(
            f"quantization: {asked.type} needs bitsandbytes, which is not installed",
            fix='%pip install "mc-jupyter[quant]"',
        )
    if device == "mps":
        yield PlanError(
            f"quantization: {asked.type} is not for Apple's GPU: bitsandbytes is not used there",
            fix="device: cpu, or quantization: none",
        )
    elif device and asked.compute_dtype not in ("auto", "float32"):
        able, why = devices.supports(device, asked.compute_dtype)
        if not able:
            yield PlanError(why, fix="compute_dtype: float32")


def check(settings: Any, checkpoint: Checkpoint) -> None:
    """PlanError when these files cannot be quantized."""
    asked = settings.quantization.type
    if asked == "none":
        return
    if own := checkpoint.config.inside("quantization_config"):
        method = shown(own.text("quant_method") or "some way")
        raise PlanError(
            f"this model is stored quantized ({method}): it cannot become {asked} as well", fix="remove quantization:"
        )
    if checkpoint.elements and not checkpoint.matrices:
        raise PlanError(f"this model has no linear layer that could become {asked}", fix="remove quantization:")


# Bytes per number of a quantized matrix, by bitsandbytes. In 4 bits every 64 numbers share a scale, of 8 bits where the
# scales are quantized too (the default). CPUs with AVX512-BF16 make each scale 16 bits before they compute. That is
# counted, and is 2 % above what others hold (measured: llama, gpt2 and BERT of 12 million numbers).
_BYTES = {"int8": 1.0, "int4": 0.5 + 2 / 64, "fp4": 0.5 + 2 / 64, "nf4": 0.5 + 2 / 64}
# transformers leaves the second half of these models' feed-forward layers as it is, and never makes it float16.
_KEPT_WHOLE = ("t5", "mt5", "umt5")


def estimate(key: ModelKey, checkpoint: Checkpoint) -> Estimate:
    """The memory of a model with its matrices quantized, or not."""
    weights = checkpoint.bytes_as(key.dtype)
    if checkpoint.elements:
        kept, size = _kept_whole(checkpoint.config), SIZES[key.dtype]
        if key.dtype == "float16":
            weights += round(kept * (SIZES["float32"] - size))
        if key.quantization != "none":
            weights -= round((checkpoint.matrices - kept) * (size - _BYTES[key.quantization]))
    return Estimate(weights, weights + passing(key, checkpoint))


# Bytes per number of a matrix that bitsandbytes makes, and drops again, while it quantizes it on a CPU.
_WORK = {"int8": 9.0, "int4": 13.0, "nf4": 13.0, "fp4": 18.0}


def passing(key: ModelKey, checkpoint: Checkpoint) -> int:
    """What loading takes beside the weights and gives back, where freed blocks go back at once.

    On a CPU that is the copies of the matrix being quantized, one at a time: as it is read, as float32, and as codes.
    Whole weights take nothing: what they are read from is mapped, and a mapped file's pages are not counted.
    """
    if key.device != "cpu":
        return checkpoint.largest
    if key.quantization == "none":
        return 0
    read = 0 if checkpoint.dtype == key.dtype else SIZES[key.dtype]  # else its numbers are the file's pages
    whole = SIZES["float32"] if key.dtype != "float32" else 0
    return round(checkpoint.widest * (read + whole + _WORK[key.quantization]))


def _kept_whole(config: Config) -> int:
    """How many numbers of T5's layers `wo` there are."""
    if config.text("model_type") not in _KEPT_WHOLE:
        return 0
    encoder = config.number("num_layers") or 0
    decoder = config.number("num_decoder_layers") or encoder
    return (encoder + decoder) * (config.number("d_ff") or 0) * (config.number("d_model") or 0)


# --- loading ----------------------------------------------------------------------------------------------------------


def arguments(key: ModelKey, lacking: list[str]) -> dict[str, Any]:
    """What `from_pretrained` is told so that it quantizes as the key says.

    `lacking` are heads that the files do not hold: made up whole, as there is nothing to quantize them from.
    """
    if key.quantization == "none":
        return {}
    import torch

    import_quietly()
    from transformers import BitsAndBytesConfig

    if key.quantization == "int8":
        return {"quantization_config": BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=lacking or None)}
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=FOUR_BITS[key.quantization],
        bnb_4bit_compute_dtype=getattr(torch, key.compute_dtype or key.dtype),
        bnb_4bit_use_double_quant=key.double_quant,
        llm_int8_skip_modules=lacking or None,
    )
    return {"quantization_config": config}


def import_quietly() -> None:
    """Import bitsandbytes where it is installed, without what it says and fetches meanwhile."""
    _hush("bitsandbytes.autograd._functions", "MatMul8bitLt: inputs will be cast from")
    _hush("bitsandbytes.backends.cpu.ops", "Failed to load CPU gemm_4bit_forward")
    if "bitsandbytes" in sys.modules or importlib.util.find_spec("bitsandbytes") is None:
        return
    # With the package `kernels` installed, importing bitsandbytes on a CPU with AVX512-BF16 downloads compiled code
    # from the hub and runs it. Nobody asked for that: it finds no such package, and takes its own kernel.
    there = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "kernels"}
    sys.modules["kernels"] = None  # type: ignore[assignment]
    try:
        import bitsandbytes  # noqa: F401
    finally:
        del sys.modules["kernels"]
        sys.modules.update(there)


class _Hushed(logging.Filter):
    """Drops one message, and nothing else of its logger."""

    def __init__(self, beginning: str):
        super().__init__()
        self.beginning = beginning

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(self.beginning)


def _hush(logger: str, beginning: str) -> None:
    """Lasting, since the message comes with every product of every layer, and says what int8 always does."""
    log = logging.getLogger(logger)
    if not any(isinstance(f, _Hushed) and f.beginning == beginning for f in log.filters):
        log.addFilter(_Hushed(beginning))


def settle(model: Any, dtype: torch.dtype) -> None:
    """Bring each quantized layer to the form it computes in, so that the first answer is like all later ones.

    On CPUs with AVX512-BF16, bitsandbytes (0.50) repacks a 4-bit layer when it first computes, and rounds the scales to
    bfloat16. It fails there with matrices whose width is no multiple of 64 or whose height is none of 32 (every
    classifier's last layer): those compute the way they do on other CPUs.
    """
    import torch

    with torch.no_grad():
        for layer in layers(model):
            if is_four_bit(layer) and not _fits_kernel(layer) and hasattr(layer, "support_avx512bf16_for_cpu"):
                layer.support_avx512bf16_for_cpu = False
            layer(torch.ones(1, layer.in_features, dtype=dtype, device=layer.weight.device))


def _fits_kernel(layer: Any) -> bool:
    state = layer.weight.quant_state
    rows, columns = state.shape
    return bool(rows % _KERNEL_ROWS == 0 and columns % state.blocksize == 0)


# --- reading back -----------------------------------------------------------------------------------------------------


def layers(model: Any) -> list[Any]:
    """The layers that hold quantized weights."""
    if "bitsandbytes" not in sys.modules:
        return []
    from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt

    return [m for m in model.modules() if isinstance(m, Linear4bit | Linear8bitLt) and kind(m) != "none"]


def is_four_bit(layer: Any) -> bool:
    return getattr(layer.weight, "quant_state", None) is not None


def kind(layer: Any) -> str:
    """nf4, fp4 or int8, from what the layer's weight is; none where it was left as it is."""
    if is_four_bit(layer):
        return str(layer.weight.quant_state.quant_type)
    return "int8" if str(layer.weight.dtype) == "torch.int8" else "none"


def computes_in(layer: Any) -> str:
    """The number type of a 4-bit layer's products."""
    repacked = getattr(layer.weight.quant_state, "packing_format_for_cpu", False)  # that kernel knows only bfloat16
    return "bfloat16" if repacked else str(layer.compute_dtype).removeprefix("torch.")


def scales(layer: Any) -> list[torch.Tensor]:
    """The tensors that a layer needs beside its quantized weight. No `state_dict()`: that would unpack the weight."""
    import torch

    if not is_four_bit(layer):
        found = [layer.state.SCB, layer.weight.SCB]
    else:
        state = layer.weight.quant_state
        second = getattr(state, "state2", None)  # the scales' own scales
        found = [state.absmax, state.code, getattr(state, "offset", None)]
        found += [second.absmax, second.code] if second is not None else []
    return [tensor for tensor in found if isinstance(tensor, torch.Tensor)]


def numbers(parameter: Any) -> int:
    """How many numbers a parameter stands for: two to a byte in 4 bits."""
    state = getattr(parameter, "quant_state", None)
    return int(parameter.numel() if state is None else state.shape.numel())
