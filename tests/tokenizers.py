"""Tokenizers of every kind that models come with, of a few words each: what they make of tokens is what counts."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests import models

BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
_PIECES = ["▁", "a", "b", "▁the", "▁fox", ".", "'", "▁'", "s", "▁▁", "é", "🦊"]


def byte_fallback(blank_first: bool = True, **settings: Any) -> Any:
    """Pieces, and a token for each byte that no piece covers: Llama 2's; without `blank_first`, Gemma's."""
    from tokenizers import Tokenizer, decoders, normalizers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    words = ["<unk>", "<s>", "</s>", *BYTES, *_PIECES]
    core = Tokenizer(BPE({word: i for i, word in enumerate(words)}, [], unk_token="<unk>", byte_fallback=True))
    strip = [decoders.Strip(" ", 1, 0)] if blank_first else []
    core.normalizer = normalizers.Sequence([
        *([normalizers.Prepend("▁")] if blank_first else []), normalizers.Replace(" ", "▁"),
    ])  # fmt: skip
    core.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip,
    ])  # fmt: skip
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", **settings}
    return PreTrainedTokenizerFast(tokenizer_object=core, **names)


def unigram(byte_fallback: bool = False, **settings: Any) -> Any:
    """T5's and XLM-R's kind."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import Unigram
    from transformers import PreTrainedTokenizerFast

    words = ["<unk>", "</s>", *(BYTES if byte_fallback else []), *_PIECES]
    core = Tokenizer(Unigram([(word, -float(i)) for i, word in enumerate(words)], 0, byte_fallback))
    core.pre_tokenizer, core.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    if byte_fallback:
        core.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token="</s>", unk_token="<unk>", **settings)


def word_ends() -> Any:
    """A BPE that marks the ends of words: GPT's and CLIP's."""
    from tokenizers import Tokenizer, decoders
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    words = ["<unk>", "a</w>", "b", "fox</w>", "th", "e</w>", ".</w>"]
    core = Tokenizer(BPE({w: i for i, w in enumerate(words)}, [], unk_token="<unk>", end_of_word_suffix="</w>"))
    core.decoder = decoders.BPEDecoder("</w>")
    return PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>")


def joined() -> Any:
    """A Python tokenizer whose pieces say that they go on (`th@@`): CTRL's."""
    from transformers import CTRLTokenizer

    folder = Path(tempfile.mkdtemp())
    (folder / "vocab.json").write_text(json.dumps({"<unk>": 0, "th@@": 1, "c": 2, "e": 3, "d@@": 4, "fox": 5}))
    (folder / "merges.txt").write_text("#version\na b\n")
    return CTRLTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))


def raw_bytes() -> Any:
    """A Python tokenizer with a token for each byte, and no other: ByT5's."""
    from transformers import ByT5Tokenizer

    return ByT5Tokenizer()


def _cleaning(made: Any) -> Any:
    """One that takes the blank before a full stop away."""
    made.clean_up_tokenization_spaces = True
    return made


KINDS: Mapping[str, Callable[[], Any]] = {
    "byte-level": models.byte_tokenizer,
    "byte-fallback, blank first": byte_fallback,
    "byte-fallback": lambda: byte_fallback(blank_first=False),
    "word-piece": models.word_tokenizer,
    "word-piece, cleaning": lambda: _cleaning(models.word_tokenizer()),
    "unigram": unigram,
    "unigram, cleaning": lambda: _cleaning(unigram()),
    "unigram, byte-fallback": lambda: unigram(byte_fallback=True),
    "word ends": word_ends,
    "python, joined": joined,
    "python, bytes": raw_bytes,
}  # fmt: skip
