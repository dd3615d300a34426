"""A whole document, typed: its components and workflows, whichever edition's spelling they are written in.

`read` gives a Spec or a SpecError with every problem of the text. Nothing is loaded, asked for or run: expressions stay
expressions. What the editions of model-compose spell differently is brought to one form here and nowhere else:
a component's fields inline, under `action:` or `actions:`; a job's inline, under `job:` or `jobs:`; an action's
settings directly in it or under `params:`; and the other names that fields declare (`Spelled`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError

from mc_jupyter import cell, expressions
from mc_jupyter.cell import Document, Map, place_in
from mc_jupyter.components import ComponentType, Shape
from mc_jupyter.errors import ComposeError, Place, Problem, SpecError, UnknownName
from mc_jupyter.expressions import Reference
from mc_jupyter.fields import Closed, spellings
from mc_jupyter.jobs import DEFAULT as DEFAULT
from mc_jupyter.jobs import Called, JobFields, JobType
from mc_jupyter.problems import problems_of
from mc_jupyter.words import did_you_mean, hinted, listing

# Parts of a model-compose file that a notebook has no use for; a remark says so.
_ELSEWHERE = frozenset(
    name + plural
    for name in ("controller", "listener", "gateway", "logger", "system", "tracer")
    for plural in ("", "s")
)
_TOP = ("component", "components", "workflow", "workflows")
_COMPONENT_FRAME = ("id", "type", "action", "actions")
_ACTION_FRAME = ("id", "default")
_WORKFLOW = ("id", "title", "description", "input", "output", "default", "job", "jobs")
# What expressions may name. Those of an action's output are the component type's (`result`, `response` …) besides.
_ACTION_SOURCES = ("input", "env", "context")
_JOB_SOURCES = ("input", "env", "context", "jobs", "output", "result", "item", "index", "error", "accumulator")


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a component does. `written` is what the text says, in one spelling, with its places.

    `supplied` names the fields that the text leaves out and that were given an expression over the input.
    """

    id: str
    fields: Closed
    written: Map = field(repr=False)
    default: bool = False
    supplied: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Component:
    """One component, and what it can do."""

    id: str
    type: type[ComponentType]
    shape: Shape = field(repr=False)
    settings: Any
    actions: tuple[Action, ...]
    written: Map = field(repr=False)

    @property
    def default(self) -> bool:
        return bool(self.settings.default)

    def action(self, name: str = DEFAULT) -> Action:
        """The action of that name; without one, the only action or the one marked `default: true`."""
        found: Action = _chosen(self.actions, name, f"component {self.id!r}", "action")
        return found


@dataclass(frozen=True, slots=True)
class Job:
    """One step of a workflow. `after` are the jobs it waits for, written or found in its expressions."""

    id: str
    type: type[JobType]
    fields: Any
    after: frozenset[str]
    written: Map = field(repr=False)


@dataclass(frozen=True, slots=True)
class Workflow:
    """Jobs, and how they hang together."""

    id: str
    jobs: tuple[Job, ...]
    output: Any = None
    title: str | None = None
    description: str | None = None
    default: bool = False


@dataclass(frozen=True, slots=True)
class Spec:
    """What a document says. `remarks` are choices a reader should know of."""

    document: Document = field(repr=False)
    components: tuple[Component, ...]
    workflows: tuple[Workflow, ...]
    remarks: tuple[str, ...] = ()

    def component(self, name: str = DEFAULT) -> Component:
        """The component of that name; without one, the only one or the one marked `default: true`."""
        found: Component = _chosen(self.components, name, "this document", "component")
        return found


def _chosen(parts: tuple[Any, ...], name: str, owner: str, noun: str) -> Any:
    names = [part.id for part in parts]
    if name != DEFAULT:
        for part in parts:
            if part.id == name:
                return part
        raise UnknownName(hinted(f"{owner} has no {noun} {name!r}", name, names), fix=listing(names) or None)
    if len(parts) == 1:
        return parts[0]
    marked = [part for part in parts if part.default]
    if marked:
        return marked[0]
    raise UnknownName(
        f"{owner} has {len(parts)} {noun}s, and none is marked as the default" if parts else f"{owner} has no {noun}",
        fix=f"name one of {listing(names)}, or give one default: true" if parts else None,
    )


