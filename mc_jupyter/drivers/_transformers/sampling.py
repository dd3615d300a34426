"""Tokens drawn by generators of our own, one for each text of a batch, so that it is drawn as it is alone.

transformers draws with `torch.multinomial` and names no generator. But it draws from scores that have been through
logits processors, and a tensor may say itself what torch's functions do with it: the scores that ours hands on name
the generators. That is beam search's way too, and no other thread or tensor knows of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers._chance import Chance

if TYPE_CHECKING:
    import torch

_DRAWING_LAYERS = frozenset({"LSHSelfAttention", "NllbMoeTop2Router", "YosoSelfAttention"})
"""Layers that draw whenever they read: for Reformer's hashes, and for which of two experts is asked."""


class Drawn:
    """A LogitsProcessor: tokens are drawn by these chances from here on, as many rows by each as by the others."""

    def __init__(self, chances: Sequence[Chance]):
        self.kind = _scores_drawn_by(chances)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        drawn: torch.Tensor = scores.as_subclass(self.kind)
        return drawn


def _scores_drawn_by(chances: Sequence[Chance]) -> Any:
    """A class of tensors. What is computed from one is one too, up to the tokens."""
    import torch

    def draw(scores: torch.Tensor, *how: Any, **more: Any) -> torch.Tensor:
        rows = zip(scores.as_subclass(torch.Tensor).chunk(len(chances)), chances, strict=True)
        return torch.cat([torch.multinomial(row, *how, **more, generator=one.on(row.device)) for row, one in rows])

    class Scores(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.multinomial:
                return draw(*args, **(kwargs or {}))
            made = super().__torch_function__(func, types, args, kwargs)  # type: ignore[no-untyped-call]
            return _with_plain_tokens(made)

    return Scores


def _with_plain_tokens(found: Any) -> Any:
    """Tokens, places and masks as plain tensors: a model that read some of our class would compute with it."""
    import torch

    if isinstance(found, torch.Tensor):
        return found if found.is_floating_point() else found.as_subclass(torch.Tensor)
    if isinstance(found, tuple):
        parts = map(_with_plain_tokens, found)
        return tuple(parts) if type(found) is tuple else type(found)(list(parts))  # values and indices, as of topk
    return found


def drawing_layers(model: Any) -> list[Any]:
    """Those that draw whenever they read, all rows of a batch at once: such a model reads each input alone.

    Every module is looked at: once, when the model is loaded.
    """
    return [layer for layer in model.modules() if type(layer).__name__ in _DRAWING_LAYERS]


@contextmanager
def lent(layers: Sequence[Any], chance: Chance) -> Iterator[None]:
    """Layers that draw whenever they read, from torch's one generator for all, find ours set in its place."""
    loan = _Loan(chance)
    with ExitStack() as hooks:
        for layer in layers:
            hooks.callback(layer.register_forward_pre_hook(loan.give).remove)
            hooks.callback(layer.register_forward_hook(loan.take_back, always_call=True).remove)
        yield


class _Loan:
    """torch's own generators, set as ours are while a layer computes. Their state is all that can be lent."""

    lock = Lock()  # of all loans: there is one generator

    def __init__(self, chance: Chance):
        self.chance = chance
        self.kept: list[tuple[torch.Generator, torch.Generator, torch.Tensor]] = []

    def give(self, layer: Any, inputs: Any) -> None:
        import torch

        self.lock.acquire()
        try:
            device = next(layer.parameters(), torch.empty(0)).device
            for general in _generators(device):
                own = self.chance.on(general.device)
                self.kept.append((general, own, general.get_state()))
                general.set_state(own.get_state())
        except BaseException:
            self._end()
            raise

    def take_back(self, layer: Any, inputs: Any, output: Any) -> None:
        if self.kept:  # torch calls this whatever happened: also where nothing was given, while another's loan goes on
            self._end()

    def _end(self) -> None:
        for general, own, state in self.kept:
            own.set_state(general.get_state())
            general.set_state(state)
        self.kept.clear()
        self.lock.release()


def _generators(device: torch.device) -> list[torch.Generator]:
    """torch's own of this device, and of the processor: `torch.manual_seed` sets both."""
    import torch

    there = [torch.cuda.default_generators[device.index or 0]] if device.type == "cuda" else []
    return [torch.default_generator, *there]
