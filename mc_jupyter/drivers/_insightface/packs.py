"""insightface's packs: where they are on this disk, which networks are in one, and what to do when one is missing.

A pack is a folder of ONNX files that work together. The library tells their roles by their shapes, whatever they are
called, and so does this.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mc_jupyter.drivers._insightface.onnx import Network, read_network
from mc_jupyter.errors import NoSuchModel, PlanError, WeightsError
from mc_jupyter.language.fields import HubSource, LocalSource
from mc_jupyter.weights.reading import read_config, shown
from mc_jupyter.words import did_you_mean, listing

_ALL = ("1k3d68", "2d106det", "genderage")
PACKS: Mapping[str, tuple[str, ...]] = {
    "buffalo_l": (*_ALL, "det_10g", "w600k_r50"),
    "buffalo_m": (*_ALL, "det_2.5g", "w600k_r50"),
    "buffalo_s": (*_ALL, "det_500m", "w600k_mbf"),
    "buffalo_sc": ("det_500m", "w600k_mbf"),
    "antelopev2": (*_ALL, "glintr100", "scrfd_10g_bnkps"),
}
"""The packs that insightface gives out, with the files in each."""

LICENCE = "{name}: its makers give it for non-commercial research only (github.com/deepinsight/insightface)"

# Where insightface 2.1 itself would download from (`utils/storage.py`).
_ADDRESS = "https://github.com/deepinsight/insightface/releases/download/model-zoo/{name}.zip"
_ROLES = {
    "detection": "finds faces",
    "recognition": "makes vectors of them",
    "landmark_2d_106": "gives 106 landmarks",
    "landmark_3d_68": "gives 68 landmarks in space",
    "genderage": "guesses gender and age",
}


def home() -> Path:
    """Where packs are found by name: insightface's own place."""
    return Path(os.path.expanduser("~/.insightface/models"))


# --- where ------------------------------------------------------------------------------------------------------------


def source_of(model: Any) -> Any:
    """The folder that really holds the pack's files: of a name, of a path, and of either one folder too deep.

    What is on the hub is left as it is. Raises WeightsError; makes no folder, and asks nobody.
    """
    if isinstance(model, HubSource) and "/" not in model.repository:
        if idle := sorted(model.model_fields_set - {"provider", "repository"}):
            raise PlanError(f"{model.repository} is a pack on this disk: {listing(idle, 'and')} would have no effect")
        return LocalSource(path=str(_named(model.repository)))
    if isinstance(model, LocalSource):
        return LocalSource(path=str(_at(Path(os.path.expanduser(model.path)), model.path)), format=model.format)
    return model


def _named(name: str) -> Path:
    folder = home() / name
    if name not in PACKS and not folder.exists():
        fix = did_you_mean(name, PACKS) or f"its packs are {listing(list(PACKS), 'and')}; a folder is given by its path"
        raise NoSuchModel(f"insightface has no pack `{name}`", fix=fix)
    return _holding(folder) or _missing(name, folder)


def _at(path: Path, written: str) -> Path:
    """The pack's folder at a path. A path that does not exist is left as it is, for whoever reads paths to say so."""
    if path.suffix == ".zip" and path.is_file():
        raise NoSuchModel(f"{written} is packed", fix=_unpack(path, path.with_suffix("")))
    if path.suffix == ".onnx" and path.is_file():
        raise NoSuchModel(f"{written} is one network; a pack is a folder of them", fix=f"model: {path.parent}")
    if not path.is_dir():
        return _missing(path.name, path) if path.with_name(f"{path.name}.zip").is_file() else path
    return _holding(path) or _missing(path.name, path)


def _holding(folder: Path) -> Path | None:
    """The folder itself, or the one in it, that holds ONNX files: archives often hold a folder of their own name."""
    if not folder.is_dir():
        return None
    if onnx_files(folder):
        return folder
    inside = sorted(each for each in folder.iterdir() if each.is_dir() and onnx_files(each))
    if len(inside) > 1:
        names = listing([each.name for each in inside[:6]], "and")
        raise NoSuchModel(f"{folder} holds several packs: {names}", fix=f"model: {inside[0]}")
    return inside[0] if inside else None


def onnx_files(folder: Path) -> list[Path]:
    """Its ONNX files. Names that begin with a dot are what archives of macOS leave beside them."""
    return sorted(file for file in folder.glob("*.onnx") if file.is_file() and not file.name.startswith("."))


