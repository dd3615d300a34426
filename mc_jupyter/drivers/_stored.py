"""Models that are stored quantized: by what, and what reads that where transformers does not, or not as it is here."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from mc_jupyter.errors import MissingPackage, PlanError
from mc_jupyter.weights.reading import Config, shown

# What transformers (5.23) reads, each with the packages that it needs: what is imported, and what installs it.
_READ: Mapping[str, Mapping[str, str]] = {
    "awq": {"gptqmodel": "gptqmodel"}, "gptq": {"optimum": "optimum", "gptqmodel": "gptqmodel"},
    "compressed-tensors": {"compressed_tensors": "compressed-tensors"}, "hqq": {"hqq": "hqq"},
    "aqlm": {"aqlm": "aqlm[gpu,cpu]"}, "auto-round": {"auto_round": "auto-round"}, "torchao": {"torchao": "torchao"},
    "vptq": {"vptq": "vptq"}, "quanto": {"optimum": "optimum-quanto"}, "quark": {"quark": "amd-quark"},
    "bitsandbytes": {"bitsandbytes": "bitsandbytes"}, "bitsandbytes_4bit": {}, "bitsandbytes_8bit": {}, "eetq": {},
    "fbgemm_fp8": {}, "higgs": {}, "bitnet": {}, "spqr": {}, "fp8": {}, "mxfp4": {}, "mxfp8": {}, "nvfp4": {},
    "fp_quant": {}, "fouroversix": {}, "sinq": {}, "gemma": {}, "metal": {}, "gguf": {},
}  # fmt: skip
_OTHERS: Mapping[str, str] = {
    "exl2": "ExLlamaV2 runs it (TabbyAPI, text-generation-webui)",
    "exl3": "ExLlamaV3 runs it (TabbyAPI, text-generation-webui)",
    "modelopt": "TensorRT-LLM and vLLM run it",
    "mlx": "mlx-lm runs it, on Apple silicon",
}
_UNQUANTIZED = "use the model that it was made from, with quantization: here (int8 or nf4)"


def check(config: Config) -> None:
    """PlanError for a model that is stored quantized in a way that is not read here."""
    method = _method(config)
    if method is None:
        return
    if method not in _READ:
        runs = _OTHERS.get(method, "transformers does not know that")
        raise PlanError(f"this model is stored quantized by {shown(method)}: {runs}", fix=_UNQUANTIZED)
    if lacks := [name for module, name in _READ[method].items() if importlib.util.find_spec(module) is None]:
        raise MissingPackage(
            f"this model is stored quantized by {method}: reading that needs {' and '.join(lacks)}",
            fix=f"%pip install {' '.join(lacks)}, or {_UNQUANTIZED}",
        )


def _method(config: Config) -> str | None:
    """What quantized it; None where nothing says that it is."""
    own = config.get("quantization")
    if isinstance(own, dict) and "bits" in own:  # mlx-lm writes it beside, or instead of, what transformers reads
        return "mlx"
    return config.inside("quantization_config").text("quant_method")
