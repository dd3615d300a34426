"""What flows through a document: text, labels, embeddings, batches, faces, images and streams.

A result is a plain value with names: `Text` is a `str`, `Label` a `dict`, `Embedding` a `list`. What a plain value
lacks it may answer by `alias(key)`, which an expression asks only when the ordinary look-up finds nothing, so that
both `${result}` and `${result.embedding}` mean what a reader expects. How one becomes another is in `conversions`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any, SupportsIndex, overload

from mc_jupyter.values.faces import Faces
from mc_jupyter.values.streams import Stream

__all__ = ["Batch", "Embedding", "Faces", "Label", "Stream", "Text", "describe", "is_image", "look_up", "look_up_or"]

_ABSENT: Any = object()


class Text(str):
    """Generated text, and how its generation went. `tokens` counts the completion, `prompt_tokens` the prompt.

    >>> answer = Text("Hi!", finish_reason="stop", tokens=2)
    >>> answer.alias("choices")[0]["message"]["content"]
    'Hi!'
    """

    finish_reason: str | None
    prompt_tokens: int | None
    tokens: int | None
    token_ids: tuple[int, ...] | None
    window: int | None
    seed: int | None

    def __new__(
        cls,
        text: str = "",
        *,
        finish_reason: str | None = None,
        prompt_tokens: int | None = None,
        tokens: int | None = None,
        token_ids: Iterable[int] | None = None,
        window: int | None = None,
        seed: int | None = None,
    ) -> Text:
        self = super().__new__(cls, text)
        self.finish_reason, self.prompt_tokens, self.tokens = finish_reason, prompt_tokens, tokens
        self.token_ids = None if token_ids is None else tuple(token_ids)
        self.window, self.seed = window, seed
        return self

    def alias(self, key: str) -> Any:
        if key in ("text", "generated_text", "content", "caption"):
            return str(self)
        if key == "message":
            return {"role": "assistant", "content": str(self)}
        if key == "choices":
            return [self._choice()]
        if key in ("finish_reason", "prompt_tokens", "tokens", "token_ids", "window", "seed"):
            return getattr(self, key)
        raise KeyError(key)

    def _choice(self) -> dict[str, Any]:
        text = str(self)
        return {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "content": [{"type": "text", "text": text}],
            "text": text,
            "finish_reason": self.finish_reason,
        }


class Label(dict[str, Any]):
    """A classification: `label`, `score`, `label_id`, and `probabilities` where they were asked for.

    `scores` says the probability of every label, by its name.
    """

    scores: dict[str, float]

    def __init__(self, *entries: Any, scores: Mapping[str, float] | None = None, **named: Any):
        super().__init__(*entries, **named)
        self.scores = dict(scores or {})

    def alias(self, key: str) -> Any:
        if key == "scores":
            return self.scores
        raise KeyError(key)


class Embedding(list[float]):
    """One vector. Its `repr` is short; `list(vector)` shows every number."""

    def __repr__(self) -> str:
        shown = ", ".join(f"{number:.4f}" for number in self[:3])
        return f"<embedding of {len(self)}: {shown}, …>" if len(self) > 3 else super().__repr__()

    def alias(self, key: str) -> Any:
        if key in ("embedding", "vector"):
            return self
        raise KeyError(key)


class Batch(list[Any]):
    """The results of a list of inputs, in their order. A name it is asked for is asked of every one of them."""

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Any: ...
    @overload
    def __getitem__(self, index: slice, /) -> Batch: ...
    def __getitem__(self, index: SupportsIndex | slice, /) -> Any:
        found = super().__getitem__(index)
        return Batch(found) if isinstance(index, slice) else found

    def alias(self, key: str) -> Any:
        found = [look_up_or(item, key, _ABSENT) for item in self]
        if found and all(item is _ABSENT for item in found):
            raise KeyError(key)
        return [None if item is _ABSENT else item for item in found]


def look_up(value: object, key: str) -> Any:
    """What `value` answers to a name: an entry, a field of a model, or an alias. Raises KeyError.

    Nothing else is reachable: no attributes, no calls.
    """
    if isinstance(value, Mapping) and key in value:
        return value[key]
    fields = getattr(type(value), "model_fields", None)
    if isinstance(fields, Mapping) and key in fields:
        return getattr(value, key)
    alias = getattr(type(value), "alias", None)
    if alias is not None and not isinstance(value, type):
        return alias(value, key)
    if is_image(value):
        return _of_image(value, key)
    raise KeyError(key)


def _of_image(image: Any, key: str) -> Any:
    """The names an image answers to: itself, its size, and what is known of how it was made."""
    from mc_jupyter.values.pictures import origin

    if key in ("image", "images"):
        return image if key == "image" else [image]
    if key in ("width", "height"):
        return getattr(image, key)
    known = origin(image)
    if key in ("prompt", "seed") and (found := known.of_first(key)) is not None:
        return found
    return known.facts[key]


def look_up_or(value: object, key: str, otherwise: Any) -> Any:
    try:
        return look_up(value, key)
    except KeyError:
        return otherwise


def is_image(value: object) -> bool:
    """Whether this is a PIL image. Never imports PIL: where it is not loaded, nothing is one."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


_LONG = 10**40  # Python itself writes no number of more than 4300 digits


def describe(value: Any) -> str:
    """A value in a few words, for messages: `the text 'abc…'`, `a list of 3`, `an image of 4×5`."""
    if isinstance(value, str):
        return f"the text {value if len(value) <= 40 else value[:39] + '…'!r}"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value)} bytes"
    if isinstance(value, Faces):
        return f"a picture with {len(value)} face{'' if len(value) == 1 else 's'}"
    if isinstance(value, Mapping):
        return f"a mapping of {len(value)}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if is_image(value):
        return f"an image of {value.width}×{value.height}"
    if isinstance(value, Stream):
        return "a stream"
    if isinstance(value, int) and abs(value) >= _LONG:
        return f"a whole number of {value.bit_length() * 30103 // 100000} digits"
    if value is None or isinstance(value, bool | int | float):
        return "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    name = type(value).__name__
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"
