"""What an image that a model made knows of itself: prompt, seed, model; and the image it was made from.

A result stays a `PIL.Image`. What there is to say about it lies in its `info`, where PIL keeps what it read of a file;
a copy has it too. `display` writes the facts into the PNG, and expressions find them by name (`${result.seed}`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

_KEY = "mc_jupyter"


@dataclass(frozen=True, slots=True)
class Origin:
    """How an image came to be. `facts` are plain values by the names of the fields they were given as.

    `before` is the image that it was made from (of an enlarged one, the small one).
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    before: Image | None = field(default=None, repr=False)


def marked(image: Image, *, before: Image | None = None, **facts: Any) -> Image:
    """The same image, knowing this too; facts that are None are left out."""
    known = origin(image)
    told = {**known.facts, **{name: value for name, value in facts.items() if value is not None}}
    image.info[_KEY] = Origin(told, known.before if before is None else before)
    return image


def origin(image: Image) -> Origin:
    """What is known of an image: nothing, of one that no model here made."""
    found = image.info.get(_KEY)
    return found if isinstance(found, Origin) else Origin()
