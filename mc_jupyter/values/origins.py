"""What an image knows of how it was made: it lies in its `info`, where PIL keeps what it read of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mc_jupyter.values import recipes

if TYPE_CHECKING:
    from PIL.Image import Image

KEY = "mc_jupyter"


@dataclass(frozen=True, slots=True)
class Origin:
    """How an image came to be. `facts` are plain values by the names of the fields they were given as.

    `before` is the image that it was made from (of an enlarged one, the small one).
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    before: Image | None = field(default=None, repr=False)

    def of_first(self, name: str) -> Any:
        """A fact of the picture itself, or else of the one it was made from; None where neither has it."""
        facts: Any = self.facts
        while isinstance(facts, Mapping):
            if facts.get(name) is not None:
                return facts[name]
            facts = facts.get("made_from")
        return None


def origin(image: Image) -> Origin:
    """What is known of an image, also where only its file says it; nothing, of one that no model here made."""
    found = image.info.get(KEY)
    return found if isinstance(found, Origin) else Origin(recipes.read(image.info))
