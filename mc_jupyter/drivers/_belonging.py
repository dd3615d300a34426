"""Whether a tokenizer and a model belong together, by how many words each has.

A tokenizer whose vocabulary is missing is made all the same by transformers, of its special tokens alone; another
model's gives tokens that mean something else. Both give answers, and nonsense.
"""

from __future__ import annotations

from typing import Any

from mc_jupyter.errors import WeightsError

_FEWER = 25  # an embedding has up to a 25th of rows for words to come: the most of known models is a 40th
_MORE = 50  # and lacks at most a 50th: tokens added to the tokenizer alone, which are refused where a text has them
_FEW = 200  # so many tell nothing: small models are made for trying things, by hand
_MULTIPLES = (8, 16, 32, 64, 128, 256, 512, 1024)  # what rows are rounded up to, for a GPU's sake


def check_vocabulary(tokenizer: Any, where: str = "beside its config.json") -> None:
    """WeightsError for a tokenizer of special tokens alone. `where` is the place of its files."""
    files = tokenizer.vocab_files_names
    if not files:  # it reads bytes, or characters by their number
        return
    if tokenizer.vocab_size - len(tokenizer.all_special_tokens) <= 1:  # `▁`, which some are made with
        raise WeightsError(
            f"the tokenizer has {len(tokenizer)} words, all of them special: its vocabulary is not among the files",
            fix=f"put the model's own {_needed(files)} {where}",
        )


def check_rows(tokenizer: Any, rows: int | None, subject: str) -> None:
    """WeightsError for a tokenizer and an embedding of so many `rows` whose sizes cannot be one model's."""
    if rows is None or not tokenizer.vocab_files_names:
        return
    words = len(tokenizer)
    lacks, has_besides = tokenizer.vocab_size - rows, rows - words
    if lacks > max(_FEW, rows // _MORE) or (has_besides > max(_FEW, rows // _FEWER) and not _is_rounded(words, rows)):
        raise WeightsError(
            f"{subject}: the tokenizer has {words:,} words and the model {rows:,}: they do not belong together",
            fix="put the model's own tokenizer files beside its config.json; if it was trained so, "
            "model.resize_token_embeddings(len(tokenizer)) makes them fit",
        )


def _is_rounded(words: int, rows: int) -> bool:
    return any(rows == -(-words // multiple) * multiple for multiple in _MULTIPLES)


def _needed(files: dict[str, str]) -> str:
    return " or ".join(dict.fromkeys(("tokenizer.json", files.get("vocab_file", "tokenizer.json"))))
