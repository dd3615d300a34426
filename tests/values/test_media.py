"""Images and files are read within limits; nothing is fetched by itself, and nothing that runs is decoded."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import struct
import warnings
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_from_bytes

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from IPython import display
from PIL import Image

import mc_jupyter as mc
from mc_jupyter.errors import ExpressionError
from mc_jupyter.trust.permissions import Permissions
from mc_jupyter.values.conversions import convert
from mc_jupyter.values.media import load_image
from mc_jupyter.values.pictures import rgb


def png(width: int, height: int, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def photo(format: str, **options: Any) -> bytes:
    """A file whose pixels do not pack into a few bytes."""
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, format, **options)
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a picture in it and another beside it."""
    made = tmp_path / "work"
    (made / "pictures").mkdir(parents=True)
    (made / "dot.png").write_bytes(png(1, 1))
    (made / "pictures" / "two.png").write_bytes(png(2, 2))
    (tmp_path / "outside.png").write_bytes(png(3, 3))
    (made / "link.png").symlink_to(tmp_path / "outside.png")
    monkeypatch.chdir(made)
    return made


def test_an_image_comes_from_bytes_base64_and_a_data_uri() -> None:
    text = base64.b64encode(png(3, 2)).decode()
    data = (png(3, 2), bytearray(png(3, 2)), memoryview(png(3, 2)), io.BytesIO(png(3, 2)))
    for value in (*data, {"name": "a.png", "content": memoryview(png(3, 2))}, text, f"data:image/png;base64,{text}"):
        assert convert(value, "image").size == (3, 2)
    assert convert(text, "image", format="base64").size == (3, 2)


@pytest.mark.parametrize(
    "written",
    [
        "data:image/png;base64,{}",
        "DATA:IMAGE/PNG;BASE64,{}",
        "data:image/png;charset=utf-8;base64,{}",
        "data:image/png;name=a b.png;base64;charset=utf-8,{}",
        "data:image/png; base64,{}",
        "data:;base64,{}",
        "  data:image/png;base64,{}\n",
        "data:image/png;base64,{}#fragment",
        "{}",
    ],
)
@pytest.mark.parametrize("form", ["plain", "unpadded", "percent", "address", "lines"])
def test_a_data_address_is_read_as_browsers_read_it(written: str, form: str) -> None:
    data = photo("PNG")
    data += b"\0" * ((1 - len(data)) % 3)  # so that it is padded
    text = base64.b64encode(data).decode()
    assert {"+", "/", "="} <= set(text)
    forms = {
        "plain": text,
        "unpadded": text.rstrip("="),
        "percent": quote(text, safe=""),
        "address": text.rstrip("=").translate(str.maketrans("+/", "-_")),
        "lines": "\n".join(text[i : i + 76] for i in range(0, len(text), 76)),
    }
    if form == "percent" and written == "{}":
        pytest.skip("only addresses are percent-encoded")
    assert load_image(written.format(forms[form])).size == (60, 40)


def test_a_data_address_without_base64_is_percent_encoded_bytes() -> None:
    assert load_image(f"data:image/png,{quote_from_bytes(png(3, 2))}").size == (3, 2)


@pytest.mark.parametrize(
    "text",
    [
        "data:image/png;base64",
        "data:image/png;base64,abc*",
        "data:image/png;base64,abcde",
        "data:image/png;base64,ab\ud800c",
    ],
)
def test_a_data_address_that_holds_nothing_readable_is_one_error(text: str) -> None:
    with pytest.raises(ExpressionError, match="is not (a data URI|base64)"):
        load_image(text)


def test_a_sentence_and_a_name_without_an_ending_are_not_taken_for_base64() -> None:
    for text in ("my-very-long-picture_name", "a picture of nothing but small and plain words " * 4):
        with pytest.raises(ExpressionError, match="is no file in"):
            load_image(text)


