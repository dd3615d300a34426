"""Upscalers known by name: the table, the place of each file, and its way there."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter import weights
from mc_jupyter.errors import Interrupted, NoSuchModel, Offline, UnsafeWeights, WeightsError
from mc_jupyter.events import Advance, Note, Phase, Run
from mc_jupyter.weights import known, single
from mc_jupyter.weights.known import KNOWN
from mc_jupyter.weights.single import KnownFile
from tests import upscalers
from tests.conftest import cell
from tests.upscalers import picture

BLOCK = Path(__file__).parents[1] / "language" / "blocks" / "20.yml"


class Server:
    """Gives one file out, by range where asked; `breaks_after` bytes the first connection ends."""

    def __init__(self, content: bytes):
        self.content = content
        self.ranges = True
        self.breaks_after: int | None = None
        self.moved_to: str | None = None
        self.asked: list[str | None] = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                server.asked.append(asked)
                if server.moved_to:
                    self.send_response(302)
                    self.send_header("Location", server.moved_to)
                    self.end_headers()
                    return
                if self.path != "/RealESRGAN_x4plus.pth":
                    self.send_error(404)
                    return
                start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and server.ranges else 0
                if start >= len(server.content) and asked:
                    self.send_error(416)
                    return
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(server.content) - start))
                self.end_headers()
                end, server.breaks_after = server.breaks_after, None
                self.wfile.write(server.content[start:end])

            def log_message(self, *args: Any) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/RealESRGAN_x4plus.pth"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of the real architecture and names, but small."""
    return upscalers.real_esrgan(tmp_path_factory.mktemp("known") / "small.pth").read_bytes()


