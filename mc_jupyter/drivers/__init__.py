"""Who performs tasks: one file per library. An instance is that library holding one loaded model.

To add one, write `drivers/my_library.py` with one class; nothing else is edited:

    from mc_jupyter.parts import Driver, Facts, Text, performs

    class MyLibrary(Driver):
        '''One line that help shows.'''

        words = ("my-library",)                # what `driver:` says in YAML
        package, extra = "mylib", "mylib"      # the module it needs, and our extra that installs it

        @classmethod
        def load(cls, key, checkpoint, run):   # read the files of `checkpoint` as `key` says
            import mylib                       # inside: nobody pays for a library that is not used

            loaded = cls()
            loaded.model = mylib.open(checkpoint.files, device=key.device)
            return loaded

        @performs("text-generation")           # a task's word, or its class
        def generate(self, call):              # one result for each of call.items, in order
            return [Text(self.model.write(text)) for text in call.items]

        def facts(self):                       # read back from the loaded model, never from the key
            return Facts(device=self.model.device, dtype=self.model.dtype, bytes=self.model.size)

        def close(self):                       # drop every reference to the model
            self.model = None

That is all it must have. What it may have besides, each documented where it stands:

    formats, heads, beside, by_pieces, Settings    what it reads, what it depends on, fields of its own
    ignores                                        fields of a call that change nothing, as data
    suits(task, written)                           whether it is the one, where several answer to a word
    source(task, settings)                         what a model's name means that this library knows
    refuses(asked)                                 everything it cannot do, said before a weight is read
    estimate, least, quantizes                     how much memory a model takes, at least, and in fewer bits
    wake()                                         the import of the library, apart from loading
    lays_adapters, layers                          adapters over a loaded model
    castable, cast                                 another number type for a loaded model

A method inherited from another driver still performs its task, so a library that builds on another one inherits its
recipes. Its test inherits a suite of `tests/drivers/contract.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from mc_jupyter.catalog import Part
from mc_jupyter.drivers._records import (
    ODD_FILES,
    AdapterFacts,
    AdapterKey,
    Asked,
    Facts,
    ModelKey,
    Refusal,
    SettingError,
    TaskCall,
    number_type,
    refused,
)
from mc_jupyter.errors import InputError, PlanError, Problem
from mc_jupyter.events import Run
from mc_jupyter.language.fields import Closed, Format
from mc_jupyter.tasks import Task, performs
from mc_jupyter.weights.memory import Estimate, estimate

if TYPE_CHECKING:
    from mc_jupyter.weights import Checkpoint

__all__ = [
    "LANGUAGE_WORDS", "ODD_FILES", "AdapterFacts", "AdapterKey", "Asked", "Driver", "Facts", "Layers", "ModelKey",
    "Refusal", "SettingError", "TaskCall", "number_type", "performs", "refused",
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
    """One library; an instance is that library holding one loaded model.

    Class methods answer before anything is loaded: they read no weights, open no socket, and import no heavy library
    where they can help it. An instance performs one call at a time, and none after `close`.
    """

    # --- what it is ---------------------------------------------------------------------------------------------------

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

    reads_one_file: ClassVar[bool] = False
    """Whether it reads a file of weights and nothing beside it, so that other files there are none of the model's."""

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

    # --- which tasks, which models ------------------------------------------------------------------------------------

    @classmethod
    def spoken(cls) -> tuple[str, ...]:
        """The words that `driver:` takes: the language's own, and those of every library here."""
        return tuple(dict.fromkeys((*LANGUAGE_WORDS, *(word for driver in Driver.all() for word in driver.words))))

    @classmethod
    def recipe(cls, task: type[Task]) -> Callable[[Any, TaskCall], list[Any]] | None:
        """What performs a task, as a function of the loaded driver and the call: a method of this library or of one
        that it builds on, else a function of the task's own file. None where the library does not perform it.
        """
        for base in cls.__mro__:
            for name, value in vars(base).items():
                if task.name in getattr(value, "_performs", ()):
                    return cast("Callable[[Any, TaskCall], list[Any]]", getattr(cls, name))
        if task.head not in cls.heads:
            return None
        names = {word for base in cls.__mro__ for word in (vars(base).get("name", ""), *vars(base).get("words", ()))}
        own = (value for value in vars(sys.modules[task.__module__]).values() if getattr(value, "_by", None) in names)
        return next((recipe for recipe in own if task.name in recipe._performs), None)

    @classmethod
    def suits(cls, task: type[Task], written: Mapping[str, Any]) -> bool:
        """Whether it is the library for a component, where several answer to one word of `driver:`.

        `task` is what the component asks for, `written` its mapping as the cell has it, expressions and all. Raises
        nothing.
        """
        return True

    @classmethod
    def source(cls, task: type[Task], settings: Any) -> Any:
        """Where the model's files come from, as a `weights.Source`: `model:` itself, or what a name means here.

        `settings` are the component's fields, for a model that shall do this `task`. Raises WeightsError for a name
        that means nothing, PlanError for one that means another library's model.
        """
        return settings.model

    # --- what it cannot do --------------------------------------------------------------------------------------------

    @classmethod
    def ignored(cls, task: type[Task]) -> Mapping[str, str]:
        """The fields of this task's calls that it pays no heed to, each with the reason."""
        return cls.ignores.get(task.name, {})

    @classmethod
    def refuses(cls, asked: Asked) -> Iterator[Refusal]:
        """Everything of what is asked that this library cannot do, as far as `asked` knows it.

        It is asked more than once: of the calls alone when a cell is read, of all but absent files when it is planned,
        again after a download. So it looks at whatever is there, and the caller need not know an order. Headers and
        configs are read at most. It raises nothing: `refused` turns what a check raises into a refusal.

        A refusal of the field `device` means that the library, as it is installed, cannot use a device that this
        machine has: with `device: auto` the CPU is taken then, and the plan says why.

        An override begins with `yield from super().refuses(asked)`, which refuses what is ignored.
        """
        for number, call in asked.numbered_calls():
            for field, problem in cls._idle(asked.task, call):
                yield Refusal(PlanError([problem]), field, call=number)

    @classmethod
    def refusals(cls, asked: Asked) -> list[Refusal]:
        """Everything of what is `asked` that it `refuses`; where the files are so odd that looking fails, that."""
        found: list[Refusal] = []
        wrong = refused(lambda: found.extend(cls.refuses(asked)))
        return found + wrong

    @classmethod
    def check(cls, asked: Asked) -> None:
        """Raise the error of the first refusal of what is `asked`, where there is one."""
        for refusal in cls.refusals(asked):
            raise refusal.error

    @classmethod
    def _idle(cls, task: type[Task], given: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
        """A problem for each of a call's fields that would change nothing."""
        for name, why in cls.ignored(task).items():
            if given.get(name) is not None:
                yield name, Problem(f"{name} has no effect here: {why}", None, f"remove {name}:")

    # --- memory -------------------------------------------------------------------------------------------------------

    @classmethod
    def estimate(cls, key: ModelKey, checkpoint: Checkpoint) -> Estimate:
        """The memory that the model will take, before its weights are read: here by the numbers in its files.

        `key` says as what, `checkpoint` are its files. A library that knows better says so: one that quantizes, maps
        files, or keeps room for what it will compute.
        """
        return estimate(checkpoint, key.dtype)

    @classmethod
    def lighter(cls, key: ModelKey, checkpoint: Checkpoint) -> list[tuple[str, int]]:
        """Lighter ways than `key` to load the same `checkpoint`: (the line of the cell, the bytes that then are the
        peak).
        """
        if not checkpoint.elements:
            return []
        ways = [("precision: bfloat16", replace(key, dtype="bfloat16"))]
        ways += [(f"quantization: {kind}", replace(key, quantization=kind)) for kind in cls.quantizes]
        needs = cls.estimate(key, checkpoint).peak_bytes
        found = [(line, cls.estimate(way, checkpoint).peak_bytes) for line, way in ways]
        return [(line, need) for line, need in found if need < needs]

    @classmethod
    def least(cls, key: ModelKey, checkpoint: Checkpoint) -> int | None:
        """Bytes of the device with which the model of this `key` and `checkpoint` runs after all, slower, where it does
        not fit as a whole.

        None when all of it must fit. Otherwise `load` finds out how much is free, and says what it did about it.
        """
        return None

    # --- one loaded model ---------------------------------------------------------------------------------------------

    @classmethod
    def wake(cls, key: ModelKey) -> None:
        """Import what a model of this key needs, so that loading takes the model's own time and memory: called before
        `load`, each time it loads.

        MissingPackage where it is there and does not start.
        """

    @classmethod
    def load(cls, key: ModelKey, checkpoint: Checkpoint | None, run: Run) -> Driver:
        """Read the model into memory, and give the library holding it.

        `key` decides everything: device, number type, quantization, `options` (the driver's own Settings). `checkpoint`
        are the files, all on this disk; None where the library needs none. `run` hears what a reader should know
        (`run.note`); reading cannot be stopped part-way, so `run.stopped` may be ignored.

        Raises WeightsError for files that cannot be read, PlanError for what only loading can find out, DoesNotFit when
        memory runs out. Whatever else its library raises may come through: it becomes one WeightsError with the reason.
        While it runs, torch modules may not become much more than the files hold. Nothing it has read may stay behind.
        """
        raise NotImplementedError

    def perform(self, task: type[Task], call: TaskCall) -> list[Any]:
        """One result for each item of the call, in order, by the recipe for the task.

        A recipe looks at `call.run.stopped` between tokens, steps, tiles or batches, and then gives what it has: None
        for the items that it did not come to. It emits Advance as it goes (Piece and Preview where there are some).
        InputError for what the call was given, before the first item. What its library raises may come through: it
        becomes one RunError.
        """
        recipe = self.recipe(task)
        assert recipe is not None, f"{self.name} does not perform {task.name}"
        given = {field: getattr(call.action, field, None) for field in self.ignored(task)}
        if idle := [problem for _, problem in self._idle(task, given)]:
            raise InputError(idle)
        return recipe(self, call)

    def facts(self) -> Facts:
        """What the loaded model really is, read back from it. Adapters laid over it are not part of it.

        Asked often, also while a call runs: what takes long to read is read when the model was loaded, or cast.
        """
        raise NotImplementedError

    def fits(self, settings: Any) -> int | None:
        """How many tokens of one input a component of these `settings` can give it; None where nothing limits it."""
        return self.facts().window

    def close(self) -> None:
        """Drop every reference to the model and give its memory back. Called once; raises nothing."""

    @classmethod
    def castable(cls, old: ModelKey, new: ModelKey, stored: str | None) -> bool:
        """Whether casting a model loaded as `old` gives, bit for bit, what loading its files as `new` gives.

        `stored` is the number type of all of its weights in the files; None where there are several.
        """
        return False

    def cast(self, key: ModelKey) -> None:
        """Bring the loaded model to the key's number type, in place; only where `castable` says so.

        PlanError where that turns out not to equal a fresh load, with the model as it was. After any other error it is
        half cast, and is closed.
        """
        raise NotImplementedError
