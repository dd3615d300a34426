"""Conditions compare and coerce nothing."""

from __future__ import annotations

import importlib
import re
import warnings
from typing import Any

import pytest

from mc_jupyter.errors import ExpressionError
from mc_jupyter.language.expressions import matches
from mc_jupyter.language.expressions.conditions import MAX_PATTERN, MAX_SUBJECT, compare


@pytest.mark.parametrize(
    ("operator", "left", "right", "result"),
    [
        ("eq", 3, "3", False), ("neq", 3, "3", True), ("gte", 3, 3, True), ("lte", 2, 1, False), ("in", "a", "abc", True),
        ("not-in", 1, [2], True), ("starts-with", "abc", "ab", True), ("ends-with", "abc", "ab", False),
        ("match", "abc", "b", False), ("match", "abc", "a.", True),
    ],
)  # fmt: skip
def test_operators(operator: str, left: Any, right: Any, result: bool) -> None:
    assert compare(operator, left, right) is result


def test_a_wrong_operator_is_answered_with_the_nearest() -> None:
    with pytest.raises(ExpressionError, match="did you mean 'starts-with'"):
        compare("startswith", "a", "b")


@pytest.mark.parametrize(
    ("pattern", "text", "long"),
    [("a" * (MAX_PATTERN + 1), "a", "the regular expression"), ("a", "a" * (MAX_SUBJECT + 1), "the text to match")],
    ids=["pattern", "text"],
)
def test_long_patterns_and_long_texts_are_not_matched(pattern: str, text: str, long: str) -> None:
    with pytest.raises(ExpressionError, match=f"{long} is [0-9]+ characters long; at most"):
        compare("match", text, pattern)


def test_patterns_and_texts_up_to_the_limits_are_matched() -> None:
    assert compare("match", "a" * MAX_SUBJECT, "a" * MAX_PATTERN)


def test_matches_reads_nested_conditions() -> None:
    where = {
        "not": {
            "any": [{"input": "${item}", "value": 1}, {"all": [{"input": "${item}", "operator": "gt", "value": 5}]}]
        }
    }
    assert [matches(where, {"item": item}) for item in (1, 3, 9)] == [False, True, False]


class Worded(str):
    """A text of a kind of its own, as a model's answers are."""


@pytest.mark.parametrize("text", ["a" * 50, Worded("a" * 50), b"a" * 50])
def test_a_match_that_backtracks_is_ended(text: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module(compare.__module__), "SECONDS", 0.2)
    pattern = b"(a+)+b" if isinstance(text, bytes) else "(a+)+b"
    with pytest.raises(ExpressionError, match=r"matching .*\(a\+\)\+b' did not end within 0\.2 s"):
        compare("match", text, pattern)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(?i)straße|x", "STRASSE"), (r"(a|b)*c", "abac"), (r"a{2}b?c+", "aac"), (r".*\.png$", "x.png"), (r"\s+\x1f?", "\x1f"),
        (r"(?:foo){e<=1}", "fo"), ("(?<=x)y|(?P<n>z)(?P=n)", "zz"), (r"[[a]+\]?", "["), ("", ""), (r"^a+$", "aa\n"),
    ],
)  # fmt: skip
def test_a_pattern_means_what_it_means_to_re(pattern: str, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = re.match(pattern, text) is not None
    re.purge()  # a pattern that was compiled before says nothing again
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compare("match", text, pattern) is expected
