"""A conversation as tokens: a chat template's text, made in a process apart, for a template is a stranger's program.

Where the assistant spoke last, what it said is the beginning of its answer, as `pipeline("text-generation")` and the
servers of other programs have it. What a template leaves out of a conversation is told: the model never sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mc_jupyter.drivers import SettingError
from mc_jupyter.drivers._transformers.tokens import worth_reading
from mc_jupyter.errors import InputError
from mc_jupyter.trust import apart
from mc_jupyter.values import describe
from mc_jupyter.words import listing

OWN = "the cell's chat_template"
_MARK = "CONTINUE_FINAL_MESSAGE_TAG "  # transformers' (5.23): templates may look for it
_CONTINUED = "the last message is the assistant's: its answer begins with that, and what is given comes after it"
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
    note: Callable[[str], object] = lambda text: None

    def tokens(self, messages: list[dict[str, Any]], stopped: Callable[[], bool]) -> list[int]:
        """The tokens of a conversation, as `tokenizer.apply_chat_template` gives them.

        apart.Stopped where the run was stopped; InputError where the template refuses, or goes over a limit.
        """
        if not messages:
            raise InputError("the conversation is empty", fix="give at least one message: {role: user, content: …}")
        from transformers import PreTrainedTokenizerBase

        if type(self.tokenizer).apply_chat_template is not PreTrainedTokenizerBase.apply_chat_template:
            return self._by_itself(messages)
        [text] = worth_reading([self._written(messages, stopped)], self.limit, "end" if self.truncate else "all")
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        if not ids:
            raise self._wrong("makes nothing of these messages")
        return ids

    def _by_itself(self, messages: list[dict[str, Any]]) -> list[int]:
        """Of a tokenizer that knows its model's form of a conversation, and runs no template: Mistral's own."""
        begun = _begun(messages)
        how = {"continue_final_message": True} if begun else {"add_generation_prompt": True}
        ids: list[int] = self.tokenizer.apply_chat_template(messages, tools=self.tools, return_dict=False, **how)
        if begun:
            self.note(_CONTINUED)
        return ids

    def _written(self, messages: list[dict[str, Any]], stopped: Callable[[], bool]) -> str:
        """The conversation as text, up to where the model goes on."""
        text = self._continued(messages, stopped) if _begun(messages) else None
        if text is None:
            text = self._text(messages, stopped)
        for left_out in self._left_out(messages, text, stopped):
            self.note(f"the chat template leaves out {left_out}: the model does not see it")
        return text

    def _continued(self, messages: list[dict[str, Any]], stopped: Callable[[], bool]) -> str | None:
        """The text that ends with the assistant's last message; None where the template has no place for one."""
        try:
            text = self._text(_with(messages, -1, messages[-1]["content"] + _MARK), stopped, answering=False)
        except InputError:
            return None
        at = text.rfind(_MARK.strip())
        if at < 0 or messages[-1]["content"].strip() not in text:
            return None
        self.note(_CONTINUED)
        return text[:at] if text.startswith(_MARK, at) else text[:at].rstrip()  # the template trims

    def _left_out(self, messages: list[dict[str, Any]], text: str, stopped: Callable[[], bool]) -> Iterator[str]:
        """What of a conversation makes no difference to its text."""
        for number, message in enumerate(messages, 1):
            said = message.get("content") or ""
            if said.strip() and said.strip() not in text and not self._heeds(messages, number - 1, stopped):
                yield f"message {number} ({message['role']}), {describe(said)}"
            for call in message.get("tool_calls") or ():
                name = (call.get("function") or call).get("name")
                if isinstance(name, str) and name not in text:
                    yield f"the call of {name} in message {number}"
            if (name := message.get("name")) and name not in text and message["role"] != "tool":
                yield f"the name {name!r} of message {number}"

    def _heeds(self, messages: list[dict[str, Any]], place: int, stopped: Callable[[], bool]) -> bool:
        """Whether something else in this message would be written: a template may change what is said."""
        try:
            return _MARK.strip() in self._text(_with(messages, place, _MARK.strip()), stopped)
        except InputError:
            return True

    def _text(self, messages: list[dict[str, Any]], stopped: Callable[[], bool], *, answering: bool = True) -> str:
        said = {"messages": messages, "tools": self.tools, "documents": None, "add_generation_prompt": answering}
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


def _begun(messages: list[dict[str, Any]]) -> bool:
    """Whether the assistant has begun its answer."""
    last = messages[-1]
    return last["role"] == "assistant" and bool(last.get("content")) and not last.get("tool_calls")


def _with(messages: list[dict[str, Any]], place: int, said: str) -> list[dict[str, Any]]:
    """The conversation with something else said in one message."""
    changed = list(messages)
    changed[place] = {**changed[place], "content": said}
    return changed


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