def test_a_long_path_without_an_ending_is_a_path(folder: Path) -> None:
    for text in ("./" + "pictures/" * 12 + "two", str(folder) + "/" + "my-pictures_2026/" * 8 + "two"):
        with pytest.raises(ExpressionError, match="cannot read the file|lies outside"):
            load_image(text)


class TestExhibits:
    """What notebooks show as a picture is one."""

    def test_an_image_to_display_is_what_it_holds(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(png(3, 2))
        for shown in (display.Image(png(3, 2)), display.Image(filename=str(tmp_path / "a.png"))):
            assert load_image(shown).size == (3, 2)
        assert load_image(display.Image(filename=str(tmp_path / "a.png"), embed=False)).size == (3, 2)

    def test_one_that_only_names_an_address_is_an_address(self) -> None:
        with pytest.raises(ExpressionError, match="allow_urls: true"):
            load_image(display.Image(url="https://example.com/a.png"))

    def test_a_widget_is_what_it_shows(self) -> None:
        assert load_image(widgets.Image(value=png(3, 2))).size == (3, 2)
        with pytest.raises(ExpressionError, match="allow_urls: true"):
            load_image(widgets.Image(value=b"https://example.com/a.png", format="url"))

    def test_a_picker_is_the_file_that_was_chosen(self) -> None:
        entry: dict[str, Any] = {"name": "a.png", "type": "image/png", "size": 1, "content": memoryview(png(3, 2))}
        entry["last_modified"] = datetime.now(UTC)
        assert load_image(widgets.FileUpload(value=(entry,))).size == (3, 2)
        with pytest.raises(ExpressionError, match=r"holds 2 files[\s\S]*→ give what it holds: \.value"):
            load_image(widgets.FileUpload(value=(entry, entry), multiple=True))
        with pytest.raises(ExpressionError, match="choose a file first"):
            load_image(widgets.FileUpload())

    def test_they_go_into_a_call_and_into_lists(self, session: mc.Session) -> None:
        handle = session.load("component: {type: model, task: image-upscale, driver: echo, scale: 1}")
        found = handle([display.Image(png(3, 2)), widgets.Image(value=png(5, 4))])
        assert [image.size for image in found] == [(3, 2), (5, 4)]
        assert handle(display.Image(png(3, 2))).size == (3, 2)


def test_a_list_of_files_is_a_list_of_images_and_an_error_says_which() -> None:
    upload = ({"name": "a.png", "content": memoryview(png(3, 2))}, {"name": "b.png", "content": memoryview(png(1, 1))})
    assert [image.size for image in convert(upload, "image", elementwise=True)] == [(3, 2), (1, 1)]
    with pytest.raises(ExpressionError, match=r"\[1\]: these 3 bytes are no image"):
        convert([png(1, 1), b"abc"], "image", elementwise=True)


def test_a_quality_that_is_no_share_is_one_error() -> None:
    with pytest.raises(ExpressionError, match="cannot write the image as JPEG"):
        convert(png(2, 2), "image", "jpeg", {"quality": 10**30})


def test_an_image_with_transparency_can_be_a_jpeg() -> None:
    assert convert(png(2, 2, "RGBA"), "image", "jpeg", {"quality": "50"}).format == "JPEG"


class TestLimits:
    def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(self) -> None:
        with pytest.raises(ExpressionError, match="50 million") as raised:
            convert(png(10_000, 5_001, "1"), "image")
        assert "%config ComposeMagics.max_pixels = 50010000" in str(raised.value)

    @pytest.mark.parametrize("side", [9_500, 13_500, 60_000])
    def test_a_bomb_is_refused_without_a_word_of_pils_own(self, side: int) -> None:
        """PIL would warn of the second, and refuse the third with an error of its own."""
        header = struct.pack(">II5B", side, side, 8, 2, 0, 0, 0)
        chunk = b"IHDR" + header
        file = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
        file += struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ExpressionError, match=f"{side}×{side} is over the limit"):
                load_image(file)

    def test_the_limit_can_be_set_above_pils_and_below_ours(self) -> None:
        before = Image.MAX_IMAGE_PIXELS
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            large = load_image(png(13_400, 13_400, "1"), None, Permissions(max_pixels=200_000_000))
        assert large.size == (13_400, 13_400)
        assert before == Image.MAX_IMAGE_PIXELS
        with pytest.raises(ExpressionError, match="limit of 11 pixels"):
            load_image(png(4, 3), None, Permissions(max_pixels=11))

    def test_a_file_inside_a_file_whose_size_nobody_sees_is_not_opened(self) -> None:
        buffer = io.BytesIO()
        Image.new("RGB", (16, 16)).save(buffer, "ICO")
        with pytest.raises(ExpressionError, match="look like an ICO"):
            load_image(buffer.getvalue())


