"""Model files that could run code when they are read, and how they are refused: pickles, a repository's Python."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mc_jupyter.errors import PlanError, UnsafeWeights, WeightsError
from mc_jupyter.weights.checkpoint import SUFFIXES, Checkpoint, Chosen, NotWhole, choose, read_json
from mc_jupyter.words import listing

_USE_SAFE = "do not load it; look for a safetensors file of this model"


def refuse_code(folder: Path, subject: str) -> None:
    """PlanError when the model wants Python of its repository to run (`auto_map` in one of its configurations)."""
    for file in sorted(folder.glob("*.json")):
        if file.name.endswith("index.json") or file.name in ("tokenizer.json", "vocab.json"):
            continue
        if read_json(file).get("auto_map"):
            raise PlanError(
                f"{subject} brings Python code of its own (`auto_map` in {file.name}); "
                "this version never runs a repository's code",
                fix="use a model of an architecture that the library has built in",
            )


def refuse_pickles(chosen: Chosen, allowed: bool, subject: str, names: Iterable[str]) -> None:
    """UnsafeWeights when the chosen weights are pickle files and nobody allowed them. `names` are all files there."""
    if allowed or not chosen.pickles:
        return
    try:
        safe = choose([name for name in names if not name.endswith(SUFFIXES["pytorch"])], formats=("safetensors",))
    except WeightsError:
        safe = None  # a folder of several models: none of the others is this one
    instead = f"; or leave out what asks for it: {safe.weights[0]} is there too and is safe" if safe else ""
    raise UnsafeWeights(
        f"{subject}: {listing(chosen.pickles[:3], 'and')} is a pickle file, and reading one can run any code",
        fix=f"if you trust who made it, add `allow_pickle: true`{instead}",
    )


def check_pickle(checkpoint: Checkpoint) -> None:
    """UnsafeWeights unless torch's restricted reader (`weights_only`) accepts every pickle file of the checkpoint.

    Needs torch 2.10 or newer: CVE-2025-32434 and CVE-2026-24747 are holes of that reader in older ones. Reads the
    pickles' instructions, not the numbers, of files in torch's zip format.
    """
    import pickle
    import warnings
    import zipfile

    import torch

    pickles = [file for file in checkpoint.files if file.name.endswith(SUFFIXES["pytorch"])]
    if not pickles:
        return
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    if version < (2, 10):
        message = f"torch {torch.__version__} reads pickle weights unsafely"
        raise UnsafeWeights(message, fix='%pip install "torch>=2.10"')
    for file in pickles:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of pickle protocols that torch does not write
                foreign = _foreign(file) if zipfile.is_zipfile(file) else _read_restricted(file)
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
            _refuse_half(file)
            # torch's first lines advise to read it without restriction; its last says what it met.
            reason = str(error).strip().rpartition("WeightsUnpickler error:")[2].strip().partition("\n")[0]
            raise UnsafeWeights(f"{file.name} is not weights alone, or not whole: {reason}", fix=_USE_SAFE) from None
        if foreign:
            raise UnsafeWeights(f"{file.name} wants to call {listing(sorted(foreign)[:3], 'and')}", fix=_USE_SAFE)


def _refuse_half(file: Path) -> None:
    """NotWhole when a file is empty, or begins as torch's zip format does and has lost that format's end."""
    import zipfile

    size = file.stat().st_size
    with file.open("rb") as stream:
        begun = stream.read(2) == b"PK"
    if not size or (begun and not zipfile.is_zipfile(file)):
        raise NotWhole(
            f"{file.name} is not whole: {size:,} bytes are here, and its end is missing", fix="fetch it again"
        )


def _foreign(file: Path) -> list[str]:
    """What a file in torch's zip format would call beyond what tensors need."""
    import torch

    return list(torch.serialization.get_unsafe_globals_in_checkpoint(str(file)))


def _read_restricted(file: Path) -> list[str]:
    """Read a file of the older format, which cannot be listed, with the restricted reader; keep nothing."""
    import torch

    torch.load(file, map_location="meta", weights_only=True)
    return []
