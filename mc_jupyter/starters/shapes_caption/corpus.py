"""Pictures of one coloured shape, good ones and worn ones, with what to say about each, in batches without end.

Shapes and colours are those of the starter `shapes`, whose pictures this model is to describe; here they stand
further off the middle, turned, squeezed and unevenly coloured, so that a caption stays right when a small model drew
the picture. Pillow draws outlines once; each batch colours some of them anew, which costs a fraction of drawing.
"""

from __future__ import annotations

import io
import math
import random
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageColor, ImageDraw
from torch.nn.functional import conv2d, interpolate, pad

from mc_jupyter.starters.shapes.corpus import COLOURS, SHAPES, SIDE, Scene, outline

FINE = 4  # a shape is drawn this much larger and shrunk, which smooths its edges
OPENINGS = ("", "", "", "", "", "", "a picture of ", "a drawing of ")


def caption(scene: Scene) -> str:
    """What a picture of the scene shows, its size left out.

    >>> caption(Scene("star", "orange", "blue"))
    'an orange star on a blue background'
    """
    return f"{_a(scene.colour)} {scene.shape} on {_a(scene.background)} background"


def _a(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def cover(shape: str, rng: random.Random) -> Image.Image:
    """White where a shape is and black where none is, 64 by 64: a little turned and squeezed, well inside."""
    turn, squeeze, radius = rng.uniform(-0.2, 0.2), rng.uniform(0.94, 1.06), rng.uniform(9, 25)
    reach = min(12.0, SIDE / 2 - 1.15 * radius)
    x, y = (SIDE / 2 + rng.uniform(-reach, reach) for _ in "xy")
    cos, sin = math.cos(turn) * radius, math.sin(turn) * radius
    around = [(squeeze * (cos * dx - sin * dy), (sin * dx + cos * dy) / squeeze) for dx, dy in outline(shape)]
    mask = Image.new("L", (SIDE * FINE, SIDE * FINE))
    ImageDraw.Draw(mask).polygon([((x + dx) * FINE, (y + dy) * FINE) for dx, dy in around], fill=255)
    return mask.resize((SIDE, SIDE), Image.Resampling.BOX)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Scenes; pictures (scenes, 3, 64, 64) from 0 to 1; and how much of each pixel the shape covers."""

    scenes: list[Scene]
    pictures: torch.Tensor
    covered: torch.Tensor

    def images(self) -> list[Image.Image]:
        rows = (self.pictures.permute(0, 2, 3, 1) * 255).round().byte().numpy()
        return [Image.fromarray(each) for each in rows]


class Painter:
    """Colours outlines that it drew once, `outlines` of them; the same seed makes the same batches."""

    def __init__(self, seed: int, outlines: int = 15_000, worn: float = 0.75) -> None:
        self.random, self.torch = random.Random(seed), torch.Generator().manual_seed(seed)
        self.worn = worn
        self.shapes = [SHAPES[at % len(SHAPES)] for at in range(outlines)]
        self.covers = torch.from_numpy(np.stack([np.asarray(cover(each, self.random)) for each in self.shapes]))

    def batch(self, count: int) -> Batch:
        """Pictures of any of the scenes; a share `worn` looks as if a small model drew it or JPEG ate it."""
        chosen = self.random.choices(range(len(self.shapes)), k=count)
        pairs = [self.random.sample(list(COLOURS), 2) for _ in chosen]
        scenes = [Scene(self.shapes[at], *pair) for at, pair in zip(chosen, pairs, strict=True)]
        covered = self.covers[chosen][:, None].float() / 255
        ink, ground = (torch.stack([self._shade(each) for each in names]) for names in zip(*pairs, strict=True))
        worn = (self._any(count, 1, 1, 1) < self.worn).float()
        ink, ground = (each + worn * self._drifts(count) for each in (ink, ground))
        pictures = ground * (1 - covered) + ink * covered
        pictures = pictures + worn * self._any(count, 1, 1, 1) * 0.05 * self._normal(count, 3, SIDE, SIDE)
        pictures = torch.where(worn > 0, self._blurred(pictures), pictures).clamp(0, 1)
        for at in self.random.sample(range(count), round(count * self.worn / 5)):
            pictures[at] = self._as_jpeg(pictures[at])
        return Batch(scenes, pictures, covered[:, 0])

    def _any(self, *shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=self.torch)

    def _normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=self.torch)

    def _shade(self, name: str) -> torch.Tensor:
        """A colour between the one that `shapes` draws and what CSS calls so, and a little off."""
        ours, theirs = torch.tensor(COLOURS[name]), torch.tensor(ImageColor.getrgb(name))
        mixed = ours + (theirs - ours) * self.random.uniform(-0.1, 1) + (self._any(3) - 0.5) * 20
        return (mixed * self.random.uniform(0.93, 1.05)).clamp(0, 255).view(3, 1, 1) / 255

    def _drifts(self, count: int) -> torch.Tensor:
        """Slow drifts of brightness and tint across each picture."""
        cells = self.random.randint(2, 6)
        coarse = self._normal(count, 1, cells, cells) + self._normal(count, 3, cells, cells) / 3
        strength = self._any(count, 1, 1, 1) * 0.06
        return interpolate(coarse * strength, (SIDE, SIDE), mode="bicubic", align_corners=False)

    def _blurred(self, pictures: torch.Tensor) -> torch.Tensor:
        """All of them, by one Gaussian of up to 1.3 pixels."""
        weights = torch.exp(-torch.arange(-4, 5).square() / (2 * self.random.uniform(0.2, 1.3) ** 2))
        kernel = torch.outer(weights, weights).expand(3, 1, 9, 9) / weights.sum() ** 2
        return conv2d(pad(pictures, (4, 4, 4, 4), mode="replicate"), kernel, groups=3)

    def _as_jpeg(self, picture: torch.Tensor) -> torch.Tensor:
        kept = io.BytesIO()
        image = Image.fromarray((picture.permute(1, 2, 0) * 255).byte().numpy())
        image.save(kept, "JPEG", quality=self.random.randint(30, 90))
        return torch.from_numpy(np.array(Image.open(kept).convert("RGB"))).permute(2, 0, 1).float() / 255
