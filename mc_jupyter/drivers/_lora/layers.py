"""The LoRA adapters laid over one transformers model, in place: as many as wanted, any weighted sum of them, exactly.

PEFT lays them, under a name of ours each; their weights are read here. PEFT's own reader calls `model.state_dict()`,
and bitsandbytes (0.50) answers that on a CPU by unpacking 4-bit weights that have run once and rounding or misplacing
the scales of their blocks: from then on the base itself, without any adapter, gives other answers.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers import AdapterFacts, AdapterKey
from mc_jupyter.drivers._chance import Chance
from mc_jupyter.drivers._lora.card import APPLIED, Card
from mc_jupyter.drivers._lora.fit import last_words
from mc_jupyter.drivers._lora.modules import own_modules, wrapped
from mc_jupyter.drivers._lora.opening import Opened, Opening
from mc_jupyter.drivers._lora.parameters import Parameters
from mc_jupyter.drivers._lora.patterns import Patterns
from mc_jupyter.drivers._quantization import import_quietly
from mc_jupyter.errors import PlanError
from mc_jupyter.words import listing

if TYPE_CHECKING:
    import torch

    from mc_jupyter.weights import Checkpoint


@dataclass(frozen=True, slots=True)
class _Laid:
    """One adapter on the model: our name for it in PEFT, and its layers with the scale each was trained at."""

    name: str
    trained: Mapping[Any, float]
    notes: tuple[str, ...]


class Adapters:
    """The layers (`drivers.Layers`) of one model. When nothing is laid over it, the model's modules are its own."""

    def __init__(self, model: Any):
        self.model = model
        self._laid: dict[AdapterKey, _Laid] = {}
        self._weights: dict[AdapterKey, float] = {}
        self._parameters = Parameters()
        self._settled = True  # whether the layers are as `_weights` says: not after an interrupt half-way
        self._numbers = count(1)

    def attach(self, key: AdapterKey, checkpoint: Checkpoint) -> None:
        """Lay an adapter over the model, taking no part yet. An error leaves the model as it was."""
        if key in self._laid:
            return
        import_quietly()  # PEFT imports it
        name = f"mc_adapter_{next(self._numbers)}"
        self._parameters.apply({})  # an adapter's are held against the model's own, not against those of one in use
        try:
            opened = self.opened(key.name or key.subject or checkpoint.folder.name, checkpoint)
            layers = self._lay(opened, name, key)
            self._laid[key] = _Laid(name, {layer: layer.scaling[name] for layer in layers.values()}, opened.notes)
        except BaseException:  # an interrupt, too, leaves nothing half done
            self._unwrap(name)
            raise
        finally:
            self._apply()

    def opened(self, name: str, checkpoint: Checkpoint) -> Opened:
        """What an adapter says of itself, and its tensors by the names that they have in the model."""
        return Opening(Card.read(checkpoint, name), self.model).of(checkpoint)

    def _lay(self, opened: Opened, name: str, key: AdapterKey) -> dict[str, Any]:
        """Lay what was opened under one of our names; the layers of PEFT's that it has now, by path."""
        import torch

        opened.card.check_ranks(opened.matrices)
        modules = dict(own_modules(self.model))
        layers = self._wrap(opened.card, name, key.low_cpu_mem_usage) if opened.matrices else {}
        _fill(layers, name, opened.matrices, key.dtype, opened.card)
        self._parameters.attach(name, opened.parameters, modules, getattr(torch, key.dtype))
        return layers

    def detach(self, key: AdapterKey) -> None:
        """Take an adapter off; modules that no other one changes are the model's own objects again."""
        laid = self._laid.pop(key)
        self._weights.pop(key, None)
        self._unwrap(laid.name)
        self._apply()

    def use(self, weights: Mapping[AdapterKey, float]) -> None:
        """Let exactly these take part, each as it was trained times its weight. Costs nothing when they do already."""
        wanted = {key: weight for key, weight in weights.items() if weight}
        # In order, too: a sum of floats depends on it, and equal calls shall give equal bits.
        if self._settled and list(wanted.items()) == list(self._weights.items()):
            return
        if absent := [key.name or key.subject for key in wanted if key not in self._laid]:
            raise LookupError(f"not laid over this model: {listing(absent, 'and')}")
        self._weights = wanted
        self._apply()

    def facts(self) -> dict[AdapterKey, AdapterFacts]:
        """What the layers themselves say now."""
        return {key: _facts(laid, self._parameters.of(laid.name)) for key, laid in self._laid.items()}

    def close(self) -> None:
        self.model = None
        self._laid.clear()
        self._weights.clear()

    def _apply(self) -> None:
        """Bring every layer to `self._weights`. One that has no part to play calls its base and does nothing else."""
        self._settled = False
        active: dict[Any, list[str]] = {layer: [] for laid in self._laid.values() for layer in laid.trained}
        for key, weight in self._weights.items():
            laid = self._laid[key]
            for layer, trained in laid.trained.items():
                layer.scaling[laid.name] = trained * weight
                active[layer].append(laid.name)
        for layer, names in active.items():
            if layer.disable_adapters == bool(names):
                layer.enable_adapters(bool(names))
            if layer.active_adapters != names:
                layer.set_adapter(names, inference_mode=True)
        self._parameters.apply({self._laid[key].name: weight for key, weight in self._weights.items()})
        self._settled = True

    def _wrap(self, card: Card, name: str, empty: bool) -> dict[str, Any]:
        """Have PEFT lay its layers around the modules that the adapter's config names: their paths, and they."""
        import torch
        from peft import LoraConfig, inject_adapter_in_model

        settings = {key: card.config[key] for key in APPLIED if card.config.get(key) is not None}
        settings = Patterns(card.name).settled(settings, (path for path, _ in self.model.named_modules()))
        if saved := card.saved(path for path, _ in own_modules(self.model)):  # whole: what is in them has no matrices
            settings["exclude_modules"] = [*(settings.get("exclude_modules") or ()), *saved]
        flags = [(parameter, parameter.requires_grad) for parameter in self.model.parameters()]
        # Not by PEFT's own low_cpu_mem_usage, which has every thread make its layers without memory meanwhile.
        place = torch.device("meta") if empty else nullcontext()
        try:
            # PEFT draws first weights that are overwritten at once: nobody's seed shall notice.
            with Chance(0).drawing(), warnings.catch_warnings(), place:
                warnings.simplefilter("ignore")  # of fan_in_fan_out, which it sets right by itself
                config = LoraConfig(**settings, init_lora_weights=False, inference_mode=True)
                self._check_exact(card, config)
                inject_adapter_in_model(config, self.model, name)
        except (ValueError, TypeError) as error:
            raise self._misfit(card, error) from None
        finally:
            vars(self.model).pop("peft_config", None)  # all that it says is in the layers
            for parameter, flag in flags:  # PEFT freezes the base
                parameter.requires_grad_(flag)
        layers = {path: layer for _, path, layer in wrapped(self.model) if name in layer.r}
        # transformers 5 holds a mixture's experts in one tensor; PEFT turns adapters of single experts into these.
        if fused := next((path for path, layer in layers.items() if type(layer).__name__ == "ParamWrapper"), None):
            raise card.inexact(f"{fused}, a mixture of experts")
        return layers

    def _check_exact(self, card: Card, config: Any) -> None:
        """PlanError when a torch MultiheadAttention is to be changed: PEFT changes its own weights for each call."""
        import torch
        from peft.tuners.tuners_utils import check_target_module_exists

        for path, module in self.model.named_modules():
            if isinstance(module, torch.nn.MultiheadAttention) and check_target_module_exists(config, path):
                raise card.inexact(f"{path}, torch's MultiheadAttention")

    def _misfit(self, card: Card, error: Exception) -> PlanError:
        reason = str(error)
        if "not found in the base model" in reason or "No modules were targeted" in reason:
            import torch

            own = (path for path, module in self.model.named_modules() if isinstance(module, torch.nn.Linear))
            return card.no_module(card.config.get("target_modules") or (), last_words(own))
        return PlanError(f"adapter {card.name} cannot be laid over this model: {reason.partition(chr(10))[0][:300]}")

    def _unwrap(self, name: str) -> None:
        """Take a name out of every layer and parameter, and layers without a name out of the model."""
        self._parameters.detach(name)
        for parent, path, layer in list(wrapped(self.model)):
            if name in layer.r:
                layer.set_adapter([], inference_mode=True)  # PEFT would choose another one by itself
                layer.delete_adapter(name)
            if not layer.r:
                setattr(parent, path.rpartition(".")[2], layer.get_base_layer())


