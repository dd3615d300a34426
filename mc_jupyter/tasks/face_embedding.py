"""Find faces, and turn each into a vector."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mc_jupyter.fields import Bound, Closed, Spelled
from mc_jupyter.tasks import Images, Task, TaskAction
from mc_jupyter.values import Faces


class FaceEmbedding(Task):
    """Find faces, and turn each into a vector."""

    head = "faces"
    input = "image"
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
        max_num_faces: Bound[Annotated[int, Field(ge=1)]] = Field(1, description="Most faces to give, largest first.")
        min_face_size: Bound[Annotated[int, Field(ge=0)]] = Field(0, description="Smallest face, in pixels.")
        normalize: Bound[bool] = Field(True, description="Scale vectors to length 1.")
        return_landmarks: Bound[bool] = Field(False, description="Also give eyes, nose and mouth corners.")
        return_gender_age: Bound[bool] = Field(False, description="Also give the model's guess of gender and age.")
