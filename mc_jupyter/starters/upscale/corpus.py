"""Pictures of seven kinds, drawn from random numbers, without end; how they are shrunk, and how results are judged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Grid = npt.NDArray[np.float32]  # (height, width) or (height, width, 3), from 0 to 1
Colour = tuple[int, int, int]
SCALE = 4
_WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "lazy", "Compose", "Notebook", "model", "0123", "456", "Qq")


class Painter:
    """Draws pictures of one size; the same seed draws the same pictures.

    >>> Painter(7, side=64).picture("stripes").size
    (64, 64)
    """

    def __init__(self, seed: int, side: int = 192) -> None:
        self.random = np.random.default_rng(seed)
        self.side = side
        rows, columns = np.mgrid[0:side, 0:side].astype(np.float32) / side
        self.rows, self.columns = rows, columns

    def picture(self, kind: str) -> Image.Image:
        """A picture of one of the `KINDS`."""
        return KINDS[kind](self)

    # ── chance ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def between(self, low: float, high: float) -> float:
        return float(self.random.uniform(low, high))

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def colour(self) -> Colour:
        """Any colour; often a pure or a grey one, as drawings have."""
        if self.chance(0.3):
            return (int(self.random.integers(0, 256)),) * 3
        if self.chance(0.3):
            red, green, blue = self.random.choice([0, 40, 128, 220, 255], 3)
        else:
            red, green, blue = self.random.integers(0, 256, 3)
        return int(red), int(green), int(blue)

    def shade(self) -> Grid:
        return np.asarray(np.array(self.colour()) / 255, np.float32)

    def noise(self, cells: float, octaves: int = 1) -> Grid:
        """Smooth noise from 0 to 1, `cells` bumps across; each octave is twice as fine and half as strong."""
        total = np.zeros((self.side, self.side), np.float32)
        for octave in range(octaves):
            count = max(2, min(self.side, round(cells * 2**octave) + 1))
            coarse = Image.fromarray(self.random.random((count, count)).astype(np.float32))
            total += np.asarray(coarse.resize((self.side, self.side), Image.Resampling.BICUBIC)) / 2**octave
        low, high = float(total.min()), float(total.max())
        return (total - low) / max(high - low, 1e-6)

    # ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def ramp(self) -> Grid:
        """From 0 to 1 along a line or from a point outwards."""
        if self.chance(0.3):
            along = np.hypot(self.rows - self.between(0, 1), self.columns - self.between(0, 1))
        else:
            turn = self.between(0, 2 * math.pi)
            along = self.rows * math.sin(turn) + self.columns * math.cos(turn)
        return np.asarray((along - along.min()) / (along.max() - along.min()), np.float32)

    def waves(self, along: Grid, count: float) -> Grid:
        """`count` bands, hard or soft."""
        wave = np.sin(along * count * 2 * math.pi)
        sharpness = self.between(1, 3) if self.chance(0.4) else 30.0
        return np.asarray(np.clip(wave * sharpness * 0.5 + 0.5, 0, 1), np.float32)

    def mixed(self, share: Grid, one: Grid | None = None, two: Grid | None = None) -> Grid:
        """Two colours or pictures, laid over each other as `share` says."""
        one = self.shade() if one is None else one
        two = self.shade() if two is None else two
        return np.asarray(one * (1 - share[..., None]) + two * share[..., None], np.float32)

    def drawn(self, background: Image.Image, draw: Callable[[ImageDraw.ImageDraw, int], None]) -> Image.Image:
        """What `draw` puts over a background, drawn twice as large and shrunk most times, which smooths its edges."""
        factor = 2 if self.chance(0.9) else 1
        large = background.resize((self.side * factor,) * 2)
        draw(ImageDraw.Draw(large), self.side * factor)
        return large.resize((self.side, self.side), Image.Resampling.BOX)

    def backdrop(self) -> Image.Image:
        if self.chance(0.7):
            return Image.new("RGB", (self.side, self.side), self.colour())
        return self.gradients()

    # ── kinds ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def shapes(self) -> Image.Image:
        def draw(pen: ImageDraw.ImageDraw, side: int) -> None:
            for _ in range(int(self.random.integers(2, 12))):
                x, y, radius = self.between(0, side), self.between(0, side), self.between(0.03, 0.3) * side
                fill = self.colour() if self.chance(0.8) else None
                outline = self.colour() if fill is None or self.chance(0.2) else None
                width = int(self.between(1, 8) * side / 192) + 1
                corners = int(self.random.integers(2, 8))
                if corners == 2:
                    pen.line((x, y, self.between(0, side), self.between(0, side)), self.colour(), width)
                elif corners == 7:
                    box = (x - radius, y - radius, x + radius, y + radius * self.between(0.3, 1))
                    pen.ellipse(box, fill, outline, width)
                else:
                    inner = radius * (self.between(0.35, 0.6) if self.chance(0.3) else 1)
                    pen.polygon(_polygon(x, y, radius, inner, corners, self.between(0, 7)), fill, outline, width)

        return self.drawn(self.backdrop(), draw)

    def gradients(self) -> Image.Image:
        stops = int(self.random.integers(2, 6))
        places = np.sort(self.random.random(stops))
        colours = np.stack([self.shade() for _ in range(stops)])
        ramp = self.ramp()
        return _image(np.stack([np.interp(ramp, places, colours[:, band]) for band in range(3)], -1))

    def text(self) -> Image.Image:
        ground, ink = self.colour(), self.colour()
        if sum(abs(a - b) for a, b in zip(ground, ink, strict=True)) < 200:
            ink = (0, 0, 0) if sum(ground) > 380 else (255, 255, 255)

        def draw(pen: ImageDraw.ImageDraw, side: int) -> None:
            y = self.between(0, 0.1) * side
            while y < side:
                size = self.between(0.1, 0.3) * side
                line = " ".join(self.random.choice(_WORDS, 4))
                colour = ink if self.chance(0.7) else self.colour()
                pen.text((self.between(-0.1, 0.2) * side, y), line, colour, ImageFont.load_default(size))
                y += size * self.between(1.1, 1.6)

        return self.drawn(Image.new("RGB", (self.side, self.side), ground), draw)

    def stripes(self) -> Image.Image:
        picture = self.mixed(self.waves(self.ramp(), self.between(2, 24)))
        if self.chance(0.4):  # a plaid, or a chequered board
            picture = self.mixed(self.waves(self.ramp(), self.between(2, 16)), picture)
        return _image(picture)

    def textures(self) -> Image.Image:
        which = int(self.random.integers(0, 4))
        grain = self.noise(self.between(5, 25), 3)
        if which == 0:  # wood: rings that waver
            along = self.ramp() + 0.15 * self.noise(self.between(2, 6), 2)
            pattern = self.waves(np.asarray(along, np.float32), self.between(6, 18)) * 0.7 + grain * 0.3
        elif which == 1:  # bricks
            height, width = self.between(0.06, 0.16), self.between(0.15, 0.3)
            course = np.floor(self.rows / height)
            across = np.modf(self.columns / width + 0.5 * (course % 2))[0] * width
            down = np.modf(self.rows / height)[0] * height
            pattern = np.clip(np.minimum(across, down) * self.side / 2 - 0.5, 0, 1) * (0.7 + 0.3 * grain)
        elif which == 2:  # marble: veins where noise crosses its middle
            pattern = 1 - np.clip(np.abs(self.noise(self.between(3, 8), 4) - 0.5) * self.between(4, 12), 0, 1)
        else:  # cloth, sand, clouds
            pattern = self.noise(self.between(3, 20), 3)
        return _image(self.mixed(np.asarray(pattern, np.float32)))

    def blobs(self) -> Image.Image:
        picture = self.mixed(self.ramp())
        for _ in range(int(self.random.integers(2, 9))):
            wobble = 0.15 * self.noise(self.between(2, 7))
            away = np.hypot(self.rows - self.between(0, 1), self.columns - self.between(0, 1)) + wobble
            share = np.clip((self.between(0.1, 0.4) - away) * self.between(4, 150), 0, 1)
            picture = self.mixed(np.asarray(share * self.between(0.5, 1), np.float32), picture)
        return _image(picture)

    def photos(self) -> Image.Image:
        """A landscape: sky with clouds and a sun, ranges of hills, trees, haze and the grain of a film."""
        sky = self.mixed(self.rows) * 0.5 + np.array([0.25, 0.35, 0.5], np.float32)
        clouds = np.clip(self.noise(self.between(2, 5), 4) * 2.5 - 1.2, 0, 1)
        picture = self.mixed(np.asarray(clouds * self.between(0.2, 0.9), np.float32), sky, np.ones(3, np.float32))
        away = np.hypot(self.rows - self.between(0.05, 0.4), self.columns - self.between(0, 1))
        sun = np.asarray(np.clip((self.between(0.03, 0.1) - away) * 100, 0, 1), np.float32)
        picture = self.mixed(sun, picture, np.array([1, 0.95, 0.7], np.float32))
        for nearness in np.sort(self.random.uniform(0.35, 0.95, int(self.random.integers(1, 5)))):
            ridge = float(nearness) - 0.25 * self.noise(self.between(1, 6), 4)[0]
            land = np.asarray(np.clip((self.rows - ridge) * self.side, 0, 1), np.float32)
            grain = self.noise(self.between(6, 25), 3)
            green = np.array([self.between(0.1, 0.5), self.between(0.25, 0.6), self.between(0.05, 0.4)], np.float32)
            ground = self.mixed(grain, green * 0.5, green) * float(nearness) + sky.mean((0, 1)) * (1 - float(nearness))
            picture = self.mixed(land, picture, ground)
        image = self.drawn(_image(picture), self._trees)
        if self.chance(0.5):
            image = image.filter(ImageFilter.GaussianBlur(self.between(0.2, 0.8)))
        return image

    def _trees(self, pen: ImageDraw.ImageDraw, side: int) -> None:
        for _ in range(int(self.random.integers(0, 9))):
            x, y, size = self.between(0, side), self.between(0.6, 1) * side, self.between(0.03, 0.12) * side
            trunk, leaf = self.between(30, 90), self.between(0.3, 1)
            pen.line((x, y, x, y - 2 * size), (int(trunk), int(trunk * 0.7), int(trunk * 0.5)), int(size / 5) + 1)
            for _ in range(12):
                left, top = x + self.between(-1, 0.2) * size, y - self.between(1.5, 3) * size
                reach = self.between(0.3, 0.8) * size
                lit = leaf * self.between(0.6, 1)
                pen.ellipse((left, top, left + reach, top + reach), (int(60 * lit), int(130 * lit), int(50 * lit)))


KINDS: dict[str, Callable[[Painter], Image.Image]] = {
    "shapes": Painter.shapes,
    "gradients": Painter.gradients,
    "text": Painter.text,
    "stripes": Painter.stripes,
    "textures": Painter.textures,
    "blobs": Painter.blobs,
    "photos": Painter.photos,
}


def shrunk(image: Image.Image, resampling: Image.Resampling = Image.Resampling.BICUBIC) -> Image.Image:
    """The picture at a quarter of its sides."""
    return image.resize((image.width // SCALE, image.height // SCALE), resampling)


def stream(seed: int, side: int = 192) -> Iterator[tuple[str, Image.Image]]:
    """Pictures without end, the kinds in turn."""
    painter = Painter(seed, side)
    while True:
        for kind in KINDS:
            yield kind, painter.picture(kind)


def psnr(one: Image.Image, two: Image.Image) -> float:
    """Peak signal-to-noise ratio in dB over all three bands, of 8-bit pictures; 99 where they are the same."""
    error: Any = np.mean((np.asarray(one, np.float64) - np.asarray(two, np.float64)) ** 2)
    return 10 * math.log10(255**2 / float(error)) if error else 99.0


def _polygon(x: float, y: float, outer: float, inner: float, corners: int, turn: float) -> list[tuple[float, float]]:
    """A regular polygon where both radii are equal, else a star."""
    count = corners if inner == outer else 2 * corners
    radii = (outer, inner)
    turns = (turn + 2 * math.pi * k / count for k in range(count))
    return [(x + radii[k % 2] * math.cos(a), y + radii[k % 2] * math.sin(a)) for k, a in enumerate(turns)]


def _image(grid: Any) -> Image.Image:
    return Image.fromarray((np.clip(grid, 0, 1) * 255 + 0.5).astype(np.uint8))
