"""What a tokenizer takes in memory, known from its file: a large vocabulary takes more than a small model."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from mc_jupyter.weights.memory import Estimate
from mc_jupyter.weights.reading import NotWhole, opened

# Bytes for each byte of tokenizer.json: held, and at the peak of reading it. Measured with tokenizers 0.23 and 32,000
# to 262,144 words of each kind, with what is freed returned to the system.
_FACTORS = {"BPE": (4.2, 14.0), "Unigram": (20.0, 23.0), "WordPiece": (10.0, 16.0), "WordLevel": (12.5, 16.0)}
_KIND = re.compile(rb'"model"\s*:\s*\{\s*"type"\s*:\s*"(\w+)"')
_FAR = 8_000_000  # what stands before the vocabulary is less
_SMALL = 256_000  # a file below that is two or three thousand words, which no model's memory shows


def memory(folder: Path) -> Estimate:
    """Held, and at the peak of reading it; nothing where its file is small, or is of another kind."""
    file = folder / "tokenizer.json"
    try:
        found = file.stat()
        return _memory(file, found.st_size, found.st_mtime_ns)
    except OSError:
        return Estimate(0, 0)


@functools.lru_cache(maxsize=64)
def _memory(file: Path, size: int, _changed: int) -> Estimate:
    kind = _KIND.search(_beginning(file)) if size > _SMALL else None
    held, peak = _FACTORS.get(kind[1].decode(), (0.0, 0.0)) if kind else (0.0, 0.0)
    return Estimate(round(size * held), round(size * peak))


def _beginning(file: Path) -> bytes:
    try:
        with opened(file) as stream:
            return stream.read(_FAR)
    except NotWhole:  # it is said when it is loaded
        return b""
