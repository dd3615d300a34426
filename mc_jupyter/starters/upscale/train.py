"""Train the upscaling starter: `python -m mc_jupyter.starters.upscale.train [--out DIR] [--steps N]`."""

from __future__ import annotations

import collections
import itertools
import json
import statistics
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from mc_jupyter.starters import training
from mc_jupyter.starters.upscale.corpus import KINDS, SCALE, psnr, shrunk, stream

FEATURES, LAYERS = 32, 8
SIDE = 144  # of the pictures trained on
KEPT = 70  # pictures at a time that patches are cut from; each step draws a new one, which takes the oldest's place
BATCH, PATCH = 12, 24  # patches a step, and their side in small pixels
MARGIN = 3 * SCALE  # the pixels along a patch's edges, which are judged apart
HELD_OUT = 10_000  # seeds from here on are for judging


class Compact(torch.nn.Module):
    """Real-ESRGAN's SRVGGNetCompact: convolutions at the small size, one pixel shuffle, plus the nearest pixels.

    The names of the weights are its own (https://github.com/xinntao/Real-ESRGAN, `realesrgan/archs/srvgg_arch.py`),
    so that spandrel and others know it by them.
    """

    def __init__(self, features: int = FEATURES, layers: int = LAYERS) -> None:
        super().__init__()
        widths = [3, *[features] * (layers + 1)]
        body: list[torch.nn.Module] = []
        for into, out in itertools.pairwise(widths):
            body += [torch.nn.Conv2d(into, out, 3, padding=1), torch.nn.PReLU(out)]
        self.body = torch.nn.ModuleList([*body, torch.nn.Conv2d(features, 3 * SCALE**2, 3, padding=1)])
        self.begin_as_bicubic()

    def forward(self, small: torch.Tensor) -> torch.Tensor:
        out = small
        for each in self.body:
            out = each(out)
        nearest = torch.nn.functional.interpolate(small, scale_factor=SCALE, mode="nearest")
        return torch.nn.functional.pixel_shuffle(out, SCALE) + nearest

    @torch.no_grad()
    def begin_as_bicubic(self) -> None:
        """Set the weights such that the whole is bicubic interpolation (but at the picture's edges): training goes on.

        The cubic's five taps are three taps on the picture and three on its second differences. So twelve features,
        which PReLU with slope 1 lets pass, carry picture and differences (down, across, both) through to the end.
        """
        convolutions = [each for each in self.body if isinstance(each, torch.nn.Conv2d)]
        for each in self.body:
            if isinstance(each, torch.nn.PReLU):
                each.weight[: 3 * 4] = 1
            elif isinstance(each, torch.nn.Conv2d) and each.bias is not None:
                each.weight[: 3 * 4] = 0
                each.bias.zero_()
        same, differences = torch.tensor([0.0, 1.0, 0.0]), torch.tensor([1.0, -2.0, 1.0])
        taps = torch.tensor([[_cubic(k - (i + 0.5) / SCALE + 0.5) for k in range(-2, 3)] for i in range(SCALE)])
        outer = torch.stack([taps[:, 0], torch.zeros(SCALE), taps[:, 4]], 1)
        inner = taps[:, 1:4] - torch.stack([-2 * outer[:, 0], outer[:, 0] + outer[:, 2], -2 * outer[:, 2]], 1)
        kinds = [(same, inner), (differences, outer)]
        convolutions[-1].weight.normal_(std=1e-4)
        for number, (down, across) in enumerate(itertools.product(kinds, kinds)):
            kernels = torch.einsum("ia,jb->ijab", down[1], across[1]).reshape(SCALE**2, 3, 3)
            if number == 0:
                kernels[:, 1, 1] -= 1  # the nearest pixel, added at the end
            for band in range(3):
                feature = 3 * number + band
                convolutions[0].weight[feature, band] = torch.outer(down[0], across[0])
                for each in convolutions[1:-1]:
                    each.weight[feature, feature, 1, 1] = 1
                convolutions[-1].weight[:, feature] = 0
                convolutions[-1].weight[band * SCALE**2 : (band + 1) * SCALE**2, feature] = kernels


def _cubic(x: float) -> float:
    """The cubic convolution kernel with a = -1/2, as Pillow's BICUBIC has it."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def tensor(image: Image.Image) -> torch.Tensor:
    """A picture as (3, height, width), from 0 to 1."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255


