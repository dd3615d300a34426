"""Starter models: tiny models, trained for real, that a fresh machine with no network can load at once.

Each folder here holds one model next to the script that generated its data (`corpus.py`) and the script that trained
it (`train.py`), in the layout that `from_pretrained(folder)` reads: `stories` (a Llama that tells stories and chats),
`sentiment` (a DistilBERT that calls a sentence POSITIVE or NEGATIVE) and `embedding` (a BERT that places paraphrases
near each other). They are for demonstrations and tests; each `README.md` says what its model cannot do.
Of pictures there are `shapes` (a Stable Diffusion XL that draws a coloured shape on a coloured ground),
`shapes-caption` (a BLIP that says what such a picture shows) and `upscale` (a Real-ESRGAN compact, which spandrel
loads). A dash in a name is an underscore in its folder's.

To retrain one, run `python -m mc_jupyter.starters.<name>.train`; `--out DIR --steps 5` makes a quick trial elsewhere.
To add one, add a folder with these files: a folder counts as a starter as soon as it holds a `config.json`,
or a `model_index.json` if it is a pipeline of diffusers.

A folder inside a starter's that holds an `adapter_config.json` is a LoRA adapter for it, laid out as PEFT does: the one
in `stories/pirate` is called `stories-pirate`, and `python -m mc_jupyter.starters.stories.pirate.train` retrains it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def names() -> tuple[str, ...]:
    """The starters present, in alphabetical order.

    >>> "stories" in names()
    True
    """
    configs = (config for name in ("config.json", "model_index.json") for config in _HERE.glob(f"*/{name}"))
    return tuple(sorted({config.parent.name.replace("_", "-") for config in configs}))


def tagged(tags: Collection[str]) -> tuple[str, ...]:
    """The starters whose card has one of these as its `pipeline_tag`.

    >>> tagged(["text-to-image"])
    ('shapes',)
    """
    return tuple(name for name in names() if _tag(folder(name) / "README.md") in tags)


def _tag(card: Path) -> str | None:
    found = (
        re.search(r"^pipeline_tag: *(\S+)", card.read_text(encoding="utf-8"), re.MULTILINE) if card.is_file() else None
    )
    return found[1] if found else None


def adapters() -> tuple[str, ...]:
    """The adapters present, in alphabetical order: the name of the starter they are for, a dash and their own.

    >>> "stories-pirate" in adapters()
    True
    """
    folders = (config.parent for config in _HERE.glob("*/*/adapter_config.json"))
    return tuple(sorted(f"{each.parent.name}-{each.name}" for each in folders))


def folder(name: str) -> Path:
    """The folder of a starter or an adapter, ready for `from_pretrained`; a `KeyError` naming those there are."""
    if name not in (*names(), *adapters()):
        raise KeyError(f"no starter {name!r}; there are: {', '.join((*names(), *adapters())) or 'none'}")
    return _HERE / name.replace("-", "_") if name in names() else _HERE.joinpath(*name.split("-"))
