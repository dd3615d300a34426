"""What a typed field's check found wrong, said in the words of the document and at its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from pydantic import BaseModel, ValidationError

from mc_jupyter.errors import Problem
from mc_jupyter.language.cell import place_in
from mc_jupyter.language.description import models_at
from mc_jupyter.language.fields import Closed
from mc_jupyter.words import did_you_mean

# pydantic's error types → what the value should be.
_SHOULD_BE = {
    "string_type": "text",
    "no_number": "a number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "is_instance_of": "an object",
}
_NUMBERS = ("int_parsing", "float_parsing", "int_type", "float_type", "no_number")
_COMMA = re.compile(r"-?\d+,\d+")
_LIMITS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
    "multiple_of": ("a multiple of", "multiple_of"),
}


def problems_of(error: ValidationError, written: Any, model: type[Closed]) -> list[Problem]:
    """One problem for each value that is wrong, however many alternatives it failed."""
    grouped: dict[tuple[Any, ...], list[Any]] = {}
    for found in error.errors(include_url=False):
        grouped.setdefault(_steps(found["loc"], written, found["type"]), []).append(found)
    # A value that is no text and no list of texts fails twice; the failure further in says more.
    paths = [path for path in grouped if not any(other[: len(path)] == path and other != path for other in grouped)]
    found_problems = [_problem(path, grouped[path], written, model) for path in paths]
    # A misspelt key is also a missing one: the misspelling says it all.
    hinted = {p.fix for p in found_problems if p.message.startswith("unknown key")}
    return [p for p in found_problems if f"did you mean {p.message.removesuffix(' is needed')!r}?" not in hinted]


def _steps(loc: Sequence[Any], written: Any, kind: str) -> tuple[Any, ...]:
    """The steps of pydantic's path that are the document's own: names of union members are left out."""
    steps: list[Any] = []
    value = written
    for i, step in enumerate(loc):
        last = i == len(loc) - 1
        if isinstance(value, dict) and (step in value or (last and kind == "missing")):
            steps.append(step)
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            steps.append(step)
            value = value[step]
    return tuple(steps)


def _problem(path: tuple[Any, ...], found: list[Any], written: Any, model: type[Closed]) -> Problem:
    first = found[0]
    name = next((str(s) for s in reversed(path) if isinstance(s, str)), "the document")
    if first["type"] == "extra_forbidden":
        models = models_at([model], path[:-1])
        known = sorted({name for one in models for name in one.names()})
        elsewhere = next((ours for one in models if (ours := one.ours_for(name))), None)
        fix = _of_another_source(name, models) or elsewhere or did_you_mean(name, known)
        place = place_in(written, path, key=True)
        return Problem(f"unknown key {name!r}", place, fix or f"known here: {', '.join(known)}")
    if first["type"] == "missing":
        return Problem(f"{name} is needed", place_in(written, path[:-1] if len(path) > 1 else ()), f"{name}: …")
    return Problem(f"{name}{_element(path)} {_complaint(found)}", place_in(written, path), _fix(found))


def _element(path: tuple[Any, ...]) -> str:
    """Which element of a list it is: what a call gives has no line of its own."""
    indices = list(takewhile(lambda step: isinstance(step, int), reversed(path)))
    return "".join(f"[{i}]" for i in reversed(indices))


def _of_another_source(name: str, models: Sequence[type[Closed]]) -> str | None:
    """Of a model's source: the provider that a key goes with, where it is not the one that is meant."""
    owners = [one for one in models if name in one.names() and "provider" in one.model_fields]
    provider = owners[0].model_fields["provider"].default if len(owners) == 1 < len(models) else None
    return f"{name} goes with provider: {provider}" if provider else None


def _complaint(found: list[Any]) -> str:
    first = found[0]
    given = first.get("input")
    shown = repr(given) if not isinstance(given, BaseModel | dict | list) else None
    if first["type"] == "value_error":
        return f"is wrong: {first['ctx']['error']}"
    if first["type"] == "literal_error":
        return f"is {shown}, which is not one of {first['ctx']['expected']}"
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return "has no known provider: huggingface, local or starter"
    if first["type"] in _LIMITS:
        words, key = _LIMITS[first["type"]]
        return f"should be {words} {_limit(first['ctx'][key])}, and is {shown}"
    should = list(dict.fromkeys(_SHOULD_BE.get(f["type"], f["msg"]) for f in found))
    return f"should be {' or '.join(should)}" + (f", and is {shown}" if shown else "")


def _limit(limit: Any) -> str:
    """A limit as a reader writes it: 2**64, of which 1.84467e+19 is the wrong one."""
    power = isinstance(limit, int) and limit > 2**31 and limit.bit_count() == 1
    return f"2**{limit.bit_length() - 1}" if power else f"{limit:g}"


def _braced(given: dict[Any, Any]) -> str | None:
    """What stands in `{input.text}`, or in `{{ input.text }}`, which YAML reads as a mapping."""
    names = [key for key, value in given.items() if value is None and isinstance(key, str) and key]
    return names[0] if len(given) == len(names) == 1 else "input.NAME" if not given else None


def _fix(found: list[Any]) -> str | None:
    first = found[0]
    if first["type"] == "literal_error" and isinstance(first["input"], str):
        allowed = [word.strip("' ") for part in first["ctx"]["expected"].split(", ") for word in part.split(" or ")]
        return did_you_mean(first["input"], allowed)
    given = first.get("input")
    if isinstance(given, str) and any(f["type"] in _NUMBERS for f in found) and _COMMA.fullmatch(given.strip()):
        return f"write it with a point: {given.strip().replace(',', '.')}"
    if isinstance(given, str) and first["type"] == "bool_parsing":
        return did_you_mean(given, ["true", "false", "yes", "no", "on", "off"])
    if isinstance(given, str) and given.strip().lower() in ("none", "null", "nil", "undefined"):
        return "leave the line out; null is nothing"
    if isinstance(given, dict) and any(f["type"] == "string_type" for f in found) and (text := _braced(given)):
        return f"an input is ${{{text}}}; other text with braces stands in quotes"
    if any(f["type"] == "string_type" for f in found) and isinstance(first.get("input"), int | float | bool):
        return "write it in quotes"
    return None
