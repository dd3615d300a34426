"""Small captioning models made here, with random weights, of the real classes: saved as their repositories hold them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image

from tests.models import byte_tokenizer, word_tokenizer

SIDE = 32  # pixels of a picture's side as the models see it


def blip(folder: Path, *, processor: bool = True, **text: Any) -> Path:
    """A BLIP of 150 000 parameters; its text ends with [SEP] and begins with a token beyond the tokenizer's words."""
    import torch
    from transformers import BlipConfig, BlipForConditionalGeneration, BlipImageProcessor, BlipProcessor

    torch.manual_seed(0)
    tokenizer = word_tokenizer()
    sizes = {
        "vocab_size": len(tokenizer) + 2, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "max_position_embeddings": 64, "encoder_hidden_size": 64,
        "bos_token_id": len(tokenizer), "eos_token_id": 2, "pad_token_id": tokenizer.pad_token_id,
        "sep_token_id": tokenizer.sep_token_id, "initializer_range": 0.3,
    }  # fmt: skip
    config = BlipConfig(text_config={**sizes, **text}, vision_config={**_vision(), "initializer_range": 0.3})
    BlipForConditionalGeneration(config).save_pretrained(folder)
    images = BlipImageProcessor(size={"height": SIDE, "width": SIDE})
    BlipProcessor(images, tokenizer).save_pretrained(folder)
    if not processor:
        _without_processor(folder)
    return folder


def git(folder: Path) -> Path:
    """A GIT: one decoder reads picture and text alike."""
    import torch
    from transformers import CLIPImageProcessor, GitConfig, GitForCausalLM, GitProcessor

    torch.manual_seed(0)
    tokenizer = word_tokenizer()
    config = GitConfig(
        vision_config={**_vision(), "initializer_range": 0.3}, vocab_size=len(tokenizer), hidden_size=64,
        intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64,
        bos_token_id=tokenizer.cls_token_id, eos_token_id=tokenizer.sep_token_id, pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.3,
    )  # fmt: skip
    GitForCausalLM(config).save_pretrained(folder)
    images = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    GitProcessor(images, tokenizer).save_pretrained(folder)
    return folder


