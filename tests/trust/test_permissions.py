"""What a cell and a session let inputs touch, from the call down; and what they do not by themselves."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import mc_jupyter as mc
from mc_jupyter.errors import ExpressionError, InputError, NeedsWord
from mc_jupyter.events import Note, Run
from mc_jupyter.trust import consent
from mc_jupyter.trust.permissions import Permissions
from tests.conftest import agree

CELL = """component:
  type: model
  task: image-upscale
  driver: echo
  image: ${input.photo as image}
  scale: 2
"""


@pytest.fixture(autouse=True)
def _nothing_said_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    Image.new("RGB", (6, 4), "red").save(made / "photo.png")
    Image.new("RGB", (3, 3)).save(tmp_path / "outside.png")
    monkeypatch.chdir(made)
    return made


def test_nothing_is_allowed_until_somebody_allows_it() -> None:
    assert Permissions() == Permissions(urls=False, paths=False, max_pixels=50_000_000)
    assert Permissions(urls=True).and_also(paths=True) == Permissions(urls=True, paths=True)


def test_a_call_takes_what_an_image_can_be(session: mc.Session, folder: Path) -> None:
    larger = session.load(CELL, "larger")
    file = (folder / "photo.png").read_bytes()
    values: list[Any] = [
        "photo.png", Path("photo.png"), file, io.BytesIO(file), Image.open("photo.png"), np.zeros((4, 6, 3)),
        torch.zeros(3, 4, 6), base64.b64encode(file).decode(), {"name": "a", "content": memoryview(file)},
    ]  # fmt: skip
    for value in values:
        assert larger(value).size == (12, 8)
        assert larger(photo=value).size == (12, 8)
    assert [image.size for image in larger(values)] == [(12, 8)] * len(values)
    assert len(larger(torch.zeros(5, 3, 4, 6))) == 5
    assert [image.size for image in larger(iter(["photo.png"]))] == [(12, 8)]
    assert len(larger(np.array(["photo.png", "photo.png"]))) == 2


@pytest.mark.parametrize("written", ["${input.photo}", "${input.photo | photo.png}", "photo.png", "./photo.png"])
def test_a_field_that_takes_images_needs_no_as(written: str, session: mc.Session, folder: Path) -> None:
    larger = session.load(CELL.replace("${input.photo as image}", written), "larger")
    for one in larger.inputs:
        assert one.kind == "image"
        assert larger(np.zeros((4, 6, 3), np.uint8)).size == (12, 8)
        assert larger("photo.png").size == (12, 8)
    if "${input.photo}" not in written:
        assert larger().size == (12, 8)


def test_a_default_is_the_name_of_a_file_which_planning_does_not_read(session: mc.Session, folder: Path) -> None:
    text = CELL.replace("photo as image", "photo as image | later.png")
    larger = session.load(text, "larger")
    assert larger.inputs[0].default == "later.png"
    with pytest.raises(InputError, match="cannot read the file 'later.png'"):
        larger()
    (folder / "photo.png").rename(folder / "later.png")
    assert larger().size == (12, 8)


def test_an_error_names_what_the_call_gave(session: mc.Session, folder: Path) -> None:
    larger = session.load(CELL, "larger")
    with pytest.raises(InputError, match=r"^photo: .*look like a PDF in \$\{input\.photo as image\}"):
        larger(b"%PDF-1.7")
    with pytest.raises(InputError, match=r"^photo\[1\]: an array of shape 5×5×5"):
        larger(["photo.png", np.zeros((5, 5, 5))])
    with pytest.raises(InputError, match=r"^photo\[1\]: null is no image"):
        larger(["photo.png", None])


@pytest.mark.parametrize("by", ["cell", "session"])
def test_a_file_elsewhere_is_read_where_the_cell_or_the_session_allows_it(by: str, folder: Path) -> None:
    with mc.Session(allow_paths=by == "session") as session:
        larger = session.load(CELL + ("  allow_paths: true\n" if by == "cell" else ""), "larger")
        if by == "cell":
            assert not larger.permissions.paths
            with pytest.raises(
                NeedsWord, match="line 7: allow_paths: true lets this cell, in this folder, read any file"
            ):
                larger("../outside.png")
            agree(session, ["allow_paths"])
        assert larger.permissions.paths
        assert larger("../outside.png").size == (6, 6)
        assert larger.stream is not None
    with mc.Session() as session:
        larger = session.load(CELL, "larger")
        with pytest.raises(InputError, match=r"outside the working folder.*\n.*allow_paths: true"):
            larger("../outside.png")
        assert larger(Path("../outside.png")).size == (6, 6)


@pytest.mark.parametrize("by", ["cell", "session"])
def test_an_address_is_fetched_where_the_cell_or_the_session_allows_it(by: str) -> None:
    address = "http://127.0.0.1:9999/a.png"  # which is then refused for where it leads
    with mc.Session(allow_urls=by == "session") as session:
        larger = session.load(CELL + ("  allow_urls: true\n" if by == "cell" else ""), "larger")
        if by == "cell":
            with pytest.raises(
                NeedsWord, match="allow_urls: true lets this cell, in this folder, read any public address"
            ):
                larger(address)
            agree(session, ["allow_urls"])
        with pytest.raises(InputError, match="no public address"):
            larger(address)
    with mc.Session() as session, pytest.raises(InputError, match="allow_urls: true"):
        session.load(CELL, "larger")(address)


def test_permissions_can_be_set_on_a_loaded_component(session: mc.Session, folder: Path) -> None:
    larger = session.load(CELL, "larger")
    change = larger.set(allow_paths=True)
    assert "nothing" in str(change)
    with pytest.raises(NeedsWord):
        larger("../outside.png")
    agree(session, ["allow_paths"])
    assert larger("../outside.png").size == (6, 6)


def test_the_output_may_read_no_more_than_the_inputs(session: mc.Session, folder: Path) -> None:
    text = CELL + "  output: ${input.also as text;path}\n"
    with pytest.raises(ExpressionError, match="outside the working folder"):
        session.load(text, "larger")(photo="photo.png", also="../outside.png")


def test_the_most_pixels_are_the_sessions(folder: Path) -> None:
    with mc.Session(max_pixels=23) as session, pytest.raises(InputError, match="6×4 is over the limit of 23 pixels"):
        session.load(CELL, "larger")("photo.png")


def test_of_an_animation_the_first_picture_is_used_and_the_run_says_so(session: mc.Session, folder: Path) -> None:
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "blue")]
    frames[0].save("moving.gif", save_all=True, append_images=frames[1:])
    heard: list[Any] = []
    assert session.load(CELL, "larger")("moving.gif", run=Run(heard.append)).size == (12, 8)
    assert [e.text for e in heard if isinstance(e, Note)] == [
        "the image: an animation or several pages, of which the first is used"
    ]


STEALING = """component:
  type: model
  driver: echo
  allow_paths: true
  text: hi
  output: {"*": ["/proc/self/environ", "../key"], is: "${item as text;path}"}
