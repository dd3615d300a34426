"""Pickles and archives: one place reads them, and nothing of the house reads them elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import mc_jupyter as mc

ROOT = Path(mc.__file__).parent

# What gives a stranger's file a say: what reads pickles, and what unpacks archives or follows their paths.
_READERS = {
    "torch": {"load", "jit"}, "pickle": {"load", "loads", "Unpickler"}, "marshal": {"load", "loads"}, "shelve": {"open"},
    "joblib": {"load"}, "dill": {"load", "loads"}, "cloudpickle": {"load", "loads"}, "tarfile": {"open"},
    "shutil": {"unpack_archive"}, "yaml": {"load", "full_load", "unsafe_load", "load_all"}, "faiss": {"read_index"},
}  # fmt: skip
_METHODS = {"extractall", "extract", "read_pickle", "allow_dangerous_deserialization"}
_WORDS = {"exec", "eval", "compile", "__import__"}


def _used(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Attribute(value=ast.Name(id=module), attr=name) if name in _READERS.get(module, ()):
                yield f"{module}.{name}"
            case ast.ImportFrom(module=module, names=names) if module in _READERS:
                yield from (f"{module}.{each.name}" for each in names if each.name in _READERS[module])
            case ast.Call(func=ast.Attribute(attr=name)) if name in _METHODS:
                yield name
            case ast.Call(func=ast.Name(id=name)) if name in _WORDS:
                yield name
            case ast.keyword(
                arg="weights_only" | "trust_remote_code" | "allow_pickle" as name, value=ast.Constant(value)
            ) if value is (name != "weights_only"):
                yield f"{name}={value}"


def test_one_place_hands_files_to_torchs_reader_and_none_to_another() -> None:
    """Also of vector stores, none of which this version ships: an index is never a pickle (S12), nothing is unpacked (S8)."""
    ours = [file for file in ROOT.rglob("*.py") if "starters" not in file.parts]
    found = {(str(file.relative_to(ROOT)), use) for file in ours for use in _used(file)}
    assert {file for file, use in found if use == "torch.load"} == {"weights/unsafe.py"}
    assert {each for each in found if each[1] != "torch.load"} <= {("trust/_apart.py", "pickle.loads")}


@pytest.mark.parametrize(
    "source",
    ["import torch\ntorch.load(x)", "from pickle import loads", "a.extractall()", "exec(x)", "f(weights_only=False)",
     "f(trust_remote_code=True)", "import yaml\nyaml.load(x)"],
)  # fmt: skip
def test_what_is_looked_for_is_found(source: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(source)
    assert list(_used(tmp_path / "a.py"))
