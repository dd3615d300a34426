"""What the numbers of a classifier's head mean: odds among classes, a yes or no to each, or a measure as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from mc_jupyter.errors import InputError
from mc_jupyter.words import listing

Function = Literal["softmax", "sigmoid", "none"]
_WORDS: dict[str, Function] = {"softmax": "softmax", "sigmoid": "sigmoid", "none": "none"}


def function_of(config: Any) -> Function:
    """What is done to a head's numbers. The files may name it; else it follows from what the head was trained for.

    The order is that of transformers' own pipeline, which gives one class alone a sigmoid, unless a reranker that
    sentence-transformers saved says that it has none. (Of several classes it says so where nobody asked for odds.)
    """
    if named := _WORDS.get(str(getattr(config, "function_to_apply", "")).lower()):
        return named
    if config.problem_type == "regression" or (config.num_labels == 1 and _measures(config)):
        return "none"
    if config.problem_type == "multi_label_classification" or config.num_labels == 1:
        return "sigmoid"
    return "softmax"


def _measures(config: Any) -> bool:
    """Whether a cross-encoder's one number is a measure, by what sentence-transformers has written of it."""
    said = getattr(config, "sentence_transformers", None) or {}
    named = said.get("activation_fn") if isinstance(said, dict) else None
    named = named or getattr(config, "sbert_ce_default_activation_function", None)
    return str(named).rpartition(".")[2] == "Identity"


def names_of(config: Any) -> list[str]:
    """The classes' names in the model's order; InputError where the files do not name each of them."""
    found = config.id2label
    if lacking := [i for i in range(config.num_labels) if isinstance(found.get(i, []), list | dict)]:
        raise InputError(
            f"the model has {config.num_labels} classes, from 0 on, and id2label in its config.json names none of "
            f"{listing([*map(str, lacking)], 'and')}",
            fix="labels: [a name for each, in the model's order]",
        )
    return [str(found[i]) if found[i] is not None else f"LABEL_{i}" for i in range(config.num_labels)]


def apart(names: Sequence[str]) -> list[str]:
    """Names that are as many as the classes: of those that several have, each with its number."""
    return [f"{name} ({i})" if names.count(name) > 1 else name for i, name in enumerate(names)]


def scores(logits: list[float], function: Function) -> list[float]:
    """A text's logits, one for each class → its scores."""
    import torch

    if function == "none":
        return logits
    row = torch.tensor(logits)
    found: list[float] = (row.sigmoid() if function == "sigmoid" else row.softmax(-1)).tolist()
    return found
