"""The workflows of a document, read: their jobs, how these hang together, and what they call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mc_jupyter.components import DEFAULT, Component
from mc_jupyter.document.findings import Findings
from mc_jupyter.document.spec import JOB, WORKFLOW, Job, Workflow
from mc_jupyter.errors import Place, UnknownName
from mc_jupyter.jobs import Called, JobFields, JobType
from mc_jupyter.language import cell, expressions
from mc_jupyter.language.cell import Map, place_in
from mc_jupyter.words import hinted

# What a job's expressions may name.
_SOURCES = ("input", "env", "context", "jobs", "output", "result", "item", "index", "error", "accumulator")


class WorkflowReader:
    """Reads the workflows of a document whose components have been read.

    `read_component` reads one that is written out inside a job, and notes what is wrong with it.
    """

    def __init__(
        self, found: Findings, components: Sequence[Component], read_component: Callable[[Map], Component | None]
    ):
        self.found = found
        self.components = components
        self.read_component = read_component

    def workflow(self, written: Map) -> Workflow | None:
        """One workflow, or None with its problems noted."""
        before = len(self.found.problems)
        jobs = [job for one in self.jobs_of(written) if (job := self.job(one))]
        self.found.unique(jobs, "job")
        self.linked(jobs)
        # The older edition writes a single job's fields in the workflow itself: then `output:` is the job's.
        output = written.get("output") if _has_jobs(written) else None
        self.found.known_sources(Map({"output": output}, spans=written._spans), _SOURCES)
        if len(self.found.problems) > before:
            return None
        return Workflow(
            id=str(written.get("id", "__workflow__")),
            jobs=tuple(jobs),
            written=written,
            output=output,
            title=written.get("title"),
            description=written.get("description"),
            default=bool(written.get("default", False)),
        )

    def jobs_of(self, written: Map) -> list[Map]:
        """Each job's mapping; `job: {}` is none, as in model-compose."""
        inline = Map({k: v for k, v in written.items() if k not in WORKFLOW}, spans=written._spans, span=written.span)
        if _has_jobs(written):
            for key in inline:
                self.found.unknown_key(key, written, WORKFLOW)
            given = {key: written[key] for key in ("job", "jobs") if written.get(key)}
            return list(self.found.parts(Map(given, spans=written._spans), "job"))
        for key in ("input", "output"):
            if key in written:
                inline.take(written, key)
        return [inline] if inline else []

    def job(self, written: Map) -> Job | None:
        """One job, or None with its problems noted."""
        try:
            kind = JobType.named(str(written.get("type", "component")))
        except UnknownName as error:
            self.found.failed(error, place_in(written, ("type",)))
            return None
        names = kind.Fields.names()
        own = Map(span=written.span)
        for key in written:
            if key in names:
                if written[key] is not None:  # `then:` with nothing after it is not said
                    self.found.put(own, names[key], written, key)
            elif key not in JOB:
                self.found.unknown_key(key, written, [*JOB, *names])
        fields = self.found.valid(kind.Fields, own)
        self.found.known_sources(own, _SOURCES)
        return Job(fields.id, kind, fields, frozenset(_waits_for(own, fields)), own) if fields else None

    # --- how jobs hang together ---------------------------------------------------------------------------------------

    def linked(self, jobs: list[Job]) -> None:
        """Check that jobs name jobs, components and actions that exist, and do not wait for each other."""
        ids = [job.id for job in jobs]
        for job in jobs:
            for other in sorted(job.after.union(job.type.targets(job.fields))):
                if other not in ids:
                    message = f"job {job.id!r} names a job {other!r}, which there is not"
                    self.found.wrong(hinted(message, other, ids), _where(job, other))
            for called in job.type.calls(job.fields):
                self.calls_what_exists(job, called)
        if ring := _ring(jobs):
            place = place_in(next(j for j in jobs if j.id == ring[0]).written, ("id",))
            self.found.wrong(
                f"jobs wait for each other: {' → '.join([*ring, ring[0]])}", place, "remove one depends_on"
            )

    def calls_what_exists(self, job: Job, called: Called) -> None:
        """Check a component that is written out in a job; of one that is named, that it has the action."""
        if not isinstance(called.component, str):
            self.written_out(job, called)
            return
        component = self.component_of(called.component)
        # A component of another name may be defined by another cell: the plan looks for it.
        if component is None:
            return
        try:
            component.action(called.action)
        except UnknownName as error:
            holder = job.written if not called.path else job.written[called.path[0]]
            key = "action" if "action" in holder else "component"
            self.found.failed(error, place_in(job.written, (*called.path, key)))

    def component_of(self, name: str) -> Component | None:
        """The component that a job means; of several without a name, the one marked `default: true`."""
        if name == DEFAULT:
            marked = [one for one in self.components if one.default]
            return self.components[0] if len(self.components) == 1 else next(iter(marked), None)
        return next((one for one in self.components if one.id == name), None)

    def written_out(self, job: Job, called: Called) -> None:
        holder: Any = job.written
        for key in called.path:
            holder = holder[key]
        if isinstance(holder["component"], Map):
            self.read_component(holder["component"])
        else:
            self.found.wrong("a component is its name or a mapping", place_in(holder, ("component",)))


def _has_jobs(written: Map) -> bool:
    return "job" in written or "jobs" in written


def _waits_for(written: Map, fields: JobFields) -> Iterator[str]:
    """The jobs that a job names in `depends_on` or in an expression."""
    waits = [fields.depends_on] if isinstance(fields.depends_on, str) else fields.depends_on
    for name in waits:
        yield from [name] if isinstance(name, str) else name
    for _, reference in expressions.references(written):
        if reference.source == "jobs" and reference.path and isinstance(reference.path[0], str):
            yield reference.path[0]


def _where(job: Job, other: str) -> Place | None:
    """Where a job's text names another one."""
    span = job.written.span
    if span is None:
        return None
    at = span.text.find(other)
    return cell.Span(span.start + at, span.start + at + len(other), span.source).place() if at >= 0 else span.place()


def _ring(jobs: list[Job]) -> list[str]:
    """The first ring of jobs that wait for each other; nothing where there is none."""
    after = {job.id: job.after for job in jobs}
    done: set[str] = set()

    def follow(name: str, way: list[str]) -> list[str]:
        if name in way:
            return way[way.index(name) :]
        if name in done or name not in after:
            return []
        for other in sorted(after[name]):
            if ring := follow(other, [*way, name]):
                return ring
        done.add(name)
        return []

    return next((ring for name in after if (ring := follow(name, []))), [])
