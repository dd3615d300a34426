"""A cell's first line is data, as the YAML under it is: it reads no file outside, writes over none, and shows none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from mc_jupyter.document.plan import Plan
from mc_jupyter.errors import ComposeError, InputError, NeedsWord
from mc_jupyter.notebook import arguments

Run = Callable[[str], Any]
SECRET = "machine db login me password CANARY\n"
TEXT = "component: {type: model, task: text-generation, driver: echo, text: '${input.text}'}\n"
UPSCALE = "component: {type: model, task: image-upscale, driver: echo, image: '${input.image as image}'}\n"
DRAW = (
    "component: {type: model, task: image-generation, driver: echo, prompt: '${input.prompt}', width: 64, height: 64}\n"
)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, in a home with secrets."""
    work = tmp_path / "home" / "work"
    (work / ".hidden").mkdir(parents=True)
    for place in (
        work.parent / ".netrc",
        work.parent / "outside.yml",
        work / ".env",
        work / "token.txt",
        work / ".x.yml",
    ):
        place.write_text(SECRET)
    (work / "link.yml").symlink_to(work.parent / "outside.yml")
    (work / "renamed.yml").symlink_to(work / "token.txt")
    monkeypatch.setenv("HOME", str(work.parent))
    monkeypatch.chdir(work)
    return work


def everything(folder: Path) -> dict[str, bytes]:
    return {str(one): one.read_bytes() if one.is_file() else b"" for one in folder.rglob("*")}


@pytest.mark.parametrize(
    "file",
    ["~/.netrc", ".env", "token.txt", "/proc/self/environ", "../outside.yml", "~/outside.yml", "link.yml", "renamed.yml", ".x.yml", "/dev/stdin"],
)  # fmt: skip
@pytest.mark.parametrize(
    "line", ["%%compose --file {}\n#", "%compose load {}", "%compose check {}", "%compose pull {}"]
)
def test_a_line_shows_no_file_that_data_may_not_read(run: Run, work: Path, line: str, file: str) -> None:
    found = run(line.format(file))  # of check the plan, where it is read as a model's name
    assert isinstance(found, ComposeError | Plan)
    assert "CANARY" not in str(found)
    assert os.environ["PATH"][:40] not in str(found)


def test_a_document_outside_is_read_where_the_configuration_says_so(run: Run, work: Path) -> None:
    (work.parent / "outside.yml").write_text(TEXT)
    refused = run("%compose load ../outside.yml --name there")
    assert "lies outside the working folder" in str(refused)
    assert "%config ComposeMagics.allow_paths = True" in str(refused)
    run("%config ComposeMagics.allow_paths = True")
    assert run("%compose load ../outside.yml --name there").name == "there"


@pytest.mark.parametrize(
    "file",
    [
        "~/.bashrc", "~/.netrc", "~/.ipython/profile_default/startup/00-x.py", "json.py", "sub/x.py", "../new.yml", "~/new.yml", "token.txt",
        ".hidden/new.yml", ".new.yml", "link.yml", "renamed.yml", "dangling.yml", "leads-out/new.yml", "notes.yml", "x.py.", "/dev/stdout", "''",
    ],
)  # fmt: skip
def test_save_writes_no_file_but_a_new_document(run: Run, shell: InteractiveShell, work: Path, file: str) -> None:
    (work / "notes.yml").write_text("- my own notes\n")
    (work / "dangling.yml").symlink_to(work / "made.yml")
    (work / "leads-out").symlink_to(work.parent)
    before = everything(work.parent)
    error = run(f"%%compose kept --save {file}\n{TEXT}")
    assert isinstance(error, InputError)
    assert "→" in str(error)
    assert everything(work.parent) == before
    assert "kept" not in shell.user_ns  # said before anything is loaded


@pytest.mark.parametrize("allowed", [True, False])
def test_what_may_be_read_is_not_what_may_be_written(run: Run, work: Path, allowed: bool) -> None:
    run(f"%config ComposeMagics.allow_paths = {allowed}")
    assert "lies outside" in str(run(f"%%compose kept --save ../new.yml\n{TEXT}"))


