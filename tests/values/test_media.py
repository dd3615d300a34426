"""Images and files are read within limits; nothing is fetched, and nothing that runs is decoded."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from mc_jupyter.errors import ExpressionError
from mc_jupyter.values.conversions import convert


def png(width: int, height: int, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def test_an_image_comes_from_bytes_base64_and_a_data_uri() -> None:
    text = base64.b64encode(png(3, 2)).decode()
    for value in (png(3, 2), text, f"data:image/png;base64,{text}"):
        assert convert(value, "image").size == (3, 2)
    assert convert(text, "image", format="base64").size == (3, 2)


def test_an_image_with_transparency_can_be_a_jpeg() -> None:
    assert convert(png(2, 2, "RGBA"), "image", "jpeg", {"quality": "50"}).format == "JPEG"


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(ExpressionError, match="50 million"):
        convert(png(10_000, 5_001, "1"), "image")


def test_postscript_is_never_decoded() -> None:
    with pytest.raises(ExpressionError):
        convert(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n", "image")


def test_a_path_below_the_working_directory_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dot.png").write_bytes(png(1, 1))
    assert convert("dot.png", "image", format="path").size == (1, 1)


@pytest.mark.parametrize("path", ["/etc/hostname", "../x", "link", "a\0b"])
def test_a_path_outside_is_refused(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(ExpressionError):
        convert(path, "file", format="path")


@pytest.mark.parametrize(("type", "format"), [("image", "url"), ("text", "url"), ("file", "url"), ("image", None)])
def test_nothing_is_fetched(type: str, format: str | None) -> None:
    with pytest.raises(ExpressionError, match="fetches nothing"):
        convert("http://127.0.0.1:9/x.png", type, format=format)
