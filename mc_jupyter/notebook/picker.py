"""A place to choose, drop or paste one file: `picker.js` in the page, and the kernel's side of it here.

Core ipywidgets know no drop and no paste. This one needs anywidget, and a front-end that has it: JupyterLab, Notebook,
VS Code, Colab. `image_field` stands a core widget in its place where anywidget is not installed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

MAX_BYTES = 64 * 1024 * 1024

_HERE = Path(__file__).parent


class Picker(anywidget.AnyWidget):  # type: ignore[misc,unused-ignore]  # ipywidgets' types are not followed
    """The file comes in parts, by messages, and is handed on; the page shows what the kernel says of it.

    Only what is shown is synchronised, and so saved with a notebook: names, and a thumbnail of a few kilobytes.
    """

    _esm = (_HERE / "picker.js").read_text(encoding="utf-8")
    _css = (_HERE / "picker.css").read_text(encoding="utf-8")

    label = traitlets.Unicode().tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    facts = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    thumbnail = traitlets.Bytes().tag(sync=True)
    max_bytes = traitlets.Int(MAX_BYTES).tag(sync=True)

    def __init__(self, label: str, chosen: Callable[[bytes | None, str], None], **traits: Any):
        super().__init__(label=label, **traits)
        self._chosen = chosen
        self._coming = ""
        self._parts: list[bytes] = []
        self.on_msg(self._heard)

    def show(self, thumbnail: bytes, name: str, facts: str, note: str) -> None:
        """What there is to see of a file, or of why it is none."""
        with self.hold_sync():
            self.thumbnail, self.name, self.facts, self.note = thumbnail, name, facts, note

    def _heard(self, _: Any, message: dict[str, Any], buffers: list[Any]) -> None:
        if message.get("kind") == "clear":
            self._coming, self._parts = "", []
            self._chosen(None, "")
        elif message.get("kind") == "part" and buffers:
            self._part(message, bytes(buffers[0]))

    def _part(self, message: dict[str, Any], part: bytes) -> None:
        """One more part. Another file's first part ends whatever was on its way."""
        if message["part"] == 0:
            self._coming, self._parts = str(message["id"]), []
        if message["id"] != self._coming or message["part"] != len(self._parts):
            return
        self._parts.append(part)
        if sum(map(len, self._parts)) > self.max_bytes:
            self._coming, self._parts = "", []
            self.note = f"larger than {self.max_bytes // 1024**2} MB: give its path instead"
        elif len(self._parts) == message["parts"]:
            whole, self._coming, self._parts = b"".join(self._parts), "", []
            self._chosen(whole, str(message.get("name") or "pasted"))
