"""A 2-Mpx photo enlarged four times by `image-upscale` and by bare spandrel, untiled: speed, and memory at the peak."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from tests.bench.measure import Row

SIZE = (1632, 1224)
ROUNDS = 3
CELL = "component: {type: model, task: image-upscale, model: 'starter:upscale', device: cpu}"


def rows(rounds: int = ROUNDS) -> Iterator[Row]:
    """Each measurement is a process of its own: a peak is one of the whole process, and is never lowered again."""
    found: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}
    for turn in range(rounds):
        for name in sorted(found, reverse=turn % 2 == 1):
            found[name].append(_measured(name))
    seconds = {name: statistics.median(f["seconds"] for f in each) for name, each in found.items()}
    ratio = statistics.median(p["seconds"] / o["seconds"] for o, p in zip(found["ours"], found["peer"], strict=True))
    pixels = SIZE[0] * SIZE[1] / 1e6
    yield Row(
        f"{pixels:.1f} Mpx in, {16 * pixels:.0f} Mpx out by starter:upscale; peer: spandrel, the whole picture at once",
        f"{pixels / seconds['ours']:.2f} Mpx/s in", f"{pixels / seconds['peer']:.2f} Mpx/s in",
        f"{ratio:.2f}×", "≥ 0.95×", ratio >= 0.95,
    )  # fmt: skip
    peak = {name: statistics.median(f["peak"] for f in each) for name, each in found.items()}
    if not peak["peer"]:
        return  # this system keeps no peak
    yield Row(
        "memory at the peak of it, above the loaded model",
        f"{peak['ours'] / 1e6:.0f} MB", f"{peak['peer'] / 1e6:.0f} MB",
        f"{peak['ours'] / peak['peer']:.2f}×", "≤ 0.5×", peak["ours"] <= 0.5 * peak["peer"],
    )  # fmt: skip


def _measured(name: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.upscaling", name], capture_output=True, text=True, check=True, timeout=600
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _photo(size: tuple[int, int]) -> Any:
    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 255, (size[1] // 6, size[0] // 6, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def _ours() -> Any:
    import mc_jupyter as mc

    session = mc.Session()
    handle = session.load(CELL)

    def enlarge(image: Any) -> Any:
        assert session.loads == 1  # a handle keeps its session only weakly
        return handle(image=image)

    return enlarge


def _peer() -> Any:
    import numpy as np
    import spandrel
    import torch
    from PIL import Image

    from mc_jupyter import starters

    model = spandrel.ModelLoader(device="cpu").load_from_file(starters.folder("upscale") / "model.safetensors").eval()

    def enlarge(image: Any) -> Any:
        given = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None].float().div_(255)
        with torch.inference_mode():
            made = model(given)[0].permute(1, 2, 0)
            return Image.fromarray(made.mul_(255).round_().to(torch.uint8).numpy())

    return enlarge


def main(name: str) -> None:
    """Measure one contender here, in this process, and print what was found as JSON."""
    import time

    from mc_jupyter.comparison.peaks import watched

    enlarge = {"ours": _ours, "peer": _peer}[name]()
    enlarge(_photo((64, 48)))
    photo = _photo(SIZE)
    start = time.perf_counter()
    with watched("cpu") as stretch:
        enlarge(photo)
    print(json.dumps({"seconds": time.perf_counter() - start, "peak": stretch.added or 0}))


if __name__ == "__main__":
    main(sys.argv[1])
