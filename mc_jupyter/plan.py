"""A document with every choice made: what would be loaded, where, in which precision, and what stands in the way.

Planning reads the text and looks at this machine's disk and devices. It loads nothing and opens no socket.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from mc_jupyter import devices, expressions, weights
from mc_jupyter.cell import Map, place_in
from mc_jupyter.components.model import Model, choose
from mc_jupyter.drivers import Driver, ModelPlan
from mc_jupyter.errors import ComposeError, InputError, MissingPackage, NotBuilt, PlanError, Problem, SpecError
from mc_jupyter.fields import Closed, names_a_secret, spellings
from mc_jupyter.inputs import Input, inputs_of
from mc_jupyter.problems import problems_of
from mc_jupyter.spec import Component, Spec
from mc_jupyter.tasks import Task
from mc_jupyter.weights import Checkpoint

OVERRIDES = ("device", "device_mode", "precision", "quantization", "batch_size", "seed")
"""What may be decided beside the text (`%%compose --device cpu`), as if it said so."""


@dataclass(frozen=True, slots=True)
class ComponentPlan:
    """One component with its choices. `obstacles` are the errors that running it would raise, the first ones first.

    `checkpoint` is None while the files are not on this disk; the precision is then settled when they are. `identity`
    tells those files from others, and from themselves after they changed.
    """

    id: str
    component: Component = field(repr=False)
    settings: Any = field(default=None, repr=False)
    task: type[Task] | None = None
    driver: type[Driver] | None = None
    checkpoint: Checkpoint | None = None
    identity: tuple[Any, ...] = ()
    device: str = "cpu"
    device_why: str = ""
    inputs: tuple[Input, ...] = ()
    notes: tuple[str, ...] = ()
    obstacles: tuple[ComposeError, ...] = ()

    @property
    def subject(self) -> str:
        """What a reader calls the model."""
        return str(getattr(self.settings, "model", None) or (self.driver.name if self.driver else self.id))

    def missing(self, inputs: Mapping[str, Any]) -> list[Input]:
        """The inputs a call needs and these do not give."""
        return [i for i in self.inputs if i.required and not any(inputs.get(name) is not None for name in i.names)]

    def dtype(self, checkpoint: Checkpoint | None) -> tuple[str, str]:
        """The precision the model is loaded in, and why."""
        asked = self.settings.precision
        if asked != "auto":
            return asked, "asked for"
        return devices.auto_dtype(self.device, checkpoint.dtype if checkpoint else None)

    def model(self, checkpoint: Checkpoint | None) -> ModelPlan:
        """What decides which bytes are in memory, now that the files are known."""
        assert self.driver is not None
        assert self.task is not None
        head = self.task.head
        if getattr(self.settings, "architecture", "auto") == "seq2seq" or _is_encoder_decoder(checkpoint, head):
            head = "seq2seq-lm"
        options = {name: getattr(self.settings, name) for name in self.driver.Settings.model_fields}
        if getattr(self.settings, "fast_tokenizer", None) is not None:
            options["fast_tokenizer"] = self.settings.fast_tokenizer
        return ModelPlan(
            driver=self.driver.name,
            head=head,
            identity=_identity(checkpoint),
            device=self.device,
            dtype=self.dtype(checkpoint)[0],
            device_mode=self.settings.device_mode,
            quantization=self.settings.quantization.type,
            options=tuple(sorted(options.items())),
            subject=self.subject,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole document's plan."""

    spec: Spec = field(repr=False)
    components: tuple[ComponentPlan, ...]
    missing: tuple[str, ...] = ()
    """Components that workflows call and that this document does not define."""

    @property
    def component(self) -> ComponentPlan | None:
        """The component that runs when none is named: the only one, or the default; None where there is neither."""
        default = [c for c in self.components if c.component.default]
        return (self.components if len(self.components) == 1 else (*default, None))[0]

    @property
    def settled(self) -> bool:
        """Whether the same text gives the same plan for as long as its files stay: nothing is missing, nothing comes
        from the environment.
        """
        return not self.obstacles and not any(
            c.driver is None
            or (c.driver.needs_weights and c.checkpoint is None)
            or any(r.source == "env" for _, r in expressions.references(c.component.written))
            for c in self.components
        )

    def holds(self) -> bool:
        """Whether the files it was made from are as they were."""
        return all(unchanged(c.identity) for c in self.components)

    @property
    def obstacles(self) -> tuple[ComposeError, ...]:
        return tuple(o for c in self.components for o in c.obstacles)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know of the document as a whole."""
        flows = ("its workflows are planned, but this version does not run them",) if self.spec.workflows else ()
        lacking = tuple(f"component {name!r} is not defined in this document" for name in self.missing)
        return (*self.spec.remarks, *flows, *lacking)

    @property
    def notes(self) -> tuple[str, ...]:
        """The same, and what there is to know of each component."""
        return (*self.remarks, *(n for c in self.components for n in c.notes))

    def lines(self) -> list[str]:
        """The plan in words, a line each: what is what, then notes, then what stands in the way."""
        return [*(_line(c) for c in self.components), *self.notes, *(_lack(o) for o in self.obstacles)]


def make(spec: Spec, env: Mapping[str, str], overrides: Mapping[str, Any] | None = None) -> Plan:
    """The plan of a document on this machine, now."""
    plans = tuple(_component(c, env, overrides or {}) for c in spec.components)
    here = {c.id for c in spec.components} | {"__default__"}
    called = (job.fields.component for w in spec.workflows for job in w.jobs if hasattr(job.fields, "component"))
    missing = dict.fromkeys(name for name in called if isinstance(name, str) and name not in here)
    if "__default__" in called and not spec.components:
        missing["__default__"] = None
    return Plan(spec, plans, tuple(missing))


def _component(component: Component, env: Mapping[str, str], overrides: Mapping[str, Any]) -> ComponentPlan:
    inputs = inputs_of(component.actions[0]) if component.actions else ()
    if component.type is not Model:
        lack = NotBuilt(
            f"type: {component.type.name} is read and planned, but this version does not run it yet",
            place=place_in(component.written, ("type",)),
        )
        obstacles: tuple[ComposeError, ...] = () if component.type.runs else (lack,)
        return ComponentPlan(component.id, component, component.settings, inputs=inputs, obstacles=obstacles)
    return _ModelPlanner(component, env, overrides).plan(inputs)


class _ModelPlanner:
    """Makes the choices for one model component, collecting what stands in the way."""

    def __init__(self, component: Component, env: Mapping[str, str], overrides: Mapping[str, Any]):
        self.component = component
        self.env = env
        self.overrides = overrides
        self.notes: list[str] = []
        self.obstacles: list[ComposeError] = []

    def plan(self, inputs: tuple[Input, ...]) -> ComponentPlan:
        task, driver, _ = choose(self.component.written)
        settings = self.settings()
        if settings is None:
            settings = self.component.settings
            return ComponentPlan(
                self.component.id,
                self.component,
                settings,
                task,
                driver,
                inputs=inputs,
                obstacles=tuple(self.obstacles),
            )
        if self.overrides.get("seed") is not None and "seed" not in task.Action.model_fields:
            self.obstacles.append(
                InputError(f"{task.name} draws nothing at random: --seed has no effect", fix="leave it out")
            )
        self.installed(task, driver, settings)
        self.not_built_yet(settings)
        choice = self.device(settings.device)
        checkpoint = None
        if driver is not None and driver.needs_weights:
            self.obstacles += [PlanError(line) for line in driver.obstacles(task, settings)]
            checkpoint = self.checkpoint(task, driver, settings)
            self.precision(settings.precision, choice.device)
        return ComponentPlan(
            self.component.id,
            self.component,
            settings,
            task,
            driver,
            checkpoint,
            _identity(checkpoint),
            choice.device,
            choice.why,
            inputs,
            tuple(self.notes),
            tuple(self.obstacles),
        )

    def settings(self) -> Any:
        """The component's fields with `${env.…}` filled in; None with the obstacle noted."""
        model = type(self.component.settings)
        try:
            own = _own_fields(self.component, model)
            self.refuse_secrets(own)
            written = expressions.resolve_env(own, self.env)
            model.model_validate(written)
        except ValidationError as error:
            self.obstacles.append(SpecError([self.without_values(p) for p in problems_of(error, own, model)]))
            return None
        except ComposeError as error:
            self.obstacles.append(error)
            return None
        chosen = {k: v for k, v in self.overrides.items() if k in model.model_fields and v is not None}
        try:
            return model.model_validate({**written, **chosen})
        except ValidationError as error:
            problems = problems_of(error, dict(chosen), model)
            self.obstacles.append(InputError([Problem(f"--{p.message}", None, p.fix) for p in problems]))
            return None

    def without_values(self, problem: Problem) -> Problem:
        """The problem, naming environment variables instead of showing what they hold."""
        message = problem.message
        for _, reference in expressions.references(self.component.written):
            if reference.source == "env" and reference.path:
                name = str(reference.path[0])
                if value := self.env.get(name):
                    message = message.replace(repr(value), reference.text)
        return Problem(message, problem.place, problem.fix)

    def refuse_secrets(self, own: Map) -> None:
        """Raise for a secret in a field that is shown: only `token` keeps what it is given to itself."""
        for path, reference in expressions.references(own):
            name = str(reference.path[0]) if reference.source == "env" and reference.path else ""
            if names_a_secret(name) and path[-1] != "token":
                raise PlanError(
                    f"{name} is a secret by its name, and {path[0]} is shown to every reader",
                    place=place_in(self.component.written, path),
                    fix="secrets may stand in token: only; a value that is none needs another name",
                )

    def installed(self, task: type[Task], driver: type[Driver] | None, settings: Any) -> None:
        word = settings.driver or task.driver
        if driver is None:
            self.obstacles.append(
                NotBuilt(
                    f"driver: {word} does not perform {task.name} in this version",
                    place=self.place("driver", "task"),
                    fix="driver: echo tries the document out without a model",
                )
            )
        elif driver.package and importlib.util.find_spec(driver.package) is None:
            install = f'"mc-jupyter[{driver.extra}]"' if driver.extra else "mc-jupyter"
            self.obstacles.append(
                MissingPackage(
                    f"driver: {word} needs {driver.package}, which is not installed", fix=f"%pip install {install}"
                )
            )

    def not_built_yet(self, settings: Any) -> None:
        """Fields of the language that this version reads and does not apply yet: refused, not ignored."""
        lacks = {
            "quantization": settings.quantization.type != "none",
            "device_mode": settings.device_mode != "single",
            "peft_adapters": bool(settings.peft_adapters),
        }
        for name, asked in lacks.items():
            if asked:
                error = NotBuilt(
                    f"{name} is read, but this version does not apply it yet",
                    place=self.place(name),
                    fix=f"remove {name} to run the model without it",
                )
                self.obstacles.append(error)
        if settings.low_cpu_mem_usage:
            self.notes.append("low_cpu_mem_usage: transformers 5 always loads piece by piece")

    def device(self, asked: str) -> devices.Choice:
        try:
            return devices.choose(asked)
        except PlanError as error:
            self.obstacles.append(_at(error, self.place("device")))
            return devices.Choice("cpu", "the device asked for is not here")

    def precision(self, asked: str, device: str) -> None:
        if asked in ("auto", "float32"):
            return
        able, why = devices.supports(device, asked)
        if not able:
            self.obstacles.append(PlanError(why, place=self.place("precision"), fix="precision: auto"))

    def checkpoint(self, task: type[Task], driver: type[Driver], settings: Any) -> Checkpoint | None:
        """The model's files where they are on this disk."""
        if settings.model is None:
            self.obstacles.append(
                PlanError("no model is named", place=self.place("task", "type"), fix="model: starter:stories")
            )
            return None
        try:
            found = weights.find(settings.model, allow_pickle=settings.allow_pickle, formats=driver.formats)
            if found is None:
                self.notes.append(f"{settings.model} is not on this disk: running it downloads it")
            else:
                driver.check(task, settings, found)
            return found
        except ComposeError as error:
            self.obstacles.append(_at(error, self.place("model")))
            return None

    def place(self, *keys: str) -> Any:
        key = next((k for k in keys if k in self.component.written), None)
        return place_in(self.component.written, (key,)) if key else None


