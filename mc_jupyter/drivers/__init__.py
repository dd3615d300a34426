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

A library that lays adapters over its model says `lays_adapters = True` and has `attach`, `detach`, `use` and
`adapters`; one that can change a loaded model's number type has `castable` and `cast`.

Nothing else is edited. A method inherited from another driver still performs its task, so a library that builds on
another one inherits its recipes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from mc_jupyter.catalog import Part
from mc_jupyter.errors import PlanError, Problem
from mc_jupyter.events import Run
from mc_jupyter.fields import Closed, Format
from mc_jupyter.tasks import Task

if TYPE_CHECKING:
    from mc_jupyter.weights import Checkpoint

F = TypeVar("F", bound=Callable[..., Any])


LANGUAGE_WORDS = ("huggingface", "unsloth", "vllm", "llamacpp", "custom")
"""The words that the language itself has for `driver:`, whether or not a library here answers to them."""


@dataclass(frozen=True, slots=True)
class ModelKey:
    """Exactly what decides which bytes are in memory: equal keys are one model.

    `identity` tells one set of files from another: their folder, names, sizes and times of change. `compute_dtype` and
    `double_quant` say how quantized weights are held, and are empty where there are none. `subject` is what a reader
    calls the model; it does not count.
    """

    driver: str
    head: str
    identity: tuple[Any, ...]
    device: str
    dtype: str
    device_mode: str = "single"
    quantization: str = "none"
    compute_dtype: str = ""
    double_quant: bool = False
    options: tuple[tuple[str, Any], ...] = ()
    subject: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class AdapterKey:
    """Exactly what decides an adapter's bytes: equal keys are one adapter, laid once over a base for all who use it.

    How much of it is added is not part of it: `Driver.use` says that before each call. `name` is what the user calls
    it, `subject` where it comes from; neither counts.
    """

    identity: tuple[Any, ...]
    dtype: str
    low_cpu_mem_usage: bool = field(default=False, compare=False)
    name: str = field(default="", compare=False)
    subject: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """What a laid-on adapter really is, read back from the layers it changed.

    `modules` is how many layers it matched, `ranks` the smallest and largest rank among them, `scales` the smallest and
    largest number that a layer multiplies its product by now (as trained: alpha / rank; times the weight in use; 0 when
    it takes no part).
    """

    modules: int
    ranks: tuple[int, int]
    scales: tuple[float, float]
    bytes: int
    dtype: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a task: the inputs in order, the fields of the call with every expression evaluated, and the run.

    `settings` are the component's fields (labels, chat template …); `run` is who listens and who may stop it.
    """

    items: list[Any]
    action: Any
    settings: Any
    run: Run


@dataclass(frozen=True, slots=True)
class Facts:
    """What a loaded model really is, read back from its tensors and modules.

    `bytes` is the memory of its parameters and buffers; `window` is in tokens; `remarks` are what a reader of its
    answers should know.
    """

    device: str
    dtype: str
    bytes: int
    parameters: int | None = None
    quantization: str = "none"
    window: int | None = None
    architecture: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def number_type(self) -> str:
        """`float32`, or of a quantized model `nf4, the rest float32`."""
        return number_type(self.dtype, self.quantization)


def number_type(dtype: str, quantization: str) -> str:
    """What the weights are, in a few words."""
    kind = quantization.partition(" ")[0]
    return dtype if kind == "none" else f"{kind}, the rest {dtype}"


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

    class Settings(Closed):
        """Component-level fields that only this driver has."""

    @classmethod
    def spoken(cls) -> tuple[str, ...]:
        """The words that `driver:` takes: the language's own, and those of every library here."""
        return tuple(dict.fromkeys((*LANGUAGE_WORDS, *(word for driver in Driver.all() for word in driver.words))))

    @classmethod
    def recipe(cls, task: type[Task]) -> str | None:
        """The name of the method that performs a task, or None."""
        for base in cls.__mro__:
            for name, value in vars(base).items():
                if task.name in getattr(value, "_performs", ()):
                    return name
        return None

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
    def obstacles(cls, task: type[Task], settings: Any) -> Iterator[PlanError]:
        """What about these settings this library cannot do: said before anything is downloaded."""
        return iter(())

    @classmethod
    def lacks(cls, device: str) -> PlanError | None:
        """Why the library, as it is installed, cannot use a device that this machine has; None when it can.

        With `device: auto` the CPU is taken then, and the plan says why.
        """
        return None

    @classmethod
    def check_call(cls, task: type[Task], action: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
        """What this library would pay no heed to in the written fields of a call: pairs of field and problem."""
        return iter(())

    @classmethod
    def check(cls, task: type[Task], settings: Any, checkpoint: Checkpoint) -> None:
        """Raise PlanError if these files cannot do this task: said before any weight is read."""

    @classmethod
    def unfit(
        cls, task: type[Task], checkpoint: Checkpoint, given: Mapping[str, Any]
    ) -> Iterator[tuple[str, PlanError]]:
        """What a cell asks of its calls that these files cannot do: pairs of the field to point at and the error.

        `given` holds the action's fields that the cell gives a value; those that are expressions are not among them.
        """
        return iter(())

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
        name = self.recipe(task)
        assert name is not None, f"{self.name} does not perform {task.name}"
        results: list[Any] = getattr(self, name)(call)
        return results

    def facts(self) -> Facts:
        """What the loaded model really is."""
        raise NotImplementedError

    def close(self) -> None:
        """Drop every reference to the model and give its memory back."""

    # --- adapters: for libraries that lay them over a model ---------------------------------------------------

    lays_adapters: ClassVar[bool] = False
    """Whether it has the four methods below."""

    @classmethod
    def check_adapter(cls, base: Checkpoint, adapter: Checkpoint, name: str) -> None:
        """Raise PlanError or WeightsError if this adapter cannot be laid over this base: said before either is read."""

    def attach(self, key: AdapterKey, checkpoint: Checkpoint) -> None:
        """Lay an adapter over the model, taking no part yet. An error leaves the model as it was."""
        raise NotImplementedError

    def detach(self, key: AdapterKey) -> None:
        """Take an adapter off again; without any, the model is as it was loaded."""
        raise NotImplementedError

    def use(self, weights: Mapping[AdapterKey, float]) -> None:
        """Say which adapters take part from now on, and how much of each: their sum, exactly. None is the bare base."""
        raise NotImplementedError

    def adapters(self) -> Mapping[AdapterKey, AdapterFacts]:
        """Every adapter laid on now, read back from the layers."""
        return {}

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


def performs(*tasks: type[Task] | str) -> Callable[[F], F]:
    """Mark a driver's method as the one that performs these tasks."""

    def mark(method: F) -> F:
        method._performs = frozenset(t if isinstance(t, str) else t.name for t in tasks)  # type: ignore[attr-defined]
        return method

    return mark
