"""Small diffusion pipelines made here, with random weights: the real classes, saved and loaded by the ordinary code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.models import CORPUS


def clip_tokenizer(length: int = 77) -> Any:
    """CLIP's byte-pair encoding without merges: every letter is a token."""
    from tokenizers import pre_tokenizers
    from transformers import CLIPTokenizer

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={name: i for i, name in enumerate(names)}, merges=[], model_max_length=length)


def t5_tokenizer() -> Any:
    from transformers import T5Tokenizer

    words = sorted({word for line in CORPUS for word in line.split()})
    letters = [chr(c) for c in range(33, 127)]
    pieces = ["<pad>", "</s>", "<unk>", "▁", *(f"▁{word}" for word in words), *letters]
    return T5Tokenizer(vocab=[(piece, -float(i)) for i, piece in enumerate(dict.fromkeys(pieces))], extra_ids=0)


def bert_tokenizer(length: int = 77) -> Any:
    from tests.models import word_tokenizer

    return word_tokenizer(length)


def _clip(tokenizer: Any, width: int, kind: str = "CLIPTextModel") -> Any:
    import transformers

    config = transformers.CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=2 * width, projection_dim=width,
        num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=tokenizer.model_max_length,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return getattr(transformers, kind)(config).eval()


def _t5(tokenizer: Any, width: int = 32) -> Any:
    from transformers import T5Config, T5EncoderModel

    config = T5Config(
        vocab_size=len(tokenizer), d_model=width, d_kv=8, d_ff=2 * width, num_layers=2, num_heads=4,
        pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    return T5EncoderModel(config).eval()


def vae(channels: tuple[int, ...] = (8, 16), latent: int = 4, groups: int = 4, **config: Any) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=channels, down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels), latent_channels=latent, norm_num_groups=groups,
        **{"sample_size": 64, **config},
    ).eval()  # fmt: skip


def scheduler(name: str = "EulerDiscreteScheduler", **config: Any) -> Any:
    import diffusers

    plain = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    return getattr(diffusers, name)(**(config or plain))


def sdxl(
    folder: Path, *, width: int = 32, plan: Any = None, side: int = 64, channels: tuple[int, ...] = (8, 16), **save: Any
) -> Path:
    """Stable Diffusion XL: pictures of 64 pixels a side; with the VAE's two `channels`, latents of half that."""
    import torch
    from diffusers import StableDiffusionXLPipeline, UNet2DConditionModel

    torch.manual_seed(0)
    tokenizer = clip_tokenizer()
    unet = UNet2DConditionModel(
        block_out_channels=(width, 2 * width), layers_per_block=1, sample_size=side // 2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 4), use_linear_projection=True, norm_num_groups=8, cross_attention_dim=64,
        addition_embed_type="text_time", addition_time_embed_dim=8, transformer_layers_per_block=1,
        projection_class_embeddings_input_dim=6 * 8 + 32,
    ).eval()  # fmt: skip
    StableDiffusionXLPipeline(
        vae=vae(channels), text_encoder=_clip(tokenizer, 32), text_encoder_2=_clip(tokenizer, 32, "CLIPTextModelWithProjection"),
        tokenizer=tokenizer, tokenizer_2=clip_tokenizer(), unet=unet, scheduler=plan or scheduler(),
        add_watermarker=False,
    ).save_pretrained(folder, **save)  # fmt: skip
    return folder


def with_scheduler(folder: Path, base: Path, name: str) -> Path:
    """The same pipeline with another scheduler."""
    shutil.copytree(base, folder)
    scheduler(name).save_pretrained(folder / "scheduler")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "scheduler": ["diffusers", name]}))
    return folder


def flux(folder: Path, *, guidance: bool = True, channels: tuple[int, ...] = (8, 16), **save: Any) -> Path:
    """FLUX: with the VAE's two `channels`, pictures of 256 pixels a side, latents of half that, packed two by two.

    A VAE of four channels has no attention: of 1024 × 1024 pixels, it would take most of a test's time.
    """
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

    torch.manual_seed(0)
    tokenizer, second = clip_tokenizer(), t5_tokenizer()
    transformer = FluxTransformer2DModel(
        patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=4,
        joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=(4, 4, 8), guidance_embeds=guidance,
    ).eval()  # fmt: skip
    made = FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        vae=vae(channels, mid_block_add_attention=len(channels) < 4, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.06, scaling_factor=1.5),
        text_encoder=_clip(tokenizer, 32), tokenizer=tokenizer, text_encoder_2=_t5(second), tokenizer_2=second,
        transformer=transformer,
    )  # fmt: skip
    made.save_pretrained(folder, **save)
    return folder


