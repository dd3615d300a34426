"""Which files are a model, by their names: chosen the same way from a folder and from a listing of the hub."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from mc_jupyter.errors import WeightsError
from mc_jupyter.language.fields import Format
from mc_jupyter.weights.formats import ENDINGS, FORMATS, SUFFIXES, format_of, loadable
from mc_jupyter.weights.programs import is_in_disguise, program_of
from mc_jupyter.weights.shards import VARIANTS, Group, Reader, group_of, index_name, listed_with, unread
from mc_jupyter.words import listing

Kind = Literal["model", "adapter"]

# What models need besides weights. `.model`, `.spm`, `.tiktoken` and `.bpe` are vocabularies.
_COMPANIONS = (".json", ".jinja", ".txt", ".model", ".spm", ".tiktoken", ".bpe")
# Folders that hold the same model for other programs, or what its training left.
_ELSEWHERE = re.compile(
    r"(onnx|openvino|coreml|mlx|tflite|tf|flax|gguf|original|runs|logs|checkpoint-\d+|\..*)$", re.IGNORECASE
)
_VARIANT = re.compile(rf"\.({VARIANTS})$")
_TRAINING = re.compile(r"(training_args|optimizer|scheduler|scaler|rng_state|random_states)")
_ADAPTER = re.compile(r"(adapter_model|pytorch_lora_weights)$")
_SENTENCE_MODULE = re.compile(r"(\d+_\w+|[\w-]*(dense|layer_?norm)[\w-]*)$", re.IGNORECASE)
_FIRST: Mapping[Kind, tuple[str, ...]] = {
    "model": ("model", "diffusion_pytorch_model", "pytorch_model"),
    "adapter": ("adapter_model", "pytorch_lora_weights"),
}


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
    names: Iterable[str],
    *,
    kind: Kind = "model",
    formats: Sequence[Format] = FORMATS,
    filename: str | None = None,
    read: Reader = unread,
) -> Chosen | None:
    """The files of the model among `names`, in the first of `formats` that is there; None when there are no weights.

    `read` says what an index lists, where it is here already. WeightsError when there are several models and nothing
    says which, or when the only weights are an adapter's.
    """
    names = sorted(names)
    companions = tuple(name for name in names if name.endswith(_COMPANIONS) and not _is_elsewhere(name))
    if filename is not None:
        weights = _with_shards(filename, names, read)
        return (
            Chosen(_format_asked(filename, formats), weights + _beside(weights, names), companions) if weights else None
        )
    for format in formats:
        weights = tuple(_weights(names, kind, format, formats, read))
        if weights:
            return Chosen(format, weights + _beside(weights, names), companions)
    return None


def _format_asked(filename: str, formats: Sequence[Format]) -> Format:
    """The format of a file that is asked for. WeightsError for one that whoever asks does not load."""
    format = format_of(filename)
    if format is None:
        what = program_of(filename) or "not a file of weights"
        raise WeightsError(f"{filename} is {what}", fix=f"files of weights end in {ENDINGS}")
    return loadable(format, formats, filename)


def folders_with_weights(names: Iterable[str], formats: Sequence[Format]) -> list[str]:
    """Sub-folders that hold weights of these formats: what to suggest when the folder itself holds none."""
    return sorted({str(PurePosixPath(name).parent) for name in names if "/" in name and format_of(name) in formats})


def _is_elsewhere(name: str) -> bool:
    return any(_ELSEWHERE.match(part) for part in name.split("/")[:-1])


def _with_shards(filename: str, names: Sequence[str], read: Reader) -> tuple[str, ...]:
    """The file, with the other parts where an index or its name says that it is one of several (`-00001-of-00003`)."""
    if filename not in names:
        return ()
    if parts := listed_with(filename, names, read):
        return parts
    group = group_of(filename)
    return tuple(name for name in names if group_of(name) == group) if group.of else (filename,)


def _beside(weights: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """ONNX keeps numbers beyond 2 GB beside the file, under the names that its exporters use."""
    data = {name + suffix for name in weights if name.endswith(".onnx") for suffix in ("_data", ".data")}
    return tuple(name for name in names if name in data)


def _weights(
    names: Sequence[str], kind: Kind, format: Format, formats: Sequence[Format], read: Reader
) -> Iterator[str]:
    by_folder: dict[str, list[str]] = defaultdict(list)
    for name in names:
        by_folder[str(PurePosixPath(name).parent)].append(name)
    pipeline = kind == "model" and "model_index.json" in names  # diffusers: one folder per part, each with weights
    own = [] if pipeline else list(_in_folder(by_folder["."], kind, format, read))
    if not pipeline:
        yield from own
        if format == "onnx" and not any(name.endswith(".onnx") for name in by_folder["."]):
            yield from _in_folder(by_folder["onnx"], kind, format, read)  # where optimum and transformers.js put them
    elsewhere = not own and any(format_of(name) in formats for name in by_folder["."])
    for folder in sorted(by_folder.keys() - {"."}):
        if pipeline:
            belongs = "/" not in folder and not _ELSEWHERE.match(folder)
        else:  # sentence-transformers: 2_Dense/model.safetensors
            belongs = kind == "model" and not elsewhere and bool(_SENTENCE_MODULE.match(folder))
        if belongs:
            # A part in another format than the rest (a safety checker that exists as .bin only) belongs all the same.
            found = (list(_in_folder(by_folder[folder], kind, each, read)) for each in (format, *formats))
            yield from next((weights for weights in found if weights), [])


def _in_folder(names: Sequence[str], kind: Kind, format: Format, read: Reader) -> Sequence[str]:
    groups: dict[Group, list[str]] = defaultdict(list)
    for name in names:
        fits = name.lower().endswith(SUFFIXES[format]) and not is_in_disguise(name)
        if fits and not _TRAINING.match(PurePosixPath(name).name):
            groups[group_of(name)].append(name)
    if kind == "model":
        groups = _without_adapters(groups)
    for unwanted in (_VARIANT.search, re.compile(r"(.*/)?(consolidated|mmproj)").match):
        groups = {group: files for group, files in groups.items() if not unwanted(group.stem)} or groups
    if listed := _by_index(names, groups, kind, format, read):
        return listed
    if len(groups) <= 1:
        return [name for files in groups.values() for name in files]
    for stem in _FIRST[kind]:
        for sharded in (False, True):
            for group, files in groups.items():
                if PurePosixPath(group.stem).name == stem and bool(group.of) is sharded:
                    return files
    if format in ("onnx", "tensorrt"):  # a pack of networks that work together, as insightface's
        return [name for files in groups.values() for name in files]
    several = [files[0] for files in groups.values()]
    raise WeightsError(
        f"{len(several)} models are in one place ({listing(several[:6], 'and')}{' …' if len(several) > 6 else ''})",
        fix=f"say which, for instance `filename: {several[0]}`",
    )


def _by_index(
    names: Sequence[str], groups: Mapping[Group, Sequence[str]], kind: Kind, format: Format, read: Reader
) -> Sequence[str]:
    """The parts that an index lists, whatever they are called; nothing where there is none, or one file is the whole.

    Of an index that is not here yet, the files that may be listed are taken where their names do not tell.
    """
    alone = {PurePosixPath(group.stem).name for group in groups if not group.of}
    for name in names:
        for stem, suffix in ((stem, suffix) for stem in _FIRST[kind] for suffix in SUFFIXES[format]):
            if PurePosixPath(name).name != index_name(stem, suffix) or stem in alone:
                continue
            if listed := read(name):
                return listed
            if not any(group.of for group in groups):
                return [file for files in groups.values() for file in files]
    return []


def _without_adapters(groups: dict[Group, list[str]]) -> dict[Group, list[str]]:
    models = {group: files for group, files in groups.items() if not _ADAPTER.search(group.stem)}
    if groups and not models:
        name = next(iter(groups.values()))[0]
        raise WeightsError(
            f"these are the weights of an adapter ({name}), not of a model",
            fix="name the model it was trained on as `model:`, and this one under `peft_adapters:`",
        )
    return models
