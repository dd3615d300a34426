"""Pictures as a reader sees them: in light and dark, at full size on a click, before and after under a slider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import pytest

from tests.browser.lab import MAGICS, Cell, Lab, Server, tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

DRAW = """%%compose draw
component:
  type: model
  task: image-generation
  driver: echo
  prompt: ${input.prompt as text}
  width: 600
  height: 400
  num_images_per_prompt: ${input.count as integer | 1}
"""
UP = """%%compose up
component:
  type: model
  task: image-upscale
  driver: echo
  image: ${input.image as image}
  scale: 4
"""
WAVES = """
import numpy as np
from PIL import Image
y, x = np.mgrid[0:150, 0:200]
photo = Image.fromarray((127 + 120 * np.stack([np.sin(x / 9), np.cos(y / 7), np.sin((x + y) / 11)], -1)).astype('uint8'))
"""


@pytest.fixture(scope="module")
def drawn(lab: Lab) -> Cell:
    """Cells that define a draughtsman and an enlarger; then four pictures."""
    lab.run(DRAW)
    lab.run(UP)
    lab.ask("None", after=WAVES)
    return lab.run("%compose run draw prompt='a hat on a table' count=4 --seed 7")


def width_of(cell: Cell, number: int) -> int:
    return int(cell.where.locator("img").nth(number).evaluate("img => img.getBoundingClientRect().width"))


def test_a_click_shows_one_of_several_at_full_size_and_its_facts(lab: Lab, drawn: Cell) -> None:
    images = drawn.where.locator(".mc-pictures img")
    assert images.count() == 4
    assert [width_of(drawn, i) for i in range(4)] == [240] * 4
    assert not drawn.where.get_by_text("Steps: 4").first.is_visible()
    images.nth(1).click()
    drawn.where.get_by_text("Seed: 8").wait_for()
    assert [width_of(drawn, i) for i in range(3)] == [240, 600, 240]
    lab.screenshot("pictures-grid-open", drawn)
    images.nth(1).click()
    assert width_of(drawn, 1) == 240


def test_a_slider_moves_between_before_and_after(lab: Lab, drawn: Cell) -> None:
    cell = lab.run("%compose run up image:=photo --max-px 640")
    still, figures, _ = cell.outputs()
    assert still == ""  # a picture has no text
    assert "800×600 pixels" in figures
    assert cell.where.locator("img").count() == 2
    slider = f"[s for n, s in {MAGICS}.opened.items() if n.startswith('slider ')][-1]"
    handle = cell.where.locator(".noUi-handle")
    handle.focus()
    handle.press("Home")
    lab.until(f"{slider}.at.value", 0)
    assert lab.ask(f"{slider}.composed().tobytes() == {slider}._pairs['whole'][1].tobytes()")
    handle.press("End")
    lab.until(f"{slider}.at.value", 100)
    assert lab.ask(f"{slider}.composed().tobytes() == {slider}._pairs['whole'][0].tobytes()")
    cell.press("detail")
    lab.until(f"{slider}.part.value", "detail")
    lab.ask("None", after=f"{slider}.at.value = 50")
    lab.screenshot("pictures-slider", cell)


def test_pictures_read_in_the_dark(lab: Lab, drawn: Cell) -> None:
    cell = lab.run("%compose run up image:=photo --max-px 400")
    lab.theme("JupyterLab Dark")
    lab.screenshot("pictures-dark", cell)
    lab.screenshot("pictures-grid-dark", drawn)
    shade = cell.where.locator("small").first.evaluate("part => getComputedStyle(part).color")
    assert shade.startswith("rgb(") or shade.startswith("rgba(")
    light = [int(float(number)) for number in shade[shade.index("(") + 1 : -1].split(",")[:3]]
    assert min(light) > 160  # light letters on a dark page
    lab.theme("JupyterLab Light")


def test_a_form_shows_the_picture_and_its_figures(lab: Lab, drawn: Cell) -> None:
    cell = lab.run(DRAW)
    cell.type("prompt", "a hat")
    cell.press("Run")
    cell.shows("600×400 pixels · seed 0 · 4 steps")
    assert cell.where.locator("img").count() == 1
    lab.screenshot("pictures-form", cell)


def test_somebody_without_a_kernel_sees_every_picture(lab: Lab, server: Server, browser: Browser, drawn: Cell) -> None:
    enlarged = lab.run("%compose run up image:=photo")
    saved = nbformat.read(lab.save(), as_version=4)
    saved.metadata["from"] = "somebody else"  # not as this server wrote it: not trusted, so without widgets and styles
    nbformat.write(saved, server.notebooks / "pictures-received.ipynb")
    with tab(server, browser, "pictures-received.ipynb") as other:
        grid, pair = other.cell(drawn.index), other.cell(enlarged.index)
        grid.shows("seed 10")
        assert grid.where.locator("img").count() == 4
        assert [width_of(grid, i) for i in range(4)] == [240] * 4
        pair.shows("before")
        assert pair.where.locator("img").count() == 1
        assert width_of(pair, 0) > 500
        other.screenshot("pictures-received", grid)
        other.screenshot("pictures-received-pair", pair)
        assert other.errors == []
