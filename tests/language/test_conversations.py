"""Conversations as programs keep them: taken, or answered by what to write."""

from __future__ import annotations

import json
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import InputError

CELL = "component: {type: model, driver: echo, task: chat-completion, messages: '${input.messages}'}"
HELLO = {"role": "user", "content": "hello"}


@pytest.fixture
def say(session: mc.Session) -> mc.Handle:
    """A component that repeats what was said last."""
    return session.load(CELL, "say")


class Dumped:
    """A turn as pydantic's models are one."""

    def model_dump(self, **how: Any) -> dict[str, Any]:
        return dict(HELLO)

    def __iter__(self) -> Any:
        return iter(HELLO.items())


class Table:
    columns = ("role", "content")


WRONG: list[tuple[Any, str]] = [
    ("hello", r'the text .hello.\n.*\[{"role": "user", "content": "hello"}\]'),
    (json.dumps([HELLO]), r"json\.loads"),
    ({"role": "user", "content": "hello"}, "put it in a list"),
    (["hello"], r"\[0\] is the text .hello., and no turn"),
    ([[HELLO], "hello"], r"\[1\] is the text .hello., and no turn"),
    ([("user", "hello")], r"\[0\] is a list of 2, and no turn"),
    ([{"from": "human", "value": "hello"}], r"\[0\] is a turn as ShareGPT writes it"),
    ([{"messages": [HELLO]}], r"row\['messages'\] for row in"),
    ({"messages": [HELLO]}, r"row\['messages'\]"),
    ([{"role": "user", "content": [{"type": "text", "text": "hello"}]}], r"\[0\]\.content is a list of parts"),
    ([[{"role": "user", "content": []}]], r"\[0\]\[0\]\.content is a list of parts"),
    ([{"role": "developer", "content": "x"}], "'developer' is system here"),
    ([{"role": "model", "content": "x"}], "'model' is assistant here"),
    ([{"role": "human", "content": "x"}], "'human' is user here"),
    ([{"role": "function", "content": "x"}], "'function' is tool here"),
    ([{"role": "judge", "content": "x"}], "not one of 'system', 'user', 'assistant' or 'tool'"),
    ([{**HELLO, "refusal": "no"}], "unknown key 'refusal'"),
    (Table(), r'table\.to_dict\("records"\)'),
]  # fmt: skip


@pytest.mark.parametrize(("given", "says"), WRONG, ids=lambda one: str(one)[:40])
def test_what_is_no_conversation_is_answered_by_what_to_write(say: mc.Handle, given: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        say(messages=given)


EMPTY: dict[str, Any] = {"refusal": None, "annotations": [], "audio": None, "function_call": None, "tool_calls": None}


@pytest.mark.parametrize("turn", [HELLO, {**HELLO, **EMPTY}, Dumped()], ids=["plain", "of OpenAI", "a model"])
def test_turns_of_other_programs_are_taken(say: mc.Handle, turn: Any) -> None:
    assert say([turn]) == "hello"
    assert say([[turn], (turn,)]) == ["hello", "hello"]
