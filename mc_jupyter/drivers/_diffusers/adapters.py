"""LoRA adapters laid over a pipeline's denoiser and text encoders: PEFT's files, diffusers' own, and those it converts.

Every one becomes the same thing: the paths of the layers it changes, and for each its matrices and the scale it was
trained at. They are laid on as transformers' are (`_lora`), over all parts as one model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers._diffusers.architectures import ARCHITECTURES, Architecture, architecture_of
from mc_jupyter.drivers._diffusers.loading import quiet
from mc_jupyter.drivers._diffusers.memory import Placement
from mc_jupyter.drivers._lora.card import Card, read_weights
from mc_jupyter.drivers._lora.fit import PLAIN, headers, last_words, shapes_wanted
from mc_jupyter.drivers._lora.layers import Adapters
from mc_jupyter.drivers._lora.patterns import Patterns
from mc_jupyter.errors import PlanError, WeightsError
from mc_jupyter.faults import said_as
from mc_jupyter.weights.formats import format_of
from mc_jupyter.weights.headers import is_safetensors, tensors
from mc_jupyter.weights.reading import NOTHING, Config, parse
from mc_jupyter.weights.unsafe import contents

if TYPE_CHECKING:
    import torch

    from mc_jupyter.drivers import AdapterKey
    from mc_jupyter.weights import Checkpoint

_METADATA = "lora_adapter_metadata"  # where diffusers (0.42) keeps PEFT's settings in a safetensors file
_PARTS = {part for each in ARCHITECTURES.values() for part in each.lora}


def check_adapter(base: Checkpoint, adapter: Checkpoint, name: str) -> None:
    """PlanError or WeightsError unless the adapter can fit this pipeline, as far as the headers of both say."""
    kind = architecture_of(base)
    if not kind.lora:
        raise PlanError(
            f"adapter {name}: diffusers has no LoRA loader for {kind.word} ({kind.pipeline})",
            fix="remove peft_adapters, or merge it into the transformer's own weights",
        )
    shapes = {tensor.name: tensor.shape for tensor in headers(adapter)}
    peft = _is_peft(adapter)
    card = Card.read(adapter, name) if peft else Card(name, {})
    if peft:
        card.check_names(shapes)
    wanted = shapes_wanted(shapes)
    wanted = {f"{kind.denoiser}.{path}" if peft else path: shape for path, shape in wanted.items()}
    if foreign := sorted({key.partition(".")[0] for key in wanted} & (_PARTS - set(kind.lora))):
        raise card.no_module(foreign, kind.lora)
    found = dict(_matrices(base, kind))
    if not (wanted and found):
        return
    drawn = {path: shape for path, shape in wanted.items() if path.startswith(f"{kind.denoiser}.")}
    if drawn and not drawn.keys() & found.keys():
        raise card.no_module(last_words(drawn), last_words(found))
    for path, shape in drawn.items():
        if path in found and found[path] != shape:
            raise card.other_size(path, shape, found[path])


def _is_peft(adapter: Checkpoint) -> bool:
    return (adapter.folder / "adapter_config.json").is_file()


def _matrices(base: Checkpoint, kind: Architecture) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The denoiser's weight matrices by path, as its files' headers have them."""
    for file in base.files:
        if file.parent.name == kind.denoiser and format_of(file.name) == "safetensors":
            for tensor in tensors(file):
                if tensor.name.endswith(".weight") and len(tensor.shape) == 2 and tensor.dtype in PLAIN:
                    yield f"{kind.denoiser}.{tensor.name.removesuffix('.weight')}", tensor.shape


