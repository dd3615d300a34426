"""A model in the kernel: its fields are the envelope's, the task's and the driver's together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, cast

from pydantic import Field, create_model

from mc_jupyter.components import (
    Call,
    Component,
    ComponentType,
    Effect,
    Envelope,
    Planned,
    Resident,
    Room,
    Shape,
    default_inputs,
)
from mc_jupyter.components.model import card
from mc_jupyter.components.model.calling import perform
from mc_jupyter.components.model.changing import effect_of
from mc_jupyter.components.model.choices import ModelPlan, ModelShape, decided
from mc_jupyter.components.model.loading import fetch, open_model
from mc_jupyter.components.model.planning import ModelPlanner, standing_in_the_way
from mc_jupyter.components.model.recalling import recalled
from mc_jupyter.drivers import ODD_FILES, Asked, Driver, SettingError
from mc_jupyter.errors import ComposeError, InputError, Problem, UnknownName, WeightsError
from mc_jupyter.events import Run
from mc_jupyter.faults import pointing, said_as
from mc_jupyter.language.cell import place_in
from mc_jupyter.language.description import describe
from mc_jupyter.language.fields import Closed, KeepAlive, ModelSettings
from mc_jupyter.language.kinds import bindings
from mc_jupyter.tasks import Task
from mc_jupyter.trust.environment import Keeper
from mc_jupyter.weights import hub
from mc_jupyter.words import hinted, listing

_DEFAULT_TASK = "text-generation"


class ModelEnvelope(Envelope, ModelSettings):
    """What every model component may say."""

    task: str = Field(_DEFAULT_TASK, description="What the model is asked to do.")
    driver: str | None = Field(
        None, description="The library that runs it; default: huggingface, or what the task needs."
    )
    preload: bool = Field(True, description="Load the model when the cell is run (true), or at the first call (false).")
    keep_alive: KeepAlive = Field(
        float("inf"), description="How long it stays loaded after a call: 10m, 1h30m, 0 (not at all), -1 (for ever)."
    )


class Model(ComponentType):
    """A model, loaded into the kernel."""

    runs: ClassVar[bool] = True
    Settings: ClassVar[type[Envelope]] = ModelEnvelope

    @classmethod
    def shape(cls, written: Mapping[str, Any]) -> ModelShape:
        task = _task(written)
        driver = _driver(task, written)
        settings, action = _types_of(task, driver)  # type: ignore[arg-type]  # classes are hashable; mypy doubts it
        notes = (f"task: {task.name}, since the cell names none",) if written.get("task") is None else ()
        ignores = driver.ignored(task) if driver else {}
        foreign = "" if driver else f"driver: {written.get('driver') or task.driver}"
        return ModelShape(settings, action, bindings(action), notes, ignores, foreign, True, task=task, driver=driver)

    @classmethod
    def shapes(cls) -> Iterator[tuple[dict[str, str], Shape]]:
        for word in Task.names():
            yield {"type": cls.name, "task": word}, cls.shape({"task": word})

    @classmethod
    def check(
        cls, shape: ModelShape, own: Mapping[str, Any], action: Mapping[str, Any]
    ) -> Iterator[tuple[str, Problem]]:
        yield from shape.task.check(action)
        if shape.driver is not None:
            for refusal in shape.driver.refusals(Asked(shape.task, calls=(action,))):
                yield refusal.field, refusal.error.problems[0]

    @classmethod
    def keeper(cls, written: Component, path: tuple[Any, ...]) -> Keeper | None:
        return hub.keeper() if path[-2:] == ("model", "token") else None

    @classmethod
    def plan(cls, written: Component, env: Mapping[str, str], beside: Mapping[str, Any]) -> Planned:
        return ModelPlanner(written, env, beside).plan(default_inputs(written))

    @classmethod
    def refuses(cls, planned: Planned, env: Mapping[str, str], beside: Mapping[str, Any]) -> Sequence[ComposeError]:
        return standing_in_the_way(decided(planned), env, beside)

    @classmethod
    def open(cls, planned: Planned, room: Room, run: Run) -> Resident | None:
        return open_model(decided(planned), room, run)

    @classmethod
    def fetch(cls, planned: Planned, run: Run) -> list[tuple[str, Any]]:
        plan = decided(planned)
        if not plan.driver.needs_weights:
            return []
        with pointing(plan.place), said_as(WeightsError, f"{plan.subject}: {ODD_FILES}"):
            files = fetch(plan, None, run)
        names = [plan.subject, *(str(adapter.settings.model) for adapter in plan.adapters)]
        return list(zip(names, (files.base, *files.adapters), strict=True))

    @classmethod
    def change(cls, old: Planned, new: Planned, room: Room) -> Effect:
        plan = decided(new)
        with pointing(plan.place), said_as(WeightsError, f"{plan.subject}: {ODD_FILES}"):
            return effect_of(old, plan, room)

    @classmethod
    def recalled(cls, planned: Planned, opened: Planned) -> Planned | None:
        if isinstance(planned, ModelPlan) and isinstance(opened, ModelPlan):
            return recalled(planned, opened)
        return None

    @classmethod
    def streams(cls, planned: Planned, fields: Any, *, asked: bool = False) -> bool:
        if not (asked or getattr(fields, "streaming", False)):
            return False
        if decided(planned).task.items(fields)[1] or getattr(fields, "num_return_sequences", 1) > 1:
            fix = "streaming: false, or one input and one answer"
            raise InputError("streaming gives one answer to one input", fix=fix)
        return True

    @classmethod
    def count(cls, planned: Planned, fields: Any) -> int:
        return len(decided(planned).task.items(fields)[0])

    @classmethod
    def call(cls, planned: Planned, opened: Any, call: Call) -> Any:
        try:
            return perform(decided(planned), opened, call)
        except SettingError as error:
            at = place_in(planned.component.own, (error.field,))
            raise InputError([problem.at(at) for problem in error.problems]) from None

    @classmethod
    def card(cls, planned: Planned, resident: Resident | None) -> Iterator[tuple[str, str]]:
        return card.rows(decided(planned), resident)


def _task(written: Mapping[str, Any]) -> type[Task]:
    """The task that a component says, or the one it has when it says none; UnknownName when there is no such task."""
    word = written.get("task")
    try:
        return Task.named(_DEFAULT_TASK if word is None else str(word))
    except UnknownName as error:
        here = place_in(written, ("task",))
        if (ours := next((task.name for task in Task.all() if str(word) in task.tags), None)) is not None:
            raise UnknownName(f"no task {str(word)!r}: here it is {ours}", place=here, fix=f"task: {ours}") from None
        raise error.at(here) from None


def _driver(task: type[Task], written: Mapping[str, Any]) -> type[Driver] | None:
    """The library that answers to the word of `driver:`, performs the task, and suits what else the component says.

    None where there is no such library; UnknownName for a word that neither a library nor the language has.
    """
    said, words = written.get("driver"), Driver.spoken()
    word = task.driver if said is None else str(said)
    if word not in words:
        message = hinted(f"no driver {word!r}", word, words)
        named = [one.words[0] for one in Driver.all() if word in (one.name, one.package) and one.words]
        if named:
            message, words = f"no driver {word!r}: here it is {named[0]}", (named[0],)
        fix = f"driver: {listing(words)}"
        if word in _architectures(task):
            message, fix = f"no driver {word!r}: it is an architecture", f"architecture: {word}"
        raise UnknownName(message, place=place_in(written, ("driver",)), fix=fix)
    for driver in Driver.all():
        if word in driver.words and driver.recipe(task) and driver.suits(task, written):
            return driver
    return None


def _architectures(task: type[Task]) -> tuple[Any, ...]:
    """The words of `architecture:`, where the task has some."""
    fields = describe(task.Settings)
    return next((field.words for field in fields if "architecture" in (field.name, *field.others)), ())


@lru_cache
def _types_of(task: Any, driver: Any) -> tuple[type[Closed], type[Closed]]:
    """The settings and action of one task on one driver: envelope, task and driver mixed together."""
    mixed = (ModelEnvelope, task.Settings, *((driver.Settings,) if driver else ()))
    bases = tuple(dict.fromkeys(base for base in mixed if base is not Closed and not _empty(base)))
    settings = create_model(f"{task.__name__}Component", __base__=bases)
    return cast("tuple[type[Closed], type[Closed]]", (settings, task.Action))


def _empty(model: type[Closed]) -> bool:
    return not model.model_fields
