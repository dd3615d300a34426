"""Turn a text into a vector whose direction is its meaning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mc_jupyter.language.fields import Bound
from mc_jupyter.tasks import Task, TaskAction, Texts
from mc_jupyter.tasks._language import LanguageSettings
from mc_jupyter.values import Embedding


class TextEmbedding(Task):
    """Turn a text into a vector whose direction is its meaning."""

    head = "encoder"
    tags = ("sentence-similarity", "feature-extraction")
    result = Embedding

    class Settings(LanguageSettings):
        """What kind of encoder it is."""

        architecture: Literal["auto", "bert", "sbert"] = Field(
            "auto",
            description="sbert follows the checkpoint's sentence-transformers files, bert does not; auto: if any.",
        )

    class Action(TaskAction):
        """The text to embed, and how token vectors become one."""

        text: Texts = Field(description="The text to embed, or a list of them.")
        pooling: Bound[Literal["auto", "mean", "cls", "max"]] = Field(
            "auto", description="How token vectors become one: auto is what the model was trained with, else mean."
        )
        normalize: Bound[bool] = Field(True, description="Scale the vector to length 1.")
        max_input_length: Bound[Annotated[int, Field(ge=1)]] | None = Field(
            None, description="Most tokens of input; default: the model's window."
        )
        truncate: Bound[bool] = Field(
            False, description="Cut an input that is too long (its end is dropped) instead of refusing it."
        )
