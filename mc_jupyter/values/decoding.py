"""An image file's bytes as pixels: its size is looked at before it is decoded, and what is no image is named.

PIL reads a size from the header and decodes later; a file of ten kilobytes can stand for gigabytes of pixels, or for
minutes of work: the reading of it ends after `SECONDS`.
"""

from __future__ import annotations

import ctypes
import io
import logging
import re
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from mc_jupyter.errors import ComposeError, ExpressionError
from mc_jupyter.interrupts import Word, going
from mc_jupyter.values import scans

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

# What may be decoded. PIL knows more: EPS, whose decoding starts Ghostscript; ICO, which holds another file whose size
# is not the one that its header says.
_DECODED = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "TGA")
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"heif", b"mif1", b"msf1")  # what a file calls itself

_READ = "PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF, PPM and TGA are read, and HEIC where pillow-heif is installed"
_AS_ARRAY = "read it as an array, imageio.v3.imread(…), and bring it to 0 to 1: x.clip(0, 1)"
_KINDS = (
    (b"%PDF", "a PDF", "render a page first: pypdfium2 or pdf2image make images of them"),
    (b"%!PS", "PostScript", None),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "git lfs pull"),
    (b"PK\x03\x04", "a ZIP archive", None),
    (b"\x1f\x8b", "a gzip archive", None),
    (b"\x00\x00\x01\x00", "an ICO", "save it as PNG"),
    (b"8BPS", "a Photoshop file", "save it as PNG"),
    (b"v/1\x01", "an OpenEXR", _AS_ARRAY),
    (b"#?RADIANCE", "Radiance HDR", _AS_ARRAY),
    (b"PF", "a PFM with colours", _AS_ARRAY),
    (b"\x93NUMPY", "an array of NumPy's", "numpy.load(…) gives the array, which is taken as a picture"),
    (b"\xff\x0a", "JPEG XL", "save it as PNG or JPEG"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL", "save it as PNG or JPEG"),
    (b"\x00\x00\x00\x0cjP", "JPEG 2000", "save it as PNG or JPEG"),
    (b"\xff\x4f\xff\x51", "JPEG 2000", "save it as PNG or JPEG"),
    *((head, "a TIFF, of a kind that is not read", _AS_ARRAY) for head in (b"II*\x00", b"MM\x00*")),
    (b"{", "JSON", None),
)
_TEXT = re.compile(rb"data:|[A-Za-z0-9+/_-]{64}", re.IGNORECASE)
_PHOTOMETRIC = 262  # TIFF's tag: 0 says that zero is white
_PROFILE = 64 * 1024**2  # bytes of a PNG's profile or text, unpacked
_LIMIT = threading.Lock()
_NOBODY = logging.NullHandler()

SECONDS = 20.0
"""The longest that decoding an image goes on; one of fifty million pixels takes one to three."""


class _File(io.BytesIO):
    """An image file's bytes, which are read for so long and no longer.

    Whatever PIL does in loops, it reads in them: chunks, markers, comments, and 64 kB for each turn of a decoder.
    """

    def __init__(self, data: bytes):
        super().__init__(data)
        self._end = time.monotonic() + SECONDS
        self.word = Word()

    def read(self, size: int | None = -1, /) -> bytes:
        self.word.look()
        if time.monotonic() > self._end:
            raise ExpressionError(
                f"the image takes longer than {SECONDS:g} seconds to decode", fix="save it as a plain PNG or JPEG"
            )
        return super().read(size)


def decoded(data: bytes, max_pixels: int) -> Image:
    """The image that a file holds, its pixels read: of an animation or of several pages the first.

    `info["frames"]` is then "first of several". ExpressionError says why it cannot be.
    """
    from PIL import Image as pil
    from PIL import UnidentifiedImageError

    if not data:
        raise ExpressionError("the image is empty: 0 bytes")
    pil.init()
    try:
        file = _File(data)
        with _nothing_on_stderr(), going(file.word):
            image, several = _opened(file, data, max_pixels)
            with _no_other_limit() if _reads_on(image, data) else nullcontext():
                image.load()
        _in_eight_bits(image)
        image = _from_black(image)
        return _still(image) if several else image
    except UnidentifiedImageError:
        raise _unknown(data) from None
    except ComposeError:
        raise
    except MemoryError:
        raise ExpressionError("the image does not fit into memory") from None
    except Exception as error:  # each of PIL's readers has its own; whatever it is, it is the file's
        if "MAX_TEXT_" in str(error):
            fix = "save it without them"
            raise ExpressionError("the image's profile or texts are larger than 64 MiB, unpacked", fix=fix) from None
        image_file = "HEIC image" if _is_heic(data) else "image"
        raise ExpressionError(f"the {image_file} is damaged: {str(error) or type(error).__name__}") from None


