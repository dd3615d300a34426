"""The field of a form for an image: choose, drop or paste it, or type where it is; and see what was chosen, small."""

from __future__ import annotations

import io
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from mc_jupyter.errors import ComposeError
from mc_jupyter.notebook.letters import Letters
from mc_jupyter.trust import files
from mc_jupyter.trust.permissions import NOTHING, Permissions
from mc_jupyter.values import is_image
from mc_jupyter.values.data_addresses import is_address
from mc_jupyter.values.media import load_image
from mc_jupyter.values.pictures import rgb
from mc_jupyter.words import format_bytes, in_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.Image import Image

SIDE = 160  # pixels of a thumbnail's longest side

_ADDRESSES = ("http://", "https://")
_NOTE = '<span style="color:var(--jp-error-color1,#d32f2f);font-size:12px">{}</span>'


class ImageField(widgets.HBox):  # type: ignore[misc]  # ipywidgets' types are not followed
    """`value` is what a call takes: bytes, a path that the user typed, an address, or what the form was opened with.

    The bytes stay in the kernel; the page, and the notebook that is saved, get a thumbnail.
    """

    def __init__(
        self, name: str, tooltip: str, value: Any = None, permissions: Permissions = NOTHING, *, core: bool = False
    ):
        self.name, self._permissions = name, permissions
        self._chosen: Any = None
        self._given = value if isinstance(value, str) else None
        self._quiet = False
        label = f'<div title="{escape(tooltip)}" style="text-align:right;font-size:13px">{escape(name)}</div>'
        self.label = Letters(label, layout={"margin": "2px 8px 2px 2px"})
        self.picker = self._picker(core)
        self.where = widgets.Text(
            placeholder="or its path or address", continuous_update=False, layout={"width": "auto", "margin": "2px 0"}
        )
        column = widgets.VBox([self.picker, self.where], layout={"flex": "1 1 0", "min_width": "0", "margin": "0"})
        super().__init__([self.label, column], layout={"width": "560px", "overflow": "visible"})
        self.where.observe(self._typed, "value")
        self.name_width("120px")
        self._begin(value)

    def _picker(self, core: bool) -> Any:
        if core or find_spec("anywidget") is None:
            return Upload(self._picked)
        from mc_jupyter.notebook.picker import Picker

        return Picker(self.name, self._picked, layout={"width": "auto", "margin": "2px 0"})

    def name_width(self, width: str) -> None:
        """How wide the column of names is that this field's stands in."""
        self.label.layout.width = self.label.layout.min_width = width

    @property
    def value(self) -> Any:
        """What was chosen or typed last; None when nothing is there."""
        text = self.where.value.strip()
        if not text:
            return self._chosen
        # What somebody types here is their own word, as code is. The cell's default is the cell's.
        return text if text == self._given or is_address(text) or text.startswith(_ADDRESSES) else Path(text)

    def _begin(self, value: Any) -> None:
        """Stand at what a call was given already, or at the cell's default."""
        if isinstance(value, str | Path) and not is_address(str(value)):
            self.where.value = str(value)
        elif value is not None:
            self._chosen = value
            self._look(value, "")

    def _picked(self, data: bytes | None, name: str) -> None:
        self._chosen = data
        self._empty_text()
        self._look(data, name)

    def _typed(self, change: Any) -> None:
        if self._quiet:
            return
        self._chosen = None
        text = str(change["new"]).strip()
        if text.startswith(_ADDRESSES):
            self.picker.show(b"", "", "", "")  # it is fetched when the form is run, if that is allowed
        else:
            self._look(self.value if text else None, text)

    def _empty_text(self) -> None:
        self._quiet, self.where.value = True, ""
        self._quiet = False

    def _look(self, value: Any, name: str) -> None:
        """Show what there is: its thumbnail, name, size; or why it is no image, and then it is not kept."""
        if value is None:
            self.picker.show(b"", "", "", "")
            return
        try:
            image = load_image(value, None, self._permissions)
            size = _size_of(value)
            facts = f"{image.width}×{image.height}" + (f" · {format_bytes(size)}" if size else "")
            self.picker.show(thumbnail(image), Path(name).name or "image", facts, "")
        except ComposeError as error:
            self._chosen = None
            told = f"{Path(name).name}: " if name and not self.where.value else ""
            self.picker.show(b"", "", "", in_order(told + error.problems[0].message))

    def close(self) -> None:
        """Free all that it is made of."""
        for part in (self.label, self.picker, self.where, *self.children):
            part.close()
        super().close()


class Upload(widgets.VBox):  # type: ignore[misc]  # ipywidgets' types are not followed
    """The picker of core widgets: a file button, and what was chosen beside it."""

    def __init__(self, chosen: Callable[[bytes | None, str], None]):
        self._chosen = chosen
        self.button = widgets.FileUpload(accept="image/*", multiple=False, description="Choose")
        self.picture = widgets.Image(format="jpeg", layout={"display": "none"})
        self.words = Letters()
        row = widgets.HBox([self.button, self.picture, self.words], layout={"align_items": "center"})
        super().__init__([row])
        self.button.observe(self._uploaded, "value")

    def _uploaded(self, change: Any) -> None:
        if change["new"]:
            self._chosen(bytes(change["new"][0]["content"]), str(change["new"][0]["name"]))
            self.button.value = ()  # a trait is saved with the notebook, and this one would hold the whole file

    def show(self, thumbnail: bytes, name: str, facts: str, note: str) -> None:
        """What there is to see of a file, or of why it is none."""
        self.picture.value = thumbnail
        self.picture.layout.display = None if thumbnail else "none"
        self.words.value = _NOTE.format(escape(note)) if note else escape(f"{name} {facts}".strip())

    def close(self) -> None:
        for part in (self.button, self.picture, self.words, *self.children):
            part.close()
        super().close()


def thumbnail(image: Image) -> bytes:
    """The image upright, at most 160 pixels long, as a JPEG of a few kilobytes."""
    small = rgb(_reduced(image))
    small.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _reduced(image: Image) -> Image:
    """A large one made small quickly first: whole blocks of pixels to one. Which way is up stays known."""
    factor = min(image.size) // (4 * SIDE)
    if factor < 2 or image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK") or "transparency" in image.info:
        return image
    reduced = image.reduce(factor)
    reduced.info = dict(image.info)
    return reduced


def _size_of(value: Any) -> int:
    """Bytes of the file; 0 of what is none."""
    if isinstance(value, Path | str) and not is_address(str(value)):
        path = Path(value).expanduser()
        return path.stat().st_size if path.is_file() else 0
    if files.is_upload(value):
        return len(value["content"])
    return len(value) if isinstance(value, bytes | bytearray) and not is_image(value) else 0