class PipelineAdapters(Adapters):
    """What is laid over one pipeline. `model` has the pipeline's parts as its own, under their names."""

    def __init__(self, model: Any, pipe: Any, kind: Architecture):
        super().__init__(model)
        self.pipe = pipe
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

    def opened(self, name: str, checkpoint: Checkpoint) -> tuple[Card, dict[str, torch.Tensor]]:
        """Its weights by path in the pipeline, and a card that names each path with its rank and scale."""
        if _is_peft(checkpoint):
            said = Card.read(checkpoint, name)
            own = read_weights(checkpoint, said)
            weights = {f"{self.kind.denoiser}.{key}": tensor for key, tensor in own.items()}
            return _card(name, weights, {self.kind.denoiser: said.config}, {}), weights
        state, alphas, said_of_parts = self._converted(name, checkpoint)
        card = _card(name, state, said_of_parts, alphas)
        card.check_names(state)
        return card, state

    def close(self) -> None:
        super().close()
        self.pipe = None

    def _converted(
        self, name: str, checkpoint: Checkpoint
    ) -> tuple[dict[str, torch.Tensor], dict[str, float], dict[str, Mapping[str, Any]]]:
        """An adapter of diffusers' own form, or of one that it knows to convert: weights, alphas, PEFT's settings."""
        state, settings = _files(name, checkpoint)
        # diffusers leaves these out with a warning; without them the adapter is another one.
        if foreign := next((key for key in state if "dora" in key or "lokr" in key or "hada" in key), None):
            raise Card(name, {}).inexact(f"weights by more than two matrices ({foreign})")
        more = {"unet_config": self.pipe.unet.config} if self.kind.denoiser == "unet" else {"return_alphas": True}
        with said_as(WeightsError, f"adapter {name} is in a form that diffusers cannot read"):
            state, alphas, *_ = self.pipe.lora_state_dict(state, **more)
        if foreign := next((key for key in state if key.partition(".")[0] not in self.kind.lora), None):
            raise Card(name, {}).no_module(foreign.partition(".")[0], self.kind.lora)
        told = {key: float(alphas[at]) for key in state if (at := _alpha_of(key, alphas or {}))}
        trained = {key.partition(".lora_")[0]: alpha for key, alpha in self._named(told).items()}
        return self._named(state), trained, settings

    def _named(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """What belongs to tensors, by PEFT's names for them."""
        found: dict[str, Any] = {}
        for part in self.kind.lora:
            mine = {k.removeprefix(f"{part}."): v for k, v in state.items() if k.startswith(f"{part}.")}
            found |= {f"{part}.{key}": value for key, value in self._named_in(part, mine).items()}
        return found

    def _named_in(self, part: str, state: dict[str, Any]) -> dict[str, Any]:
        from diffusers.utils import state_dict_utils

        names: Any = state_dict_utils  # it is untyped
        if not state:
            return {}
        if not part.startswith("text_encoder"):
            old = not any("lora_A" in key for key in state)
            return dict(names.convert_unet_state_dict_to_peft(state) if old else state)
        state = names.convert_state_dict_to_peft(names.convert_state_dict_to_diffusers(state))
        if hasattr(getattr(self.pipe, part), "text_model"):
            return dict(state)
        return {key.removeprefix("text_model."): tensor for key, tensor in state.items()}  # transformers 5 is flatter


def _alpha_of(key: str, alphas: Mapping[str, float]) -> str | None:
    """Where the alpha of a tensor stands: diffusers names it after the layer, or after the tensor itself."""
    names = (key, key.removesuffix(".weight"), key.partition(".lora.")[0], key.partition(".lora_")[0])
    return next((f"{name}.alpha" for name in names if f"{name}.alpha" in alphas), None)


def _files(name: str, checkpoint: Checkpoint) -> tuple[dict[str, torch.Tensor], dict[str, Mapping[str, Any]]]:
    """The tensors of an adapter's files, and PEFT's settings for each part where a file has them."""
    state: dict[str, torch.Tensor] = {}
    settings: dict[str, dict[str, Any]] = {}
    with said_as(WeightsError, f"adapter {name} cannot be read"):
        for file in checkpoint.files:
            state |= contents(file)
            for key, value in _said_in(file).items():
                part, _, field = key.partition(".")
                settings.setdefault(part, {})[field] = value
    for each in settings.values():
        Card(name, {**each, "peft_type": "LORA"}).check_plain()
    return state, dict(settings)


def _said_in(file: Path) -> Config:
    """PEFT's settings, which diffusers keeps in a safetensors file itself; empty where there are none."""
    from safetensors import safe_open

    if not is_safetensors(file):
        return NOTHING
    with safe_open(file, "pt") as opened:
        said = parse((opened.metadata() or {}).get(_METADATA) or "{}", file)
    return Config(file, said if isinstance(said, dict) else {})


def _card(
    name: str,
    weights: Mapping[str, torch.Tensor],
    settings: Mapping[str, Mapping[str, Any]],
    alphas: Mapping[str, float],
) -> Card:
    """A card that names every layer, so that nothing depends on patterns."""
    ranks = {key.partition(".lora_A.")[0]: int(tensor.shape[0]) for key, tensor in weights.items() if ".lora_A." in key}
    if not ranks:
        raise WeightsError(f"adapter {name} holds no LoRA matrices that this pipeline has a place for")
    patterns = Patterns(name)
    scales = {
        path: alphas[path] / rank if path in alphas else _scale(path, rank, settings, patterns)
        for path, rank in ranks.items()
    }
    return Card(
        name,
        {
            "r": 1,
            "lora_alpha": 1,
            "rank_pattern": ranks,
            "alpha_pattern": {path: scale * ranks[path] for path, scale in scales.items()},
            "target_modules": list(ranks),
        },
    )


def _scale(path: str, rank: int, settings: Mapping[str, Mapping[str, Any]], patterns: Patterns) -> float:
    """What a layer's product was multiplied by in training: alpha / rank; 1 where its settings do not say alpha."""
    part, _, inside = path.partition(".")
    config = settings.get(part)
    if config is None:
        return 1.0
    of_some = config.get("alpha_pattern") or {}
    meant = patterns.meant("alpha_pattern", of_some, inside)
    alpha = float(config.get("lora_alpha", rank) if meant is None else of_some[meant])
    return alpha / (rank**0.5 if config.get("use_rslora") else rank)
