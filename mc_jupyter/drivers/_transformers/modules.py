"""What sentence-transformers' modules do after an encoder: each a change of what is known of a batch of texts.

As there, a batch is a mapping: `token_embeddings` (batch, tokens, width), `attention_mask`, and from the pooling on
`sentence_embedding` (batch, width). All of it is computed in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from mc_jupyter.drivers._transformers.pooling import pooled
from mc_jupyter.drivers._transformers.sentences import Module, Sentences
from mc_jupyter.errors import InputError, WeightsError
from mc_jupyter.weights.reading import AGAIN, Config, NotWhole
from mc_jupyter.weights.unsafe import contents

if TYPE_CHECKING:
    import torch

    from mc_jupyter.weights import Checkpoint

    Known = dict[str, Any]
    Tensors = Mapping[str, torch.Tensor]

_VECTOR = "sentence_embedding"


class Step(Protocol):
    """A module, ready to run: it changes what is known of a batch."""

    def __call__(self, known: Known) -> None: ...


class Pooling:
    """One vector of many. `unread` tokens at the beginning, a prompt's, take no part where the model says so."""

    def __init__(self, modes: Sequence[str], reads_prompt: bool = True):
        self.modes, self.reads_prompt = tuple(modes), reads_prompt

    def __call__(self, known: Known) -> None:
        unread = 0 if self.reads_prompt else known.get("prompt_length", 0)
        known[_VECTOR] = pooled(known["token_embeddings"], known["attention_mask"], self.modes, unread)


class Dense:
    """A linear layer with its activation; a residual of what came in, where the model has one."""

    def __init__(self, module: Module, tensors: Tensors):
        self.name, config = module.path, module.config
        self.source = config.text("module_input_name") or _VECTOR
        self.target = config.text("module_output_name") or self.source
        self.activation = activation(config)
        self.weight, self.bias = tensors["linear.weight"], tensors.get("linear.bias")
        self.residual = tensors.get("residual.weight")
        self.adds = config.flag("use_residual")

    def __call__(self, known: Known) -> None:
        from torch.nn.functional import linear

        given = known[self.source].float()
        if given.shape[-1] != self.weight.shape[-1]:
            raise InputError(
                f"{self.name} takes vectors of {self.weight.shape[-1]} numbers, and pooling gives {given.shape[-1]}",
                fix="pooling: auto",
            )
        made = self.activation(linear(given, self.weight, self.bias))
        if self.adds:
            made = made + (given if self.residual is None else linear(given, self.residual))
        known[self.target] = made


class Normalize:
    """Vectors of length 1."""

    def __init__(self, config: Config):
        self.source = config.text("module_input_name") or _VECTOR
        self.target = config.text("module_output_name") or self.source

    def __call__(self, known: Known) -> None:
        from torch.nn.functional import normalize

        if self.source in known:
            known[self.target] = normalize(known[self.source].float(), dim=-1)


class LayerNorm:
    """Vectors of mean 0 and variance 1, then scaled and moved."""

    def __init__(self, tensors: Tensors):
        self.weight, self.bias = tensors["norm.weight"], tensors["norm.bias"]

    def __call__(self, known: Known) -> None:
        from torch.nn.functional import layer_norm

        known[_VECTOR] = layer_norm(known[_VECTOR].float(), self.weight.shape, self.weight, self.bias)


class WeightedLayers:
    """Token vectors as a weighted mean over the encoder's layers, where its config has it give them."""

    def __init__(self, config: Config, tensors: Tensors):
        start = config.number("layer_start")
        self.start = 4 if start is None else start  # sentence-transformers' own default
        self.weights = tensors["layer_weights"]

    def __call__(self, known: Known) -> None:
        import torch

        if (layers := known.get("all_layer_embeddings")) is not None:
            kept = torch.stack(layers).float()[self.start :]
            known["token_embeddings"] = torch.einsum("l,lbtw->btw", self.weights, kept) / self.weights.sum()


def activation(config: Config) -> Callable[[torch.Tensor], torch.Tensor]:
    """The activation that a Dense names, one of torch's own; tanh where it names none."""
    from torch import nn

    named = config.text("activation_function") or "Tanh"
    made: Callable[[torch.Tensor], torch.Tensor] = getattr(nn, named.rpartition(".")[2])()
    return made


# --- reading them -----------------------------------------------------------------------------------------------------


def read_steps(said: Sentences, checkpoint: Checkpoint, device: Any) -> tuple[Step, ...]:
    """The modules after the encoder, with their weights on the device."""
    return tuple(_steps(said, checkpoint, device))


def _steps(said: Sentences, checkpoint: Checkpoint, device: Any) -> Iterator[Step]:
    for module in said.after:
        if module.kind == "Pooling":
            yield Pooling(module.modes, module.config.get("include_prompt", True) is not False)
        elif module.kind == "Normalize":
            yield Normalize(module.config)
        elif module.kind != "Dropout":  # which does nothing but in training
            yield _with_weights(module, _tensors(module, checkpoint, device))


def _with_weights(module: Module, tensors: Tensors) -> Step:
    try:
        if module.kind == "Dense":
            return Dense(module, tensors)
        return LayerNorm(tensors) if module.kind == "LayerNorm" else WeightedLayers(module.config, tensors)
    except KeyError as error:
        raise WeightsError(f"{module.path} has no {error.args[0]} among its weights", fix=AGAIN) from None


def _tensors(module: Module, checkpoint: Checkpoint, device: Any) -> Tensors:
    """A module's weights, of a file that was looked at with the model's."""
    names = ("model.safetensors", "pytorch_model.bin")
    file = next((f for name in names if (f := checkpoint.folder / module.path / name) in checkpoint.files), None)
    if file is None:
        raise NotWhole(f"{module.path} has no weights: neither {' nor '.join(names)} is in it", fix=AGAIN)
    return {name: tensor.float().to(device) for name, tensor in contents(file).items()}


def size(steps: Sequence[Step]) -> tuple[int, int]:
    """(Numbers, bytes) of their weights."""
    import torch

    held = [each for step in steps for each in vars(step).values() if isinstance(each, torch.Tensor)]
    return sum(each.numel() for each in held), sum(each.numel() * each.element_size() for each in held)
