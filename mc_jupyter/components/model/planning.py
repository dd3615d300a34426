"""The choices for one model component: its fields filled in, device, number type, files and adapters."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from pydantic import ValidationError

from mc_jupyter import devices, expressions, weights
from mc_jupyter.cell import Map, place_in
from mc_jupyter.components.model import ModelShape
from mc_jupyter.components.model.choices import ModelPlan, PlannedAdapter, Undecided
from mc_jupyter.components.model.identity import identity_of
from mc_jupyter.drivers import Driver
from mc_jupyter.errors import ComposeError, InputError, MissingPackage, NotBuilt, PlanError, Problem, SpecError
from mc_jupyter.fields import Adapter, adapter_names, is_deferred, names_a_secret
from mc_jupyter.inputs import Input
from mc_jupyter.problems import problems_of
from mc_jupyter.spec import Component
from mc_jupyter.tasks import Task
from mc_jupyter.weights import Checkpoint
from mc_jupyter.words import hinted, listing

# Where an obstacle that a driver finds in the settings points to: the first of these that the cell says.
_FIELDS_OF_LOADING = ("quantization", "device_mode", "precision", "device", "family", "architecture")


class ModelPlanner:
    """Makes the choices for one model component, collecting what stands in the way."""

    def __init__(self, component: Component, env: Mapping[str, str], overrides: Mapping[str, Any]):
        self.component = component
        self.env = env
        self.overrides = overrides
        self.notes: list[str] = []
        self.obstacles: list[ComposeError] = []

    def plan(self, inputs: tuple[Input, ...]) -> ModelPlan | Undecided:
        shape = cast("ModelShape", self.component.shape)  # the type that plans so has no other
        task, driver = shape.task, shape.driver
        settings = self.settings()
        if settings is not None:
            self.what_has_no_effect(task, driver, settings)
            self.installed(task, driver, settings)
        if settings is None or driver is None:
            if settings is not None:
                self.device(settings.device, None)
            written = settings or self.component.settings
            return Undecided(self.component.id, self.component, written, inputs, **self.found(), task=task)
        choice = self.device(settings.device, driver)
        checkpoint: Checkpoint | None = None
        adapters: tuple[PlannedAdapter, ...] = ()
        if driver.needs_weights:
            place = self.place(*_FIELDS_OF_LOADING)
            self.obstacles += [error.at(place) for error in driver.obstacles(task, settings)]
            checkpoint = self.checkpoint(task, driver, settings)
            self.precision(settings.precision, choice.device)
            adapters = self.adapters(driver, settings, checkpoint, choice.device)
        made = ModelPlan(
            self.component.id, self.component, settings, inputs, **self.found(), task=task, driver=driver,
            device=choice.device, device_why=choice.why, checkpoint=checkpoint, identity=identity_of(checkpoint),
            adapters=adapters,
        )  # fmt: skip
        files = made.files()
        return replace(made, use=files.use) if files else made

    def found(self) -> Any:
        """What planning has found by now, for the plan."""
        return {"notes": tuple(self.notes), "problems": tuple(self.obstacles)}

    def settings(self) -> Any:
        """The component's fields with `${env.…}` filled in; None with the obstacle noted."""
        model = type(self.component.settings)
        try:
            own = self.component.own
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
                    place=place_in(own, path),
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

    def what_has_no_effect(self, task: type[Task], driver: type[Driver] | None, settings: Any) -> None:
        """Say of what was asked for and changes nothing here that it does not."""
        if self.overrides.get("seed") is not None and "seed" not in task.Action.model_fields:
            self.obstacles.append(
                InputError(f"{task.name} draws nothing at random: --seed has no effect", fix="leave it out")
            )
        if settings.low_cpu_mem_usage:
            always = driver.package if driver and driver.by_pieces else None
            said = f"{always} always loads piece by piece" if always else "it changes nothing here"
            self.notes.append(f"low_cpu_mem_usage: {said}")
        if driver is not None and not driver.needs_weights:
            asked = {
                "quantization": settings.quantization.type != "none",
                "device_mode": settings.device_mode != "single",
                "precision": settings.precision != "auto",
                "peft_adapters": bool(settings.peft_adapters),
            }
            if idle := [name for name, said in asked.items() if said]:
                verb = "has" if len(idle) == 1 else "have"
                self.notes.append(f"driver: {driver.name} loads no model: {listing(idle, 'and')} {verb} no effect")

    def device(self, asked: str, driver: type[Driver] | None) -> devices.Choice:
        try:
            choice = devices.choose(asked)
            lack = driver.lacks(choice.device) if driver is not None else None
            if lack is not None and asked != "auto":
                raise lack
            return choice if lack is None else devices.Choice("cpu", lack.problems[0].message)
        except PlanError as error:
            self.obstacles.append(error.at(self.place("device")))
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
                PlanError("no model is named", place=self.place("task", "type"), fix=_some_model(task))
            )
            return None
        try:
            source = driver.source(task, settings)
            found = weights.find(source, allow_pickle=settings.allow_pickle, formats=driver.formats)
            if found is None:
                self.notes.append(f"{settings.model} is not on this disk: running it downloads it")
            else:
                driver.check(task, settings, found)
                self.actions(task, driver, found)
            return found
        except ComposeError as error:
            self.obstacles.append(error.at(self.place("model")))
            return None

    def actions(self, task: type[Task], driver: type[Driver], found: Checkpoint) -> None:
        """Hold what the cell says of its calls against what its files can do."""
        for action in self.component.actions:
            said = {name: getattr(action.fields, name, None) for name in action.written}
            given = {name: value for name, value in said.items() if value is not None and not is_deferred(value)}
            for name, error in driver.unfit(task, found, given):
                self.obstacles.append(error.at(place_in(action.written, (name,))))

    def adapters(
        self, driver: type[Driver], settings: Any, base: Checkpoint | None, device: str
    ) -> tuple[PlannedAdapter, ...]:
        """Each adapter with its files, where they are on this disk, held against the base's."""
        asked: list[Adapter] = settings.peft_adapters
        if asked and not driver.lays_adapters:
            self.obstacles.append(
                PlanError(f"driver: {driver.name} lays no adapters over its models", place=self.adapter_place())
            )
            return ()
        names = adapter_names(asked)
        for i, name in enumerate(names):
            if name in names[:i]:
                self.obstacles.append(
                    PlanError(
                        f"two adapters are called {name!r}", place=self.adapter_place(i), fix="give each its own name"
                    )
                )
        self.known_adapters(names)
        return tuple(
            self.adapter(driver, settings, base, device, i, name)
            for i, name in enumerate(names)
            if name not in names[:i]
        )

    def known_adapters(self, names: list[str]) -> None:
        """Refuse weights from beside the text (`--adapter NAME=0.3`) for adapters that the text does not name."""
        for key in self.overrides:
            kind, _, name = key.partition(".")
            if kind == "adapters" and name not in names:
                self.obstacles.append(
                    InputError(
                        hinted(f"the cell has no adapter {name!r}", name, names),
                        fix=f"its adapters: {listing(names, 'and')}"
                        if names
                        else "peft_adapters: [{name: …, model: …}]",
                    )
                )

    def adapter(
        self, driver: type[Driver], settings: Any, base: Checkpoint | None, device: str, i: int, name: str
    ) -> PlannedAdapter:
        one: Adapter = settings.peft_adapters[i]
        place = self.adapter_place(i)
        weight = self.overrides.get(f"adapters.{name}", one.weight)
        if not isinstance(weight, int | float) or not math.isfinite(weight):
            written = None if f"adapters.{name}" in self.overrides else place
            said = f"adapter {name}: weight should be a number, and is {weight!r}"
            self.obstacles.append(InputError(said, place=written, fix="weight: 1"))
            weight = one.weight
        if one.quantization not in (None, "none"):
            self.obstacles.append(
                PlanError(
                    f"adapter {name}: quantization is for the base; an adapter's matrices stay as they are",
                    place=place,
                    fix="remove its quantization; precision: bfloat16 halves it",
                )
            )
        if one.precision not in (None, "auto", "float32") and not (found := devices.supports(device, one.precision))[0]:
            self.obstacles.append(PlanError(f"adapter {name}: {found[1]}", place=place, fix="remove its precision"))
        checkpoint = None
        try:
            checkpoint = weights.find(
                one.model, allow_pickle=settings.allow_pickle, kind="adapter", formats=driver.formats
            )
            if checkpoint is None:
                self.notes.append(f"adapter {name}: {one.model} is not on this disk: running it downloads it")
            elif base is not None:
                driver.check_adapter(base, checkpoint, name)
        except ComposeError as error:
            self.obstacles.append(error.at(place))
        return PlannedAdapter(name, one, float(weight), checkpoint, identity_of(checkpoint))

    def adapter_place(self, i: int | None = None) -> Any:
        """Where the adapters stand, or one of them. A single one may stand there without a list."""
        key = next((k for k in ("peft_adapters", "peft_adapter") if k in self.component.written), None)
        if key is None:
            return None
        listed = isinstance(self.component.written[key], list)
        return place_in(self.component.written, (key, i) if listed and i is not None else (key,))

    def place(self, *keys: str) -> Any:
        key = next((k for k in keys if k in self.component.written), None)
        return place_in(self.component.written, (key,)) if key else None


def _some_model(task: type[Task]) -> str:
    """A line that names a model for this task: a starter, where there is one."""
    from mc_jupyter import starters

    return "model: " + next((f"starter:{name}" for name in starters.tagged((task.name, *task.tags))), "NAME, or a path")
