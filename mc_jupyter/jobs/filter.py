"""Keeps the items of a list that match; without a list, only shapes an output."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from mc_jupyter.jobs import JobFields, JobType


class Filter(JobType):
    """Keeps the items of a list that match; without a list, only shapes an output."""

    class Fields(JobFields):
        input: Any = Field(None, description="The list.")
        where: Any = Field(None, description="Which items stay.")
        streaming: bool = Field(False, description="Give items one by one.")
