"""What a step of a workflow can be: one file per job type.

A job type says which fields its jobs have, which jobs they may go to, and which components they call. To add one, write
`jobs/my_type.py` with one class:

    from mc_jupyter.parts import Called, Field, JobFields, JobType

    class MyType(JobType):
        '''One line that help and the schema show.'''

        class Fields(JobFields):             # what every job may say is in it already
            component: str = Field(description="The component to call.")
            then: str = Field(description="The job to go to.")

        @classmethod
        def targets(cls, fields):            # only where it goes to jobs that it names
            yield fields.then

        @classmethod
        def calls(cls, fields):              # only where it calls components
            yield Called(fields.component)

The file's name is the word of `type:` (`my_type.py` is `type: my-type`); nothing else is edited. No job type runs in
this version: its method for that will stand here too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from mc_jupyter.catalog import Part
from mc_jupyter.language.fields import Closed
from mc_jupyter.words import DEFAULT


class Retry(Closed):
    """What to do again after a failure."""

    max_retry_count: int = Field(1, ge=0, description="How often to try again.")
    delay: float | str = Field(0, description="Time between tries.")
    backoff: float = Field(1, ge=1, description="By how much the time grows.")


class JobFields(Closed):
    """What every job may say."""

    id: str = Field("__job__", description="Its name, for ${jobs.NAME.output} and depends_on.")
    depends_on: str | list[str | list[str]] = Field(
        default_factory=list,
        description="Jobs that must be done first; those its expressions name are found by themselves.",
    )
    output: Any = Field(None, description="What the job gives, built from ${output}; default: the component's output.")
    max_run_count: int = Field(25, ge=1, description="Most runs of this job in one run of the workflow.")
    retry: int | Retry | None = Field(None, description="Try again after a failure.")
    on_error: Any = Field(None, description='"ignore", or {output: …} to give instead, or {to: JOB}.')


@dataclass(frozen=True, slots=True)
class Called:
    """A component that a job calls: its name, or all of it written out inside the job.

    `path` leads from the job's own mapping to the one whose `component:` and `action:` say so.
    """

    component: str | Mapping[str, Any] = DEFAULT
    action: str = DEFAULT
    path: tuple[str, ...] = ()

    @classmethod
    def inside(cls, do: Mapping[str, Any], key: str) -> Called:
        """What a mapping of the job, which stands under `key`, says of the component that it calls."""
        return cls(do.get("component", DEFAULT), str(do.get("action", DEFAULT)), (key,))


class JobType(Part, room="jobs", noun="job type"):
    """One kind of step."""

    Fields: ClassVar[type[JobFields]] = JobFields
    """What such a job may say."""

    @classmethod
    def targets(cls, fields: Any) -> Iterator[str]:
        """The names of the jobs that a job with these `fields` may go to: the reader checks that they exist."""
        return iter(())

    @classmethod
    def calls(cls, fields: Any) -> Iterator[Called]:
        """The components that a job with these `fields` calls: the reader checks them. `fields` are a `Fields`."""
        return iter(())
