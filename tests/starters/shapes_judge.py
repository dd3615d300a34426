"""Says what a picture of plain shapes shows, by measuring: no model is asked, so none can be wrong along with ours.

The background is the colour most common at the borders, the shapes are what is far from it, each connected patch is one
shape, and which shape it is follows from its area, its box and its outline.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from mc_jupyter.starters.shapes.corpus import COLOURS, Scene

Array = np.ndarray[Any, Any]
#: patches of fewer pixels are specks: the smallest star of the corpus has about 60
_SPECK = 12
#: of each shape: its share of its box, how far down its weight lies, and how wide each fifth of its height is
_KNOWN = {
    "circle": (0.78, 0.50, 0.55, 0.90, 0.99, 0.90, 0.55),
    "square": (1.00, 0.50, 0.97, 1.00, 1.00, 1.00, 0.97),
    "triangle": (0.52, 0.66, 0.12, 0.32, 0.53, 0.73, 0.90),
    "star": (0.42, 0.56, 0.10, 0.36, 0.78, 0.51, 0.32),
    "heart": (0.63, 0.40, 0.68, 0.99, 0.84, 0.50, 0.14),
}


@dataclass(frozen=True)
class Seen:
    """What was measured; `shapes` and `colours` name each patch, the largest first."""

    background: str
    colours: tuple[str, ...]
    shapes: tuple[str, ...]

    def right(self, wanted: Scene) -> bool:
        """Whether this is the scene: the background, and one shape of the right kind and colour."""
        return (
            self.background == wanted.background
            and set(self.colours) == {wanted.colour}
            and set(self.shapes) == {wanted.shape}
            and len(self.shapes) == 1
        )


def look(image: Image.Image) -> Seen:
    """Measure a picture."""
    pixels = np.asarray(image.convert("RGB")).astype(float)
    border = np.concatenate([pixels[:2].reshape(-1, 3), pixels[-2:].reshape(-1, 3)])
    ground = _usual(border)
    far = np.linalg.norm(pixels - ground, axis=2)
    parts = sorted((p for p in _patches(far > 40) if p.sum() >= _SPECK), key=lambda p: -int(p.sum()))
    colours, shapes = [], []
    for part in parts:
        inner = _usual(pixels[part])
        colours.append(_name(inner))
        # the share of each pixel that the shape covers, from where its colour lies between ground and shape
        along = (pixels - ground) @ (inner - ground) / max(1.0, float((inner - ground) @ (inner - ground)))
        shapes.append(_shape(np.clip(along, 0, 1) * _grown(part)))
    return Seen(_name(ground), tuple(colours), tuple(shapes))


def _usual(colours: Array) -> Array:
    """The most common colour: the mean of the fullest bin of 32 levels a channel, and of what is near it."""
    bins = (colours // 32).astype(int) @ np.array([64, 8, 1])
    centre = colours[bins == np.bincount(bins).argmax()].mean(0)
    near: Array = colours[np.linalg.norm(colours - centre, axis=1) < 30].mean(0)
    return near


def _name(colour: Array) -> str:
    return min(COLOURS, key=lambda name: math.dist(COLOURS[name], colour))


def _patches(mask: Array) -> Iterable[Array]:
    """The connected parts of a mask, each as a mask."""
    left = mask.copy()
    while left.any():
        part = np.zeros_like(left)
        part[tuple(np.argwhere(left)[0])] = True
        while (grown := _grown(part) & left).sum() > part.sum():
            part = grown
        left &= ~part
        yield part


def _grown(mask: Array) -> Array:
    """A mask and the pixels beside it, corners too."""
    high, wide = mask.shape
    padded = np.pad(mask, 1)
    found: Array = np.any([padded[y : y + high, x : x + wide] for y in range(3) for x in range(3)], axis=0)
    return found


def _shape(cover: Array) -> str:
    """Which shape covers these shares of the pixels; "unclear" if it is like none."""
    found = _measures(cover)
    off = {name: max(abs(one - two) for one, two in zip(found, known, strict=True)) for name, known in _KNOWN.items()}
    nearest = min(off, key=lambda name: off[name])
    return nearest if off[nearest] < 0.2 and 0.7 < _box(cover)[1] / _box(cover)[0] < 1.4 else "unclear"


def _measures(cover: Array) -> tuple[float, ...]:
    """What `_KNOWN` lists, of these shares of the pixels."""
    high, wide = _box(cover)
    rows, widest = cover.sum(1), cover.max(1)
    first = int(np.argmax(widest > 0.02))
    top = first + 1 - widest[first]
    weight = ((rows * np.arange(len(rows))).sum() / rows.sum() + 0.5 - top) / high
    edges = np.linspace(top, top + high, 6)
    sums = np.interp(edges, np.arange(len(rows) + 1), np.concatenate([[0.0], rows.cumsum()]))
    return (rows.sum() / (high * wide), weight, *(np.diff(sums) / (wide * high / 5)))


def _box(cover: Array) -> tuple[float, float]:
    """Height and width, to parts of a pixel."""
    return max(1e-6, cover.max(1).sum()), max(1e-6, cover.max(0).sum())
