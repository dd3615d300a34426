"""A model's files on this disk, and what is in them, known before they are read.

Sizes and number types come from the headers of safetensors files (`headers`), which also say how long a file must be.
"""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mc_jupyter.language.fields import Format
from mc_jupyter.trust import names as naming
from mc_jupyter.weights.formats import check_beginning, format_of
from mc_jupyter.weights.headers import SIZES, tensors
from mc_jupyter.weights.reading import AGAIN, INDEX, NOTHING, Config, NotWhole, read_config, shown
from mc_jupyter.weights.selection import Chosen
from mc_jupyter.weights.shards import Reader, listed_with, numbered
from mc_jupyter.words import listing


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model's files on this disk, and what their headers say. Nothing of it is in memory.

    `bytes` is the size of the tensors as stored (of the files, where the format has no header that we read), `dtype`
    the number type most parameters are stored in. `elements` counts numbers by type; `matrices` counts those of the
    weight matrices that quantization makes smaller (2-dimensional, embeddings and output head left out), `widest` those
    of the largest of them; `largest` are the bytes of the largest tensor. `alone` says that nothing beside the files of
    weights belongs to it: one file was named, to a library that reads no other.
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
    alone: bool = field(default=False, repr=False)
    config: Config = field(default_factory=lambda: NOTHING, repr=False, compare=False)

    @property
    def own_files(self) -> tuple[Path, ...]:
        """The files beside its config, without those of parts in folders of their own."""
        return tuple(file for file in self.files if file.parent == self.folder)

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


def read(folder: Path, chosen: Chosen, revision: str | None = None, *, alone: bool = False) -> Checkpoint:
    """What the headers of the chosen files say. NotWhole when a file is missing, cut short or damaged."""
    files = tuple(folder / name for name in chosen.weights)
    missing = missing_parts(folder, chosen)
    if missing:
        raise NotWhole(f"{folder} is not whole: {listing(missing[:5], 'and')} is missing", fix=AGAIN)
    for file in files:
        check_beginning(file)
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
        alone=alone,
        config=NOTHING if alone else config_of(folder),
    )  # fmt: skip
    _ = made.model_type, made.made_as, made.is_encoder_decoder, made.pipeline  # an error here, and not when it is asked
    return made


def missing_parts(folder: Path, chosen: Chosen) -> list[str]:
    """Weight files that the chosen ones need and that are not there: by their index, and by their numbers."""
    read, needed = index_reader(folder), set(chosen.weights)
    for name in chosen.weights:
        needed |= set(listed_with(name, chosen.companions, read) or numbered(name))
    return sorted(name for name in needed if not (folder / name).is_file())


def index_reader(folder: Path) -> Reader:
    """What says which parts an index of this folder lists: names as the folder sees them."""

    @functools.cache
    def read(index: str) -> tuple[str, ...]:
        file = folder / index
        return tuple(naming.beside(index, part) for part in shards(file)) if file.is_file() else ()

    return read


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
