"""Answers of a hub: listings, redirects, headers, ranges and bytes that are wrong, hostile names, a cache that is damaged."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import unquote, urlsplit

from mc_jupyter import weights
from mc_jupyter.events import Run
from mc_jupyter.language.fields import HubSource
from mc_jupyter.weights import download
from mc_jupyter.weights.single import KnownFile
from tests.fuzz import files, mutation
from tests.fuzz.kind import Kind
from tests.weights.test_weights import tensors

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "tokenizer.json": b"{}",
    "model.safetensors": tensors(a=("F16", [40, 40])),
    "unet/config.json": b'{"_class_name": "UNet2DConditionModel"}',
}
_NAMES = (
    "../../../../outside/new.safetensors", "/tmp/../etc/x.json", "..", ".", "", "a/../../b.json", "C:\\x.json", "..\\..\\x.json", "x\0.json", "a//b.json",
    "nul.json", "a/./b.json", "~/.bashrc.json", "x" * 300 + ".json", "é\u202e.json", "model.safetensors/x.json", "config.json/", " ", "a\nb.json", "refs/main",
    "../../refs/main", "../../blobs/x.json", "unet/../../../x.json", "%2e%2e/x.json", "//host/share/x.json", ".git/config.json", "modeling_x.py", "config.JSON",
)  # fmt: skip
_HEADERS = ("ETag", "X-Repo-Commit", "X-Linked-ETag", "X-Linked-Size", "Content-Length", "Content-Range", "Content-Type", "Content-Encoding", "X-Error-Code", "X-Error-Message", "Location", "Accept-Ranges", "Transfer-Encoding", "Link")  # fmt: skip
_VALUES = ("", "0", "-1", "9" * 40, "x", '"x"', 'W/"../../../x"', '"../../../../outside/x"', "bytes 5-1/0", "bytes */*", "gzip", "br", "chunked", "text/html", "GatedRepo", "RepoNotFound", "EntryNotFound", "RevisionNotFound", "é", "a" * 5000, "0" * 40, "f" * 64)  # fmt: skip
# A hub may send anywhere, so none of these leads to another machine.
_PLACES = ("/", "/x", "//127.0.0.1:1/x", "http://127.0.0.1:1/", "file:///etc/passwd", "", "http://[::1", "gopher://x/", "https://127.0.0.1/", "/api/models/owner/name")  # fmt: skip
_CODES = (204, 206, 301, 302, 307, 308, 304, 400, 401, 403, 404, 409, 410, 416, 418, 429, 451, 500, 503, 599, 999)


@dataclass(frozen=True)
class Change:
    """What is wrong with the answers to one sort of request: `listing`, or the name of a file, or `*`."""

    to: str
    how: str
    what: Any = None
    dice: int = 0


@dataclass(frozen=True)
class Case:
    """A source that is asked for, what the hub's answers are like, and what is changed in a cache that was filled before."""

    source: HubSource | KnownFile
    changes: tuple[Change, ...]
    listing: Any = field(default=None, repr=False)
    cache: tuple[int, ...] = ()