@pytest.fixture
def server(content: bytes) -> Iterator[Server]:
    made = Server(content)
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture
def file(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KnownFile:
    """RealESRGAN_x4plus in a table of this test: with an address on this machine, and the small file's own hash."""
    monkeypatch.setenv("MC_JUPYTER_CACHE", str(tmp_path))
    monkeypatch.delenv("HF_HUB_OFFLINE")
    made = replace(KNOWN["RealESRGAN_x4plus"], address=server.url, sha256=hashlib.sha256(server.content).hexdigest())
    monkeypatch.setitem(KNOWN, "RealESRGAN_x4plus", made)
    return made


# ── the table ──


def test_the_table_holds_https_addresses_and_whole_hashes() -> None:
    assert {"RealESRGAN_x4plus", "RealESRGAN_x2plus", "realesr-general-x4v3", "realesr-animevideov3"} <= set(KNOWN)
    for name, file in KNOWN.items():
        assert file.address.startswith("https://github.com/")
        assert file.address.endswith(f"/{name}.pth")
        assert file.sha256 is None or (len(file.sha256) == 64 and int(file.sha256, 16))
    hashes = [file.sha256 for file in KNOWN.values() if file.sha256]
    assert len(set(hashes)) == len(hashes)


@pytest.mark.parametrize("written", ["RealESRGAN_x4plus", "realesrgan_x4plus", "RealESRGAN_x4plus.pth"])
def test_a_name_is_known_whatever_its_capitals(written: str) -> None:
    assert known.known(written) is KNOWN["RealESRGAN_x4plus"]


def test_a_name_that_is_nearly_known_is_asked_back(session: mc.Session) -> None:
    (obstacle,) = session.plan(cell("image-upscale", "RealESRGAN_x4pluss")).problems
    assert isinstance(obstacle, NoSuchModel)
    assert "did you mean RealESRGAN_x4plus?" in str(obstacle)
    (obstacle,) = session.plan(cell("image-upscale", "gpt2")).problems
    assert "known are RealESRGAN_x4plus" in str(obstacle)


@pytest.mark.parametrize("written", ["{repository: RealESRGAN_x4plus, revision: v2}",
                                     "{repository: RealESRGAN_x4plus, filename: other.pth}"])  # fmt: skip
def test_what_a_single_file_has_not_is_refused(session: mc.Session, written: str) -> None:
    (obstacle,) = session.plan(cell("image-upscale", written)).problems
    assert "it has no" in str(obstacle)


def test_names_with_an_owner_are_the_hubs(session: mc.Session) -> None:
    plan = session.plan(cell("image-upscale", "{repository: ai-forever/Real-ESRGAN, filename: RealESRGAN_x4.pth}"))
    assert not plan.problems
    assert any("ai-forever/Real-ESRGAN is not on this disk" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [("linux", {}, "home/.cache/mc_jupyter"), ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/mc_jupyter"),
     ("darwin", {}, "home/Library/Caches/mc_jupyter"), ("win32", {"LOCALAPPDATA": "/l"}, "/l/mc_jupyter/Cache"),
     ("linux", {"MC_JUPYTER_CACHE": "/mine"}, "/mine")],
)  # fmt: skip
def test_each_platform_has_its_cache(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], folder: str
) -> None:
    for name in ("MC_JUPYTER_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("home"))
    assert single.cache_folder() == Path(folder)


# ── offline, and what lies there ──


def test_offline_the_error_gives_the_address_and_the_place(
    session: mc.Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MC_JUPYTER_CACHE", str(tmp_path))
    place = tmp_path / "upscalers" / "RealESRGAN_x4plus.pth"
    with pytest.raises(Offline, match=r"HF_HUB_OFFLINE=1 forbids") as caught:
        session.load(BLOCK.read_text(encoding="utf-8"))
    assert f"put {KNOWN['RealESRGAN_x4plus'].address} at {place}" in str(caught.value)
    assert not place.parent.exists()


def test_a_server_that_cannot_be_reached_gives_the_same(session: mc.Session, server: Server, file: KnownFile) -> None:
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(Offline, match=r"127.0.0.1 cannot be reached[\s\S]*put http"):
        session.load(BLOCK.read_text(encoding="utf-8"))


def test_block_20_runs_as_it_is_written_on_a_file_whose_hash_the_table_has(
    session: mc.Session, file: KnownFile, content: bytes
) -> None:
    """The table's entry is this test's: the published weights are not at hand, a small file of their kind is."""
    file.place.parent.mkdir(parents=True)
    file.place.write_bytes(content)
    handle = session.load(BLOCK.read_text(encoding="utf-8"))
    assert handle(image=picture(12, 9)).size == (48, 36)


def test_a_file_that_is_not_the_published_one_needs_a_word(
    session: mc.Session, monkeypatch: pytest.MonkeyPatch, content: bytes, tmp_path: Path
) -> None:
    monkeypatch.setenv("MC_JUPYTER_CACHE", str(tmp_path))
    place = KNOWN["RealESRGAN_x4plus"].place
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    text = BLOCK.read_text(encoding="utf-8")
    with pytest.raises(UnsafeWeights, match=r"is not the published RealESRGAN_x4plus[\s\S]*allow_pickle"):
        session.load(text)
    assert session.load(text + "  allow_pickle: true\n")(image=picture(5, 4)).size == (20, 16)


def test_a_name_without_a_published_hash_needs_a_word_before_anything_is_fetched(
    server: Server, file: KnownFile
) -> None:
    with pytest.raises(UnsafeWeights, match="allow_pickle"):
        weights.fetch(replace(file, sha256=None), Run())
    assert server.asked == []


def test_a_folder_of_the_cells_own_and_local_files_only_are_honoured(session: mc.Session, tmp_path: Path) -> None:
    model = f"{{repository: RealESRGAN_x4plus, cache_dir: {tmp_path}, local_files_only: true}}"
    with pytest.raises(Offline, match=f"`local_files_only: true` forbids[\\s\\S]*at {tmp_path}/RealESRGAN_x4plus.pth"):
        session.load(cell("image-upscale", model))


# ── the way there ──


def test_a_file_comes_with_progress_and_becomes_visible_last(server: Server, file: KnownFile) -> None:
    events: list[Any] = []
    run = Run(lambda e: events.append((e, file.place.exists())))
    found = weights.fetch(file, run)
    assert found.files == (file.place,)
    assert file.place.read_bytes() == server.content
    assert [e.name for e, _ in events if isinstance(e, Phase)] == ["find", "download"]
    steps = [(e.done, e.total) for e, _ in events if isinstance(e, Advance)]
    assert steps[-1] == (len(server.content), len(server.content))
    assert not any(there for _, there in events)
    weights.fetch(file, Run())
    assert len(server.asked) == 1


def test_a_broken_download_goes_on_where_it_ended(server: Server, file: KnownFile) -> None:
    server.breaks_after = 20_000
    with pytest.raises(Offline):
        weights.fetch(file, Run())
    assert not file.place.exists()
    events: list[Any] = []
    weights.fetch(file, Run(events.append))
    assert server.asked == [None, "bytes=20000-"]
    assert any("resuming" in e.text for e in events if isinstance(e, Note))
    assert file.place.read_bytes() == server.content


def test_a_server_without_ranges_is_begun_anew(server: Server, file: KnownFile) -> None:
    server.breaks_after, server.ranges = 20_000, False
    with pytest.raises(Offline):
        weights.fetch(file, Run())
    weights.fetch(file, Run())
    assert file.place.read_bytes() == server.content


def test_without_a_hash_nothing_is_pieced_together(server: Server, file: KnownFile) -> None:
    server.breaks_after = 20_000
    unchecked = replace(file, sha256=None)
    with pytest.raises(Offline):
        weights.fetch(unchecked, Run(), allow_pickle=True)
    weights.fetch(unchecked, Run(), allow_pickle=True)
    assert server.asked == [None, None]


def test_wrong_bytes_are_never_shown(server: Server, file: KnownFile) -> None:
    server.content = server.content[:-10] + b"0123456789"
    with pytest.raises(WeightsError, match="its SHA-256 is"):
        weights.fetch(file, Run())
    assert [p.name for p in file.place.parent.iterdir() if not p.name.endswith(".lock")] == []


def test_an_interrupt_keeps_what_has_come(server: Server, file: KnownFile) -> None:
    run = Run()
    run.listener = lambda e: run.stop() if isinstance(e, Advance) else None
    with pytest.raises(Interrupted, match="downloaded"):
        weights.fetch(file, run)
    assert not file.place.exists()
    weights.fetch(file, Run())
    assert server.asked[1].startswith("bytes=")
    assert file.place.read_bytes() == server.content


def test_too_large_a_file_is_refused(server: Server, file: KnownFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single, "LARGEST", 1000)
    with pytest.raises(WeightsError, match="gives more than"):
        weights.fetch(file, Run())
    assert not file.place.exists()


def test_the_size_is_told_before_the_first_byte(server: Server, file: KnownFile) -> None:
    told: list[int] = []
    weights.fetch(file, Run(), before_download=told.append)
    assert told == [len(server.content)]


def test_an_unsafe_way_is_not_taken(server: Server, file: KnownFile) -> None:
    server.moved_to = "http://example.invalid/file.pth"
    with pytest.raises(WeightsError, match="example.invalid would give the file by http"):
        weights.fetch(file, Run())


def test_what_the_server_has_not_is_one_error(server: Server, file: KnownFile) -> None:
    with pytest.raises(WeightsError, match=r"answered 404[\s\S]*put http"):
        weights.fetch(replace(file, address=server.url.replace("_x4", "_x5")), Run())


def test_a_folder_that_cannot_be_written_is_one_error(
    server: Server, file: KnownFile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("MC_JUPYTER_CACHE", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match=r"cannot write to[\s\S]*MC_JUPYTER_CACHE"):
        weights.fetch(file, Run())
