"""Hugging Face diffusers: images from descriptions, by Stable Diffusion XL, FLUX and HunyuanDiT."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mc_jupyter.devices import give_back
from mc_jupyter.drivers import Asked, Driver, Facts, ModelKey, Refusal, TaskCall, performs
from mc_jupyter.drivers import _quantization as quantization
from mc_jupyter.drivers._chance import Chance
from mc_jupyter.drivers._diffusers import loading, memory
from mc_jupyter.drivers._diffusers.adapters import PipelineAdapters
from mc_jupyter.drivers._diffusers.architectures import Traits, traits_of
from mc_jupyter.drivers._diffusers.drawing import Batch, Steps, arguments, cut, draw, wanted
from mc_jupyter.drivers._diffusers.previews import Budget, guess
from mc_jupyter.drivers._diffusers.refusals import refusals
from mc_jupyter.drivers._facts import read_facts
from mc_jupyter.drivers._memory import halving, refusing_what_does_not_fit
from mc_jupyter.errors import RunError
from mc_jupyter.events import Run
from mc_jupyter.tasks.image_generation import ImageGeneration
from mc_jupyter.values import Batch as Rows
from mc_jupyter.values.pictures import origin
from mc_jupyter.weights.memory import Estimate
from mc_jupyter.weights.unsafe import check_pickle

if TYPE_CHECKING:
    from PIL.Image import Image

    from mc_jupyter.weights import Checkpoint


class Diffusers(Driver):
    """Hugging Face diffusers: images from descriptions."""

    words = ("huggingface", "custom")
    package = "diffusers"
    beside = ("transformers",)  # a pipeline's text encoders
    by_pieces = True
    lays_adapters = True
    layers: PipelineAdapters
    heads = (ImageGeneration.head,)
    quantizes = quantization.OFFERED

    def __init__(self, pipe: Any, traits: Traits, key: ModelKey):
        self.pipe = pipe
        self.placed: memory.Placement = "whole"
        self.traits = traits
        self.key = key
        self.whole = loading.whole(pipe)
        self.layers = PipelineAdapters(self.whole, traits.kind)
        self.preview_costs: dict[tuple[int, int], float] = {}  # seconds, by size
        facts = read_facts(self.whole, key, None, ())
        self._facts = replace(facts, architecture=type(pipe).__name__)

    # --- loading ------------------------------------------------------------------------------------------------------

    @classmethod
    def refuses(cls, asked: Asked) -> Iterator[Refusal]:
        yield from super().refuses(asked)
        yield from refusals(asked)

    @classmethod
    def estimate(cls, key: ModelKey, checkpoint: Checkpoint) -> Estimate:
        return memory.estimate(key, checkpoint)

    @classmethod
    def least(cls, key: ModelKey, checkpoint: Checkpoint) -> int | None:
        return memory.least(key, checkpoint)

    @classmethod
    def wake(cls, key: ModelKey) -> None:
        quantization.import_quietly()  # diffusers imports it
        import diffusers  # noqa: F401
        import torch  # noqa: F401

    @classmethod
    def load(cls, key: ModelKey, checkpoint: Checkpoint | None, run: Run) -> Diffusers:
        assert checkpoint is not None
        traits = traits_of(checkpoint)
        check_pickle(checkpoint)
        with loading.quiet(), Chance(0).drawing(), refusing_what_does_not_fit(key.subject or "the model"):
            pipe = loading.read_pipeline(traits.kind, key, checkpoint)
            if key.quantization != "none":
                loading.quantize(pipe, traits.kind, key)
            self = cls(pipe, traits, key)
            self.placed = self.layers.placed = memory.place(pipe, key, run)
        if self.placed != "whole":
            self._facts = replace(self._facts, device=f"{key.device} (in turns)")
        if key.quantization != "none":
            give_back()  # what was read is several times what is kept
        for note in self.facts().notes:
            run.note(note)
        return self

    def facts(self) -> Facts:
        return self._facts

    def close(self) -> None:
        self.layers.close()
        self.pipe = None
        self.whole = None  # type: ignore[assignment]  # nobody asks a closed one
        give_back()

    # --- drawing ------------------------------------------------------------------------------------------------------

    @performs(ImageGeneration)
    def draw(self, call: TaskCall) -> list[Any]:
        """One image for each prompt, or a list where several are asked for."""
        told = arguments(self.traits, call.action)
        memory.check_room(self.pipe, self.traits, told["width"], told["height"], self.key.device)
        for line in cut(self.pipe, self.traits, told, call.items):
            call.run.note(line)
        with loading.quiet():
            made = self._made(call, told)
        _say_hidden(made, call.run)
        each = call.action.num_images_per_prompt
        rows = [made[i : i + each] for i in range(0, len(made), each)]
        return [row[0] if each == 1 or not any(row) else Rows(row) for row in rows]

    def _made(self, call: TaskCall, told: dict[str, Any]) -> list[Image | None]:
        """Every image in order; None for those that were not begun."""
        images = wanted(call)
        size = (told["width"], told["height"])
        budget = Budget(cost=self.preview_costs.get(size), guess=guess(*size))
        at_once = call.action.batch_size or 1  # more change the last bits of each
        plan = [list(range(i, min(i + at_once, len(images)))) for i in range(0, len(images), at_once)]
        steps = Steps(call.run, told["num_inference_steps"] * len(plan), budget)
        look = self.placed == "whole" and call.run.heard  # a part that waits elsewhere would have to change places

        def work(places: list[int]) -> list[Image | None]:
            batch = Batch(
                self.pipe, steps, [images[i] for i in places], places, *size, look, self.traits.kind.word == "hunyuan"
            )
            try:
                return draw(batch, told)
            finally:
                self.pipe.maybe_free_model_hooks()  # after an error, too: or what had its turn stays on the GPU

        made: list[Image | None] = [None] * len(images)
        try:
            for places, found in halving(plan, work, call.run):
                for place, image in zip(places, found, strict=True):
                    made[place] = image
        except RunError as error:
            raise _smaller(error) from None
        if budget.cost is not None:
            self.preview_costs[size] = budget.cost
        return made


def _smaller(error: RunError) -> RunError:
    """The same error; of memory that ran out, what helps with pictures."""
    problem = error.problems[0]
    if not problem.message.startswith("out of memory"):
        return error
    return RunError(problem.message, fix="a smaller width and height, or %compose unload another model")


def _say_hidden(made: list[Image | None], run: Run) -> None:
    """Tell of images that the model's own safety checker made black. RunError when that is all there is."""
    drawn = [image for image in made if image is not None]
    hidden = [image for image in drawn if "hidden" in origin(image).facts]
    if not hidden:
        return
    seeds = ", ".join(str(origin(image).facts["seed"]) for image in hidden)
    if len(hidden) == len(drawn):
        raise RunError(
            f"the model's own safety checker hid every image (seed {seeds}): black by its filter, not by numbers",
            fix="another description or seed",
        )
    run.note(f"the model's own safety checker hid {len(hidden)} of {len(drawn)} images (seed {seeds}): they are black")