def test_save_writes_again_what_holds_a_document(run: Run, work: Path) -> None:
    for text in (TEXT, TEXT.replace("text: '", "text: 'again "), TEXT):
        run(f"%%compose kept --save kept.yaml\n{text}")
        assert (work / "kept.yaml").read_text() == text


@pytest.mark.parametrize("path", ["../cat.png", "~/cat.png", ".hidden/cat.png", "out.png"])
@pytest.mark.parametrize("line", ["%%compose up -i image={}\n" + UPSCALE, "%compose run up image={}"])
def test_an_image_that_a_line_names_is_one_that_a_text_may_name(run: Run, work: Path, line: str, path: str) -> None:
    for place in (work.parent, work / ".hidden"):
        Image.new("RGB", (8, 8)).save(place / "cat.png")
    (work / "out.png").symlink_to(work.parent / "cat.png")
    run(f"%%compose up\n{UPSCALE}")
    error = run(line.replace("{}", path))
    assert isinstance(error, InputError)
    assert "image:=path, after path = pathlib.Path" in str(error)


def test_the_ways_out_lead_out(run: Run, shell: InteractiveShell, work: Path) -> None:
    for place in (work, work.parent):
        Image.new("RGB", (8, 8)).save(place / "cat.png")
    run(f"%%compose up\n{UPSCALE}")
    assert run("%compose run up image=cat.png").size
    shell.user_ns["path"] = work.parent / "cat.png"
    assert run("%compose run up image:=path").size
    run("%config ComposeMagics.allow_paths = True")
    assert run("%compose run up image=../cat.png").size


def test_a_cell_that_allows_itself_paths_asks_before_its_line_names_one(run: Run, work: Path) -> None:
    Image.new("RGB", (8, 8)).save(work.parent / "cat.png")
    error = run("%%compose up -i image=../cat.png\n" + UPSCALE.replace("{type", "{allow_paths: true, type"))
    assert isinstance(error, NeedsWord)


@pytest.mark.parametrize("folder", ["~/.config/evil", "../pictures", ".hidden/pictures", "leads-out/pictures"])
@pytest.mark.parametrize(
    "line", ["%%compose draw --images {} -i prompt=x\n" + DRAW, "%compose run draw prompt=x --images {}"]
)
def test_pictures_are_saved_in_no_folder_outside(run: Run, work: Path, line: str, folder: str) -> None:
    (work / "leads-out").symlink_to(work.parent)
    run(f"%%compose draw\n{DRAW}")
    before = everything(work.parent)
    error = run(line.replace("{}", folder))
    assert isinstance(error, InputError)
    assert "%config ComposeMagics.images" in str(error)
    assert everything(work.parent) == before


def test_the_folder_of_the_configuration_is_wherever_it_says(run: Run, work: Path) -> None:
    run("%config ComposeMagics.images = '../pictures'")
    run(f"%%compose draw -i prompt=x\n{DRAW}")
    assert len(list((work.parent / "pictures").glob("*.png"))) == 1


@pytest.mark.parametrize("words", ["-e ", "a ", "-i a=b ", "- "])
def test_a_line_of_too_many_words_is_one_error(words: str) -> None:
    with pytest.raises(InputError, match="has 25,001 words|has 50,001 words"):
        arguments.split("b " + words * 25_000)


def test_an_error_quotes_a_piece_of_a_long_line_and_of_a_long_name(run: Run, work: Path) -> None:
    for found in (
        run("%%compose b\n" + "x" * 1_000_000 + ": [1"),
        run("%%compose b\ncomponent: {type: model, " + "x" * 1_000_000 + ": \x1b[2J}"),
        run(f"%compose load {'x/' * 500_000}y.yml"),
        run(f"%%compose b --save {'x' * 1_000_000}.yml\n{TEXT}"),
        run(f"%compose load 'x{'y' * 1_000_000}"),
    ):
        assert isinstance(found, ComposeError)
        assert len(str(found)) < 2000
        assert "\x1b" not in str(found)
