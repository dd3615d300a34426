"""Train the space adapter: `python -m mc_jupyter.starters.stories.space.train [--out DIR] [--steps N]`."""

from __future__ import annotations

from pathlib import Path

from mc_jupyter.starters import training
from mc_jupyter.starters.stories.adapter import STEPS, train
from mc_jupyter.starters.stories.pirate.words import STYLE as PIRATE
from mc_jupyter.starters.stories.space.words import STYLE

if __name__ == "__main__":
    asked = training.arguments(Path(__file__).parent, default_steps=STEPS)
    train(STYLE, asked.out, asked.steps, asked.seed, beside=PIRATE)
