"""Pictures of one plain shape on a plain ground and the prompts that ask for them, in an endless stream.

Pillow draws each picture from a `Scene`, whose words also make the prompt. A prompt may leave a part out ("a star",
"a green background"): that part is then drawn at random, which teaches what a negative prompt needs to know.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageDraw

SIDE = 64
COLOURS = {
    "red": (215, 30, 40),
    "orange": (250, 135, 10),
    "yellow": (250, 230, 50),
    "green": (30, 150, 60),
    "blue": (40, 80, 220),
    "purple": (130, 40, 160),
    "pink": (250, 150, 200),
    "white": (250, 250, 250),
    "black": (15, 15, 15),
}
SHAPES = ("circle", "square", "triangle", "star", "heart")
SIZES = {"small": ("small",), "medium": ("", "", "", "medium"), "large": ("large", "big")}
#: half the height of a shape in pixels; each is drawn up to 5 % larger or smaller
_RADII = {"small": 13.0, "medium": 17.5, "large": 23.0}
_JITTER = 4.0
_WHOLE = (
    "{subject} on a {background} background",
    "{subject} on a {background} background",
    "{subject} on a {background} background",
    "{subject} on {background}",
    "{subject}, {background} background",
    "a {background} background with {subject}",
)
_OPENINGS = ("", "", "", "", "", "a picture of ", "a drawing of ")


@dataclass(frozen=True)
class Scene:
    """What a picture shows, in the words of the tables above."""

    shape: str
    colour: str
    background: str
    size: str = "medium"

    @property
    def held_out(self) -> bool:
        """Whether shape, colour and background together are kept out of training: a tenth of what there is."""
        names = list(COLOURS)
        return (3 * names.index(self.colour) + names.index(self.background) + 2 * SHAPES.index(self.shape)) % 10 == 0


def scene(rng: random.Random) -> Scene:
    """Any scene, of two different colours."""
    colour, background = rng.sample(list(COLOURS), 2)
    return Scene(rng.choice(SHAPES), colour, background, rng.choice(list(SIZES)))


def outline(shape: str) -> list[tuple[float, float]]:
    """The corners of a shape two units high around (0, 0), y downwards."""
    turns = [2 * math.pi * i / 60 for i in range(60)]
    if shape == "circle":
        return [(math.cos(t), math.sin(t)) for t in turns]
    if shape == "square":
        return [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]
    if shape == "triangle":
        return [(0, -1), (1.1, 0.9), (-1.1, 0.9)]
    if shape == "star":
        points = [(1.15 if i % 2 == 0 else 0.5, math.pi * i / 5) for i in range(10)]
        return [(r * math.sin(a), 0.08 - r * math.cos(a)) for r, a in points]
    # the heart curve of https://mathworld.wolfram.com/HeartCurve.html, scaled to the others
    return [
        (
            math.sin(t) ** 3 * 1.08,
            -0.08 - (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 15.5,
        )
        for t in turns
    ]


def draw(scene: Scene, rng: random.Random) -> Image.Image:
    """A picture of the scene, 64 by 64 with smooth edges; place, size and colours vary a little."""

    def shade(name: str) -> tuple[int, ...]:
        return tuple(min(255, max(0, part + rng.randint(-6, 6))) for part in COLOURS[name])

    fine = 4
    image = Image.new("RGB", (SIDE * fine, SIDE * fine), shade(scene.background))
    radius = _RADII[scene.size] * rng.uniform(0.95, 1.05)
    x, y = (SIDE / 2 + rng.uniform(-_JITTER, _JITTER) for _ in "xy")
    corners = [((x + radius * dx) * fine, (y + radius * dy) * fine) for dx, dy in outline(scene.shape)]
    ImageDraw.Draw(image).polygon(corners, fill=shade(scene.colour))
    return image.resize((SIDE, SIDE), Image.Resampling.BOX)


def _subject(scene: Scene, rng: random.Random, colour: bool = True) -> str:
    """The scene's shape in words: "a small red circle", "one star"."""
    words = [word for word in (rng.choice(SIZES[scene.size]), scene.colour if colour else "", scene.shape) if word]
    article = rng.choice(("an" if words[0][0] in "aeiou" else "a",) * 8 + ("one", ""))
    return " ".join([article, *words]).strip()


def prompt(scene: Scene, rng: random.Random, whole: float = 0.9) -> str:
    """One of many ways to ask for the scene, with all of its parts in a share `whole` of them."""
    if rng.random() < whole:
        said = rng.choice(_WHOLE).format(subject=_subject(scene, rng), background=scene.background)
    else:
        said = rng.choice(
            (
                _subject(scene, rng),
                _subject(scene, rng, colour=False),
                f"{_subject(scene, rng, colour=False)} on a {scene.background} background",
                f"a {scene.background} background",
                f"{scene.colour} {scene.shape}",
                scene.shape,
            )
        )
    said = rng.choice(_OPENINGS) + said
    if rng.random() < 0.05:  # a word nobody knows must not spoil the picture
        unknown = "".join(rng.choices("abcdefghijklmnoprstuvwy", k=rng.randint(3, 7)))
        said = f"{said}, {unknown}" if rng.random() < 0.5 else f"{unknown} {said}"
    return said.replace("a orange", "an orange")


def scenes(seed: int) -> Iterator[Scene]:
    """The scenes that training draws, without those held out."""
    rng = random.Random(seed)
    while True:
        if not (found := scene(rng)).held_out:
            yield found
