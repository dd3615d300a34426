"""One file from one address of its own, on its way to this disk: told byte by byte, checked, made visible last.

What has come before a break is used the next time, by a Range request; but only where the file's hash is known, since
nothing else would show that two halves are not of one file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mc_jupyter.errors import DoesNotFit, Interrupted, Offline, WeightsError
from mc_jupyter.events import Advance, Run
from mc_jupyter.words import format_bytes

if TYPE_CHECKING:
    import httpx


LARGEST = 500_000_000  # bytes; the largest file that is known has 142 MB
_BEAT = 0.05  # seconds between two events
_TIMEOUT = 10.0  # seconds without a byte
_RESERVE = 100_000_000  # bytes of disk left to others
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def cache_folder() -> Path:
    """Where this user's files are kept that have no better place."""
    if written := os.environ.get("MC_JUPYTER_CACHE"):
        return Path(os.path.expanduser(written))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mc_jupyter"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "mc_jupyter" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mc_jupyter"


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


def not_here(file: KnownFile, why: str) -> Offline:
    """The error that says where the file is, and where to put it."""
    return Offline(f"{file.name} is not on this disk, and {why}", fix=f"put {file.address} at {file.place}")


def bring(file: KnownFile, run: Run, before_download: Callable[[int], None] | None) -> None:
    """Download the file to its place, unless another process has done so meanwhile."""
    import httpx

    try:
        file.place.parent.mkdir(parents=True, exist_ok=True)
        with _alone(file, run):
            if not file.place.is_file():
                _download(file, run, before_download)
    except httpx.RequestError as error:
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        raise not_here(file, f"{urlsplit(file.address).hostname} cannot be reached: {why}") from None
    except OSError as error:
        raise WeightsError(
            f"cannot write to {file.place.parent}: {error.strerror or type(error).__name__}",
            fix="set MC_JUPYTER_CACHE to a folder that is yours",
        ) from None


def _download(file: KnownFile, run: Run, before_download: Callable[[int], None] | None) -> None:
    """Fetch into a hidden file beside the place, check, and give it its name."""
    import httpx

    draft = file.place.with_name(f".{file.place.name}.incomplete")
    if file.sha256 is None:
        draft.unlink(missing_ok=True)  # what cannot be checked is not pieced together from two downloads
    with httpx.Client(timeout=_TIMEOUT, follow_redirects=True, event_hooks={"request": [_refuse_plain]}) as client:
        _receive(client, file, draft, run, before_download)
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
            told = 0.0
            for block in answer.iter_bytes():  # as they come: a chunk size would drop what a broken connection gave
                stream.write(block)
                here += len(block)
                _refuse_size(file, here, None, None)
                if time.monotonic() - told > _BEAT or here == total:
                    told = time.monotonic()
                    run.emit(Advance(here, total, "bytes"))
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
