"""LoRA adapters laid over a pipeline's denoiser and text encoders, in whatever form their files are.

Every one becomes the same thing: the paths of the layers it changes, and for each its matrices and the scale it was
trained at. They are laid on as transformers' are (`_lora`), over all parts as one model. diffusers' own converters are
not asked: they leave out what they do not know (T5, differences, half of a file of two spellings), or fail on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers._diffusers.architectures import Architecture, architecture_of
from mc_jupyter.drivers._diffusers.fitting import Fitted, Fitting
from mc_jupyter.drivers._diffusers.loading import quiet
from mc_jupyter.drivers._diffusers.matrices import laid_out, parameters
from mc_jupyter.drivers._diffusers.memory import Placement
from mc_jupyter.drivers._diffusers.spellings import Shape, Spellings
from mc_jupyter.drivers._lora.card import Card
from mc_jupyter.drivers._lora.entries import Entries, by_name, entries
from mc_jupyter.drivers._lora.fit import PLAIN, headers
from mc_jupyter.drivers._lora.layers import Adapters
from mc_jupyter.drivers._lora.modules import own_modules
from mc_jupyter.drivers._lora.opening import Opened, state_of
from mc_jupyter.drivers._lora.patterns import Patterns
from mc_jupyter.errors import PlanError, WeightsError
from mc_jupyter.weights.formats import format_of
from mc_jupyter.weights.headers import is_safetensors, tensors
from mc_jupyter.weights.reading import NOTHING, Config, parse
from mc_jupyter.words import listing

if TYPE_CHECKING:
    import torch

    from mc_jupyter.drivers import AdapterKey
    from mc_jupyter.weights import Checkpoint

_METADATA = "lora_adapter_metadata"  # where diffusers (0.42) keeps PEFT's settings in a safetensors file


def check_adapter(base: Checkpoint, adapter: Checkpoint, name: str) -> None:
    """PlanError or WeightsError unless the adapter can fit this pipeline, as far as the headers of both say."""
    kind = architecture_of(base)
    said = Said.read(adapter, name, kind)
    shapes = by_name(((tensor.name, tensor.shape) for tensor in headers(adapter)), name)
    if not shapes:
        return
    names = Spellings(kind, dict(_stored(base, kind)))
    whole = all(any(path.startswith(f"{part}.") for path in names.shapes) for part in kind.lora)
    Fitting(said.card, shapes, names, whole=whole, within=said.part).fitted(held_by(shapes, name))


def held_by(shapes: Mapping[str, Shape], name: str) -> Entries:
    found = entries(shapes, name)
    if not found.count:
        raise WeightsError(f"adapter {name} holds no LoRA matrices", fix="name a LoRA adapter of this model")
    return found


def _stored(base: Checkpoint, kind: Architecture) -> Iterator[tuple[str, Shape]]:
    """The parameters of the parts that adapters may change, as their files' headers have them; () of packed ones."""
    for file in base.files:
        part = file.parent.name
        if part in kind.lora and format_of(file.name) == "safetensors":
            for tensor in tensors(file):
                yield f"{part}.{tensor.name}", tensor.shape if tensor.dtype in PLAIN else ()


# --- what its files say beside tensors --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """What an adapter says of itself: PEFT's settings, of all of it or of each part, and the part it is for."""

    card: Card
    settings: Mapping[str | None, Mapping[str, Any]]
    part: str | None = None

    @classmethod
    def read(cls, adapter: Checkpoint, name: str, kind: Architecture) -> Said:
        if (adapter.folder / "adapter_config.json").is_file():
            card = Card.read(adapter, name)
            trained = card.config.get("auto_mapping")
            made_as = trained.get("base_model_class") if isinstance(trained, Mapping) else None
            parts = [part for part in kind.lora if made_as in {each for _, each in kind.parts[part]}]
            return cls(card, {None: card.config}, next(iter(parts), None))
        settings: dict[str | None, dict[str, Any]] = {}
        for file in adapter.files:
            for key, value in _said_in(file).items():
                part, _, field = key.partition(".")
                settings.setdefault(part, {})[field] = value
        for each in settings.values():
            Card(name, {**each, "peft_type": "LORA"}).check_plain()
        return cls(Card(name, {}), settings)

    def alpha(self, path: str, named: str, rank: int, patterns: Patterns) -> float:
        """What, over the rank, a layer's product was multiplied by in training; the rank where nothing says it."""
        config = self.settings.get(None) or self.settings.get(path.partition(".")[0])
        return rank if config is None else Card(self.card.name, config).alpha(named, rank, patterns)