@lru_cache(maxsize=64)
def read(text: str, *, first_line: int = 1) -> Spec:
    """The document that a text is. Lines in errors count from `first_line`; asking again is a look-up."""
    problems: list[Problem] = []
    return _Reader(cell.read(text, first_line=first_line, problems=problems), problems).spec()


def parse(text: str, env: Mapping[str, str] | None = None) -> Any:
    """A document's plain values, `${env.X}` filled in from `env` (default: this process's) and nothing else."""
    value = cell.read(text).value
    return cell.to_plain(expressions.resolve_env(value, os.environ if env is None else env))


def schema() -> dict[str, Any]:
    """A JSON schema of documents, made from the fields, with their descriptions and limits."""
    from mc_jupyter._schema import document_schema

    return document_schema()


class _Reader:
    """Reads one document, collecting problems as it goes."""

    never_null: frozenset[str] = frozenset(("text", "prompt", "messages", "image"))

    def __init__(self, document: Document, problems: list[Problem]):
        self.document = document
        self.problems = problems
        self.remarks: list[str] = []

    def wrong(self, message: str, place: Place | None, fix: str | None = None) -> None:
        self.problems.append(Problem(message, place, fix))

    def spec(self) -> Spec:
        top = self.document.value
        if not isinstance(top, Map):
            self.wrong("a document is a mapping", self.document.place(), "component:\n        type: model\n        …")
            raise SpecError(self.problems)
        if "type" in top and not any(key in top for key in _TOP):
            self.wrong(
                "a component's fields stand under component:",
                place_in(top, ("type",), key=True),
                "component:\n        type: …",
            )
            raise SpecError(self.problems)
        for key in top:
            if key in _ELSEWHERE:
                self.remarks.append(f"{key}: has no use in a notebook, and is left out")
            elif key not in _TOP:
                self.unknown_key(key, top, (*_TOP, "controller"))
        components = [c for w in self.parts(top, "component") if (c := self.component(w))]
        self.unique(components, "component")
        workflows = [w for m in self.parts(top, "workflow") if (w := self.workflow(m, components))]
        self.unique(workflows, "workflow")
        if not (components or workflows) and not self.problems:
            self.wrong(
                "there is neither a component nor a workflow", self.document.place(), "component:\n        type: model"
            )
        if self.problems:
            raise SpecError(sorted(dict.fromkeys(self.problems), key=_reading_order))
        return Spec(self.document, tuple(components), tuple(workflows), tuple(dict.fromkeys(self.remarks)))

    def parts(self, top: Map, name: str) -> Iterator[Map]:
        """The mappings under `component:` or `components:`."""
        plural = name + "s"
        if name in top and plural in top:
            self.wrong(f"{name} and {plural} are both given", place_in(top, (name,), key=True), "keep one of them")
        for key in (name, plural):
            if key not in top:
                continue
            value = top[key]
            items = value if isinstance(value, list) else [value]
            for i, item in enumerate(items):
                if isinstance(item, Map):
                    yield item
                else:
                    path = (key, i) if isinstance(value, list) else (key,)
                    self.wrong(f"a {name} is a mapping", place_in(top, path), f"{name}:\n        id: …")

    def unique(self, parts: Iterable[Any], noun: str) -> None:
        seen: set[str] = set()
        for part in parts:
            if part.id in seen:
                place = place_in(part.written, ("id",)) if hasattr(part, "written") else None
                self.wrong(f"two {noun}s have the id {part.id!r}", place, "give each an id of its own")
            seen.add(part.id)

    def unknown_key(self, key: str, container: Map, known: Iterable[str]) -> None:
        known = list(known)
        hint = did_you_mean(key, known)
        fix = hint or f"known here: {', '.join(sorted(known))}"
        self.wrong(f"unknown key {key!r}", place_in(container, (key,), key=True), fix)

    # --- components ---------------------------------------------------------------------------------------------------

    def component(self, written: Map) -> Component | None:
        before = len(self.problems)
        word = written.get("type")
        if not isinstance(word, str):
            place = place_in(written, ("type",))
            self.wrong("a component needs type:", place, f"type: {listing(ComponentType.names())}")
            return None
        try:
            kind = ComponentType.named(word)
            shape = kind.shape(written)
        except UnknownName as error:
            self.problems += [p.at(place_in(written, ("type",))) for p in error.problems]
            return None
        settings_map, inline = self.sort_out(written, kind, shape)
        settings = self.valid(shape.settings, settings_map)
        actions = [self.action(raw, inline, kind, shape, written) for raw in self.actions_of(written)]
        self.known_sources(settings_map, ("env",), "a component's own fields are decided before it is called")
        self.unique([a for a in actions if a], "action")
        name = written.get("id", "__component__")
        if not isinstance(name, str) or name == DEFAULT:
            self.wrong("an id is a name", place_in(written, ("id",)), "id: my_model")
        if len(self.problems) > before:
            return None
        self.remarks += shape.remarks
        if any(isinstance(v, str) and v and not expressions.has_reference(v) for v in _tokens(settings_map)):
            self.remarks.append(
                "a token stands in the text, where every reader finds it: token: ${env.HF_TOKEN} keeps it out"
            )
        if len(actions) > 1 and not any(a and a.default for a in actions):
            self.wrong(
                f"{name} has {len(actions)} actions, and none is marked as the default",
                place_in(written, ("actions",), key=True),
                "give one default: true",
            )
            return None
        if settings.runtime != "native":
            self.remarks.append(f"runtime: {settings.runtime}: in a notebook it runs in the kernel")
        if settings.max_concurrent_count:
            self.remarks.append("max_concurrent_count: in a kernel, calls of one model follow one another")
        return Component(name, kind, shape, settings, tuple(a for a in actions if a), written)

    def sort_out(self, written: Map, kind: type[ComponentType], shape: Shape) -> tuple[Map, Map]:
        """The component's own fields, and those of its action that are written beside them."""
        settings, inline = Map(span=written.span), Map(span=written.span)
        own, called = _names(shape.settings), _names(shape.action)
        for key in written:
            if key in _COMPONENT_FRAME:
                continue
            if key in own:
                self.put(settings, own[key], written, key)
            elif key in kind.nested:
                self.flatten(inline, called, written, key)
            elif key in called:
                self.put(inline, called[key], written, key)
            else:
                self.unknown_key(key, written, [*_COMPONENT_FRAME, *own, *called, *kind.nested])
        return settings, inline

    def put(self, into: Map, name: str, written: Map, key: str) -> None:
        if written[key] is None and name not in self.never_null:
            return  # `temperature:` with nothing after it is not said
        if name in into:
            self.wrong(
                f"{name} is given twice" + (f", here as {key}" if key != name else ""),
                place_in(written, (key,), key=True),
                "keep one of them",
            )
        else:
            into.take(written, key, name)

    def flatten(self, into: Map, known: Mapping[str, str], written: Map, key: str) -> None:
        """Bring the fields under `params:` up beside the others."""
        nested = written[key]
        if nested is None:
            return
        if not isinstance(nested, Map):
            self.wrong(f"{key} is a mapping", place_in(written, (key,)), f"{key}:\n        temperature: 0.7")
            return
        for inner in nested:
            if inner in known:
                self.put(into, known[inner], nested, inner)
            else:
                self.unknown_key(inner, nested, known)

    def actions_of(self, written: Map) -> list[Map]:
        if "action" in written and "actions" in written:
            self.wrong(
                "action and actions are both given", place_in(written, ("action",), key=True), "keep one of them"
            )
        found = written.get("actions", written.get("action"))
        if found is None:
            return [Map(span=written.span)]
        key = "actions" if "actions" in written else "action"
        items = found if isinstance(found, list) else [found]
        for item in items:
            if not isinstance(item, Map):
                self.wrong("an action is a mapping", place_in(written, (key,)))
        return [item for item in items if isinstance(item, Map)]

    def action(self, raw: Map, inline: Map, kind: type[ComponentType], shape: Shape, written: Map) -> Action | None:
        called = _names(shape.action)
        own = Map(span=raw.span)
        for key in raw:
            if key in _ACTION_FRAME:
                continue
            if key in kind.nested:
                self.flatten(own, called, raw, key)
            elif key in called:
                self.put(own, called[key], raw, key)
            elif key in _names(shape.settings):
                self.wrong(f"{key} belongs to the component, not to its action", place_in(raw, (key,), key=True))
            else:
                self.unknown_key(key, raw, [*_ACTION_FRAME, *called, *kind.nested])
        whole = inline.with_(own)
        supplied = {name: text for name, text in shape.defaults.items() if name not in whole}
        whole = Map(supplied, span=whole.span).with_(whole)  # the task's own input comes first
        fields = self.valid(shape.action, whole)
        for name, problem in kind.check(written, whole):
            here = place_in(whole, (name,), key=True) if name else None
            self.problems.append(problem.at(here or (whole.span.place() if whole.span else None)))
        outside = whole.with_(without=("output", "completion"))
        self.known_sources(outside, _ACTION_SOURCES)
        after = Map({k: whole[k] for k in ("output", "completion") if k in whole}, spans=whole._spans, span=whole.span)
        self.known_sources(after, (*_ACTION_SOURCES, *kind.sources))
        name = raw.get("id", "__action__")
        if fields is None:
            return None
        return Action(str(name), fields, whole, bool(raw.get("default", False)), frozenset(supplied))

    def valid(self, model: type[Closed], written: Map) -> Any:
        """The model's fields from what is written, or None with the problems noted."""
        try:
            return model.model_validate(dict(written))
        except ValidationError as error:
            self.problems += problems_of(error, written, model)
            return None

    def known_sources(self, value: Any, known: Iterable[str], why: str | None = None) -> None:
        """Note every expression that names a source which cannot be there."""
        known = tuple(known)
        try:
            found = list(expressions.references(value))
            for path, text in _texts(value):
                if expressions.parse(text).unread:
                    self.wrong(
                        "${ begins no expression here",
                        place_in(value, path),
                        "close it with }, or write \\${ for the letters",
                    )
        except ComposeError as error:
            self.problems += error.problems
            return
        for path, reference in found:
            if reference.source not in known:
                hint = did_you_mean(reference.source, known)
                fix = hint or f"here there are: {listing([f'${{{k}…}}' for k in known], 'and')}"
                message = f"{reference.text} names {reference.source!r}, which is not known here"
                self.wrong(message + (f": {why}" if why else ""), _within(value, path, reference), fix)

    # --- workflows ----------------------------------------------------------------------------------------------------

    def workflow(self, written: Map, components: list[Component]) -> Workflow | None:
        before = len(self.problems)
        frame = {key: written[key] for key in _WORKFLOW if key in written}
        inline = Map({k: v for k, v in written.items() if k not in _WORKFLOW}, spans=written._spans, span=written.span)
        if "job" in written or "jobs" in written:
            for key in inline:
                self.unknown_key(key, written, _WORKFLOW)
            items = list(self.parts_of_jobs(written))
        else:
            # The older edition writes a single job's fields in the workflow itself.
            for key in ("input", "output"):
                if key in written:
                    inline.take(written, key)
            frame.pop("output", None)
            items = [inline] if inline else []
        jobs = [j for item in items if (j := self.job(item))]
        self.unique(jobs, "job")
        self.linked(jobs, components)
        output = frame.get("output")
        self.known_sources(Map({"output": output}, spans=written._spans), _JOB_SOURCES)
        if len(self.problems) > before:
            return None
        return Workflow(
            str(frame.get("id", "__workflow__")), tuple(jobs), output, frame.get("title"), frame.get("description"),
            bool(frame.get("default", False)),
        )  # fmt: skip

    def parts_of_jobs(self, written: Map) -> Iterator[Map]:
        """The jobs; `job: {}` is none, as in model-compose."""
        given = {key: written[key] for key in ("job", "jobs") if written.get(key)}
        yield from self.parts(Map(given, spans=written._spans), "job")

    def job(self, written: Map) -> Job | None:
        word = written.get("type", "component")
        try:
            kind = JobType.named(str(word))
        except UnknownName as error:
            self.problems += error.at(place_in(written, ("type",))).problems
            return None
        known = _names(kind.Fields)
        own = Map(span=written.span)
        for key in written:
            if key == "type":
                continue
            if key in known:
                self.put(own, known[key], written, key)
            else:
                self.unknown_key(key, written, ["type", *known])
        fields = self.valid(kind.Fields, own)
        self.known_sources(own, _JOB_SOURCES)
        if fields is None:
            return None
        return Job(fields.id, kind, fields, frozenset(_waits_for(own, fields)), own)

    def linked(self, jobs: list[Job], components: list[Component]) -> None:
        """Check that jobs name jobs, components and actions that exist, and do not wait for each other."""
        ids = [job.id for job in jobs]
        for job in jobs:
            for other in sorted(job.after.union(job.type.targets(job.fields))):
                if other not in ids:
                    hint = did_you_mean(other, ids)
                    self.wrong(f"job {job.id!r} names a job {other!r}, which there is not", _where(job, other), hint)
            for called in job.type.calls(job.fields):
                self.calls_what_exists(job, called, components)
        for ring in _rings(jobs):
            place = place_in(next(j for j in jobs if j.id == ring[0]).written, ("id",))
            self.wrong(f"jobs wait for each other: {' → '.join([*ring, ring[0]])}", place, "remove one depends_on")

    def calls_what_exists(self, job: Job, called: Called, components: list[Component]) -> None:
        """Check a component that is written out in a job; of one that is named, that it has the action."""
        if not isinstance(called.component, str):
            self.written_out(job, called)
            return
        component = next((c for c in components if c.id == called.component), None)
        # A component of another name may be defined by another cell: the plan looks for it.
        if component is None or called.action == DEFAULT:
            return
        try:
            component.action(called.action)
        except UnknownName as error:
            self.problems += error.at(place_in(job.written, (*called.path, "action"))).problems

    def written_out(self, job: Job, called: Called) -> None:
        holder = job.written
        for key in called.path:
            holder = holder[key]
        if isinstance(holder["component"], Map):
            self.component(holder["component"])
        else:
            self.wrong("a component is its name or a mapping", place_in(holder, ("component",)))


