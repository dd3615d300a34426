"""Stop sequences: texts at which writing ends, whatever tokens they are split into, special ones too.

They are sought in what a reader sees. A special token is not seen; where a stop sequence names one (`<|im_end|>`,
`<|im_end|>\\n`) it is sought with that token's name in its place.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import compress

from mc_jupyter.drivers._transformers.spelling import Alphabet

_MARGIN = 4  # tokens: the first of a few may lose its blank


class Said:
    """A text with the names of special tokens in it, which are not seen."""

    def __init__(self) -> None:
        self.letters = ""
        self.seen = bytearray()  # one for each letter

    def add(self, text: str, seen: bool = True) -> None:
        self.letters += text
        self.seen += bytes([seen]) * len(text)

    def take(self, count: int) -> str:
        """What is seen of so many letters, which leave."""
        taken = "".join(compress(self.letters[:count], self.seen))
        self.letters = self.letters[count:]
        del self.seen[:count]
        return taken


class Stops:
    """The stop sequences of a call, for one tokenizer."""

    def __init__(self, sequences: Sequence[str], alphabet: Alphabet):
        self.sequences = tuple(sequences)
        self.alphabet = alphabet
        specials = {token: alphabet.name(token) for token in alphabet.specials} if sequences else {}
        self.names = {token: name for token, name in specials.items() if any(_names(s, name) for s in sequences)}

    @property
    def reach(self) -> int:
        """How many of the last tokens hold any sequence that ends with them: each gives at least one byte."""
        return max(len(each.encode()) for each in self.sequences) + _MARGIN

    def first(self, text: str) -> int | None:
        """Where the earliest begins, or None."""
        return min((at for each in self.sequences if (at := text.find(each)) >= 0), default=None)

    def begun(self, text: str) -> int:
        """How many of the last letters may be the beginning of one."""
        return max((n for each in self.sequences for n in range(1, len(each)) if text.endswith(each[:n])), default=0)

    def before(self, ids: Sequence[int]) -> str | None:
        """What is seen before the first one in these tokens; None where there is none."""
        said = self._said(ids)
        cut = self.first(said.letters)
        return None if cut is None else said.take(cut)

    def end(self, ids: Sequence[int]) -> int:
        """With how many of the tokens the first one is complete."""
        return bisect_left(range(len(ids)), True, key=lambda n: self.before(ids[:n]) is not None)

    def _said(self, ids: Sequence[int]) -> Said:
        text, said, done = self.alphabet.read(ids), Said(), 0
        for place, token in enumerate(ids):
            if name := self.names.get(token):
                at = min(len(self.alphabet.read(ids[:place])), len(text))
                said.add(text[done:at])
                said.add(name, seen=False)
                done = at
        said.add(text[done:])
        return said


def _names(sequence: str, name: str) -> bool:
    """Whether a stop sequence speaks of a special token: names it, or the beginning of several (`<|`)."""
    return name in sequence or (len(sequence) > 1 and name.startswith(sequence))
