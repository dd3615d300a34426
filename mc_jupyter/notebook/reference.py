"""Tables that answer questions: the fields of the language with types and limits, and the state of this kernel."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mc_jupyter.components import ComponentType
from mc_jupyter.description import FieldFacts, describe
from mc_jupyter.drivers import Driver
from mc_jupyter.errors import UnknownName
from mc_jupyter.fields import Closed
from mc_jupyter.notebook.html import Table, number
from mc_jupyter.tasks import Task
from mc_jupyter.words import format_bytes, hinted, listing

_PACKAGES = (
    "mc-jupyter", "torch", "transformers", "diffusers", "peft", "accelerate", "huggingface_hub", "safetensors",
    "tokenizers", "pillow", "pydantic", "ipython", "ipykernel", "ipywidgets", "jupyterlab",
)  # fmt: skip


def table(path: str | None) -> Table:
    """All there is; or the fields of one task, component type or driver; or one field."""
    if path is None:
        return _overview()
    word, _, name = path.partition(".")
    rows = [_row(where, field) for where, model in fields_of(word) for field in describe(model)]
    if name:
        asked = name.rpartition(".")[2]  # text-generation.params.temperature is the same field
        chosen = tuple(row for row in rows if row[0].partition(" ")[0] == asked or f"({asked})" in row[0])
        if not chosen:
            names = [row[0].partition(" ")[0] for row in rows]
            raise UnknownName(hinted(f"{word} has no field {asked!r}", asked, names), fix=listing(sorted(names), "and"))
        rows = list(chosen)
    return Table(("field", "belongs to", "is", "default", "what it does"), tuple(rows), path)


def _overview() -> Table:
    rows = [("type", word, ComponentType.named(word).__doc__ or "") for word in ComponentType.names()]
    rows += [("task", word, Task.named(word).summary()) for word in Task.names()]
    rows += [("driver", listing(d.words, "or"), d.__doc__ or "") for d in Driver.all() if d.words]
    told = tuple((kind, word, text.strip().partition("\n")[0]) for kind, word, text in rows)
    return Table(("key", "value", "what it is"), told, "", "%compose schema WORD shows its fields")


def fields_of(word: str) -> Iterator[tuple[str, type[Closed]]]:
    """The sets of fields that a word stands for, and where they are written."""
    shapes = (found for kind in ComponentType.all() for found in kind.shapes())
    if shape := next((shape for words, shape in shapes if word == [*words.values()][-1]), None):
        yield from (("component", shape.settings), ("action", shape.action))
    elif word in ComponentType.names():
        kind = ComponentType.named(word)
        yield from (("component", kind.Settings), ("action", kind.Action))
    elif found := [d for d in Driver.all() if word in (d.name, *d.words)]:
        yield from (("component", d.Settings) for d in found)
    else:
        known = (*Task.names(), *ComponentType.names(), *Driver.spoken())
        raise UnknownName(hinted(f"no task, type or driver {word!r}", word, known), fix=listing(sorted(set(known))))


def _row(where: str, field: FieldFacts) -> tuple[str, str, str, str, str]:
    written = f"{field.name} ({', '.join(field.others)})" if field.others else field.name
    return written, where, _kind(field), "needed" if field.required else shown(field.default), field.description


def shown(value: Any) -> str:
    """A default as YAML would have it."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Closed):
        return str(getattr(value, "type", None) or value)
    return number(value) if isinstance(value, float) else str(value)


def _kind(field: FieldFacts) -> str:
    """`a number from 0 to 2`, `float32, float16 or bfloat16`."""
    if words := [word for word in field.words if not isinstance(word, bool)]:
        return listing(words)
    low, high = (None if limit is None else number(limit) for limit in (field.minimum, field.maximum))
    within = f", at least {low}" if high is None else f", at most {high}" if low is None else f" from {low} to {high}"
    return listing(field.types) + ("" if low is high is None else within)


# --- this kernel ------------------------------------------------------------------------------------------------------


def doctor(interactive: bool) -> Table:
    """What this kernel has, and what limits it."""
    from mc_jupyter import devices

    rows = [("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")]
    rows += [(name, _version(name)) for name in _PACKAGES]
    for device in devices.devices():
        rows.append((device.name, f"{device.label}, {devices.free_memory(device.name)}"))
    rows.append(("this kernel", f"{format_bytes(devices.process_memory())} of memory"))
    offline = any(
        os.environ.get(name, "0").lower() not in ("", "0", "false", "no")
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    )
    rows.append(
        (
            "hub",
            "offline: only models on this disk (HF_HUB_OFFLINE)"
            if offline
            else "asked when a model is not on this disk",
        )
    )
    rows.append(("downloads go to", _home_relative(_cache_folder())))
    rows.append(
        ("forms", "shown when inputs are missing" if interactive else "off: nobody can fill them in (headless)")
    )
    return Table(("", ""), tuple(rows), "this kernel")


def _version(package: str) -> str:
    try:
        found = version(package)
    except PackageNotFoundError:
        return "not installed"
    return f"{found} (imported)" if package in sys.modules and package != "mc-jupyter" else found


def _cache_folder() -> Path:
    if folder := os.environ.get("HF_HUB_CACHE"):
        return Path(folder)
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface"
    return Path(home).expanduser() / "hub"


def _home_relative(path: Path) -> str:
    try:
        return f"~/{path.relative_to(Path.home())}"
    except ValueError:
        return str(path)
