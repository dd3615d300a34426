"""What a folder's small files say about a model before its weights are read: chat template, pooling, length."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mc_jupyter.errors import PlanError, WeightsError


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise WeightsError(f"{path.name} is not JSON: {error}") from None


def has_chat_template(folder: Path) -> bool:
    if any((folder / name).exists() for name in ("chat_template.jinja", "chat_template.json")):
        return True
    return bool((_read_json(folder / "tokenizer_config.json") or {}).get("chat_template"))


_SENTENCE_MODULES = ("Transformer", "Pooling", "Normalize")


def check_sentence_modules(folder: Path, architecture: str) -> None:
    """Refuse sentence-transformers models whose vector depends on more than pooling and length."""
    modules = _read_json(folder / "modules.json")
    if architecture == "sbert" and modules is None:
        raise PlanError("architecture: sbert needs a model saved by sentence-transformers: there is no modules.json")
    if architecture == "bert":
        return
    for module in modules or []:
        kind = module["type"].rpartition(".")[2]
        if kind not in _SENTENCE_MODULES:
            raise PlanError(
                f"this model has a sentence-transformers module {kind} that the huggingface driver does not apply",
                fix="architecture: bert pools the token vectors and leaves it out",
            )


def sentence_files(folder: Path) -> dict[str, Any]:
    """What sentence-transformers' files say: `pooling` and `max_seq_length`, where they are there."""
    found: dict[str, Any] = {}
    modules = _read_json(folder / "modules.json")
    if modules is None:
        return found
    for module in modules:
        if module["type"].rpartition(".")[2] == "Pooling":
            config = _read_json(folder / module.get("path", "") / "config.json") or {}
            # Older files have a flag for each mode, newer ones the mode's name.
            flags = {"mean_tokens": "mean", "cls_token": "cls", "max_tokens": "max"}
            modes = [name for flag, name in flags.items() if config.get(f"pooling_mode_{flag}")]
            modes = modes or [m for m in [config.get("pooling_mode")] if m]
            if modes in (["mean"], ["cls"], ["max"]):
                found["pooling"] = modes[0]
            elif modes:
                raise PlanError(f"this model pools by {' + '.join(modes)}, which the huggingface driver does not do")
    length = (_read_json(folder / "sentence_bert_config.json") or {}).get("max_seq_length")
    if isinstance(length, int):
        found["max_seq_length"] = length
    return found