def hunyuan(folder: Path, *, safety: bool = False, **save: Any) -> Path:
    """HunyuanDiT: pictures of 64 pixels a side. Its VAE must make eight pixels of one latent."""
    import torch
    from diffusers import DDPMScheduler, HunyuanDiT2DModel, HunyuanDiTPipeline
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    tokenizer, second = bert_tokenizer(), t5_tokenizer()
    transformer = HunyuanDiT2DModel(
        sample_size=8, num_layers=2, patch_size=2, attention_head_dim=8, num_attention_heads=4, in_channels=4,
        cross_attention_dim=32, cross_attention_dim_t5=32, pooled_projection_dim=16, hidden_size=32,
        activation_fn="gelu-approximate",
    ).eval()  # fmt: skip
    encoder = BertModel(
        BertConfig(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=4, max_position_embeddings=77,
        )
    ).eval()  # fmt: skip
    checker, extractor = _safety() if safety else (None, None)
    made = HunyuanDiTPipeline(
        vae=vae((8, 8, 8, 8)), text_encoder=encoder, tokenizer=tokenizer, text_encoder_2=_t5(second),
        tokenizer_2=second, transformer=transformer, scheduler=DDPMScheduler(), safety_checker=checker,
        feature_extractor=extractor, requires_safety_checker=safety,
    )  # fmt: skip
    made.save_pretrained(folder, **save)
    return folder


def _safety() -> tuple[Any, Any]:
    """A filter that finds fault with everything: its thresholds lie below every likeness there can be."""
    import torch
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**sizes, "vocab_size": 100}, projection_dim=8,
        vision_config={**sizes, "image_size": 32, "patch_size": 16, "projection_dim": 8},
    )  # fmt: skip
    checker = StableDiffusionSafetyChecker(config).eval()
    checker.concept_embeds_weights.data = torch.full_like(checker.concept_embeds_weights, -2.0)
    return checker, CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})


def lora(
    folder: Path, base: Path, *, rank: int = 4, alpha: float | None = None, seed: int = 1, size: float = 0.2,
    targets: tuple[str, ...] = ("to_q", "to_v"), encoders: bool = False, peft: bool = False, metadata: bool = False,
) -> Path:  # fmt: skip
    """An adapter over the pipeline's denoiser as diffusers saves it, or PEFT (`peft`); also over its text encoder.

    Diffusers' own file says nothing of alpha unless with `metadata`: it then means the rank.
    """
    import torch
    from diffusers import DiffusionPipeline
    from peft import LoraConfig, get_peft_model
    from peft.utils import get_peft_model_state_dict

    pipe = DiffusionPipeline.from_pretrained(base)
    part = "unet" if hasattr(pipe, "unet") else "transformer"
    config = LoraConfig(r=rank, lora_alpha=rank if alpha is None else alpha, target_modules=list(targets))
    generator = torch.Generator().manual_seed(seed)

    def shaken(model: Any) -> Any:
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.data = torch.randn(parameter.shape, generator=generator) * size
        return model

    if peft:
        shaken(get_peft_model(getattr(pipe, part), config)).save_pretrained(folder)
        return folder
    getattr(pipe, part).add_adapter(config, "made")
    layers = {part: get_peft_model_state_dict(shaken(getattr(pipe, part)), adapter_name="made")}
    own = LoraConfig(r=rank, lora_alpha=rank, target_modules=["q_proj", "v_proj"]) if encoders else None
    if own:
        pipe.text_encoder.add_adapter(own, "made")
        layers["text_encoder"] = get_peft_model_state_dict(shaken(pipe.text_encoder), adapter_name="made")
    given = {f"{name}_lora_layers": state for name, state in layers.items()}
    if metadata:
        given[f"{part}_lora_adapter_metadata"] = config.to_dict()
        given |= {"text_encoder_lora_adapter_metadata": own.to_dict()} if own else {}
    type(pipe).save_lora_weights(folder, **given)
    return folder