def picture(values: torch.Tensor) -> Image.Image:
    """The picture a tensor of (3, height, width) is."""
    return Image.fromarray((values.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())


def pairs(seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Pictures, small and large; one in five shrunk by plain means of 4 × 4 pixels, a few with a little noise."""
    chance = np.random.default_rng(seed)
    for _, image in stream(seed, SIDE):
        way = Image.Resampling.BOX if chance.random() < 0.2 else Image.Resampling.BICUBIC
        small = tensor(shrunk(image, way))
        if chance.random() < 0.1:
            small = (small + torch.randn_like(small) * chance.uniform(0, 0.015)).clamp(0, 1)
        yield small, tensor(image)


def batches(seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Small patches and the large ones they should become, mirrored and turned at random."""
    chance, drawn = np.random.default_rng(seed + 1), pairs(seed)
    kept = collections.deque(itertools.islice(drawn, KEPT - 1), KEPT)
    while True:
        kept.append(next(drawn))
        patches: list[tuple[torch.Tensor, torch.Tensor]] = []
        for index in chance.integers(0, KEPT, BATCH):
            small, large = kept[int(index)]
            y, x = (int(each) for each in chance.integers(0, small.shape[-1] - PATCH + 1, 2))
            cut = _window(small, y, x, PATCH), _window(large, y * SCALE, x * SCALE, PATCH * SCALE)
            turns, mirror = int(chance.integers(0, 4)), [1] if chance.random() < 0.5 else []
            patches.append((cut[0].rot90(turns, (1, 2)).flip(mirror), cut[1].rot90(turns, (1, 2)).flip(mirror)))
        yield torch.stack([small for small, _ in patches]), torch.stack([large for _, large in patches])


def _window(whole: torch.Tensor, y: int, x: int, side: int) -> torch.Tensor:
    return whole[:, y : y + side, x : x + side]


def judge(model: torch.nn.Module, each: int = 6, seed: int = HELD_OUT) -> dict[str, tuple[float, float]]:
    """The mean PSNR in dB of bicubic and of the model, for every kind of picture, on pictures never trained on."""
    scores: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    for kind, image in itertools.islice(stream(seed), each * len(KINDS)):
        little = shrunk(image)
        bicubic = little.resize(image.size, Image.Resampling.BICUBIC)
        with torch.inference_mode():
            ours = picture(model(tensor(little)[None])[0])
        scores[kind].append((psnr(image, bicubic), psnr(image, ours)))
    return {
        kind: (statistics.fmean(b for b, _ in pairs), statistics.fmean(o for _, o in pairs))
        for kind, pairs in scores.items()
    }


def _decibels(error: torch.Tensor, progress: float) -> torch.Tensor:
    """The mean square error of each patch in dB: else a smooth sky would count for nothing beside a page of text.

    An error below a floor counts little; the floor falls from 30 to 60 dB, so that the finest comes last.
    """
    floor = 10 ** -(3 + 3 * progress)
    return 10 * (error + floor).log10().mean()


def save(model: Compact, out: Path) -> None:
    """The weights as float16 safetensors, and a `config.json` that says what they are."""
    out.mkdir(parents=True, exist_ok=True)
    save_file({name: each.half().contiguous() for name, each in model.state_dict().items()}, out / "model.safetensors")
    (out / "model.safetensors").chmod(0o644)  # safetensors writes 0600, which a wheel would carry along
    config = {"architectures": ["SRVGGNetCompact"], "num_feat": FEATURES, "num_conv": LAYERS, "upscale": SCALE}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def train(out: Path, steps: int, seed: int = 0, resume: Path | None = None) -> float:
    """Draw, train, save every 500 steps; the loss of the last stretch, in dB."""
    torch.manual_seed(seed)
    model = Compact()
    if resume:
        model.load_state_dict(load_file(resume / "model.safetensors"))
    patches = batches(seed)

    def loss_at(step: int) -> torch.Tensor:
        if step and step % 500 == 0:
            save(model, out)
        small, large = next(patches)
        error = (model(small) - large).square().mean(1)
        within = torch.zeros_like(error[0])
        within[MARGIN:-MARGIN, MARGIN:-MARGIN] = 1
        inside = (error * within).sum((1, 2)) / within.sum()
        # At the edges a convolution sees zeroes, which are hard to tell from black: a term of their own, or they would
        # be all that counts where the rest is easy.
        edges = (error * (1 - within)).sum((1, 2)) / (1 - within).sum()
        return 0.8 * _decibels(inside, step / steps) + 0.2 * _decibels(edges, step / steps)

    loss = training.fit(model, loss_at, steps=steps, rate=1e-3, decay=0.0, every=100 if steps > 50 else 5)
    save(model, out)
    return loss


if __name__ == "__main__":
    asked = training.arguments(Path(__file__).parent, default_steps=3_600)
    train(asked.out, asked.steps, asked.seed, asked.resume)
    trained = Compact()
    trained.load_state_dict(load_file(asked.out / "model.safetensors"))
    for kind, (bicubic, ours) in judge(trained).items():
        print(f"{kind:10} bicubic {bicubic:.2f} dB  this {ours:.2f} dB")