def _own_fields(component: Component, model: type[Closed]) -> Map:
    """What the component itself says, in one spelling."""
    names = {**spellings(model), **{name: name for name in model.model_fields}}
    own = Map(span=component.written.span)
    for key in component.written:
        if key in names:
            own.take(component.written, key, names[key])
    return own


def _at(error: ComposeError, place: Any) -> ComposeError:
    """The same error, pointing at a place where it points at none."""
    if place is None:
        return error
    return type(error)([p if p.place else Problem(p.message, place, p.fix) for p in error.problems])


def unchanged(identity: tuple[Any, ...]) -> bool:
    """Whether the files of an identity are on this disk as they were."""
    return all(_is_as_it_was(entry) for entry in identity[2:])


def _is_as_it_was(entry: tuple[str, int, int]) -> bool:
    try:
        facts = os.stat(entry[0])
    except OSError:
        return False
    return (facts.st_size, facts.st_mtime_ns) == entry[1:]


def _identity(checkpoint: Checkpoint | None) -> tuple[Any, ...]:
    """Tells one set of files from another, and from itself after it changed."""
    if checkpoint is None:
        return ()
    files = []
    for file in (*checkpoint.files, checkpoint.folder / "config.json", checkpoint.folder / "tokenizer.json"):
        if file.exists():
            facts = file.stat()
            files.append((str(file), facts.st_size, facts.st_mtime_ns))
    return (str(checkpoint.folder), checkpoint.revision, *files)


def _is_encoder_decoder(checkpoint: Checkpoint | None, head: str) -> bool:
    return head == "causal-lm" and bool(checkpoint and checkpoint.config.get("is_encoder_decoder"))


def _lack(obstacle: ComposeError) -> str:
    """An obstacle in one line."""
    problem = obstacle.problems[0]
    where = f"line {problem.place.line}: " if problem.place else ""
    return f"lacks: {where}{problem.message}" + (f" → {problem.fix}" if problem.fix else "")


def _line(plan: ComponentPlan) -> str:
    name = "" if plan.id == "__component__" else f"{plan.id}: "
    if plan.task is None:
        return f"{name}{plan.component.type.name}"
    size = f", {devices.format_bytes(plan.checkpoint.bytes)}" if plan.checkpoint else ""
    driver = plan.driver.name if plan.driver else "no driver"
    precision = f"{plan.dtype(plan.checkpoint)[0]} " if plan.driver and plan.driver.needs_weights else ""
    return f"{name}{plan.task.name} by {driver}, {plan.subject}{size}, {precision}on {plan.device} ({plan.device_why})"
