"""Describe an image, or answer a question about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from mc_jupyter.errors import Problem
from mc_jupyter.language.fields import Bound, Closed, Spelled
from mc_jupyter.language.kinds import TEXT, Takes
from mc_jupyter.tasks import Images, Task
from mc_jupyter.tasks._generation import GenerationAction, check_generation
from mc_jupyter.values import Text

_OF_PROMPTS = ("max_input_length", "truncate")


class ImageToText(Task):
    """Describe an image, or answer a question about it."""

    head = "image-to-text"
    input = "image"
    result = Text

    class Settings(Closed):
        """Which kind of captioning model it is."""

        family: Annotated[
            Literal["auto", "blip", "git", "vit-gpt2", "blip2", "donut", "pix2struct"],
            Spelled("architecture"),
        ] = Field("auto", description="Kind of model; auto reads it from the checkpoint.")

    class Action(GenerationAction):
        """The image, and what to say about it. The prompt itself is not part of the answer."""

        image: Images = Field(description="The image to describe, or a list of them.")
        prompt: Annotated[Bound[str | list[str]] | None, Spelled("text"), Takes(TEXT)] = Field(
            None,
            description="How the description begins, or a question; one for all images, or one for each.",
        )
        max_input_length: Bound[Annotated[int, Field(ge=1)]] | None = Field(
            None, description="Most tokens of a prompt; default: what the model's window leaves."
        )
        truncate: Bound[bool] = Field(
            False, description="Cut a prompt that is too long (its first words are dropped) instead of refusing it."
        )

    @classmethod
    def check(cls, action: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
        yield from check_generation(action)
        for name in _OF_PROMPTS:
            if action.get(name) and "prompt" not in action:
                yield name, Problem(f"{name} is for prompts, and there is none", fix=f"add prompt:, or remove {name}")

    @classmethod
    def items(cls, action: Any) -> tuple[list[Any], bool]:
        """The images; one image that several prompts are about counts once for each of them."""
        if isinstance(action.prompt, list) and not isinstance(action.image, list):
            return [action.image] * len(action.prompt), True
        return super().items(action)
