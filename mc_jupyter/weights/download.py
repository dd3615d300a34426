"""Files of a hub repository on their way to this disk: told byte by byte, continued after a break, checked by hash.

huggingface_hub 2 starts an interrupted file from nothing, so the bytes are fetched here: into an `.incomplete` file
beside the cache's blobs, continued by a Range request, compared with the hash that the hub lists, then moved to
`blobs/HASH`, to which the snapshot's link leads. The branch's entry in `refs/` is written last, so what a branch points
to on this disk is whole, for us and for every other library that reads the cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO

from mc_jupyter.errors import DoesNotFit, Interrupted, WeightsError
from mc_jupyter.events import Advance, Run
from mc_jupyter.language.fields import HubSource
from mc_jupyter.weights import hub
from mc_jupyter.weights.hub import Entry, Listing
from mc_jupyter.words import format_bytes

if TYPE_CHECKING:
    from hashlib import _Hash

PARALLEL = 4
TRIES = 5
PAUSE = 1.0  # seconds between tries
_PLAIN_LIMIT = 50_000_000_000  # the hub serves larger files only by its Xet protocol
_BEAT = 0.05  # at most 20 events a second …
_PULSE = 0.5  # … and one at least this often, so that a slow server does not look like a hang
_PATIENCE = 2.0  # seconds to wait for the threads of a download that was stopped
_RESERVE = 100_000_000  # bytes of disk left to others


class _Stopped(Exception):
    """The download was told to stop; ends a thread."""


@dataclass(slots=True)
class Download:
    """The files of one commit that are wanted here. Threads fetch and count; the caller's thread tells the run."""

    source: HubSource
    listing: Listing
    entries: list[Entry]
    run: Run
    _counts: dict[str, int] = field(default_factory=dict)
    _halt: threading.Event = field(default_factory=threading.Event)
    _failures: list[BaseException] = field(default_factory=list)
    _notes: SimpleQueue[str] = field(default_factory=SimpleQueue)
    _told: float = 0.0
    _told_done: int = -1

    def __post_init__(self) -> None:
        self._counts = {entry.name: self._here(entry) for entry in self.entries}

    @property
    def folder(self) -> Path:
        """The snapshot that the files become."""
        return hub.cache_folder(self.source) / "snapshots" / self.listing.commit

    @property
    def total(self) -> int:
        return sum(entry.size for entry in self.entries)

    @property
    def done(self) -> int:
        return sum(self._counts.values())

    @property
    def remaining(self) -> int:
        return self.total - self.done

    @property
    def complete(self) -> bool:
        return not hub.missing(self.folder, self.entries)

    def begin(self) -> None:
        """Say what is reused. DoesNotFit when the disk has no room for the rest."""
        room = _disk_free(self.folder)
        if self.remaining > room - _RESERVE:
            raise DoesNotFit(
                f"`{self.source.repository}` needs {format_bytes(self.remaining)} more on disk, and "
                f"{format_bytes(room)} is free in {hub.cache_folder(self.source).parent}",
                fix="free some space (`hf cache ls` shows what is there), or set `cache_dir:` to a larger disk",
            )
        if self.done and self.remaining:
            self.run.note(f"resuming: {format_bytes(self.done)} of {format_bytes(self.total)} were here already")

    def get(self, entries: Sequence[Entry]) -> None:
        """Bring these files here; Interrupted when the run is stopped. What has come by then is used the next time."""
        waiting: SimpleQueue[Entry] = SimpleQueue()
        for entry in sorted(entries, key=lambda entry: entry.size):
            waiting.put(entry)
        threads = [threading.Thread(target=self._work, args=(waiting,), daemon=True) for _ in entries[:PARALLEL]]
        for thread in threads:
            thread.start()
        try:
            self._watch(threads)
        except BaseException:
            self._halt.set()
            until = time.monotonic() + _PATIENCE
            for thread in threads:
                thread.join(max(0, until - time.monotonic()))
            raise
        if self._failures:
            raise self._failures[0]

    def publish(self) -> None:
        """Let the branch or tag point to this commit on this disk. Only for a commit that is here as a whole."""
        revision = self.source.revision or "main"
        if revision != self.listing.commit:
            ref = hub.ref_file(self.source)
            ref.parent.mkdir(parents=True, exist_ok=True)
            ref.write_text(self.listing.commit, encoding="utf-8")

    # ── the caller's thread ──

    def _watch(self, threads: list[threading.Thread]) -> None:
        while any(thread.is_alive() for thread in threads):
            if self.run.stopped:
                raise Interrupted(
                    f"stopped with {format_bytes(self.done)} of {format_bytes(self.total)} downloaded",
                    fix="run the cell again to go on from there",
                )
            self._tell()
            next(thread for thread in threads if thread.is_alive() or thread is threads[-1]).join(_BEAT)
        self._tell(last=True)

    def _tell(self, *, last: bool = False) -> None:
        with contextlib.suppress(Empty):
            while True:
                self.run.note(self._notes.get_nowait())
        now, done = time.monotonic(), self.done
        moved = done != self._told_done
        if (moved and last) or now - self._told >= (_BEAT if moved else _PULSE):
            self._told, self._told_done = now, done
            self.run.emit(Advance(done, self.total, "bytes"))

    # ── the other threads ──

    def _work(self, waiting: SimpleQueue[Entry]) -> None:
        with contextlib.suppress(Empty, _Stopped):
            while not self._halt.is_set():
                entry = waiting.get_nowait()
                try:
                    self._bring(entry)
                except _Stopped:
                    raise
                except OSError as error:
                    self._fail(self._cannot_write(error))
                except BaseException as error:  # raised again in the caller's thread
                    self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._failures.append(error)
        self._halt.set()

    def _cannot_write(self, error: OSError) -> WeightsError:
        where = hub.cache_folder(self.source)
        return WeightsError(
            f"cannot write to {where}: {error.strerror or type(error).__name__}",
            fix="free some space, or set `cache_dir:` to a folder that is yours",
        )

    def _bring(self, entry: Entry) -> None:
        file = self.folder / entry.name
        if hub.has_size(file, entry.size):
            return
        if entry.etag is None:
            raise WeightsError(f"{hub.address()} lists no hash of {entry.name}, by which it could be checked")
        if entry.size <= _PLAIN_LIMIT:
            with self._alone(entry):
                blob = self._blob(entry)
                if not hub.has_size(blob, entry.size):
                    blob.unlink(missing_ok=True)  # a blob of a wrong size is damage
                    self._stream(entry)
                if not hub.has_size(file, entry.size):  # another may have linked it meanwhile, and be reading it
                    _link(file, blob)
        else:
            self._fetch_by_xet(entry)
        self._counts[entry.name] = entry.size

    def _stream(self, entry: Entry) -> None:
        """Fill the incomplete file to its end, trying again while the server gives something, and check it."""
        partial = self._partial(entry)
        partial.parent.mkdir(parents=True, exist_ok=True)
        for attempt in (1, 2):
            with partial.open("a+b") as file:
                digest = self._fill(entry, file)
            if digest.hexdigest() == entry.etag:
                partial.replace(self._blob(entry))
                return
            partial.unlink()
            self._counts[entry.name] = 0
            if attempt == 1:
                self._notes.put(f"starting again: {entry.name} came damaged")
        raise WeightsError(f"{entry.name} is not what the hub lists: its hash differs, twice", fix="try again later")

    def _fill(self, entry: Entry, file: BinaryIO) -> _Hash:
        digest = _digest(entry)
        file.seek(0)
        while block := file.read(1 << 20):
            self._unless_stopped()
            digest.update(block)
        failures = 0
        while file.tell() < entry.size:
            before = file.tell()
            broken: Exception | None = None
            try:
                digest = self._receive(entry, file, digest)
            except hub.broken_connection() as error:
                broken = error
            failures = 0 if file.tell() > before else failures + 1
            if failures >= TRIES and broken is not None:
                hub.no_connection(broken, self.source)
            if failures >= TRIES or file.tell() > entry.size:
                raise self._other_length(entry, file.tell())
            if file.tell() < entry.size and self._halt.wait(PAUSE):
                raise _Stopped from None
        return digest

    def _other_length(self, entry: Entry, here: int) -> WeightsError:
        gave = f"{here:,} bytes" if here < entry.size else "more"
        return WeightsError(
            f"{hub.address()} lists {entry.name} with {entry.size:,} bytes, and gives {gave}", fix="try again later"
        )

    def _receive(self, entry: Entry, file: BinaryIO, digest: _Hash) -> _Hash:
        """Append what one request gives. The digest is returned because a server that ignores Range starts it anew."""
        from huggingface_hub import hf_hub_url
        from huggingface_hub.errors import HfHubHTTPError
        from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

        url = hf_hub_url(self.source.repository, entry.name, revision=self.listing.commit, endpoint=hub.endpoint())
        with self._asked(url, file.tell()) as answer:
            try:
                hf_raise_for_status(answer)
            except HfHubHTTPError as error:
                hub.explain(error, self.source, entry.name)
            except ValueError:  # of what it says of itself, which is no text
                said = f"{hub.address()} answered {answer.status_code} when asked for {entry.name}"
                raise WeightsError(said, fix="try again in a minute") from None
            if file.tell() and answer.status_code != 206:
                self._notes.put(f"starting again: the server cannot continue {entry.name}")
                file.seek(0)
                file.truncate()
                digest = _digest(entry)
            for block in answer.iter_bytes():
                self._unless_stopped()
                file.write(block)
                digest.update(block)
                self._counts[entry.name] = file.tell()
                if file.tell() > entry.size:  # it may never end
                    break
        return digest

    def _asked(self, url: str, start: int) -> AbstractContextManager[Any]:
        """The answer to a request for a file from this byte on. Its headers hold the token, and stay in no frame."""
        from huggingface_hub import constants, get_session
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

        # Compressed answers have no byte ranges.
        wanted = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
        headers = build_hf_headers(token=hub.sent(self.source)) | wanted
        timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
        return get_session().stream("GET", url, headers=headers, follow_redirects=True, timeout=timeout)

    def _fetch_by_xet(self, entry: Entry) -> None:
        """Let huggingface_hub bring a file that only its own protocol serves.

        It names the blob by what the server's header says, which is looked at before: it might lead elsewhere.
        """
        from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        url = hf_hub_url(self.source.repository, entry.name, revision=self.listing.commit, endpoint=hub.endpoint())
        try:
            if get_hf_file_metadata(url, token=hub.sent(self.source)).etag != entry.etag:
                raise WeightsError(f"{entry.name} is not what the hub lists: its hash differs", fix="try again later")
            hf_hub_download(
                self.source.repository, entry.name, revision=self.listing.commit, endpoint=hub.endpoint(),
                cache_dir=hub.cache_folder(self.source).parent, token=hub.sent(self.source), tqdm_class=None,
            )  # fmt: skip
        except HfHubHTTPError as error:
            hub.explain(error, self.source, entry.name)
        except LocalEntryNotFoundError as error:
            hub.no_connection(error.__cause__ or error, self.source)

    @contextlib.contextmanager
    def _alone(self, entry: Entry) -> Iterator[None]:
        """Keep other processes, and what is left of a stopped download in this one, from writing the same file."""
        from filelock import FileLock, Timeout

        folder = hub.cache_folder(self.source)
        lock = FileLock(folder.parent / ".locks" / folder.name / f"{entry.etag}.lock")
        Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        while True:
            self._unless_stopped()
            with contextlib.suppress(Timeout):
                lock.acquire(timeout=0.2)
                break
        try:
            yield
        finally:
            lock.release()

    def _unless_stopped(self) -> None:
        if self._halt.is_set():
            raise _Stopped

    def _here(self, entry: Entry) -> int:
        """How many bytes of the file need not be fetched."""
        if hub.has_size(self.folder / entry.name, entry.size) or hub.has_size(self._blob(entry), entry.size):
            return entry.size
        partial = self._partial(entry)
        return min(partial.stat().st_size, entry.size) if partial.is_file() else 0

    def _blob(self, entry: Entry) -> Path:
        return hub.cache_folder(self.source) / "blobs" / (entry.etag or "unknown")

    def _partial(self, entry: Entry) -> Path:
        return self._blob(entry).with_suffix(".mc_jupyter.incomplete")


def _link(file: Path, blob: Path) -> None:
    """Let a file of the snapshot be its blob: a link with a relative path, as huggingface_hub makes it, or a copy.

    huggingface_hub itself would ask for the file's header again, and name the blob by what that says.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)  # a link whose blob is gone, or of a wrong size
    try:
        file.symlink_to(os.path.relpath(blob, file.parent))
    except FileExistsError:
        pass  # by another process, meanwhile
    except OSError:  # Windows without the right to make links
        shutil.copyfile(blob, file)


def _digest(entry: Entry) -> _Hash:
    """The hash the hub lists: of large files their SHA-256, of small ones the SHA-1 that git gives a blob."""
    if entry.sha256:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % entry.size, usedforsecurity=False)


def _disk_free(folder: Path) -> int:
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    return shutil.disk_usage(there).free
