"""Describing images with transformers: which models can, what is refused, and one text for each image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers._batching import batches, unless_stopped
from mc_jupyter.drivers._memory import halving
from mc_jupyter.drivers._transformers.captioners import (
    Blip,
    Blip2,
    Captioner,
    Donut,
    Git,
    Pix2Struct,
    VisionEncoderDecoder,
)
from mc_jupyter.drivers._transformers.habits import Habits
from mc_jupyter.drivers._transformers.loading import device_of
from mc_jupyter.drivers._transformers.tokens import worth_reading
from mc_jupyter.errors import InputError, PlanError, WeightsError
from mc_jupyter.faults import said_as
from mc_jupyter.tasks import Task
from mc_jupyter.tasks.image_to_text import ImageToText
from mc_jupyter.values.pictures import rgb
from mc_jupyter.weights.reading import Config, read_config, shown

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from mc_jupyter.drivers import TaskCall
    from mc_jupyter.weights import Checkpoint

_CAPTIONERS: Mapping[str, type[Captioner]] = {
    "blip": Blip, "blip2": Blip2, "donut": Donut, "git": Git, "pix2struct": Pix2Struct,
    "vit-gpt2": VisionEncoderDecoder,
}  # fmt: skip
_WORDS = {"blip": "blip", "blip-2": "blip2", "git": "git", "pix2struct": "pix2struct"}
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")  # the second holds the first in newer checkpoints
_TOKENS = 4096  # patches and prompt tokens of a batch
_LONGEST = 200  # times its width: some models scale the shorter side up to theirs, and such a picture would be endless


# --- before any weight is read ----------------------------------------------------------------------------------------


def kind_of(config: Config) -> str | None:
    """The word for a checkpoint's architecture, by its config.json; None of one that does not describe images.

    Of an encoder and a decoder that are neither ViT-GPT-2 nor Donut, their names: `deit with trocr`.
    """
    if config.text("model_type") != "vision-encoder-decoder":
        return _WORDS.get(config.text("model_type") or "")
    eyes, words = (str(config.inside(half).text("model_type")) for half in ("encoder", "decoder"))
    if eyes == "donut-swin":
        return "donut"
    return "vit-gpt2" if words == "gpt2" else f"{eyes} with {words}"


def captioner_of(kind: str) -> type[Captioner]:
    return _CAPTIONERS.get(kind, VisionEncoderDecoder)


def check(task: type[Task], settings: Any, checkpoint: Checkpoint) -> None:
    """PlanError or WeightsError unless model and task belong together, and the files say how images are prepared."""
    config = checkpoint.config
    kind = kind_of(config)
    made_as = shown(checkpoint.made_as or checkpoint.model_type or "nothing that is known")
    if task is not ImageToText:
        if kind is not None:
            raise PlanError(f"this model describes images ({made_as}): it cannot do {task.name}", fix=_THIS_TASK)
        return
    if kind is None:
        raise PlanError(
            f"this model does not describe images: it was saved as {made_as}", fix="use a blip, git or vit-gpt2 model"
        )
    if settings.family not in ("auto", kind):
        word = kind if kind in _CAPTIONERS else "auto"
        raise PlanError(f"this model is {kind}, not {settings.family}", fix=f"architecture: {word}")
    if checkpoint.made_as and checkpoint.made_as != captioner_of(kind).made_as:
        raise PlanError(
            f"this {kind} model was saved as {made_as}, which describes no images",
            fix=f"use one that was saved as {captioner_of(kind).made_as}",
        )
    _check_preparation(kind, checkpoint)


_THIS_TASK = "task: image-to-text"


def _check_preparation(kind: str, checkpoint: Checkpoint) -> None:
    found = next((checkpoint.folder / name for name in _PROCESSORS if (checkpoint.folder / name).is_file()), None)
    if found is None:
        raise WeightsError(
            "the model's folder does not say how images are prepared: it has no preprocessor_config.json",
            fix="copy preprocessor_config.json from where the model comes from",
        )
    content = read_config(found)
    if (content.inside("image_processor") or content).get("is_vqa"):
        raise PlanError(
            "this pix2struct model answers questions that are painted onto the picture, in a typeface it would fetch",
            fix="use one that describes, such as google/pix2struct-textcaps-base",
        )
    if kind == "blip2" and not isinstance(checkpoint.config.get("image_token_index"), int):
        raise PlanError(
            "this blip2 model's config.json does not say which token stands for the picture (image_token_index)",
            fix="use a newer revision of it",
        )


def unfit(task: type[Task], checkpoint: Checkpoint, given: Mapping[str, Any]) -> Iterator[tuple[str, PlanError]]:
    """A prompt for a model that takes none."""
    kind = kind_of(checkpoint.config)
    prompt = given.get("prompt")
    if task is not ImageToText or kind is None or not (any(prompt) if isinstance(prompt, list) else prompt):
        return
    if why := captioner_of(kind).without_prompt:
        yield "prompt", PlanError(_no_prompt(kind, why), fix=_WITHOUT)


_WITHOUT = "remove prompt:"


def _no_prompt(kind: str, why: str) -> str:
    return f"a {kind} model takes no prompt: {why}"


def load_image_processor(folder: Path) -> Any:
    """What prepares images as the model was trained on them: transformers' image processor."""
    from transformers import AutoImageProcessor

    with said_as(WeightsError, "how images are prepared cannot be read from preprocessor_config.json"):
        return AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


