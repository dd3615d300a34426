"""Files of pictures: named by what made them, in full, never written over."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mc_jupyter.errors import InputError
from mc_jupyter.notebook import album
from mc_jupyter.trust.permissions import NOTHING
from mc_jupyter.values.pictures import marked


def picture(**facts: Any) -> Image.Image:
    return marked(Image.new("RGB", (50, 20), "red"), **facts)


def test_pictures_are_saved_in_full_under_name_day_and_seed(tmp_path: Path) -> None:
    images = [picture(seed=7, prompt="a hat"), picture(seed=8), picture()]
    kept = album.keep(images, str(tmp_path / "new" / "deep"), "draw")
    names = [Path(kept[id(image)]).name for image in images]
    assert re.fullmatch(r"draw-\d{8}-seed7\.png", names[0])
    assert re.fullmatch(r"draw-\d{8}\.png", names[2])
    found = Image.open(kept[id(images[0])])
    assert (found.size, found.getpixel((3, 3))) == ((50, 20), (255, 0, 0))
    assert "a hat" in found.text["parameters"]  # type: ignore[attr-defined]


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    for _ in range(3):
        album.keep([picture(seed=7)], str(tmp_path), "draw")
    names = sorted(re.sub(r"\d{8}", "DAY", path.name) for path in tmp_path.iterdir())
    assert names == ["draw-DAY-seed7-2.png", "draw-DAY-seed7-3.png", "draw-DAY-seed7.png"]


def test_a_name_stays_in_its_folder(tmp_path: Path) -> None:
    (path,) = album.keep([picture()], str(tmp_path / "in"), "../../etc: x").values()
    assert Path(path).parent == tmp_path / "in"
    assert Path(path).name.startswith("etc_x-")


def test_a_folder_that_cannot_be_is_one_error_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"no pictures can be saved in .*file") as caught:
        album.folder("file", NOTHING)
    assert "--images" in str(caught.value)
    for written in ("a\0b", "~nobody-of-that-name/pictures"):
        with pytest.raises(InputError, match="no pictures can be saved in"):
            album.folder(written, NOTHING)
