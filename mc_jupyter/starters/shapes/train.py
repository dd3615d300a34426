"""Train the shapes starter: `python -m mc_jupyter.starters.shapes.train [--out DIR] [--steps N]`."""

from __future__ import annotations

import copy
import itertools
import json
import random
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch.nn.functional import max_pool2d
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from mc_jupyter.starters import training
from mc_jupyter.starters.shapes import corpus

TOKENS, WIDTH, TIME_WIDTH = 32, 64, 8
PICTURES, BATCH, VAE_BATCH = 8_000, 32, 8
MEMORY = 0.995  # the share of its past that the running mean of the weights keeps at each step
parts: Any = diffusers  # its classes are untyped
START, END = "<|startoftext|>", "<|endoftext|>"


def make_tokenizer(seed: int) -> CLIPTokenizer:
    """CLIP's byte-pair encoding with merges learned from the prompts: each of their words is one token."""
    core = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    core.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    trainer = trainers.BpeTrainer(
        vocab_size=900, min_frequency=20, end_of_word_suffix="</w>", show_progress=False, special_tokens=[]
    )
    rng = random.Random(seed)
    prompts = (corpus.prompt(each, rng) for each in itertools.islice(corpus.scenes(seed), 4_000))
    core.train_from_iterator(prompts, trainer)
    merges = [(one, two) for one, two in json.loads(core.to_str())["model"]["merges"]]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = [*letters, *(f"{letter}</w>" for letter in letters), *(one + two for one, two in merges), START, END]
    return CLIPTokenizer(
        vocab={name: index for index, name in enumerate(dict.fromkeys(names))}, merges=merges, model_max_length=TOKENS
    )


def make_pipeline(tokenizer: CLIPTokenizer) -> Any:
    """Stable Diffusion XL with every part made small: 64 pixels a side, 16 by 16 latents of 4 channels."""
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=3 * WIDTH,
        projection_dim=WIDTH,
        num_hidden_layers=3,  # the pipeline reads the last but one
        num_attention_heads=4,
        max_position_embeddings=TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    vae = parts.AutoencoderKL(
        block_out_channels=(8, 16, 32),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=4,
        norm_num_groups=1,  # few channels: a mean of two of them would take the colour out
        sample_size=corpus.SIDE,
    )
    unet = parts.UNet2DConditionModel(
        sample_size=corpus.SIDE // 4,
        block_out_channels=(32, 48, 72),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        attention_head_dim=(1, 2, 3),  # the number of heads, in spite of its name
        norm_num_groups=8,
        use_linear_projection=True,
        cross_attention_dim=2 * WIDTH,
        addition_embed_type="text_time",
        addition_time_embed_dim=TIME_WIDTH,
        projection_class_embeddings_input_dim=6 * TIME_WIDTH + WIDTH,
    )
    # Colours fill whole pictures here, so the last step must hold no trace of the picture: https://arxiv.org/abs/2305.08891
    scheduler = parts.DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )
    begin_as_a_straight_line(vae)
    begin_as_a_straight_line(unet)
    return parts.StableDiffusionXLPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(text),
        text_encoder_2=CLIPTextModelWithProjection(text),
        tokenizer=tokenizer,
        tokenizer_2=copy.deepcopy(tokenizer),
        unet=unet,
        scheduler=scheduler,
        add_watermarker=False,
    )


def begin_as_a_straight_line(part: torch.nn.Module) -> None:
    """Silence the end of every residual branch, so that training begins from a plain pyramid: far faster here."""
    for name, weight in part.named_parameters():
        if any(end in name for end in ("conv2.", "to_out.", "ff.net.2.")):
            torch.nn.init.zeros_(weight)


def pixels(scenes: list[corpus.Scene], rng: random.Random) -> torch.Tensor:
    """The scenes drawn: (scenes, 3, 64, 64) between -1 and 1."""
    drawn = np.stack([np.asarray(corpus.draw(each, rng)) for each in scenes])
    return torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 127.5 - 1


def train_vae(vae: Any, steps: int, seed: int) -> float:
    """Pictures into latents and back, edges counting five times; ends with the scale that makes latents unit size."""
    loss = fit_vae(vae, vae, steps, seed)
    latents = encoded(vae, pixels(list(itertools.islice(corpus.scenes(seed), 512)), random.Random(seed)))
    vae.register_to_config(scaling_factor=round(1 / latents.std().item(), 4))
    return loss


def sharpen(vae: Any, steps: int, seed: int) -> float:
    """Train the decoder alone: the latents stay what they are, so this can run while the UNet learns them."""
    return fit_vae(vae, torch.nn.ModuleList([vae.post_quant_conv, vae.decoder]), steps, seed)


def fit_vae(vae: Any, trained: torch.nn.Module, steps: int, seed: int) -> float:
    """Train all of a VAE or a part of it; the loss of the last stretch."""
    vae.requires_grad_(False)
    trained.requires_grad_(True)
    scenes, rng = corpus.scenes(seed), random.Random(seed)

    def loss_at(_: int) -> torch.Tensor:
        real = pixels(list(itertools.islice(scenes, VAE_BATCH)), rng)
        high, low = max_pool2d(real, 3, 1, 1), -max_pool2d(-real, 3, 1, 1)
        edges = 1 + 4 * ((high - low).amax(1, keepdim=True) > 0.2)
        latents = vae.encode(real).latent_dist
        off = vae.decode(latents.sample()).sample - real
        loss: torch.Tensor = (edges * off.abs()).mean() + off.square().mean() + 5e-6 * latents.kl().mean()
        return loss

    return training.fit(trained, loss_at, steps=steps, rate=1.2e-3, every=100 if steps > 50 else 5)


