"""Upscalers that everybody knows by a name: where each file is, what it must be, and how it comes to this disk.

A file is kept in this user's cache (`MC_JUPYTER_CACHE`, or the platform's own), under `upscalers/`. Where its SHA-256
has been published, the bytes are held against it, and count as known: such a pickle needs no `allow_pickle`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mc_jupyter.devices import format_bytes
from mc_jupyter.errors import DoesNotFit, Interrupted, NoSuchModel, Offline, UnsafeWeights, WeightsError
from mc_jupyter.events import Phase, Progress, Run
from mc_jupyter.weights.checkpoint import Checkpoint, Chosen, read

if TYPE_CHECKING:
    import httpx

LARGEST = 500_000_000  # bytes; the largest file of the table has 142 MB
_BLOCK = 1 << 18
_TIMEOUT = 10.0  # seconds without a byte
_RESERVE = 100_000_000  # bytes of disk left to others
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class KnownFile:
    """One file of weights that is known by its name: its address, and its SHA-256 where that has been published."""

    name: str
    address: str
    sha256: str | None = None
    folder: Path | None = None
    local_files_only: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return self.name

    @property
    def place(self) -> Path:
        """Where the file is kept, or has to be put."""
        return (self.folder or cache_folder() / "upscalers") / self.address.rpartition("/")[2]


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


def cache_folder() -> Path:
    """Where this user's files are kept that have no better place."""
    if written := os.environ.get("MC_JUPYTER_CACHE"):
        return Path(os.path.expanduser(written))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mc_jupyter"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "mc_jupyter" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mc_jupyter"


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
    return read(file.place.parent, Chosen("pytorch", (file.place.name,), ()))


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
    if because := _offline_because(file):
        raise _offline(file, f"{because} forbids fetching it")
    run.emit(Phase("download", file.name))
    file.place.parent.mkdir(parents=True, exist_ok=True)
    with _alone(file, run):
        if not file.place.is_file():
            _download(file, run, before_download)
    found = find(file, allow_pickle)
    assert found is not None, "it has just been put there"
    return found


def _offline_because(file: KnownFile) -> str | None:
    if file.local_files_only:
        return "`local_files_only: true`"
    said = {name: os.environ.get(name, "") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")}
    on = [f"{name}={value}" for name, value in said.items() if value.strip().upper() in ("1", "ON", "YES", "TRUE")]
    return on[0] if on else None


def _offline(file: KnownFile, why: str) -> Offline:
    return Offline(f"{file.name} is not on this disk, and {why}", fix=f"put {file.address} at {file.place}")


def _download(file: KnownFile, run: Run, before_download: Callable[[int], None] | None) -> None:
    """Fetch into a hidden file beside the place, check, and give it its name."""
    import httpx

    draft = file.place.with_name(f".{file.place.name}.incomplete")
    if file.sha256 is None:
        draft.unlink(missing_ok=True)  # what cannot be checked is not pieced together from two downloads
    try:
        with httpx.Client(timeout=_TIMEOUT, follow_redirects=True, event_hooks={"request": [_refuse_plain]}) as client:
            _receive(client, file, draft, run, before_download)
    except httpx.RequestError as error:
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        raise _offline(file, f"{urlsplit(file.address).hostname} cannot be reached: {why}") from None
    except OSError as error:
        raise WeightsError(
            f"cannot write to {file.place.parent}: {error.strerror or type(error).__name__}",
            fix="set MC_JUPYTER_CACHE to a folder that is yours",
        ) from None
    with draft.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if file.sha256 is not None and digest != file.sha256:
        draft.unlink()
        raise WeightsError(
            f"what came from {file.address} is not the published {file.name}: its SHA-256 is {digest}",
            fix=f"try again, or put the right file at {file.place}",
        )
    draft.replace(file.place)


def _refuse_plain(request: httpx.Request) -> None:
    """WeightsError for an address, a redirect's too, that anybody on the way could change."""
    if request.url.scheme != "https" and request.url.host not in _LOOPBACK:
        raise WeightsError(f"{request.url.host} would give the file by {request.url.scheme}, which is not safe")


def _receive(
    client: httpx.Client, file: KnownFile, draft: Path, run: Run, before_download: Callable[[int], None] | None
) -> None:
    here = draft.stat().st_size if draft.is_file() else 0
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={here}-"} if here else {})}
    with client.stream("GET", file.address, headers=headers) as answer:
        if answer.status_code == 416:  # the draft is as long as the file, or longer
            draft.unlink()
        if answer.status_code not in (200, 206):
            raise WeightsError(
                f"{urlsplit(file.address).hostname} answered {answer.status_code} when asked for {file.name}",
                fix=f"try again, or put {file.address} at {file.place}",
            )
        here = here if answer.status_code == 206 else 0
        length = answer.headers.get("Content-Length", "")
        total = here + int(length) if length.isdecimal() else None
        _refuse_size(file, here, total, before_download)
        if here:
            run.note(f"resuming: {format_bytes(here)} of {file.name} were here already")
        with draft.open("ab" if here else "wb") as stream:
            for block in answer.iter_bytes(_BLOCK):
                stream.write(block)
                here += len(block)
                _refuse_size(file, here, None, None)
                run.emit(Progress(here, total, "bytes"))
                if run.stopped:
                    raise Interrupted(f"stopped with {format_bytes(here)} downloaded", fix="run the cell again")


def _refuse_size(file: KnownFile, here: int, total: int | None, before_download: Callable[[int], None] | None) -> None:
    if max(here, total or 0) > LARGEST:
        raise WeightsError(f"{file.address} gives more than {format_bytes(LARGEST)}, which no upscaler has")
    if total is None:
        return
    room = shutil.disk_usage(file.place.parent).free
    if total - here > room - _RESERVE:
        raise DoesNotFit(
            f"{file.name} needs {format_bytes(total - here)} on disk, and {format_bytes(room)} is free in "
            f"{file.place.parent}",
            fix="set MC_JUPYTER_CACHE to a folder on a larger disk",
        )
    if before_download is not None:
        before_download(total)


@contextlib.contextmanager
def _alone(file: KnownFile, run: Run) -> Iterator[None]:
    """Keep other processes from fetching the same file at the same time."""
    from filelock import FileLock, Timeout

    lock = FileLock(file.place.with_name(f".{file.place.name}.lock"))
    while True:
        if run.stopped:
            raise Interrupted(f"stopped while another process fetches {file.name}", fix="run the cell again")
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=0.2)
            break
    try:
        yield
    finally:
        lock.release()
