"""Goes one of several ways at random."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from mc_jupyter.jobs import JobFields, JobType
from mc_jupyter.language.fields import Closed, Spelled


class Route(Closed):
    """One way a random router may go."""

    to: Annotated[str, Spelled("target")] = Field(description="The job to go to.")
    weight: float = Field(1, ge=0, description="How likely, beside the others.")


class RandomRouter(JobType):
    """Goes one of several ways at random."""

    class Fields(JobFields):
        mode: Literal["uniform", "weighted"] = Field("uniform", description="All alike, or by weight.")
        routings: list[Route] = Field(description="The ways.")

    @classmethod
    def targets(cls, fields: Any) -> Iterator[str]:
        yield from (route.to for route in fields.routings)
