"""How far one variant's answer agrees with the reference's.

| answers    | `agreement`                                                                   | `same`             |
|------------|-------------------------------------------------------------------------------|--------------------|
| texts      | tokens equal from the start up to the first difference / those of the longer  | every token equal  |
| labels     | 1 for the same label, else 0; `score_difference` is between the two scores    | the same label     |
| embeddings | cosine                                                                        | every number equal |
| images     | 1 - mean absolute difference / 255 of their bands, sizes being equal          | every pixel equal  |
| faces      | cosine of their first faces                                                   | every number equal |
| lists      | the mean over the items                                                       | all of them are    |
| others     | none                                                                          | none               |
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mc_jupyter.values import Batch, Embedding, Faces, Label, Text, is_image
from mc_jupyter.values.pictures import rgba


@dataclass(frozen=True, slots=True)
class Agreement:
    """`share` is between 0 and 1 (a cosine between -1 and 1)."""

    share: float | None = None
    same: bool | None = None
    score_difference: float | None = None


def agreement(reference: Any, answer: Any, *, same_tokens: bool = True) -> Agreement:
    """How far `answer` agrees with `reference`.

    `same_tokens` says that both come from one tokenizer; texts of two models are compared letter by letter.
    """
    if isinstance(reference, Batch) and isinstance(answer, Batch) and reference and len(reference) == len(answer):
        pairs = zip(reference, answer, strict=True)
        return _mean([agreement(a, b, same_tokens=same_tokens) for a, b in pairs])
    if isinstance(reference, Text) and isinstance(answer, Text):
        return _texts(reference, answer, same_tokens)
    if isinstance(reference, Label) and isinstance(answer, Label):
        return _labels(reference, answer)
    if isinstance(reference, Faces) and isinstance(answer, Faces):
        reference, answer = (Embedding(each.alias("embedding") or ()) for each in (reference, answer))
    if isinstance(reference, Embedding) and isinstance(answer, Embedding):
        return _vectors(reference, answer)
    if is_image(reference) and is_image(answer):
        return _pictures(reference, answer)
    return Agreement()


def _texts(reference: Text, answer: Text, same_tokens: bool) -> Agreement:
    a, b = reference.token_ids, answer.token_ids
    if a is None or b is None or not same_tokens:
        return Agreement(_prefix(reference, answer), str(reference) == str(answer))
    return Agreement(_prefix(a, b), a == b)


def _prefix(a: Sequence[Any], b: Sequence[Any]) -> float:
    """How much of the longer one is equal, from the start up to the first difference."""
    longer = max(len(a), len(b))
    equal = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return equal / longer if longer else 1.0


def _labels(reference: Label, answer: Label) -> Agreement:
    name = reference.get("label")
    same = answer.get("label") == name
    there, here = _score(reference, name), _score(answer, name)
    between = None if there is None or here is None else abs(here - there)
    return Agreement(float(same), same, between)


def _score(label: Label, name: Any) -> float | None:
    """What the answer gives to the label of that name."""
    if name in label.scores:
        return label.scores[name]
    return label.get("score") if label.get("label") == name else None


def _vectors(reference: Embedding, answer: Embedding) -> Agreement:
    same = list(reference) == list(answer)
    lengths = math.hypot(*reference), math.hypot(*answer)
    if len(reference) != len(answer) or not all(lengths):
        return Agreement(None, same)
    cosine = math.fsum(x * y for x, y in zip(reference, answer, strict=True)) / (lengths[0] * lengths[1])
    return Agreement(1.0 if same else min(1.0, cosine), same)


def _pictures(reference: Any, answer: Any) -> Agreement:
    if reference.size != answer.size:
        return Agreement(None, False)
    from PIL import ImageChops, ImageStat

    apart = ImageStat.Stat(ImageChops.difference(rgba(reference), rgba(answer)))
    return Agreement(1 - sum(apart.mean) / len(apart.mean) / 255, not any(apart.sum))


def _mean(parts: list[Agreement]) -> Agreement:
    known = [part.same for part in parts if part.same is not None]
    return Agreement(
        _average(part.share for part in parts),
        all(known) if len(known) == len(parts) else None,
        _average(part.score_difference for part in parts),
    )


def _average(numbers: Iterable[float | None]) -> float | None:
    """The mean, or None where one of them is not known."""
    found = list(numbers)
    known = [n for n in found if n is not None]
    return sum(known) / len(known) if known and len(known) == len(found) else None