# --- a call -----------------------------------------------------------------------------------------------------------


def writer(model: Any) -> Any:
    """The part of a model that writes, with the settings of generation that count."""
    return captioner_of(_kind_of(model)).writer(model)


def _kind_of(model: Any) -> str:
    return kind_of(Config(Path("config.json"), model.config.to_dict())) or "auto"


def describe(
    model: Any, tokenizer: Any, processor: Any, window: int | None, dtype: str, habits: Habits, call: TaskCall
) -> list[Any]:
    """One Text for each image (a Batch of them where several are asked for), in order."""
    kind = _kind_of(model)
    captioner = captioner_of(kind)(model, tokenizer, window, habits)
    results: list[Any] = [None] * len(call.items)
    images = unless_stopped((_picture(item, i, len(call.items)) for i, item in enumerate(call.items)), call.run)
    prompts = _prompts(call, kind, captioner)
    begun = (_begin(captioner, prompt, call.action, i, len(prompts)) for i, prompt in enumerate(prompts))
    rows = unless_stopped(begun, call.run)
    if images is None or rows is None:
        return results

    def write(batch: list[int]) -> list[Any]:
        inputs = _inputs(captioner, processor, [images[i] for i in batch], [rows[i] for i in batch], dtype)
        return list(captioner.write(inputs, call.action, call.run, batch))

    each = _patches(model.config)
    plan = batches([each + len(row) for row in rows], size=call.action.batch_size, tokens=_TOKENS, same_length=True)
    for batch, texts in halving(plan, write, call.run):
        for position, text in zip(batch, texts, strict=True):
            results[position] = text
    return results


def _inputs(
    captioner: Captioner, processor: Any, images: list[Image], rows: list[list[int]], dtype: str
) -> dict[str, torch.Tensor]:
    """What `generate` is given, on the device where the model begins."""
    import torch

    device = device_of(captioner.model)
    prepared = {
        name: tensor.to(device, getattr(torch, dtype)) if tensor.is_floating_point() else tensor.to(device)
        for name, tensor in processor(images=images, return_tensors="pt").items()
        if isinstance(tensor, torch.Tensor)
    }
    return captioner.inputs(prepared, torch.tensor(rows, device=device))


def _picture(image: Image, position: int, of: int) -> Image:
    """A picture as the model takes it; InputError for one of which nothing can be seen."""
    short, long = sorted(image.size)
    if short == 0 or long > short * _LONGEST:
        which = "the image" if of == 1 else f"image {position + 1} of {of}"
        raise InputError(f"{which} is {image.width}×{image.height} pixels: there is nothing to see in that")
    return rgb(image)


def _prompts(call: TaskCall, kind: str, captioner: Captioner) -> list[str]:
    """One prompt for each image; empty where there is none."""
    given = call.action.prompt
    if isinstance(given, list) and len(given) != len(call.items):
        raise InputError(
            f"there are {len(given)} prompts for {len(call.items)} images", fix="one prompt for all, or one for each"
        )
    prompts = given if isinstance(given, list) else [given or ""] * len(call.items)
    if any(prompts) and captioner.without_prompt:
        raise InputError(_no_prompt(kind, captioner.without_prompt), fix=_WITHOUT)
    return worth_reading(prompts, captioner.window, "end" if call.action.truncate else "all")


def _begin(captioner: Captioner, prompt: str, action: Any, position: int, of: int) -> list[int]:
    """The tokens that a text begins with; a prompt that is too long is refused, or loses its first words."""
    row, start = captioner.begin(prompt), captioner.start()
    if not prompt:
        return row
    own = len(start) if row[: len(start)] == start else 0  # Donut's prompt stands in their place
    limits = [action.max_input_length]
    if captioner.shares_window and captioner.window:
        limits.append(captioner.window - own - 1)  # room for one token of an answer
    limit = min((n for n in limits if n is not None), default=None)
    if limit is None or len(row) - own <= limit:
        return row
    if not action.truncate:
        which = "the prompt" if of == 1 else f"prompt {position + 1} of {of}"
        raise InputError(
            f"{which} has {len(row) - own} tokens; at most {limit} fit", fix="shorten it, or say truncate: true"
        )
    return [*row[:own], *row[own:][-max(limit, 1) :]]


def _patches(config: Any) -> int:
    """About how many parts of a picture such a model looks at: what decides how many go through it at once."""
    eyes = getattr(config, "vision_config", None) or getattr(config, "encoder", None)
    size, patch = getattr(eyes, "image_size", None), getattr(eyes, "patch_size", None)
    if size is None or not patch:
        return 2048  # Pix2Struct's own number
    height, width = size if isinstance(size, list | tuple) else (size, size)
    return max(1, int(height // patch) * int(width // patch))
