"""Image files that would be decoded for minutes, or that are damaged: one error each, soon, and nothing on stderr."""

from __future__ import annotations

import io
import os
import random
import signal
import struct
import sys
import threading
import time
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile, PngImagePlugin, features

from mc_jupyter import interrupts
from mc_jupyter.errors import ExpressionError, Interrupted
from mc_jupyter.events import Run
from mc_jupyter.values import decoding, scans
from mc_jupyter.values.decoding import decoded
from mc_jupyter.values.pictures import rgb

LIMIT = 50_000_000


def encoded(format: str, size: tuple[int, int] = (120, 90), **options: Any) -> bytes:
    """A file of a picture that no encoder makes small."""
    noise = Image.frombytes("RGB", size, random.Random(1).randbytes(size[0] * size[1] * 3))
    buffer = io.BytesIO()
    noise.save(buffer, format, **options)
    return buffer.getvalue()


def with_scans(times: int, size: tuple[int, int] = (16, 16)) -> bytes:
    """A progressive JPEG whose last scan comes so many times more."""
    buffer = io.BytesIO()
    Image.new("L", size, 128).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * times + b"\xff\xd9"


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of one pixel, with these chunks before its pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    first = (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    every = (first, *chunks, (b"IDAT", zlib.compress(b"\0\1\2\3")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in every)


def test_a_jpeg_of_very_many_scans_is_refused_before_it_is_decoded() -> None:
    started = time.monotonic()
    with pytest.raises(ExpressionError, match="JPEG of 6000×6000 has more than 22 scans"):
        decoded(with_scans(2000, (6000, 6000)), LIMIT)
    assert time.monotonic() - started < 1


def test_a_small_jpeg_may_have_up_to_a_hundred_scans() -> None:
    there = scans._scans(with_scans(0), 1000)
    assert decoded(with_scans(scans.MOST - there), LIMIT).size == (16, 16)
    with pytest.raises(ExpressionError, match="more than 100 scans"):
        decoded(with_scans(scans.MOST - there + 1), LIMIT)


def test_scans_of_a_thumbnail_and_of_what_follows_the_picture_do_not_count() -> None:
    data = encoded("JPEG", progressive=True, exif=b"Exif\0\0" + b"\xff\xda\0\2" * 300)
    assert decoded(data + with_scans(500), LIMIT).size == (120, 90)


def test_a_plain_jpeg_has_one_scan_and_a_progressive_one_ten() -> None:
    assert [scans._scans(encoded("JPEG", progressive=p), 100) for p in (False, True)] == [1, 10]


@pytest.mark.parametrize(
    "data",
    [
        png(*[(b"abCd", b"")] * 300_000),
        png(*[(b"tEXt", b"a\0b")] * 300_000),
        encoded("JPEG")[:2] + b"\xff" * 3_000_000 + encoded("JPEG")[2:],
        encoded("JPEG")[:2] + b"\xff\xfe\0\3a" * 500_000 + encoded("JPEG")[2:],
        b"P6 " + b"#a\n" * 1_000_000 + b"1 1 255 abc",
        b"P3 900 900 255 " + b"1 " * 900 * 900 * 3,
    ],
    ids=["chunks", "texts", "padding", "markers", "comments", "numbers"],
)
def test_decoding_ends_at_its_limit(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "SECONDS", 0.1)
    started = time.monotonic()
    with pytest.raises(ExpressionError, match=r"takes longer than 0\.1 seconds to decode"):
        decoded(data, LIMIT)
    assert time.monotonic() - started < 1


def test_one_interrupt_ends_decoding() -> None:
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    with interrupts.stop_on_interrupt(Run()), pytest.raises(Interrupted):
        decoded(b"P6 " + b"#a\n" * 20_000_000 + b"1 1 255 abc", LIMIT)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_a_text_that_unpacks_to_gigabytes_is_not_unpacked(kind: bytes) -> None:
    with pytest.raises(ExpressionError, match="larger than 64 MiB, unpacked"):
        decoded(png((kind, b"a\0\0" + zlib.compress(b"a" * 200_000_000))), LIMIT)


def test_no_format_is_decoded_that_another_program_decodes() -> None:
    for data in (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"%PDF-1.4\n", b"\xd7\xcd\xc6\x9a" + bytes(99)):
        with pytest.raises(ExpressionError, match="no image of a known format"):
            decoded(data, LIMIT)


DAMAGED = [("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"compression": "jpeg"}),
           ("TIFF", {"compression": "tiff_adobe_deflate"}), ("AVIF", {}), ("JPEG", {"progressive": True}), ("PNG", {}),
           ("WEBP", {}), ("GIF", {}), ("BMP", {}), ("TGA", {"compression": "tga_rle"}), ("PPM", {})]  # fmt: skip


@pytest.mark.parametrize(("format", "options"), DAMAGED)
def test_a_damaged_file_is_one_error_and_says_nothing_on_stderr(
    format: str, options: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    if format == "AVIF" and not features.check("avif"):
        pytest.skip("this PIL reads no AVIF")
    whole, refused = encoded(format, **options), 0
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for seed in range(150):
            chance, data = random.Random(seed), bytearray(whole)
            for _ in range(chance.randint(1, 30)):
                data[int(chance.random() ** 4 * len(data))] = chance.randrange(256)
            try:
                decoded(bytes(data), LIMIT)
            except ExpressionError:
                refused += 1
    assert refused > 20
    assert capfd.readouterr() == ("", "")
    assert [str(one.message) for one in warned] == []


def test_the_users_own_libtiff_still_says_what_is_wrong(capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(encoded("TIFF", compression="tiff_adobe_deflate"))
    data[200:210] = bytes(10)
    with pytest.raises(ExpressionError):
        decoded(bytes(data), LIMIT)
    assert capfd.readouterr().err == ""
    with pytest.raises(OSError, match="decoder error"):
        Image.open(io.BytesIO(bytes(data))).load()
    assert "ZIPDecode" in capfd.readouterr().err


@pytest.mark.parametrize("filler", [b"\xff", b"\xff\x00", b"\xff\xd0", b"\xff\xe0\0\2", b"\0"])
def test_counting_scans_is_linear(filler: bytes) -> None:
    started = time.monotonic()
    assert scans._scans(b"\xff\xd8" + filler * (2_000_000 // len(filler)) + b"\0", 100) == 0
    assert time.monotonic() - started < 3


def photo(**options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").save(buffer, "PNG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_profile_of_a_megabyte_and_a_half_is_no_damage(format: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (6, 4), "red").save(buffer, format, icc_profile=bytes(1_500_000))
    image = decoded(buffer.getvalue(), 100)
    assert len(image.info["icc_profile"]) == 1_500_000
    assert PngImagePlugin.MAX_TEXT_CHUNK == ImageFile.SAFEBLOCK  # for everybody else it is what it was


@pytest.mark.parametrize("behind", [False, True])
def test_a_text_of_a_megabyte_and_a_half_is_none_either(behind: bool) -> None:
    info = PngImagePlugin.PngInfo()
    text = b"workflow\0\0" + zlib.compress(bytes(b"x" * 1_500_000))
    info.add(b"zTXt", text, after_idat=behind)
    assert np.array_equal(np.asarray(decoded(photo(pnginfo=info), 10**6)), np.asarray(Image.linear_gradient("L")))


def test_a_profile_beyond_all_reason_is_refused_for_what_it_is() -> None:
    data = photo(icc_profile=bytes(65 * 1024**2))
    with pytest.raises(ExpressionError, match="profile or texts are larger than 64 MiB"):
        decoded(data, 10**6)


class TestHeic:
    """Phones' photos, where pillow-heif is installed."""

    def heic(self, **options: Any) -> bytes:
        pillow_heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
        buffer = io.BytesIO()
        gradient = Image.linear_gradient("L").resize((42, 30)).convert("RGB")
        pillow_heif.from_pillow(gradient).save(buffer, **options)
        return buffer.getvalue()

    def test_one_is_what_the_library_reads_and_upright(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        data = self.heic(exif=exif.tobytes(), quality=90)
        import pillow_heif

        want = pillow_heif.open_heif(io.BytesIO(data)).to_pillow().convert("RGB")
        assert np.array_equal(np.asarray(rgb(decoded(data, LIMIT))), np.asarray(want))

    def test_pil_is_taught_nothing(self) -> None:
        decoded(self.heic(), LIMIT)
        assert "HEIF" not in Image.OPEN

    def test_one_is_held_against_the_limit(self) -> None:
        with pytest.raises(ExpressionError, match="over the limit"):
            decoded(self.heic(), 100)

    def test_one_that_breaks_off_is_one_error(self) -> None:
        data = self.heic()
        with pytest.raises(ExpressionError, match="damaged|look like HEIC"):
            decoded(data[: len(data) // 2], LIMIT)

    @pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1"])
    def test_without_it_the_error_says_what_to_install(self, brand: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pillow_heif", None)
        with pytest.raises(ExpressionError, match=r"look like HEIC[\s\S]*→ %pip install pillow-heif"):
            decoded(b"\0\0\0\x18ftyp" + brand + bytes(40), LIMIT)


@pytest.mark.parametrize(
    ("head", "kind", "way"),
    [
        (b"8BPS\0\1", "a Photoshop file", "save it as PNG"),
        (b"v/1\1", "an OpenEXR", "x.clip(0, 1)"),
        (b"#?RADIANCE\n", "Radiance HDR", "x.clip(0, 1)"),
        (b"PF\n2 2\n-1.0\n", "a PFM with colours", "x.clip(0, 1)"),
        (b"\x93NUMPY\1\0", "an array of NumPy's", "numpy.load"),
        (b"\xff\x0a", "JPEG XL", "save it as PNG or JPEG"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000", "save it as PNG or JPEG"),
        (b"II*\0\0\0\0\0", "a TIFF, of a kind that is not read", "x.clip(0, 1)"),
    ],
)
def test_a_picture_of_a_format_that_is_not_read_is_named(head: bytes, kind: str, way: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        decoded(head + bytes(90), LIMIT)
    assert f"they look like {kind}" in str(caught.value)
    assert way in (caught.value.problems[0].fix or "")


def test_the_clear_colour_of_a_png_of_16_bits_is_clear() -> None:
    """PIL (12) reads the upper 8 bits of its pixels, and all 16 of that colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = struct.pack(">6H", 0x1234, 0x5678, 0x9ABC, 0xFFFF, 0, 0x8000)
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    parts = (b"IHDR", header), (b"tRNS", pixels[:6]), (b"IDAT", zlib.compress(b"\0" + pixels)), (b"IEND", b"")
    found = decoded(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts), LIMIT)
    assert [rgb(found).getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (255, 0, 0x80)]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tiff_whose_zero_is_white_looks_as_it_should(dtype: Any) -> None:
    pixels = np.array([[0, np.iinfo(dtype).max]], dtype)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "TIFF", tiffinfo={270: "a scan"})
    black_is_zero = struct.pack("<HHIHH", 262, 3, 1, 1, 0)
    data = buffer.getvalue()
    assert data.count(black_is_zero) == 1
    assert np.asarray(rgb(decoded(data, LIMIT)))[0, :, 0].tolist() == [0, 255]
    data = data.replace(black_is_zero, struct.pack("<HHIHH", 262, 3, 1, 0, 0))
    assert np.asarray(rgb(decoded(data, LIMIT)))[0, :, 0].tolist() == [255, 0]