def _opened(file: _File, data: bytes, max_pixels: int) -> tuple[Image, bool]:
    """The image, its header read and found to be within the limit; and whether others follow it in the file."""
    from PIL import Image as pil

    with _no_other_limit():
        heic = _heic_reader() if _is_heic(data) else None
        image = heic(file) if heic else pil.open(file, formats=[name for name in _DECODED if name in pil.OPEN])
        _refuse_larger(image.size, max_pixels)
        if image.format in ("JPEG", "MPO"):
            scans.refuse_endless(data, image.size)
        # A phone's photo (MPO) has its depth behind it: that is no second picture.
        return image, image.format != "MPO" and bool(getattr(image, "is_animated", False))


def _is_heic(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and data[8:12] in _HEIC


def _heic_reader() -> type[ImageFile] | None:
    """Who reads phones' photos (HEIC): pillow-heif, where it is installed. PIL is not taught: it is the user's."""
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        return None
    reader: type[ImageFile] = HeifImageFile
    return reader


def _reads_on(image: Image, data: bytes) -> bool:
    """Whether more than pixels is read with them: a TIFF's tags are, as they are used, and texts at a PNG's end."""
    if image.format == "PNG":
        return max(data.rfind(b"zTXt"), data.rfind(b"iTXt")) > data.rfind(b"IDAT")
    return image.format == "TIFF"


@contextmanager
def _no_other_limit() -> Iterator[None]:
    """PIL warns of large images, and refuses larger ones, even where ours says that they are wanted; and of odd files.

    It refuses a PNG whose colour profile is larger than a megabyte, which those of printers are. Those limits are for
    the whole process: they are away only while a header is read, one thread at a time.
    """
    from PIL import Image as pil
    from PIL import PngImagePlugin as png

    with _LIMIT:
        before, pil.MAX_IMAGE_PIXELS = pil.MAX_IMAGE_PIXELS, None
        text, png.MAX_TEXT_CHUNK = png.MAX_TEXT_CHUNK, _PROFILE
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            pil.MAX_IMAGE_PIXELS, png.MAX_TEXT_CHUNK = before, text


@contextmanager
def _nothing_on_stderr() -> Iterator[None]:
    """libtiff says on the process's stderr what is wrong with a file, and PIL logs it; PIL's error says it too."""
    from PIL import _imaging

    logging.getLogger("PIL").addHandler(_NOBODY)  # whoever asked to hear what PIL logs still does
    # A handle finds what its library was linked with. Where libtiff is a part of it (Windows), it cannot be told.
    say = getattr(ctypes.CDLL(_imaging.__file__), "TIFFSetErrorHandler", None)
    if say is None:
        yield
        return
    say.restype, say.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    before = say(None)
    try:
        yield
    finally:
        say(before)


def _refuse_larger(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        limit = f"{max_pixels / 10**6:g} million" if max_pixels >= 10**6 else f"{max_pixels:,}"
        raise ExpressionError(
            f"an image of {width}×{height} is over the limit of {limit} pixels",
            fix=f"%config ComposeMagics.max_pixels = {width * height}, or Session(max_pixels={width * height})",
        )


def _still(image: Image) -> Image:
    """One frame by itself, without the file it came from. `info`, which says what is up, goes with it."""
    still = image.copy()
    still.format = image.format
    still.info["frames"] = "first of several"
    return still


def _in_eight_bits(image: Image) -> None:
    """The colour that a PNG of 16 bits says is clear, as PIL (12) has its pixels: with their upper 8."""
    level = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(level, tuple) and max(level) > 255:
        image.info["transparency"] = tuple(one >> 8 for one in level)


def _from_black(image: Image) -> Image:
    """A TIFF of 16 bits whose zero is white, as scanners and X-rays have it: PIL (12) turns those of 8 bits only."""
    if not image.mode.startswith("I;16") or getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) != 0:
        return image
    import numpy as np
    from PIL import Image as pil

    turned = pil.fromarray(65535 - np.asarray(image).astype(np.uint16))
    turned.info, turned.format = dict(image.info), image.format
    return turned


def _unknown(data: bytes) -> ExpressionError:
    """What bytes that are no image look like."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    told, fix = f"these {len(data)} bytes are no image of a known format", _READ
    for head, name, way in _KINDS:
        if start.startswith(head):
            return ExpressionError(f"{told}: they look like {name}", fix=way or fix)
    small = start.lower()
    if small.startswith((b"<!doctype html", b"<html")):
        return ExpressionError(f"{told}: they look like HTML, a web page", fix="give the image's own address or file")
    if b"<svg" in small and small.startswith((b"<", b"<?xml")):
        return ExpressionError(f"{told}: they look like SVG, which is drawn and not decoded", fix="save it as PNG")
    if _is_heic(data):
        fix = "save it as JPEG" if _heic_reader() else "%pip install pillow-heif, or save it as JPEG"
        return ExpressionError(f"{told}: they look like HEIC, as phones store photos", fix=fix)
    if _TEXT.match(start):
        return ExpressionError(f"{told}: they look like base64, which is text", fix="give it as text: data.decode()")
    if data[4:8] == b"ftyp":
        return ExpressionError(f"{told}: they look like a video", fix=fix)
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return ExpressionError(f"{told}: they look like sound (WAV)", fix=fix)
    return ExpressionError(told, fix=fix)
