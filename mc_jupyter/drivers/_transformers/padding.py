"""The token that short rows are filled up with: one that the model takes for no part of a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mc_jupyter.weights.reading import Config


def own_filler(config: Any) -> int | None:
    """The padding token that a model's config names. A model that sees or hears may keep it with its text part."""
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    found = getattr(config, "pad_token_id", None)
    found = getattr(text, "pad_token_id", None) if found is None else found
    return found if isinstance(found, int) else None


def without_one_beyond(config: Config) -> dict[str, None]:
    """What `from_pretrained` is told where the padding token was added after the last training: no such model is made
    of its files otherwise, for its embedding has no row of that number."""
    pad, words = config.get("pad_token_id"), config.get("vocab_size")
    return {"pad_token_id": None} if isinstance(pad, int) and isinstance(words, int) and pad >= words else {}


def usable(token: object, entries: int | None) -> bool:
    """Whether a model that has a vector for so many tokens can be given this one."""
    return isinstance(token, int) and token >= 0 and (entries is None or token < entries)


def filler_of_prompts(model: Any, tokenizer: Any, entries: int | None) -> int:
    """What fills the rows of a batch of prompts, and those of the answers that end first. It is masked: any will do."""
    found = (own_filler(model.config), tokenizer.pad_token_id, tokenizer.eos_token_id)
    return next((token for token in found if token is not None and usable(token, entries)), 0)


def filler_of_texts(model: Any, rows: Sequence[Sequence[int]], entries: int | None) -> int:
    """What fills up texts: the model's own, for some look for it whatever the mask says; else one that no text has."""
    own = own_filler(model.config)
    return own if own is not None and usable(own, entries) else _unused(rows)


def _unused(rows: Sequence[Sequence[int]]) -> int:
    """The least token that no row has."""
    taken = {token for row in rows for token in row}
    return next(token for token in range(len(taken) + 1) if token not in taken)


@contextmanager
def taken_for_padding(config: Any, token: int) -> Iterator[None]:
    """The model takes `token` for its padding, inside.

    Classifiers made of a decoder look for the last token that is no padding. Where the config names none, or one that
    is not in the vocabulary, such a model takes one text alone, and reads its last token: as with any token that the
    texts do not have.
    """
    changed = [part for part in _parts(config) if hasattr(part, "pad_token_id")]
    before = [part.pad_token_id for part in changed]
    for part in changed:
        part.pad_token_id = token
    try:
        yield
    finally:
        for part, own in zip(changed, before, strict=True):
            part.pad_token_id = own


def _parts(config: Any) -> list[Any]:
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    return [config] if text is config else [config, text]
