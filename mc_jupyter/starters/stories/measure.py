"""How often the adapters' styles show at which weights: `python -m mc_jupyter.starters.stories.measure`, for the cards.

A style shows in a story when one of its markers does: words that plain stories never hold.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from mc_jupyter import starters
from mc_jupyter.starters.stories.adapter import set_weight
from mc_jupyter.starters.stories.pirate.words import STYLE as PIRATE
from mc_jupyter.starters.stories.space.words import STYLE as SPACE

STYLES = {style.name: style for style in (PIRATE, SPACE)}
PROMPTS = (
    "Once upon a time",
    "Once upon a time there was a little fox",
    "Once upon a time, there was a brave cat named",
    "Once upon a time there lived",
    "There was once a lonely",
    "There was once a girl called",
    "Long ago, an old king",
    "Long, long ago, there was",
    "One day, a small rabbit",
    "One sunny morning, Lily",
    "One evening, a shy bear",
    "One night, a clever boy",
    "In a small village there lived",
    "Far away, there was",
    "The little robot",
    "The hungry wolf",
    "Lily was a",
    "Tom the mouse",
    "It was a lovely day",
    "This is the story of",
)
#: weights of pirate and space
MIXTURES = (
    *((0, 0), (0.25, 0), (0.5, 0), (0.75, 0), (1, 0), (0, 0.25), (0, 0.5), (0, 0.75), (0, 1)),
    *((0.5, 0.5), (0.3, 0.7), (0.7, 0.3), (1, 1)),
)


def load(folders: Mapping[str, Path] | None = None) -> tuple[Any, Any]:
    """The story model with both adapters on it, and its tokenizer."""
    folders = folders or {name: starters.folder(f"stories-{name}") for name in STYLES}
    base = AutoModelForCausalLM.from_pretrained(starters.folder("stories"), dtype=torch.float32)
    (first, folder), *others = folders.items()
    model = PeftModel.from_pretrained(base, folder, adapter_name=first)
    for name, folder in others:
        model.load_adapter(folder, adapter_name=name)
    model.base_model.set_adapter(list(folders))
    return model.eval(), AutoTokenizer.from_pretrained(starters.folder("stories"), padding_side="left")


def tell(
    model: Any,
    tokenizer: Any,
    weights: Mapping[str, float],
    prompts: Sequence[str] = PROMPTS,
    *,
    temperature: float = 0.0,
) -> list[str]:
    """What the model goes on with after each prompt, 60 tokens, with each adapter at its weight. Greedy at 0."""
    for name in STYLES:
        set_weight(model, weights.get(name, 0.0), name)
    torch.manual_seed(0)
    ids = tokenizer(list(prompts), return_tensors="pt", padding=True)
    drawn = {"do_sample": True, "temperature": temperature} if temperature else {"do_sample": False}
    made = model.generate(**ids, max_new_tokens=60, **drawn)
    return tokenizer.batch_decode(made[:, ids["input_ids"].shape[1] :], skip_special_tokens=True)  # type: ignore[no-any-return]


def figures(texts: Sequence[str]) -> str:
    """In how many of the stories each style shows, and how many of its markers a story has."""
    found = {name: [len(style.found(text)) for text in texts] for name, style in STYLES.items()}
    each = [f"{name} in {sum(map(bool, n))} ({sum(n) / len(texts):.1f} a story)" for name, n in found.items()]
    both = sum(map(all, zip(*found.values(), strict=True)))
    return f"of {len(texts)}, {', '.join(each)}, both in {both}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--texts", action="store_true", help="show the stories too")
    for name in STYLES:
        parser.add_argument(f"--{name}", type=Path, default=Path(__file__).parent / name)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    model, tokenizer = load({name: getattr(asked, name) for name in STYLES})
    for temperature in (0.0, 0.7):
        for pirate, space in MIXTURES:
            texts = tell(model, tokenizer, {"pirate": pirate, "space": space}, temperature=temperature)
            print(f"temperature {temperature}, pirate {pirate}, space {space}: {figures(texts)}")  # noqa: T201
            for prompt, text in zip(PROMPTS, texts, strict=True):
                if asked.texts:
                    print(f"    {prompt} |{text}")  # noqa: T201


if __name__ == "__main__":
    main()