def vit_gpt2(folder: Path) -> Path:
    """A ViT whose picture a GPT-2 describes, with the older files that such repositories have."""
    import torch
    from transformers import GPT2Config, VisionEncoderDecoderConfig, VisionEncoderDecoderModel, ViTConfig

    torch.manual_seed(0)
    tokenizer = byte_tokenizer()
    eyes = ViTConfig(**_vision(), initializer_range=0.3)
    words = GPT2Config(
        vocab_size=len(tokenizer), n_embd=64, n_layer=2, n_head=4, n_positions=64, add_cross_attention=True,
        is_decoder=True, initializer_range=0.3, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(eyes, words)
    # GPT-2 has one special token, which begins, ends and fills.
    config.decoder_start_token_id = config.pad_token_id = config.eos_token_id = tokenizer.eos_token_id
    VisionEncoderDecoderModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(
        json.dumps({
            "do_normalize": True, "do_resize": True, "feature_extractor_type": "ViTFeatureExtractor",
            "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 2, "size": SIDE,
        })
    )  # fmt: skip
    return folder


def blip2(folder: Path, *, decoder: str = "opt") -> Path:
    """A BLIP-2 over a language model that only decodes (OPT), or over one with an encoder (T5)."""
    import torch
    from transformers import Blip2Config, Blip2ForConditionalGeneration, Blip2Processor, BlipImageProcessor

    torch.manual_seed(0)
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    words = {
        "opt": {
            "model_type": "opt", "hidden_size": 64, "word_embed_proj_dim": 64, "ffn_dim": 128, "num_hidden_layers": 2,
            "num_attention_heads": 4, "max_position_embeddings": 64, "init_std": 0.3,
            "bos_token_id": tokenizer.bos_token_id,
        },
        "t5": {
            "model_type": "t5", "d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4,
            "initializer_factor": 3.0, "decoder_start_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.bos_token_id,
        },
    }[decoder]  # fmt: skip
    ids = {
        "vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id,
    }  # fmt: skip
    queries = {
        "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
        "vocab_size": 32, "initializer_range": 0.3,
    }  # fmt: skip
    config = Blip2Config(
        vision_config={**_vision(), "initializer_range": 0.3}, qformer_config=queries, text_config={**words, **ids},
        num_query_tokens=4, image_token_index=tokenizer.convert_tokens_to_ids("<image>"), initializer_range=0.3,
    )  # fmt: skip
    model = Blip2ForConditionalGeneration(config)
    model.query_tokens.data.normal_()
    model.save_pretrained(folder)
    images = BlipImageProcessor(size={"height": SIDE, "width": SIDE})
    Blip2Processor(images, tokenizer, num_query_tokens=4).save_pretrained(folder)
    return folder


def donut(folder: Path) -> Path:
    """A Donut: its prompt `<s_menu>` is one token, that of a task."""
    import torch
    from transformers import (
        DonutImageProcessor,
        DonutSwinConfig,
        MBartConfig,
        VisionEncoderDecoderConfig,
        VisionEncoderDecoderModel,
    )

    torch.manual_seed(0)
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<s_menu>"]})
    eyes = DonutSwinConfig(
        image_size=[64, 32], patch_size=4, embed_dim=32, depths=[1, 1], num_heads=[2, 2], window_size=4,
        initializer_range=0.3,
    )  # fmt: skip
    words = MBartConfig(
        vocab_size=len(tokenizer), d_model=64, decoder_layers=2, decoder_attention_heads=4, decoder_ffn_dim=128,
        max_position_embeddings=64, init_std=0.3, is_decoder=True, add_cross_attention=True,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(eyes, words)
    config.decoder_start_token_id, config.pad_token_id = tokenizer.bos_token_id, tokenizer.pad_token_id
    config.eos_token_id = tokenizer.eos_token_id
    VisionEncoderDecoderModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    DonutImageProcessor(size={"height": 64, "width": 32}).save_pretrained(folder)
    return folder


def pix2struct(folder: Path) -> Path:
    """A Pix2Struct: patches of a picture in its own shape."""
    import torch
    from transformers import (
        Pix2StructConfig,
        Pix2StructForConditionalGeneration,
        Pix2StructImageProcessor,
        Pix2StructProcessor,
    )

    torch.manual_seed(0)
    tokenizer = byte_tokenizer()
    config = Pix2StructConfig(
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4,
            "decoder_start_token_id": tokenizer.pad_token_id, "pad_token_id": tokenizer.pad_token_id,
            "eos_token_id": tokenizer.eos_token_id,
        },
        vision_config={
            "hidden_size": 64, "patch_embed_hidden_size": 8 * 8 * 3, "d_ff": 128, "d_kv": 16, "num_hidden_layers": 2,
            "num_attention_heads": 4, "seq_len": 64,
        },
    )  # fmt: skip
    Pix2StructForConditionalGeneration(config).save_pretrained(folder)
    images = Pix2StructImageProcessor(patch_size={"height": 8, "width": 8}, max_patches=16)
    Pix2StructProcessor(images, tokenizer).save_pretrained(folder)
    return folder


def _vision() -> dict[str, Any]:
    return {
        "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
        "image_size": SIDE, "patch_size": 8,
    }  # fmt: skip


def _without_processor(folder: Path) -> None:
    for name in ("preprocessor_config.json", "processor_config.json"):
        (folder / name).unlink(missing_ok=True)


def pictures(count: int = 4) -> list[Image.Image]:
    """Pictures that differ, of several sizes: a coloured bar on another colour."""
    colours = ("red", "blue", "green", "yellow", "white", "black")
    found = []
    for i in range(count):
        picture = Image.new("RGB", (40 + 8 * i, 56 - 4 * i), colours[i % 6])
        picture.paste(colours[(i + 1) % 6], (4 + 5 * i, 6, 20 + 5 * i, 30))
        found.append(picture)
    return found
