"""What a model gives of an answer's first tokens, before anything chooses among them: what rows are compared by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers._chance import Chance
from mc_jupyter.drivers._transformers.sampling import lent

if TYPE_CHECKING:
    import torch

    from mc_jupyter.drivers._transformers.decoding import Decoder

_STEPS = 6  # a prompt read at once, then a token at a time, beyond what a compressed cache holds back


def first_scores(decoder: Decoder, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """(rows, steps, vocabulary). Every row writes a token of its prompt: what comes next is comparable by that."""
    import torch

    shares, window = decoder.shares_window, decoder.window
    left = window - inputs["input_ids"].shape[1] if window and shares else _STEPS
    with torch.inference_mode(), lent(decoder.drawing, Chance(0)):
        found: Any = decoder.model.generate(
            **inputs,
            **{**decoder.habits.plain, "return_dict_in_generate": True, "output_logits": True},
            max_new_tokens=max(1, min(_STEPS, left)),
            do_sample=False,
            num_beams=1,
            num_return_sequences=1,
            pad_token_id=decoder.pad_id,
            logits_processor=[_Only(inputs["input_ids"][:, -1 if shares else 0])],
        )
    return torch.stack(found.logits, 1).float()


class _Only:
    """A LogitsProcessor: the next token of each row is this one."""

    def __init__(self, tokens: torch.Tensor):
        self.tokens = tokens

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        forced = scores.new_full(scores.shape, float("-inf"))
        return forced.scatter(1, self.tokens.clamp(max=scores.shape[-1] - 1).unsqueeze(1), 0.0)
