"""A hub of our own on 127.0.0.1: as much of the Hugging Face hub's HTTP as huggingface_hub needs, refusals included.

    with HubStandIn() as hub:
        hub.add("owner/name", {"config.json": b"{}", "model.safetensors": data})
        os.environ["HF_ENDPOINT"] = hub.url

It answers as the real hub does: `X-Error-Code` and `X-Error-Message` on refusals; 401 without a code where a repository
is private or missing and no token came; 404 RepoNotFound for those with a good token; 401 "Invalid credentials" for a
bad token whatever is asked; the listing of a gated repository for everybody, its files with 401 or 403 GatedRepo.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal
from urllib.parse import unquote, urlsplit

Access = Literal["public", "private", "gated"]
_LARGE = 1000  # bytes from which a file is kept as a large one (LFS), whose hash is SHA-256


@dataclass
class Repository:
    """What the stand-in knows of a repository. `readers` are the tokens that may read it where it is not public."""

    files: dict[str, bytes]
    access: Access = "public"
    readers: set[str] = field(default_factory=set)
    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def commit(self, branch: str = "main") -> str:
        """Keep the files as they are now as a commit of the branch."""
        content = json.dumps({name: hashlib.sha1(data).hexdigest() for name, data in sorted(self.files.items())})
        commit = hashlib.sha1(content.encode()).hexdigest()
        self.commits[commit] = dict(self.files)
        self.branches[branch] = commit
        return commit


@dataclass
class Request:
    """One request that came in."""

    method: str
    path: str
    range: str | None
    token: str | None


class HubStandIn:
    """The server. Its behaviour can be changed while it runs:

    `cut_after`       bytes that one answer gives of a large file before its connection is broken (None: all)
    `dead_at`         place in a large file that no answer gets beyond (None: no such place)
    `slow`            seconds of pause per 64 kB of a large file
    `ranges`          False: Range is ignored and the whole file comes, with 200
    `garble`          how many more large files come with their last byte changed
    `tokens`          the tokens it knows
    `gives`           what it gives of a file instead of its bytes, by its name
    `answers`         what it says of every repository instead of the truth (None: the truth)
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.tokens: set[str] = set()
        self.requests: list[Request] = []
        self.cut_after: int | None = None
        self.dead_at: int | None = None
        self.slow = 0.0
        self.ranges = True
        self.garble = 0
        self.status: int | None = None
        self.answers: object = None
        self.gives: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def add(
        self, name: str, files: Mapping[str, bytes], *, access: Access = "public", readers: set[str] | None = None
    ) -> Repository:
        repository = Repository(dict(files), access, readers or set())
        repository.commit()
        self.repositories[name] = repository
        return repository

    def gets(self, filename: str) -> list[Request]:
        """The GET requests for a file, in order."""
        return [one for one in self.requests if one.method == "GET" and one.path.endswith(f"/{filename}")]

    def __enter__(self) -> HubStandIn:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def is_large(data: bytes) -> bool:
    return len(data) >= _LARGE


def etag(data: bytes) -> str:
    """SHA-256 of a large file, git's blob hash of a small one."""
    if is_large(data):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class _Refused(Exception):
    def __init__(self, status: int, message: str, code: str | None = None):
        self.status, self.message, self.code = status, message, code


def _handler_for(hub: HubStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_HEAD(self) -> None:
            self._answer()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def _answer(self) -> None:
            path = unquote(urlsplit(self.path).path)
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
            hub.requests.append(Request(self.command, path, self.headers.get("Range"), token))
            try:
                if hub.status is not None:
                    raise _Refused(hub.status, "The stand-in was told to")
                if token is not None and token not in hub.tokens:
                    raise _Refused(401, "Invalid credentials in Authorization header")
                if path == "/api/whoami-v2":
                    self._json({"name": "somebody", "type": "user"})
                elif path.startswith("/api/models/"):
                    self._listing(path.removeprefix("/api/models/"), token)
                else:
                    self._file(path.removeprefix("/"), token)
            except _Refused as refused:
                self._refuse(refused)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def _repository(self, name: str, token: str | None) -> Repository:
            repository = hub.repositories.get(name)
            hidden = repository is not None and repository.access == "private" and token not in repository.readers
            if repository is None or hidden:
                if token is None:
                    raise _Refused(401, "Invalid username or password.")
                raise _Refused(404, "Repository not found", "RepoNotFound")
            return repository

        def _commit(self, repository: Repository, revision: str) -> str:
            whole = [commit for commit in repository.commits if len(revision) >= 7 and commit.startswith(revision)]
            commit = repository.branches.get(revision) or next(iter(whole), None)
            if commit is None:
                raise _Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
            return commit

        def _listing(self, rest: str, token: str | None) -> None:
            name, _, revision = rest.partition("/revision/")
            repository = self._repository(name, token)
            commit = self._commit(repository, revision or "main")
            if hub.answers is not None:
                return self._json(hub.answers)
            siblings = []
            for filename, data in repository.commits[commit].items():
                entry: dict[str, object] = {"rfilename": filename, "size": len(data), "blobId": etag(data)}
                if is_large(data):
                    entry["blobId"] = hashlib.sha1(data).hexdigest()
                    entry["lfs"] = {"sha256": etag(data), "size": len(data), "pointerSize": 130}
                siblings.append(entry)
            gated = "auto" if repository.access == "gated" else False
            private = repository.access == "private"
            self._json(
                {"id": name, "sha": commit, "private": private, "gated": gated, "siblings": siblings, "tags": []}
            )

        def _file(self, rest: str, token: str | None) -> None:
            name, _, after = rest.partition("/resolve/")
            repository = self._repository(name, token)
            revision, _, filename = after.partition("/")
            commit = self._commit(repository, revision)
            if repository.access == "gated" and token not in repository.readers:
                status = 401 if token is None else 403
                raise _Refused(status, f"Access to model {name} is restricted.", "GatedRepo")
            data = repository.commits[commit].get(filename)
            if data is None:
                raise _Refused(404, "Entry not found", "EntryNotFound")
            self._send(hub.gives.get(filename, data), commit)

        def _send(self, data: bytes, commit: str) -> None:
            wanted = self.headers.get("Range") if hub.ranges else None
            start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else 0
            self.send_response(206 if wanted else 200)
            self.send_header("ETag", f'"{etag(data)}"')
            self.send_header("X-Repo-Commit", commit)
            if is_large(data):
                self.send_header("X-Linked-ETag", f'"{etag(data)}"')
                self.send_header("X-Linked-Size", str(len(data)))
            if wanted:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            if self.command == "GET":
                self._stream(data, start)

        def _stream(self, data: bytes, start: int) -> None:
            large = is_large(data)
            if large and hub.garble:
                hub.garble -= 1
                data = data[:-1] + bytes([data[-1] ^ 1])
            end = len(data)
            if large and hub.cut_after is not None:
                end = min(end, start + hub.cut_after)
            if large and hub.dead_at is not None:
                end = min(end, hub.dead_at)
            while start < end:
                piece = data[start : min(end, start + 65536)]
                self.wfile.write(piece)
                self.wfile.flush()
                start += len(piece)
                if large and hub.slow:
                    time.sleep(hub.slow)
            if end < len(data):
                self.close_connection = True
                self.connection.close()

        def _json(self, content: object) -> None:
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _refuse(self, refused: _Refused) -> None:
            body = json.dumps({"error": refused.message}).encode()
            self.send_response(refused.status)
            if refused.code:
                self.send_header("X-Error-Code", refused.code)
            self.send_header("X-Error-Message", refused.message)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    return Handler
