"""Tables that answer questions: the fields of the language with types and limits, and the state of this kernel."""

from __future__ import annotations

import os
import platform
import sys
import types
import typing
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc_jupyter.components import ComponentType
from mc_jupyter.drivers import Driver
from mc_jupyter.errors import UnknownName
from mc_jupyter.fields import Closed, limits, spellings
from mc_jupyter.notebook.display import Table, number
from mc_jupyter.tasks import Task
from mc_jupyter.words import format_bytes, hinted, listing

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_PACKAGES = (
    "mc-jupyter", "torch", "transformers", "diffusers", "peft", "accelerate", "huggingface_hub", "safetensors",
    "tokenizers", "pillow", "pydantic", "ipython", "ipykernel", "ipywidgets", "jupyterlab",
)  # fmt: skip


def table(path: str | None) -> Table:
    """All there is; or the fields of one task, component type or driver; or one field."""
    if path is None:
        return _overview()
    word, _, name = path.partition(".")
    groups = list(fields_of(word))
    rows = [_row(where, n, info, others) for where, model in groups for n, info, others in _fields(model)]
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
    if word in Task.names():
        shape = ComponentType.named("model").shape({"task": word})
        yield from (("component", shape.settings), ("action", shape.action))
    elif word in ComponentType.names():
        kind = ComponentType.named(word)
        yield from (("component", kind.Settings), ("action", kind.Action))
    elif found := [d for d in Driver.all() if word in (d.name, *d.words)]:
        yield from (("component", d.Settings) for d in found)
    else:
        known = (*Task.names(), *ComponentType.names(), *Driver.spoken())
        raise UnknownName(hinted(f"no task, type or driver {word!r}", word, known), fix=listing(sorted(set(known))))


def _fields(model: type[Closed]) -> Iterator[tuple[str, FieldInfo, list[str]]]:
    others = spellings(model)
    for name, info in model.model_fields.items():
        yield name, info, [other for other, own in others.items() if own == name]


def _row(where: str, name: str, info: FieldInfo, others: list[str]) -> tuple[str, str, str, str, str]:
    written = f"{name} ({', '.join(others)})" if others else name
    default = "needed" if info.is_required() else shown(info.get_default(call_default_factory=True))
    return written, where, _kind(info), default, info.description or ""


def shown(value: Any) -> str:
    """A default as YAML would have it."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Closed):
        return str(getattr(value, "type", None) or value)
    return number(value) if isinstance(value, float) else str(value)


def choices(annotation: Any) -> list[str]:
    """The words that an annotation allows, however deep they stand: those of Literal, and true and false."""
    if annotation is bool:
        return ["true", "false"]
    if typing.get_origin(annotation) is typing.Literal:
        return [str(word) for word in typing.get_args(annotation)]
    return [word for part in typing.get_args(annotation) for word in choices(part)]


def models_in(annotation: Any) -> Iterator[type[Closed]]:
    """The sets of fields that an annotation allows, however deep they stand."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, Closed):
            yield annotation
        return
    for part in typing.get_args(annotation):
        yield from models_in(part)


def _kind(info: FieldInfo) -> str:
    """`a number from 0 to 2`, `float32, float16 or bfloat16`."""
    if words := [w for w in choices(info.annotation) if w not in ("true", "false")]:
        return listing(words)
    low, high = _limits(info)
    within = f" from {number(low)} to {number(high)}" if low is not None and high is not None else ""
    within = within or (
        f", at least {number(low)}" if low is not None else f", at most {number(high)}" if high is not None else ""
    )
    names = list(dict.fromkeys(_plain_types(info.annotation)))
    return (listing(names) or "anything") + within


def _limits(info: FieldInfo) -> tuple[float | None, float | None]:
    low, high = limits(info)
    return (low, high) if (low, high) != (None, None) else next(_limits_within(info.annotation), (None, None))


def _limits_within(annotation: Any) -> Iterator[tuple[float | None, float | None]]:
    """Limits that stand inside: `Bound[Annotated[int, Field(ge=1)]]`."""
    from pydantic.fields import FieldInfo

    for part in typing.get_args(annotation):
        if isinstance(part, FieldInfo):
            found = limits(part)
            if found != (None, None):
                yield found
        yield from _limits_within(part)


_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "a mapping",
    Path: "a path",
}


def _plain_types(annotation: Any) -> Iterator[str]:
    origin = typing.get_origin(annotation)
    if origin is list:
        inner = list(dict.fromkeys(_plain_types(typing.get_args(annotation)[0])))
        yield f"a list of {listing(inner)}" if inner else "a list"
    elif origin in (typing.Union, types.UnionType):
        for part in typing.get_args(annotation):
            yield from _plain_types(part)
    elif origin is typing.Annotated:
        yield from _plain_types(typing.get_args(annotation)[0])
    elif isinstance(annotation, type) and annotation is not type(None):
        is_fields = issubclass(annotation, Closed)
        yield _NAMES.get(
            origin or annotation, "a mapping" if is_fields or origin is dict else annotation.__name__.lower()
        )


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
