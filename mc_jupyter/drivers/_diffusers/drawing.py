"""One call: which images it asks for, the steps of each batch, their progress, their previews, and where they stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from secrets import randbelow
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers import TaskCall
from mc_jupyter.drivers._diffusers.architectures import Traits, unfit
from mc_jupyter.drivers._diffusers.decoding import pictures
from mc_jupyter.drivers._diffusers.previews import Budget, Watched, small, watching
from mc_jupyter.errors import InputError, Problem
from mc_jupyter.events import Advance, Preview, Run
from mc_jupyter.language.fields import SEEDS
from mc_jupyter.values.pictures import marked

if TYPE_CHECKING:
    from PIL.Image import Image

_SHORT = 2**32  # of those that are drawn: short enough to type


@dataclass(frozen=True, slots=True)
class Wanted:
    """One image of a call: the prompt's place in the list, the prompt, and the seed of its noise."""

    item: int
    prompt: str
    seed: int


def wanted(call: TaskCall) -> list[Wanted]:
    """Every image that a call asks for, in order. The seeds follow one another."""
    action = call.action
    first = randbelow(_SHORT) if action.seed is None else action.seed
    each = action.num_images_per_prompt
    return [
        Wanted(item, prompt, (first + item * each + k) % SEEDS)
        for item, prompt in enumerate(call.items)
        for k in range(each)
    ]


def arguments(traits: Traits, action: Any) -> dict[str, Any]:
    """What the pipeline is told, by its own names. InputError, with every problem, for what these files cannot do."""
    given = {name: value for name, value in action if value is not None}
    if wrong := [Problem(message, None, fix) for _, message, fix in unfit(traits, given)]:
        raise InputError(wrong)
    told: dict[str, Any] = {
        "width": given.get("width", traits.width),
        "height": given.get("height", traits.height),
        "num_inference_steps": given.get("num_inference_steps", traits.steps),
    }
    if traits.guided:
        told["guidance_scale"] = given.get("guidance_scale", traits.kind.guidance)
    if traits.kind.word == "flux":
        told["max_sequence_length"] = given.get("max_sequence_length", traits.tokens)
    told |= {name: given[name] for name in ("negative_prompt", "true_cfg_scale", "clip_skip") if name in given}
    return told


def cut(pipe: Any, traits: Traits, told: Mapping[str, Any], prompts: Sequence[str]) -> Iterator[str]:
    """A line for each prompt, the negative one too, that is longer than its model reads."""
    flux = traits.kind.word == "flux"
    tokenizer = pipe.tokenizer_2 if flux else pipe.tokenizer
    limit = told["max_sequence_length"] if flux else tokenizer.model_max_length
    for prompt in dict.fromkeys([*prompts, told.get("negative_prompt", "")]):
        count = len(tokenizer(prompt, verbose=False)["input_ids"])
        if count > limit:
            most = " (its second encoder 256)" if traits.kind.word == "hunyuan" else ""
            yield f"of the {count} tokens of “{prompt[:40]}…” the model reads {limit}{most}"


@dataclass(slots=True)
class Steps:
    """How far a whole call is, in steps of its batches."""

    run: Run
    total: int
    budget: Budget
    done: int = 0

    def another(self) -> None:
        self.done += 1
        self.total = max(self.total, self.done)
        self.run.emit(Advance(self.done, self.total, "steps"))


@dataclass(slots=True)
class Batch:
    """The images that go through the loop together. `stopped` is the step they were stopped after."""

    pipe: Any
    steps: Steps
    images: Sequence[Wanted]
    places: Sequence[int]
    width: int
    height: int
    previews: bool
    exact_size: bool = False
    watched: Watched = field(default_factory=Watched)
    stopped: tuple[int, int] | None = None
    shown: list[Image] = field(default_factory=list)

    def after_step(self, pipe: Any, i: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        """What the pipeline calls after each step. Gives nothing back, so that nothing changes."""
        steps, run = self.steps, self.steps.run
        steps.budget.begin()
        steps.another()
        all_of_them = pipe.num_timesteps
        if run.stopped and i + 1 < all_of_them:
            self.stopped = (i + 1, all_of_them)
            pipe._interrupt = True
            self.shown = self._look() or self.shown
        elif (
            self.previews and i + 1 < all_of_them and steps.budget.affords(steps.done, steps.total, i + 1, all_of_them)
        ):
            _finish(pipe)
            with steps.budget.making():
                self.shown = self._look()
            for image, place in zip(self.shown, self.places, strict=False):
                run.emit(Preview(image, place))
        return {}

    def _look(self) -> list[Image]:
        last = self.watched.last
        return small(self.pipe, self.pipe.scheduler, last, self.width, self.height) if last else []


def _finish(pipe: Any) -> None:
    """Wait for a GPU's work: what has been asked of it so far are steps, and no part of a preview."""
    import torch

    if pipe._execution_device.type == "cuda":
        torch.cuda.synchronize()


def draw(batch: Batch, told: dict[str, Any]) -> list[Image | None]:
    """The images of one batch; of one that was stopped, the last preview, marked so."""
    import torch

    pipe, images = batch.pipe, batch.images
    more: dict[str, Any] = {}
    if (negative := told.get("negative_prompt")) is not None:
        more["negative_prompt"] = [negative] * len(images)
    if batch.exact_size:
        more["use_resolution_binning"] = False  # or it draws one of ten sizes instead of the one asked for
    with watching(pipe.scheduler) as batch.watched:
        latents = pipe(
            prompt=[each.prompt for each in images],
            # Each image has a generator of its own, on the CPU: its noise is the same alone, in a batch, on any device.
            generator=[torch.Generator("cpu").manual_seed(each.seed) for each in images],
            output_type="latent",
            callback_on_step_end=batch.after_step,
            **{**told, **more},
        ).images
    facts = [{"prompt": each.prompt, "seed": each.seed, **told} for each in images]
    if batch.stopped:
        how = "step {} of {}".format(*batch.stopped)
        shown: Sequence[Image | None] = batch.shown or [None] * len(images)
        return [image and marked(image, **known, interrupted=how) for image, known in zip(shown, facts, strict=True)]
    made: list[Image | None] = []
    decoded = pictures(pipe, latents, batch.width, batch.height, batch.steps.run)
    for picture, known in zip(decoded, facts, strict=True):
        extra: dict[str, Any] = {
            "hidden": "by the model's safety checker" if picture.hidden else None,
            "vae": "tiled" if picture.tiled else "float32" if picture.upcast else None,
        }
        made.append(marked(picture.image, **known, **extra))
    return made
