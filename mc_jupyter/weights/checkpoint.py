"""What a model's files are: which of a folder's files belong to it, and what is in them, known before they are read.

Names are chosen the same way from a folder on this disk and from a listing of the hub: `choose(names)`.
Sizes and number types come from the headers of safetensors files: 8 bytes of length, then JSON
(https://huggingface.co/docs/safetensors). A header also says how long its file must be, so a cut file is found out.
"""

from __future__ import annotations

import json
import re
import struct
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from mc_jupyter.errors import WeightsError
from mc_jupyter.language.fields import Format
from mc_jupyter.words import listing

Kind = Literal["model", "adapter"]

FORMATS: tuple[Format, ...] = ("safetensors", "gguf", "pytorch", "onnx", "tensorrt")
SUFFIXES: Mapping[Format, tuple[str, ...]] = {
    "safetensors": (".safetensors",),
    "gguf": (".gguf",),
    "pytorch": (".bin", ".pt", ".pth", ".ckpt"),
    "onnx": (".onnx",),
    "tensorrt": (".engine", ".plan", ".trt"),
}

# What models need besides weights. `.model`, `.spm`, `.tiktoken` and `.bpe` are vocabularies.
_COMPANIONS = (".json", ".jinja", ".txt", ".model", ".spm", ".tiktoken", ".bpe")
# Folders that hold the same model for other programs, or what its training left.
_ELSEWHERE = re.compile(
    r"(onnx|openvino|coreml|mlx|tflite|tf|flax|gguf|original|runs|logs|checkpoint-\d+|\..*)$", re.IGNORECASE
)
_SHARD = re.compile(r"-\d{5}-of-(\d{5})$")
_VARIANT = re.compile(r"\.(fp16|bf16|fp32|non_ema|ema)$")
_TRAINING = re.compile(r"(training_args|optimizer|scheduler|scaler|rng_state|random_states)")
_ADAPTER = re.compile(r"(adapter_model|pytorch_lora_weights)$")
_SENTENCE_MODULE = re.compile(r"\d+_\w+$")
_FIRST: Mapping[Kind, tuple[str, ...]] = {
    "model": ("model", "diffusion_pytorch_model", "pytorch_model"),
    "adapter": ("adapter_model", "pytorch_lora_weights"),
}

# safetensors' codes, as torch names them, and bytes per element.
_DTYPES: Mapping[str, tuple[str, float]] = {
    "F64": ("float64", 8), "F32": ("float32", 4), "F16": ("float16", 2), "BF16": ("bfloat16", 2),
    "F8_E4M3": ("float8_e4m3fn", 1), "F8_E5M2": ("float8_e5m2", 1), "F8_E8M0": ("float8_e8m0fnu", 1),
    "F4": ("float4_e2m1fn", 0.5), "I64": ("int64", 8), "I32": ("int32", 4), "I16": ("int16", 2), "I8": ("int8", 1),
    "U64": ("uint64", 8), "U32": ("uint32", 4), "U16": ("uint16", 2), "U8": ("uint8", 1), "BOOL": ("bool", 1),
    "C64": ("complex64", 8),
}  # fmt: skip
SIZES: Mapping[str, float] = dict(_DTYPES.values())
_LARGEST_HEADER = 100_000_000  # the limit of the safetensors library
_AGAIN = "fetch it again"


class NotWhole(WeightsError):
    """A file of a checkpoint is missing, cut short or damaged."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model's files on this disk, and what their headers say. Nothing of it is in memory.

    `bytes` is the size of the tensors as stored (of the files, where the format has no header that we read), `dtype`
    the number type most parameters are stored in. `elements` counts numbers by type; `matrices` counts those of the
    weight matrices that quantization makes smaller (2-dimensional, embeddings and output head left out).
    """

    folder: Path
    format: Format
    files: tuple[Path, ...]
    bytes: int
    revision: str | None = None
    parameters: int | None = None
    dtype: str | None = None
    elements: tuple[tuple[str, int], ...] = field(default=(), repr=False)
    matrices: int = field(default=0, repr=False)
    largest: int = field(default=0, repr=False)
    config: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def bytes_as(self, dtype: str) -> int:
        """Memory the tensors take in `dtype`. Whole numbers, and a quantized model's eight-bit floats, stay."""
        if not self.elements:
            return self.bytes
        kept = "float8" if "quantization_config" in self.config else "-"
        return int(sum(
            count * (SIZES[dtype] if _is_float(stored) and not stored.startswith(kept) else SIZES[stored])
            for stored, count in self.elements
        ))  # fmt: skip


def _is_float(dtype: str) -> bool:
    return dtype.startswith(("float", "bfloat"))


