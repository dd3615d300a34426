"""What passes between a driver and those who call it: keys, questions and answers, calls, facts. Frozen data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import ComposeError, InputError, WeightsError
from mc_jupyter.events import Run
from mc_jupyter.faults import said_as
from mc_jupyter.tasks import Task

if TYPE_CHECKING:
    from mc_jupyter.weights import Checkpoint


# --- what decides the bytes in memory ---------------------------------------------------------------------------------


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

    How much of it is added is not part of it: `Layers.use` says that before each call. `name` is what the user calls
    it, `subject` where it comes from; neither counts.
    """

    identity: tuple[Any, ...]
    dtype: str
    low_cpu_mem_usage: bool = field(default=False, compare=False)
    name: str = field(default="", compare=False)
    subject: str = field(default="", compare=False)


# --- what a component asks of a library, and what the library refuses -------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """What a component asks of a library, as far as it is known: None, or empty, is what is not known yet.

    When a cell is read, only its calls are known; when it is planned, its settings, the device and those of its files
    that are on this disk; after a download, all of them.
    """

    task: type[Task]

    settings: Any = None
    """The component's fields, with what comes from the environment filled in."""

    device: str | None = None
    """The device of this machine that the model would be on."""

    checkpoint: Checkpoint | None = None
    """The model's files."""

    adapters: Mapping[str, Checkpoint] = field(default_factory=dict)
    """The files of its adapters, by what the user calls them."""

    calls: tuple[Mapping[str, Any], ...] = ()
    """The written fields of each of its calls. Of a planned component those that expressions give are left out."""

    def numbered_calls(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        return enumerate(self.calls)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that a library cannot do: the error to raise, and the field of the cell that it is about.

    The field is the component's own; with `call` it is one of that call's (a place in `Asked.calls`), and with
    `adapter` the refusal is about the adapter of that name.
    """

    error: ComposeError
    field: str = "model"
    call: int | None = None
    adapter: str | None = None


class SettingError(InputError):
    """What a setting of the component makes of a call is wrong; `field` names it, for whoever knows where it stands."""

    def __init__(self, message: str, field: str, fix: str | None = None):
        super().__init__(message, fix=fix)
        self.field = field


ODD_FILES = "the files are damaged, or not what their names say"
"""What is wrong where looking at files fails in a way that nobody has foreseen."""


def refused(check: Callable[..., object], *given: Any, adapter: str | None = None) -> list[Refusal]:
    """The refusal for the error that `check(*given)` raises; nothing when it raises none.

    What is no error of ours is the files': they are so odd that looking at them failed.
    """
    try:
        with said_as(WeightsError, f"adapter {adapter}: {ODD_FILES}" if adapter else ODD_FILES):
            check(*given)
    except ComposeError as error:
        return [Refusal(error, adapter=adapter)]
    return []


# --- a call, and what is read back ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TaskCall:
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

    `bytes` is the memory of its parameters and buffers, `mapped` that part of them which are pages of its files, not
    the process's own; `beside` is what it holds in main memory besides (a tokenizer, by its file). `window` is in
    tokens; `notes` are what a reader of its answers should know.
    """

    device: str
    dtype: str
    bytes: int
    parameters: int | None = None
    quantization: str = "none"
    window: int | None = None
    architecture: str = ""
    notes: tuple[str, ...] = ()
    mapped: int = field(default=0, compare=False)  # where they lie, not what they are
    beside: int = 0

    @property
    def number_type(self) -> str:
        """`float32`, or of a quantized model `nf4, the rest float32`."""
        return number_type(self.dtype, self.quantization)


def number_type(dtype: str, quantization: str) -> str:
    """What the weights are, in a few words."""
    kind = quantization.partition(" ")[0]
    return dtype if kind == "none" else f"{kind}, the rest {dtype}"


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """What a laid-on adapter really is, read back from the layers it changed.

    `modules` is how many layers have matrices of it, `ranks` the smallest and largest rank among them, `scales` the
    smallest and largest number that a layer multiplies its product by now (as trained: alpha / rank; times the weight
    in use; 0 when it takes no part). `parameters` is how many weights, biases and norms it gives beside matrices,
    `notes` what a reader should know of what else its files hold.
    """

    modules: int
    ranks: tuple[int, int]
    scales: tuple[float, float]
    bytes: int
    dtype: str
    parameters: int = 0
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> str:
        """`28 modules`, or `28 modules and 3 parameters`."""
        beside = f"{self.parameters} parameter{'s' * (self.parameters != 1)}" if self.parameters else ""
        layers = f"{self.modules} modules" if self.modules or not beside else ""
        return " and ".join(part for part in (layers, beside) if part)
