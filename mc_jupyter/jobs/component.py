"""Calls a component."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import Field

from mc_jupyter.jobs import Called, JobFields, JobType
from mc_jupyter.language.fields import Bound
from mc_jupyter.words import DEFAULT


class Component(JobType):
    """Calls a component."""

    also: ClassVar[tuple[str, ...]] = ("action",)  # the older edition's word

    class Fields(JobFields):
        component: str | dict[str, Any] = Field(DEFAULT, description="Which component, or one written out here.")
        action: str = Field(DEFAULT, description="Which of its actions.")
        input: Any = Field(None, description="What it gets; default: the workflow's input.")
        repeat_count: Bound[Annotated[int, Field(ge=1)]] = Field(
            1, description="How often it is called; more gives a list."
        )

    @classmethod
    def calls(cls, fields: Any) -> Iterator[Called]:
        yield Called(fields.component, fields.action)
