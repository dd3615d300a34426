"""How faces look: the picture with a numbered box around each, above a table of what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from mc_jupyter.notebook.html import FONT, MUTED, ROWS, Bundle, Table, muted, number
from mc_jupyter.notebook.pictures import here
from mc_jupyter.notebook.png import data_uri, smaller
from mc_jupyter.notebook.showing import Showing
from mc_jupyter.values import Faces
from mc_jupyter.values.faces import count

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

SIDE = 640  # pixels of the longest side, as shown
_SMALL = 200  # the same, of each picture in a row of several
# Readable on photographs, and told apart by people who see fewer colours (Okabe and Ito's palette).
_COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#d55e00", "#cc79a7", "#0072b2")


def bundle(value: Faces, showing: Showing | None = None) -> Bundle:
    """One picture's faces as HTML and as text. The picture is one PNG inside the HTML."""
    table = _table(value)
    side = min(SIDE, (showing or here()).max_px or SIDE)
    drawn = _tag(value, boxed(value, side), side)
    return {"text/plain": table.plain(), "text/html": f"<div>{drawn}</div>{table.html()}"}


def row(values: Sequence[Any]) -> Bundle:
    """Several pictures beside each other, each with its boxes, and what was found in each in a line."""
    figures = "".join(_figure(i, value) for i, value in enumerate(values[:ROWS]))
    lines = [f"{i}  {_line(value)}" for i, value in enumerate(values[:ROWS])]
    more = f"… {len(values) - ROWS:,} more" if len(values) > ROWS else ""
    html = f'<div style="{FONT};display:flex;flex-wrap:wrap;gap:12px">{figures}</div>{muted(more) if more else ""}'
    return {"text/plain": "\n".join([*lines, *filter(None, [more])]), "text/html": html}


# --- drawing ----------------------------------------------------------------------------------------------------------


def boxed(value: Faces, side: int = SIDE) -> Image | None:
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


def _tag(value: Faces, picture: Image | None, side: int) -> str:
    if picture is None:
        return ""
    words = escape(f"{count(value)} in a picture of {value.get('width')}×{value.get('height')} pixels", quote=True)
    return (
        f'<img alt="{words}" style="max-width:min(100%,{side}px);border-radius:4px;margin-bottom:8px" '
        f'src="{data_uri(picture)}">'
    )


def _figure(i: int, value: Any) -> str:
    drawn = _tag(value, boxed(value, _SMALL), _SMALL) if isinstance(value, Faces) else ""
    return (
        f'<div style="max-width:{_SMALL}px">{drawn}<div style="font-size:12px;{MUTED}">'
        f"{i} · {escape(_line(value))}</div></div>"
    )


# --- telling ----------------------------------------------------------------------------------------------------------


def _line(value: Any) -> str:
    if not isinstance(value, Faces):
        return "nothing"
    scores = ", ".join(f"{face['score']:.2f}" for face in value.faces[:3] if face.get("score") is not None)
    more = ", …" if len(value) > 3 else ""
    return count(value) + (f" ({scores}{more})" if scores else "")


def _table(value: Faces) -> Table:
    rows = [_row(i, face) for i, face in enumerate(value.faces[:ROWS])]
    columns = [name for name in _COLUMNS if name == "" or any(name in row for row in rows)]
    cells = tuple(tuple(row.get(name, "") for name in columns) for row in rows)
    title = f"{count(value)} in {value.get('width')}×{value.get('height')} pixels"
    more = f"… {len(value) - ROWS:,} more" if len(value) > ROWS else ""
    return Table(tuple(columns), cells, title, more)


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
