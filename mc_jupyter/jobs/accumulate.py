"""Calls a component for each item, carrying what came before along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from mc_jupyter.jobs import Called, JobFields, JobType


class Accumulate(JobType):
    """Calls a component for each item, carrying what came before along."""

    class Fields(JobFields):
        input: Any = Field(None, description="The list.")
        accumulator: Any = Field(None, description="What ${accumulator} is at first.")
        do: dict[str, Any] = Field(description="The component, action and input for ${item} and ${accumulator}.")

    @classmethod
    def calls(cls, fields: Any) -> Iterator[Called]:
        yield Called.inside(fields.do, "do")
