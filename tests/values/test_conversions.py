"""`as` converts, or says why not."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from mc_jupyter.errors import ExpressionError
from mc_jupyter.values import Stream
from mc_jupyter.values.conversions import convert, interpolated


@pytest.mark.parametrize(
    ("value", "type", "result"),
    [
        ("0.5", "number", 0.5),
        ("7", "integer", 7),
        (2.9, "integer", 2),
        ("True", "boolean", True),
        ("yes", "boolean", False),
        (b"1", "boolean", True),
        (b"\xc3\xa9", "text", "é"),
        ({"k": "é"}, "text", '{"k": "é"}'),
        ([1, None], "string", "[1, null]"),
        (True, "text", "True"),
        ('{"a": 1}', "object", {"a": 1}),
        ((1, 2), "list", [1, 2]),
        (5, "json", 5),
        (["1", None], "number[]", [1.0, None]),
        ([{"a": 1}], "text[]", ['{"a": 1}']),
        (b"\x00", "base64", "AA=="),
        ("x", "never-heard-of", "x"),
        (3, "slider", 3),
        (b"ab", "file", b"ab"),
        ("data:text/plain,a%20b", "file", b"a b"),
    ],
)
def test_conversions(value: Any, type: str, result: Any) -> None:
    converted = convert(value, type)
    assert converted == result
    assert isinstance(converted, result.__class__)


@pytest.mark.parametrize("type", ["number", "integer[]", "text", "object[]", "image", "file", "base64", "select"])
def test_none_is_never_converted(type: str) -> None:
    assert convert(None, type) is None


@pytest.mark.parametrize(
    ("value", "type"),
    [
        ("x", "number"), ("1.5", "integer"), (float("inf"), "integer"), ("{", "json"), ("[1]", "object"),
        ("{}", "list"), ("x", "text[]"), (b"\xff", "text"), ([1], "image"), ("no base64!", "image"),
        (b"no image", "image"), ("text", "file"), ({1, 2}, "list"), ([[object()]], "text"),
    ],
)  # fmt: skip
def test_what_cannot_be_converted_is_an_error(value: Any, type: str) -> None:
    with pytest.raises(ExpressionError):
        convert(value, type)


def test_objects_are_projected_by_the_last_key_of_each_path() -> None:
    values = [{"id": 1, "meta": {"k": "m"}}, {"id": 2}]
    assert convert(values, "object[]", "id,meta.k") == [{"id": 1, "k": "m"}, {"id": 2, "k": None}]


def test_elementwise_text_keeps_a_list_a_list() -> None:
    assert convert(["a", 1], "text", elementwise=True) == ["a", "1"]
    assert convert(["a", 1], "text") == '["a", 1]'


def test_a_list_conversion_of_a_stream_is_lazy() -> None:
    stream = convert(Stream(["1", "2"]), "integer[]")
    assert isinstance(stream, Stream)
    assert list(stream) == [1, 2]


@pytest.mark.parametrize("type", ["text", "boolean", "json", "base64", "integer", "number", "image", "list"])
def test_a_number_of_more_digits_than_python_writes_is_never_a_bare_error(type: str) -> None:
    with contextlib.suppress(ExpressionError):
        convert(10**6000, type)
    with pytest.raises(ExpressionError, match=r"a whole number of 600[01] digits cannot be text"):
        interpolated(10**6000)
