"""What a folder's small files say about a model before its weights are read: whether it has a chat template."""

from __future__ import annotations

from pathlib import Path

from mc_jupyter.weights.reading import NOTHING, Config, read_config


def config_at(file: Path) -> Config:
    """What a config says; nothing, where it is not there."""
    return read_config(file) if file.exists() else NOTHING


def has_chat_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").exists() or any((folder / "additional_chat_templates").glob("*.jinja")):
        return True
    return bool(config_at(folder / "tokenizer_config.json").get("chat_template"))
