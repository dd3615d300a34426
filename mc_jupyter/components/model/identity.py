"""What tells one set of files from another, and from itself after it changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mc_jupyter.weights import Checkpoint
from mc_jupyter.weights.checkpoint import parts

# Whatever else says what the model is and how its inputs are read.
_BESIDE = (
    "config.json", "generation_config.json", "adapter_config.json", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "chat_template.jinja", "chat_template.json", "vocab.txt",
    "vocab.json", "merges.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "source.spm",
    "target.spm", "preprocessor_config.json", "processor_config.json", "modules.json",
    "config_sentence_transformers.json",
)  # fmt: skip
_TEMPLATES = "additional_chat_templates/*.jinja"
_SENTENCES = ("sentence_*_config.json", "*/config.json")  # of the encoder, and of each module in a folder of its own
_SAYING = (".json", ".txt", ".model")


def identity_of(checkpoint: Checkpoint | None) -> tuple[Any, ...]:
    """Folder, revision, then name, size in bytes and time of change of each file that decides what the model is."""
    if checkpoint is None:
        return ()
    files = []
    beside = () if checkpoint.alone else (*_of_model(checkpoint.folder), *_of_parts(checkpoint))
    for file in (*checkpoint.files, *beside):
        if file.exists():
            facts = file.stat()
            files.append((str(file), facts.st_size, facts.st_mtime_ns))
    return (str(checkpoint.folder), checkpoint.revision, *files)


def _of_model(folder: Path) -> list[Path]:
    """What lies beside a model's weights, as far as it is there."""
    patterns = (_TEMPLATES, *(_SENTENCES if (folder / "modules.json").is_file() else ()))
    matching = (file for pattern in patterns for file in sorted(folder.glob(pattern)))
    return [*(folder / name for name in _BESIDE), *matching]


def _of_parts(checkpoint: Checkpoint) -> list[Path]:
    """A diffusers pipeline's own list of its parts, and what the folder of each says of it: configs, vocabularies."""
    index = checkpoint.folder / "model_index.json"
    if not index.is_file():
        return []
    folders = (checkpoint.folder / part for part in parts(checkpoint.config))
    beside = (file for folder in folders for file in folder.glob("*") if file.suffix in _SAYING)
    return [index, *sorted(beside)]


def unchanged(identity: tuple[Any, ...]) -> bool:
    """Whether the files of an identity are on this disk as they were."""
    return all(_is_as_it_was(entry) for entry in identity[2:])


def replaced(identity: tuple[Any, ...]) -> bool:
    """Whether another file stands where one of an identity was. One that is gone is replaced by none."""
    return not all(_is_as_it_was(entry, gone=True) for entry in identity[2:])


def _is_as_it_was(entry: tuple[str, int, int], *, gone: bool = False) -> bool:
    """Whether a file is on this disk as it was; `gone` is the answer for one that is not there."""
    try:
        facts = os.stat(entry[0])
    except OSError:
        return gone
    return (facts.st_size, facts.st_mtime_ns) == entry[1:]
