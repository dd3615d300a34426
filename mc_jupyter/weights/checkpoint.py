"""What a model's files are: which of a folder's files belong to it, and what is in them, known before they are read.

Names are chosen the same way from a folder on this disk and from a listing of the hub: `choose(names)`.
Sizes and number types come from the headers of safetensors files (`headers`), which also say how long a file must be.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from mc_jupyter.errors import UnsafeWeights, WeightsError
from mc_jupyter.language.fields import Format
from mc_jupyter.trust import names as naming
from mc_jupyter.weights.headers import SIZES, tensors
from mc_jupyter.weights.reading import AGAIN, INDEX, NOTHING, Config, NotWhole, opened, read_config, shown
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


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model's files on this disk, and what their headers say. Nothing of it is in memory.

    `bytes` is the size of the tensors as stored (of the files, where the format has no header that we read), `dtype`
    the number type most parameters are stored in. `elements` counts numbers by type; `matrices` counts those of the
    weight matrices that quantization makes smaller (2-dimensional, embeddings and output head left out), `widest` those
    of the largest of them; `largest` are the bytes of the largest tensor.
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
    widest: int = field(default=0, repr=False)
    largest: int = field(default=0, repr=False)
    config: Config = field(default_factory=lambda: NOTHING, repr=False, compare=False)

    @property
    def model_type(self) -> str | None:
        """transformers' word for what it is (`llama`); None where nothing says."""
        return self.config.text("model_type")

    @property
    def made_as(self) -> str:
        """The class that it was saved as; empty where nothing says."""
        return next(iter(self.config.texts("architectures")), "")

    @property
    def is_encoder_decoder(self) -> bool:
        return self.config.flag("is_encoder_decoder")

    @property
    def pipeline(self) -> str | None:
        """diffusers' class of the pipeline that it is; None where it is none."""
        return self.config.text("_class_name")

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
        return tuple(name for name in self.weights if format_of(name) == "pytorch")


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
        return (
            Chosen(_format_asked(filename, formats), weights + _beside(weights, names), companions) if weights else None
        )
    for format in formats:
        weights = tuple(_weights(names, kind, format, formats))
        if weights:
            return Chosen(format, weights + _beside(weights, names), companions)
    return None


def _format_asked(filename: str, formats: Sequence[Format]) -> Format:
    """The format of a file that is asked for. WeightsError for one that whoever asks does not load."""
    format = format_of(filename)
    if format is None:
        raise WeightsError(f"{filename} is not a file of weights", fix=f"those end in {ENDINGS}")
    return loadable(format, formats, filename)


def loadable(format: Format, formats: Sequence[Format], subject: str) -> Format:
    """The format, where it is one of `formats`; WeightsError that names what would load it where it is none."""
    if format in formats:
        return format
    raise WeightsError(
        f"{subject} is {format}, which {_LOADED_BY[format]} loads; what is asked for here is loaded from "
        f"{listing(list(formats))}",
        fix=f"take its weights in {listing(list(formats))}",
    )


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
    """What the headers of the chosen files say. NotWhole when a file is missing, cut short or damaged."""
    files = tuple(folder / name for name in chosen.weights)
    missing = missing_parts(folder, chosen)
    if missing:
        raise NotWhole(f"{folder} is not whole: {listing(missing[:5], 'and')} is missing", fix=AGAIN)
    for file in files:
        _check_beginning(file)
    safe = [file for file in files if format_of(file.name) == "safetensors"]
    found = [tensor for file in safe for tensor in tensors(file)]
    others = sum(file.stat().st_size for file in files if file not in safe)  # also pickle parts of a pipeline
    elements: Counter[str] = Counter()
    for tensor in found:
        elements[tensor.dtype] += tensor.count
    floats = Counter({dtype: count for dtype, count in elements.items() if _is_float(dtype)})
    made = Checkpoint(
        folder, chosen.format, files, others + sum(tensor.bytes for tensor in found), revision,
        parameters=sum(elements.values()) if chosen.format == "safetensors" else None,
        dtype=floats.most_common(1)[0][0] if floats else None,
        elements=tuple(sorted(elements.items())),
        matrices=sum(tensor.count for tensor in found if tensor.is_matrix),
        widest=max((tensor.count for tensor in found if tensor.is_matrix), default=0),
        largest=max((tensor.bytes for tensor in found), default=0),
        config=config_of(folder),
    )  # fmt: skip
    _ = made.model_type, made.made_as, made.is_encoder_decoder, made.pipeline  # an error here, and not when it is asked
    return made


def _check_beginning(file: Path) -> None:
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


def missing_parts(folder: Path, chosen: Chosen) -> list[str]:
    """Weight files that the chosen ones need and that are not there: by their index, and by their numbers."""
    needed = set(chosen.weights)
    for name in chosen.weights:
        stem, sharded, suffix = _group(name)
        index = folder / f"{stem}{suffix}.index.json"
        if sharded and index.is_file():
            needed |= {naming.beside(name, part) for part in shards(index)}
        elif sharded:
            last = _SHARD.search(name[: -len(suffix)])
            count = int(last[1]) if last else 0
            needed |= {f"{stem}-{n:05d}-of-{count:05d}{suffix}" for n in range(1, count + 1)}
    return sorted(name for name in needed if not (folder / name).is_file())


def shards(index: Path) -> tuple[str, ...]:
    """The files that an index (`model.safetensors.index.json`) names. NotWhole unless each is of its kind, beside it.

    Libraries read whatever it says: a file of another folder, or a pickle beside safetensors.
    """
    said = read_config(index, INDEX).inside("weight_map")
    suffix = PurePosixPath(index.name.removesuffix(".index.json")).suffix
    found = dict.fromkeys(said.text(tensor) or "" for tensor in said)
    for name in found:
        why = naming.fault(name) or ("lies in another folder" if "/" in name else None)
        if why or not name.endswith(suffix):
            raise NotWhole(f"{index} names {shown(name)}, which {why or f'is no {suffix} file'}", fix=AGAIN)
    return tuple(found)


def parts(index: Config) -> dict[str, tuple[str, str]]:
    """The parts that a pipeline's index (`model_index.json`) names: each a folder, with a library and its class."""
    found: dict[str, tuple[str, str]] = {}
    for name, said in index.items():
        if name.startswith("_") or not isinstance(said, list) or said == [None, None]:
            continue
        if len(said) != 2 or not all(isinstance(each, str) for each in said):
            raise index.wrong(name, "a library and its class")
        if why := naming.fault(name) or ("is in another folder" if "/" in name else None):
            raise NotWhole(f"{index.file} names a part {shown(name)}, which {why}", fix=AGAIN)
        found[name] = (said[0], said[1])
    return found


def config_of(folder: Path) -> Config:
    """`config.json`, or what takes its place for adapters and diffusers pipelines; empty where there is none."""
    for name in ("config.json", "adapter_config.json", "model_index.json"):
        if (folder / name).exists():
            return read_config(folder / name)
    return NOTHING
