"""Say which class a text belongs to."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from mc_jupyter.language.fields import Bound
from mc_jupyter.language.kinds import TEXT, Takes
from mc_jupyter.tasks import Task, TaskAction, Texts
from mc_jupyter.tasks._language import LanguageSettings
from mc_jupyter.values import Label


class TextClassification(Task):
    """Say which class a text belongs to."""

    head = "sequence-classifier"
    result = Label

    class Settings(LanguageSettings):
        """What the classes are called."""

        labels: Bound[list[str]] | None = Field(
            None, description="Names of the classes in the model's order, instead of the model's own."
        )

    class Action(TaskAction):
        """The text to classify, or the pair of texts."""

        text: Texts = Field(description="The text to classify, or a list of them.")
        text_pair: Annotated[Bound[str | list[str]] | None, Takes(TEXT)] = Field(
            None,
            description="The second text of a pair, for models that read two (a reranker's passage, a hypothesis); one "
            "for all, or one for each.",
        )
        max_input_length: Bound[Annotated[int, Field(ge=1)]] | None = Field(
            None, description="Most tokens of input; default: the model's window."
        )
        truncate: Bound[bool] = Field(
            False, description="Cut an input that is too long (its end is dropped) instead of refusing it."
        )
        return_probabilities: Bound[bool] = Field(
            False,
            description="Also give the score of every class in the model's order: its odds, or what a head measures.",
        )

    @classmethod
    def items(cls, action: Any) -> tuple[list[Any], bool]:
        """The texts; one text that several others are read with counts once for each of them."""
        if isinstance(action.text_pair, list) and not isinstance(action.text, list):
            return [action.text] * len(action.text_pair), True
        return super().items(action)
