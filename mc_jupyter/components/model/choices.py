"""What planning a model gives: its component and adapters with every choice made. Frozen data, nothing loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mc_jupyter import devices
from mc_jupyter.components import Planned, Shape
from mc_jupyter.components.model.identity import identity_of, replaced, unchanged
from mc_jupyter.drivers import AdapterKey, Driver, ModelKey
from mc_jupyter.errors import Place
from mc_jupyter.language.cell import place_in
from mc_jupyter.language.fields import Adapter
from mc_jupyter.tasks import Task
from mc_jupyter.trust.permissions import Permissions
from mc_jupyter.weights import Checkpoint
from mc_jupyter.words import format_bytes

_FOUR_BITS = ("int4", "fp4", "nf4")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape(Shape):
    """A model component's fields, the task that it says and the library that performs it.

    `driver` is None when no library of that word performs the task: that is a matter for the plan.
    """

    task: type[Task]
    driver: type[Driver] | None


@dataclass(frozen=True, slots=True)
class Use:
    """What a component needs in memory: a model, and how much of each adapter laid over it takes part."""

    model: ModelKey
    adapters: tuple[tuple[AdapterKey, float], ...] = ()

    @property
    def weights(self) -> dict[AdapterKey, float]:
        """How much of each adapter. One that is named twice counts twice."""
        found: dict[AdapterKey, float] = {}
        for key, weight in self.adapters:
            found[key] = found.get(key, 0.0) + weight
        return found


@dataclass(frozen=True, slots=True)
class Files:
    """A component's files on this disk, and what they will be in memory. `base` is None for a driver without weights.

    `least` is how many bytes do in need, where the library can run a model that does not fit as a whole.
    """

    base: Checkpoint | None
    adapters: tuple[Checkpoint, ...]
    use: Use
    least: int | None = None
    places: tuple[Place | None, ...] = ()
    """Where the cell names each adapter."""

    @property
    def adapter_bytes(self) -> int:
        """Memory the adapters take."""
        pairs = zip(self.use.adapters, self.adapters, strict=True)
        return sum(checkpoint.bytes_as(key.dtype) for (key, _), checkpoint in pairs)


@dataclass(frozen=True, slots=True)
class PlannedAdapter:
    """One adapter of a component. `checkpoint` is None while its files are not on this disk."""

    name: str
    settings: Adapter = field(repr=False)
    weight: float = 1.0
    checkpoint: Checkpoint | None = None
    identity: tuple[Any, ...] = field(default=(), repr=False)
    place: Place | None = field(default=None, repr=False, compare=False)
    """Where the cell names it."""

    def key(self, base: ModelKey, checkpoint: Checkpoint) -> AdapterKey:
        """What decides its bytes, over a base that is now known."""
        asked = self.settings.precision
        return AdapterKey(
            identity=self.identity if checkpoint is self.checkpoint else identity_of(checkpoint),
            dtype=asked if asked not in (None, "auto") else base.compute_dtype or base.dtype,
            low_cpu_mem_usage=self.settings.low_cpu_mem_usage,
            name=self.name,
            subject=str(self.settings.model),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided(Planned):
    """A model component of which so much is wrong that nothing can be chosen: its problems say what."""

    task: type[Task]
    driver: type[Driver] | None = None

    @property
    def kind(self) -> str:
        return self.task.name

    @property
    def subject(self) -> str:
        return str(self.settings.model or self.id)

    @property
    def complete(self) -> bool:
        return False

    def line(self) -> str:
        by = self.driver.name if self.driver else "no driver"
        return f"{self.task.name} by {by}, {self.subject}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPlan(Planned):
    """A model component with its choices.

    `checkpoint` is None while the files are not on this disk; the precision is then settled when they are. `identity`
    tells those files from others, and from themselves after they changed. `use` is what it will need in memory, None
    while a file is lacking; its model is the plan's key.
    """

    task: type[Task]
    driver: type[Driver]
    device: str
    device_why: str
    checkpoint: Checkpoint | None = None
    identity: tuple[Any, ...] = ()
    adapters: tuple[PlannedAdapter, ...] = ()
    use: Use | None = None

    @property
    def key(self) -> ModelKey | None:
        return self.use.model if self.use else None

    @property
    def kind(self) -> str:
        return self.task.name

    @property
    def subject(self) -> str:
        return str(self.settings.model or self.driver.name)

    @property
    def place(self) -> Place | None:
        """Where the cell names the model."""
        return place_in(self.component.written, ("model",))

    @property
    def loads(self) -> bool:
        return self.driver.needs_weights

    @property
    def lays_adapters(self) -> bool:
        return self.driver.lays_adapters

    @property
    def pictures(self) -> bool:
        return self.task.pictures

    @property
    def keep_alive(self) -> float:
        return float(self.settings.keep_alive)

    @property
    def preload(self) -> bool:
        return bool(self.settings.preload)

    @property
    def lot(self) -> ModelKey:
        return self.model(self.checkpoint)

    @property
    def files(self) -> tuple[Any, ...]:
        return self.identity

    @property
    def runs_on(self) -> str:
        return self.device

    @property
    def complete(self) -> bool:
        return self.use is not None

    @property
    def identities(self) -> tuple[tuple[Any, ...], ...]:
        """What tells its files, and each adapter's, from others."""
        return (self.identity, *(adapter.identity for adapter in self.adapters))

    def holds(self) -> bool:
        return all(map(unchanged, self.identities))

    def outdated(self) -> bool:
        return any(map(replaced, self.identities))

    def permissions(self, given: Permissions) -> Permissions:
        return given.and_also(urls=self.settings.allow_urls, paths=self.settings.allow_paths)

    def dtype(self, checkpoint: Checkpoint | None) -> tuple[str, str]:
        """The precision the model is loaded in, and why."""
        asked = self.settings.precision
        if asked != "auto":
            return asked, "asked for"
        return devices.auto_dtype(self.device, checkpoint.dtype if checkpoint else None)

    def model(self, checkpoint: Checkpoint | None) -> ModelKey:
        """What decides which bytes are in memory, now that the files are known."""
        head = self.task.head
        if getattr(self.settings, "architecture", "auto") == "seq2seq" or _is_encoder_decoder(checkpoint, head):
            head = "seq2seq-lm"
        options = {name: getattr(self.settings, name) for name in self.driver.Settings.model_fields}
        if getattr(self.settings, "fast_tokenizer", None) is not None:
            options["fast_tokenizer"] = self.settings.fast_tokenizer
        dtype = self.dtype(checkpoint)[0]
        bits = self.settings.quantization
        four = bits.type in _FOUR_BITS
        return ModelKey(
            driver=self.driver.name,
            head=head,
            identity=self.identity if checkpoint is self.checkpoint else identity_of(checkpoint),
            device=self.device,
            dtype=dtype,
            device_mode=self.settings.device_mode,
            quantization=bits.type,
            compute_dtype=(dtype if bits.compute_dtype == "auto" else bits.compute_dtype) if four else "",
            double_quant=four and bits.double_quant,
            options=tuple(sorted(options.items())),
            subject=self.subject,
        )

    def files_here(self) -> Files | None:
        """The component's files, if all of them are on this disk."""
        if not self.driver.needs_weights:
            return self.files_of(None, ())
        adapters = [one.checkpoint for one in self.adapters if one.checkpoint]
        if self.checkpoint is None or len(adapters) < len(self.adapters):
            return None
        return self.files_of(self.checkpoint, adapters)

    def files_of(self, base: Checkpoint | None, adapters: Iterable[Checkpoint]) -> Files:
        """What these files will be in memory; they are the component's, all of them on this disk."""
        found, model = tuple(adapters), self.model(base)
        laid = [(one.key(model, files), one.weight) for one, files in zip(self.adapters, found, strict=True)]
        least = self.driver.least(model, base) if base else None
        return Files(base, found, Use(model, tuple(laid)), least, tuple(one.place for one in self.adapters))

    def provenance(self, thing: Any) -> dict[str, Any]:
        facts = thing.facts() if thing is not None else None
        return {
            "task": self.task.name,
            "model": self.subject,
            "revision": self.checkpoint.revision if self.checkpoint else None,
            "driver": self.driver.name,
            "device": facts.device if facts else None,
            "dtype": facts.dtype if facts else None,
            "quantization": facts.quantization if facts else None,
            "adapters": {key.name: weight for key, weight in self.use.adapters} or None if self.use else None,
        }

    def line(self) -> str:
        size = f", {format_bytes(self.checkpoint.bytes)}" if self.checkpoint else ""
        how = ""
        if self.driver.needs_weights:
            bits = self.settings.quantization.type
            how = f"{self.dtype(self.checkpoint)[0]} {f'({bits}) ' if bits != 'none' else ''}"
        laid = "".join(f", {a.name} × {a.weight:g}" for a in self.adapters)
        where = f"{how}on {self.device} ({self.device_why})"
        return f"{self.task.name} by {self.driver.name}, {self.subject}{laid}{size}, {where}"


def decided(planned: Planned) -> ModelPlan:
    """The plan of a model for which everything was chosen; of another, the first error that running it would raise."""
    if isinstance(planned, ModelPlan):
        return planned
    raise planned.problems[0]


def _is_encoder_decoder(checkpoint: Checkpoint | None, head: str) -> bool:
    return head == "causal-lm" and bool(checkpoint and checkpoint.is_encoder_decoder)
