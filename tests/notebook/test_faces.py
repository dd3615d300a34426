"""How faces look: numbered boxes on the picture, and a table; one PNG, nothing unescaped, nothing large."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mc_jupyter.notebook import display
from mc_jupyter.notebook.showing import Showing
from mc_jupyter.notebook.views import faces as shown
from mc_jupyter.values import Batch, Embedding, Faces

GREY = (128, 128, 128)


def bundle_of(value: Any, showing: Showing | None = None) -> dict[str, Any]:
    """What our own view of a value looks like."""
    found = display.bundle(value, showing)
    assert found is not None
    return found


def of(*boxes: list[float], size: tuple[int, int] = (320, 240), picture: bool = True, **more: Any) -> Faces:
    entries = [{"embedding": Embedding([0.1] * 512), "bounding_box": box, "score": 0.91, **more} for box in boxes]
    image = Image.new("RGB", size, GREY)
    image.thumbnail((640, 640))
    return Faces(faces=entries, width=size[0], height=size[1], image=image if picture else None)


def images_in(html: str) -> list[Any]:
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]


def bundle(value: Any) -> dict[str, Any]:
    made = bundle_of(value)
    assert made is not None
    return made


def test_the_picture_stands_once_above_the_table() -> None:
    made = bundle(of([40, 30, 120, 130], [180, 100, 240, 170]))
    assert set(made) == {"text/plain", "text/html"}
    assert len(images_in(made["text/html"])) == 1
    assert made["text/html"].index("<img") < made["text/html"].index("<table")


def test_the_table_says_number_score_box_and_length() -> None:
    plain = bundle(of([40, 30, 120, 130], [180.4, 100, 240, 170]))["text/plain"]
    assert "2 faces in 320×240 pixels" in plain
    assert re.search(r"0 +0\.91 +40, 30, 120, 130 +512 numbers", plain)
    assert re.search(r"1 +0\.91 +180, 100, 240, 170 +512 numbers", plain)
    assert "age" not in plain
    assert re.search(r"gender +age[\s\S]*female +31", bundle(of([1, 2, 3, 4], gender="female", age=31))["text/plain"])


def test_boxes_are_drawn_where_the_faces_are() -> None:
    drawn = np.asarray(shown.boxed(of([100, 60, 200, 180])))
    changed = (drawn != GREY).any(axis=2)
    assert changed[60, 150]
    assert changed[180, 150]
    assert changed[120, 100]
    assert changed[120, 200]
    assert not changed[90:170, 130:190].any()
    assert not changed[200:].any()


def test_each_box_has_its_number_and_colour() -> None:
    drawn = np.asarray(shown.boxed(of([20, 60, 120, 180], [200, 60, 300, 180])))
    assert tuple(drawn[120, 20]) != tuple(drawn[120, 200])
    tabs = drawn[36:58, 20:40], drawn[36:58, 200:220]
    assert all((tab == 0).all(axis=2).any() for tab in tabs)  # black figures
    assert not np.array_equal(tabs[0] == 0, tabs[1] == 0)


def test_boxes_are_seen_at_the_size_of_a_thumbnail() -> None:
    large = shown.boxed(of([1000, 800, 2000, 2000], size=(4000, 3000)))
    assert large is not None
    assert max(large.size) == shown.SIDE
    thumb = np.asarray(large.resize((160, 120), Image.Resampling.BOX)).astype(int)
    assert abs(thumb - 128).max() > 60


def test_landmarks_are_dots() -> None:
    dotted = np.asarray(shown.boxed(of([100, 60, 200, 180], landmarks=[[130, 100], [170, 100]])))
    assert (dotted[100, 130] != GREY).any()
    assert (dotted[140, 150] == GREY).all()


@pytest.mark.parametrize(
    "box", [[-50, -40, 30, 30], [290, 200, 400, 300], [-9, -9, 999, 999], [400, 300, 500, 400], [9, 9, 9, 9]]
)
def test_a_box_that_reaches_past_the_picture_is_drawn_as_far_as_it_goes(box: list[float]) -> None:
    drawn = np.asarray(shown.boxed(of(box)))
    assert drawn.shape == (240, 320, 3)
    assert (drawn != GREY).any()


def test_the_picture_that_a_result_keeps_is_left_alone() -> None:
    value = of([40, 30, 120, 130])
    bundle(value)
    assert value.image is not None
    assert (np.asarray(value.image) == GREY).all()


def test_no_faces_are_shown_as_the_picture_and_a_line() -> None:
    made = bundle(of())
    assert len(images_in(made["text/html"])) == 1
    assert made["text/plain"].startswith("no face in 320×240 pixels")


def test_without_its_picture_there_is_the_table() -> None:
    made = bundle(of([1, 2, 3, 4], picture=False))
    assert images_in(made["text/html"]) == []
    assert "1, 2, 3, 4" in made["text/html"]


def test_a_list_is_a_row_of_small_pictures() -> None:
    made = bundle(Batch([of([40, 30, 120, 130]), of(), None]))
    pictures = images_in(made["text/html"])
    assert len(pictures) == 2
    assert all(max(picture.size) == 200 for picture in pictures)
    assert made["text/plain"].splitlines() == ["0  1 face (0.91)", "1  no face", "2  nothing"]


def test_a_long_list_is_cut() -> None:
    made = bundle(Batch([of([40, 30, 120, 130])] * 25))
    assert len(images_in(made["text/html"])) == 20
    assert "… 5 more" in made["text/plain"]


def test_nothing_that_was_found_is_html() -> None:
    made = bundle(of([1, 2, 3, 4], gender="<script>alert(1)</script>"))
    assert "<script>" not in made["text/html"]
    assert "&lt;script&gt;" in made["text/html"]


def test_a_saved_result_is_small() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (3000, 4000, 3), np.uint8))
    noise.thumbnail((640, 640))
    value = of([1000, 800, 2000, 2000], size=(4000, 3000))
    value.image = noise
    assert len(json.dumps(bundle(value))) < 1_800_000  # of noise, which PNG cannot make smaller


def test_a_cell_may_want_less() -> None:
    value = of([40, 30, 120, 130], size=(2000, 1000))
    (picture,) = images_in(bundle_of(value, Showing(100))["text/html"])
    assert picture.size == (100, 50)
    (picture,) = images_in(bundle_of(value, Showing(0))["text/html"])
    assert picture.size == (640, 320)


def test_a_number_covers_no_face_where_there_is_room_beside_it() -> None:
    drawn = np.asarray(shown.boxed(of([100, 4, 160, 60])))
    assert (drawn[20:50, 110:150] == GREY).all()
    assert (drawn[66:76, 102:110] != GREY).any()