class TestFilesThatAreNone:
    @pytest.mark.parametrize(
        ("data", "like"),
        [
            (b"", "0 bytes"),
            (b"%PDF-1.7\n", "a PDF"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
            (b"<?xml version='1.0'?>\n<!-- x -->\n<svg/>", "SVG"),
            (b"\n<!DOCTYPE html><title>Not found</title>", "HTML"),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n", "PostScript"),
            (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
            (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "HEIC"),
            (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00", "a video"),
            (b"RIFF\x00\x00\x00\x00WAVEfmt ", "sound"),
            (b'{"error": "not found"}', "JSON"),
            (b"hello", "no image of a known format"),
        ],
    )
    def test_what_they_look_like_is_said(self, data: bytes, like: str) -> None:
        with pytest.raises(ExpressionError, match=like):
            load_image(data)

    @pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "TGA"])
    def test_a_file_that_ends_too_early_is_one_error(self, format: str) -> None:
        whole = photo(format)
        assert load_image(whole).size == (60, 40)
        for size in (len(whole) // 2, len(whole) // 10):
            with pytest.raises(ExpressionError, match=r"the image is damaged|no image"):
                load_image(whole[:size])

    @pytest.mark.filterwarnings("ignore::UserWarning")  # PIL's, of what it can do without
    def test_bytes_that_were_changed_are_an_image_or_one_error(self) -> None:
        random = np.random.default_rng(1)
        for format in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"):
            whole = photo(format)
            for _ in range(60):
                data = bytearray(whole)
                for place in random.integers(0, min(len(data), 400), 4):
                    data[place] = random.integers(0, 255)
                with contextlib.suppress(ExpressionError):
                    load_image(bytes(data), None, Permissions(max_pixels=10_000))

    def test_an_open_file_of_text_is_refused(self, folder: Path) -> None:
        with (folder / "dot.png").open(encoding="latin-1") as file, pytest.raises(ExpressionError, match="'rb'|\"rb\""):
            load_image(file)
        with (folder / "dot.png").open("rb") as file:
            assert load_image(file).size == (1, 1)


class TestSeveralPages:
    @pytest.mark.parametrize("format", ["GIF", "TIFF", "PNG", "WEBP"])
    def test_the_first_is_used_and_that_is_known(self, format: str) -> None:
        buffer = io.BytesIO()
        first, second = Image.new("RGB", (4, 4), "red"), Image.new("RGB", (4, 4), "blue")
        first.save(buffer, format, save_all=True, append_images=[second])
        image = load_image(buffer.getvalue())
        assert np.asarray(image.convert("RGB"))[0, 0, 0] > 240
        assert image.info["frames"] == "first of several"
        assert image.format == format
        assert "frames" not in load_image(photo(format)).info

    def test_which_way_is_up_is_kept(self) -> None:
        pages = [Image.new("RGB", (6, 4)), Image.new("RGB", (6, 4))]
        exif = Image.Exif()
        exif[0x0112] = 6
        buffer = io.BytesIO()
        pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:], exif=exif)
        image = load_image(buffer.getvalue())
        assert rgb(image).size == (4, 6)


