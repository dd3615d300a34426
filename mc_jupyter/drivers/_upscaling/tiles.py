"""A picture cut into tiles that overlap, and laid together again so that no seam shows.

Each tile sees `pad` pixels of its neighbours, which its own result then leaves out; over a quarter of that on both
sides of a cut, one result fades into the other. At the picture's own edges nothing is added: there a tile ends as the
whole picture does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile, in pixels of the input. `seen` is what the model gets, `kept` what of its result is used.

    Over the first `fade_left` columns and `fade_top` rows of what is kept, what lies there already fades out.
    """

    seen: Box
    kept: Box
    fade_left: int
    fade_top: int


@dataclass(frozen=True, slots=True)
class Grid:
    """How a picture is cut: where tiles begin in each direction. Positions are multiples of what the model asks for."""

    size: tuple[int, int]
    columns: tuple[int, ...]
    rows: tuple[int, ...]
    pad: int

    def __len__(self) -> int:
        return len(self.columns) * len(self.rows)

    @property
    def area(self) -> int:
        """Pixels that the largest tile sees."""
        return max((t.seen[2] - t.seen[0]) * (t.seen[3] - t.seen[1]) for t in self)

    @property
    def work(self) -> float:
        """How many times the picture all tiles together see."""
        across, down = (
            sum(min(length, end + self.pad) - max(0, start - self.pad) for start, end in _spans(starts, length))
            for starts, length in zip((self.columns, self.rows), self.size, strict=True)
        )
        return across * down / (self.size[0] * self.size[1])

    def __iter__(self) -> Iterator[Tile]:
        for top, bottom in _spans(self.rows, self.size[1]):
            for left, right in _spans(self.columns, self.size[0]):
                yield self._tile((left, top, right, bottom))

    def _tile(self, core: Box) -> Tile:
        fade = self.pad // 4
        return Tile(
            self._wider(core, self.pad),
            self._wider(core, fade),
            2 * fade if core[0] else 0,
            2 * fade if core[1] else 0,
        )

    def _wider(self, box: Box, by: int) -> Box:
        left, top, right, bottom = box
        width, height = self.size
        return max(0, left - by), max(0, top - by), min(width, right + by), min(height, bottom + by)


def _spans(starts: tuple[int, ...], end: int) -> Iterator[tuple[int, int]]:
    yield from zip(starts, (*starts[1:], end), strict=True)


def whole(size: tuple[int, int]) -> Grid:
    """One tile that is the picture."""
    return Grid(size, (0,), (0,), 0)


def by_side(size: tuple[int, int], side: int, pad: int, multiple: int = 1) -> Grid:
    """Tiles of at most `side` pixels (what they see of their neighbours comes on top), all about equally large."""
    columns, rows = (_starts(length, _parts(length, side), multiple) for length in size)
    return Grid(size, columns, rows, pad)


def by_area(size: tuple[int, int], area: int, pad: int, multiple: int = 1) -> Grid:
    """The cut that makes the model do least, where no tile may see more than `area` pixels.

    Long strips beat squares where the picture is narrow: they have fewer neighbours to look at.
    """
    width, height = size
    if width * height <= area:
        return whole(size)
    found = []
    for across in range(1, _parts(width, max(multiple, 16)) + 1):
        seen = math.ceil(width / across) + 2 * pad * (across > 1) + multiple
        room = area // seen - 2 * pad - multiple
        if room >= max(multiple, 8):
            down = _parts(height, room)
            work = (width + 2 * pad * (across - 1)) * (height + 2 * pad * (down - 1))
            found.append((work, across * down, across, down))
    if not found:
        return by_side(size, max(multiple, 8), pad, multiple)
    _, _, across, down = min(found)
    return Grid(size, _starts(width, across, multiple), _starts(height, down, multiple), pad)


def _parts(length: int, side: int) -> int:
    return math.ceil(length / side)


def _starts(length: int, parts: int, multiple: int) -> tuple[int, ...]:
    step = math.ceil(math.ceil(length / parts) / multiple) * multiple
    return tuple(range(0, length, step))


def lay(canvas: Image, result: Any, tile: Tile, scale: int) -> None:
    """Lay a tile's result (an array of heights × widths × colours, of all the tile saw) onto the canvas."""
    from PIL import Image as pil

    left, top = tile.kept[0] - tile.seen[0], tile.kept[1] - tile.seen[1]
    right, bottom = tile.kept[2] - tile.seen[0], tile.kept[3] - tile.seen[1]
    new = result[top * scale : bottom * scale, left * scale : right * scale]
    at = tile.kept[0] * scale, tile.kept[1] * scale
    _fade(canvas, new, at, min(tile.fade_left * scale, new.shape[1]), min(tile.fade_top * scale, new.shape[0]))
    canvas.paste(pil.fromarray(new), at)


def _fade(canvas: Image, new: Any, at: tuple[int, int], across: int, down: int) -> None:
    """Mix what lies on the canvas into the first columns and rows of what will lie over it."""
    import numpy as np

    height, width = new.shape[:2]
    x = np.ones(width, np.float32)
    x[:across] = _ramp(across)
    if down:
        _mix(canvas, new[:down], at, _ramp(down)[:, None] * x)
    if across:
        below = at[0], at[1] + down
        _mix(canvas, new[down:, :across], below, np.broadcast_to(x[:across], (height - down, across)))


def _ramp(length: int) -> Any:
    import numpy as np

    return (np.arange(length, dtype=np.float32) + 0.5) / max(length, 1)


def _mix(canvas: Image, new: Any, at: tuple[int, int], share: Any) -> None:
    """`new` becomes share × new + (1 - share) × what lies there, in place."""
    import numpy as np

    height, width = new.shape[:2]
    if not (height and width):
        return
    old = np.asarray(canvas.crop((*at, at[0] + width, at[1] + height))).astype(np.float32)
    share = share[..., None] if new.ndim == 3 else share
    new[...] = np.rint(old + (new - old) * share).astype(new.dtype)
