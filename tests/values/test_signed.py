"""A picture of ours saved by PIL's own `save` says how to make it again, and answers to prompt and seed."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms
from PIL.PngImagePlugin import PngInfo

import mc_jupyter as mc
from mc_jupyter.values import look_up
from mc_jupyter.values.media import load_image
from mc_jupyter.values.pictures import marked, origin

FACTS = {"prompt": "모자 — a “hat”", "seed": 2**64 - 1, "num_inference_steps": 20, "versions": {"torch": "2"}}


def picture(**facts: Any) -> Any:
    pixels = np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8)
    return marked(Image.fromarray(pixels), **(facts or FACTS))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.JPEG", "a.webp"])
def test_a_saved_file_answers_to_seed_and_prompt(name: str, tmp_path: Path) -> None:
    picture().save(tmp_path / name)
    for read in (load_image(tmp_path / name), Image.open(tmp_path / name), load_image((tmp_path / name).read_bytes())):
        assert dict(origin(read).facts) == FACTS
        assert look_up(read, "seed") == 2**64 - 1


def test_it_is_saved_into_an_open_file_by_the_format_or_its_name(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    picture().save(buffer, format="webp")
    assert look_up(load_image(buffer), "seed") == 2**64 - 1
    with (tmp_path / "a.jpg").open("wb") as file:
        picture().save(file)
    assert look_up(load_image(tmp_path / "a.jpg"), "seed") == 2**64 - 1


def test_pixels_are_those_that_pil_writes(tmp_path: Path) -> None:
    plain = Image.fromarray(np.asarray(picture()))
    for name in ("a.png", "a.jpg", "a.webp", "a.bmp", "a.tiff", "a.gif"):
        picture().save(tmp_path / name)
        plain.save(tmp_path / f"plain-{name}")
        with Image.open(tmp_path / name) as ours, Image.open(tmp_path / f"plain-{name}") as theirs:
            assert ours.convert("RGB").tobytes() == theirs.convert("RGB").tobytes()


def test_programs_that_read_a_comment_find_the_words(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as image:
        comment = image.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment]
    assert comment.startswith(b"UNICODE\0")
    assert comment[8:].decode("utf-16-be").startswith("모자 — a “hat”\nSteps: 20")


def test_what_the_caller_gives_stands_beside_it(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("Author", "me")
    picture().save(tmp_path / "a.png", pnginfo=info)
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "me"
    for given in (exif, exif.tobytes()):
        picture().save(tmp_path / "a.jpg", exif=given, quality=50)
        with Image.open(tmp_path / "a.jpg") as photo:
            assert photo.getexif()[ExifTags.Base.Artist] == "me"
            assert look_up(photo, "seed") == 2**64 - 1
    with Image.open(tmp_path / "a.png") as image:
        assert image.text["Author"] == "me"  # type: ignore[attr-defined]
        assert look_up(image, "seed") == 2**64 - 1
    assert len(info.chunks) == 1


def test_it_answers_in_python() -> None:
    image = picture()
    assert (image.prompt, image.seed, image.recipe["num_inference_steps"]) == (FACTS["prompt"], 2**64 - 1, 20)
    assert (picture(scale=4).prompt, picture(scale=4).seed) == (None, None)


def test_it_is_a_pil_image_and_so_is_what_pil_makes_of_it() -> None:
    image = picture()
    assert isinstance(image, Image.Image)
    for made in (image.copy(), image.resize((4, 3)), image.convert("L"), image.rotate(90), copy.copy(image),
                 copy.deepcopy(image), pickle.loads(pickle.dumps(image))):  # fmt: skip
        assert (made.prompt, made.seed) == (FACTS["prompt"], 2**64 - 1)


def test_a_recipe_that_a_jpeg_cannot_hold_keeps_its_facts_or_tells(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture(prompt="모" * 15_000, seed=7).save(tmp_path / "a.jpg")
    assert look_up(load_image(tmp_path / "a.jpg"), "seed") == 7
    with pytest.warns(UserWarning, match="save it as PNG"):
        picture(prompt="모" * 19_000, negative_prompt="모" * 19_000).save(tmp_path / "b.jpg")
    assert load_image(tmp_path / "b.jpg").size == (8, 6)


@pytest.mark.parametrize(
    "spoilt", ["{", "[1]", "null", '{"seed": NaN}', "[" * 100_000, '{"a": "' + "x" * 30_000 + '"}']
)
def test_a_recipe_that_somebody_spoilt_is_none(spoilt: str) -> None:
    info = PngInfo()
    info.add_itxt("mc_jupyter", spoilt)
    buffer = io.BytesIO()
    Image.new("L", (2, 2)).save(buffer, "PNG", pnginfo=info)
    assert dict(origin(load_image(buffer)).facts) == {}


def test_a_file_does_not_say_that_this_run_was_interrupted(tmp_path: Path) -> None:
    picture(seed=7, interrupted="step 3 of 20").save(tmp_path / "a.png")
    assert dict(origin(load_image(tmp_path / "a.png")).facts) == {"seed": 7}


@pytest.mark.parametrize("task", ["image-generation", "image-upscale"])
def test_a_models_pictures_are_such(task: str, session: mc.Session, tmp_path: Path) -> None:
    handle = session.load(f"component: {{type: model, task: {task}, driver: echo}}")
    image = handle("a hat", seed=3) if task == "image-generation" else handle(picture(seed=1))
    image.save(tmp_path / "a.jpg")
    facts = origin(load_image(tmp_path / "a.jpg")).facts
    assert facts.get("seed") == (3 if task == "image-generation" else 1)  # echo's is the same picture, larger
    assert "mc_jupyter" in facts["versions"]


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_an_enlarged_picture_knows_what_the_small_one_was_drawn_from(name: str, tmp_path: Path) -> None:
    small = picture(prompt="a hat", seed=7)
    large: Any = marked(Image.new("RGB", (16, 12)), before=small, scale=2)
    assert (large.prompt, large.seed, look_up(large, "seed")) == ("a hat", 7, 7)
    assert "prompt" not in large.recipe
    large.save(tmp_path / name)
    again = load_image(tmp_path / name)
    assert (look_up(again, "prompt"), look_up(again, "seed"), look_up(again, "scale")) == ("a hat", 7, 2)


def test_a_seed_of_its_own_counts_for_more() -> None:
    large: Any = marked(Image.new("RGB", (16, 12)), before=picture(prompt="a hat", seed=7), seed=8)
    assert (large.prompt, large.seed) == ("a hat", 8)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF"])
def test_a_saved_picture_keeps_its_colour_profile(format: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = marked(Image.new("RGB", (8, 8), "red"), seed=7)
    image.info["icc_profile"] = profile
    for given, want in (({}, profile), ({"icc_profile": profile + b"\0"}, profile + b"\0")):
        buffer = io.BytesIO()
        image.save(buffer, format, **given)
        assert Image.open(buffer).info["icc_profile"] == want


def test_a_text_of_the_users_own_is_not_written_over() -> None:
    mine = PngInfo()
    mine.add_text("parameters", "a text of mine")
    buffer = io.BytesIO()
    marked(Image.new("RGB", (8, 8), "red"), seed=7).save(buffer, "PNG", pnginfo=mine)
    found = Image.open(buffer)
    assert found.info["parameters"] == "a text of mine"
    assert origin(found).facts == {"seed": 7}
