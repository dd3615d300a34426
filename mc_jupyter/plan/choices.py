"""What planning gives: a document, a component and an adapter with every choice made. Frozen data, nothing loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mc_jupyter import devices, expressions
from mc_jupyter.drivers import AdapterKey, Driver, ModelKey
from mc_jupyter.errors import ComposeError
from mc_jupyter.fields import Adapter
from mc_jupyter.inputs import Input
from mc_jupyter.plan.identity import identity_of, unchanged
from mc_jupyter.spec import Component, Spec
from mc_jupyter.tasks import Task
from mc_jupyter.weights import Checkpoint
from mc_jupyter.words import format_bytes


@dataclass(frozen=True, slots=True)
class PlannedAdapter:
    """One adapter of a component. `checkpoint` is None while its files are not on this disk."""

    name: str
    settings: Adapter = field(repr=False)
    weight: float = 1.0
    checkpoint: Checkpoint | None = None
    identity: tuple[Any, ...] = field(default=(), repr=False)

    def plan(self, base: ModelKey, checkpoint: Checkpoint) -> AdapterKey:
        """What decides its bytes, over a base that is now known."""
        asked = self.settings.precision
        return AdapterKey(
            identity=identity_of(checkpoint),
            dtype=asked if asked not in (None, "auto") else base.compute_dtype or base.dtype,
            low_cpu_mem_usage=self.settings.low_cpu_mem_usage,
            name=self.name,
            subject=str(self.settings.model),
        )


@dataclass(frozen=True, slots=True)
class ComponentPlan:
    """One component with its choices. `obstacles` are the errors that running it would raise, the first ones first.

    `checkpoint` is None while the files are not on this disk; the precision is then settled when they are. `identity`
    tells those files from others, and from themselves after they changed.
    """

    id: str
    component: Component = field(repr=False)
    settings: Any = field(default=None, repr=False)
    task: type[Task] | None = None
    driver: type[Driver] | None = None
    checkpoint: Checkpoint | None = None
    identity: tuple[Any, ...] = ()
    adapters: tuple[PlannedAdapter, ...] = ()
    device: str = "cpu"
    device_why: str = ""
    inputs: tuple[Input, ...] = ()
    notes: tuple[str, ...] = ()
    obstacles: tuple[ComposeError, ...] = ()

    @property
    def subject(self) -> str:
        """What a reader calls the model."""
        return str(getattr(self.settings, "model", None) or (self.driver.name if self.driver else self.id))

    def missing(self, inputs: Mapping[str, Any]) -> list[Input]:
        """The inputs a call needs and these do not give."""
        return [i for i in self.inputs if i.required and not any(inputs.get(name) is not None for name in i.names)]

    def dtype(self, checkpoint: Checkpoint | None) -> tuple[str, str]:
        """The precision the model is loaded in, and why."""
        asked = self.settings.precision
        if asked != "auto":
            return asked, "asked for"
        return devices.auto_dtype(self.device, checkpoint.dtype if checkpoint else None)

    def model(self, checkpoint: Checkpoint | None) -> ModelKey:
        """What decides which bytes are in memory, now that the files are known."""
        assert self.driver is not None
        assert self.task is not None
        head = self.task.head
        if getattr(self.settings, "architecture", "auto") == "seq2seq" or _is_encoder_decoder(checkpoint, head):
            head = "seq2seq-lm"
        options = {name: getattr(self.settings, name) for name in self.driver.Settings.model_fields}
        if getattr(self.settings, "fast_tokenizer", None) is not None:
            options["fast_tokenizer"] = self.settings.fast_tokenizer
        dtype = self.dtype(checkpoint)[0]
        bits = self.settings.quantization
        four = bits.type in ("int4", "fp4", "nf4")
        return ModelKey(
            driver=self.driver.name,
            head=head,
            identity=identity_of(checkpoint),
            device=self.device,
            dtype=dtype,
            device_mode=self.settings.device_mode,
            quantization=bits.type,
            compute_dtype=(dtype if bits.compute_dtype == "auto" else bits.compute_dtype) if four else "",
            double_quant=four and bits.double_quant,
            options=tuple(sorted(options.items())),
            subject=self.subject,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole document's plan."""

    spec: Spec = field(repr=False)
    components: tuple[ComponentPlan, ...]
    missing: tuple[str, ...] = ()
    """Components that workflows call and that this document does not define."""

    @property
    def component(self) -> ComponentPlan | None:
        """The component that runs when none is named: the only one, or the default; None where there is neither."""
        default = [c for c in self.components if c.component.default]
        return (self.components if len(self.components) == 1 else (*default, None))[0]

    @property
    def settled(self) -> bool:
        """Whether the same text gives the same plan for as long as its files stay: nothing is missing, nothing comes
        from the environment.
        """
        return not self.obstacles and not any(
            c.driver is None
            or (c.driver.needs_weights and None in (c.checkpoint, *(a.checkpoint for a in c.adapters)))
            or any(r.source == "env" for _, r in expressions.references(c.component.written))
            for c in self.components
        )

    def holds(self) -> bool:
        """Whether the files it was made from are as they were."""
        identities = [i for c in self.components for i in (c.identity, *(a.identity for a in c.adapters))]
        return all(map(unchanged, identities))

    @property
    def obstacles(self) -> tuple[ComposeError, ...]:
        return tuple(o for c in self.components for o in c.obstacles)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know of the document as a whole."""
        flows = ("its workflows are planned, but this version does not run them",) if self.spec.workflows else ()
        lacking = tuple(f"component {name!r} is not defined in this document" for name in self.missing)
        return (*self.spec.remarks, *flows, *lacking)

    @property
    def notes(self) -> tuple[str, ...]:
        """The same, and what there is to know of each component."""
        return (*self.remarks, *(n for c in self.components for n in c.notes))

    def lines(self) -> list[str]:
        """The plan in words, a line each: what is what, then notes, then what stands in the way."""
        return [*(_line(c) for c in self.components), *self.notes, *(_lack(o) for o in self.obstacles)]


def _is_encoder_decoder(checkpoint: Checkpoint | None, head: str) -> bool:
    return head == "causal-lm" and bool(checkpoint and checkpoint.config.get("is_encoder_decoder"))


def _lack(obstacle: ComposeError) -> str:
    """An obstacle in one line: of a way out that takes several, the first."""
    problem = obstacle.problems[0]
    where = f"line {problem.place.line}: " if problem.place else ""
    return f"lacks: {where}{problem.message}" + (f" → {problem.fix.splitlines()[0]}" if problem.fix else "")


def _line(plan: ComponentPlan) -> str:
    name = "" if plan.id == "__component__" else f"{plan.id}: "
    if plan.task is None:
        return f"{name}{plan.component.type.name}"
    size = f", {format_bytes(plan.checkpoint.bytes)}" if plan.checkpoint else ""
    driver = plan.driver.name if plan.driver else "no driver"
    how = ""
    if plan.driver and plan.driver.needs_weights:
        bits = plan.settings.quantization.type
        how = f"{plan.dtype(plan.checkpoint)[0]} {f'({bits}) ' if bits != 'none' else ''}"
    laid = "".join(f", {a.name} × {a.weight:g}" for a in plan.adapters)
    return f"{name}{plan.task.name} by {driver}, {plan.subject}{laid}{size}, {how}on {plan.device} ({plan.device_why})"
