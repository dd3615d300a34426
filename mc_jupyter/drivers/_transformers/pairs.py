"""What classifiers read: texts alone or in pairs, as tokens, with the number that says which text each token is of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mc_jupyter.drivers._transformers.tokens import tokenized
from mc_jupyter.errors import InputError
from mc_jupyter.events import Run

_AT_ONCE = 64  # pairs: a run is stopped between


@dataclass(frozen=True, slots=True)
class Rows:
    """The tokens of each input, and where a tokenizer gives them the types of these: 1 for a pair's second text."""

    ids: list[list[int]]
    types: list[list[int]] | None = None


def seconds_of(texts: Sequence[str], given: str | list[str] | None) -> list[str] | None:
    """A second text for each; None where there are no pairs."""
    if given is None:
        return None
    if isinstance(given, str):
        return [given] * len(texts)
    if len(given) != len(texts):
        raise InputError(
            f"there are {len(given)} texts in text_pair for {len(texts)} in text", fix="one for all, or one for each"
        )
    return list(given)


def read(tokenizer: Any, texts: Sequence[str], seconds: Sequence[str] | None, run: Run, **how: Any) -> Rows | None:
    """None where the run was stopped before."""
    if seconds is None:
        rows = tokenized(tokenizer, texts, run, **how)
        return None if rows is None else Rows(rows)
    ids, types = list[list[int]](), list[list[int]]()
    for start in range(0, len(texts), _AT_ONCE):
        if run.stopped:
            return None
        part = slice(start, start + _AT_ONCE)
        found = tokenizer(list(texts[part]), list(seconds[part]), verbose=False, return_attention_mask=False, **how)
        ids += found["input_ids"]
        types += found.get("token_type_ids", ())
    return Rows(ids, types or None)