class TestPaths:
    def test_a_path_below_the_working_folder_is_read(self, folder: Path) -> None:
        assert convert("dot.png", "image", format="path").size == (1, 1)
        for text in ("pictures/two.png", "./pictures/two.png", "pictures/../pictures/two.png"):
            assert convert(text, "image").size == (2, 2)
        assert convert(str(folder / "dot.png"), "image").size == (1, 1)

    @pytest.mark.parametrize("path", ["/etc/hostname", "../outside.png", "link.png", "a\0b", "~/x.png", "/dev/zero"])
    def test_a_path_outside_is_refused(self, path: str, folder: Path) -> None:
        with pytest.raises(ExpressionError):
            convert(path, "file", format="path")
        with pytest.raises(ExpressionError):
            convert(path, "image")

    def test_what_is_outside_is_said_without_saying_whether_it_is_there(self, folder: Path) -> None:
        told = []
        for path in ("../outside.png", "../nothing.png"):
            with pytest.raises(ExpressionError, match="lies outside the working folder") as raised:
                convert(path, "image")
            told.append(str(raised.value).replace(path, ""))
        assert told[0] == told[1]
        assert "allow_paths: true" in told[0]

    def test_it_is_read_where_that_is_allowed_and_where_code_says_so(self, folder: Path) -> None:
        allowed = Permissions(paths=True)
        for text in ("../outside.png", "link.png", str(folder.parent / "outside.png")):
            assert load_image(text, None, allowed).size == (3, 3)
            assert load_image(text, "path", allowed).size == (3, 3)
            assert load_image(Path(text)).size == (3, 3)

    def test_the_home_folder_has_its_sign(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(folder))
        assert load_image("~/dot.png").size == (1, 1)  # the working folder is the home folder here
        assert load_image(Path("~/dot.png")).size == (1, 1)

    @pytest.mark.skipif(os.name == "nt", reason="these are paths there")
    def test_a_windows_path_is_named_as_one(self, folder: Path) -> None:
        for path in (r"C:\Users\me\cat.png", "C:/cat.png", r"\\server\share\cat.png"):
            with pytest.raises(ExpressionError, match="a Windows path"):
                load_image(path)
        with pytest.raises(ExpressionError, match="→ pictures/two.png"):
            load_image(r"pictures\two.png")

    @pytest.mark.skipif(os.name == "nt", reason="no such files there")
    def test_a_folder_a_pipe_and_a_device_are_no_files(self, folder: Path) -> None:
        os.mkfifo(folder / "pipe.png")
        for path in ("pictures", "pipe.png", "/dev/zero"):
            with pytest.raises(ExpressionError, match="is no file"):
                load_image(path, "path", Permissions(paths=True))

    def test_a_backslash_in_what_no_file_can_be_called_is_one_error(self, folder: Path) -> None:
        with pytest.raises(ExpressionError):
            load_image("x" * 300 + "\\y.png")

    def test_the_nearest_name_is_a_hint(self, folder: Path) -> None:
        with pytest.raises(ExpressionError, match="did you mean 'dot.png'"):
            load_image("dott.png")

    def test_a_text_that_is_nothing_says_what_was_tried(self, folder: Path) -> None:
        with pytest.raises(
            ExpressionError, match="no file in the working folder .*no data URI, no address and no base64"
        ):
            load_image("a cat on a mat")
        for word in ("cats", "pictures"):  # in base64 they would be a few bytes
            with pytest.raises(ExpressionError, match=f"the text '{word}' is no file"):
                load_image(word)

    def test_base64_that_begins_like_a_path_is_base64(self, folder: Path) -> None:
        text = base64.b64encode(photo("JPEG")).decode()
        assert text.startswith("/9j/")
        assert load_image(text).size == (60, 40)


