"""What an image knows of itself travels with it, and expressions find it."""

from __future__ import annotations

import pytest
from PIL import Image

import mc_jupyter as mc
from mc_jupyter.values import look_up, look_up_or
from mc_jupyter.values.pictures import marked, origin


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
    assert origin(found["picture"]).facts["versions"]["mc_jupyter"] == mc.__version__
