"""Describe an image, or answer a question about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from mc_jupyter.errors import Problem
from mc_jupyter.fields import Bound, Closed, Spelled
from mc_jupyter.tasks import Images, Task
from mc_jupyter.tasks._generation import GenerationAction, check_generation
from mc_jupyter.values import Text


class ImageToText(Task):
    """Describe an image, or answer a question about it."""

    head = "image-to-text"
    input = "image"
    result = Text

    class Settings(Closed):
        """Which kind of captioning model it is."""

        family: Annotated[
            Literal["auto", "blip", "blip2", "git", "vit-gpt2", "pix2struct", "donut", "kosmos2"],
            Spelled("architecture"),
        ] = Field("auto", description="Kind of model; auto reads it from the checkpoint.")

    class Action(GenerationAction):
        """The image, and what to say about it."""

        image: Images = Field(description="The image to describe, or a list of them.")
        prompt: Annotated[Bound[str | list[str]] | None, Spelled("text")] = Field(
            None, description="How the description begins, or a question."
        )

    @classmethod
    def check(cls, action: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
        return check_generation(action)