class TestAddresses:
    @pytest.mark.parametrize(("type", "format"), [("image", "url"), ("text", "url"), ("file", "url"), ("image", None)])
    def test_nothing_is_fetched_by_itself(self, type: str, format: str | None) -> None:
        with pytest.raises(ExpressionError, match="allow_urls: true"):
            convert("http://127.0.0.1:9/x.png", type, format=format)

    @pytest.mark.parametrize(
        "text", ["file:///etc/passwd", "ftp://a/b.png", "s3://bucket/key.png", "FILE:///etc/hosts"]
    )
    def test_no_other_kind_of_address_is_fetched_even_where_some_are(self, text: str) -> None:
        with pytest.raises(ExpressionError, match="is no http\\(s\\) address"):
            convert(text, "image", permissions=Permissions(urls=True, paths=True))


class TestArrays:
    @pytest.mark.parametrize(
        ("array", "mode"),
        [
            (np.zeros((4, 6), np.uint8), "L"),
            (np.zeros((4, 6, 1), np.uint8), "L"),
            (np.zeros((4, 6, 2), np.uint8), "LA"),
            (np.zeros((4, 6, 3), np.uint8), "RGB"),
            (np.zeros((4, 6, 4)), "RGBA"),
            (np.zeros((3, 4, 6), np.float32), "RGB"),
            (np.zeros((4, 6), np.bool_), "L"),
            (np.zeros((8, 6, 3), np.uint8)[::2], "RGB"),
            (torch.zeros(3, 4, 6), "RGB"),
            (torch.zeros(1, 4, 6, dtype=torch.bfloat16), "L"),
            (torch.zeros(4, 6, requires_grad=True), "L"),
        ],
        ids=lambda v: v if isinstance(v, str) else f"{type(v).__name__}-{tuple(v.shape)}",
    )
    def test_what_can_be_meant_is_an_image(self, array: Any, mode: str) -> None:
        image = load_image(array)
        assert (image.size, image.mode) == ((6, 4), mode)

    def test_a_tensor_with_channels_last_is_one_too(self) -> None:
        assert load_image(torch.zeros(5, 6, 3, dtype=torch.uint8)).size == (6, 5)

    def test_numbers_are_what_they_were(self) -> None:
        pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
        for array in (pixels, pixels / 255, torch.from_numpy(pixels.transpose(2, 0, 1) / 255).half()):
            assert np.array_equal(np.asarray(load_image(array)), pixels)
        assert load_image(np.array([[True, False]])).getdata()[0] == 255

    @pytest.mark.parametrize(
        ("array", "why"),
        [
            (np.zeros((5, 6, 7)), "shape 5×6×7 and float64 is no image"),
            (np.zeros((2, 2, 2, 2, 2)), "shape 2×2×2×2×2"),
            (np.zeros((0, 5, 3)), "holds no pixels"),
            (np.full((2, 2), 3.0), "floats from 3 to 3"),
            (np.full((2, 2), np.nan), "and 4 that are no numbers"),
            (np.zeros((2, 2), np.int64), "shape 2×2 and int64: numbers from 0 to 0, where pixels are"),
            (np.zeros((2, 2), np.complex64), "complex64"),
            (np.array([["a"]]), "pixels are uint8"),
            (torch.zeros(3, 5, 3), "may be H×W×C or C×H×W"),
            (torch.full((3, 4, 6), -1.0), "float32: floats from -1 to -1"),
            (torch.zeros(4, 6, device="meta"), "shape 4×6 and float32 cannot be read: Cannot copy out of meta"),
        ],
        ids=lambda v: v if isinstance(v, str) else type(v).__name__,
    )
    def test_what_cannot_is_one_error_with_its_shape(self, array: Any, why: str) -> None:
        with pytest.raises(ExpressionError, match=why):
            load_image(array)


RAMP: Any = np.linspace(0, 255, 4 * 6 * 3).round().reshape(4, 6, 3)
"""A picture of levels from 0 to 255, which the arrays below mean in one way or another."""


