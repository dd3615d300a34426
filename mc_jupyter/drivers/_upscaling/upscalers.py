"""What kind of upscaler a file holds, known from the names of its tensors before any is read; and reading it."""

from __future__ import annotations

import pickletools
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mc_jupyter.errors import PlanError
from mc_jupyter.weights import Checkpoint
from mc_jupyter.weights.formats import format_of
from mc_jupyter.weights.headers import tensors
from mc_jupyter.weights.reading import opened, shown
from mc_jupyter.weights.unsafe import contents
from mc_jupyter.words import listing

# The words of `family:` and spandrel's names of the architectures they mean. Real-ESRGAN has trained two: RRDB networks
# as ESRGAN's, which a file does not tell apart from these, and small plain ones (SRVGG, "compact").
FAMILIES = {"real-esrgan": ("ESRGAN", "Compact"), "esrgan": ("ESRGAN",), "swinir": ("SwinIR",)}
_LONGEST_PICKLE = 50_000_000  # bytes of instructions; those of the largest known upscaler are 200 kB


def file_of(checkpoint: Checkpoint) -> Path:
    """The one file of an upscaler. PlanError where there are several, or where they are a pipeline's."""
    if pipeline := checkpoint.pipeline:
        fix = "architecture: ldsr" if "SuperResolution" in pipeline else "a file of weights: .pth or .safetensors"
        raise PlanError(
            f"{checkpoint.folder} is a pipeline of diffusers ({shown(pipeline)}), which spandrel cannot read", fix=fix
        )
    if len(checkpoint.files) != 1:
        names = [file.name for file in checkpoint.files]
        raise PlanError(
            f"an upscaler is one file, and these are {len(names)}: {listing(names[:4], 'and')}",
            fix=f"model: {checkpoint.folder / names[0]}",
        )
    return checkpoint.files[0]


def kind_of(file: Path) -> str | None:
    """spandrel's name of the architecture, for those that have a word; None of all others. Reads names alone."""
    names = set(_names_in(file))
    if any("relative_position_bias_table" in n for n in names) and any("residual_group.blocks" in n for n in names):
        # HAT, DRCT and others of its kin have parts that SwinIR has not.
        return (
            None
            if any(part in n for n in names for part in ("overlap_attn", "conv_block", "logit_scale"))
            else "SwinIR"
        )
    if any(".rdb1.conv1." in n.lower() for n in names):
        return "ESRGAN"
    if names and all("body." in n for n in names if n.endswith((".weight", ".bias"))):
        return "Compact" if any(n.endswith("body.1.weight") for n in names) else None
    return None


def _names_in(file: Path) -> Iterator[str]:
    """The names of the tensors in a file; of a pickle all its texts, which are read without following it."""
    if format_of(file.name) == "safetensors":
        yield from (tensor.name for tensor in tensors(file))
        return
    try:
        for data in _pickles(file):
            yield from (argument for _, argument, _ in pickletools.genops(data) if isinstance(argument, str))
    except (ValueError, LookupError, ArithmeticError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error):
        return  # what it is, is said when it is read


def _pickles(file: Path) -> Iterator[Any]:
    if not zipfile.is_zipfile(file):
        with opened(file) as stream:
            for _ in range(4):  # the older format: a number, a version, what wrote it, then the names
                yield stream
        return
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith("data.pkl") and entry.file_size < _LONGEST_PICKLE:
                yield archive.read(entry)


def refuse_other_kinds(family: str, kind: str, subject: str) -> None:
    """PlanError when a file is not of the family that was asked for."""
    if family in ("auto", *(word for word, kinds in FAMILIES.items() if kind in kinds)):
        return
    words = [word for word, kinds in FAMILIES.items() if kind in kinds]
    fix = f"architecture: {listing(words)}, or auto" if words else "architecture: auto"
    raise PlanError(f"{subject} is no {family}: its tensors are {kind}'s", fix=fix)


def read_model(checkpoint: Checkpoint) -> Any:
    """spandrel's description of the model with its weights in it, on the CPU.

    Pickles are read by torch's restricted reader and by no other: spandrel's own would run a TorchScript file.
    """
    from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError, canonicalize_state_dict

    file = file_of(checkpoint)
    state = contents(file)
    try:
        found = ModelLoader(device="cpu").load_from_state_dict(canonicalize_state_dict(state))
    except UnsupportedModelError:
        raise PlanError(
            f"{file.name} is of no architecture that spandrel knows", fix="a file of ESRGAN, Real-ESRGAN or SwinIR"
        ) from None
    if not isinstance(found, ImageModelDescriptor):
        raise PlanError(f"{file.name} fills holes in pictures ({found.architecture.name}), and enlarges none")
    return found
