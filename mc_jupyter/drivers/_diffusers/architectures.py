"""The kinds of diffusion model, and what one checkpoint of a kind can do: read from its small files, before weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import lcm
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers._diffusers.parts import (
    CLIP_IMAGES,
    CLIP_VISION,
    SCHEDULERS,
    VAES,
    Classes,
    check_parts,
    of_diffusers,
    of_transformers,
    tokenizers,
)
from mc_jupyter.errors import PlanError, WeightsError
from mc_jupyter.weights.reading import Config, read_config, shown
from mc_jupyter.words import listing

if TYPE_CHECKING:
    from mc_jupyter.weights import Checkpoint


@dataclass(frozen=True, slots=True)
class Architecture:
    """One kind: its word in YAML, its class in diffusers, which part draws, and how it draws when nothing is said.

    `fields` are those of the task's that not every kind has; `lora` are the parts that adapters may change; `parts` are
    the folders that such a model has, each with the classes that it may be (`parts.CLASSES` says of what).
    """

    word: str
    pipeline: str
    denoiser: str
    steps: int
    guidance: float
    fields: tuple[str, ...] = ()
    lora: tuple[str, ...] = ()
    parts: Mapping[str, Classes] = field(default_factory=dict)


_IMAGES: Mapping[str, Classes] = {"feature_extractor": CLIP_IMAGES, "image_encoder": (CLIP_VISION,)}
ARCHITECTURES = {
    each.pipeline: each
    for each in (
        Architecture(
            "sdxl", "StableDiffusionXLPipeline", "unet", 30, 7.5, ("negative_prompt", "guidance_scale", "clip_skip"),
            ("unet", "text_encoder", "text_encoder_2"),
            {
                "unet": (of_diffusers("UNet2DConditionModel"),), "vae": VAES, "scheduler": SCHEDULERS,
                "text_encoder": (of_transformers("CLIPTextModel"),), "tokenizer": tokenizers("CLIP"),
                "text_encoder_2": (of_transformers("CLIPTextModelWithProjection"),), "tokenizer_2": tokenizers("CLIP"),
                **_IMAGES,
            },
        ),
        Architecture(
            "flux", "FluxPipeline", "transformer", 28, 3.5,
            ("negative_prompt", "guidance_scale", "true_cfg_scale", "max_sequence_length"),
            ("transformer", "text_encoder", "text_encoder_2"),
            {
                "transformer": (of_diffusers("FluxTransformer2DModel"),), "vae": VAES, "scheduler": SCHEDULERS,
                "text_encoder": (of_transformers("CLIPTextModel"),), "tokenizer": tokenizers("CLIP"),
                "text_encoder_2": (of_transformers("T5EncoderModel"),), "tokenizer_2": tokenizers("T5"),
                **_IMAGES,
            },
        ),
        Architecture(
            "hunyuan", "HunyuanDiTPipeline", "transformer", 50, 5.0, ("negative_prompt", "guidance_scale"),
            ("transformer", "text_encoder", "text_encoder_2"),
            {
                "transformer": (of_diffusers("HunyuanDiT2DModel"),), "vae": VAES, "scheduler": SCHEDULERS,
                "text_encoder": (of_transformers("BertModel"),), "tokenizer": tokenizers("Bert"),
                "text_encoder_2": (of_transformers("T5EncoderModel"), of_transformers("MT5EncoderModel")),
                "tokenizer_2": (*tokenizers("T5"), *tokenizers("MT5")),
                "safety_checker": (("stable_diffusion", "StableDiffusionSafetyChecker"),),
                "feature_extractor": CLIP_IMAGES,
            },
        ),
    )
}  # fmt: skip
_WORDS = {each.word: each for each in ARCHITECTURES.values()}
_MOST_BLOCKS, _MOST_LATENTS = 8, 8192  # far beyond any model that was made
_CLIP_TOKENS = 77  # of a CLIP whose config does not say
_FLUX_LATENTS = 128  # FluxPipeline.default_sample_size: its own size is no part of its files


@dataclass(frozen=True, slots=True)
class Traits:
    """What one checkpoint can do. Sizes are in pixels; both sides are multiples of `step`.

    `factor` is how many pixels a side one latent makes; `guided` whether guidance_scale changes anything; `negated`
    whether guidance_scale alone lets negative_prompt count; `layers` are those of the text encoder with the fewest;
    `fewest` the steps that the scheduler takes at least.
    """

    kind: Architecture
    step: int
    width: int
    height: int
    factor: int
    guided: bool = True
    negated: bool = True
    layers: int = 1
    fewest: int = 1

    @property
    def steps(self) -> int:
        """Steps when nothing is said: a FLUX without guidance (schnell) was made to draw in four."""
        return self.kind.steps if self.guided else 4

    @property
    def tokens(self) -> int:
        """FLUX's tokens when nothing is said: 512, or 256 of a FLUX without guidance, as their cards have it."""
        return 512 if self.guided else 256

    def latents(self, width: int, height: int) -> int:
        """How many latents a picture of this size has."""
        return (width // self.factor) * (height // self.factor)


def architecture_of(checkpoint: Checkpoint, asked: str = "auto") -> Architecture:
    """The kind that a checkpoint is. PlanError when it is another than `asked`, or one that nothing here draws with."""
    said = checkpoint.pipeline
    if not (checkpoint.folder / "model_index.json").is_file() or said is None:
        raise WeightsError(
            f"{checkpoint.folder} holds no diffusers pipeline: there is no model_index.json",
            fix="a single file or a bare denoiser becomes one with diffusers: "
            "`StableDiffusionXLPipeline.from_single_file(path).save_pretrained(folder)`, then `model: folder`",
        )
    known = listing(list(_WORDS), "and")
    if said not in ARCHITECTURES:
        fix = "use a model of these kinds"
        raise PlanError(f"this model is a {shown(said)}, and image-generation knows {known}", fix=fix)
    kind = ARCHITECTURES[said]
    if asked not in ("auto", kind.word):
        raise PlanError(f"this model is {kind.word} ({said}), not {asked}", fix=f"architecture: {kind.word}")
    check_parts(checkpoint, kind.parts)
    return kind


def traits_of(checkpoint: Checkpoint, asked: str = "auto") -> Traits:
    """What a checkpoint can do. PlanError or WeightsError where it cannot be drawn with."""
    traits = _traits(architecture_of(checkpoint, asked), checkpoint.folder)
    return replace(traits, fewest=_fewest(checkpoint.folder / "scheduler" / "scheduler_config.json"))


def _fewest(scheduler: Path) -> int:
    """PNDM's Runge-Kutta steps need four that are apart: with fewer, diffusers (0.42) fails in numpy."""
    said = read_config(scheduler) if scheduler.exists() else {}
    return 4 if said.get("_class_name") == "PNDMScheduler" and not said.get("skip_prk_steps") else 1


def _traits(kind: Architecture, folder: Path) -> Traits:
    denoiser = _config(folder, kind.denoiser)
    factor = _factor(_config(folder, "vae"))
    match kind.word:
        case "sdxl":
            for tokenizer, encoder in (("tokenizer", "text_encoder"), ("tokenizer_2", "text_encoder_2")):
                _check_padding(folder, tokenizer, encoder)
            width, height = _sides(denoiser, factor)
            encoders = [_config(folder, part) for part in ("text_encoder", "text_encoder_2")]
            layers = [one.number("num_hidden_layers") for one in encoders]
            distilled = denoiser.get("time_cond_proj_dim") is not None  # guidance is one of its inputs
            fewest = min(12 if count is None else count for count in layers)
            # Whatever its VAE makes of a latent, diffusers (0.42) checks for multiples of 8.
            return Traits(kind, lcm(8, factor), width, height, factor, negated=not distilled, layers=fewest)
        case "flux":
            _check_padding(folder, "tokenizer", "text_encoder")
            side = _FLUX_LATENTS * factor
            guided = denoiser.flag("guidance_embeds")
            return Traits(kind, 2 * factor, side, side, factor, guided, negated=False)  # two by two are one token
        case _:
            width, height = _sides(denoiser, factor)
            # diffusers (0.42) rounds down to multiples of 16, and takes a VAE of factor 8 for granted.
            return Traits(kind, lcm(16, factor * (denoiser.number("patch_size") or 2)), width, height, factor)


def _config(folder: Path, part: str) -> Config:
    file = folder / part / "config.json"
    if not file.exists():
        raise WeightsError(f"{folder} is not whole: {part}/config.json is missing", fix="fetch it again")
    return read_config(file)


def _check_padding(folder: Path, tokenizer: str, encoder: str) -> None:
    """WeightsError for a tokenizer that makes every prompt longer than its encoder reads: of gigabytes, maybe."""
    file = folder / tokenizer / "tokenizer_config.json"
    length = read_config(file).number("model_max_length") if file.exists() else None
    most = _config(folder, encoder).number("max_position_embeddings") or _CLIP_TOKENS
    if length is not None and length > most:
        raise WeightsError(
            f"{file} says model_max_length: {length}, and {encoder} reads {most} tokens", fix="fetch it again"
        )


def _factor(vae: Config) -> int:
    """How many pixels a side one latent of a VAE makes."""
    widths = vae.numbers("block_out_channels") or (0,) * 4
    if len(widths) > _MOST_BLOCKS:
        raise vae.wrong("block_out_channels", f"at most {_MOST_BLOCKS} numbers")
    return int(2 ** (len(widths) - 1))


def _sides(denoiser: Config, factor: int) -> tuple[int, int]:
    """(width, height) in pixels of a config's `sample_size`: a number, or (height, width)."""
    latents = denoiser.numbers("sample_size") or (128,)
    if not 0 < min(latents) <= max(latents) <= _MOST_LATENTS or len(latents) > 2:
        raise denoiser.wrong("sample_size", f"one or two numbers from 1 to {_MOST_LATENTS}")
    return latents[-1] * factor, latents[0] * factor


def unfit(traits: Traits, given: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What of a call's fields these files cannot do: (field, what is wrong, what to paste).

    `given` holds the fields that were given a value, expressions left out.
    """
    yield from _sizes(traits, given)
    yield from _of_other_kinds(traits, given)
    yield from _guidance(traits, given)
    steps = given.get("num_inference_steps")
    if steps is not None and steps < traits.fewest:
        message = f"num_inference_steps: {steps}, and this model's scheduler (PNDM) takes {traits.fewest} at least"
        yield "num_inference_steps", message, f"num_inference_steps: {traits.fewest}"
    most = traits.layers - 1
    if traits.kind.word == "sdxl" and (skipped := given.get("clip_skip")) and skipped > most:
        yield "clip_skip", f"clip_skip: {skipped}, but the text encoders have {traits.layers} layers", _most(most)


def _most(layers: int) -> str:
    return f"clip_skip: {layers}" if layers > 0 else "remove clip_skip:"


def _sizes(traits: Traits, given: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in ("width", "height"):
        side, step = given.get(name), traits.step
        if side is not None and side % step:
            below = side // step * step
            near = [f"{name}: {n}" for n in (below, below + step) if n]
            message = f"{name}: {side} is no multiple of {step}, which this {traits.kind.word} model needs"
            yield name, message, listing(near)


def _of_other_kinds(traits: Traits, given: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    word = traits.kind.word
    some = ("clip_skip", "true_cfg_scale", "max_sequence_length", "distilled_guidance_scale", "guidance_scale")
    for name in some:
        if given.get(name) is None or name in traits.kind.fields:
            continue
        kinds = [each.word for each in ARCHITECTURES.values() if name in each.fields]
        where = f": it is a field of {listing(kinds, 'and')}" if kinds else ""
        yield name, f"{name} changes nothing with {word}{where}", f"remove {name}:"


def _guidance(traits: Traits, given: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Fields that need, or exclude, one another."""
    negative, scale = given.get("negative_prompt"), given.get("guidance_scale")
    if scale is not None and not traits.guided:
        yield (
            "guidance_scale",
            "guidance_scale changes nothing with this model: it was made to draw without guidance",
            "remove guidance_scale:",
        )
    if traits.kind.word == "flux":
        true = given.get("true_cfg_scale")
        if negative and (true is None or true <= 1):
            yield "negative_prompt", "with flux, negative_prompt counts only beside true_cfg_scale", "true_cfg_scale: 4"
        elif true is not None and negative is None:
            yield "true_cfg_scale", "true_cfg_scale changes nothing without negative_prompt", "remove true_cfg_scale:"
    elif negative and not traits.negated:
        yield "negative_prompt", "negative_prompt changes nothing with this distilled model", "remove negative_prompt:"
    elif negative and scale is not None and scale <= 1:
        message = f"negative_prompt changes nothing with guidance_scale: {scale:g}"
        yield "negative_prompt", message, "a guidance_scale above 1, or remove negative_prompt:"
