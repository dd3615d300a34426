"""Text from tokens as they come: what no later token changes, so that the pieces are the text, letter for letter.

What a tokenizer makes of a token may hang on the next one. Half a character's bytes are a replacement mark until the
rest is there. Tokenizers with a token for each byte (Llama 2's, Gemma's, Mistral's) read a run of such tokens as one:
where it is no text as a whole, every byte of it becomes a mark, a newline before half an emoji too. Some take blanks
away before a full stop, and Python tokenizers may join the last word to the next.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

_HALF = "\ufffd"
_MANY = 48  # tokens that are read again at each step
_FEW = 16  # of them are kept where they become too many: a blank or a letter before the next is all that counts


class Alphabet:
    """What is to be known of a tokenizer to read its tokens one by one."""

    def __init__(self, tokenizer: Any):
        self.tokenizer = tokenizer
        self.specials = {id for id, token in tokenizer.added_tokens_decoder.items() if token.special}
        self.specials |= set(tokenizer.all_special_ids)
        self.bytes = _byte_tokens(tokenizer)
        self.cleans = bool(tokenizer.clean_up_tokenization_spaces) and not _is_bpe(tokenizer)

    def read(self, ids: Sequence[int]) -> str:
        """The text of tokens, as the tokenizer gives it, without special ones."""
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text

    def name(self, token: int) -> str:
        """How a special token is written."""
        name: str = self.tokenizer.convert_ids_to_tokens(token)
        return name


class Spelling:
    """One text: `add` gives what each token makes certain."""

    def __init__(self, alphabet: Alphabet):
        self.alphabet = alphabet
        self.ids: list[int] = []
        self.before = ""  # what they say
        self.given = 0  # letters of that
        self.past = 0  # letters of those that are not kept

    @property
    def length(self) -> int:
        """How many letters the text has by now, certain or not."""
        return self.past + len(self.alphabet.read(self.ids))

    def add(self, token: int) -> str:
        """The text that is certain now and was not before; empty where the token leaves it open."""
        if token in self.alphabet.specials:
            return ""
        self.ids.append(token)
        if token in self.alphabet.bytes:
            return ""
        text = self.alphabet.read(self.ids)
        certain = self._certain(text)
        piece = text[self.given : certain]
        self.given = max(self.given, certain)
        self.before = text
        if len(self.ids) > _MANY:
            self._forget(text)
        return piece

    def _certain(self, text: str) -> int:
        """How many letters of the text stay, whatever comes."""
        certain = len(text)
        if not self.alphabet.tokenizer.is_fast:  # the last token's text alone may still change
            certain = min(_shared(self.before, text), len(text.rstrip(_HALF)))
        elif text.endswith(_HALF):
            certain -= 1
        if self.alphabet.cleans:  # marks and short forms (`n't`) lose the blank before them
            certain = min(certain, max(0, text.rfind(" ", 0, max(0, text.rfind(" ")))))
        return certain

    def _forget(self, text: str) -> None:
        """Keep the last tokens only, where they alone are read as they were after all the others."""
        kept = self.ids[-_FEW:]
        short = self.alphabet.read(kept)
        left = len(text) - self.given
        if short.strip() and left <= len(short) and text.endswith(short):
            self.past += len(text) - len(short)
            self.ids, self.before, self.given = kept, short, len(short) - left


def _shared(first: str, second: str) -> int:
    """With how many letters both texts begin."""
    pairs = zip(first, second, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


def _byte_tokens(tokenizer: Any) -> frozenset[int]:
    """The tokens that stand for a byte each, of a tokenizer that reads a run of them as one."""
    if not tokenizer.is_fast or "ByteFallback" not in _kinds(_state(tokenizer.backend_tokenizer.decoder)):
        return frozenset()
    ids = (tokenizer.backend_tokenizer.token_to_id(f"<0x{byte:02X}>") for byte in range(256))
    return frozenset(id for id in ids if id is not None)


def _state(decoder: Any) -> Any:
    return json.loads(decoder.__getstate__()) if decoder is not None else None


def _kinds(state: Any) -> set[str]:
    """The kinds of a decoder and of those in it."""
    if not isinstance(state, dict):
        return set()
    return {str(state.get("type"))}.union(*map(_kinds, state.get("decoders", ())))


def _is_bpe(tokenizer: Any) -> bool:
    """Whether transformers leaves the blanks of this tokenizer alone, whatever its settings say.

    5.23 does, unless the tokenizer asks for it by this word; versions without the word clean up those of every kind.
    """
    forced = getattr(tokenizer, "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output", True)
    return tokenizer.is_fast and type(tokenizer.backend_tokenizer.model).__name__ == "BPE" and not forced
