"""Draw an image from a description."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mc_jupyter.language.fields import Bound, Closed, Seed, Spelled
from mc_jupyter.language.kinds import TEXT, Takes
from mc_jupyter.tasks import Task, TaskAction

# Every model wants multiples of 8, most of them of more: the driver knows which.
Side = Annotated[int, Field(ge=8, le=16384)]
Scale = Annotated[float, Field(ge=0, le=50)]

_GUIDANCE = "guidance_scale: is its name here, and with flux true_cfg_scale: beside negative_prompt:"
_SAMPLER = "remove it: the model is drawn by the scheduler that its files name"
_FROM_TEXT = "remove it: pictures are drawn from the description alone"
_ENLARGED = "remove it: a component of task: image-upscale enlarges the picture"
_SIDES = "width: and height:, in pixels"
_ONE_NOISE = "remove it: the noise is drawn from seed: alone"
_ADAPTER = "peft_adapters: [{model: …, weight: 0.8}]"
_NOT_HERE = "remove it: nothing here does that"


def _each(words: str, ours: str) -> dict[str, str]:
    return dict.fromkeys(words.split(), ours)


_ELSEWHERE = {
    **_each("cfg cfg_scale scale guidance", _GUIDANCE),
    **_each("distilled_cfg_scale flux_guidance", "guidance_scale: is its name here, with flux"),
    **_each("sampler sampler_name sampler_index scheduler schedule_type sigmas timesteps shift max_shift", _SAMPLER),
    **_each("base_shift karras use_karras_sigmas eta ddim_eta s_noise s_churn s_tmin s_tmax ensd discard", _SAMPLER),
    **_each("num_steps n_steps sampling_steps ddim_steps", "num_inference_steps: is its name here"),
    **_each("negative neg_prompt negative_text", "negative_prompt: is its name here"),
    **_each("positive positive_prompt description caption", "prompt: is its name here"),
    **_each("noise_seed random_seed manual_seed generator", "seed: is its name here"),
    **_each("subseed subseed_strength variation_seed variation_strength variation_amount", _ONE_NOISE),
    **_each("seed_resize_from_w seed_resize_from_h seed_resize seed_resize_from", _ONE_NOISE),
    **_each("size resolution image_size aspect_ratio original_size target_size", _SIDES),
    **_each("image_width w", "width: is its name here"),
    **_each("image_height h", "height: is its name here"),
    **_each("n n_iter batch_count num_outputs n_samples num_samples", "num_images: is its name here"),
    **_each("denoising_strength denoise strength init_image init_images image image_url mask mask_image", _FROM_TEXT),
    **_each("control_image controlnet ip_adapter_image ip_adapter", _FROM_TEXT),
    **_each("enable_hr hr_scale hr_upscaler hires hires_fix hires_upscale hires_steps hires_upscaler", _ENLARGED),
    **_each("lora_scale lora_weights lora_weight cross_attention_kwargs", _ADAPTER),
    **_each("clip_stop_at_last_layers", "clip_skip: counts from the last but one: 2 there is nothing here, 3 is 1"),
    **_each("prompt_2 negative_prompt_2 prompt_3", "remove it: every text encoder reads the same description"),
    **_each("tiling seamless restore_faces face_restoration styles style refiner refiner_switch_at", _NOT_HERE),
    **_each("denoising_end denoising_start guidance_rescale cfg_rescale rescale_cfg user quality", _NOT_HERE),
    **_each("output_type response_format output_format", "output: ${result as image/jpeg}"),
}
"""Words of AUTOMATIC1111's, ComfyUI, InvokeAI, diffusers and OpenAI's."""


class ImageGeneration(Task):
    """Draw an image from a description."""

    head = "text-to-image"
    input = "prompt"
    tags = ("text-to-image",)
    pictures = True
    result = object

    class Settings(Closed):
        """Which kind of diffusion model it is."""

        family: Annotated[Literal["auto", "flux", "sdxl", "hunyuan", "hunyuan-image"], Spelled("architecture")] = Field(
            "auto", description="Kind of model; auto reads it from the checkpoint."
        )

    class Action(TaskAction):
        """What to draw, and how."""

        elsewhere = _ELSEWHERE

        prompt: Annotated[Bound[str | list[str]], Spelled("text"), Takes(TEXT, "prompt", "text")] = Field(
            description="What to draw, or a list."
        )
        negative_prompt: Bound[str] | None = Field(
            None, description="What to keep out of the picture (flux: together with true_cfg_scale)."
        )
        width: Bound[Side] | None = Field(None, description="Width in pixels; default: what the model was trained for.")
        height: Bound[Side] | None = Field(
            None, description="Height in pixels; default: what the model was trained for."
        )
        num_inference_steps: Annotated[
            Bound[Annotated[int, Field(ge=1, le=1000)]] | None, Spelled("inference_steps", "steps")
        ] = Field(None, description="Denoising steps (default: sdxl 30, flux 28, flux schnell 4, hunyuan 50).")
        guidance_scale: Bound[Scale] | None = Field(
            None, description="How closely to follow the description (default: sdxl 7.5, flux 3.5, hunyuan 5)."
        )
        true_cfg_scale: Bound[Scale] | None = Field(
            None, description="How far to keep from negative_prompt (flux); above 1, each step takes twice as long."
        )
        distilled_guidance_scale: Bound[Scale] | None = Field(
            None, description="How closely to follow the description (hunyuan-image's distilled models; default: 3.25)."
        )
        clip_skip: Bound[Annotated[int, Field(ge=1, le=64)]] | None = Field(
            None,
            description="How many more of the text encoders' layers to leave out, besides the last, which sdxl always "
            "leaves out: 1 is clip skip 3 of programs that count it too.",
        )
        max_sequence_length: Bound[Annotated[int, Field(ge=1, le=512)]] | None = Field(
            None, description="Most tokens of the description (flux; default: 512, schnell 256)."
        )
        num_images_per_prompt: Annotated[
            Bound[Annotated[int, Field(ge=1, le=64)]], Spelled("num_return_images", "num_images")
        ] = Field(1, description="How many images for each description.")
        seed: Bound[Seed] | None = Field(
            None, description="Makes drawing repeatable; image k of a call has seed + k. Default: drawn, and recorded."
        )
        method: Bound[Literal["generate"]] = Field("generate", description="Draw from the description alone.")
        batch_size: Bound[Annotated[int, Field(ge=1, le=64)]] | None = Field(
            None,
            description="How many images are drawn at once (default: 1, so that an image is the same, bit for bit, "
            "whatever is drawn beside it).",
        )