def _missing(name: str, folder: Path) -> Path:
    """Always raises: what is there, and what should be."""
    archives = [folder.with_name(f"{folder.name}.zip"), *(sorted(folder.glob("*.zip")) if folder.is_dir() else ())]
    for archive in archives:
        if archive.is_file():
            raise NoSuchModel(f"the pack {name} is not unpacked: {archive}", fix=_unpack(archive, folder))
    if not folder.exists():
        found = f"there is no {folder}"
    else:
        names = sorted(each.name for each in folder.iterdir())
        has = f"it has {listing(names[:5], 'and')}" if names else "it is empty"
        found = f"{folder} holds no .onnx file ({has})"
    raise NoSuchModel(f"the pack {name} is not on this disk: {found}", fix=_get(name, folder))


def _get(name: str, folder: Path) -> str:
    """How to get a pack, and how it should lie there."""
    if name not in PACKS:
        return f"a pack is a folder of .onnx files such as {listing([f'{n}.onnx' for n in PACKS['buffalo_l']], 'and')}"
    address = _ADDRESS.format(name=name)
    lines = [
        f"unpack {address} (its makers allow non-commercial research only) so that there is",
        f"{folder}{os.sep}",
        *(f"    {file}.onnx" for file in sorted(PACKS[name])),
        "which these two lines do:",
        f"    !curl -fL {address} -o {name}.zip",
        f"    {_unpack(Path(f'{name}.zip'), folder)}",
        "A pack that is elsewhere is given by its path: model: ./my_pack",
    ]
    return "\n      ".join(lines)


def _unpack(archive: Path, folder: Path) -> str:
    python = "python" if sys.platform == "win32" else "python3"
    return f'!{python} -m zipfile -e "{archive}" "{folder}"'


# --- what is in it ----------------------------------------------------------------------------------------------------


def networks(files: Iterable[Path]) -> dict[str, Network]:
    """The pack's networks by their roles, as the library gives them: the first file of each role counts."""
    found: dict[str, Network] = {}
    for file in sorted(files):
        if file.suffix == ".onnx" and not file.name.startswith("."):
            network = read_network(file)
            found.setdefault(role(network), network)
    return found


def role(network: Network) -> str:
    """The library's word for what a network does (`model_zoo.ModelRouter`); the file's name where it knows none."""
    sides = network.inputs[0][2:4] if network.inputs else ()
    last = network.outputs[0][-1] if network.outputs and network.outputs[0] else None
    if len(network.outputs) >= 5:
        return "detection"
    if sides == (192, 192) and last in (212, 3309):
        return "landmark_2d_106" if last == 212 else "landmark_3d_68"
    if sides == (96, 96) and last == 3:
        return "genderage"
    side = sides[0] if len(sides) == 2 and sides[0] == sides[1] else None
    if len(network.inputs) == len(network.outputs) == 1 and isinstance(side, int) and side >= 112 and side % 16 == 0:
        return "recognition"
    return network.file.name


def fixed_size(detector: Network) -> tuple[int, int] | None:
    """Width and height that the file fixes for a detector; None where any will do."""
    height, width = detector.inputs[0][2:4]
    return (width, height) if isinstance(width, int) and isinstance(height, int) else None


def _refuse_manifest(folder: Path, files: Sequence[Path]) -> None:
    """WeightsError where insightface (2.1) would be told by a manifest to run other files than those looked at here."""
    manifest = folder / "manifest.json"
    if not manifest.exists():
        return
    tasks, here = read_config(manifest).inside("tasks"), {file.name for file in files}
    for task in tasks:
        if (name := tasks.inside(task).text("file")) not in here:
            raise WeightsError(f"{manifest} names {shown(name)} for {shown(task)}, which is no network of the pack")


def check(folder: Path, files: Sequence[Path]) -> None:
    """Raise WeightsError where the files cannot find faces and make vectors of them."""
    _refuse_manifest(folder, files)
    found = networks(files)
    for needed in ("detection", "recognition"):
        if needed not in found:
            there = [f"{n.file.name} ({_ROLES.get(kind, 'of another kind')})" for kind, n in found.items()]
            raise WeightsError(
                f"{folder} has no network that {_ROLES[needed]}: there is {listing(there[:6], 'and')}",
                fix="a pack has at least two: `model: buffalo_sc` is the smallest that insightface gives out",
            )
    # Vectors are made of upright crops, which are cut by the eyes, the nose and the mouth.
    if len(found["detection"].outputs) not in (9, 15):
        raise WeightsError(
            f"{found['detection'].file.name} finds faces but not the eyes, nose and mouth in them, which vectors need",
            fix="take a detector with key points, such as det_500m.onnx of buffalo_sc",
        )
