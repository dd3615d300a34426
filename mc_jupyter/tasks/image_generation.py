"""Draw an image from a description."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mc_jupyter.fields import Bound, Closed, Spelled
from mc_jupyter.tasks import Task, TaskAction

Side = Annotated[int, Field(ge=16, le=8192, multiple_of=8)]


class ImageGeneration(Task):
    """Draw an image from a description."""

    head = "text-to-image"
    input = "prompt"
    result = object

    class Settings(Closed):
        """Which kind of diffusion model it is."""

        family: Annotated[Literal["auto", "flux", "sdxl", "hunyuan", "hunyuan-image"], Spelled("architecture")] = Field(
            "auto", description="Kind of model; auto reads it from the checkpoint."
        )

    class Action(TaskAction):
        """What to draw, and how."""

        prompt: Annotated[Bound[str | list[str]], Spelled("text")] = Field(description="What to draw, or a list.")
        negative_prompt: Bound[str] | None = Field(None, description="What to keep out of the picture.")
        width: Bound[Side] = Field(1024, description="Width in pixels.")
        height: Bound[Side] = Field(1024, description="Height in pixels.")
        num_inference_steps: Annotated[
            Bound[Annotated[int, Field(ge=1, le=1000)]] | None, Spelled("inference_steps")
        ] = Field(None, description="Denoising steps; default: what suits the kind of model.")
        guidance_scale: Bound[Annotated[float, Field(ge=0, le=50)]] | None = Field(
            None, description="How closely to follow the description."
        )
        max_sequence_length: Bound[Annotated[int, Field(ge=1, le=512)]] | None = Field(
            None, description="Most tokens of the description (flux)."
        )
        num_images_per_prompt: Annotated[Bound[Annotated[int, Field(ge=1, le=64)]], Spelled("num_return_images")] = (
            Field(1, description="How many images for each description.")
        )
        seed: Bound[Annotated[int, Field(ge=0, lt=2**63)]] | None = Field(None, description="Makes drawing repeatable.")