class TestAdvice:
    """What is not a picture yet is one by the line that the error gives, and the one that was meant."""

    @pytest.mark.parametrize(
        "array",
        [
            RAMP,
            RAMP.astype(np.int64),
            RAMP.astype(np.uint16),
            (RAMP * 257).astype(np.uint16),
            (RAMP * 257).astype(np.int32),
            RAMP * 257,
            (RAMP / 30).round(),
            RAMP / 127.5 - 1,
            (RAMP / 127.5 - 1).astype(np.float16),
            (RAMP - 128).astype(np.int8),
            (RAMP * 257 - 32768).astype(np.int16),
            np.where(RAMP == 0, np.nan, RAMP / 255),
            np.where(RAMP == 0, np.nan, RAMP),
            torch.from_numpy(RAMP).permute(2, 0, 1),
            torch.from_numpy(RAMP).permute(2, 0, 1).long(),
            torch.from_numpy(RAMP / 127.5 - 1).permute(2, 0, 1),
            torch.from_numpy(np.where(RAMP == 0, np.nan, RAMP)).permute(2, 0, 1),
        ],
        ids=lambda array: f"{type(array).__name__}-{array.dtype}",
    )
    def test_the_line_gives_the_picture_that_was_meant(self, array: Any) -> None:
        meant = RAMP if np.asarray(array).max() != 8 else (RAMP / 30).round()
        with pytest.raises(ExpressionError) as caught:
            load_image(array)
        mended = eval(caught.value.problems[0].fix or "", {"x": array, "numpy": np, "torch": torch})
        assert np.abs(np.asarray(load_image(mended)).astype(int) - meant).max() <= 1

    def test_what_resampling_leaves_beyond_black_and_white_is_cut(self) -> None:
        array = RAMP / 255 * 1.4 - 0.2
        with pytest.raises(ExpressionError, match=r"→ x\.clip\(0, 1\)"):
            load_image(array)

    def test_zeros_and_ones_are_black_and_white(self) -> None:
        with pytest.raises(ExpressionError, match=r"→ x > 0"):
            load_image((RAMP > 99).astype(int))

    def test_what_was_normalized_by_nobody_knows_what_is_told_so(self) -> None:
        with pytest.raises(ExpressionError, match=r"x \* std \+ mean"):
            load_image(RAMP / 50 - 2.1)

    def test_a_tensor_that_may_lie_either_way_is_told_both(self) -> None:
        with pytest.raises(ExpressionError) as caught:
            load_image(torch.zeros(3, 5, 3))
        first, _, last = (caught.value.problems[0].fix or "").partition(" where channels come first, else ")
        for line, size in ((first, (3, 5)), (last, (5, 3))):
            assert load_image(eval(line, {"x": torch.zeros(3, 5, 3)})).size == size


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16])
def test_floats_a_hair_beyond_black_and_white_are_a_picture(kind: type) -> None:
    array: Any = (RAMP / 255).astype(kind)
    array[0, 0, 0], array[-1, -1, -1] = np.nextafter(kind(0), kind(-1)), np.nextafter(kind(1), kind(2))
    assert np.array_equal(np.asarray(load_image(array)), RAMP)
    halves = torch.tensor(RAMP / 255).permute(2, 0, 1).bfloat16() * (1 + torch.finfo(torch.bfloat16).eps)
    assert np.abs(np.asarray(load_image(halves)).astype(int) - RAMP).max() <= 3


