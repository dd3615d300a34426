"""A model in the kernel: its fields are the envelope's, the task's and the driver's together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, cast

from pydantic import Field, create_model

from mc_jupyter.cell import place_in
from mc_jupyter.components import Call, ComponentType, Effect, Envelope, Planned, Resident, Room, Shape, default_inputs
from mc_jupyter.drivers import Driver
from mc_jupyter.errors import InputError, Problem, UnknownName
from mc_jupyter.events import Run
from mc_jupyter.fields import Closed, KeepAlive, ModelSettings
from mc_jupyter.kinds import bindings
from mc_jupyter.tasks import Task
from mc_jupyter.words import did_you_mean, listing

if TYPE_CHECKING:
    from mc_jupyter.components.model.choices import ModelPlan
    from mc_jupyter.spec import Component


class ModelEnvelope(Envelope, ModelSettings):
    """What every model component may say."""

    task: str = Field("text-generation", description="What the model is asked to do.")
    driver: str | None = Field(
        None, description="The library that runs it; default: huggingface, or what the task needs."
    )
    preload: bool = Field(True, description="Load the model when the cell is run (true), or at the first call (false).")
    keep_alive: KeepAlive = Field(
        float("inf"), description="How long it stays loaded after a call: 10m, 1h30m, 0 (not at all), -1 (for ever)."
    )


_SAME_TASK = {"image-upscaling": "image-upscale"}  # the newer edition's word


class Model(ComponentType):
    """A model, loaded into the kernel."""

    runs: ClassVar[bool] = True
    Settings: ClassVar[type[Envelope]] = ModelEnvelope

    @classmethod
    def shape(cls, written: Mapping[str, Any]) -> Shape:
        task, driver, remarks = choose(written)
        settings, action = _types_of(task, driver)  # type: ignore[arg-type]  # classes are hashable; mypy doubts it
        return Shape(settings, action, bindings(action), remarks)

    @classmethod
    def check(cls, written: Mapping[str, Any], action: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
        task, driver, _ = choose(written)
        yield from task.check(action)
        if driver is not None:
            yield from driver.check_call(task, action)

    @classmethod
    def plan(cls, written: Component, env: Mapping[str, str], beside: Mapping[str, Any]) -> Planned:
        from mc_jupyter.components.model.planning import ModelPlanner

        return ModelPlanner(written, env, beside).plan(default_inputs(written))

    @classmethod
    def open(cls, planned: Planned, room: Room, run: Run) -> Resident | None:
        from mc_jupyter.components.model.loading import open_model

        return open_model(chosen(planned), room, run)

    @classmethod
    def fetch(cls, planned: Planned, run: Run) -> list[tuple[str, Any]]:
        from mc_jupyter.components.model.loading import fetch

        plan = chosen(planned)
        if not plan.driver.needs_weights:
            return []
        files = fetch(plan, None, run)
        names = [plan.subject, *(str(adapter.settings.model) for adapter in plan.adapters)]
        return list(zip(names, (files.base, *files.adapters), strict=True))

    @classmethod
    def change(cls, old: Planned, new: Planned, room: Room) -> Effect:
        from mc_jupyter.components.model.changing import effect_of

        return effect_of(old, chosen(new), room)

    @classmethod
    def streams(cls, planned: Planned, fields: Any) -> bool:
        if not getattr(fields, "streaming", False):
            return False
        if chosen(planned).task.items(fields)[1] or fields.num_return_sequences > 1:
            fix = "streaming: false, or one input and one answer"
            raise InputError("streaming gives one answer to one input", fix=fix)
        return True

    @classmethod
    def call(cls, planned: Planned, opened: Any, call: Call) -> Any:
        from mc_jupyter.components.model.calling import perform

        return perform(chosen(planned), opened, call)

    @classmethod
    def card(cls, planned: Planned, resident: Resident | None) -> Iterator[tuple[str, str]]:
        from mc_jupyter.components.model import card

        return card.rows(chosen(planned), resident)


def chosen(planned: Planned) -> ModelPlan:
    """The plan of a model for which everything was chosen; of another, the first error that running it would raise."""
    from mc_jupyter.components.model.choices import ModelPlan

    if isinstance(planned, ModelPlan):
        return planned
    raise planned.problems[0]


def choose(written: Mapping[str, Any]) -> tuple[type[Task], type[Driver] | None, tuple[str, ...]]:
    """The task and the driver that a written component means, and what a reader should know of it.

    The driver is None when no library of that word performs the task: that is a matter for the plan.
    Raises UnknownName for words that do not exist.
    """
    remarks = []
    word = written.get("task")
    if word is None:
        word = "text-generation"
        remarks.append("task: text-generation, since the cell names none")
    task = Task.named(_known(written, "task", _SAME_TASK.get(str(word), str(word)), Task.names()))
    driver = _known(written, "driver", str(written.get("driver", task.driver)), Driver.spoken())
    return task, driver_of(task, driver, written), tuple(remarks)


def _known(written: Mapping[str, Any], key: str, word: str, words: tuple[str, ...]) -> str:
    if word not in words:
        fix = did_you_mean(word, words) or f"{key}: {listing(words)}"
        raise UnknownName(f"no {key} {word!r}", place=place_in(written, (key,)), fix=fix)
    return word


def driver_of(task: type[Task], word: str, written: Mapping[str, Any]) -> type[Driver] | None:
    """The library that answers to this word, performs this task, and is the one for what else the component says."""
    for driver in Driver.all():
        if word in driver.words and driver.recipe(task) and driver.suits(task, written):
            return driver
    return None


@lru_cache
def _types_of(task: Any, driver: Any) -> tuple[type[Closed], type[Closed]]:
    """The settings and action of one task on one driver: envelope, task and driver mixed together."""
    mixed = (ModelEnvelope, task.Settings, *((driver.Settings,) if driver else ()))
    bases = tuple(dict.fromkeys(base for base in mixed if base is not Closed and not _empty(base)))
    settings = create_model(f"{task.__name__}Component", __base__=bases)
    return cast("tuple[type[Closed], type[Closed]]", (settings, task.Action))


def _empty(model: type[Closed]) -> bool:
    return not model.model_fields
