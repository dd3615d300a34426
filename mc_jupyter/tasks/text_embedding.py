"""Turn a text into a vector whose direction is its meaning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mc_jupyter.language.fields import Bound
from mc_jupyter.tasks import Task, TaskAction, Texts
from mc_jupyter.tasks._language import LanguageSettings
from mc_jupyter.values import Embedding

Ways = Literal["auto", "mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]


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
        prompt_name: Bound[str] | None = Field(
            None,
            description='Which of the prompts of the checkpoint goes before each text; default: its default, "": none.',
        )
        pooling: Bound[Ways] = Field(
            "auto", description="How token vectors become one: auto is what the model was trained with, else mean."
        )
        truncate_dim: Bound[Annotated[int, Field(ge=1)]] | None = Field(
            None, description="Keep the vector's first numbers, this many; default: what the checkpoint says, else all."
        )
        normalize: Bound[bool] = Field(
            True, description="Scale the vector to length 1. A Normalize module of the checkpoint does so anyway."
        )
        max_input_length: Bound[Annotated[int, Field(ge=1)]] | None = Field(
            None, description="Most tokens of input; default: the model's window."
        )
        truncate: Bound[bool] = Field(
            False, description="Cut an input that is too long (its end is dropped) instead of refusing it."
        )
