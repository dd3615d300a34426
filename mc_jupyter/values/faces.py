"""The faces in one picture: a mapping that answers for its first face, and is held against another by one call."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image


class Faces(dict[str, Any]):
    """The faces in one picture, the largest first: `{faces: [{embedding, bounding_box, score, …}], width, height}`.

    Lengths are pixels of the upright picture; a box is `[left, top, right, bottom]`, and reaches past the edge where
    the face does. `len` counts faces. `image` is the upright picture, made small, for whoever shows it; it is no entry,
    so that JSON and text are without it.
    """

    image: Image | None

    def __init__(self, *entries: Any, image: Image | None = None, **named: Any):
        super().__init__(*entries, **named)
        self.image = image

    @property
    def faces(self) -> list[dict[str, Any]]:
        return self.get("faces") or []

    @property
    def embedding(self) -> Any:
        """The first face's vector; None where there is no face."""
        return self.alias("embedding")

    def __len__(self) -> int:
        return len(self.faces)

    def __bool__(self) -> bool:
        # Still a mapping with entries: `json.dumps(…, indent=2)` writes what is false as `{}`.
        return dict.__len__(self) > 0

    def __repr__(self) -> str:
        return f"<{count(self)} in {self.get('width')}×{self.get('height')} pixels{_lengths(self.faces)}>"

    def alias(self, key: str) -> Any:
        if key == "embedding":
            return self.faces[0]["embedding"] if self.faces else None
        if key == "embeddings":
            return [face["embedding"] for face in self.faces]
        raise KeyError(key)

    def similarity(self, other: Any, face: int = 0, other_face: int = 0) -> float:
        """How alike two faces are: the cosine of their vectors, 1 for the same look, about 0 for strangers.

        `other` is another picture's faces, one face of it, or a vector. Faces are counted from 0, the largest first;
        negative numbers count from the end. InputError where there is no such face, or vectors are of two models.
        """
        return cosine(_vector(self, face), _vector(other, other_face))


def count(value: Faces) -> str:
    """`no face`, `1 face`, `2 faces`."""
    return {0: "no face", 1: "1 face"}.get(len(value), f"{len(value)} faces")


def _lengths(faces: Sequence[Mapping[str, Any]]) -> str:
    vector = faces[0].get("embedding") if faces else None
    return f", {len(vector)} numbers each" if vector else ""


def _vector(value: Any, face: int) -> Sequence[float]:
    if isinstance(value, Faces):
        return _of_face(value, face)
    if isinstance(value, Mapping):
        value = value.get("embedding")
    if isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(x, int | float) for x in value):
        return value
    raise InputError(
        f"a face is like other faces, not like {'nothing' if value is None else f'a {type(value).__name__}'}",
        fix="give the faces of a picture, one of them, or a vector",
    )


def _of_face(value: Faces, face: int) -> Sequence[float]:
    if not -len(value) <= face < len(value):
        are = "are" if len(value) > 1 else "is"
        asked = f", and face {face} was asked for" if face else ""
        raise InputError(
            f"there {are} {count(value)} in the picture of {value.get('width')}×{value.get('height')} pixels{asked}",
            fix="detection_threshold: 0.3 finds less certain faces, max_num_faces: 10 gives more than the largest",
        )
    vector: Sequence[float] = value.faces[face]["embedding"]
    return vector


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """The cosine of the angle between two vectors, from -1 to 1; 0 where one of them has no length."""
    if len(a) != len(b):
        raise InputError(
            f"vectors of {len(a)} and of {len(b)} numbers cannot be compared", fix="use one model for both"
        )
    dot = math.fsum(x * y for x, y in zip(a, b, strict=True))
    # One root of the product: of a vector and itself that is exactly its square, and the cosine exactly 1.
    lengths = math.sqrt(math.fsum(x * x for x in a) * math.fsum(y * y for y in b))
    return max(-1.0, min(1.0, dot / lengths)) if lengths else 0.0
