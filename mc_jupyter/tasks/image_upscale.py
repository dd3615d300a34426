"""Make an image larger, with the detail it lacks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mc_jupyter.language.fields import Bound, Closed, Seed, Spelled
from mc_jupyter.tasks import Images, Task, TaskAction

_ELSEWHERE = {
    **dict.fromkeys(("outscale", "upscale", "upscale_by", "scale_factor", "factor"), "scale: is its name here"),
    "tile": "tile_size: is its name here",
    **dict.fromkeys(("tile_pad", "tile_overlap", "overlap"), "tile_pad_size: is its name here"),
}


class ImageUpscale(Task):
    """Make an image larger, with the detail it lacks."""

    also = ("image-upscaling",)  # the newer edition's word
    head = "upscaler"
    input = "image"
    tags = ("image-to-image",)
    pictures = True
    driver = "custom"
    result = object

    class Settings(Closed):
        """Which kind of upscaler it is."""

        family: Annotated[Literal["auto", "real-esrgan", "esrgan", "swinir", "ldsr"], Spelled("architecture")] = Field(
            "auto", description="Kind of model; auto reads it from the weights (ldsr has to be said)."
        )

    class Action(TaskAction):
        """The image, and how to go over it."""

        elsewhere = _ELSEWHERE

        image: Images = Field(description="The image to enlarge, or a list of them.")
        scale: Bound[Annotated[float, Field(ge=1, le=16)]] | None = Field(
            None, description="How many times larger; default: what the model was trained for."
        )
        color_format: Bound[Literal["rgb", "bgr"]] | None = Field(
            None, description="Order of the colours that the model was trained on (default: rgb). Not for ldsr."
        )
        tile_size: Bound[Annotated[int, Field(ge=0, le=8192)]] | None = Field(
            None,
            description="Side of the tiles the image is cut into, in pixels; 0 for none; default: by free memory. "
            "Not for ldsr.",
        )
        tile_pad_size: Bound[Annotated[int, Field(ge=0, le=512)]] | None = Field(
            None,
            description="What a tile sees of its neighbours on each side, in pixels; default: as far as the model "
            "looks. Not for ldsr.",
        )
        num_inference_steps: Annotated[
            Bound[Annotated[int, Field(ge=1, le=1000)]] | None, Spelled("steps", "inference_steps")
        ] = Field(None, description="Denoising steps (default: 100). Only ldsr.")
        eta: Bound[Annotated[float, Field(ge=0, le=1)]] | None = Field(
            None, description="Share of fresh noise in each step of a DDIM scheduler (default: 0). Only ldsr."
        )
        seed: Bound[Seed] | None = Field(
            None, description="Where the noise begins; the same seed gives the same image. Only ldsr."
        )
