"""What an image knows of itself travels with it, and expressions find it."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

import mc_jupyter as mc
from mc_jupyter.values import look_up, look_up_or
from mc_jupyter.values.media import load_image
from mc_jupyter.values.pictures import marked, origin, rgb


def picture() -> Image.Image:
    return Image.new("RGB", (8, 6), "red")


def test_an_image_that_nobody_marked_has_no_facts() -> None:
    assert origin(picture()).facts == {}
    assert origin(picture()).before is None


def test_facts_add_up_and_none_is_left_out() -> None:
    image = marked(marked(picture(), seed=7, prompt="a hat"), seed=8, negative_prompt=None)
    assert dict(origin(image).facts) == {"seed": 8, "prompt": "a hat"}


def test_what_an_image_was_made_from_stays_when_more_is_said() -> None:
    small = picture()
    large = marked(marked(picture().resize((32, 24)), before=small), scale=4)
    assert origin(large).before is small


def test_a_copy_knows_it_too_and_marking_it_leaves_the_first_alone() -> None:
    image = marked(picture(), seed=7)
    copied = marked(image.copy(), seed=8)
    assert (origin(image).facts["seed"], origin(copied).facts["seed"]) == (7, 8)


def test_expressions_find_size_and_facts() -> None:
    image = marked(picture(), seed=7)
    assert (look_up(image, "width"), look_up(image, "height"), look_up(image, "seed")) == (8, 6, 7)
    assert look_up(image, "image") is image
    assert look_up(image, "images") == [image]
    assert look_up_or(image, "flavour", None) is None
    with pytest.raises(KeyError):
        look_up(image, "prompt")


def test_output_of_a_call_names_facts_and_results_are_signed(session: mc.Session) -> None:
    text = """
component:
  type: model
  task: image-generation
  driver: echo
  width: 32
  height: 16
  output: { picture: "${result}", wide: "${result.width}", by: "${result.driver}" }
"""
    found = session.load(text, "draw")("a hat")
    assert (found["wide"], found["by"]) == (32, "echo")
    assert origin(found["picture"]).facts["versions"] == {"mc_jupyter": mc.__version__}  # echo needs no library


MODES = (
    "1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16",
    "I;16B",
)  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_an_image_of_any_mode_becomes_rgb_and_is_itself_left_alone(mode: str) -> None:
    image = Image.new(mode, (4, 3))
    assert (rgb(image).mode, rgb(image).size) == ("RGB", (4, 3))
    assert image.mode == mode


def test_what_is_transparent_shows_white() -> None:
    half = Image.new("RGBA", (1, 1), (255, 0, 0, 128))
    palette = Image.new("P", (1, 1), 3)
    palette.info["transparency"] = 3
    assert rgb(half).getpixel((0, 0)) == (255, 127, 127)
    assert rgb(Image.new("LA", (1, 1), (0, 0))).getpixel((0, 0)) == (255, 255, 255)
    assert rgb(palette).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["I;16", "I"])
def test_greys_of_16_bits_keep_their_shades(mode: str) -> None:
    image = Image.new(mode, (3, 1))
    for x, level in enumerate((0, 128 * 257, 65535)):
        image.putpixel((x, 0), level)
    assert [rgb(image).getpixel((x, 0)) for x in range(3)] == [(0, 0, 0), (128, 128, 128), (255, 255, 255)]


def test_floats_up_to_one_are_shades() -> None:
    assert rgb(Image.new("F", (1, 1), 0.5)).getpixel((0, 0)) == (128, 128, 128)


@pytest.mark.parametrize(("orientation", "size"), [(1, (4, 2)), (6, (2, 4)), (3, (4, 2))])
def test_a_photo_stands_upright(orientation: int, size: tuple[int, int]) -> None:
    photo, exif, file = Image.new("RGB", (4, 2), "blue"), Image.Exif(), io.BytesIO()
    photo.putpixel((0, 0), (255, 255, 255))
    exif[274] = orientation
    photo.save(file, "PNG", exif=exif)
    found = rgb(Image.open(file))
    corner = {1: (0, 0), 6: (size[0] - 1, 0), 3: (size[0] - 1, size[1] - 1)}[orientation]
    assert found.size == size
    assert found.getpixel(corner) == (255, 255, 255)


def test_a_damaged_tag_beside_the_orientation_is_nothing_to_warn_of(recwarn: pytest.WarningsRecorder) -> None:
    longer_than_the_file = struct.pack(">HHLL", 0x010E, 2, 65290, 38)
    exif = (
        b"Exif\0\0MM\0*" + struct.pack(">LH", 8, 2) + longer_than_the_file + struct.pack(">HHLHHL", 274, 3, 1, 6, 0, 0)
    )
    file = io.BytesIO()
    Image.new("RGB", (4, 2)).save(file, "JPEG", exif=exif)
    assert rgb(load_image(file.getvalue())).size == (2, 4)
    assert not recwarn


def test_damaged_exif_leaves_the_picture() -> None:
    file = io.BytesIO()
    picture().save(file, "JPEG", exif=b"Exif\0\0garbage")
    assert rgb(Image.open(file)).size == (8, 6)


@pytest.mark.parametrize("bits", [0x7FC00000, 0x7F800001], ids=["quiet", "signalling"])
def test_floats_that_are_no_numbers_are_black(bits: int, recwarn: pytest.WarningsRecorder) -> None:
    image = Image.frombytes("F", (2, 1), struct.pack("=If", bits, 1.0))
    assert [rgb(image).getpixel((x, 0)) for x in range(2)] == [(0, 0, 0), (255, 255, 255)]
    assert not recwarn
