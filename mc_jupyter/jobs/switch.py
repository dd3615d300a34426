"""Goes where a value leads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from mc_jupyter.jobs import JobFields, JobType
from mc_jupyter.language.fields import Closed


class Case(Closed):
    """One value, and where it leads."""

    value: Any = Field(None, description="The value.")
    then: str = Field(description="The job to go to.")


class Switch(JobType):
    """Goes where a value leads."""

    class Fields(JobFields):
        input: Any = Field(None, description="What is looked at.")
        cases: list[Case] = Field(default_factory=list, description="Values and where they lead.")
        value: Any = Field(None, description="The only case's value.")
        then: str | None = Field(None, description="The only case's job.")
        otherwise: str | None = Field(None, description="The job to go to if no case is met.")

    @classmethod
    def targets(cls, fields: Any) -> Iterator[str]:
        ways = (fields.then, *(case.then for case in fields.cases), fields.otherwise)
        yield from (way for way in ways if way is not None)
