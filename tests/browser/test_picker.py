"""A form's image field in JupyterLab: chosen, dropped and pasted pictures, seen small, run, and not saved in full."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.browser.lab import MAGICS, Cell, Lab

if TYPE_CHECKING:
    from playwright.sync_api import JSHandle

pytestmark = pytest.mark.browser

CELL = """%%compose larger
component:
  type: model
  task: image-upscale
  driver: echo
  image: ${input.photo as image @(description The picture to enlarge)}
  scale: 2
"""
FIELD = f"{MAGICS}.opened['larger'].fields['photo']"


_SIZE = "async image => { await image.decode(); return [image.naturalWidth, image.naturalHeight] }"


def picture(width: int = 120, height: int = 80, colour: str = "teal") -> bytes:
    image = Image.new("RGB", (width, height), colour)
    ImageDraw.Draw(image).ellipse((width // 4, height // 4, width * 3 // 4, height * 3 // 4), fill="gold")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def form(lab: Lab) -> Cell:
    (lab.server.notebooks / "there.png").write_bytes(picture(64, 48, "purple"))
    cell = lab.run(CELL)
    cell.where.locator(".mc-picker-zone").wait_for()
    return cell


@pytest.fixture(autouse=True)
def cleared(form: Cell, lab: Lab) -> Iterator[None]:
    yield
    if form.where.locator(".mc-picker-clear").is_visible():
        form.where.locator(".mc-picker-clear").click()
    form.where.get_by_placeholder("or its path or address").fill("")
    form.where.get_by_placeholder("or its path or address").press("Enter")
    lab.until(f"{FIELD}.value", None)


def transfer(lab: Lab, data: bytes, name: str, kind: str = "image/png") -> JSHandle:
    """What a drag or the clipboard carries, in the page."""
    return lab.page.evaluate_handle(
        """([text, name, type]) => {
          const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
          const carried = new DataTransfer();
          carried.items.add(new File([bytes], name, {type}));
          return carried;
        }""",
        [base64.b64encode(data).decode(), name, kind],
    )


def test_an_empty_field_says_what_to_do(lab: Lab, form: Cell) -> None:
    form.shows("choose, drop or paste an image")
    assert not form.where.locator(".mc-picker-picture").is_visible()
    lab.screenshot("picker-empty", form)
    form.press("Run")
    form.shows("larger needs photo")


def test_a_chosen_file_is_seen_small_and_run(lab: Lab, form: Cell) -> None:
    form.where.locator(".mc-picker input[type=file]").set_input_files(
        {"name": "ball.png", "mimeType": "image/png", "buffer": picture()}
    )
    form.shows("ball.png")
    form.shows("120×80")
    seen = form.where.locator(".mc-picker-picture")
    seen.wait_for()
    assert seen.evaluate(_SIZE) == [120, 80]
    lab.until(f"{FIELD}.value == {picture()!r}", True)
    form.press("Run")
    form.shows("240×160 pixels")
    form.where.locator(".jp-OutputArea-output .jp-OutputArea-output img").first.wait_for()
    lab.screenshot("picker-run", form)


def test_a_dropped_file_is_taken_however_many_parts_it_comes_in(lab: Lab, form: Cell) -> None:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1300, 3), np.uint8)
    Image.fromarray(noise).save(buffer, "PNG", compress_level=1)
    assert len(buffer.getvalue()) > 3_000_000
    zone = form.where.locator(".mc-picker-zone")
    carried = transfer(lab, buffer.getvalue(), "noise.png")
    zone.dispatch_event("dragover", {"dataTransfer": carried})
    zone.dispatch_event("drop", {"dataTransfer": carried})
    form.shows("noise.png")
    form.shows("1300×1000")
    lab.until(f"len({FIELD}.value)", len(buffer.getvalue()))
    assert lab.ask(f"len({FIELD}.picker.thumbnail)") < 40_000
    lab.screenshot("picker-dropped", form)


def test_what_is_on_the_clipboard_is_pasted_with_the_keyboard(lab: Lab, form: Cell) -> None:
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.page.evaluate(
        """async text => {
          const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
          await navigator.clipboard.write([new ClipboardItem({'image/png': new Blob([bytes], {type: 'image/png'})})]);
        }""",
        base64.b64encode(picture(90, 60)).decode(),
    )
    cells = len(list(lab.cells()))
    form.where.locator(".mc-picker-zone").focus()
    lab.page.keyboard.press("Control+v")
    form.shows("90×60")
    lab.page.keyboard.press("x")  # which cuts a cell, elsewhere in a notebook
    assert len(list(lab.cells())) == cells


def test_a_pasted_file_is_taken(lab: Lab, form: Cell) -> None:
    form.where.locator(".mc-picker-zone").evaluate(
        "(zone, carried) => zone.dispatchEvent(new ClipboardEvent('paste', {clipboardData: carried, bubbles: true, cancelable: true}))",
        transfer(lab, picture(70, 50), "shot.png"),
    )
    form.shows("shot.png")
    form.shows("70×50")


def test_a_file_that_is_no_image_says_so_and_is_not_kept(lab: Lab, form: Cell) -> None:
    zone = form.where.locator(".mc-picker-zone")
    zone.dispatch_event("drop", {"dataTransfer": transfer(lab, b"%PDF-1.7\n", "paper.pdf", "application/pdf")})
    form.shows("paper.pdf: these 9 bytes are no image of a known format: they look like a PDF")
    lab.screenshot("picker-wrong", form)
    assert lab.ask(f"{FIELD}.value") is None
    lab.ask("None", after=f"{FIELD}.picker.max_bytes = 1000")
    zone.dispatch_event("drop", {"dataTransfer": transfer(lab, bytes(2000), "large.png")})
    form.shows("large.png: 0.0 MB, and at most 0 MB are taken here")
    lab.ask("None", after=f"{FIELD}.picker.max_bytes = 64 * 1024 * 1024")


def test_a_typed_path_is_seen_too(lab: Lab, form: Cell) -> None:
    where = form.where.get_by_placeholder("or its path or address")
    where.fill("there.png")
    where.press("Enter")
    form.shows("64×48")
    lab.until(f"str({FIELD}.value)", "there.png")
    where.fill("nowhere.png")
    where.press("Enter")
    form.shows("cannot read the file 'nowhere.png'")


def test_the_form_in_the_dark(lab: Lab, form: Cell) -> None:
    form.where.locator(".mc-picker input[type=file]").set_input_files(
        {"name": "ball.png", "mimeType": "image/png", "buffer": picture()}
    )
    form.shows("ball.png")
    theme = "async name => { await window.jupyterapp.commands.execute('apputils:change-theme', {theme: name}) }"
    lab.page.evaluate(theme, "JupyterLab Dark")
    lab.page.wait_for_function("() => document.body.dataset.jpThemeLight === 'false'")
    lab.page.locator("#jupyterlab-splash").wait_for(state="detached")  # it covers the page while the theme changes
    lab.screenshot("picker-dark", form)
    lab.page.evaluate(theme, "JupyterLab Light")
    lab.page.wait_for_function("() => document.body.dataset.jpThemeLight === 'true'")


def test_a_panel_has_the_same_field(lab: Lab, form: Cell) -> None:
    panel = lab.run("larger.panel()")
    panel.where.locator(".mc-picker input[type=file]").set_input_files(
        {"name": "ball.png", "mimeType": "image/png", "buffer": picture()}
    )
    panel.shows("120×80")
    panel.press("Run")
    panel.where.locator(".jp-OutputArea-output .jp-OutputArea-output img").last.wait_for()
    lab.screenshot("picker-panel", panel)


def test_a_saved_notebook_holds_no_more_than_the_thumbnail(lab: Lab, form: Cell) -> None:
    zone = form.where.locator(".mc-picker-zone")
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (700, 900, 3), np.uint8)).save(buffer, "PNG")
    zone.dispatch_event("drop", {"dataTransfer": transfer(lab, buffer.getvalue(), "noise.png")})
    form.shows("900×700")
    size = lab.ask(
        "sum(len(repr(one.get_state())) for one in widgets)",
        after="from ipywidgets.widgets.widget import _instances; widgets = list(_instances.values())",
    )
    assert len(buffer.getvalue()) > 1_000_000
    assert size < 400_000
