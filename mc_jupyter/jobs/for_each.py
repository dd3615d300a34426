"""Calls a component for each item of a list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from mc_jupyter.jobs import Called, JobFields, JobType
from mc_jupyter.language.fields import Bound


class ForEach(JobType):
    """Calls a component for each item of a list."""

    class Fields(JobFields):
        input: Any = Field(None, description="The list; what is no list is one item.")
        batch_size: Bound[Annotated[int, Field(ge=1)]] = Field(1, description="How many at once.")
        streaming: bool = Field(False, description="Give results one by one.")
        do: dict[str, Any] = Field(description="The component, action and input for ${item}.")

    @classmethod
    def calls(cls, fields: Any) -> Iterator[Called]:
        yield Called.inside(fields.do, "do")
