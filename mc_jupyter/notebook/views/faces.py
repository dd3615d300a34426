"""How faces look: the picture with a numbered box around each, above a table of what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from mc_jupyter.notebook.html import FONT, MUTED, ROWS, Table, muted, number
from mc_jupyter.notebook.png import data_uri, smaller
from mc_jupyter.notebook.views import View, leaves
from mc_jupyter.notebook.views._brief import more
from mc_jupyter.values.faces import count

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

    from mc_jupyter.values import faces as values

SIDE = 640  # pixels of the longest side, as shown
_SMALL = 200  # the same, of each picture in a row of several
# Readable on photographs, and told apart by people who see fewer colours (Okabe and Ito's palette).
_COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#d55e00", "#cc79a7", "#0072b2")


class Faces(View):
    """The faces of a picture; of several pictures each with its boxes, and what was found in it in a line."""

    types = ("mc_jupyter.values.faces.Faces",)
    together = True

    def plain(self) -> str:
        if not self.listed:
            return _table(self.value).plain()
        found = list(leaves(self.value))
        lines = [f"{i}  {_line(value)}" for i, value in enumerate(found[:ROWS])]
        return "\n".join([*lines, *filter(None, [more(len(found))])])

    def html(self) -> str:
        """The picture is one PNG inside the HTML."""
        if self.listed:
            return self._figures()
        side = min(SIDE, self.showing.max_px or SIDE)
        return f"<div>{_tag(self.value, boxed(self.value, side), side)}</div>{_table(self.value).html()}"

    def _figures(self) -> str:
        found = list(leaves(self.value))
        figures = "".join(_figure(i, value) for i, value in enumerate(found[:ROWS]))
        below = muted(more(len(found))) if len(found) > ROWS else ""
        return f'<div style="{FONT};display:flex;flex-wrap:wrap;gap:12px">{figures}</div>{below}'


# --- drawing ----------------------------------------------------------------------------------------------------------


def boxed(value: values.Faces, side: int = SIDE) -> Image | None:
    """The picture, its longest side at most `side` pixels, with the boxes, numbers and landmarks of its faces.

    None where the faces came without their picture.
    """
    if value.image is None:
        return None
    from PIL import ImageDraw

    picture = smaller(value.image, side).convert("RGB")
    if picture is value.image:
        picture = picture.copy()
    scale = picture.width / (value.get("width") or picture.width)
    pen = ImageDraw.Draw(picture)
    for i, face in reversed(list(enumerate(value.faces))):  # the first, and largest, on top
        _draw(pen, picture.size, i, face, scale)
    return picture


def _draw(pen: ImageDraw, size: tuple[int, int], i: int, face: dict[str, Any], scale: float) -> None:
    colour = _COLOURS[i % len(_COLOURS)]
    wide = max(2, round(max(size) / 200))
    box = _inside([x * scale for x in face["bounding_box"]], size)
    pen.rectangle([box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1], outline="black", width=wide + 2)
    pen.rectangle(box, outline=colour, width=wide)
    for x, y in face.get("landmarks") or ():
        dot = [x * scale - wide, y * scale - wide, x * scale + wide, y * scale + wide]
        pen.ellipse(dot, fill=colour, outline="black")
    _number(pen, size, str(i), box, colour)


def _inside(box: Sequence[float], size: tuple[int, int]) -> list[float]:
    """The box as far as it lies in the picture, never thinner than nothing: PIL draws no box from right to left."""
    left, right = (min(max(x, 0.0), size[0] - 1.0) for x in (box[0], box[2]))
    top, bottom = (min(max(y, 0.0), size[1] - 1.0) for y in (box[1], box[3]))
    return [left, top, max(left, right), max(top, bottom)]


def _number(pen: ImageDraw, size: tuple[int, int], text: str, box: Sequence[float], colour: str) -> None:
    """The face's number on a tab of its box's colour, above the box; below it, or in it, where there is no room."""
    from PIL import ImageFont

    font = ImageFont.load_default(max(12, round(max(size) / 32)))
    _, _, width, height = pen.textbbox((0, 0), text, font=font)
    width, height = width + 8, height + 6
    left = min(box[0], max(0.0, size[0] - width - 1))
    places = (box[1] - height, box[3], box[1])
    top = next((y for y in places if 0 <= y <= size[1] - height - 1), box[1])
    pen.rectangle([left, top, left + width, top + height], fill=colour, outline="black")
    pen.text((left + 4, top + 2), text, fill="black", font=font)


def _tag(value: values.Faces, picture: Image | None, side: int) -> str:
    if picture is None:
        return ""
    words = escape(f"{count(value)} in a picture of {value.get('width')}×{value.get('height')} pixels", quote=True)
    return (
        f'<img alt="{words}" style="max-width:min(100%,{side}px);border-radius:4px;margin-bottom:8px" '
        f'src="{data_uri(picture)}">'
    )


def _figure(i: int, value: Any) -> str:
    drawn = _tag(value, boxed(value, _SMALL), _SMALL) if value is not None else ""
    return (
        f'<div style="max-width:{_SMALL}px">{drawn}<div style="font-size:12px;{MUTED}">'
        f"{i} · {escape(_line(value))}</div></div>"
    )


# --- telling ----------------------------------------------------------------------------------------------------------


def _line(value: Any) -> str:
    if value is None:
        return "nothing"
    scores = ", ".join(f"{face['score']:.2f}" for face in value.faces[:3] if face.get("score") is not None)
    rest = ", …" if len(value) > 3 else ""
    return count(value) + (f" ({scores}{rest})" if scores else "")


def _table(value: values.Faces) -> Table:
    rows = [_row(i, face) for i, face in enumerate(value.faces[:ROWS])]
    columns = [name for name in _COLUMNS if name == "" or any(name in row for row in rows)]
    cells = tuple(tuple(row.get(name, "") for name in columns) for row in rows)
    title = f"{count(value)} in {value.get('width')}×{value.get('height')} pixels"
    return Table(tuple(columns), cells, title, more(len(value)))


_COLUMNS = ("", "score", "box", "gender", "age", "embedding")


def _row(i: int, face: dict[str, Any]) -> dict[str, str]:
    row = {"": str(i)}
    if face.get("score") is not None:
        row["score"] = number(float(face["score"]))
    if face.get("bounding_box"):
        row["box"] = ", ".join(f"{x:.0f}" for x in face["bounding_box"])
    row.update({name: str(face[name]) for name in ("gender", "age") if face.get(name) is not None})
    if face.get("embedding") is not None:
        row["embedding"] = f"{len(face['embedding']):,} numbers"
    return row
