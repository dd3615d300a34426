"""Images: damaged files of every format, texts that stand for one, and arrays of odd shapes, as an input is read."""

from __future__ import annotations

import base64
import io
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from mc_jupyter.notebook import views
from mc_jupyter.notebook.showing import Showing
from mc_jupyter.trust.permissions import Permissions
from mc_jupyter.values.conversions import convert
from mc_jupyter.values.pictures import rgb
from tests.fuzz import mutation
from tests.fuzz.kind import Kind

_LIMIT = 4_000_000  # pixels: enough for every good case, and so few that a bomb is seen
_FILES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("PNG", {}), ("PNG", {"bits": 4, "mode": "P"}), ("PNG", {"mode": "RGBA"}), ("PNG", {"mode": "I;16"}), ("PNG", {"mode": "1"}),
    ("JPEG", {}), ("JPEG", {"progressive": True}), ("JPEG", {"mode": "CMYK"}), ("JPEG", {"mode": "L"}), ("WEBP", {}),
    ("WEBP", {"lossless": True, "mode": "RGBA"}), ("WEBP", {"pages": 3}), ("GIF", {"mode": "P"}), ("GIF", {"pages": 3}),
    ("BMP", {}), ("BMP", {"mode": "P"}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"compression": "jpeg"}),
    ("TIFF", {"compression": "tiff_deflate", "pages": 2}), ("TIFF", {"compression": "group4", "mode": "1"}), ("TIFF", {"mode": "F"}),
    ("PPM", {}), ("AVIF", {}), ("AVIF", {"pages": 2}), ("TGA", {}), ("TGA", {"compression": "tga_rle"}), ("ICO", {}), ("PDF", {}), ("EPS", {}),
    ("MPO", {"pages": 2}), ("PNG", {"pages": 3}), ("PNG", {"exif": True}), ("JPEG", {"exif": True}), ("PCX", {}), ("SGI", {}), ("JPEG2000", {}),
)  # fmt: skip
_DTYPES = (
    "uint8",
    "int8",
    "uint16",
    "int32",
    "int64",
    "uint64",
    "float16",
    "float32",
    "float64",
    "bool",
    "complex64",
    "object",
    "U3",
    "M8[s]",
    "V4",
)
_SUBTYPES = (None, None, None, "png", "jpeg", "webp", "gif", "bmp", "tiff", "avif", "../x", "")
_FORMATS = (None, None, "base64", "path", "url", "data-uri", "hex")


class _Opened(bytes):
    """The bytes of a file that is given open."""


class Images(Kind):
    """What may stand for an image: a file's bytes, a text, an array, an upload, an open file."""

    imports = ("torch", "PIL.Image", "IPython")
    megabytes = 150

    @cached_property
    def files(self) -> list[bytes]:
        return [data for name, options in _FILES if (data := _file(name, **options))]

    def make(self, dice: Random) -> tuple[Any, ...]:
        way = dice.randrange(10)
        if way < 6:
            value: Any = mutation.mutated_bytes(dice, dice.choice(self.files), self.files)
            if dice.random() < 0.2:
                value = _retold(dice, value)
        elif way < 8:
            value = _text(dice, dice.choice(self.files))
        else:
            value = _array(dice)
        quality = {"quality": mutation.odd(dice, 3)} if dice.random() < 0.1 else {}
        return value, dice.choice(_SUBTYPES), quality, dice.choice(_FORMATS), dice.random() < 0.5

    def attempt(self, case: tuple[Any, ...]) -> str:
        value, subtype, quality, format, several = case
        value = io.BytesIO(value) if isinstance(value, _Opened) else value
        image = convert(
            [value] if several else value, "image", subtype, quality, format, elementwise=several,
            permissions=Permissions(max_pixels=_LIMIT),
        )  # fmt: skip
        images = image if isinstance(image, list) else [image]
        shown = [repr(image)]
        for one in images:
            if one is not None:
                made = rgb(one)
                view = views.of(made, Showing())
                shown += [str(part)[:2000] for part in view.bundle().values()] if view else []
        return "\n".join(shown)

    def shown(self, case: tuple[Any, ...]) -> str:
        return repr(case)[:5000]


def _file(name: str, *, mode: str = "RGB", pages: int = 1, exif: bool = False, **options: Any) -> bytes:
    """A small image as a file of that format; nothing where this PIL cannot write it."""
    image = Image.new("RGB", (24, 17), "white")
    ImageDraw.Draw(image).ellipse((3, 2, 20, 14), fill="red", outline="blue")
    image = image.convert("L").convert(mode) if mode in ("I;16", "F", "1") else image.convert(mode)
    if pages > 1:
        options |= {"save_all": True, "append_images": [image.rotate(30 * i) for i in range(1, pages)]}
    if exif:
        facts = Image.Exif()
        facts[0x0112], facts[0x010E] = 6, "a picture"
        options["exif"] = facts
    target = io.BytesIO()
    try:
        image.save(target, name, **options)
    except (OSError, ValueError, KeyError):
        return b""
    return target.getvalue()


def _retold(dice: Random, data: bytes) -> Any:
    """The same bytes in another of the ways in which they may be given."""
    way = dice.randrange(5)
    if way == 0:
        return _Opened(data)
    if way == 1:
        return {"name": mutation.odd(dice, 3), "type": "image/png", "size": len(data), "content": data}
    if way == 2:
        return bytearray(data)
    if way == 3:
        return "data:image/png;base64," + base64.b64encode(data).decode()
    return base64.b64encode(data).decode()


def _text(dice: Random, data: bytes) -> Any:
    """A text or a path that stands for an image, or does not."""
    way = dice.randrange(7)
    address = f"data:image/{dice.choice(('png', 'jpeg', 'svg+xml', '*'))};base64,{base64.b64encode(data).decode()}"
    if way < 3:
        return mutation.mutated_text(dice, address if way else base64.b64encode(data).decode())
    if way == 3:
        return dice.choice(mutation.ODD_TEXTS)
    if way == 4:
        return Path(dice.choice(("missing.png", "/dev/zero", "..", "a" * 300, "~nobody/x.png", "a\0b")))
    host = dice.choice(
        (
            "127.0.0.1:1",
            "localhost",
            "169.254.169.254",
            "[::ffff:7f00:1]",
            "2130706433",
            "0x7f.1",
            "①.com",
            "a" * 300,
            "user:pw@example.org",
        )
    )
    return mutation.mutated_text(
        dice, f"{dice.choice(('http', 'https', 'HTTP', 'ftp', 'file', 'gopher'))}://{host}/x.png"
    )


def _array(dice: Random) -> Any:
    """An array of odd shape and number type, numpy's or torch's, at times with numbers that are none."""
    shape = [dice.choice((0, 1, 2, 3, 4, 5, 17)) for _ in range(dice.choice((0, 1, 2, 3, 3, 3, 4, 5)))]
    kind = dice.choice(_DTYPES)
    values = np.zeros(shape, kind)
    if values.dtype.kind in "fiu" and values.size:
        values.flat[dice.randrange(values.size)] = dice.choice((1, 1, 100, np.nan if values.dtype.kind == "f" else 7))
    if dice.random() < 0.3 and values.dtype.kind in "fiub" and kind not in ("uint16", "uint64"):
        tensor = torch.from_numpy(values)
        return dice.choice(
            (tensor, tensor.to(torch.bfloat16), tensor.to("meta"), tensor.to_sparse() if values.ndim else tensor)
        )
    return values[..., ::-1] if values.ndim and dice.random() < 0.2 else values