def _texts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every text inside nested containers, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping | list):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _texts(item, (*path, key))


def _tokens(written: Any) -> Iterator[Any]:
    """What stands under `token:`, however deep."""
    for path, text in _texts(written):
        if path[-1] == "token":
            yield text


def _names(model: type[BaseModel]) -> dict[str, str]:
    """Every name a model's fields answer to, with the field's own."""
    return {**spellings(model), **{name: name for name in model.model_fields}}


def _reading_order(problem: Problem) -> tuple[int, int]:
    return (problem.place.line, problem.place.column) if problem.place else (0, 0)


def _within(value: Any, path: tuple[Any, ...], reference: Reference) -> Place | None:
    """Where one reference stands inside the text at a path."""
    span = cell.span_in(value, path)
    if span is None:
        return None
    at = span.text.find(reference.text)
    if at < 0:
        return span.place()
    return cell.Span(span.start + at, span.start + at + len(reference.text), span.source).place()


def _waits_for(written: Map, fields: JobFields) -> Iterator[str]:
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


def _rings(jobs: list[Job]) -> Iterator[list[str]]:
    """The first ring of jobs that wait for each other, if there is one."""
    after = {job.id: job.after for job in jobs}
    done: set[str] = set()

    def follow(name: str, way: list[str]) -> list[str] | None:
        if name in way:
            return way[way.index(name) :]
        if name in done or name not in after:
            return None
        for other in sorted(after[name]):
            if ring := follow(other, [*way, name]):
                return ring
        done.add(name)
        return None

    for name in after:
        if ring := follow(name, []):
            yield ring
            return