def encoded(vae: Any, real: torch.Tensor) -> torch.Tensor:
    """The latents of pictures, as the VAE has them: not yet scaled."""
    with torch.no_grad():
        return torch.cat([vae.encode(each).latent_dist.mean for each in torch.split(real, 64)])


def understood(pipeline: Any, prompts: list[str], dropped: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The prompts as `StableDiffusionXLPipeline.encode_prompt` has them, zeros where dropped: per token, and pooled."""
    ids = pipeline.tokenizer(prompts, padding="max_length", truncation=True, return_tensors="pt").input_ids
    one = pipeline.text_encoder(ids, output_hidden_states=True)
    two = pipeline.text_encoder_2(ids, output_hidden_states=True)
    tokens = torch.cat([one.hidden_states[-2], two.hidden_states[-2]], dim=-1)
    return tokens * ~dropped[:, None, None], two.text_embeds * ~dropped[:, None]


def train_denoiser(pipeline: Any, steps: int, seed: int, out: Path) -> float:
    """The UNet and both text encoders together, on latents made beforehand; they end as the mean over their past."""
    rng, make = random.Random(seed + 1), corpus.scenes(seed + 1)
    scenes = list(itertools.islice(make, min(PICTURES, BATCH * steps)))
    latents = torch.cat(
        [encoded(pipeline.vae, pixels(scenes[at : at + 256], rng)) for at in range(0, len(scenes), 256)]
    )
    latents *= pipeline.vae.config.scaling_factor
    live = torch.nn.ModuleList([pipeline.unet, pipeline.text_encoder, pipeline.text_encoder_2])
    mean = copy.deepcopy(live).requires_grad_(False)
    sizes = torch.tensor([corpus.SIDE, corpus.SIDE, 0, 0, corpus.SIDE, corpus.SIDE]).repeat(BATCH, 1)
    noise_levels = pipeline.scheduler.config.num_train_timesteps

    def keep_mean(step: int) -> None:
        share = min(MEMORY, (step + 1) / (step + 10))
        for kept, now in zip(mean.parameters(), live.parameters(), strict=True):
            kept.lerp_(now.detach(), 1 - share)

    def loss_at(step: int) -> torch.Tensor:
        if step:
            keep_mean(step)
        if step and step % 500 == 0:
            save(with_trained(pipeline, mean), out)
        chosen = rng.choices(range(len(scenes)), k=BATCH)
        prompts = [corpus.prompt(scenes[each], rng) if rng.random() > 0.04 else "" for each in chosen]
        tokens, pooled = understood(pipeline, prompts, torch.rand(BATCH) < 0.08)
        clean = latents[chosen]
        noise, at = torch.randn_like(clean), torch.randint(0, noise_levels, (BATCH,))
        noisy = pipeline.scheduler.add_noise(clean, noise, at)
        wanted = pipeline.scheduler.get_velocity(clean, noise, at)
        conditions = {"text_embeds": pooled, "time_ids": sizes}
        found = pipeline.unet(noisy, at, tokens, added_cond_kwargs=conditions).sample
        loss: torch.Tensor = (found - wanted).square().mean()
        return loss

    loss = training.fit(live, loss_at, steps=steps, rate=1.5e-3, decay=0.01, every=100 if steps > 50 else 5)
    keep_mean(steps)
    live.load_state_dict(mean.state_dict())
    return loss


def with_trained(pipeline: Any, trained: torch.nn.ModuleList) -> Any:
    """The pipeline with another UNet and other text encoders."""
    unet, one, two = trained
    return parts.StableDiffusionXLPipeline(
        **{**pipeline.components, "unet": unet, "text_encoder": one, "text_encoder_2": two}
    )


def save(pipeline: Any, out: Path) -> None:
    """Write the folders that `from_pretrained` reads, weights as float16 safetensors; the pipeline stays as it is."""
    copy.deepcopy(pipeline).to(dtype=torch.float16).save_pretrained(out)
    for file in out.rglob("*.safetensors"):
        file.chmod(0o644)  # safetensors writes 0600, which a wheel would carry along


def train(out: Path, steps: int, seed: int = 0, resume: Path | None = None) -> float:
    """Train the VAE in half as many steps, then its decoder, then all the rest; `resume` goes on from the decoder."""
    torch.manual_seed(seed)
    if resume:
        pipeline = parts.StableDiffusionXLPipeline.from_pretrained(resume, dtype=torch.float32)
    else:
        pipeline = make_pipeline(make_tokenizer(seed))
        train_vae(pipeline.vae, max(1, steps // 2), seed)
    sharpen(pipeline.vae, max(1, steps // 2), seed + 2)
    save(pipeline, out)
    loss = train_denoiser(pipeline, steps, seed, out)
    save(pipeline, out)
    return loss


if __name__ == "__main__":
    asked = training.arguments(Path(__file__).parent, default_steps=6_000)
    train(asked.out, asked.steps, asked.seed, asked.resume)
