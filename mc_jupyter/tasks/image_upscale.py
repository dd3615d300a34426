"""Make an image larger, with the detail it lacks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mc_jupyter.fields import Bound, Closed, Spelled
from mc_jupyter.tasks import Images, Task, TaskAction


class ImageUpscale(Task):
    """Make an image larger, with the detail it lacks."""

    head = "upscaler"
    input = "image"
    driver = "custom"
    result = object

    class Settings(Closed):
        """Which kind of upscaler it is."""

        family: Annotated[Literal["auto", "real-esrgan", "esrgan", "swinir", "ldsr"], Spelled("architecture")] = Field(
            "auto", description="Kind of model; auto reads it from the weights."
        )

    class Action(TaskAction):
        """The image, and how to go over it."""

        image: Images = Field(description="The image to enlarge, or a list of them.")
        scale: Bound[Annotated[float, Field(gt=0, le=16)]] | None = Field(
            None, description="How many times larger; default: what the model was trained for."
        )
        tile_size: Bound[Annotated[int, Field(ge=0, le=4096)]] | None = Field(
            None, description="Side of the tiles the image is cut into, in pixels; 0 for none; default: by free memory."
        )
        tile_pad_size: Bound[Annotated[int, Field(ge=0, le=512)]] = Field(
            16, description="Overlap of the tiles, in pixels."
        )
