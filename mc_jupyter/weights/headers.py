"""What is in a safetensors file, read from its header: 8 bytes of length, then JSON, then the tensors without a gap.

The format (https://huggingface.co/docs/safetensors) is held to its letter: a file that bends it is refused here, where
the reason can be said, and not by the library in the middle of loading.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from mc_jupyter.weights.reading import AGAIN, NotWhole, opened, shown

# safetensors' codes (0.8), as torch names them, and bytes per number.
_DTYPES: Mapping[str, tuple[str, float]] = {
    "F64": ("float64", 8), "F32": ("float32", 4), "F16": ("float16", 2), "BF16": ("bfloat16", 2),
    "F8_E4M3": ("float8_e4m3fn", 1), "F8_E5M2": ("float8_e5m2", 1), "F8_E8M0": ("float8_e8m0fnu", 1),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", 1), "F8_E5M2FNUZ": ("float8_e5m2fnuz", 1),
    "F6_E2M3": ("float6_e2m3", 0.75), "F6_E3M2": ("float6_e3m2", 0.75), "F4": ("float4_e2m1fn", 0.5),
    "I64": ("int64", 8), "I32": ("int32", 4), "I16": ("int16", 2), "I8": ("int8", 1),
    "U64": ("uint64", 8), "U32": ("uint32", 4), "U16": ("uint16", 2), "U8": ("uint8", 1), "BOOL": ("bool", 1),
    "C64": ("complex64", 8),
}  # fmt: skip
SIZES: Mapping[str, float] = dict(_DTYPES.values())

_LARGEST = 50_000_000  # bytes of a header; one of a hundred thousand tensors has ten million
_MOST_SIDES = 16


@dataclass(frozen=True, slots=True)
class Tensor:
    """One entry of a safetensors header; `start` and `end` are its place after the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def bytes(self) -> int:
        return self.end - self.start

    @property
    def count(self) -> int:
        return prod(self.shape)

    @property
    def is_matrix(self) -> bool:
        return len(self.shape) == 2 and not re.search(r"embed|wte|wpe|lm_head|shared\.weight", self.name)


def tensors(file: Path) -> list[Tensor]:
    """The tensors that a safetensors file says it holds. NotWhole where it cannot hold them, or is none."""
    with opened(file) as stream:
        size = stream.seek(0, 2)
        stream.seek(0)
        header, start = _header(stream, size, file)
    found = [_tensor(name, entry, file) for name, entry in header.items() if name != "__metadata__"]
    _check_places(found, start, size, file)
    return found


def is_safetensors(file: Path) -> bool:
    """Whether a file begins as a safetensors file must: with the length of a header that fits it, and the header."""
    with opened(file) as stream:
        size = stream.seek(0, 2)
        stream.seek(0)
        length = _length(stream)
        return length is not None and 8 + length <= size and stream.read(1) == b"{"


def _length(stream: BinaryIO) -> int | None:
    start = stream.read(8)
    return int(struct.unpack("<Q", start)[0]) if len(start) == 8 else None


def _header(stream: BinaryIO, size: int, file: Path) -> tuple[dict[str, Any], int]:
    """The header, and where the tensors begin."""
    length = _length(stream)
    if length is None or length > _LARGEST:
        raise _none(file, "it has no header")
    if 8 + length > size:
        raise NotWhole(f"{file.name} is not whole: {size:,} bytes are here, its header alone has {length:,}", fix=AGAIN)
    try:
        header = json.loads(stream.read(length).decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _none(file, str(error) if isinstance(error, _TwiceNamed) else "it has no header") from None
    if not isinstance(header, dict):
        raise _none(file, "its header is no mapping")
    texts = header.get("__metadata__", {})
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise _none(file, "its __metadata__ are no texts")
    return header, 8 + length


class _TwiceNamed(ValueError):
    """A name stands twice in a mapping: readers differ in which of the two they take."""


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _TwiceNamed("its header names something twice")
    return found


def _none(file: Path, why: str) -> NotWhole:
    return NotWhole(f"{file.name} is not a whole safetensors file: {why}", fix=AGAIN)


def _tensor(name: str, entry: Any, file: Path) -> Tensor:
    """One entry as a record; NotWhole unless its place has just as many bytes as its shape needs."""
    called = f"tensor {shown(name)}"
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise _none(file, f"{called} has other entries than dtype, shape and data_offsets")
    code, shape, place = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(code, str) or code not in _DTYPES:
        raise _none(file, f"{called} is of no known number type ({shown(code)})")
    if not _counts(shape) or len(shape) > _MOST_SIDES:
        raise _none(file, f"the shape of {called} is no list of lengths")
    if not _counts(place) or len(place) != 2 or place[0] > place[1]:
        raise _none(file, f"{called} has no place in it")
    dtype, each = _DTYPES[code]
    if prod(shape) * int(each * 8) != (place[1] - place[0]) * 8:
        raise _none(file, f"{called} has {place[1] - place[0]:,} bytes, and its shape needs another number")
    return Tensor(name, dtype, tuple(shape), *place)


def _counts(value: Any) -> bool:
    """Whether a value is a list of whole numbers that can be lengths or places in a file."""
    if not isinstance(value, list):
        return False
    return all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**63 for n in value)


def _check_places(found: Iterable[Tensor], start: int, size: int, file: Path) -> None:
    """NotWhole unless the tensors lie one after another, from the header to the file's end."""
    end = 0
    for tensor in sorted(found, key=lambda tensor: (tensor.start, tensor.end)):
        if tensor.start != end:
            what = "overlaps another" if tensor.start < end else "comes after a gap"
            raise _none(file, f"tensor {shown(tensor.name)} {what}")
        end = tensor.end
    if start + end != size:
        said = f"{size:,} bytes are here, its header says {start + end:,}"
        raise NotWhole(f"{file.name} is not whole: {said}", fix=AGAIN)
