"""Steps a second of `image-generation`, with progress and previews, against the pipeline called directly."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import pipelines
from tests.bench.measure import Row, in_turns

ROUNDS = 5
AIM = 0.98
STEPS, SIDE = 16, 512
CELL = """
component:
  type: model
  task: image-generation
  model: {folder}
  num_inference_steps: {steps}
  width: {side}
  height: {side}
  guidance_scale: 5.0
"""


def rows(rounds: int = ROUNDS) -> Iterator[Row]:
    import numpy as np
    import torch
    from diffusers import StableDiffusionXLPipeline

    import mc_jupyter as mc
    from mc_jupyter.drivers._diffusers.loading import quiet
    from mc_jupyter.events import Advance, Preview, Run

    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    heard: list[Any] = []
    with tempfile.TemporaryDirectory() as made, mc.Session() as session, quiet():
        folder = pipelines.sdxl(Path(made), width=96, side=SIDE // 4, channels=(8, 8, 16, 16))
        cell = CELL.format(folder=folder, steps=STEPS, side=SIDE)
        ours = session.load(cell, "ours", overrides={"device": device, "precision": "float32"})
        pipe: Any = StableDiffusionXLPipeline.from_pretrained(folder, dtype=torch.float32).to(device)
        pipe.set_progress_bar_config(disable=True)

        def draw() -> Any:
            return ours("a red fox", seed=1, run=Run(listener=heard.append))

        def direct() -> Any:
            generator = torch.Generator().manual_seed(1)
            asked = {"num_inference_steps": STEPS, "width": SIDE, "height": SIDE, "guidance_scale": 5.0}
            return pipe("a red fox", generator=generator, **asked).images[0]

        assert np.array_equal(np.asarray(draw()), np.asarray(direct()))
        heard.clear()
        times = in_turns(rounds, ours=draw, direct=direct)
    assert sum(isinstance(event, Advance) for event in heard) == STEPS * rounds
    shown = sum(isinstance(event, Preview) for event in heard) / rounds
    ratio = times.ratio("direct", "ours")
    size = sum(p.numel() for p in pipe.unet.parameters()) / 1e6
    rates = {name: f"{STEPS / times.median(name):.1f} steps/s" for name in ("ours", "direct")}
    yield Row(
        f"an image of {SIDE} × {SIDE} in {STEPS} steps by an SDXL of {size:.0f} M parameters, float32 on {device}, "
        f"with progress and {shown:.1f} previews; peer: `StableDiffusionXLPipeline`",
        rates["ours"], rates["direct"], f"{ratio:.2f}×", f"≥ {AIM}×", ratio >= AIM,
    )  # fmt: skip
