"""A model in the kernel: its fields are the envelope's, the task's and the driver's together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, ClassVar, cast

from pydantic import Field, create_model

from mc_jupyter.cell import place_in
from mc_jupyter.components import ComponentType, Envelope, Shape
from mc_jupyter.drivers import Asked, Driver
from mc_jupyter.errors import Problem, UnknownName
from mc_jupyter.fields import Closed, KeepAlive, ModelSettings
from mc_jupyter.tasks import Task
from mc_jupyter.words import did_you_mean, listing


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
        return Shape(settings, action, {task.input: _input_expression(task)}, remarks)

    @classmethod
    def check(cls, written: Mapping[str, Any], action: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
        task, driver, _ = choose(written)
        yield from task.check(action)
        if driver is not None:
            for refusal in driver.refuses(Asked(task, calls=(action,))):
                yield refusal.field, refusal.error.problems[0]


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


def _input_expression(task: type[Task]) -> str:
    """What a call's input is when the cell does not say: `${input.text}`, or the other name for it."""
    first, second = {"text": ("text", "prompt"), "prompt": ("prompt", "text")}.get(task.input, (task.input, None))
    if task.name == "text-generation":
        first, second = "prompt", "text"
    kind = {"text": " as text", "prompt": " as text", "image": " as image"}.get(first, "")
    return f"${{input.{first}{kind} | ${{input.{second}{kind}}}}}" if second else f"${{input.{first}{kind}}}"
