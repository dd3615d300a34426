"""Before and after: still, and under a slider."""

from __future__ import annotations

import gc
import io
import weakref

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from mc_jupyter.notebook.showing import Showing, here
from mc_jupyter.notebook.views import _slider as slider
from mc_jupyter.notebook.views._slider import Slider, lines, pair, twin
from mc_jupyter.values.pictures import marked


def enlarged(width: int, height: int, times: int = 4, **facts: object) -> Image.Image:
    """A picture whose left is dark and whose right is light, and four times as large the same."""
    small = Image.fromarray(np.tile(np.linspace(0, 255, width).astype("uint8"), (height, 1))).convert("RGB")
    large = small.resize((width * times, height * times), Image.Resampling.NEAREST)
    return marked(large, before=small, scale=times, **facts)


def test_only_a_picture_that_knows_what_it_was_made_from_has_a_before() -> None:
    assert slider.has_before(enlarged(8, 6))
    assert not slider.has_before(marked(Image.new("RGB", (4, 4)), seed=7))
    assert not slider.has_before([enlarged(8, 6)])
    assert not slider.has_before("text")


def test_a_small_result_stands_exactly_beside_its_enlarged_before() -> None:
    after = enlarged(80, 60)
    still = twin(after, Showing(1024))
    assert still.size == (320 * 2 + 8, 240)
    right = still.crop((328, 40, 648, 240))
    assert right.tobytes() == after.crop((0, 40, 320, 240)).tobytes()
    before = after.info["mc_jupyter"].before.resize((320, 240), Image.Resampling.BICUBIC)
    assert still.crop((0, 40, 320, 240)).tobytes() == before.crop((0, 40, 320, 240)).tobytes()


def test_a_large_result_also_shows_a_detail_pixel_for_pixel() -> None:
    after = enlarged(500, 400)
    still = twin(after, Showing(1024))
    assert still.width <= 1024
    assert still.height > 508 + 8
    middle = after.crop((746, 646, 1254, 1154))
    found = still.crop((516, still.height - 400, 1024, still.height))
    assert found.tobytes() == middle.crop((0, 108, 508, 508)).tobytes()
    assert any("thumbnail" in line and "--images" in line for line in lines(after, Showing(1024)))


def test_a_detail_shows_the_same_place_of_both() -> None:
    before, after = pair(enlarged(500, 400), 300, detail=True)
    assert before.size == after.size == (300, 300)
    apart = np.abs(np.asarray(before, int) - np.asarray(after, int))
    assert apart.max() <= 3


def test_a_photo_lying_on_its_side_is_compared_upright() -> None:
    small, file, exif = Image.new("RGB", (8, 4), "black"), io.BytesIO(), Image.Exif()
    small.paste("white", (0, 0, 1, 4))  # its left becomes the top
    exif[274] = 6
    small.save(file, "PNG", exif=exif)
    before, _ = pair(marked(Image.new("RGB", (16, 32)), before=Image.open(file)), 64)
    assert before.size == (16, 32)
    assert before.getpixel((8, 0)) == (255, 255, 255)
    assert before.getpixel((8, 31)) == (0, 0, 0)


def test_a_single_pixel_can_be_compared() -> None:
    after = marked(Image.new("RGBA", (2, 2)), before=Image.new("L", (1, 1)))
    assert twin(after, Showing(0)).size == (12, 2)
    made = Slider(after)
    made.at.value = 100
    assert made.composed().size == (2, 2)
    made.close()


@pytest.fixture
def open_slider() -> slider.Slider:
    return Slider(enlarged(80, 60))


def test_the_line_parts_before_from_after(open_slider: Slider) -> None:
    before, after = pair(enlarged(80, 60), 640)
    open_slider.at.value = 0
    assert open_slider.composed().tobytes() == after.tobytes()
    open_slider.at.value = 100
    assert open_slider.composed().tobytes() == before.tobytes()
    open_slider.at.value = 25
    shown = open_slider.composed()
    assert shown.crop((0, 0, 79, 240)).tobytes() == before.crop((0, 0, 79, 240)).tobytes()
    assert shown.getpixel((80, 100)) == (76, 141, 255)
    assert shown.crop((81, 0, 320, 240)).tobytes() == after.crop((81, 0, 320, 240)).tobytes()
    assert Image.open(io.BytesIO(open_slider.picture.value)).tobytes() == shown.tobytes()
    open_slider.close()


def test_a_slider_is_no_wider_than_a_page_and_offers_a_detail_of_what_is() -> None:
    made = Slider(enlarged(500, 100))
    assert made.composed().size == (640, 128)
    assert made.part in made.box.children
    made.part.value = "detail"
    assert made.composed().size == (640, 400)
    made.close()


def test_a_slider_keeps_no_result_in_memory() -> None:
    after = enlarged(500, 100)
    gone = weakref.ref(after)
    made = Slider(after)
    del after
    gc.collect()
    assert gone() is None
    made.close()


def test_many_sliders_close_the_oldest_and_unloading_closes_all(shell: InteractiveShell) -> None:
    from ipywidgets.widgets.widget import _instances

    live = here(clicked=True).live
    assert live is not None
    before = set(_instances)
    made = [slider.opened(enlarged(8, 6), live) for _ in range(slider._OPEN + 2)]
    assert [one.box in _instances.values() for one in made] == [False] * 2 + [True] * slider._OPEN
    assert len(live) == slider._OPEN
    shell.run_line_magic("unload_ext", "mc_jupyter")
    assert set(_instances) <= before
    shell.run_line_magic("load_ext", "mc_jupyter")
