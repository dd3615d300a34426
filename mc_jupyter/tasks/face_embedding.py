"""Find faces, and turn each into a vector."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mc_jupyter.language.fields import Bound, Closed, Spelled
from mc_jupyter.tasks import Images, Task, TaskAction
from mc_jupyter.values import Faces

_STRIDE = 32  # detectors halve a picture five times
_LARGEST = 4096


def _size(written: object) -> object:
    """Width and height from `640`, `[640, 480]` or `640x480`."""
    if isinstance(written, str) and (found := re.fullmatch(r"\s*(\d+)(?:\s*[x×*,]\s*(\d+))?\s*", written)):
        written = [int(found[1]), int(found[2] or found[1])]
    if isinstance(written, int) and not isinstance(written, bool):
        written = [written, written]
    if not isinstance(written, Sequence) or len(written) != 2 or not all(type(side) is int for side in written):
        raise ValueError("a size in pixels is written 640, [640, 480] or 640x480")
    if any(side % _STRIDE or not _STRIDE <= side <= _LARGEST for side in written):
        near = [min(_LARGEST, max(_STRIDE, round(side / _STRIDE) * _STRIDE)) for side in written]
        raise ValueError(
            f"{written[0]}×{written[1]}, where sides are multiples of {_STRIDE} up to {_LARGEST}; "
            f"the nearest is {near[0]}×{near[1]}"
        )
    return tuple(written)


class FaceEmbedding(Task):
    """Find faces, and turn each into a vector."""

    head = "faces"
    input = "image"
    pictures = True
    driver = "custom"
    result = Faces

    class Settings(Closed):
        """Which kind of face model it is."""

        family: Annotated[Literal["insightface"], Spelled("architecture")] = Field(
            "insightface", description="Kind of model pack."
        )

    class Action(TaskAction):
        """The image, and which faces count."""

        image: Images = Field(description="The image to look at, or a list of them.")
        detection_threshold: Bound[Annotated[float, Field(ge=0, le=1)]] = Field(
            0.6, description="Least certainty with which a face counts."
        )
        detection_size: (
            Bound[
                Annotated[tuple[int, int], BeforeValidator(_size, json_schema_input_type=int | str | tuple[int, int])]
            ]
            | None
        ) = Field(
            None,
            description="Pixels that the image is fitted into while faces are looked for: 640 or 640x480. Larger finds "
            "smaller faces, smaller finds those that fill the image; default: 640.",
        )
        max_num_faces: Bound[Annotated[int, Field(ge=1)]] = Field(1, description="Most faces to give, largest first.")
        min_face_size: Bound[Annotated[int, Field(ge=0)]] = Field(
            0, description="Least width and height of a face, in pixels of the image."
        )
        normalize: Bound[bool] = Field(True, description="Scale vectors to length 1.")
        return_landmarks: Bound[bool] = Field(
            False, description="Also give eyes, nose and mouth corners, and what else the pack knows of the face."
        )
        return_gender_age: Bound[bool] = Field(False, description="Also give the model's guess of gender and age.")
