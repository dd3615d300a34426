"""Small upscalers made here: the real classes of spandrel and diffusers, with random weights, in real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def _seeded() -> Any:
    import torch

    torch.manual_seed(0)
    return torch


def save(state: Any, file: Path, *, under: str | None = None) -> Path:
    """A state as .safetensors or as a pickle, in the latter under a key as Real-ESRGAN's files have it."""
    import torch
    from safetensors.torch import save_file

    if file.suffix == ".safetensors":
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, file)
    else:
        torch.save({under: state} if under else state, file)
    return file


def compact(file: Path, *, features: int = 8, convs: int = 4, scale: int = 4, colours: int = 3) -> Path:
    """Real-ESRGAN's small network."""
    from spandrel.architectures.Compact import Compact

    _seeded()
    made = Compact(num_in_ch=colours, num_out_ch=colours, num_feat=features, num_conv=convs, upscale=scale)
    return save(made.state_dict(), file, under="params")


def rrdb(file: Path, *, filters: int = 8, blocks: int = 2, scale: int = 4, shuffle: int | None = None) -> Path:
    """ESRGAN's network, with the names of its first files."""
    from spandrel.architectures.ESRGAN import ESRGAN

    _seeded()
    # What it shuffles away at first, it makes up for at the end: `scale` is that of its own layers.
    made = ESRGAN(
        in_nc=3 * (shuffle or 1) ** 2, out_nc=3, num_filters=filters, num_blocks=blocks, scale=scale,
        shuffle_factor=shuffle,
    )  # fmt: skip
    return save(made.state_dict(), file, under=None)


def real_esrgan(file: Path, *, filters: int = 8, blocks: int = 2) -> Path:
    """The same network with the names of Real-ESRGAN's files: what `RealESRGAN_x4plus.pth` looks like, but smaller."""
    torch = _seeded()
    state: dict[str, Any] = {}

    def conv(name: str, given: int, made: int) -> None:
        layer = torch.nn.Conv2d(given, made, 3)
        state[f"{name}.weight"], state[f"{name}.bias"] = layer.weight.detach(), layer.bias.detach()

    conv("conv_first", 3, filters)
    for block in range(blocks):
        for dense in (1, 2, 3):
            for k in range(1, 6):
                conv(f"body.{block}.rdb{dense}.conv{k}", filters + 32 * (k - 1), 32 if k < 5 else filters)
    for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
        conv(name, filters, filters)
    conv("conv_last", filters, 3)
    return save(state, file, under="params_ema")


def swinir(file: Path, *, width: int = 12) -> Path:
    """SwinIR for real pictures, ×4, with windows of 8 pixels."""
    from spandrel.architectures.SwinIR import SwinIR

    _seeded()
    made = SwinIR(
        img_size=16, embed_dim=width, depths=[2, 2], num_heads=[2, 2], window_size=8, mlp_ratio=2, upscale=4,
        img_range=1.0, upsampler="nearest+conv", resi_connection="1conv",
    )  # fmt: skip
    return save(made.state_dict(), file, under="params_ema")


def ldsr(folder: Path, *, scheduler: str = "DDIMScheduler") -> Path:
    """Latent diffusion that enlarges, ×4."""
    import diffusers

    _seeded()
    unet = diffusers.UNet2DModel(
        in_channels=6, out_channels=3, sample_size=32, block_out_channels=(16, 32), layers_per_block=1,
        norm_num_groups=8, attention_head_dim=8, down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    vqvae = diffusers.VQModel(
        block_out_channels=(8, 8, 8), down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3, norm_num_groups=4, num_vq_embeddings=32,
    )  # fmt: skip
    pipeline: Any = diffusers.LDMSuperResolutionPipeline(
        vqvae=vqvae, unet=unet, scheduler=getattr(diffusers, scheduler)()
    )
    pipeline.save_pretrained(folder)
    return folder


def picture(width: int, height: int, mode: str = "RGB", seed: int = 0) -> Any:
    """Smooth colours with some noise."""
    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(seed).integers(0, 255, (max(1, height // 6), max(1, width // 6), 3), dtype=np.uint8)
    smooth = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
    return smooth.convert(mode)


def psnr(one: Any, other: Any) -> float:
    """How alike two pictures are, in decibels; infinite where they are the same."""
    import numpy as np

    error = float(((np.asarray(one, np.float64) - np.asarray(other, np.float64)) ** 2).mean())
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))
