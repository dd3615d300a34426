"""The steps of a workflow, typed: what each kind of job may say."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mc_jupyter.fields import Bound, Closed, Spelled

Operator = Literal["eq", "neq", "gt", "gte", "lt", "lte", "in", "not-in", "starts-with", "ends-with", "match"]


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

    targets: ClassVar[tuple[str, ...]] = ()
    """Fields that name the job to go to."""


class ComponentJob(JobFields):
    """Calls a component."""

    component: str | dict[str, Any] = Field("__default__", description="Which component, or one written out here.")
    action: str = Field("__default__", description="Which of its actions.")
    input: Any = Field(None, description="What it gets; default: the workflow's input.")
    repeat_count: Bound[Annotated[int, Field(ge=1)]] = Field(
        1, description="How often it is called; more gives a list."
    )


class DelayJob(JobFields):
    """Waits."""

    mode: Literal["time-interval", "specific-time"] = Field("time-interval", description="For a time, or until a time.")
    duration: Bound[float | str] | None = Field(None, description="How long: seconds, or 10ms, 5s, 2m, 1h, 1d.")
    time: Bound[str] | None = Field(None, description="Until when.")
    timezone: Bound[str] | None = Field(None, description="Time zone of `time`.")


class Condition(Closed):
    """One question, and where each answer leads."""

    input: Any = Field(None, description="What is looked at.")
    operator: Operator = Field("eq", description="How it is compared.")
    value: Any = Field(None, description="With what.")
    if_true: str | None = Field(None, description="The job to go to if so.")
    if_false: str | None = Field(None, description="The job to go to if not.")


class IfJob(JobFields, Condition):
    """Goes one way or another."""

    conditions: list[Condition] = Field(default_factory=list, description="Several questions; the first answer counts.")
    otherwise: str | None = Field(None, description="The job to go to if no condition leads anywhere.")


class Case(Closed):
    """One value, and where it leads."""

    value: Any = Field(None, description="The value.")
    then: str = Field(description="The job to go to.")


class SwitchJob(JobFields):
    """Goes where a value leads."""

    input: Any = Field(None, description="What is looked at.")
    cases: list[Case] = Field(default_factory=list, description="Values and where they lead.")
    value: Any = Field(None, description="The only case's value.")
    then: str | None = Field(None, description="The only case's job.")
    otherwise: str | None = Field(None, description="The job to go to if no case is met.")


class Route(Closed):
    """One way a random router may go."""

    to: Annotated[str, Spelled("target")] = Field(description="The job to go to.")
    weight: float = Field(1, ge=0, description="How likely, beside the others.")


class RandomRouterJob(JobFields):
    """Goes one of several ways at random."""

    mode: Literal["uniform", "weighted"] = Field("uniform", description="All alike, or by weight.")
    routings: list[Route] = Field(description="The ways.")


class FilterJob(JobFields):
    """Keeps the items of a list that match; without a list, only shapes an output."""

    input: Any = Field(None, description="The list.")
    where: Any = Field(None, description="Which items stay.")
    streaming: bool = Field(False, description="Give items one by one.")


class ForEachJob(JobFields):
    """Calls a component for each item of a list."""

    input: Any = Field(None, description="The list; what is no list is one item.")
    batch_size: Bound[Annotated[int, Field(ge=1)]] = Field(1, description="How many at once.")
    streaming: bool = Field(False, description="Give results one by one.")
    do: dict[str, Any] = Field(description="The component, action and input for ${item}.")


class AccumulateJob(JobFields):
    """Calls a component for each item, carrying what came before along."""

    input: Any = Field(None, description="The list.")
    accumulator: Any = Field(None, description="What ${accumulator} is at first.")
    do: dict[str, Any] = Field(description="The component, action and input for ${item} and ${accumulator}.")


KINDS: dict[str, type[JobFields]] = {
    "component": ComponentJob,
    "action": ComponentJob,
    "delay": DelayJob,
    "if": IfJob,
    "switch": SwitchJob,
    "random-router": RandomRouterJob,
    "filter": FilterJob,
    "for-each": ForEachJob,
    "accumulate": AccumulateJob,
}
"""What a job's `type:` may be. `action` is the older edition's word for `component`."""
