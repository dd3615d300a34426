"""What an image will look like, while it is drawn: the predicted final latents, decoded small, within a budget of time.

After each step a scheduler holds a noisy picture. What the model says of the noise in it gives the picture that it is
heading for; which sum that is depends on what the scheduler's model predicts (https://arxiv.org/abs/2206.00364,
table 1; flow matching: https://arxiv.org/abs/2209.03003).
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers._diffusers.decoding import decode, unpacked

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

SIDE = 192  # pixels of a preview's longer side, at most
SHARE = 0.02  # of the time spent in steps so far, what previews may have taken
MOST = 8  # previews of one batch: of a large model, they then take 1 % or so
LEAST = 1.0  # seconds that a call must be going to take in all to have any
APART = 0.2  # seconds between two


# --- the predicted picture --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Step:
    """What a scheduler was last given, and what it made of it."""

    output: torch.Tensor
    timestep: Any
    sample: torch.Tensor
    result: tuple[Any, ...]


class Watched:
    """The last step of a scheduler."""

    last: Step | None = None


@contextmanager
def watching(scheduler: Any) -> Iterator[Watched]:
    """Keep what the scheduler's `step` is given and gives, for as long as the block runs. It computes as ever."""
    watched = Watched()
    step = scheduler.step

    @functools.wraps(step)  # pipelines look at its signature
    def kept(output: torch.Tensor, timestep: Any, sample: torch.Tensor, *more: Any, **named: Any) -> Any:
        result = step(output, timestep, sample, *more, **named)
        watched.last = Step(output, timestep, sample, result if isinstance(result, tuple) else ())
        return result

    scheduler.step = kept
    try:
        yield watched
    finally:
        del scheduler.step
        watched.last = None


def predicted(scheduler: Any, step: Step) -> Any:
    """The final latents that the model predicts at this step; where nothing says how, the noisy ones."""
    import torch

    if len(step.result) > 1 and isinstance(step.result[1], torch.Tensor):
        return step.result[1]  # pred_original_sample: Euler's, DDIM's, DDPM's, LCM's …
    kept = [each for each in getattr(scheduler, "model_outputs", None) or () if each is not None]
    if kept and (scheduler.config.get("predict_x0") or "++" in str(scheduler.config.get("algorithm_type", ""))):
        return kept[-1]  # DPM-Solver's and UniPC's own x0
    sample: Any = step.sample.float()
    output: Any = step.output.float()
    sigma = _sigma(scheduler, step.timestep)
    if "FlowMatch" in type(scheduler).__name__ or scheduler.config.get("use_flow_sigmas"):
        return step.result[0] if sigma is None else sample - sigma * output
    kind = scheduler.config.get("prediction_type", "epsilon")
    if kind == "sample":
        return output
    if hasattr(scheduler, "sigmas") and sigma is not None:  # Heun's, LMS: the sample is x0 + σ·noise
        if kind == "epsilon":
            return sample - sigma * output
        return sample / (sigma**2 + 1) - output * sigma / (sigma**2 + 1) ** 0.5
    if hasattr(scheduler, "alphas_cumprod"):  # PNDM: x = √ᾱ·x0 + √(1-ᾱ)·noise
        alpha = scheduler.alphas_cumprod[int(step.timestep)].to(sample)
        if kind == "epsilon":
            return (sample - (1 - alpha) ** 0.5 * output) / alpha**0.5
        return alpha**0.5 * sample - (1 - alpha) ** 0.5 * output
    return step.result[0] if step.result else step.sample


def _sigma(scheduler: Any, timestep: Any) -> float | None:
    """How much noise is in the sample that a scheduler got with this timestep."""
    if not hasattr(scheduler, "sigmas") or not hasattr(scheduler, "timesteps"):
        return None
    found = (scheduler.timesteps == timestep).nonzero()
    return float(scheduler.sigmas[int(found[0])]) if len(found) else None


def small(pipe: Any, scheduler: Any, step: Step, width: int, height: int) -> list[Image]:
    """The predicted pictures of a batch, at most `SIDE` pixels a side. None where they hold no numbers yet."""
    import torch
    from torch.nn.functional import interpolate

    with torch.no_grad():
        # Of a copy: some schedulers go on with the tensor that they gave.
        latents = unpacked(pipe, predicted(scheduler, step).clone(), width, height)
        ratio = min(1.0, SIDE / max(width, height))
        if ratio < 1:
            size = [max(1, round(side * ratio)) for side in latents.shape[-2:]]
            latents = interpolate(latents.float(), size=size, mode="area")
        pixels = decode(pipe, latents)
        if not torch.isfinite(pixels).all():
            return []
        made: list[Image] = pipe.image_processor.postprocess(pixels, output_type="pil")
    return made


# --- the budget -------------------------------------------------------------------------------------------------------


def guess(width: int, height: int) -> float:
    """About how many steps a preview takes: half a step where it is decoded whole, less where it is made small.

    (An SDXL at 1024 × 1024 does some 12 · 10¹² multiplications a step, and 0.3 · 10¹² for a preview.)
    """
    return 0.5 * min(1.0, SIDE / max(width, height)) ** 2


@dataclass(slots=True)
class Budget:
    """When there is time for a preview. All times are in seconds, of one call.

    `cost` is what the last one took; of a first one, nobody knows: `guess` is in steps.
    """

    clock: Callable[[], float] = time.perf_counter
    cost: float | None = None
    guess: float = 0.5
    spent: float = 0.0
    started: float | None = None
    last: float = field(default=float("-inf"))

    def begin(self) -> None:
        """The first step is done: from now on time counts. That step itself does not, it may have warmed up."""
        if self.started is None:
            self.started = self.clock()

    def affords(self, done: int, total: int, step: int, steps: int) -> bool:
        """Whether one may be made after `done` of the call's `total` steps, which is `step` of its batch's `steps`."""
        if self.started is None or done < 2 or step >= steps or step % max(1, steps // MOST):
            return False
        now = self.clock()
        stepping = now - self.started - self.spent
        each = stepping / (done - 1)
        cost = each * self.guess if self.cost is None else self.cost
        return each * total >= LEAST and self.spent + cost <= SHARE * stepping and now - self.last >= APART

    @contextmanager
    def making(self) -> Iterator[None]:
        """Count what is done inside as a preview's cost."""
        begun = self.clock()
        try:
            yield
        finally:
            self.last = self.clock()
            self.cost = self.last - begun
            self.spent += self.cost