def _places(layer: Any, name: str) -> dict[str, tuple[Any, str]]:
    """Where a layer keeps an adapter's matrices: their names in a file, then what holds each, and as what."""
    if name in layer.lora_A:
        held = {f"lora_{side}.weight": (getattr(layer, f"lora_{side}")[name], "weight") for side in "AB"}
        return held | ({"lora_B.bias": (layer.lora_B[name], "bias")} if layer.lora_bias[name] else {})
    tables = {f"lora_embedding_{side}": getattr(layer, f"lora_embedding_{side}") for side in "AB"}
    return {part: (table, name) for part, table in tables.items() if name in table}


def _fill(layers: Mapping[str, Any], name: str, weights: Mapping[str, torch.Tensor], dtype: str, card: Card) -> None:
    """Put every weight where it belongs; PlanError unless they are exactly those that these layers have places for."""
    import torch

    kind = getattr(torch, dtype)
    wanted = {f"{path}.{part}" for path, layer in layers.items() for part in _places(layer, name)}
    if wanted != weights.keys():
        raise card.other_modules(wanted - weights.keys(), weights.keys() - wanted)
    for path, layer in layers.items():
        base = layer.get_base_layer()
        device = next(chain(base.parameters(), base.buffers())).device
        for part, (holder, entry) in _places(layer, name).items():
            given, place = weights[f"{path}.{part}"], getattr(holder, entry)
            if given.shape != place.shape:
                raise card.other_size(f"{path}.{part}", tuple(given.shape), tuple(place.shape))
            # A copy: what safetensors gives may still be the file, and that may be trained and saved again.
            held = torch.nn.Parameter(given.to(device, kind, copy=True), requires_grad=False)
            setattr(holder, entry, held)
        layer.train(base.training)


def _facts(laid: _Laid, beside: list[torch.Tensor]) -> AdapterFacts:
    layers = list(laid.trained)
    held = [*(getattr(*place) for layer in layers for place in _places(layer, laid.name).values()), *beside]
    ranks = [layer.r[laid.name] for layer in layers] or [0]
    scales = [_scale(layer, laid.name) for layer in layers] or [0.0]
    return AdapterFacts(
        modules=len(layers),
        ranks=(min(ranks), max(ranks)),
        scales=(min(scales), max(scales)),
        bytes=sum(tensor.numel() * tensor.element_size() for tensor in held),
        dtype=", ".join(sorted({str(tensor.dtype).removeprefix("torch.") for tensor in held})),
        parameters=len(beside),
        notes=laid.notes,
    )


def _scale(layer: Any, name: str) -> float:
    """What a layer multiplies an adapter's product by in its next call."""
    takes_part = not layer.disable_adapters and name in layer.active_adapters
    return float(layer.scaling[name]) if takes_part else 0.0
