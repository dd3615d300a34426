"""What is in an ONNX file, read without loading it; and how many threads may run one.

The file is a protobuf message (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, whose field numbers are below):
fields of a number, a kind and a value, where long values say their length first. So the weights, which are nearly all
of it, are stepped over: a file of 170 MB takes milliseconds, and one that was cut short is found out.
"""

from __future__ import annotations

import mmap
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import NamedTuple

from mc_jupyter.trust.names import fault
from mc_jupyter.weights.reading import AGAIN, NotWhole, opened, shown

Shape = tuple[int | str | None, ...]

# TensorProto.DataType: what torch calls each, and its bytes.
_TYPES: Mapping[int, tuple[str, int]] = {
    1: ("float32", 4), 2: ("uint8", 1), 3: ("int8", 1), 4: ("uint16", 2), 5: ("int16", 2), 6: ("int32", 4),
    7: ("int64", 8), 9: ("bool", 1), 10: ("float16", 2), 11: ("float64", 8), 16: ("bfloat16", 2),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Network:
    """One ONNX file: the shapes of its inputs and outputs (a name or None where a length is free), and its numbers.

    `numbers` counts those of its weights by type.
    """

    file: Path
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    numbers: Mapping[str, int] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Memory of its weights."""
        sizes = dict(_TYPES.values())
        return sum(count * sizes[dtype] for dtype, count in self.numbers.items())


_DEEPEST = 16  # graphs within one another, as the branches of a condition are


class _Span(NamedTuple):
    """Where a value lies in the file."""

    start: int
    end: int


def read_network(file: Path) -> Network:
    """What the file says of its network. NotWhole where it is cut short, or no ONNX file at all."""
    try:
        with opened(file) as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _network(file, data)
    except (ValueError, IndexError, OverflowError):  # mmap refuses an empty file with ValueError
        pass
    raise NotWhole(
        f"{file.name} is not a whole ONNX file ({file.stat().st_size:,} bytes are here)", fix="fetch it again"
    )


def _network(file: Path, data: mmap.mmap) -> Network:
    # Every field is stepped over, those after the graph too: a file that ends early ends there.
    graph = [value for number, value in _fields(data, _Span(0, len(data))) if number == 7]
    if len(graph) != 1 or not isinstance(graph[0], _Span):
        raise ValueError("no graph")
    numbers: Counter[str] = Counter()
    weights: set[str] = set()
    inputs: list[tuple[str, Shape]] = []
    outputs: list[tuple[str, Shape]] = []
    functions = (node for function in _all(data, _Span(0, len(data)), 25) for node in _all(data, function, 7))
    for tensor in (*_tensors_in(data, graph[0]), *_in_nodes(data, functions)):
        _refuse_elsewhere(file, data, tensor)
    for number, value in _fields(data, graph[0]):
        if number == 5 and isinstance(value, _Span):
            name, dtype, count = _tensor(data, value)
            numbers[dtype] += count
            weights.add(name)
        elif number in (11, 12) and isinstance(value, _Span):
            (inputs if number == 11 else outputs).append(_declared(data, value))
    # Older exporters declare the weights as inputs too.
    asked = tuple(shape for name, shape in inputs if name not in weights)
    return Network(file, asked, tuple(shape for _, shape in outputs), dict(numbers))


def _fields(data: mmap.mmap, span: _Span) -> Iterator[tuple[int, int | _Span]]:
    """The fields of a message: numbers by value, everything longer by its place. ValueError where it ends too early."""
    at, end = span
    while at < end:
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            length, at = _varint(data, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"no kind of field: {kind}")
        if at + length > end:
            raise ValueError("cut short")
        yield key >> 3, _Span(at, at + length)
        at += length


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte, the lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("no number")


def _text(data: mmap.mmap, value: int | _Span) -> str:
    return data[value.start : value.end].decode() if isinstance(value, _Span) else ""


def _tensor(data: mmap.mmap, span: _Span) -> tuple[str, str, int]:
    """A TensorProto's name, number type, and how many numbers it has."""
    name, dtype = "", "float32"
    lengths: list[int] = []
    for number, value in _fields(data, span):
        if number == 1:
            lengths += _packed(data, value)
        elif number == 2 and isinstance(value, int):
            dtype = _TYPES.get(value, ("uint8", 1))[0]
        elif number == 8:
            name = _text(data, value)
    return name, dtype, prod(lengths)


def _packed(data: mmap.mmap, value: int | _Span) -> Iterator[int]:
    """Repeated numbers, which stand one by one or together in one field."""
    if isinstance(value, int):
        yield value
        return
    at = value.start
    while at < value.end:
        one, at = _varint(data, at)
        yield one


def _tensors_in(data: mmap.mmap, graph: _Span, deep: int = 0) -> Iterator[_Span]:
    """Every TensorProto of a graph: its weights, those in its nodes' attributes, and those of graphs in these."""
    if deep > _DEEPEST:
        raise ValueError("graphs within graphs without end")
    yield from _all(data, graph, 5)
    for sparse in _all(data, graph, 15):
        yield from (*_all(data, sparse, 1), *_all(data, sparse, 2))
    yield from _in_nodes(data, _all(data, graph, 1), deep)


def _in_nodes(data: mmap.mmap, nodes: Iterable[_Span], deep: int = 0) -> Iterator[_Span]:
    for attribute in (one for node in nodes for one in _all(data, node, 5)):
        yield from _all(data, attribute, 5)
        yield from _all(data, attribute, 10)
        for number in (6, 11):
            for inner in _all(data, attribute, number):
                yield from _tensors_in(data, inner, deep + 1)


def _refuse_elsewhere(file: Path, data: mmap.mmap, tensor: _Span) -> None:
    """NotWhole for a tensor whose numbers lie in a file that is not beside this one (older onnxruntimes read any)."""
    for entry in _all(data, tensor, 13):
        if "location" not in [_text(data, key) for key in _all(data, entry, 1)]:
            continue
        for name in [_text(data, value) for value in _all(data, entry, 2)]:
            if (why := fault(name)) or not (file.parent / name).is_file():
                raise NotWhole(f"{file.name} keeps numbers in {shown(name)}, which {why or 'is not there'}", fix=AGAIN)


def _declared(data: mmap.mmap, span: _Span) -> tuple[str, Shape]:
    """A ValueInfoProto's name and shape; `()` where it declares none."""
    name = ""
    shape: Shape = ()
    for number, value in _fields(data, span):
        if number == 1:
            name = _text(data, value)
        elif number == 2 and isinstance(value, _Span):
            tensor = _only(data, value, 1)
            lengths = _only(data, tensor, 2) if tensor else None
            shape = tuple(_length(data, one) for one in _all(data, lengths, 1)) if lengths else ()
    return name, shape


def _length(data: mmap.mmap, span: _Span) -> int | str | None:
    for number, value in _fields(data, span):
        if number == 1 and isinstance(value, int):
            return value
        if number == 2:
            return _text(data, value) or None
    return None


def _all(data: mmap.mmap, span: _Span, wanted: int) -> Iterator[_Span]:
    for number, value in _fields(data, span):
        if number == wanted and isinstance(value, _Span):
            yield value


def _only(data: mmap.mmap, span: _Span, wanted: int) -> _Span | None:
    return next(_all(data, span, wanted), None)


# --- running ----------------------------------------------------------------------------------------------------------


def threads() -> int:
    """How many threads a session should have: the cores this process may use, or OMP_NUM_THREADS.

    Left to itself, onnxruntime takes one for every core of the machine, also in a container that may use two of them.
    """
    if (asked := os.environ.get("OMP_NUM_THREADS", "")).isdigit() and int(asked) > 0:
        return int(asked)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, _quota(Path("/sys/fs/cgroup/cpu.max")) or cores))


def _quota(file: Path) -> int | None:
    """Whole cores that the container may use (`max 100000` sets no limit); None where nothing says."""
    try:
        allowed, period = file.read_text().split()
        return -(-int(allowed) // int(period))
    except (OSError, ValueError):
        return None
