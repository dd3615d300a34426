"""A conversation as tokens: a chat template's text, made in a process apart, for a template is a stranger's program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mc_jupyter.drivers import SettingError
from mc_jupyter.drivers._transformers.tokens import worth_reading
from mc_jupyter.errors import InputError
from mc_jupyter.trust import apart
from mc_jupyter.words import listing

OWN = "the cell's chat_template"
_MISSPELT = ("TemplateSyntaxError", "TemplateAssertionError")


@dataclass(frozen=True, slots=True)
class Speaking:
    """How conversations become tokens: `template` is the cell's own, `limit` how many tokens fit."""

    tokenizer: Any
    model: str
    template: str | None
    tools: list[dict[str, Any]] | None
    limit: int | None
    truncate: bool

    def tokens(self, messages: list[dict[str, Any]], stopped: Callable[[], bool]) -> list[int]:
        """The tokens of a conversation, as `tokenizer.apply_chat_template` gives them.

        apart.Stopped where the run was stopped; InputError where the template refuses, or goes over a limit.
        """
        if not messages:
            raise InputError("the conversation is empty", fix="give at least one message: {role: user, content: …}")
        from transformers import PreTrainedTokenizerBase

        if type(self.tokenizer).apply_chat_template is not PreTrainedTokenizerBase.apply_chat_template:
            return self._by_itself(messages)
        [text] = worth_reading([self._text(messages, stopped)], self.limit, "end" if self.truncate else "all")
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        if not ids:
            raise self._wrong("makes nothing of these messages")
        return ids

    def _by_itself(self, messages: list[dict[str, Any]]) -> list[int]:
        """Of a tokenizer that knows its model's form of a conversation, and runs no template: Mistral's own."""
        ids: list[int] = self.tokenizer.apply_chat_template(
            messages, tools=self.tools, add_generation_prompt=True, return_dict=False
        )
        return ids

    def _text(self, messages: list[dict[str, Any]], stopped: Callable[[], bool]) -> str:
        said = {"messages": messages, "tools": self.tools, "documents": None, "add_generation_prompt": True}
        try:
            text = apart.rendered(self._chosen(), {**self.tokenizer.special_tokens_map, **said}, stopped)
            text.encode()
        except apart.Overrun as error:
            raise self._wrong(str(error)) from None
        except apart.Failed as error:
            raise self._wrong(_said(error)) from None
        except UnicodeEncodeError as error:
            raise self._wrong(f"writes {error.object[error.start]!a}, which is half a letter") from None
        return text

    def _chosen(self) -> str:
        """The template that is rendered: the cell's own, one that it names, or the model's for this."""
        named = self.tokenizer.chat_template if isinstance(self.tokenizer.chat_template, dict) else {}
        if self.template and "{" not in self.template and self.template not in named:
            there = f"this model has {listing(sorted(named), 'and')}" if named else "this model has none with a name"
            raise SettingError(f"{OWN} is neither a Jinja template nor the name of one", "chat_template", fix=there)
        try:
            chosen: Any = self.tokenizer.get_chat_template(self.template, self.tools)
        except ValueError as error:
            if named:
                raise InputError(
                    f"{self.model} has several chat templates ({listing(sorted(named), 'and')}), none of them usual",
                    fix=f"say which, for instance `chat_template: {min(named)}`",
                ) from None
            raise self._wrong(f"cannot be chosen: {error}") from None
        if not isinstance(chosen, str):
            raise self._wrong("is no text")
        if self.tools and "tools" not in chosen:
            raise InputError("this model's chat template knows no tools", fix="remove tools:")
        return chosen

    def _wrong(self, what: str) -> InputError:
        """The error of the template: of the cell's own, at its place, or of the model's."""
        if self.template:
            return SettingError(f"{OWN} {what}", "chat_template", fix="mend the template")
        return InputError(f"the chat template of {self.model} {what}", fix="give chat_template: (a Jinja template)")


def flaw(template: str) -> str | None:
    """What is wrong with a cell's own template as it is written, without running it."""
    found = apart.flaw(template)
    return f"{OWN} {_said(found)}" if found else None


def _said(error: apart.Failed) -> str:
    """What a template did that failed, in words, with its own line."""
    at = f" (line {error.line} of the template)" if error.line else ""
    if error.kind in _MISSPELT:
        return f"is no Jinja template: {str(error).rstrip('.')}{at}"
    return f"refuses these messages: {error}" if error.kind == "TemplateError" else f"fails: {error}{at}"
