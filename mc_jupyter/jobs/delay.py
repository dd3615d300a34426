"""Waits."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mc_jupyter.jobs import JobFields, JobType
from mc_jupyter.language.fields import Bound


class Delay(JobType):
    """Waits."""

    class Fields(JobFields):
        mode: Literal["time-interval", "specific-time"] = Field(
            "time-interval", description="For a time, or until a time."
        )
        duration: Bound[float | str] | None = Field(None, description="How long: seconds, or 10ms, 5s, 2m, 1h, 1d.")
        time: Bound[str] | None = Field(None, description="Until when.")
        timezone: Bound[str] | None = Field(None, description="Time zone of `time`.")