def _said_in(file: Path) -> Config:
    """PEFT's settings, which diffusers keeps in a safetensors file itself; empty where there are none."""
    from safetensors import safe_open

    if not is_safetensors(file):
        return NOTHING
    with safe_open(file, "pt") as opened:
        said = parse((opened.metadata() or {}).get(_METADATA) or "{}", file)
    return Config(file, said if isinstance(said, dict) else {})


# --- laying it on -----------------------------------------------------------------------------------------------------


class PipelineAdapters(Adapters):
    """What is laid over one pipeline. `model` has the pipeline's parts as its own, under their names."""

    def __init__(self, model: Any, kind: Architecture):
        super().__init__(model)
        self.kind = kind
        self.placed: Placement = "whole"

    def attach(self, key: AdapterKey, checkpoint: Checkpoint) -> None:
        if self.placed == "layers":
            raise PlanError(
                f"adapter {key.name}: a model that comes to the GPU layer by layer takes no adapters",
                fix="remove peft_adapters, or free memory on the GPU",
            )
        with quiet():
            super().attach(key, checkpoint)

    def opened(self, name: str, checkpoint: Checkpoint) -> Opened:
        state = state_of(checkpoint, name)
        said = Said.read(checkpoint, name, self.kind)
        modules = dict(own_modules(self.model))
        names = Spellings(self.kind, dict(_there(modules)))
        shapes = {key: tuple(tensor.shape) for key, tensor in state.items()}
        held = held_by(shapes, name)
        fitted = Fitting(said.card, shapes, names, whole=True, within=said.part).fitted(held)
        card = self._card(said, fitted, state, names)
        return Opened(
            card,
            laid_out(fitted, state, names, modules),
            parameters(fitted, state, names),
            tuple(_left_out(held, name)),
        )

    def _card(self, said: Said, fitted: Fitted, state: Mapping[str, torch.Tensor], names: Spellings) -> Card:
        """A card that names every layer with its rank and scale, so that nothing depends on patterns."""
        patterns = Patterns(said.card.name)
        ranks: dict[str, int] = {}
        alphas: dict[str, float] = {}
        for layer in fitted.layers:
            rank = int(state[layer.roles["down"]].shape[0])
            for path in layer.target.paths:
                ranks[path] = rank
                if "alpha" in layer.roles:
                    alphas[path] = float(state[layer.roles["alpha"]])
                else:
                    alphas[path] = said.alpha(path, names.split(layer.name)[1], rank, patterns)
        return Card.exact(said.card.name, ranks, alphas, any("bias" in layer.roles for layer in fitted.layers))


def _there(modules: Mapping[str, Any]) -> Iterator[tuple[str, Shape]]:
    """The parameters of loaded parts; of layers in few bits the shape that they stand for."""
    for path, module in modules.items():
        for name, parameter in module.named_parameters(recurse=False):
            packed = name == "weight" and hasattr(module, "in_features")
            yield f"{path}.{name}", (module.out_features, module.in_features) if packed else tuple(parameter.shape)


def _left_out(held: Entries, name: str) -> Iterator[str]:
    if held.words:
        yield (
            f"adapter {name}: what it was trained on with the words {listing(held.words, 'and')} is laid on, their own "
            "embeddings (bundle_emb) are left out: in a prompt they mean nothing"
        )
    if held.idle:
        yield f"adapter {name}: {len(held.idle)} of its tensors are an alpha without matrices, and change nothing"
