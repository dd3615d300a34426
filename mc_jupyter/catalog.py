"""What exists: tasks, drivers and component types, found by looking into their folders and at entry points.

Nobody lists them. A file `tasks/my_task.py` is `task: my-task`; its class is the one Task (Driver, ComponentType …)
that it defines. Another installed package joins by an entry point of the group `mc_jupyter.tasks`, `mc_jupyter.drivers`
or `mc_jupyter.components`, whose name is the word and whose value is the class.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import entry_points
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mc_jupyter.errors import UnknownName, did_you_mean, listing

if TYPE_CHECKING:
    from mc_jupyter.components import ComponentType
    from mc_jupyter.drivers import Driver
    from mc_jupyter.tasks import Task

T = TypeVar("T")

LANGUAGE_DRIVERS = ("huggingface", "unsloth", "vllm", "llamacpp", "custom")
"""The words that the language itself has for `driver:`, whether or not a library here answers to them."""


def tasks() -> tuple[str, ...]:
    """The words that `task:` takes."""
    return _words("tasks")


def task(word: str) -> type[Task]:
    from mc_jupyter.tasks import Task

    return _part("tasks", word, Task, "task")


def drivers() -> tuple[type[Driver], ...]:
    """Every driver class: one per library. Several may answer to one word of `driver:`."""
    from mc_jupyter.drivers import Driver

    return tuple(_part("drivers", word, Driver, "driver") for word in _words("drivers"))


def driver_words() -> tuple[str, ...]:
    """The words that `driver:` takes."""
    return tuple(dict.fromkeys((*LANGUAGE_DRIVERS, *(word for driver in drivers() for word in driver.words))))


def component_types() -> tuple[str, ...]:
    """The words that `type:` takes."""
    return _words("components")


def component_type(word: str) -> type[ComponentType]:
    from mc_jupyter.components import ComponentType

    return _part("components", word, ComponentType, "component type")


def forget() -> None:
    """Look into the folders again at the next question (after a file was added)."""
    _words.cache_clear()
    _load.cache_clear()


@lru_cache
def _words(kind: str) -> tuple[str, ...]:
    package = importlib.import_module(f"mc_jupyter.{kind}")
    own = (m.name.replace("_", "-") for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))
    joined = (point.name for point in entry_points(group=f"mc_jupyter.{kind}"))
    return tuple(sorted({*own, *joined}))


def _part(kind: str, word: str, base: type[T], noun: str) -> type[T]:
    if word not in _words(kind):
        hint = did_you_mean(word, _words(kind))
        raise UnknownName(f"no {noun} {word!r}" + (f"; {hint}" if hint else ""), fix=f"{noun}: {listing(_words(kind))}")
    return cast("type[T]", _load(kind, word, base))  # type: ignore[arg-type]  # classes are hashable; mypy doubts it


@lru_cache
def _load(kind: str, word: str, base: Any) -> type:
    for point in entry_points(group=f"mc_jupyter.{kind}", name=word):
        joined = cast("type", point.load())
        joined.name = word  # type: ignore[attr-defined]  # every base declares it
        return joined
    module = importlib.import_module(f"mc_jupyter.{kind}.{word.replace('-', '_')}")
    found = list(_defined_in(module, base))
    if len(found) != 1:
        raise TypeError(f"{module.__name__} defines {len(found)} {base.__name__} classes; it should define one")
    return found[0]


def _defined_in(module: ModuleType, base: type) -> Iterator[type]:
    for value in vars(module).values():
        if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module.__name__:
            yield value
