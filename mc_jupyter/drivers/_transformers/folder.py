"""What a folder's small files say about a model before its weights are read: chat template, pooling, length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mc_jupyter.errors import PlanError
from mc_jupyter.trust.names import fault
from mc_jupyter.weights.reading import AGAIN, NOTHING, Config, NotWhole, read_config, read_json, shown


def _config(file: Path) -> Config:
    return read_config(file) if file.exists() else NOTHING


def has_chat_template(folder: Path) -> bool:
    if any((folder / name).exists() for name in ("chat_template.jinja", "chat_template.json")):
        return True
    return bool(_config(folder / "tokenizer_config.json").get("chat_template"))


_SENTENCE_MODULES = ("Transformer", "Pooling", "Normalize")


def check_sentence_modules(folder: Path, architecture: str) -> None:
    """Refuse sentence-transformers models whose vector depends on more than pooling and length."""
    if architecture == "sbert" and not (folder / "modules.json").exists():
        raise PlanError("architecture: sbert needs a model saved by sentence-transformers: there is no modules.json")
    if architecture == "bert":
        return
    for kind, _ in _modules(folder):
        if kind not in _SENTENCE_MODULES:
            raise PlanError(
                f"this model has a sentence-transformers module {shown(kind)} that the huggingface driver does not "
                "apply",
                fix="architecture: bert pools the token vectors and leaves it out",
            )


def _modules(folder: Path) -> Iterator[tuple[str, Path]]:
    """The kind of each module of sentence-transformers, and its folder."""
    file = folder / "modules.json"
    listed = Config(file, {"modules": read_json(file)} if file.exists() else {})
    for module in listed.each_in("modules"):
        path = module.text("path") or ""
        if path and (why := fault(path.rstrip("/"))):
            raise NotWhole(f"{file}: path {shown(path)} {why}", fix=AGAIN)
        yield (module.text("type") or "").rpartition(".")[2], folder / path


def sentence_files(folder: Path) -> dict[str, Any]:
    """What sentence-transformers' files say: `pooling` and `max_seq_length`, where they are there."""
    found: dict[str, Any] = {}
    if not (folder / "modules.json").exists():
        return found
    for kind, place in _modules(folder):
        if kind == "Pooling" and (pooling := _pooling(_config(place / "config.json"))):
            found["pooling"] = pooling
    length = _config(folder / "sentence_bert_config.json").number("max_seq_length")
    if length is not None:
        found["max_seq_length"] = length
    return found


def _pooling(config: Config) -> str | None:
    """The one way that a model pools. PlanError for one that is not done here, and for several."""
    # Older files have a flag for each mode, newer ones the mode's name.
    flags = {"mean_tokens": "mean", "cls_token": "cls", "max_tokens": "max"}
    modes = [name for flag, name in flags.items() if config.flag(f"pooling_mode_{flag}")]
    modes = modes or [mode for mode in [config.text("pooling_mode")] if mode]
    if modes and modes not in (["mean"], ["cls"], ["max"]):
        raise PlanError(f"this model pools by {shown(' + '.join(modes))}, which the huggingface driver does not do")
    return modes[0] if modes else None
