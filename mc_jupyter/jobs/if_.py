"""Goes one way or another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from mc_jupyter.jobs import JobFields, JobType
from mc_jupyter.language.fields import Closed

Operator = Literal["eq", "neq", "gt", "gte", "lt", "lte", "in", "not-in", "starts-with", "ends-with", "match"]


class Condition(Closed):
    """One question, and where each answer leads."""

    input: Any = Field(None, description="What is looked at.")
    operator: Operator = Field("eq", description="How it is compared.")
    value: Any = Field(None, description="With what.")
    if_true: str | None = Field(None, description="The job to go to if so.")
    if_false: str | None = Field(None, description="The job to go to if not.")


class If(JobType):
    """Goes one way or another."""

    class Fields(JobFields, Condition):
        conditions: list[Condition] = Field(
            default_factory=list, description="Several questions; the first answer counts."
        )
        otherwise: str | None = Field(None, description="The job to go to if no condition leads anywhere.")

    @classmethod
    def targets(cls, fields: Any) -> Iterator[str]:
        ways = [way for one in (fields, *fields.conditions) for way in (one.if_true, one.if_false)]
        yield from (way for way in (*ways, fields.otherwise) if way is not None)
