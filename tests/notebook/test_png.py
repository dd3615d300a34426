"""Pictures as bytes: exact, of every mode, with their facts and nothing else inside."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image

from mc_jupyter.notebook.png import data_uri, png, sketch_uri, smaller
from mc_jupyter.trust.secrets import Secret
from mc_jupyter.values.recipes import parameters, told

MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16",
         "I;16B")  # fmt: skip
HATS = {
    "prompt": "모자 — a hat",
    "seed": 7,
    "num_inference_steps": 20,
    "guidance_scale": 7.5,
    "negative_prompt": "rain",
}


def opened(data: bytes) -> Any:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_can_be_stored_and_made_smaller(mode: str) -> None:
    image = Image.new(mode, (40, 20))
    assert opened(png(image)).size == (40, 20)
    assert opened(png(smaller(image, 10))).size == (10, 5)
    assert (image.mode, image.size) == (mode, (40, 20))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_what_is_not_made_smaller_is_stored_exactly(mode: str) -> None:
    image = Image.effect_noise((32, 24), 90).convert("RGB").convert(mode if mode != "I;16" else "L").convert(mode)
    assert smaller(image, 32) is image
    assert smaller(image, 0) is image
    again = opened(png(image))
    assert again.convert("RGBA").tobytes() == image.convert("RGBA").tobytes()


def test_transparency_of_a_palette_survives_being_made_smaller() -> None:
    image = Image.new("P", (40, 40), 3)
    image.info["transparency"] = 3
    assert smaller(image, 10).getpixel((5, 5))[3] == 0  # type: ignore[index]


def test_a_very_long_picture_keeps_a_pixel_of_width() -> None:
    assert smaller(Image.new("RGB", (5000, 2)), 100).size == (100, 1)


def test_facts_stand_in_the_file_for_people_and_as_json() -> None:
    image = opened(png(Image.new("RGB", (4, 3)), HATS))
    assert json.loads(image.text["mc_jupyter"]) == HATS
    assert image.text["parameters"] == ("모자 — a hat\nNegative prompt: rain\nSteps: 20, CFG scale: 7.5, Seed: 7")


def test_nothing_that_came_with_an_image_is_stored_but_its_colours() -> None:
    image = Image.new("RGB", (4, 3))
    image.info |= {"comment": "my house", "mc_jupyter": object(), "icc_profile": b"colours"}
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    image.info["exif"] = exif.tobytes()
    data = png(image, {"seed": 1})
    assert b"house" not in data
    assert b"live" not in data
    assert opened(data).info["icc_profile"] == b"colours"


def test_pictures_bytes_and_data_addresses_are_no_facts() -> None:
    facts = {"image": Image.new("L", (2, 2)), "raw": b"123", "url": "data:image/png;base64,AAAA", "long": "x" * 30_000}
    assert told({**facts, "list": [1, b"2"], "inner": {"raw": b"1", "n": float("nan"), "k": 2}}) == {
        "list": [1, None],
        "inner": {"k": 2},
    }
    assert opened(png(Image.new("L", (2, 2)), facts)).text == {}


def test_a_secret_is_no_fact() -> None:
    assert told({"token": Secret("hf_canary"), "inner": [Secret("hf_canary")]}) == {"inner": [None]}


def test_half_a_character_does_no_harm() -> None:
    image = opened(png(Image.new("L", (2, 2)), {"prompt": "a \ud83d hat"}))
    assert json.loads(image.text["mc_jupyter"]) == {"prompt": "a ? hat"}


def test_facts_without_a_prompt_are_one_line() -> None:
    assert parameters({"scale": 4, "adapters": {"ink": 0.5}}) == "scale: 4, adapters: ink 0.5"
    assert parameters({}) == ""


def test_addresses_hold_the_picture_and_sketches_are_small() -> None:
    noise = Image.effect_noise((1024, 768), 90).convert("RGBA")
    assert data_uri(Image.new("RGB", (2, 2))).startswith("data:image/png;base64,iVBOR")
    assert sketch_uri(noise, 256).startswith("data:image/jpeg;base64,/9j/")
    assert len(sketch_uri(noise, 256)) < 60_000
