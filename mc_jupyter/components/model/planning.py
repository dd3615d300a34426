"""The choices for one model component: its fields filled in, device, number type, files and adapters."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from mc_jupyter import devices, weights
from mc_jupyter.components import Component, settings_of
from mc_jupyter.components.model.choices import ModelPlan, ModelShape, PlannedAdapter, Undecided
from mc_jupyter.components.model.identity import identity_of
from mc_jupyter.drivers import ODD_FILES, Asked, Driver, Refusal
from mc_jupyter.errors import ComposeError, InputError, MissingPackage, NotBuilt, PlanError, WeightsError
from mc_jupyter.faults import said_as
from mc_jupyter.language.cell import place_in
from mc_jupyter.language.fields import Adapter, HubSource, adapter_names, is_deferred
from mc_jupyter.language.inputs import Input
from mc_jupyter.tasks import Task
from mc_jupyter.weights import Checkpoint, hub
from mc_jupyter.words import hinted, listing

Found = Checkpoint | ComposeError | None
"""Files that were looked for: they, why they cannot be had, or None where they must be downloaded first."""


def standing_in_the_way(planned: ModelPlan, env: Mapping[str, str], given: Mapping[str, Any]) -> list[ComposeError]:
    """What would stand in the way of a planned model with these fields, on the files that it has already.

    `given` are fields decided beside the text. No file is looked for; adapters have no part in it.
    """
    planner = ModelPlanner(planned.component, env, given)
    task, driver, settings = planned.task, planned.driver, planner.settings()
    if settings is not None:
        _, device = planner.device(task, driver, settings)
        planner.refusals(driver, Asked(task, settings, device, planned.checkpoint))
    return planner.problems


class ModelPlanner:
    """Makes the choices for one model component, collecting what stands in the way."""

    def __init__(self, component: Component, env: Mapping[str, str], overrides: Mapping[str, Any]):
        self.component = component
        self.env = env
        self.overrides = overrides
        self.notes: list[str] = []
        self.problems: list[ComposeError] = []

    def plan(self, inputs: tuple[Input, ...]) -> ModelPlan | Undecided:
        shape = cast("ModelShape", self.component.shape)  # the type that plans so has no other
        task, driver, settings = shape.task, shape.driver, self.settings()
        if settings is None:
            return Undecided(**self.found(inputs, self.component.settings), task=task, driver=driver)
        self.what_has_no_effect(task, driver, settings)
        self.installed(task, driver, settings)
        choice, device = self.device(task, driver, settings)
        if driver is None:
            return Undecided(**self.found(inputs, settings), task=task)
        base: Checkpoint | None = None
        adapters: tuple[PlannedAdapter, ...] = ()
        if driver.needs_weights:
            base, adapters = self.files(driver, Asked(task, settings, device, calls=self.calls()))
        made = ModelPlan(
            **self.found(inputs, settings), task=task, driver=driver, device=choice.device, device_why=choice.why,
            checkpoint=base, identity=identity_of(base), adapters=adapters,
        )  # fmt: skip
        try:
            with said_as(WeightsError, ODD_FILES, place=made.place):
                files = made.files_here()
        except WeightsError as error:
            return replace(made, problems=(*made.problems, error))
        return replace(made, use=files.use) if files else made

    def found(self, inputs: tuple[Input, ...], settings: Any) -> dict[str, Any]:
        """What every plan has, and what planning has found by now."""
        return {
            "id": self.component.id,
            "component": self.component,
            "settings": settings,
            "inputs": inputs,
            "notes": tuple(self.notes),
            "problems": tuple(self.problems),
        }

    # --- fields -------------------------------------------------------------------------------------------------------

    def settings(self) -> Any:
        """The component's fields with `${env.…}` filled in; None with the problem noted."""
        try:
            return settings_of(self.component, self.env, self.overrides)
        except ComposeError as error:
            self.problems.append(error)
            return None

    def installed(self, task: type[Task], driver: type[Driver] | None, settings: Any) -> None:
        word = settings.driver or task.driver
        if driver is None:
            self.problems.append(
                NotBuilt(
                    f"driver: {word} does not perform {task.name} in this version",
                    place=self.place("driver", "task"),
                    fix="model-compose runs it as it stands; here driver: echo tries the document out, without a model",
                )
            )
        elif driver.package and importlib.util.find_spec(driver.package) is None:
            install = f'"mc-jupyter[{driver.extra}]"' if driver.extra else "mc-jupyter"
            self.problems.append(
                MissingPackage(
                    f"driver: {word} needs {driver.package}, which is not installed", fix=f"%pip install {install}"
                )
            )

    def what_has_no_effect(self, task: type[Task], driver: type[Driver] | None, settings: Any) -> None:
        """Say of what was asked for and changes nothing here that it does not."""
        if self.overrides.get("seed") is not None and "seed" not in task.Action.model_fields:
            self.problems.append(
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

    def device(self, task: type[Task], driver: type[Driver] | None, settings: Any) -> tuple[devices.Choice, str | None]:
        """The choice, and the device that it is; None, with the problem noted, where the one asked for is not here."""
        try:
            choice = devices.choose(settings.device)
        except PlanError as error:
            self.problems.append(error.at(self.place("device")))
            return devices.Choice("cpu", "the device asked for is not here"), None
        if settings.device == "auto" and driver is not None:
            refusals = driver.refusals(Asked(task, device=choice.device))
            if lack := next((r.error for r in refusals if r.field == "device"), None):
                choice = devices.Choice("cpu", lack.problems[0].message)
        return choice, choice.device

    def precision(self, asked: str, device: str) -> None:
        if asked in ("auto", "float32"):
            return
        able, why = devices.supports(device, asked)
        if not able:
            self.problems.append(PlanError(why, place=self.place("precision"), fix="precision: auto"))

    # --- the library's word -------------------------------------------------------------------------------------------

    def refusals(self, driver: type[Driver], asked: Asked, lost: ComposeError | None = None) -> list[Refusal]:
        """Note what the library refuses of model and calls, why the files are `lost`, and a precision that the device
        has not; gives what it refuses of the adapters.
        """
        if not driver.needs_weights:
            return []
        refusals = driver.refusals(asked)
        self.problems += [self.pointed(refusal) for refusal in refusals if refusal.adapter is None]
        self.problems += [lost] if lost else []
        self.precision(asked.settings.precision, asked.device or "cpu")
        return [refusal for refusal in refusals if refusal.adapter is not None]

    def pointed(self, refusal: Refusal) -> ComposeError:
        """The error at the field that the refusal is about, in whichever spelling the cell says it."""
        if refusal.call is not None:
            return refusal.error.at(place_in(self.component.actions[refusal.call].written, (refusal.field,)))
        own = self.component.own
        return refusal.error.at(place_in(own, (refusal.field,)) if refusal.field in own else None)

    def calls(self) -> tuple[Mapping[str, Any], ...]:
        """What the cell says of each of its calls, without what expressions will give."""
        said = ({name: getattr(each.fields, name, None) for name in each.written} for each in self.component.actions)
        return tuple({n: v for n, v in call.items() if v is not None and not is_deferred(v)} for call in said)

    # --- files --------------------------------------------------------------------------------------------------------

    def files(self, driver: type[Driver], asked: Asked) -> tuple[Checkpoint | None, tuple[PlannedAdapter, ...]]:
        """The files of the model and its adapters, where they are on this disk, held against what is asked of them."""
        settings = asked.settings
        found = self.base(driver, asked)
        base = found if isinstance(found, Checkpoint) else None
        laid = self.adapters(driver, settings)
        here = {name: files for name, files in laid.items() if isinstance(files, Checkpoint)}
        asked = replace(asked, checkpoint=base, adapters=here)
        refusals = self.refusals(driver, asked, found if isinstance(found, ComposeError) else None)
        if driver.lays_adapters:
            self.doubtful_names(adapter_names(settings.peft_adapters))
        elif settings.peft_adapters:
            self.problems.append(
                PlanError(f"driver: {driver.name} lays no adapters over its models", place=self.adapter_place())
            )
        lost = {name: [files] for name, files in laid.items() if isinstance(files, ComposeError)}
        refused = {name: [r.error for r in refusals if r.adapter == name] for name in here}
        wrong = {**lost, **refused}
        return base, tuple(self.adapter(asked, name, here.get(name), wrong.get(name, [])) for name in laid)

    def base(self, driver: type[Driver], asked: Asked) -> Found:
        """The model's files; None of those that running it downloads, which is noted; why they cannot be had."""
        settings = asked.settings
        if settings.model is None:
            return PlanError("no model is named", place=self.place("task", "type"), fix=_some_model(asked.task))
        try:
            source = driver.source(asked.task, settings)
            with said_as(WeightsError, f"{settings.model}: {ODD_FILES}"):
                found = weights.find(
                    source,
                    allow_pickle=settings.allow_pickle,
                    formats=driver.formats,
                    one_file=driver.reads_one_file,
                )
        except ComposeError as error:
            return error.at(self.place("model"))
        if isinstance(settings.model, HubSource) and (meant := hub.folder_meant(settings.model)):
            self.notes.append(f"{settings.model} is taken for the hub's: {meant}")
        if found is None:
            self.notes.append(f"{settings.model} is not on this disk: running it downloads it")
        return found

    # --- adapters -----------------------------------------------------------------------------------------------------

    def adapters(self, driver: type[Driver], settings: Any) -> dict[str, Found]:
        """The files of each adapter by its name, as `base` gives the model's. Of two of one name, the first counts."""
        found: dict[str, Found] = {}
        asked: list[Adapter] = settings.peft_adapters if driver.lays_adapters else []
        for name, one in zip(adapter_names(asked), asked, strict=True):
            if name in found:
                continue
            try:
                with said_as(WeightsError, f"adapter {name}: {ODD_FILES}"):
                    found[name] = weights.find(
                        one.model, allow_pickle=settings.allow_pickle, kind="adapter", formats=driver.formats
                    )
            except ComposeError as error:
                found[name] = error
                continue
            if found[name] is None:
                self.notes.append(f"adapter {name}: {one.model} is not on this disk: running it downloads it")
        return found

    def doubtful_names(self, names: list[str]) -> None:
        """Refuse adapters of one name, and weights from beside the text (`--adapter NAME=0.3`) for names that the text
        does not have.
        """
        for i, name in enumerate(names):
            if name in names[:i]:
                self.problems.append(
                    PlanError(
                        f"two adapters are called {name!r}", place=self.adapter_place(i), fix="give each its own name"
                    )
                )
        for key in self.overrides:
            kind, _, name = key.partition(".")
            if kind == "adapters" and name not in names:
                self.problems.append(
                    InputError(
                        hinted(f"the cell has no adapter {name!r}", name, names),
                        fix=f"its adapters: {listing(names, 'and')}"
                        if names
                        else "peft_adapters: [{name: …, model: …}]",
                    )
                )

    def adapter(
        self, asked: Asked, name: str, checkpoint: Checkpoint | None, wrong: list[ComposeError]
    ) -> PlannedAdapter:
        """One adapter with its choices; `wrong` is why its files cannot be had, or what the library refuses of them."""
        i = adapter_names(asked.settings.peft_adapters).index(name)
        one: Adapter = asked.settings.peft_adapters[i]
        place, device = self.adapter_place(i), asked.device or "cpu"
        weight = self.overrides.get(f"adapters.{name}", one.weight)
        if not isinstance(weight, int | float) or not math.isfinite(weight):
            written = None if f"adapters.{name}" in self.overrides else place
            said = f"adapter {name}: weight should be a number, and is {weight!r}"
            self.problems.append(InputError(said, place=written, fix="weight: 1"))
            weight = one.weight
        if one.quantization not in (None, "none"):
            self.problems.append(
                PlanError(
                    f"adapter {name}: quantization is for the base; an adapter's matrices stay as they are",
                    place=place,
                    fix="remove its quantization; precision: bfloat16 halves it",
                )
            )
        if one.precision not in (None, "auto", "float32") and not (found := devices.supports(device, one.precision))[0]:
            self.problems.append(PlanError(f"adapter {name}: {found[1]}", place=place, fix="remove its precision"))
        named = self.adapter_place(i, "model")
        self.problems += [error.at(named) for error in wrong]
        return PlannedAdapter(name, one, float(weight), checkpoint, identity_of(checkpoint), named)

    def adapter_place(self, i: int | None = None, *field: str) -> Any:
        """Where the adapters stand, or one of them, or a field of it. A single one may stand there without a list."""
        key = next((k for k in ("peft_adapters", "peft_adapter") if k in self.component.written), None)
        if key is None:
            return None
        listed = isinstance(self.component.written[key], list)
        path = (key, i) if listed and i is not None else (key,)
        return place_in(self.component.written, (*path, *field))

    def place(self, *keys: str) -> Any:
        key = next((k for k in keys if k in self.component.written), None)
        return place_in(self.component.written, (key,)) if key else None


def _some_model(task: type[Task]) -> str:
    """A line that names a model for this task: a starter, where there is one."""
    from mc_jupyter import starters

    return "model: " + next((f"starter:{name}" for name in starters.tagged((task.name, *task.tags))), "NAME, or a path")
