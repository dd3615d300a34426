"""Pictures of coloured shapes, good ones and worn ones, with what to say about each: an endless stream.

Shapes and colours are those of the starter `shapes`, whose pictures this model is to describe; here they stand
anywhere, turned, squeezed and unevenly coloured, so that a caption stays right when a small model drew the picture.
"""

from __future__ import annotations

import io
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor, ImageDraw, ImageFilter

from mc_jupyter.starters.shapes.corpus import COLOURS, COUNTS, SHAPES, SIDE, Scene, outline

Grid = npt.NDArray[np.float32]
FINE = 4  # a shape is drawn this much larger and shrunk, which smooths its edges


def caption(scene: Scene) -> str:
    """What a picture of the scene shows, its size left out.

    >>> caption(Scene("star", "orange", "blue"))
    'an orange star on a blue background'
    >>> caption(Scene("circle", "red", "white", count=2))
    'two red circles on a white background'
    """
    alone = f"{_a(scene.colour)} {scene.shape}"
    subject = alone if scene.count == 1 else f"{COUNTS[scene.count]} {scene.colour} {scene.shape}s"
    return f"{subject} on {_a(scene.background)} background"


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A picture, what it shows, and how much of each of its pixels the shapes cover (from 0 to 1)."""

    scene: Scene
    image: Image.Image
    covered: Grid


class Painter:
    """Draws scenes; the same seed draws the same pictures."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.noise = np.random.default_rng(seed)

    def scene(self) -> Scene:
        colour, background = self.random.sample(tuple(COLOURS), 2)
        count = self.random.choice((1, 1, 1, 1, 2, 3))
        return Scene(self.random.choice(SHAPES), colour, background, count=count)

    def example(self, scene: Scene, worn: float = 0.7) -> Example:
        """A picture of the scene; with the chance `worn` it looks as if a small model drew it or JPEG ate it."""
        covered = self._covered(scene)
        ground, ink = (self._flat(name) for name in (scene.background, scene.colour))
        wears = self.random.random() < worn
        if wears:
            ground, ink = ground + self._unevenness(), ink + self._unevenness()
        share = covered[..., None]
        picture: Grid = ground * (1 - share) + ink * share
        if wears and self.random.random() < 0.6:
            picture = picture + self._normal(self.random.uniform(0, 0.06), SIDE, SIDE, 3)
        image = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
        return Example(scene, self._spoiled(image) if wears else image, covered)

    def _covered(self, scene: Scene) -> Grid:
        mask = Image.new("L", (SIDE * FINE, SIDE * FINE))
        pen = ImageDraw.Draw(mask)
        for x, y, radius in self._places(scene.count):
            around = self._bent(outline(scene.shape))
            pen.polygon([((x + dx * radius) * FINE, (y + dy * radius) * FINE) for dx, dy in around], fill=255)
        return np.asarray(np.asarray(mask.resize((SIDE, SIDE), Image.Resampling.BOX)) / 255, np.float32)

    def _places(self, count: int) -> list[tuple[float, float, float]]:
        """Middles and radii that keep clear of each other and of the edge."""
        largest = {1: 24, 2: 14, 3: 12}[count]
        while True:
            places: list[tuple[float, float, float]] = []
            for _ in range(count):
                radius = self.random.uniform(7.5, largest)
                x, y = (self.random.uniform(radius + 1, SIDE - radius - 1) for _ in "xy")
                places.append((x, y, radius))
            pairs = ((a, b) for k, a in enumerate(places) for b in places[:k])
            if all(math.dist(a[:2], b[:2]) > 1.1 * (a[2] + b[2]) for a, b in pairs):
                return places

    def _bent(self, corners: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """An outline squeezed and turned a little."""
        turn, squeeze = self.random.uniform(-0.2, 0.2), self.random.uniform(0.93, 1.07)
        cos, sin = math.cos(turn), math.sin(turn)
        return [(squeeze * (cos * x - sin * y), (sin * x + cos * y) / squeeze) for x, y in corners]

    def _flat(self, name: str) -> Grid:
        """One colour all over: between the one that `shapes` draws and what CSS calls so, and a little off."""
        ours, theirs = np.array(COLOURS[name]), np.array(ImageColor.getrgb(name))
        mixed = ours + (theirs - ours) * self.random.uniform(-0.1, 1) + self.noise.uniform(-10, 10, 3)
        shade = np.clip(mixed * self.random.uniform(0.93, 1.05), 0, 255).astype(np.float32) / 255
        return np.broadcast_to(shade, (SIDE, SIDE, 3))

    def _unevenness(self) -> Grid:
        """Slow drifts of brightness and tint across the picture."""
        strength, cells = self.random.uniform(0, 0.06), self.random.randint(2, 6)
        coarse = self._normal(strength, cells, cells, 1) + self._normal(strength / 3, cells, cells, 3)
        bands = [Image.fromarray(coarse[..., band]) for band in range(3)]
        return np.stack([np.asarray(each.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for each in bands], -1)

    def _normal(self, strength: float, *shape: int) -> Grid:
        return np.asarray(self.noise.normal(0, strength, shape), np.float32)

    def _spoiled(self, image: Image.Image) -> Image.Image:
        if self.random.random() < 0.5:
            image = image.filter(ImageFilter.GaussianBlur(self.random.uniform(0.3, 1.3)))
        if self.random.random() < 0.3:
            kept = io.BytesIO()
            image.save(kept, "JPEG", quality=self.random.randint(30, 90))
            image = Image.open(kept).convert("RGB")
        return image


def stream(seed: int, worn: float = 0.7) -> Iterator[Example]:
    """Examples without end."""
    painter = Painter(seed)
    while True:
        yield painter.example(painter.scene(), worn)


def _a(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
