"""Starter models: three tiny models, trained for real, that a fresh machine with no network can load at once.

Each folder here holds one model next to the script that generated its data (`corpus.py`) and the script that trained
it (`train.py`), in the layout that `from_pretrained(folder)` reads: `stories` (a Llama that tells stories and chats),
`sentiment` (a DistilBERT that calls a sentence POSITIVE or NEGATIVE) and `embedding` (a BERT that places paraphrases
near each other). They are for demonstrations and tests; each `README.md` says what its model cannot do.

To retrain one, run `python -m mc_jupyter.starters.<name>.train`; `--out DIR --steps 5` makes a quick trial elsewhere.
To add one, add a folder with these files: a folder counts as a starter as soon as it holds a `config.json`.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def names() -> tuple[str, ...]:
    """The starters present, in alphabetical order.

    >>> "stories" in names()
    True
    """
    return tuple(sorted(config.parent.name for config in _HERE.glob("*/config.json")))


def folder(name: str) -> Path:
    """The folder of one starter, ready for `from_pretrained`; a `KeyError` naming those there are if it is not one."""
    if name not in names():
        raise KeyError(f"no starter model {name!r}; there are: {', '.join(names()) or 'none'}")
    return _HERE / name
