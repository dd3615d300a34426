"""Shards: the parts of one model's weights, known by their numbers, or by the index that lists them.

`model-00001-of-00002.safetensors` is how transformers writes them; it reads whatever names an index has. Others write
six digits, an underscore, the suffix twice, or a variant behind the numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

VARIANTS = "fp16|bf16|fp32|non_ema|ema"
_NUMBERS = re.compile(rf"[-_.](?P<number>\d{{1,6}})(?P<of>[-_]of[-_])(?P<count>\d{{1,6}})(?=(\.({VARIANTS}))?$)")
_INDEX = ".index.json"

Reader = Callable[[str], Sequence[str]]
"""From an index's name to the names of the parts that it lists; none where it is not here to be read."""


class Group(NamedTuple):
    """What the parts of one model have in common; `of` is how many there are, 0 of a file that stands alone."""

    stem: str
    of: int
    suffix: str


def group_of(name: str) -> Group:
    """The group that a file of weights belongs to, by its name."""
    stem, dot, suffix = name.rpartition(".")
    numbers = _NUMBERS.search(stem)
    return Group(_NUMBERS.sub("", stem), int(numbers["count"]) if numbers else 0, dot + suffix)


def numbered(name: str) -> tuple[str, ...]:
    """The names of all parts, by the numbers in the name of one; the name alone where it has none."""
    stem, dot, suffix = name.rpartition(".")
    numbers = _NUMBERS.search(stem)
    if numbers is None:
        return (name,)
    start, end = numbers.span("number")
    width, count = end - start, int(numbers["count"])
    return tuple(f"{stem[:start]}{n:0{width}d}{stem[end:]}{dot}{suffix}" for n in range(1, count + 1))


def listed_with(name: str, names: Iterable[str], read: Reader) -> tuple[str, ...]:
    """All that an index beside the file lists together with it; nothing where none lists it."""
    folder = PurePosixPath(name).parent
    indexes = (each for each in names if each.endswith(_INDEX) and PurePosixPath(each).parent == folder)
    return next((tuple(parts) for index in indexes if name in (parts := read(index))), ())


def unread(index: str) -> Sequence[str]:
    """The reader of where nothing is here yet."""
    return ()


def index_name(stem: str, suffix: str) -> str:
    """How the index is called of the parts that have this stem (`model`) and suffix (`.safetensors`)."""
    return f"{stem}{suffix}{_INDEX}"
