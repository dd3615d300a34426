"""What the numbers of a classifier's head mean: odds among classes, a yes or no to each, or a measure as it is."""

from __future__ import annotations

from typing import Any, Literal

Function = Literal["softmax", "sigmoid", "none"]
_WORDS: dict[str, Function] = {"softmax": "softmax", "sigmoid": "sigmoid", "none": "none"}


def function_of(config: Any) -> Function:
    """What is done to a head's numbers. The files may name it; else it follows from what the head was trained for.

    The order is that of transformers' own pipeline, which gives one class alone a sigmoid.
    """
    if named := _WORDS.get(str(getattr(config, "function_to_apply", "")).lower()):
        return named
    if config.problem_type == "regression":
        return "none"
    if config.problem_type == "multi_label_classification" or config.num_labels == 1:
        return "sigmoid"
    return "softmax"


def scores(logits: list[float], function: Function) -> list[float]:
    """A text's logits, one for each class → its scores."""
    import torch

    if function == "none":
        return logits
    row = torch.tensor(logits)
    found: list[float] = (row.sigmoid() if function == "sigmoid" else row.softmax(-1)).tolist()
    return found
