"""How many tokens a model can look at: by its positions, its tokenizer, and what sentence-transformers' files say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mc_jupyter.drivers._transformers.sentences import Sentences

_NAMES = ("max_position_embeddings", "n_positions", "max_encoder_position_embeddings", "seq_length")


def window(places: int | None, tokenizer: Any, said: Sentences | None = None) -> int | None:
    """None where its design sets no limit. What sentence-transformers' files say counts instead of the tokenizer's.

    `places` are the model's own, of `positions`.
    """
    own = (said.window if said else None) or tokenizer.model_max_length
    limits = [places, own if isinstance(own, int) and own < 1e9 else None]  # without one, it says 1e30
    return min((n for n in limits if n is not None), default=None)


def positions(model: Any) -> int | None:
    """How many tokens the model has positions for. All of its modules are looked at: once, when it is loaded."""
    config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
    found = [getattr(config, name, None) for name in _NAMES]
    limits = [n for n in found if isinstance(n, int) and n > 0]
    return min(limits) - _beside_padding(model, limits) if limits else None


def _beside_padding(model: Any, limits: list[int]) -> int:
    """Rows of the table of positions that no token has: RoBERTa's kin count from the padding token's number on."""
    for name, table in model.named_modules():
        padding, rows = getattr(table, "padding_idx", None), getattr(table, "weight", ())
        if "position" in name.rpartition(".")[2] and padding is not None and len(rows) in limits:
            return int(padding) + 1
    return 0