"""


def test_no_cell_reads_files_elsewhere_by_its_own_word(session: mc.Session, folder: Path) -> None:
    (folder.parent / "key").write_text("canary")
    thief = session.load(STEALING)
    with pytest.raises(NeedsWord, match="allow_paths"):
        thief()
    agree(session, ["allow_paths"])
    with pytest.raises(NeedsWord):  # a yes to one cell is none to another
        session.load(STEALING.replace("../key", "../other"), "another")()
    thief.set(temperature=0.5)
    assert "canary" in str(thief())  # what it reads is as it was shown


READING = CELL + "  allow_paths: true\n"
CAPTIONS = READING.replace("image-upscale", "image-to-text").replace("  scale: 2\n", "")


def allowed(session: mc.Session, text: str, name: str = "allowed") -> mc.Handle:
    """A component for which the user has given his word."""
    handle = session.load(text, name)
    with pytest.raises(NeedsWord):
        handle("../outside.png")
    agree(session, ["allow_paths"])
    return handle


@pytest.mark.parametrize("other", [CAPTIONS, READING.replace("scale: 2", "scale: 4"), READING + "  device: cpu\n"])
def test_a_word_for_files_is_for_the_whole_of_the_component(session: mc.Session, folder: Path, other: str) -> None:
    allowed(session, READING)
    with mc.Session() as another, pytest.raises(NeedsWord, match="allow_paths"):
        another.load(other, "other")("../outside.png")


def test_a_word_for_files_does_not_look_at_comments_and_blank_lines(session: mc.Session, folder: Path) -> None:
    allowed(session, READING)
    same = READING.replace("  scale: 2\n", "\n\n  # larger\n  scale: 2  # twice\n")
    with mc.Session() as another:
        assert another.load(same, "same")("../outside.png").size == (6, 6)


def test_a_word_for_files_is_for_one_folder(session: mc.Session, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = allowed(session, READING)
    (folder.parent / "elsewhere").mkdir()
    monkeypatch.chdir(folder.parent / "elsewhere")
    with pytest.raises(NeedsWord, match="in this folder"):
        handle("../outside.png")


def test_what_the_user_sets_at_an_allowed_component_asks_nothing_until_he_takes_his_word_back(
    session: mc.Session, folder: Path
) -> None:
    handle = allowed(session, READING)
    for scale in (4, 2, 4):
        handle.set(scale=scale)
        assert handle("../outside.png").size == (3 * scale, 3 * scale)
    found = handle.compare({"scale": [2, 4]}, photo="../outside.png")
    assert [record["error"] for record in found.records] == [None, None]
    session.allowed.consent.revoke(["allow_paths"])
    with pytest.raises(NeedsWord):
        handle("../outside.png")


def test_what_is_set_may_not_read_other_texts(session: mc.Session, folder: Path) -> None:
    handle = allowed(session, READING)
    handle.set(output="${input.photo as text;path}")
    with pytest.raises(NeedsWord):
        handle("../outside.png")


def test_a_kept_word_holds_no_token_of_the_cell(session: mc.Session, folder: Path) -> None:
    allowed(session, READING + "  model: {repository: a/b, token: hf_canary0123456789}\n")
    (kept,) = consent.folder().iterdir()
    assert "canary" not in kept.read_text()
    (word,) = session.allowed.consent.given()
    assert word.wish.written == "image-upscale\n${input.photo as image}"


def test_files_and_addresses_are_asked_for_each_with_its_own_way(session: mc.Session, folder: Path) -> None:
    session.allowed.consent.where = lambda: "attended"
    with pytest.raises(NeedsWord) as raised:
        session.load(READING + "  allow_urls: true\n", "both")("../outside.png")
    for name, problem in zip(("allow_paths", "allow_urls"), raised.value.problems, strict=True):
        assert problem.fix == f"%compose trust {name}\n      or for every cell: %config ComposeMagics.{name} = True"


def test_a_trusting_session_asks_nobody_for_files(folder: Path) -> None:
    with mc.Session(trust=True) as session:
        larger = session.load(CELL + "  allow_paths: true\n", "larger")
        assert larger("../outside.png").size == (6, 6)


@pytest.mark.parametrize("name", [".key", ".ssh/id", "data/.netrc", "data/../.key", "link"])
def test_a_hidden_file_is_named_by_no_text(session: mc.Session, folder: Path, name: str) -> None:
    for hidden in (".key", ".ssh/id", "data/.netrc"):
        (folder / hidden).parent.mkdir(exist_ok=True)
        (folder / hidden).write_text("canary")
    (folder / "link").symlink_to(folder / ".key")
    handle = session.load("component: {type: model, driver: echo, text: '${input.x as text;path}'}")
    with pytest.raises(InputError, match="is hidden") as raised:
        handle(x=name)
    assert "canary" not in str(raised.value)


def test_below_the_root_everything_is_elsewhere(session: mc.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    handle = session.load("component: {type: model, driver: echo, text: '${input.x as text;path}'}")
    with pytest.raises(InputError, match="below the root"):
        handle(x="/proc/self/environ")