class HubAnswers(Kind):
    """A hub of our own on 127.0.0.1 that answers as no hub should; what is fetched from it, and then found."""

    seconds = 40.0
    imports = ("torch", "transformers", "huggingface_hub", "IPython")

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.case = Case(HubSource(repository="owner/name"), ())
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.cache = folder / "cache"
        self._go_online()
        download.PAUSE = 0.01  # seconds between two tries of a connection that broke: here it is its own

    def _go_online(self) -> None:
        from huggingface_hub import constants

        os.environ.pop("HF_HUB_OFFLINE", None)
        constants.HF_HUB_OFFLINE = False
        os.environ |= {
            "HF_ENDPOINT": self.url,
            "HF_HUB_CACHE": str(self.cache),
            "MC_JUPYTER_CACHE": str(self.folder / "single"),
        }

    def make(self, dice: Random) -> Case:
        revision = dice.choice((None, None, None, "main", "x/y", COMMIT, COMMIT[:8], "..", "a b", "é"))
        filename = dice.choice((None,) * 8 + ("model.safetensors", "../x.bin", "model.gguf"))
        source: HubSource | KnownFile = HubSource(repository="owner/name", revision=revision, filename=filename)
        changes = tuple(_change(dice) for _ in range(dice.choice((0, 1, 1, 1, 2, 3))))
        listing = _listing()
        if dice.random() < 0.6:
            listing = _named(dice, listing) if dice.random() < 0.5 else mutation.mutated_tree(dice, listing, _NAMES)
        if dice.random() < 0.1:
            sha = hashlib.sha256(FILES["model.safetensors"]).hexdigest() if dice.random() < 0.7 else None
            source = KnownFile("upscaler", "/owner/name/resolve/main/model.safetensors", sha)
        damaged = tuple(dice.randrange(1 << 30) for _ in range(dice.randint(1, 3))) if dice.random() < 0.3 else ()
        return Case(source, changes, listing, damaged)

    def attempt(self, case: Case) -> str:
        shutil.rmtree(self.cache, ignore_errors=True)
        shutil.rmtree(self.folder / "single", ignore_errors=True)
        there = self._around()
        source = case.source
        if isinstance(source, KnownFile):
            source = KnownFile(source.name, self.url + source.address, source.sha256)
        if case.cache:
            self.case = Case(case.source, (), _listing())
            weights.fetch(HubSource(repository="owner/name"), Run())
            self._damage(case.cache)
        self.case = case
        try:
            shown = [repr(weights.find(source)) if isinstance(source, HubSource) else ""]
            found = weights.fetch(source, Run())
            home = self.cache if isinstance(source, HubSource) else self.folder / "single"
            for file in found.files:
                assert file.absolute().is_relative_to(home), f"{file} was taken for the model's"
            shown.append(repr(weights.find(source)) if isinstance(source, HubSource) else repr(found))
            return "\n".join(shown)
        finally:
            assert self._around() == there, f"files beside the model's are not as they were: {self._around() ^ there}"

    def _around(self) -> set[str]:
        """What lies about the cache, and in it beside the one model that is asked for."""
        own = {"models--owner--name", ".locks", "CACHEDIR.TAG", "version.txt"}
        inside = {one.name for one in self.cache.iterdir()} - own if self.cache.is_dir() else set()
        work = {str(one) for one in Path.cwd().rglob("*")}
        return inside | work | {one.name for one in self.folder.iterdir() if one.name not in ("cache", "single")}

    def _damage(self, seeds: tuple[int, ...]) -> None:
        """Change files of the cache: the kept listing, the branch's commit, blobs."""
        for seed in seeds:
            dice = Random(seed)
            inside = sorted(one for one in self.cache.rglob("*") if one.is_file() and ".locks" not in one.parts)
            kept = [one for one in inside if one.suffix == ".json" and one.parent.name == "mc_jupyter"]
            file = dice.choice(kept if kept and dice.random() < 0.5 else inside)
            content = file.read_bytes()
            changed = (
                files.mutated_json(dice, content)
                if file.suffix == ".json" and dice.random() < 0.8
                else mutation.mutated_bytes(dice, content)
            )
            file.unlink()
            if dice.random() < 0.85:
                file.write_bytes(changed)

    # --- the hub ------------------------------------------------------------------------------------------------------

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """The answer to a request: a good one, with the case's changes."""
        if path == "/api/whoami-v2":
            asked, body = "whoami", b'{"name": "x", "type": "user"}'
        elif path.startswith("/api/"):
            asked, body = "listing", json.dumps(self.case.listing or _listing()).encode("utf-8", "surrogatepass")
        else:
            asked = unquote(path).partition("/resolve/")[2].partition("/")[2]
            body = FILES.get(asked, b"")
        status, headers = 200, {"X-Repo-Commit": COMMIT, "ETag": f'"{_etag(body)}"'}
        if asked not in FILES and "/resolve/" in path:
            status, headers["X-Error-Code"] = 404, "EntryNotFound"
        if len(body) >= 1000:
            headers |= {"X-Linked-ETag": headers["ETag"], "X-Linked-Size": str(len(body))}
        for change in self.case.changes:
            if change.to in ("*", asked):
                status, headers, body = _changed(change, status, headers, body)
        return status, headers, body

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def _listing() -> dict[str, Any]:
    siblings = []
    for name, data in FILES.items():
        entry: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": _etag(data)}
        if len(data) >= 1000:
            entry |= {
                "blobId": hashlib.sha1(data).hexdigest(),
                "lfs": {"sha256": _etag(data), "size": len(data), "pointerSize": 130},
            }
        siblings.append(entry)
    return {"id": "owner/name", "sha": COMMIT, "private": False, "gated": False, "siblings": siblings, "tags": []}


def _named(dice: Random, listing: dict[str, Any]) -> dict[str, Any]:
    """The listing with a file more, or one under another name, that leads elsewhere."""
    name = dice.choice(_NAMES)
    if dice.random() < 0.5:
        dice.choice(listing["siblings"])["rfilename"] = name
    else:
        listing["siblings"].insert(0, {**dice.choice(listing["siblings"]), "rfilename": name})
    return listing


def _etag(data: bytes) -> str:
    return (
        hashlib.sha256(data).hexdigest()
        if len(data) >= 1000
        else hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    )


def _change(dice: Random) -> Change:
    to = dice.choice(("listing", "listing", "model.safetensors", "config.json", "*"))
    how = dice.choice(("status", "header", "header", "no header", "body", "body", "cut", "redirect", "empty", "close"))
    what: Any = None
    if how == "status":
        what = dice.choice(_CODES)
    elif how in ("header", "no header"):
        what = (dice.choice(_HEADERS), dice.choice(_VALUES))
    elif how == "redirect":
        what = (dice.choice((301, 302, 303, 307, 308)), dice.choice(_PLACES))
    return Change(to, how, what, dice.randrange(1 << 30))


def _changed(change: Change, status: int, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    dice = Random(change.dice)
    if change.how == "status":
        return change.what, headers, body
    if change.how == "header":
        return status, {**headers, change.what[0]: change.what[1]}, body
    if change.how == "no header":
        return status, {name: value for name, value in headers.items() if name != change.what[0]}, body
    if change.how == "redirect":
        return change.what[0], {**headers, "Location": change.what[1]}, b""
    if change.how == "body":
        return status, headers, mutation.mutated_bytes(dice, body, [b'{"error": "x"}', b"<html>", b"[" * 5000])
    if change.how == "cut":
        return status, {**headers, "Content-Length": str(len(body))}, body[: dice.randrange(len(body) + 1)]
    return status, {} if change.how == "close" else headers, b""


def _handler_for(kind: HubAnswers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = kind.answer(urlsplit(self.path).path)
            wanted = self.headers.get("Range", "")
            if wanted.startswith("bytes=") and status == 200:
                start = int(wanted.removeprefix("bytes=").partition("-")[0] or 0)
                headers = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}", **headers}
                status, body = 206, body[start:]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value.encode("utf-8", "replace").decode("latin-1"))
            self.end_headers()
            self.close_connection = True  # what a header promises and the body lacks is not waited for
            if self.command == "GET" and status not in (204, 304) and status >= 200:
                self.wfile.write(body)

        do_HEAD = do_GET

        def handle(self) -> None:
            try:
                super().handle()
            except (OSError, ValueError):
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler
