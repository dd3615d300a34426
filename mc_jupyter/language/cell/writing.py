"""A value written as YAML that reads back as just that value: in flow style, in block style, or as a scalar."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mc_jupyter.errors import SpecError
from mc_jupyter.language.cell import read
from mc_jupyter.language.cell.layout import newline_of
from mc_jupyter.language.cell.spans import Map
from mc_jupyter.values.scalars import UNPRINTABLE, Plain, double_quoted, written_scalar


def entry_text(container: Any, key: str | int, value: Any, *, flow: bool) -> str:
    """An entry of a mapping, or an element of a list, on one line."""
    written = (
        flow_style(value) if isinstance(value, Mapping | list | tuple) else next(iter(scalar_styles(value, flow, "")))
    )
    return f"{_key(str(key))}: {written}" if isinstance(container, Map) else written


def flow_style(value: Any) -> str:
    """Any value on one line, with braces and brackets."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(str(key))}: {flow_style(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow_style, value)) + "]"
    return next(iter(scalar_styles(value, True, "")))


def block_style(value: Any, indent: int, text: str) -> str:
    """A non-empty mapping or list over lines of its own, each indented."""
    pad, newline = " " * indent, newline_of(text)
    if isinstance(value, Mapping):
        return newline.join(f"{pad}{_key(str(key))}:{_below(item, indent, text)}" for key, item in value.items())
    lines = []
    for item in value:
        nested = isinstance(item, Mapping | list | tuple) and item
        written = block_style(item, indent + 2, text).lstrip(" ") if nested else _below(item, indent, text).lstrip(" ")
        lines.append(f"{pad}- {written}")
    return newline.join(lines)


def _below(value: Any, indent: int, text: str) -> str:
    """What stands behind `key:`."""
    if isinstance(value, Mapping | list | tuple):
        return newline_of(text) + block_style(value, indent + 2, text) if value else f" {flow_style(value)}"
    return f" {next(iter(scalar_styles(value, False, '')))}"


def _key(key: str) -> str:
    for written in (key, double_quoted(key)):
        if key and _reads_as(f"{{{written}: 1}}", {key: 1}):
            return written
    return double_quoted(key)


def scalar_styles(value: Any, flow: bool, old: str) -> Iterator[str]:
    """Ways to write a scalar: like the old one if that can be, else without quotes, else with."""
    if isinstance(value, Plain) and "${env." in value:
        yield str(value)
        return
    if not isinstance(value, str):
        yield written_scalar(value)
        return
    single = "'" + value.replace("'", "''") + "'"
    if old.startswith("'") and _reads_as(f"[{single}]", [value]):
        yield single
    elif not old.startswith('"') and "\n" not in value and _reads_as(f"[{value}]" if flow else f"- {value}", [value]):
        yield value
    yield double_quoted(value)


def literal_styles(value: str, indent: int, text: str) -> Iterator[str]:
    """The text as a block scalar, `|` or `|-` by how it ends."""
    newline = newline_of(text)
    if UNPRINTABLE.sub(lambda match: "" if match[0] in '\n"\\' else match[0] * 2, value) != re.sub(
        r'[\n"\\]', "", value
    ):
        return
    body = value.removesuffix("\n")
    lines = [" " * indent + line if line else "" for line in body.split("\n")]
    yield ("|" if value.endswith("\n") else "|-") + newline + newline.join(lines)


def _reads_as(text: str, value: Any) -> bool:
    try:
        return same(read(text).value, value)
    except SpecError:
        return False


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same types: 1, 1.0 and true differ, and so do quoted and unquoted `${env.X}`."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (left != left and right != right)
    if isinstance(left, str) and isinstance(right, str):
        return left == right and isinstance(left, Plain) == (isinstance(right, Plain) and "${env." in right)
    return type(left) is type(right) and bool(left == right)
