"""Models made for other programs: what a file is by its name, and what runs it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

_PROGRAMS = (
    (r".*\.gguf", "a GGUF file", "llama.cpp runs (llama-cpp-python, Ollama, LM Studio)"),
    (r".*\.onnx", "an ONNX network", "onnxruntime runs (for text, with Optimum)"),
    (r".*\.(engine|plan|trt)", "a TensorRT engine", "NVIDIA's TensorRT runs"),
    (r"openvino_.*\.(xml|bin)", "an OpenVINO model", "OpenVINO runs (for text, with Optimum Intel)"),
    (r".*\.ml(model|package)c?", "a Core ML model", "Core ML runs, on Apple's devices"),
    (r"(weights|model)(\.\d+)?\.npz", "an MLX model", "mlx-lm runs, on Apple silicon"),
    (r".*\.(tflite|litertlm|task)", "a LiteRT model", "LiteRT and MediaPipe run"),
    (r".*\.rkllm", "an RKLLM model", "Rockchip's RKLLM runs"),
    (r".*\.pte", "an ExecuTorch program", "ExecuTorch runs"),
    (r".*\.llamafile", "a llamafile", "is a program itself, with llama.cpp inside"),
    (r"(tf_model.*|model)\.h5", "a file of TensorFlow weights", "TensorFlow reads (transformers 4 converts it)"),
    (r".*\.msgpack", "a file of Flax weights", "Flax reads (transformers 4 converts it)"),
    (r".*\.nemo", "a NeMo checkpoint", "NVIDIA's NeMo runs"),
    (r"ggml.*\.bin", "a GGML file", "llama.cpp ran before GGUF (convert it)"),
    (r"consolidated\.\d+\.pth", "a part of Meta's own format", "Meta's llama runs (transformers can convert it)"),
)  # fmt: skip
_NAMED = tuple((re.compile(name, re.IGNORECASE), what, by) for name, what, by in _PROGRAMS)


def program_of(name: str) -> str | None:
    """`a GGUF file, which llama.cpp runs (…)`, for a file or a folder of that name; None for others."""
    last = PurePosixPath(name).name
    return next((f"{what}, which {by}" for pattern, what, by in _NAMED if pattern.fullmatch(last)), None)


def told(names: Iterable[str]) -> str | None:
    """The first of the names that another program runs, and which: folders too (`m.mlpackage/…`)."""
    for name in sorted(names):
        for part in name.split("/"):
            if program := program_of(part):
                return f"{part} is {program}"
    return None


def is_in_disguise(name: str) -> bool:
    """Whether a name that ends as torch's pickles do is another program's file: reading it as one would be wrong."""
    return name.lower().endswith((".bin", ".pth")) and program_of(name) is not None
