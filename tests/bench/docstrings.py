"""What the embedding benchmark reads and with what: the standard library's docstrings, and a BERT of MiniLM's shape."""

from __future__ import annotations

import ast
import random
import sysconfig
from pathlib import Path

LAYERS, WIDTH, HEADS, INNER, VOCABULARY, POSITIONS = 6, 384, 12, 1536, 30522, 512
_LEFT_OUT = {"test", "tests", "site-packages", "idlelib", "lib2to3", "turtledemo"}


def docstrings() -> list[str]:
    """Every docstring of the standard library, each once, in the order of its files."""
    root = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(f for f in root.rglob("*.py") if not _LEFT_OUT & set(f.relative_to(root).parts))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found: dict[str, None] = {}
    for file in files:
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, documented) and (text := ast.get_docstring(node)):
                found[text] = None
    return list(found)


def sample(texts: list[str], count: int = 1000) -> list[str]:
    return random.Random(0).sample(texts, count)


def minilm(folder: Path, texts: list[str]) -> Path:
    """A BERT of MiniLM's shape with random weights, and a WordPiece tokenizer trained on the texts."""
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel, BertTokenizer

    core = BertWordPieceTokenizer()
    core.train_from_iterator(texts, vocab_size=VOCABULARY, min_frequency=2, show_progress=False)
    tokenizer = BertTokenizer(vocab=core.get_vocab(), model_max_length=POSITIONS)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        intermediate_size=INNER, max_position_embeddings=POSITIONS, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def operations(lengths: list[int]) -> float:
    """Multiplications and additions that the encoder needs for texts of these lengths, nothing padded."""
    weights = LAYERS * (4 * WIDTH * WIDTH + 2 * WIDTH * INNER)
    attention = LAYERS * 2 * WIDTH
    return sum(2.0 * n * (weights + attention * n) for n in lengths)
