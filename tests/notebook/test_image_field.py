"""A form's field for an image: what is chosen, typed or given, seen small; and what the page's side may send."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from ipywidgets.widgets.widget import _instances
from PIL import Image

from mc_jupyter.notebook.image_field import SIDE, ImageField, Upload, thumbnail
from mc_jupyter.trust.permissions import Permissions

CELL = """%%compose larger
component:
  type: model
  task: image-upscale
  driver: echo
  image: ${input.photo as image}
  scale: ${input.times as number}
"""


def png(width: int = 300, height: int = 200) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(params=["anywidget", "core"])
def field(request: pytest.FixtureRequest) -> Iterator[ImageField]:
    before = set(_instances)
    made = ImageField("photo", "a picture", core=request.param == "core")
    yield made
    made.close()
    left = [type(_instances[key]).__name__ for key in set(_instances) - before]
    assert set(left) <= {"Layout", "TextStyle", "HTMLStyle", "ButtonStyle", "DescriptionStyle"}


def choose(field: ImageField, data: bytes, name: str = "cat.png", parts: int = 1) -> None:
    """What the page does when a file is chosen."""
    if isinstance(field.picker, Upload):
        file = {"name": name, "type": "", "size": len(data), "content": memoryview(data)}
        field.picker.button.value = ({**file, "last_modified": datetime.now(UTC)},)
        return
    step = -(-len(data) // parts) or 1
    for part in range(parts):
        message = {"kind": "part", "id": name, "part": part, "parts": parts, "name": name}
        field.picker._handle_custom_msg(message, [memoryview(data[part * step : (part + 1) * step])])


def seen(field: ImageField) -> tuple[bytes, str]:
    """The thumbnail, and what is said."""
    picker = field.picker
    if isinstance(picker, Upload):
        return picker.picture.value, picker.words.value
    return picker.thumbnail, f"{picker.name} {picker.facts} {picker.note}"


def test_an_empty_field_gives_nothing(field: ImageField) -> None:
    assert field.value is None
    assert seen(field)[0] == b""


def test_a_chosen_file_is_given_as_it_is_and_seen_small(field: ImageField) -> None:
    choose(field, png())
    assert field.value == png()
    small, words = seen(field)
    assert Image.open(io.BytesIO(small)).size == (160, 107)
    assert "cat.png 300×200" in words


def test_the_file_itself_is_in_no_trait(field: ImageField) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 500, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    choose(field, buffer.getvalue())
    assert len(field.value) > 500_000
    widgets = [field, field.picker, field.where, *getattr(field.picker, "children", ())]
    widgets += [field.picker.button] if isinstance(field.picker, Upload) else []
    assert sum(len(repr(one.get_state())) for one in widgets) < 150_000


def test_what_is_no_image_says_so_and_is_not_kept(field: ImageField) -> None:
    choose(field, png())
    choose(field, b"%PDF-1.7", "paper.pdf")
    assert field.value is None
    small, words = seen(field)
    assert small == b""
    assert "paper.pdf: these 8 bytes" in words
    assert "a PDF" in words


def test_what_is_typed_is_the_users_own_word(
    field: ImageField, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    (tmp_path / "beside.png").write_bytes(png())
    choose(field, png(10, 10))
    field.where.value = "../beside.png"
    assert field.value == Path("../beside.png")
    assert "beside.png 300×200" in seen(field)[1]
    field.where.value = "../nothing.png"
    assert "cannot read the file &#x27;../nothing.png&#x27;" in seen(field)[1].replace("'", "&#x27;")
    field.where.value = "https://pictures.example/a.png"
    assert field.value == "https://pictures.example/a.png"  # whether it is fetched, the call says
    assert seen(field)[1].strip() == ""


def test_choosing_a_file_takes_back_what_was_typed_and_the_other_way_round(field: ImageField) -> None:
    field.where.value = "https://pictures.example/a.png"
    choose(field, png())
    assert field.where.value == ""
    assert field.value == png()
    field.where.value = "https://pictures.example/a.png"
    field.where.value = ""
    assert field.value is None


@pytest.mark.parametrize("value", [png(), Image.new("RGB", (300, 200)), np.zeros((200, 300, 3), np.uint8)])
def test_a_form_begins_at_what_was_given(value: Any) -> None:
    field = ImageField("photo", "", value)
    assert field.value is value
    assert "300×200" in field.picker.facts
    field.close()


def test_a_cells_default_stays_the_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text of the document does not become the user's word by standing in a form."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    (tmp_path / "beside.png").write_bytes(png())
    field = ImageField("photo", "", "../beside.png")
    assert field.value == "../beside.png"
    assert "outside the working folder" in field.picker.note
    field.close()


def test_the_most_pixels_are_the_sessions() -> None:
    field = ImageField("photo", "", png(), Permissions(max_pixels=100))
    assert field.value is None
    assert "300×200 is over the limit of 100 pixels" in field.picker.note
    field.close()


class TestParts:
    @pytest.fixture
    def field(self) -> Iterator[ImageField]:
        made = ImageField("photo", "")
        yield made
        made.close()

    def test_a_file_comes_in_parts(self, field: ImageField) -> None:
        choose(field, png(), parts=5)
        assert field.value == png()

    def test_another_file_ends_the_one_on_its_way(self, field: ImageField) -> None:
        first = {"kind": "part", "id": "a", "part": 0, "parts": 2, "name": "a"}
        field.picker._handle_custom_msg(first, [memoryview(b"half")])
        choose(field, png(), "b.png")
        field.picker._handle_custom_msg({**first, "part": 1}, [memoryview(b"late")])
        assert field.value == png()

    def test_no_more_is_taken_than_may_be(self, field: ImageField) -> None:
        field.picker.max_bytes = 2 * 1024 * 1024
        for part in range(3):
            message = {"kind": "part", "id": "a", "part": part, "parts": 3, "name": "a"}
            field.picker._handle_custom_msg(message, [memoryview(bytes(1024 * 1024))])
        assert field.value is None
        assert field.picker.note == "larger than 2 MB: give its path instead"
        assert field.picker._parts == []

    def test_it_is_cleared_from_the_page(self, field: ImageField) -> None:
        choose(field, png())
        field.picker._handle_custom_msg({"kind": "clear"}, [])
        assert field.value is None
        assert field.picker.name == ""


def test_a_thumbnail_is_upright_and_small() -> None:
    photo = Image.new("RGB", (4000, 3000), "red")
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.info["exif"] = exif.tobytes()
    data = thumbnail(photo)
    assert Image.open(io.BytesIO(data)).size == (SIDE * 3 // 4, SIDE)
    assert len(data) < 20_000
    for mode in ("1", "L", "P", "LA", "RGBA", "CMYK", "I;16", "F"):
        assert Image.open(io.BytesIO(thumbnail(Image.new(mode, (700, 1400))))).size == (80, 160)


def test_a_form_with_an_image_runs_and_is_closed_whole(shell: InteractiveShell) -> None:
    shell.run_cell("%config ComposeMagics.forms = 'always'")
    assert shell.run_cell(CELL).success
    form = shell.magics_manager.registry["ComposeMagics"].notebook.opened["larger"]
    choose(form.fields["photo"], png())
    form.fields["times"].value = "2"
    form.button.click()
    form.wait()
    (output, *_) = form.answer.outputs
    assert output["output_type"] == "display_data", output
    assert "600×400" in str(output["data"]) + str(output["metadata"])
    picker = form.fields["photo"].picker
    form.close()
    assert picker.comm is None


def test_the_configuration_says_what_inputs_may_touch(shell: InteractiveShell, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(png())
    assert shell.run_cell(CELL.replace("${input.times as number}", "2")).success
    call = f"larger('{tmp_path / 'cat.png'}')"
    assert "outside the working folder" in str(shell.run_cell(call).error_in_exec)
    shell.run_cell("%config ComposeMagics.allow_paths = True")
    assert shell.run_cell(call).result.size == (600, 400)
    shell.run_cell("%config ComposeMagics.max_pixels = 59_999")
    assert "over the limit of 59,999 pixels" in str(shell.run_cell(call).error_in_exec)
    shell.run_cell("%config ComposeMagics.allow_urls = True")
    assert "no public address" in str(shell.run_cell("larger('http://localhost:9999/a.png')").error_in_exec)


def test_a_path_on_a_line_is_one_that_a_text_may_name(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cat.png").write_bytes(png())
    assert shell.run_cell(CELL.replace("${input.times as number}", "2")).success
    assert shell.run_line_magic("compose", f"run larger photo={tmp_path / 'cat.png'}").size == (600, 400)
    found = shell.run_cell(CELL.replace("larger", f"again -i photo={tmp_path / 'cat.png'} -i times=2 -o out", 1))
    assert found.success
    assert shell.user_ns["out"].size == (600, 400)
    found = shell.run_cell("%compose run larger photo=https://pictures.example/a.png").error_in_exec
    assert "allow_urls: true" in str(found)


def test_only_a_field_for_an_image_imports_what_it_needs() -> None:
    code = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "mc_jupyter")
first = [m for m in ("ipywidgets", "anywidget", "PIL", "httpx", "httpcore") if m in sys.modules]
from mc_jupyter.language.inputs import Input
from mc_jupyter.notebook.input_fields import field_for
field_for(Input("a", "text"), None)
second = [m for m in ("anywidget", "PIL") if m in sys.modules]
field_for(Input("a", "image"), None)
third = [m for m in ("anywidget", "httpx", "torch") if m in sys.modules]
print(first, second, third)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[] [] ['anywidget']", done.stderr


def test_every_class_of_the_core_picker_is_of_ipywidgets() -> None:
    field = ImageField("photo", "", core=True)
    for one in (field, field.picker, field.picker.button, field.picker.picture, field.where, field.label):
        assert one._model_module.startswith("@jupyter-widgets/")
    assert isinstance(field.picker.button, ipywidgets.FileUpload)
    field.close()
