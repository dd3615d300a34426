"""Answer a conversation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from mc_jupyter.errors import InputError, Problem
from mc_jupyter.language.fields import Bound, Closed
from mc_jupyter.language.kinds import MESSAGES, Takes
from mc_jupyter.tasks import Task
from mc_jupyter.tasks._generation import GenerationAction, check_generation
from mc_jupyter.tasks._language import LanguageSettings
from mc_jupyter.values import Text

_ROLES = {
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "model", "ai", "bot", "gpt", "chatbot"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("tool", "function", "ipython"), "tool"),
}
"""Who speaks, by the words of Gemini, LangChain, ShareGPT, OpenAI, Llama and others."""

_USER = '{role: user, content: "${input.text as text}"}'
_ELSEWHERE = {
    **GenerationAction.elsewhere,
    **dict.fromkeys(("text", "prompt", "input", "question", "content", "user", "message"), f"messages: [{_USER}]"),
    **dict.fromkeys(
        ("system", "system_prompt", "instructions"), f'messages: [{{role: system, content: "…"}}, {_USER}]'
    ),
}
"""Words of programs that make a conversation of one text."""


class Message(Closed):
    """One turn of a conversation."""

    role: Bound[Literal["system", "user", "assistant", "tool"]] = Field(description="Who speaks.")
    content: Bound[str] | None = Field(None, description="What is said.")
    name: Bound[str] | None = Field(None, description="Name of the speaker or of the tool.")
    tool_calls: Bound[list[dict[str, Any]]] | None = Field(None, description="Calls the assistant made.")
    tool_call_id: Bound[str] | None = Field(None, description="Which call a tool's message answers.")

    @model_validator(mode="before")
    @classmethod
    def _without_what_says_nothing(cls, turn: Any) -> Any:
        """OpenAI's answers name what they do not have: `refusal: null`, `annotations: []`."""
        if not isinstance(turn, dict) or not any(key not in cls.model_fields for key in turn):
            return turn
        return {key: value for key, value in turn.items() if key in cls.model_fields or value not in (None, [], {})}

    @field_validator("role", mode="before")
    @classmethod
    def _by_our_word(cls, role: Any) -> Any:
        ours = _ROLES.get(role.lower()) if isinstance(role, str) else None
        if ours and role != ours:
            raise ValueError(f"{role!r} is {ours} here")
        return role

    @model_validator(mode="after")
    def _says_something(self) -> Message:
        if self.content is None and not self.tool_calls:
            raise ValueError("a message needs content: what is said")
        return self


_Conversations = Bound[list[Bound[Message] | Bound[list[Bound[Message]]]]]


class ChatCompletion(Task):
    """Answer a conversation."""

    head = "causal-lm"
    input = "messages"
    tags = ("text-generation",)
    result = Text

    class Settings(LanguageSettings):
        """How the conversation becomes one text."""

        chat_template: Bound[str] | None = Field(
            None, description="A Jinja template to use instead of the model's own (run in a sandbox)."
        )

    class Action(GenerationAction):
        """The conversation so far, and how to answer it."""

        elsewhere = _ELSEWHERE

        messages: Annotated[_Conversations, Takes(MESSAGES, "messages")] = Field(
            description="The conversation: a list of {role, content}; a list of such lists is a batch."
        )
        tools: Bound[list[dict[str, Any]]] | None = Field(
            None, description="Functions the model may call, as JSON schemas; the chat template must know them."
        )

    @classmethod
    def check(cls, action: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
        return check_generation(action)

    @classmethod
    def items(cls, action: Any) -> tuple[list[Any], bool]:
        messages = action.messages
        if not messages:
            raise InputError("messages is empty: there is nothing to answer")
        return (list(messages), True) if messages and isinstance(messages[0], list) else ([messages], False)
