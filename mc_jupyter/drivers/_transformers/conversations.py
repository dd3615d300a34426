"""A conversation as tokens: a chat template's text, made in a process apart, for a template is a stranger's program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mc_jupyter.errors import InputError
from mc_jupyter.trust import apart


def conversation(
    tokenizer: Any,
    messages: list[dict[str, Any]],
    tools: list[dict[str, Any]] | None,
    template: str | None,
    model: str,
    stopped: Callable[[], bool],
) -> list[int]:
    """The tokens of a conversation, as `tokenizer.apply_chat_template` gives them. `template` is the cell's own.

    apart.Stopped where the run was stopped; InputError where the template refuses, or goes over a limit.
    """
    if not messages:
        raise InputError("the conversation is empty", fix="give at least one message: {role: user, content: …}")
    from transformers import PreTrainedTokenizerBase

    if type(tokenizer).apply_chat_template is not PreTrainedTokenizerBase.apply_chat_template:
        return _by_itself(tokenizer, messages, tools)
    whose = "the cell's chat_template" if template else f"the chat template of {model}"
    text = _text(tokenizer, messages, tools, _template(tokenizer, tools, template, whose), whose, stopped)
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids


def _by_itself(tokenizer: Any, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None) -> list[int]:
    """Of a tokenizer that knows its model's form of a conversation, and runs no template: Mistral's own."""
    ids: list[int] = tokenizer.apply_chat_template(messages, tools=tools, add_generation_prompt=True, return_dict=False)
    return ids


def _template(tokenizer: Any, tools: list[dict[str, Any]] | None, template: str | None, whose: str) -> str:
    try:
        chosen: Any = tokenizer.get_chat_template(template, tools)
    except ValueError as error:
        raise InputError(f"{whose}: {error}", fix="give chat_template: (a Jinja template)") from None
    if not isinstance(chosen, str):
        raise InputError(f"{whose} is no text", fix="give chat_template: (a Jinja template)")
    if tools and "tools" not in chosen:
        raise InputError("this model's chat template knows no tools", fix="remove tools:")
    return chosen


def _text(
    tokenizer: Any,
    messages: list[dict[str, Any]],
    tools: list[dict[str, Any]] | None,
    template: str,
    whose: str,
    stopped: Callable[[], bool],
) -> str:
    said = {"messages": messages, "tools": tools, "documents": None, "add_generation_prompt": True}
    try:
        return apart.rendered(template, {**tokenizer.special_tokens_map, **said}, stopped)
    except apart.Overrun as error:
        fix = "mend the template" if whose.startswith("the cell") else "give chat_template: (a Jinja template)"
        raise InputError(f"{whose} {error}", fix=fix) from None
    except apart.Failed as error:
        if error.kind == "TemplateSyntaxError":
            raise InputError(f"{whose} is no Jinja template: {error}") from None
        raise InputError(f"{whose} refuses these messages: {error}") from None
