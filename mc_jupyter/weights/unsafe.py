"""Weights that could run code when they are read: pickles, whatever their name, and how they are refused.

What decides is how a file begins. All that is read here goes to torch's restricted reader, and only after that reader
has said that it would follow nothing but tensors; what the libraries themselves read was looked at the same way before.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mc_jupyter.errors import UnsafeWeights, WeightsError
from mc_jupyter.weights.checkpoint import Checkpoint
from mc_jupyter.weights.formats import format_of
from mc_jupyter.weights.headers import is_safetensors
from mc_jupyter.weights.reading import AGAIN, NotWhole, opened
from mc_jupyter.weights.selection import Chosen, choose
from mc_jupyter.words import listing

_USE_SAFE = "do not load it; look for a safetensors file of this model"
_LARGEST_PICKLE = 200_000_000  # bytes of instructions in a file of torch's, numbers apart; the usual are some 100 kB


def refuse_pickles(chosen: Chosen, allowed: bool, subject: str, names: Iterable[str]) -> None:
    """UnsafeWeights when the chosen weights are pickle files and nobody allowed them. `names` are all files there.

    By their names: they may not be here yet. What has another name and is a pickle after all is found when it is read.
    """
    if allowed or not chosen.pickles:
        return
    try:
        safe = choose([name for name in names if format_of(name) != "pytorch"], formats=("safetensors",))
    except WeightsError:
        safe = None  # a folder of several models: none of the others is this one
    instead = f"; or leave out what asks for it: {safe.weights[0]} is there too and is safe" if safe else ""
    raise UnsafeWeights(
        f"{subject}: {listing(chosen.pickles[:3], 'and')} is {_what(chosen.pickles)}, and reading one can run any code",
        fix=f"if you trust who made it, add `allow_pickle: true`{instead}",
    )


def _what(pickles: Sequence[str]) -> str:
    lightning = all(name.endswith(".ckpt") for name in pickles)
    return "a checkpoint of PyTorch Lightning, which is a pickle file" if lightning else "a pickle file"


def contents(file: Path) -> dict[str, Any]:
    """What is in a file of weights, by name, on the CPU: tensors; of a pickle also what holds tensors.

    The only place that hands a file to `torch.load`. UnsafeWeights for a pickle that is more than tensors.
    """
    if is_safetensors(file):
        from safetensors.torch import load_file

        found: Any = load_file(file)
        return dict(found)
    import torch

    _check(file)
    found = torch.load(file, map_location="cpu", weights_only=True)
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise WeightsError(f"{file.name} holds no tensors with names, but {type(found).__name__}")
    return dict(found)


def check_pickle(checkpoint: Checkpoint) -> None:
    """UnsafeWeights unless torch's restricted reader (`weights_only`) accepts every pickle file of the checkpoint.

    Reads the pickles' instructions, not the numbers, of files in torch's zip format. The libraries go by a file's name:
    what has a pickle's is one to them, however it begins.
    """
    for file in checkpoint.files:
        safe = is_safetensors(file)
        if safe and format_of(file.name) == "pytorch":
            raise UnsafeWeights(
                f"{file.name} has the name of a pickle, and begins as a safetensors file does",
                fix="if it is safetensors, give it a name that ends in .safetensors",
            )
        if not safe:
            _check(file)


def _check(file: Path) -> None:
    """Needs torch 2.10 or newer: CVE-2025-32434 and CVE-2026-24747 are holes of its restricted reader in older ones."""
    import torch

    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    if version < (2, 10):
        message = f"torch {torch.__version__} reads pickle weights unsafely"
        raise UnsafeWeights(message, fix='%pip install "torch>=2.10"')
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of pickle protocols that torch does not write
            foreign = _foreign(file) if zipfile.is_zipfile(file) else _read_restricted(file)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, zipfile.BadZipFile) as error:
        _refuse_half(file)
        # torch's first lines advise to read it without restriction; its last says what it met.
        reason = str(error).strip().rpartition("WeightsUnpickler error:")[2].strip().partition("\n")[0]
        raise UnsafeWeights(f"{file.name} is not weights alone, or not whole: {reason}", fix=_USE_SAFE) from None
    if foreign:
        raise UnsafeWeights(f"{file.name} wants to call {listing(sorted(foreign)[:3], 'and')}", fix=_USE_SAFE)


def _refuse_half(file: Path) -> None:
    """NotWhole when a file is empty, or begins as torch's zip format does and has lost that format's end."""
    size = file.stat().st_size
    with opened(file) as stream:
        begun = stream.read(2) == b"PK"
    if not size or (begun and not zipfile.is_zipfile(file)):
        raise NotWhole(f"{file.name} is not whole: {size:,} bytes are here, and its end is missing", fix=AGAIN)


def _foreign(file: Path) -> list[str]:
    """What a file in torch's zip format would call beyond what tensors need."""
    import torch

    _refuse_packed(file)
    return list(torch.serialization.get_unsafe_globals_in_checkpoint(str(file)))


def _refuse_packed(file: Path) -> None:
    """UnsafeWeights for an archive that grows when it is read. torch's are stored as they are, so theirs never do."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    grows = sum(each.file_size for each in members) > file.stat().st_size
    instructions = sum(each.file_size for each in members if each.filename.endswith(".pkl"))
    if grows or instructions > _LARGEST_PICKLE or any(each.compress_type != zipfile.ZIP_STORED for each in members):
        raise UnsafeWeights(
            f"{file.name} is packed, as torch packs no weights: unpacked it may be any size", fix=_USE_SAFE
        )


def _read_restricted(file: Path) -> list[str]:
    """Read a file of the older format, which cannot be listed, with the restricted reader; keep nothing."""
    import torch

    torch.load(file, map_location="meta", weights_only=True)
    return []
