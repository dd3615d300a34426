"""Chance of our own: what a seed gives is drawn by generators that nobody else has.

torch has one generator for all threads, and it is the user's: whoever seeds it, or draws from it, changes what every
other thread draws, and what the next cell does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_DRAWING = frozenset({
    "bernoulli", "bernoulli_", "cauchy_", "exponential_", "geometric_", "kaiming_uniform_", "log_normal_",
    "multinomial", "normal", "normal_", "poisson", "rand", "rand_like", "randint", "randint_like", "randn",
    "randn_like", "randperm", "random_", "uniform_",
})  # fmt: skip
"""torch's functions that draw, and take a generator."""


class Chance:
    """What one seed draws: on each device the numbers that follow on `torch.manual_seed(seed)`."""

    def __init__(self, seed: int):
        self.seed = seed
        self._generators: dict[torch.device, torch.Generator] = {}

    def on(self, device: torch.device) -> torch.Generator:
        """The generator of a device."""
        import torch

        if device.type == "meta":  # nothing is drawn there
            device = torch.device("cpu")
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self.seed)
        return self._generators[device]

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Whatever this thread has torch draw inside comes from here, unless it names a generator itself.

        Each call of torch costs some microseconds more: for libraries that take no generator, and not for every token.
        """
        from torch.overrides import TorchFunctionMode

        chance = self

        class Drawing(TorchFunctionMode):
            def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                given = kwargs or {}
                if getattr(func, "__name__", "") in _DRAWING and given.get("generator") is None:
                    given = {**given, "generator": chance.on(_device(args, given))}
                return func(*args, **given)

        with Drawing():
            yield


def _device(args: tuple[Any, ...], given: Mapping[str, Any]) -> torch.device:
    """Where a function draws: as it is told, with its tensor, or where torch makes new ones."""
    import torch

    if given.get("device") is not None:
        return torch.device(given["device"])
    tensors = (each for each in (*args, *given.values()) if isinstance(each, torch.Tensor))
    return next((each.device for each in tensors), torch.get_default_device())
