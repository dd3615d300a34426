"""PEFT's files brought to one transformers model: every tensor by the name that it has there, or an error."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers._lora.beyond import TASK_OF_HEAD, head_of, without_what_lies_beyond
from mc_jupyter.drivers._lora.card import Card
from mc_jupyter.drivers._lora.entries import Change, Entries, Role, by_name, entries
from mc_jupyter.drivers._lora.modules import own_modules, parameters_of
from mc_jupyter.drivers._lora.parameters import Given
from mc_jupyter.drivers._lora.patterns import Patterns
from mc_jupyter.errors import PlanError, WeightsError
from mc_jupyter.faults import said_as
from mc_jupyter.weights.reading import shown
from mc_jupyter.weights.unsafe import contents
from mc_jupyter.words import listing

if TYPE_CHECKING:
    import torch

    from mc_jupyter.weights import Checkpoint

_PARTS: Mapping[Role, str] = {"down": "lora_A.weight", "up": "lora_B.weight", "bias": "lora_B.bias"}
_TABLES: Mapping[Role, str] = {"down": "lora_embedding_A", "up": "lora_embedding_B"}
# What PEFT's own modules are called in the paths of what they hold; the last is the model's own head, beside the
# adapter's: saved along where all biases are, and used by nobody.
_HOLDERS = re.compile(r"\.base_layer(?=\.)|\.modules_to_save(?:\.default)?(?=\.)")
_UNUSED = ".original_module."


@dataclass(frozen=True, slots=True)
class Opened:
    """An adapter as it goes on a model: what it says of itself, its matrices by the names that PEFT has for them there,
    the parameters that it gives beside them, and what a reader should know of the rest.
    """

    card: Card
    matrices: Mapping[str, torch.Tensor]
    parameters: tuple[Given, ...] = ()
    notes: tuple[str, ...] = ()


def state_of(checkpoint: Checkpoint, name: str) -> dict[str, torch.Tensor]:
    """Every tensor of an adapter's files by its bare name. WeightsError for one that is there twice."""
    import torch

    with said_as(WeightsError, f"adapter {name} cannot be read"):
        held = [pair for file in checkpoint.files for pair in contents(file).items()]
    if other := [key for key, tensor in held if not isinstance(tensor, torch.Tensor)]:
        raise WeightsError(f"adapter {name}: {shown(other[0])} is no tensor", fix="name a file of weights alone")
    if packed := [key for key, tensor in held if tensor.dim() > 1 and not tensor.is_floating_point()]:
        raise WeightsError(
            f"adapter {name} is quantized: {shown(packed[0], 120)} holds whole numbers", fix="use it as it was trained"
        )
    # A sum is a number only where all are, and takes no memory; in few bits there is none.
    if broken := [key for key, tensor in held if not torch.isfinite(tensor.float().sum())]:
        count = f"{len(broken)} of its {len(held)} tensors hold" if len(held) > 1 else "its tensor holds"
        raise WeightsError(
            f"adapter {name} is broken: {count} numbers that are none (NaN or infinite), first {shown(broken[0], 120)}",
            fix="fetch it again; if they are the same, its training failed: use one from before",
        )
    return by_name(held, name)


