"""Texts as tokens, in pieces, for a tokenizer that has begun cannot be stopped; and texts that are too long for one.

What a text has in tokens is known only when it has been read, a million letters a second. So a text is not read at all
where it has more letters than any that is worth it: 16 for each token that fits, and half a million at least. Only
blank space and words that the vocabulary does not have go beyond that.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from mc_jupyter.errors import InputError
from mc_jupyter.events import Advance, Run
from mc_jupyter.values import describe

LETTERS = 500_000
"""A text of so many letters is read, whatever fits."""
UNLIMITED = 2_000_000
"""Letters of a text at most, for a model whose design sets no limit."""
_EACH = 16  # letters for each token that fits: three times what the longest usual words have
_TEXTS = 2_000  # of a piece
_PIECE = 200_000  # letters of one: a fifth of a second
_QUIET = 1.0  # seconds until it is worth telling how far it is

Keeps = Literal["start", "end", "all"]


def tokenized(tokenizer: Any, texts: Sequence[str], run: Run, **how: Any) -> list[list[int]] | None:
    """The tokens of each text, as the tokenizer gives them of all at once; None where the run was stopped before."""
    began, rows = time.monotonic(), list[list[int]]()
    for piece in _pieces(texts):
        if run.stopped:
            return None
        rows += tokenizer(piece, verbose=False, return_attention_mask=False, return_token_type_ids=False, **how)[
            "input_ids"
        ]
        if time.monotonic() - began > _QUIET:
            run.emit(Advance(len(rows), len(texts), "items"))
    return None if run.stopped else rows


def worth_reading(texts: Sequence[str], limit: int | None, keeps: Keeps = "all") -> list[str]:
    """The texts, those with more letters than can matter cut to the start or the end that is kept.

    `limit` is how many tokens fit. InputError for a longer text where all of it is wanted, naming the first.
    """
    most = max(LETTERS, _EACH * limit) if limit else UNLIMITED
    if keeps == "all":
        for number, text in enumerate(texts, 1):
            if len(text) > most:
                which = f"input {number} of {len(texts)}" if len(texts) > 1 else "the input"
                raise _too_long(which, text, most, limit)
        return list(texts)
    return [text[:most] if keeps == "start" else text[-most:] for text in texts]


def refuse_empty(rows: Sequence[Sequence[int]], texts: Sequence[Any]) -> None:
    """InputError for a text of which the tokenizer makes nothing, naming the first: no model reads that."""
    for number, row in enumerate(rows, 1):
        if not row:
            which = f"input {number} of {len(rows)}" if len(rows) > 1 else "the input"
            text = describe(texts[number - 1])
            raise InputError(
                f"{which} has no tokens: {text} is empty to this model", fix="leave it out, or give a text"
            )


def _pieces(texts: Sequence[str]) -> Iterator[list[str]]:
    """Texts that are read at once: a single one may be longer than a piece."""
    piece, letters = list[str](), 0
    for text in texts:
        if piece and (len(piece) == _TEXTS or letters + len(text) > _PIECE):
            yield piece
            piece, letters = [], 0
        piece.append(text)
        letters += len(text)
    if piece:
        yield piece


def _too_long(which: str, text: str, most: int, limit: int | None) -> InputError:
    fit = f"at most {limit} tokens fit, and no text beyond {most:,} letters is read for them" if limit else ""
    item = "" if which == "the input" else f": {describe(text)}"
    return InputError(
        f"{which} has {len(text):,} letters; {fit or f'at most {most:,} are read'}{item}",
        fix="shorten it, or say truncate: true" if limit else "shorten it",
    )
