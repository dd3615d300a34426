"""The operators of conditions: `{input, operator, value}` compares two values, and coerces neither."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

from mc_jupyter.errors import ExpressionError
from mc_jupyter.trust import apart
from mc_jupyter.trust.secrets import Secret
from mc_jupyter.values import describe
from mc_jupyter.words import did_you_mean, listing

MAX_PATTERN = 1000
MAX_SUBJECT = 100_000
SECONDS = 1.0

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: bool(left == right),
    "neq": lambda left, right: bool(left != right),
    "gt": lambda left, right: bool(left > right),
    "gte": lambda left, right: bool(left >= right),
    "lt": lambda left, right: bool(left < right),
    "lte": lambda left, right: bool(left <= right),
    "in": lambda left, right: left in right,
    "not-in": lambda left, right: left not in right,
    "starts-with": lambda left, right: str.startswith(left, right),
    "ends-with": lambda left, right: str.endswith(left, right),
    "match": lambda left, right: _match(right, left),
}


def compare(operator: Any, left: Any, right: Any) -> bool:
    """`left operator right`, nothing coerced: 3 is not "3". `match` looks for a regular expression at the start.

    A pattern longer than `MAX_PATTERN`, a text longer than `MAX_SUBJECT` and a match that does not end within
    `SECONDS` (`re` can backtrack for very long over a short text, as by `(a+)+b`) are refused with an ExpressionError.
    """
    if not isinstance(operator, str) or operator not in OPERATORS:
        hint = did_you_mean(str(operator), OPERATORS)
        raise ExpressionError(f"no operator {operator!r}", fix=hint or f"use {listing(list(OPERATORS))}")
    if any(isinstance(side, Secret) for side in (left, right)):
        raise ExpressionError("a secret is compared with nothing: the answers would tell it bit by bit")
    try:
        return OPERATORS[operator](left, right)
    except re.error as error:
        raise ExpressionError(f"{right!r} is not a regular expression: {error}") from None
    except (TypeError, ValueError, RecursionError):
        raise ExpressionError(f"cannot compare {describe(left)} {operator} {describe(right)}") from None


def _match(pattern: Any, text: Any) -> bool:
    _check_length("the regular expression", pattern, MAX_PATTERN)
    _check_length("the text to match", text, MAX_SUBJECT)
    if not any(isinstance(pattern, kind) and isinstance(text, kind) for kind in (str, bytes)) or _is_quick(pattern):
        return _compiled(pattern).match(text) is not None  # or says what is wrong
    _compiled(pattern)  # says what is wrong with it, before anything is asked
    try:
        return apart.matches(pattern, text, SECONDS)
    except apart.Overrun as error:
        raise ExpressionError(f"matching {pattern!r} {error}", fix="write it without a repeat in a repeat") from None
    except apart.Failed as error:
        raise ExpressionError(f"matching {pattern!r} failed: {error}") from None


def _compiled(pattern: Any) -> re.Pattern[Any]:
    """The pattern, without a word of `re`'s about what some of its signs may mean in later versions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(pattern)


def _is_quick(pattern: str | bytes) -> bool:
    """Whether a pattern cannot backtrack for long: no group, and one repeat at most."""
    written = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
    return "(" not in written and sum(written.count(sign) for sign in "*+?{") <= 1


def _check_length(what: str, text: Any, limit: int) -> None:
    if isinstance(text, str | bytes) and len(text) > limit:
        raise ExpressionError(f"{what} is {len(text)} characters long; at most {limit} are allowed")


def conditions(value: Any, name: str) -> list[Any]:
    """The list below `all` or `any`."""
    if not isinstance(value, list | tuple):
        raise ExpressionError(f"`{name}` needs a list of conditions, not {describe(value)}")
    return list(value)
