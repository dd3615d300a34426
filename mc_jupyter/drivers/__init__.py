"""Who performs tasks: one file per library. An instance is that library holding one loaded model.

To add one, write `drivers/my_library.py`:

    class MyLibrary(Driver):
        '''One line that help shows.'''

        words = ("my-library",)              # what `driver:` says in YAML
        package, extra = "mylib", "mylib"    # the module it needs, and our extra that installs it

        @classmethod
        def load(cls, key, checkpoint, run):   # read the files of `checkpoint` as `key` says; return cls(…)

        @performs(TextGeneration)            # a task's class, or its word
        def generate(self, call):            # results for call.items, in order
            …

        def facts(self): …                   # read back from the loaded model, never from the key
        def close(self): …                   # drop every reference to the model

A library that lays adapters over its model says `lays_adapters = True` and gives each loaded one its `layers`; one that
 can change a loaded model's number type has `castable` and `cast`.

Nothing else is edited. A method inherited from another driver still performs its task, so a library that builds on
another one inherits its recipes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from mc_jupyter.catalog import Part
from mc_jupyter.drivers._records import (
    AdapterFacts,
    AdapterKey,
    Asked,
    Call,
    Facts,
    ModelKey,
    Refusal,
    number_type,
    refused,
)
from mc_jupyter.errors import InputError, PlanError, Problem
from mc_jupyter.events import Run
from mc_jupyter.fields import Closed, Format
from mc_jupyter.tasks import Task, performs
from mc_jupyter.weights.memory import Estimate, estimate

if TYPE_CHECKING:
    from mc_jupyter.weights import Checkpoint

__all__ = [
    "LANGUAGE_WORDS", "AdapterFacts", "AdapterKey", "Asked", "Call", "Driver", "Facts", "Layers", "ModelKey",
    "Refusal", "number_type", "performs", "refused",
]  # fmt: skip

LANGUAGE_WORDS = ("huggingface", "unsloth", "vllm", "llamacpp", "custom")
"""The words that the language itself has for `driver:`, whether or not a library here answers to them."""


class Layers(Protocol):
    """What lays adapters over one loaded model, in place. When nothing is laid, the model is as it was loaded."""

    def attach(self, key: AdapterKey, checkpoint: Checkpoint) -> None:
        """Lay an adapter's files over the model, taking no part yet. One that is laid on already stays as it is.

        Raises PlanError or WeightsError where it does not fit or cannot be read; any error leaves the model as it was.
        """

    def detach(self, key: AdapterKey) -> None:
        """Take an adapter off again."""

    def use(self, weights: Mapping[AdapterKey, float]) -> None:
        """Say which adapters take part from now on, and how much of each: their sum, exactly. None is the bare base.

        Asked before each call, so it costs nothing where nothing changes. LookupError for one that is not laid on.
        """

    def facts(self) -> Mapping[AdapterKey, AdapterFacts]:
        """Every adapter laid on now, read back from the layers."""


class Driver(Part, room="drivers", noun="driver"):
    """One library, holding one loaded model."""

    words: ClassVar[tuple[str, ...]] = ()
    """What `driver:` says in YAML to get it."""

    package: ClassVar[str | None] = None
    """The module whose import shows that the library is there; None when nothing is needed."""

    beside: ClassVar[tuple[str, ...]] = ()
    """Further modules whose versions decide what comes out."""

    by_pieces: ClassVar[bool] = False
    """Whether it always loads tensor by tensor, so that `low_cpu_mem_usage` asks for what is so already."""

    extra: ClassVar[str | None] = None
    """Our extra that installs it; None when the library comes with mc_jupyter."""

    needs_weights: ClassVar[bool] = True
    """Whether it loads a checkpoint at all."""

    formats: ClassVar[tuple[Format, ...]] = ("safetensors", "pytorch")
    """The file formats it reads."""

    heads: ClassVar[tuple[str, ...]] = ()
    """The kinds of model (`Task.head`) that it can load: a task of such a head may bring its own recipe for it."""

    quantizes: ClassVar[tuple[str, ...]] = ()
    """The kinds of `quantization:` to offer where memory is short, the gentlest first."""

    ignores: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    """Fields of a task's calls that change nothing with this library, each with the reason: `{task: {field: why}}`.

    They are refused where a cell writes them and where a call gives them, and no control is made for them.
    """

    lays_adapters: ClassVar[bool] = False
    """Whether its loaded models have `layers`."""

    layers: Layers | None = None
    """What lays adapters over the loaded model; None where the library lays none."""

    class Settings(Closed):
        """Component-level fields that only this driver has."""

    @classmethod
    def spoken(cls) -> tuple[str, ...]:
        """The words that `driver:` takes: the language's own, and those of every library here."""
        return tuple(dict.fromkeys((*LANGUAGE_WORDS, *(word for driver in Driver.all() for word in driver.words))))

    @classmethod
    def recipe(cls, task: type[Task]) -> Callable[[Any, Call], list[Any]] | None:
        """What performs a task, as a function of the loaded driver and the call: a method of this library or of one
        that it builds on, else a function of the task's own file. None where the library does not perform it.
        """
        for base in cls.__mro__:
            for name, value in vars(base).items():
                if task.name in getattr(value, "_performs", ()):
                    return cast("Callable[[Any, Call], list[Any]]", getattr(cls, name))
        if task.head not in cls.heads:
            return None
        names = {word for base in cls.__mro__ for word in (vars(base).get("name", ""), *vars(base).get("words", ()))}
        own = (value for value in vars(sys.modules[task.__module__]).values() if getattr(value, "_by", None) in names)
        return next((recipe for recipe in own if task.name in recipe._performs), None)

    @classmethod
    def suits(cls, task: type[Task], written: Mapping[str, Any]) -> bool:
        """Whether it is the library for a component written so, where several answer to one word of `driver:`."""
        return True

    @classmethod
    def source(cls, task: type[Task], settings: Any) -> Any:
        """Where the model's files come from: `model:` itself, or what a name means that this library knows.

        A `weights.Source`. Raises WeightsError; opens no socket.
        """
        return settings.model

    @classmethod
    def ignored(cls, task: type[Task]) -> Mapping[str, str]:
        """The fields of this task's calls that it pays no heed to, each with the reason."""
        return cls.ignores.get(task.name, {})

    @classmethod
    def refuses(cls, asked: Asked) -> Iterator[Refusal]:
        """Everything that this library cannot do of what is asked, as far as it is known: from settings, device, files,
        adapters and calls, whichever are there.

        A refusal of the field `device` means that the library, as it is installed, cannot use a device that this
        machine has: with `device: auto` the CPU is taken then, and the plan says why. Reads headers and configs at
        most, no weights; opens no socket; imports no heavy library where it can be helped. An override begins with
        `yield from super().refuses(asked)`.
        """
        for number, call in asked.numbered_calls():
            for field, problem in cls._idle(asked.task, call):
                yield Refusal(PlanError([problem]), field, call=number)

    @classmethod
    def check(cls, asked: Asked) -> None:
        """Raise the first refusal, where there is one."""
        for refusal in cls.refuses(asked):
            raise refusal.error

    @classmethod
    def _idle(cls, task: type[Task], given: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
        """A problem for each of a call's fields that would change nothing."""
        for name, why in cls.ignored(task).items():
            if given.get(name) is not None:
                yield name, Problem(f"{name} has no effect here: {why}", None, f"remove {name}:")

    @classmethod
    def estimate(cls, key: ModelKey, checkpoint: Checkpoint) -> Estimate:
        """The memory that the model will take, before its weights are read: here by the numbers in its files.

        `key` says as what, `checkpoint` are its files. A library that knows better says so: one that quantizes, maps
        files, or keeps room for what it will compute.
        """
        return estimate(checkpoint, key.dtype)

    @classmethod
    def lighter(cls, key: ModelKey, checkpoint: Checkpoint) -> list[tuple[str, int]]:
        """Lighter ways to load the same files: (the line of the cell, the bytes that then are the peak)."""
        if not checkpoint.elements:
            return []
        ways = [("precision: bfloat16", replace(key, dtype="bfloat16"))]
        ways += [(f"quantization: {kind}", replace(key, quantization=kind)) for kind in cls.quantizes]
        needs = cls.estimate(key, checkpoint).peak_bytes
        found = [(line, cls.estimate(way, checkpoint).peak_bytes) for line, way in ways]
        return [(line, need) for line, need in found if need < needs]

    @classmethod
    def least(cls, key: ModelKey, checkpoint: Checkpoint) -> int | None:
        """Bytes of the device with which the model runs after all, slower, where it does not fit as a whole.

        None when all of it must fit. `load` then finds out how much is free, and says what it did about it.
        """
        return None

    @classmethod
    def wake(cls) -> None:
        """Import the library: done once a process, before `load`, so that loading times are the model's own."""

    @classmethod
    def load(cls, key: ModelKey, checkpoint: Checkpoint | None, run: Run) -> Driver:
        """Read the model into memory."""
        raise NotImplementedError

    def perform(self, task: type[Task], call: Call) -> list[Any]:
        """One result for each item of the call, in order."""
        recipe = self.recipe(task)
        assert recipe is not None, f"{self.name} does not perform {task.name}"
        given = {field: getattr(call.action, field, None) for field in self.ignored(task)}
        if idle := [problem for _, problem in self._idle(task, given)]:
            raise InputError(idle)
        return recipe(self, call)

    def facts(self) -> Facts:
        """What the loaded model really is."""
        raise NotImplementedError

    def close(self) -> None:
        """Drop every reference to the model and give its memory back."""

    # --- number types: for libraries that can change a loaded model's ---------------------------------------------

    @classmethod
    def castable(cls, old: ModelKey, new: ModelKey, stored: str | None) -> bool:
        """Whether casting a model loaded as `old` gives, bit for bit, what loading weights stored as `stored` as `new`
        gives.
        """
        return False

    def cast(self, key: ModelKey) -> None:
        """Bring the loaded model to the key's number type, in place."""
        raise NotImplementedError
