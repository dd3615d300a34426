"""Headers of safetensors files: what the library would read is read the same, and everything else is one error."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from mc_jupyter.weights import headers
from mc_jupyter.weights.reading import NotWhole


def written(file: Path, header: Any, data: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return file


def entry(shape: Any = (2, 3), dtype: Any = "F32", place: Any = (0, 24)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": place}


def test_every_number_type_of_torchs_is_read_as_the_library_reads_it(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    kinds = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2,
             torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]  # fmt: skip
    made = {str(kind).removeprefix("torch."): torch.zeros(3, 4).to(kind) for kind in kinds} | {
        "none": torch.zeros(0, 7), "one": torch.tensor(1.5),
    }  # fmt: skip
    save_file(made, tmp_path / "a.safetensors", metadata={"format": "pt"})
    found = {tensor.name: tensor for tensor in headers.tensors(tmp_path / "a.safetensors")}
    assert found.keys() == made.keys()
    for name, tensor in made.items():
        read = found[name]
        wanted = str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape), tensor.nbytes, tensor.numel()
        assert (read.dtype, read.shape, read.bytes, read.count) == wanted
    assert headers.is_safetensors(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ([], "no mapping"), (5, "no mapping"), (b"{", "no header"), (b"[" * 100_000, "no header"), (b"\xff", "no header"),
        ({"a": 5}, "tensor a"), ({"a": {}}, "other entries"), ({"a": entry() | {"more": 1}}, "other entries"),
        ({"a": entry(dtype="F33")}, r"no known number type \(F33\)"), ({"a": entry(dtype=["F32"])}, "number type"),
        ({"a": entry(shape=5)}, "no list of lengths"), ({"a": entry(shape=[-2, -3])}, "no list of lengths"),
        ({"a": entry(shape=[2.0, 3])}, "no list of lengths"), ({"a": entry(shape=[True, 6])}, "no list of lengths"),
        ({"a": entry(shape=[1] * 99)}, "no list of lengths"), ({"a": entry(shape=[2, 4])}, "its shape needs another"),
        ({"a": entry(place=(24, 0))}, "no place"), ({"a": entry(place=(-24, 0))}, "no place"),
        ({"a": entry(place=(0,))}, "no place"), ({"a": entry(place="ab")}, "no place"),
        ({"a": entry(), "b": entry(place=(12, 36))}, "overlaps"), ({"a": entry(place=(8, 32))}, "gap"),
        ({"a": entry(), "b": entry()}, "overlaps"), ({"a": entry(place=(0, 2**70))}, "no place"),
        ({"__metadata__": 5}, "no texts"), ({"__metadata__": {"a": 5}}, "no texts"),
        (b'{"a":1,"a":2}', "names something twice"),
    ],
)  # fmt: skip
def test_a_header_that_bends_the_format_is_one_error(tmp_path: Path, header: Any, says: str) -> None:
    file = written(tmp_path / "a.safetensors", header, bytes(24))
    with pytest.raises(NotWhole, match=f"a.safetensors is not a whole safetensors file: [\\s\\S]*{says}"):
        headers.tensors(file)


def test_a_header_that_is_longer_than_its_file_or_than_any_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(NotWhole, match="its header alone has 5,000"):
        headers.tensors(written(tmp_path / "a.safetensors", {}, length=5000))
    with pytest.raises(NotWhole, match="no header"):
        headers.tensors(written(tmp_path / "a.safetensors", {}, length=2**63))
    (tmp_path / "a.safetensors").write_bytes(b"123")
    with pytest.raises(NotWhole, match="no header"):
        headers.tensors(tmp_path / "a.safetensors")
    assert not headers.is_safetensors(tmp_path / "a.safetensors")
