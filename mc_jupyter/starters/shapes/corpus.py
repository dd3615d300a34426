"""Pictures of one to three plain shapes and the prompts that ask for them, in an endless stream.

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
    "red": (220, 40, 40),
    "orange": (250, 140, 20),
    "yellow": (250, 225, 50),
    "green": (40, 160, 70),
    "blue": (40, 80, 220),
    "purple": (130, 50, 170),
    "pink": (250, 150, 190),
    "white": (250, 250, 250),
    "gray": (128, 128, 128),
    "black": (15, 15, 15),
}
SHAPES = ("circle", "square", "triangle", "star", "heart")
SIZES = {"small": ("small", "tiny", "little"), "medium": ("", "", "", "medium"), "large": ("large", "big", "huge")}
COUNTS = {1: "one", 2: "two", 3: "three"}
#: half the height of a shape in pixels, by how many there are; each is drawn up to 8 % larger or smaller
_RADII = {
    1: {"small": 9.5, "medium": 14.5, "large": 21.0},
    2: {"small": 7.5, "medium": 9.5, "large": 11.0},
    3: {"small": 7.5, "medium": 9.5, "large": 11.0},
}
_PLACES = {1: ((32, 32),), 2: ((17, 32), (47, 32)), 3: ((32, 18), (17, 46), (47, 46))}
_JITTER = {1: 5.0, 2: 2.0, 3: 1.5}
_WHOLE = (
    "{objects} on a {background} background",
    "{objects} on a {background} background",
    "{objects} on {background}",
    "{objects} against a {background} background",
    "{objects} in front of a {background} background",
    "{objects}, {background} background",
    "a {background} background with {objects}",
    "{background} background, {objects}",
)
_OPENINGS = ("", "", "", "", "a picture of ", "a drawing of ", "an image of ")


@dataclass(frozen=True)
class Scene:
    """What a picture shows, in the words of the tables above."""

    shape: str
    colour: str
    background: str
    size: str = "medium"
    count: int = 1

    @property
    def held_out(self) -> bool:
        """Whether shape, colour and background together are kept out of training: a tenth of what there is."""
        names = list(COLOURS)
        return (3 * names.index(self.colour) + names.index(self.background) + 2 * SHAPES.index(self.shape)) % 10 == 0


def scene(rng: random.Random) -> Scene:
    """Any scene, one shape in three scenes of five."""
    colour, background = rng.sample(list(COLOURS), 2)
    count = rng.choice((1, 1, 1, 2, 3))
    return Scene(rng.choice(SHAPES), colour, background, rng.choice(list(SIZES)), count)


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
    """A picture of the scene, 64 by 64 with smooth edges; places, sizes and colours vary a little."""

    def shade(name: str) -> tuple[int, ...]:
        return tuple(min(255, max(0, part + rng.randint(-8, 8))) for part in COLOURS[name])

    fine = 4
    image = Image.new("RGB", (SIDE * fine, SIDE * fine), shade(scene.background))
    colour, jitter = shade(scene.colour), _JITTER[scene.count]
    radius = _RADII[scene.count][scene.size] * rng.uniform(0.92, 1.08)
    for place in _PLACES[scene.count]:
        x, y = (part + rng.uniform(-jitter, jitter) for part in place)
        corners = [((x + radius * dx) * fine, (y + radius * dy) * fine) for dx, dy in outline(scene.shape)]
        ImageDraw.Draw(image).polygon(corners, fill=colour)
    return image.resize((SIDE, SIDE), Image.Resampling.BOX)


def _objects(scene: Scene, rng: random.Random, colour: bool = True) -> str:
    """The scene's shapes in words: "a small red circle", "two stars"."""
    noun = "disc" if scene.shape == "circle" and rng.random() < 0.1 else scene.shape
    shown = _spelled(scene.colour, rng) if colour else ""
    words = [word for word in (rng.choice(SIZES[scene.size]), shown, noun) if word]
    if scene.count > 1:
        return f"{COUNTS[scene.count]} {' '.join(words)}s"
    article = rng.choice(("an" if words[0][0] in "aeiou" else "a",) * 5 + ("one", ""))
    return " ".join([article, *words]).strip()


def _spelled(colour: str, rng: random.Random) -> str:
    return "grey" if colour == "gray" and rng.random() < 0.4 else colour


def prompt(scene: Scene, rng: random.Random, whole: float = 0.85) -> str:
    """One of many ways to ask for the scene, with all of its parts in a share `whole` of them."""
    background = _spelled(scene.background, rng)
    if rng.random() < whole:
        said = rng.choice(_WHOLE).format(objects=_objects(scene, rng), background=background)
    else:
        said = rng.choice(
            (
                _objects(scene, rng),
                _objects(scene, rng, colour=False),
                f"{_objects(scene, rng, colour=False)} on a {background} background",
                f"a {background} background",
                _spelled(scene.colour, rng),
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


def stream(seed: int) -> Iterator[tuple[Image.Image, str]]:
    """Pictures and their prompts, without end."""
    rng = random.Random(seed + 1)
    for each in scenes(seed):
        yield draw(each, rng), prompt(each, rng)
