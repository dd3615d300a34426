"""Before and after: a picture beside the one it was made from, still for every reader, and a slider over both.

The still one is a single PNG: both as a whole, and below, where the page shows less than there is, a detail pixel for
pixel. The slider is made of core widgets; it keeps small copies only, so that it holds no result in memory.
"""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mc_jupyter.notebook.html import Bundle, muted, widget_bundle
from mc_jupyter.notebook.html import bundle as both
from mc_jupyter.notebook.png import png, smaller
from mc_jupyter.notebook.showing import Opened, Showing
from mc_jupyter.notebook.views import _pictures
from mc_jupyter.values.pictures import origin
from mc_jupyter.words import visible

if TYPE_CHECKING:
    from PIL.Image import Image

_WIDE = 640  # pixels of a slider's picture, at most
_GAP = 8  # pixels between two halves
_OPEN = 8  # sliders that stay alive at a time; the oldest is closed for a new one
_LINE = (76, 141, 255)
_numbers = itertools.count()


def has_before(value: Any) -> bool:
    """Whether this is a picture that knows which one it was made from."""
    from mc_jupyter.values import is_image

    return is_image(value) and origin(value).before is not None


def pair(after: Image, width: int, *, detail: bool = False) -> tuple[Image, Image]:
    """Before and after at one size, at most `width` pixels on a side.

    As a whole, made smaller; or in detail: the middle, pixel for pixel of the result. Before is enlarged as a viewer
    enlarges (bicubic).
    """
    from PIL.Image import Resampling

    from mc_jupyter.values.pictures import rgb

    made_from = origin(after).before
    assert made_from is not None
    before = rgb(made_from)
    if not detail:
        shown = _plain(smaller(after, width))
        return before.resize(shown.size, Resampling.BICUBIC, reducing_gap=2.0), shown
    left, top = (max(0, (side - width) // 2) for side in after.size)
    box = (left, top, min(after.width, left + width), min(after.height, top + width))
    shown = _plain(after.crop(box))
    x, y = before.width / after.width, before.height / after.height
    same = (box[0] * x, box[1] * y, box[2] * x, box[3] * y)
    return before.resize(shown.size, Resampling.BICUBIC, same), shown


def _plain(image: Image) -> Image:
    if image.mode == "RGB":
        return image
    from mc_jupyter.values.pictures import rgb

    return rgb(image)


# --- still ------------------------------------------------------------------------------------------------------------


def twin(after: Image, showing: Showing) -> Image:
    """Before and after side by side in one picture, as wide as the cell stores pictures at most."""
    width = _half(after, showing)
    pairs = [pair(after, width)]
    if max(after.size) > width:
        pairs.append(pair(after, width, detail=True))
    return _stacked([_beside(*one, detail=bool(row)) for row, one in enumerate(pairs)])


def _beside(before: Image, after: Image, *, detail: bool) -> Image:
    from PIL import Image as images

    made = images.new("RGB", (2 * after.width + _GAP, after.height), (128, 128, 128))
    made.paste(_labelled(before, "before"), (0, 0))
    made.paste(_labelled(after, "after, pixel for pixel" if detail else "after"), (after.width + _GAP, 0))
    return made


def _stacked(rows: list[Image]) -> Image:
    from PIL import Image as images

    if len(rows) == 1:
        return rows[0]
    size = (max(row.width for row in rows), sum(row.height for row in rows) + _GAP * (len(rows) - 1))
    made, top = images.new("RGB", size, (128, 128, 128)), 0
    for row in rows:
        made.paste(row, ((size[0] - row.width) // 2, top))
        top += row.height + _GAP
    return made


def _labelled(image: Image, word: str) -> Image:
    """The picture with a word in its corner, on dark ground: it reads over any picture. Small pictures stay bare."""
    from PIL import ImageDraw, ImageFont

    font = ImageFont.load_default(12)
    made = image.copy()
    draw = ImageDraw.Draw(made)
    box = draw.textbbox((9, 7), word, font)
    if box[2] + 8 <= made.width and box[3] + 8 <= made.height:
        draw.rectangle((4, 4, box[2] + 5, box[3] + 4), fill=(24, 24, 24))
        draw.text((9, 7), word, fill=(255, 255, 255), font=font)
    return made


def bundle(after: Image, showing: Showing) -> Bundle:
    """The still picture, as one PNG with the facts of the result inside."""
    return {
        "text/plain": visible("\n".join(lines(after, showing))),
        "image/png": png(twin(after, showing), origin(after).facts),
    }


def lines(after: Image, showing: Showing) -> list[str]:
    """What stands under it: the result's figures, what is seen where, and where the whole result is."""
    side = _half(after, showing)
    about = _pictures.lines(after, replace(showing, max_px=side))
    return [f"{about[0]} · left before, enlarged (bicubic), right after", *about[1:]]


def _half(after: Image, showing: Showing) -> int:
    """The longest side of each of the two."""
    return max(16, (showing.max_px - _GAP) // 2) if showing.max_px else max(after.size)


# --- live -------------------------------------------------------------------------------------------------------------


class Slider:
    """A line to move over a picture: on its left before, on its right after."""

    def __init__(self, after: Image):
        import ipywidgets as widgets

        from mc_jupyter.notebook.letters import Letters

        self._pairs = {"whole": pair(after, _WIDE)}
        if max(after.size) > _WIDE:
            self._pairs["detail"] = pair(after, _WIDE, detail=True)
        width = max(240, self._pairs["whole"][1].width)
        self.at = widgets.IntSlider(
            value=50, min=0, max=100, readout=False, tooltip="left of the line before, right of it after",
            layout={"width": f"{width}px", "max_width": "100%", "margin": "0"},
        )  # fmt: skip
        self.part = widgets.ToggleButtons(
            options=list(self._pairs), value="whole", description="", style={"button_width": "88px"}
        )
        self.ends = Letters(
            f'<div style="display:flex;justify-content:space-between;width:{width}px;max-width:100%;opacity:.62;'
            f'font-size:12px"><span>◂ before</span><span>after ▸</span></div>'
        )
        self.picture = widgets.Image(format="png", layout={"max_width": "100%", "object_fit": "contain"})
        choice = [self.part] if len(self._pairs) > 1 else []
        self.box = widgets.VBox(
            [self.ends, self.at, self.picture, *choice],
            layout={"padding": "4px 0", "align_items": "flex-start", "max_width": "100%", "overflow": "hidden"},
        )
        self._drawn: tuple[str, int] | None = None
        self._draw()
        for control in (self.at, self.part):
            control.observe(self._draw, "value")

    def _draw(self, change: Any = None) -> None:
        # The page sends the next place when this one is answered: no more pictures go out than it can show.
        now = (self.part.value, self.at.value)
        if now == self._drawn:
            return
        self._drawn = now
        buffer = io.BytesIO()
        self.composed().save(buffer, "PNG", compress_level=1)
        self.picture.value = buffer.getvalue()

    def composed(self) -> Image:
        """What the picture shows now."""
        before, after = self._pairs[self.part.value]
        x = round(after.width * self.at.value / 100)
        made = after.copy()
        made.paste(before.crop((0, 0, x, before.height)), (0, 0))
        if 0 < x < after.width:
            made.paste(_LINE, (max(0, x - 1), 0, min(after.width, x + 1), after.height))
        return made

    def bundle(self) -> Bundle:
        words = "a slider over before and after, while the kernel runs; the still picture is above"
        return {**both(words, muted(words)), **widget_bundle(self.box)}

    def close(self) -> None:
        """Free the widgets, and their looks: ipywidgets keeps each one until then."""
        for widget in (self.ends, self.at, self.part, self.picture, self.box):
            for look in ("layout", "style"):
                if (found := getattr(widget, look, None)) is not None:
                    found.close()
            widget.close()
        self._pairs.clear()


def opened(after: Image, live: Opened) -> Slider:
    """A slider among what is open in a notebook, which closes it; the oldest is closed where many are open."""
    mine = [name for name in live if name.startswith("slider ")]
    for name in mine[: max(0, len(mine) + 1 - _OPEN)]:
        live.shut(name)
    made = Slider(after)
    live.put(f"slider {next(_numbers)}", made)
    return made
