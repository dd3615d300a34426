"""Upscalers that everybody knows by a name: where each file is, what it must be, and how it comes to this disk.

A file is kept in this user's cache (`MC_JUPYTER_CACHE`, or the platform's own), under `upscalers/`. Where its SHA-256
has been published, the bytes are held against it, and count as known: such a pickle needs no `allow_pickle`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from mc_jupyter.errors import NoSuchModel, UnsafeWeights
from mc_jupyter.events import Phase, Run
from mc_jupyter.weights import hub, single
from mc_jupyter.weights.checkpoint import Checkpoint, read
from mc_jupyter.weights.selection import Chosen
from mc_jupyter.weights.single import KnownFile

_REAL_ESRGAN = "https://github.com/xinntao/Real-ESRGAN/releases/download"
_SWINIR = "https://github.com/JingyunLiang/SwinIR/releases/download/v0.0"

# Addresses: the models' own release pages. Hashes of the Real-ESRGAN files: archlinux/aur, PKGBUILD of
# python-realesrgan 0.3.0, which names these addresses (the first three also in LykosAI/StabilityMatrix,
# StabilityMatrix.Core/Helper/RemoteModels.cs). Of the SwinIR files: TensoRaws/ccrestoration,
# ccrestoration/config/swinir_config.py (the large one also in StabilityMatrix), of copies elsewhere. Where none stands,
# no such source was found.
KNOWN = {
    file.name: file
    for file in (
        KnownFile(
            "RealESRGAN_x4plus",
            f"{_REAL_ESRGAN}/v0.1.0/RealESRGAN_x4plus.pth",
            "4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",
        ),
        KnownFile(
            "RealESRGAN_x2plus",
            f"{_REAL_ESRGAN}/v0.2.1/RealESRGAN_x2plus.pth",
            "49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb",
        ),
        KnownFile(
            "RealESRGAN_x4plus_anime_6B",
            f"{_REAL_ESRGAN}/v0.2.2.4/RealESRGAN_x4plus_anime_6B.pth",
            "f872d837d3c90ed2e05227bed711af5671a6fd1c9f7d7e91c911a61f155e99da",
        ),
        KnownFile(
            "RealESRNet_x4plus",
            f"{_REAL_ESRGAN}/v0.1.1/RealESRNet_x4plus.pth",
            "a820b9bde89a874d7599d545567308ce6c128fc8754a53208eda016d40aa81df",
        ),
        KnownFile(
            "realesr-animevideov3",
            f"{_REAL_ESRGAN}/v0.2.5.0/realesr-animevideov3.pth",
            "b8a8376811077954d82ca3fcf476f1ac3da3e8a68a4f4d71363008000a18b75d",
        ),
        KnownFile(
            "realesr-general-x4v3",
            f"{_REAL_ESRGAN}/v0.2.5.0/realesr-general-x4v3.pth",
            "8dc7edb9ac80ccdc30c3a5dca6616509367f05fbc184ad95b731f05bece96292",
        ),
        KnownFile(
            "realesr-general-wdn-x4v3",
            f"{_REAL_ESRGAN}/v0.2.5.0/realesr-general-wdn-x4v3.pth",
            "1641f8c4464b9f097c9fdda5589273713f67cf59f3d909e0bd688f0cee269dca",
        ),
        KnownFile(
            "ESRGAN_SRx4_DF2KOST_official-ff704c30",
            f"{_REAL_ESRGAN}/v0.1.1/ESRGAN_SRx4_DF2KOST_official-ff704c30.pth",
        ),
        KnownFile(
            "003_realSR_BSRGAN_DFO_s64w8_SwinIR-M_x4_GAN",
            f"{_SWINIR}/003_realSR_BSRGAN_DFO_s64w8_SwinIR-M_x4_GAN.pth",
            "b9afb61e65e04eb7f8aba5095d070bbe9af28df76acd0c9405aeb33b814bcfc6",
        ),
        KnownFile(
            "003_realSR_BSRGAN_DFOWMFC_s64w8_SwinIR-L_x4_GAN",
            f"{_SWINIR}/003_realSR_BSRGAN_DFOWMFC_s64w8_SwinIR-L_x4_GAN.pth",
            "99adfa91350a84c99e946c1eb3d8fce34bc28f57d807b09dc8fe40a316328c0a",
        ),
        KnownFile(
            "003_realSR_BSRGAN_DFO_s64w8_SwinIR-M_x2_GAN",
            f"{_SWINIR}/003_realSR_BSRGAN_DFO_s64w8_SwinIR-M_x2_GAN.pth",
        ),
    )
}


def known(name: str) -> KnownFile | None:
    """The file of that name, whatever its capitals, with `.pth` or without."""
    wanted = name.removesuffix(".pth").lower()
    return next((file for each, file in KNOWN.items() if each.lower() == wanted), None)


def source_of(settings: Any) -> Any:
    """The source that `model:` means to an upscaler: a name of the table is that file.

    NoSuchModel for a name that is neither of the table nor one of the hub, where no upscaler has a name without owner.
    """
    model = settings.model
    repository = getattr(model, "repository", None)
    if not isinstance(repository, str) or "/" in repository:
        return model
    file = known(repository)
    if file is None:
        near = get_close_matches(repository.lower(), [name.lower() for name in KNOWN], n=1)
        hint = f"did you mean {known(near[0])}?" if near else f"known are {', '.join(KNOWN)}; hub names are OWNER/NAME"
        raise NoSuchModel(f"no upscaler is known as {repository!r}", fix=hint)
    if idle := [name for name in ("revision", "filename", "token") if getattr(model, name) is not None]:
        raise NoSuchModel(
            f"{file.name} is one file from {file.address}: it has no {idle[0]}", fix=f"model: {file.name}"
        )
    folder = Path(os.path.expanduser(model.cache_dir)) if model.cache_dir else None
    return replace(file, folder=folder, local_files_only=model.local_files_only)


# ── what is here ─────────────────────────────────────────────────────────────────────────────────────────────────────


def find(file: KnownFile, allow_pickle: bool) -> Checkpoint | None:
    """The file, where it is on this disk. UnsafeWeights where its bytes are not known and nobody allowed pickles."""
    if file.sha256 is None and not allow_pickle:
        raise UnsafeWeights(
            f"{file.name} is a pickle file whose published hash is not known here, and reading one can run any code",
            fix=_TRUST,
        )
    if not file.place.is_file():
        return None
    if not allow_pickle and _hash_of(file.place) != file.sha256:
        raise UnsafeWeights(
            f"{file.place} is not the published {file.name}: its SHA-256 differs",
            fix=f"delete it, to have it from {file.address}; or, if you know it, {_TRUST}",
        )
    return read(file.place.parent, Chosen("pytorch", (file.place.name,), ()), alone=True)


_TRUST = "if you trust who made it, add `allow_pickle: true`"


def _hash_of(path: Path) -> str:
    facts = path.stat()
    return _hashed(path, facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=64)
def _hashed(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# ── bringing it here ─────────────────────────────────────────────────────────────────────────────────────────────────


def fetch(
    file: KnownFile, run: Run, allow_pickle: bool, before_download: Callable[[int], None] | None = None
) -> Checkpoint:
    """The file, downloaded first where it is not here."""
    found = find(file, allow_pickle)
    if found is not None:
        return found
    if because := "`local_files_only: true`" if file.local_files_only else hub.offline_variable():
        raise single.not_here(file, f"{because} forbids fetching it")
    run.emit(Phase("download", file.name))
    single.bring(file, run, before_download)
    found = find(file, allow_pickle)
    assert found is not None, "it has just been put there"
    return found