# ── which files ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Chosen:
    """The files of one model among a folder's: weights of `format`, and what goes with them. Names are relative."""

    format: Format
    weights: tuple[str, ...]
    companions: tuple[str, ...]

    @property
    def pickles(self) -> tuple[str, ...]:
        return tuple(name for name in self.weights if name.endswith(SUFFIXES["pytorch"]))


def choose(
    names: Iterable[str], *, kind: Kind = "model", formats: Sequence[Format] = FORMATS, filename: str | None = None
) -> Chosen | None:
    """The files of the model among `names`, in the first of `formats` that is there; None when there are no weights.

    WeightsError when there are several models and nothing says which, or when the only weights are an adapter's.
    """
    names = sorted(names)
    companions = tuple(name for name in names if name.endswith(_COMPANIONS) and not _is_elsewhere(name))
    if filename is not None:
        weights = _with_shards(filename, names)
        format = format_of(filename) or "safetensors"
        return Chosen(format, weights + _beside(weights, names), companions) if weights else None
    for format in formats:
        weights = tuple(_weights(names, kind, format, formats))
        if weights:
            return Chosen(format, weights + _beside(weights, names), companions)
    return None


def format_of(name: str) -> Format | None:
    """The format that a file's name says."""
    return next((format for format in FORMATS if name.lower().endswith(SUFFIXES[format])), None)


def folders_with_weights(names: Iterable[str]) -> list[str]:
    """Sub-folders that hold weights of any format: what to suggest when the folder itself holds none."""
    return sorted({str(PurePosixPath(name).parent) for name in names if "/" in name and format_of(name)})


def _is_elsewhere(name: str) -> bool:
    return any(_ELSEWHERE.match(part) for part in name.split("/")[:-1])


def _with_shards(filename: str, names: Sequence[str]) -> tuple[str, ...]:
    """The file, with the other parts where its name says that it is one of several (`-00001-of-00003`)."""
    if filename not in names:
        return ()
    stem = _group(filename)
    parts = tuple(name for name in names if _group(name) == stem)
    return parts if stem[1] else (filename,)


