"""The kinds of diffusion model, and what one checkpoint of a kind can do: read from its small files, before weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import lcm
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import PlanError, WeightsError
from mc_jupyter.weights.checkpoint import read_json
from mc_jupyter.words import listing

if TYPE_CHECKING:
    from mc_jupyter.weights import Checkpoint


@dataclass(frozen=True, slots=True)
class Architecture:
    """One kind: its word in YAML, its class in diffusers, which part draws, and how it draws when nothing is said.

    `fields` are those of the task's that not every kind has; `lora` are the parts that adapters may change.
    """

    word: str
    pipeline: str
    denoiser: str
    steps: int
    guidance: float
    fields: tuple[str, ...] = ()
    lora: tuple[str, ...] = ()


ARCHITECTURES = {
    each.pipeline: each
    for each in (
        Architecture(
            "sdxl", "StableDiffusionXLPipeline", "unet", 30, 7.5, ("negative_prompt", "guidance_scale", "clip_skip"),
            ("unet", "text_encoder", "text_encoder_2"),
        ),
        Architecture(
            "flux", "FluxPipeline", "transformer", 28, 3.5,
            ("negative_prompt", "guidance_scale", "true_cfg_scale", "max_sequence_length"),
            ("transformer", "text_encoder"),
        ),
        Architecture("hunyuan", "HunyuanDiTPipeline", "transformer", 50, 5.0, ("negative_prompt", "guidance_scale")),
    )
}  # fmt: skip
_WORDS = {each.word: each for each in ARCHITECTURES.values()}
_LIBRARIES = ("diffusers", "transformers", "stable_diffusion", "flux", "hunyuandit")
_FLUX_LATENTS = 128  # FluxPipeline.default_sample_size: its own size is no part of its files


@dataclass(frozen=True, slots=True)
class Traits:
    """What one checkpoint can do. Sizes are in pixels; both sides are multiples of `step`.

    `factor` is how many pixels a side one latent makes; `guided` whether guidance_scale changes anything; `negated`
    whether guidance_scale alone lets negative_prompt count; `layers` are those of the text encoder with the fewest.
    """

    kind: Architecture
    step: int
    width: int
    height: int
    factor: int
    guided: bool = True
    negated: bool = True
    layers: int = 1

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
    said = checkpoint.config.get("_class_name")
    if not (checkpoint.folder / "model_index.json").is_file() or said is None:
        raise WeightsError(
            f"{checkpoint.folder} holds no diffusers pipeline: there is no model_index.json",
            fix="a single file or a bare denoiser becomes one with diffusers: "
            "`StableDiffusionXLPipeline.from_single_file(path).save_pretrained(folder)`, then `model: folder`",
        )
    known = listing(list(_WORDS), "and")
    if not isinstance(said, str) or said not in ARCHITECTURES:
        raise PlanError(f"this model is a {said}, and image-generation knows {known}", fix="use a model of these kinds")
    kind = ARCHITECTURES[said]
    if asked not in ("auto", kind.word):
        raise PlanError(f"this model is {kind.word} ({said}), not {asked}", fix=f"architecture: {kind.word}")
    _refuse_foreign(checkpoint.config)
    for part in _parts(checkpoint.config):
        if not any((checkpoint.folder / part).glob("*")):
            raise WeightsError(f"{checkpoint.folder} is not whole: it has no {part}", fix="fetch it again")
    return kind


def _parts(index: Mapping[str, Any]) -> Iterator[str]:
    """The folders that a pipeline's index names."""
    return (name for name, part in index.items() if isinstance(part, list) and len(part) == 2 and part[0] is not None)


def _refuse_foreign(index: Mapping[str, Any]) -> None:
    """PlanError when a part is a class of the repository's own: loading it would run the repository's code."""
    for name in _parts(index):
        library, made_as = index[name]
        if library not in _LIBRARIES:
            raise PlanError(
                f"{name} of this model is {made_as} of {library}, which diffusers does not have built in; "
                "this version never runs a repository's code",
                fix="use a model whose parts are all of diffusers and transformers",
            )


def traits_of(checkpoint: Checkpoint, asked: str = "auto") -> Traits:
    """What a checkpoint can do. PlanError or WeightsError where it cannot be drawn with."""
    kind = architecture_of(checkpoint, asked)
    try:
        return _traits(kind, checkpoint.folder)
    except (TypeError, ValueError, AttributeError) as error:
        raise WeightsError(
            f"{checkpoint.folder} does not say what it can do: its parts' config.json are not diffusers' own ({error})",
            fix="fetch it again",
        ) from None


def _traits(kind: Architecture, folder: Path) -> Traits:
    denoiser = _config(folder, kind.denoiser)
    factor = 2 ** (len(_config(folder, "vae").get("block_out_channels", (0,) * 4)) - 1)
    match kind.word:
        case "sdxl":
            width, height = _sides(denoiser.get("sample_size") or 128, factor)
            layers = [_config(folder, part).get("num_hidden_layers", 12) for part in ("text_encoder", "text_encoder_2")]
            distilled = denoiser.get("time_cond_proj_dim") is not None  # guidance is one of its inputs
            # Whatever its VAE makes of a latent, diffusers (0.42) checks for multiples of 8.
            return Traits(kind, lcm(8, factor), width, height, factor, negated=not distilled, layers=min(layers))
        case "flux":
            side = _FLUX_LATENTS * factor
            guided = bool(denoiser.get("guidance_embeds"))
            return Traits(kind, 2 * factor, side, side, factor, guided, negated=False)  # two by two are one token
        case _:
            width, height = _sides(denoiser.get("sample_size") or 128, factor)
            # diffusers (0.42) rounds down to multiples of 16, and takes a VAE of factor 8 for granted.
            return Traits(kind, lcm(16, factor * int(denoiser.get("patch_size") or 2)), width, height, factor)


def _config(folder: Path, part: str) -> dict[str, Any]:
    file = folder / part / "config.json"
    if not file.is_file():
        raise WeightsError(f"{folder} is not whole: {part}/config.json is missing", fix="fetch it again")
    return read_json(file)


def _sides(latents: Any, factor: int) -> tuple[int, int]:
    """(width, height) in pixels of a config's `sample_size`: a number, or (height, width)."""
    height, width = (latents, latents) if isinstance(latents, int) else tuple(latents)
    return int(width) * factor, int(height) * factor


def unfit(traits: Traits, given: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What of a call's fields these files cannot do: (field, what is wrong, what to paste).

    `given` holds the fields that were given a value, expressions left out.
    """
    yield from _sizes(traits, given)
    yield from _of_other_kinds(traits, given)
    yield from _guidance(traits, given)
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
