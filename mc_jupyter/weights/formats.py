"""The formats of weights: what a file's name says that it is, what loads it, and how such a file must begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mc_jupyter.errors import UnsafeWeights, WeightsError
from mc_jupyter.language.fields import Format
from mc_jupyter.weights.programs import is_in_disguise, program_of
from mc_jupyter.weights.reading import AGAIN, NotWhole, opened
from mc_jupyter.words import listing

FORMATS: tuple[Format, ...] = ("safetensors", "gguf", "pytorch", "onnx", "tensorrt")
SUFFIXES: Mapping[Format, tuple[str, ...]] = {
    "safetensors": (".safetensors",),
    "gguf": (".gguf",),
    "pytorch": (".bin", ".pt", ".pth", ".ckpt"),
    "onnx": (".onnx",),
    "tensorrt": (".engine", ".plan", ".trt"),
}

ENDINGS = ".safetensors, .gguf, .onnx or .bin"
_LOADED_BY: Mapping[Format, str] = {
    "safetensors": "torch", "pytorch": "torch", "gguf": "llama.cpp", "onnx": "onnxruntime", "tensorrt": "TensorRT",
}  # fmt: skip
# What files of these formats begin with. safetensors' header is read as a whole; torch's own are pickles, and gated.
_BEGINNINGS: Mapping[Format, tuple[bytes, ...]] = {
    "gguf": (b"GGUF",),
    "onnx": (b"\x08",),  # protobuf: its version comes first
    "tensorrt": (b"ftrt", b"ptrt"),
}
_PICKLES = (b"PK", b"\x80")


def loadable(format: Format, formats: Sequence[Format], subject: str) -> Format:
    """The format, where it is one of `formats`; WeightsError that names what would load it where it is none."""
    if format in formats:
        return format
    raise WeightsError(
        f"{subject} is {program_of(subject) or f'{format}, which {_LOADED_BY[format]} loads'}; what is asked for here "
        f"is loaded from {listing(list(formats), 'or')}",
        fix=f"take its weights in {listing(list(formats), 'or')}",
    )


def format_of(name: str) -> Format | None:
    """The format that a file's name says; None also where it ends so and is another program's."""
    if is_in_disguise(name):
        return None
    return next((format for format in FORMATS if name.lower().endswith(SUFFIXES[format])), None)


def check_beginning(file: Path) -> None:
    """An error for a file that another one's name was given to: for a pickle in disguise, UnsafeWeights."""
    format = format_of(file.name)
    wanted = _BEGINNINGS.get(format) if format else None
    if wanted is None:  # the numbers beside an ONNX file have no format of their own
        return
    with opened(file) as stream:
        begins = stream.read(512)
    if begins.startswith(wanted):
        return
    if looks_pickled(begins):
        raise UnsafeWeights(
            f"{file.name} is no {format} file but a pickle, and reading one can run any code",
            fix="do not load it; whoever made it gave it another name than its own",
        )
    kind = str(format).upper()
    raise NotWhole(f"{file.name} is not a whole {kind} file ({file.stat().st_size:,} bytes are here)", fix=AGAIN)


def looks_pickled(begins: bytes) -> bool:
    """Whether a file that begins so is what `torch.load` reads: a zip or tar of pickles, or a pickle itself."""
    return begins.startswith(_PICKLES) or begins[257:262] == b"ustar"