def _beside(weights: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """ONNX keeps numbers beyond 2 GB beside the file, under the names that its exporters use."""
    data = {name + suffix for name in weights if name.endswith(".onnx") for suffix in ("_data", ".data")}
    return tuple(name for name in names if name in data)


def _group(name: str) -> tuple[str, bool, str]:
    """(name without shard number and suffix, whether it is a shard, suffix): equal for the parts of one model."""
    stem, dot, suffix = name.rpartition(".")
    return _SHARD.sub("", stem), bool(_SHARD.search(stem)), dot + suffix


def _weights(names: Sequence[str], kind: Kind, format: Format, formats: Sequence[Format]) -> Iterator[str]:
    by_folder: dict[str, list[str]] = defaultdict(list)
    for name in names:
        by_folder[str(PurePosixPath(name).parent)].append(name)
    pipeline = kind == "model" and "model_index.json" in names  # diffusers: one folder per part, each with weights
    if not pipeline:
        yield from _in_folder(by_folder["."], kind, format)
        if format == "onnx" and not any(name.endswith(".onnx") for name in by_folder["."]):
            yield from _in_folder(by_folder["onnx"], kind, format)  # where optimum and transformers.js put them
    for folder in sorted(by_folder.keys() - {"."}):
        if pipeline and "/" not in folder and not _ELSEWHERE.match(folder):
            # A part in another format than the rest (a safety checker that exists as .bin only) belongs all the same.
            found = (list(_in_folder(by_folder[folder], kind, each)) for each in (format, *formats))
            yield from next((weights for weights in found if weights), [])
        elif kind == "model" and _SENTENCE_MODULE.match(folder):  # sentence-transformers: 2_Dense/model.safetensors
            yield from _in_folder(by_folder[folder], kind, format)


def _in_folder(names: Sequence[str], kind: Kind, format: Format) -> Sequence[str]:
    groups: dict[tuple[str, bool, str], list[str]] = defaultdict(list)
    for name in names:
        if name.lower().endswith(SUFFIXES[format]) and not _TRAINING.match(PurePosixPath(name).name):
            groups[_group(name)].append(name)
    if kind == "model":
        groups = _without_adapters(groups)
    for unwanted in (_VARIANT.search, re.compile(r"(.*/)?(consolidated|mmproj)").match):
        groups = {group: files for group, files in groups.items() if not unwanted(group[0])} or groups
    if len(groups) <= 1:
        return [name for files in groups.values() for name in files]
    for stem in _FIRST[kind]:
        for sharded in (False, True):
            for group, files in groups.items():
                if PurePosixPath(group[0]).name == stem and group[1] is sharded:
                    return files
    if format in ("onnx", "tensorrt"):  # a pack of networks that work together, as insightface's
        return [name for files in groups.values() for name in files]
    several = [files[0] for files in groups.values()]
    raise WeightsError(
        f"{len(several)} models are in one place ({listing(several[:6], 'and')}{' …' if len(several) > 6 else ''})",
        fix=f"say which, for instance `filename: {several[0]}`",
    )


def _without_adapters(groups: dict[tuple[str, bool, str], list[str]]) -> dict[tuple[str, bool, str], list[str]]:
    models = {group: files for group, files in groups.items() if not _ADAPTER.search(group[0])}
    if groups and not models:
        name = next(iter(groups.values()))[0]
        raise WeightsError(
            f"these are the weights of an adapter ({name}), not of a model",
            fix="name the model it was trained on as `model:`, and this one under `peft_adapters:`",
        )
    return models


# ── what is in them ──────────────────────────────────────────────────────────────────────────────────────────────────


def read(folder: Path, chosen: Chosen, revision: str | None = None) -> Checkpoint:
    """What the headers of the chosen files say. NotWhole when a file is missing or cut short."""
    files = tuple(folder / name for name in chosen.weights)
    missing = missing_parts(folder, chosen)
    if missing:
        raise NotWhole(f"{folder} is not whole: {listing(missing[:5], 'and')} is missing", fix=_AGAIN)
    config = read_config(folder)
    if chosen.format != "safetensors":
        size = sum(file.stat().st_size for file in files)
        return Checkpoint(folder, chosen.format, files, size, revision, config=config)
    elements: Counter[str] = Counter()
    size = matrices = largest = 0
    for file in files:
        if file.suffix != ".safetensors":  # a pickle part of a pipeline
            size += file.stat().st_size
            continue
        for tensor in tensors(file):
            elements[tensor.dtype] += tensor.count
            size += tensor.bytes
            matrices += tensor.count if tensor.is_matrix else 0
            largest = max(largest, tensor.bytes)
    floats = Counter({dtype: count for dtype, count in elements.items() if _is_float(dtype)})
    return Checkpoint(
        folder, chosen.format, files, size, revision,
        parameters=sum(elements.values()),
        dtype=floats.most_common(1)[0][0] if floats else None,
        elements=tuple(sorted(elements.items())), matrices=matrices, largest=largest, config=config,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tensor:
    """One entry of a safetensors header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int

    @property
    def count(self) -> int:
        return prod(self.shape)

    @property
    def is_matrix(self) -> bool:
        return len(self.shape) == 2 and not re.search(r"embed|wte|wpe|lm_head|shared\.weight", self.name)


def tensors(file: Path) -> Iterator[Tensor]:
    """The tensors a safetensors file says it holds; NotWhole when it cannot hold them."""
    header, start = _header(file)
    end = start
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        first, last = entry["data_offsets"]
        end = max(end, start + last)
        dtype = _DTYPES.get(entry["dtype"], (str(entry["dtype"]).lower(), 1))[0]
        yield Tensor(name, dtype, tuple(entry["shape"]), last - first)
    size = file.stat().st_size
    if size != end:
        raise NotWhole(f"{file.name} is not whole: {size:,} bytes are here, its header says {end:,}", fix=_AGAIN)


def _header(file: Path) -> tuple[dict[str, Any], int]:
    with file.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else _LARGEST_HEADER + 1
        text = stream.read(length) if length <= _LARGEST_HEADER else b""
    try:
        header = json.loads(text)
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise NotWhole(f"{file.name} is not a whole safetensors file: it has no header", fix=_AGAIN)
    return header, 8 + length


def missing_parts(folder: Path, chosen: Chosen) -> list[str]:
    """Weight files that the chosen ones need and that are not there: by their index, and by their numbers."""
    needed = set(chosen.weights)
    for name in chosen.weights:
        stem, sharded, suffix = _group(name)
        index = folder / f"{stem}{suffix}.index.json"
        if sharded and index.is_file():
            needed |= {
                str(PurePosixPath(stem).parent / part) for part in read_json(index).get("weight_map", {}).values()
            }
        elif sharded:
            last = _SHARD.search(name[: -len(suffix)])
            count = int(last[1]) if last else 0
            needed |= {f"{stem}-{n:05d}-of-{count:05d}{suffix}" for n in range(1, count + 1)}
    return sorted(name for name in needed if not (folder / name).is_file())


def read_config(folder: Path) -> dict[str, Any]:
    """`config.json`, or what takes its place for adapters and diffusers pipelines; {} where there is none."""
    for name in ("config.json", "adapter_config.json", "model_index.json"):
        if (folder / name).is_file():
            return read_json(folder / name)
    return {}


def read_json(file: Path) -> dict[str, Any]:
    """The mapping in a JSON file; {} where it holds something else."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NotWhole(f"{file} is not JSON: {error}", fix=_AGAIN) from None
    return content if isinstance(content, dict) else {}
