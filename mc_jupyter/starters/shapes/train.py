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
from torch.nn.functional import avg_pool2d, cross_entropy, interpolate, max_pool2d
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from mc_jupyter.starters import training
from mc_jupyter.starters.shapes import corpus
from mc_jupyter.starters.shapes.corpus import Scene

TOKENS, WIDTH, TIME_WIDTH = 32, 64, 8
PICTURES, BATCH, VAE_BATCH, TEXT_BATCH = 16_000, 32, 16, 64
MEMORY = 0.998  # the share of its past that the running mean of the weights keeps at each step
DROPPED = 0.1  # the share of prompts left out, which guidance needs
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
        block_out_channels=(16, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=4,
        norm_num_groups=1,  # few channels: a mean of two of them would take the colour out
        mid_block_add_attention=False,
        sample_size=corpus.SIDE,
    )
    unet = parts.UNet2DConditionModel(
        sample_size=corpus.SIDE // 4,
        block_out_channels=(32, 64, 96),
        down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        attention_head_dim=(1, 2, 3),  # the number of heads, in spite of its name
        norm_num_groups=8,
        use_linear_projection=True,
        resnet_time_scale_shift="scale_shift",
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


def bfloat16() -> torch.autocast:
    """Where the processor knows bfloat16, convolutions take half as long with it."""
    return torch.autocast("cpu", torch.bfloat16)


# --- the text encoders ------------------------------------------------------------------------------------------------


def understood(pipeline: Any, prompts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """The prompts as `StableDiffusionXLPipeline.encode_prompt` has them: per token, and pooled."""
    ids = pipeline.tokenizer(prompts, padding="max_length", truncation=True, return_tensors="pt").input_ids
    one = pipeline.text_encoder(ids, output_hidden_states=True)
    two = pipeline.text_encoder_2(ids, output_hidden_states=True)
    return torch.cat([one.hidden_states[-2], two.hidden_states[-2]], dim=-1), two.text_embeds


def asked_for(scenes: list[Scene]) -> list[torch.Tensor]:
    """The numbers of shapes, colours, backgrounds and sizes."""
    colours, sizes = list(corpus.COLOURS), list(corpus.SIZES)
    rows = [
        (corpus.SHAPES.index(s.shape), colours.index(s.colour), colours.index(s.background), sizes.index(s.size))
        for s in scenes
    ]
    return list(torch.tensor(rows).unbind(1))


def train_text(pipeline: Any, steps: int, seed: int) -> float:
    """Teach both encoders to tell what a prompt asks for, from its tokens and pooled; the heads that tell are dropped.

    The UNet then starts from conditions that are clear, and no gradient need flow through the encoders any more.
    """
    rng, scenes = random.Random(seed), corpus.scenes(seed)
    kinds = (len(corpus.SHAPES), len(corpus.COLOURS), len(corpus.COLOURS), len(corpus.SIZES))
    from_tokens, from_pooled = torch.nn.Linear(2 * WIDTH, sum(kinds)), torch.nn.Linear(WIDTH, sum(kinds))

    def loss_at(_: int) -> torch.Tensor:
        batch = list(itertools.islice(scenes, TEXT_BATCH))
        tokens, pooled = understood(pipeline, [corpus.prompt(each, rng) for each in batch])
        loss = torch.zeros(())
        for told in (from_tokens(tokens.mean(1)), from_pooled(pooled)):
            for kind, right in zip(told.split(kinds, dim=1), asked_for(batch), strict=True):
                loss = loss + cross_entropy(kind, right)
        return loss

    encoders = [pipeline.text_encoder, pipeline.text_encoder_2]
    whole = torch.nn.ModuleList([*encoders, from_tokens, from_pooled])
    return training.fit(whole, loss_at, steps=steps, rate=1.5e-3, every=100 if steps > 50 else 5)


# --- the autoencoder --------------------------------------------------------------------------------------------------


def pixels(scenes: list[Scene], rng: random.Random) -> torch.Tensor:
    """The scenes drawn: (scenes, 3, 64, 64) between -1 and 1."""
    drawn = np.stack([np.asarray(corpus.draw(each, rng)) for each in scenes])
    return torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 127.5 - 1


def unlike(real: torch.Tensor, decoded: torch.Tensor) -> torch.Tensor:
    """How far decoded pictures are off, edges counting five times."""
    high, low = max_pool2d(real, 3, 1, 1), -max_pool2d(-real, 3, 1, 1)
    edges = 1 + 4 * ((high - low).amax(1, keepdim=True) > 0.2)
    off = decoded.float() - real
    return (edges * off.abs()).mean() + off.square().mean()


def train_vae(vae: Any, steps: int, seed: int) -> float:
    """Pictures into latents and back; ends with the scale that makes latents unit size.

    Three of the four channels are held near the mean colours of their patch: such latents are easy to learn to draw.
    """
    scenes, rng = corpus.scenes(seed), random.Random(seed)

    def loss_at(_: int) -> torch.Tensor:
        real = pixels(list(itertools.islice(scenes, VAE_BATCH)), rng)
        with bfloat16():
            latents = vae.encode(real).latent_dist
            decoded = vae.decode(latents.sample()).sample
        held = (latents.mean.float()[:, :3] - avg_pool2d(real, 4)).square().mean()
        loss: torch.Tensor = unlike(real, decoded) + held + 5e-6 * latents.kl().mean()
        return loss

    loss = training.fit(vae, loss_at, steps=steps, rate=2e-3, every=100 if steps > 50 else 5)
    latents = encoded(vae, pixels(list(itertools.islice(scenes, 512)), rng))
    vae.register_to_config(scaling_factor=round(1 / latents.std().item(), 4))
    return loss


def train_decoder(vae: Any, steps: int, seed: int) -> float:
    """The decoder alone learns to make clean pictures of spoiled latents, as the UNet's are; latents stay the same."""
    scenes, rng = corpus.scenes(seed), random.Random(seed)

    def loss_at(_: int) -> torch.Tensor:
        real = pixels(list(itertools.islice(scenes, VAE_BATCH)), rng)
        latents = encoded(vae, real)
        coarse = interpolate(torch.randn(VAE_BATCH, 4, 8, 8), latents.shape[2:], mode="bilinear")
        spoiled = latents + torch.rand(VAE_BATCH, 1, 1, 1) * 0.25 * (torch.randn_like(latents) + coarse)
        with bfloat16():
            return unlike(real, vae.decode(spoiled).sample)

    decoder = torch.nn.ModuleList([vae.post_quant_conv, vae.decoder])
    return training.fit(decoder, loss_at, steps=steps, rate=1.5e-3, every=100 if steps > 50 else 5)


def encoded(vae: Any, real: torch.Tensor) -> torch.Tensor:
    """The latents of pictures, as the VAE has them: not yet scaled."""
    with torch.no_grad():
        return torch.cat([vae.encode(each).latent_dist.mean for each in torch.split(real, 64)])


# --- the UNet ---------------------------------------------------------------------------------------------------------


class ExactAttention:
    """Attention in single precision: in bfloat16 its way back is ten times as slow, the rest of the UNet is faster."""

    def __init__(self) -> None:
        self.joint: Any = parts.models.attention_processor.AttnProcessor2_0()

    def __call__(self, attn: Any, hidden: torch.Tensor, encoder_hidden_states: Any = None, **options: Any) -> Any:
        others = None if encoder_hidden_states is None else encoder_hidden_states.float()
        with torch.autocast("cpu", enabled=False):
            return self.joint(attn, hidden.float(), others, **options)


def prepared(pipeline: Any, count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Latents, and prompts understood per token and pooled, of many scenes: made once, as they stay what they are."""
    rng, make = random.Random(seed), corpus.scenes(seed)
    rows = []
    for size in (min(256, count - at) for at in range(0, count, 256)):
        scenes = list(itertools.islice(make, size))
        latents = encoded(pipeline.vae, pixels(scenes, rng)) * pipeline.vae.config.scaling_factor
        with torch.no_grad():
            tokens, pooled = understood(pipeline, [corpus.prompt(each, rng) for each in scenes])
        rows.append((latents, tokens.bfloat16(), pooled))
    latents, tokens, pooled = (torch.cat(each) for each in zip(*rows, strict=True))
    return latents, tokens, pooled


def train_denoiser(pipeline: Any, steps: int, seed: int, out: Path, rate: float) -> float:
    """The UNet, on latents and prompts made beforehand; it ends as the mean over its past."""
    live, plan = pipeline.unet, pipeline.scheduler
    all_latents, all_tokens, all_pooled = prepared(pipeline, min(PICTURES, BATCH * steps), seed + 1)
    mean = copy.deepcopy(live).requires_grad_(False)
    live.set_attn_processor(ExactAttention())
    sizes = torch.tensor([corpus.SIDE, corpus.SIDE, 0, 0, corpus.SIDE, corpus.SIDE]).repeat(BATCH, 1)
    levels = plan.config.num_train_timesteps

    def keep_mean(step: int) -> None:
        share = min(MEMORY, (step + 1) / (step + 10))
        for kept, now in zip(mean.parameters(), live.parameters(), strict=True):
            kept.lerp_(now.detach(), 1 - share)

    def loss_at(step: int) -> torch.Tensor:
        if step:
            keep_mean(step)
        if step and step % 500 == 0:
            save(pipeline, out, mean)
        chosen = torch.randint(0, len(all_latents), (BATCH,))
        kept = (torch.rand(BATCH) >= DROPPED).float()
        clean, noise = all_latents[chosen], torch.randn(BATCH, *all_latents.shape[1:])
        # one level from each of as many equal stretches: the loss is steadier than with levels from anywhere
        at = ((torch.arange(BATCH) + torch.rand(BATCH)) * (levels / BATCH)).long()
        conditions = {"text_embeds": all_pooled[chosen] * kept[:, None], "time_ids": sizes}
        tokens = all_tokens[chosen].float() * kept[:, None, None]
        with bfloat16():
            found = live(plan.add_noise(clean, noise, at), at, tokens, added_cond_kwargs=conditions).sample.float()
        loss: torch.Tensor = (found - plan.get_velocity(clean, noise, at)).square().mean()
        return loss

    loss = training.fit(live, loss_at, steps=steps, rate=rate, decay=0.01, every=100 if steps > 50 else 5)
    keep_mean(steps)
    live.load_state_dict(mean.state_dict())
    return loss


def save(pipeline: Any, out: Path, unet: Any = None) -> None:
    """Write the folders that `from_pretrained` reads, weights as float16 safetensors; the pipeline stays as it is."""
    components = {**pipeline.components, "unet": unet or pipeline.unet}
    whole = parts.StableDiffusionXLPipeline(**{name: copy.deepcopy(each) for name, each in components.items()})
    whole.to(dtype=torch.float16).save_pretrained(out, max_shard_size="3MB")  # small files, as every starter has them
    for file in out.rglob("*.safetensors"):
        file.chmod(0o644)  # safetensors writes 0600, which a wheel would carry along
    for file in out.rglob("config.json"):  # diffusers notes the folder that a resumed part came from
        kept = {name: value for name, value in json.loads(file.read_text()).items() if name != "_name_or_path"}
        file.write_text(json.dumps(kept, indent=2) + "\n")


def train(out: Path, steps: int, seed: int = 0, resume: Path | None = None) -> float:
    """Train the text encoders, the VAE, then the UNet for `steps` steps; `resume` goes on from a saved UNet."""
    torch.manual_seed(seed)
    if resume:
        pipeline = parts.StableDiffusionXLPipeline.from_pretrained(resume, dtype=torch.float32)
    else:
        pipeline = make_pipeline(make_tokenizer(seed))
        train_text(pipeline, max(1, steps // 10), seed)
        train_vae(pipeline.vae, max(1, steps // 6), seed)
        train_decoder(pipeline.vae, max(1, steps // 10), seed + 2)
        save(pipeline, out)
    for part in (pipeline.text_encoder, pipeline.text_encoder_2, pipeline.vae):
        part.requires_grad_(False).eval()
    loss = train_denoiser(pipeline, steps, seed, out, rate=7e-4 if resume else 2e-3)
    save(pipeline, out)
    return loss


if __name__ == "__main__":
    asked = training.arguments(Path(__file__).parent, default_steps=8_000)
    train(asked.out, asked.steps, asked.seed, asked.resume)