class Opening:
    """One adapter and the model that it is for."""

    def __init__(self, card: Card, model: Any):
        self.card = card
        self.model = model
        self.modules = dict(own_modules(model))
        self.parameters = {path: parameters_of(module) for path, module in self.modules.items()}
        self.saved = frozenset(card.saved(self.modules))
        self.prefix = str(getattr(model, "base_model_prefix", "") or "model")

    def of(self, checkpoint: Checkpoint) -> Opened:
        state = state_of(checkpoint, self.card.name)
        held, beyond = without_what_lies_beyond(entries(state, self.card.name), self.model, self.prefix, self.card.name)
        paths = {layer: self.path(layer) for layer in held.layers}
        card = self.card
        if any("alpha" in roles or paths[layer] != layer for layer, roles in held.layers.items()):
            card = self._exact(held, state, paths)
        parameters = tuple(self._given(held, state))
        return Opened(card, dict(_matrices(held, state, paths)), parameters, (*beyond, *self._notes(held)))

    def _notes(self, held: Entries) -> Iterator[str]:
        if unused := [name for name in held.changes if _UNUSED in name]:
            yield f"adapter {self.card.name}: {shown(unused[0])} is of its base's head, in whose place its own stands"
        if roots := [path for path in self.saved if path.rpartition(".")[0] not in self.saved]:
            own = listing(sorted(roots), "and")
            yield f"adapter {self.card.name} brings its own {own}, in the place of the model's"

    def path(self, name: str) -> str:
        """A module's path in the model: one saved with a head, or without, has a first word more, or less."""
        for each in (name, f"{self.prefix}.{name}", name.removeprefix(f"{self.prefix}.")):
            if each in self.modules:
                return each
        return name

    def _exact(self, held: Entries, state: Mapping[str, torch.Tensor], paths: Mapping[str, str]) -> Card:
        """Patterns of the config are for the names of the file; the card has those of the model."""
        patterns = Patterns(self.card.name)
        ranks = {layer: int(state[roles["down"]].shape[0]) for layer, roles in held.layers.items()}
        alphas = {
            layer: float(state[roles["alpha"]]) if "alpha" in roles else self.card.alpha(layer, ranks[layer], patterns)
            for layer, roles in held.layers.items()
        }
        return Card.exact(
            self.card.name,
            {paths[layer]: rank for layer, rank in ranks.items()},
            {paths[layer]: alpha for layer, alpha in alphas.items()},
            any("bias" in roles for roles in held.layers.values()),
        )

    # --- parameters beside matrices -----------------------------------------------------------------------------------

    def _given(self, held: Entries, state: Mapping[str, torch.Tensor]) -> Iterator[Given]:
        """PlanError for a parameter that the model does not have in this shape, or that the files lack."""
        lost, found = [], set()
        for name, change in self._named(held, state).items():
            place = self._parameter(name)
            if place is None:
                lost.append(name)
                continue
            path, attribute = place
            own, tensor = self.parameters[path][attribute], state[change.key]
            if change.whole and own.is_floating_point() and own.shape != tensor.shape:
                raise self._other_size(path, name, tuple(tensor.shape), tuple(own.shape))
            found.add(f"{path}.{attribute}")
            if change.whole and _equal(own, tensor):  # a table that PEFT saves along, and nobody trained
                continue
            for each in self._sharing(path, attribute):
                yield Given(f"{each}.{attribute}", tensor, change.whole)
        if lost:
            raise self._no_place(lost, held.count)
        self._check_whole(found)

    def _no_place(self, lost: list[str], total: int) -> PlanError:
        error = self.card.no_place(lost, total, "model")
        task = TASK_OF_HEAD.get(head_of(min(lost), self.prefix))
        return PlanError(error.problems[0].message, fix=f"it was trained for task: {task}") if task else error

    def _other_size(self, path: str, name: str, wanted: tuple[int, ...], found: tuple[int, ...]) -> PlanError:
        """The error for a parameter of another shape: a head for other classes fits the base, once that has as many."""
        error = self.card.other_size(name, wanted, found)
        if wanted[1:] == found[1:] and self._holds_words(path):
            size = f"model.resize_token_embeddings({wanted[0]})"
            return PlanError(
                error.problems[0].message,
                fix=f"its base has {wanted[0]} words: load it with transformers, {size}, save it beside the adapter's "
                "tokenizer, and use that as `model:`",
            )
        if path not in self.saved or not wanted or wanted[1:] != found[1:]:
            return error
        rows = f'"num_labels": {wanted[0]}'
        return PlanError(error.problems[0].message, fix=f"if these are classes, {rows} in the base's config.json")

    def _holds_words(self, path: str) -> bool:
        """Whether a module has a row for each word of the vocabulary."""
        tables = (self.model.get_input_embeddings(), self.model.get_output_embeddings())
        return any(self.modules[path] is table for table in tables)

    def _named(self, held: Entries, state: Mapping[str, torch.Tensor]) -> dict[str, Change]:
        """The parameters without the names of PEFT's own modules. WeightsError for one that then has two values."""
        named: dict[str, Change] = {}
        for key, change in held.changes.items():
            name = _HOLDERS.sub("", key)
            if _UNUSED in key:
                continue
            if name in named and not _equal(state[named[name].key], state[change.key]):
                raise WeightsError(f"adapter {self.card.name} has two values of {shown(name)}", fix="fetch it again")
            named[name] = change
        return named

    def _parameter(self, name: str) -> tuple[str, str] | None:
        layer, _, attribute = name.rpartition(".")
        path = self.path(layer)
        return (path, attribute) if attribute in self.parameters.get(path, ()) else None

    def _sharing(self, path: str, attribute: str) -> list[str]:
        """The modules whose parameter this is: of tied ones several, unless the adapter has a copy of its own."""
        if path in self.saved:
            return [path]
        own = self.parameters[path][attribute]
        return [each for each, held in self.parameters.items() if held.get(attribute) is own]

    def _check_whole(self, found: set[str]) -> None:
        """WeightsError for a module that the adapter says it brings, and whose weights are not in its files."""
        for path in sorted(self.saved):
            for name in self.parameters[path]:
                if f"{path}.{name}" not in found:
                    raise WeightsError(
                        f"adapter {self.card.name} says that it brings {shown(path)} (modules_to_save), and its files "
                        f"have no {shown(path)}.{name}",
                        fix="save it again with `save_pretrained`, or fetch it again",
                    )


def _matrices(
    held: Entries, state: Mapping[str, torch.Tensor], paths: Mapping[str, str]
) -> Iterator[tuple[str, torch.Tensor]]:
    for layer, roles in held.layers.items():
        parts = _TABLES if layer in held.tables else _PARTS
        for role, key in roles.items():
            if role != "alpha":
                yield f"{paths[layer]}.{parts.get(role, f'lora_{role}.weight')}", state[key]


def _equal(own: torch.Tensor, tensor: torch.Tensor) -> bool:
    """Whether a tensor is a parameter's, in its number type."""
    import torch

    return own.is_floating_point() and not own.is_meta and torch.equal(own, tensor.to(own.device, own.dtype))
