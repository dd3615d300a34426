"""Every render and loader case of the language, through the modules that implement it."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mc_jupyter.errors import ComposeError
from mc_jupyter.language import cell, expressions
from mc_jupyter.values import Stream, is_image

CASES = [json.loads(line) for line in Path(__file__).with_name("cases.jsonl").read_text("utf-8").splitlines()]


def of_kind(kind: str) -> list[Any]:
    return [pytest.param(case, id=f"{case['id']}-{case['group']}") for case in CASES if case["kind"] == kind]


async def _arriving(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        await asyncio.sleep(0)
        yield item


def decoded(value: Any) -> Any:
    """A case's sources: `{"$image": …}` and its like become what they stand for."""
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$bytes" in value:
        return base64.b64decode(value["$bytes"])
    if "$image" in value:
        return Image.new("RGB", tuple(value["$image"]))
    for stream in ("$aiter", "$stream", "$sse"):
        if stream in value:
            return Stream(_arriving(decoded(value[stream])))
    return {key: decoded(item) for key, item in value.items()}


def same(got: Any, want: Any) -> bool:
    """Whether a result is what a case expects, 1 and true and 1.0 being different things."""
    if isinstance(want, dict):
        if "$bytes" in want:
            return bool(got == base64.b64decode(want["$bytes"]))
        if "$image" in want:
            of_format = "format" not in want or str(got.format).lower() == want["format"]
            return is_image(got) and list(got.size) == want["$image"] and of_format
        if "$png_base64" in want:
            image = Image.open(io.BytesIO(base64.b64decode(got)))
            return image.format == "PNG" and list(image.size) == want["$png_base64"]
        if "$stream" in want or "$sse" in want:
            return isinstance(got, Stream) and same(got.collect(), want.get("$stream", want.get("$sse")))
        return isinstance(got, dict) and list(got) == list(want) and all(same(got[key], want[key]) for key in want)
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(map(same, got, want))
    return type(got) is type(want) and bool(got == want)


def check(case: dict[str, Any], result: Any) -> None:
    want = case["recommended"] if "recommended" in case else case["expected"]
    assert same(result, want), f"{case['template']!r} gives {result!r}, not {want!r}"


def is_error(case: dict[str, Any]) -> bool:
    return "error" in case and "recommended" not in case


@pytest.mark.parametrize("case", of_kind("render"))
def test_the_case_renders_as_expected(case: dict[str, Any]) -> None:
    sources = {key: decoded(value) for key, value in case["sources"].items()}
    if is_error(case):
        with pytest.raises(ComposeError):
            expressions.render(case["template"], sources)
    else:
        check(case, expressions.render(case["template"], sources))


@pytest.mark.parametrize("case", of_kind("loader"))
def test_the_case_loads_as_expected(case: dict[str, Any]) -> None:
    def load() -> Any:
        document = cell.read(case["template"])
        return cell.to_plain(expressions.resolve_env(document.value, case["sources"]["env"]))

    if is_error(case):
        with pytest.raises(ComposeError):
            load()
    else:
        check(case, load())


def test_every_kind_of_case_is_there() -> None:
    assert {case["kind"] for case in CASES} == {"render", "loader", "workflow"}
