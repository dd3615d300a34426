"""Continue a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from mc_jupyter.errors import Problem
from mc_jupyter.language.kinds import TEXT, Takes
from mc_jupyter.tasks import Task, Texts
from mc_jupyter.tasks._generation import GenerationAction, check_generation
from mc_jupyter.tasks._language import LanguageSettings
from mc_jupyter.values import Text


class TextGeneration(Task):
    """Continue a text."""

    head = "causal-lm"
    result = Text

    class Settings(LanguageSettings):
        """Which way the model reads."""

        architecture: Literal["auto", "causal", "seq2seq"] = Field(
            "auto",
            description="causal continues the text; seq2seq reads it and writes a new one; auto: the checkpoint's.",
        )

    class Action(GenerationAction):
        """What to continue, and how."""

        text: Annotated[Texts, Takes(TEXT, "prompt", "text")] = Field(
            description="The text to continue, or a list of them."
        )

    @classmethod
    def check(cls, action: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
        return check_generation(action)