class TestBuffers:
    """What a figure's canvas gives: a view of its pixels, with a shape."""

    def test_a_view_with_a_shape_is_its_pixels(self) -> None:
        pixels: Any = np.dstack([RAMP, np.full((4, 6), 255)]).astype(np.uint8)
        image = load_image(memoryview(pixels))
        assert (image.mode, image.size) == ("RGBA", (6, 4))
        assert np.array_equal(np.asarray(image), pixels)
        assert load_image(memoryview(pixels[::2, :, 0].copy())).size == (6, 2)

    def test_it_goes_into_a_call_as_it_is(self, session: mc.Session) -> None:
        handle = session.load("component: {type: model, task: image-upscale, driver: echo, scale: 1}")
        pixels: Any = RAMP.astype(np.uint8)
        assert np.array_equal(np.asarray(handle(memoryview(pixels))), pixels)

    def test_a_view_of_numbers_without_a_shape_says_what_it_is(self) -> None:
        with pytest.raises(ExpressionError, match="an array of shape 72 and float64 is no image"):
            load_image(memoryview(RAMP.ravel().copy()))


class TestNames:
    """An error of an image's file says which: of a hundred one is damaged."""

    @pytest.fixture
    def damaged(self, tmp_path: Path) -> Path:
        file = tmp_path / "broken one.png"
        buffer = io.BytesIO()
        Image.effect_noise((90, 90), 50).save(buffer, "PNG")
        file.write_bytes(buffer.getvalue()[:3000])
        return file

    def test_a_damaged_file_is_named_however_it_is_given(self, damaged: Path) -> None:
        allowed = Permissions(paths=True)
        content = damaged.read_bytes()
        with damaged.open("rb") as file:
            given = [damaged, str(damaged), {"name": damaged.name, "content": content}, file]
            for value in given:
                with pytest.raises(ExpressionError, match=r"^'broken one\.png': the image is damaged"):
                    load_image(value, permissions=allowed)

    def test_of_a_list_its_place_and_its_name_are_said(self, damaged: Path) -> None:
        with pytest.raises(ExpressionError, match=r"^\[1\]: 'broken one\.png': the image is damaged"):
            convert([Image.new("RGB", (2, 2)), damaged], "image", elementwise=True)

    def test_bytes_have_no_name(self, damaged: Path) -> None:
        with pytest.raises(ExpressionError, match=r"^the image is damaged"):
            load_image(damaged.read_bytes())


class TestRows:
    """Pictures as tables of data sets hold them, and files as arrays of their bytes."""

    def test_a_row_of_a_data_set_is_its_picture(self, session: mc.Session, folder: Path) -> None:
        handle = session.load("component: {type: model, task: image-upscale, driver: echo}")
        row = {"bytes": png(3, 2), "path": "a.png"}
        assert handle(image=row).size == handle(row).size == handle(png(3, 2)).size
        assert [image.size for image in handle([row, row])] == [handle(row).size] * 2
        assert load_image({"bytes": None, "path": "dot.png"}).size == (1, 1)
        assert convert(row, "base64") == base64.b64encode(png(3, 2)).decode()

    def test_a_path_in_a_row_is_data_and_leads_no_further_than_a_text(self, folder: Path) -> None:
        with pytest.raises(ExpressionError, match="outside"):
            load_image({"bytes": None, "path": str(folder.parent / "outside.png")})

    def test_the_bytes_of_a_file_may_be_an_array(self, session: mc.Session) -> None:
        handle = session.load("component: {type: model, task: image-upscale, driver: echo}")
        read = np.frombuffer(png(3, 2), np.uint8)
        for given in (read, torch.from_numpy(read.copy())):
            assert load_image(given).size == (3, 2)
            assert handle(given).size == handle(png(3, 2)).size
        assert [image.size for image in handle([read, read])] == [handle(read).size] * 2
        with pytest.raises(ExpressionError, match=r"^an array of shape 784 and uint8: these 784 bytes are no image"):
            load_image(np.zeros(784, np.uint8))

    @pytest.mark.parametrize("head", [b"", b"data:image/png;base64,"])
    def test_text_given_as_bytes_is_named(self, head: bytes) -> None:
        with pytest.raises(ExpressionError, match=r"they look like base64, which is text[\s\S]*data\.decode\(\)"):
            load_image(head + base64.b64encode(photo("PNG")))
