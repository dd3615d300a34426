"""Answers without a model: every task, at once, from the input itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers import Driver, Facts, ModelKey, TaskCall
from mc_jupyter.events import Advance, Piece, Preview, Run
from mc_jupyter.tasks import Task
from mc_jupyter.values import Batch, Embedding, Faces, Label, Text, is_image
from mc_jupyter.values.pictures import marked

if TYPE_CHECKING:
    from mc_jupyter.weights import Checkpoint

_WIDTH = 8  # numbers in an echoed vector
_STEPS = 4  # in which an image is drawn
_SIDE = 256  # pixels of an image whose size nobody said


class Echo(Driver):
    """Answers without a model: text comes back, labels and vectors are computed from its letters.

    For trying a document out, and for tests: the same input always gives the same result, nothing is downloaded.
    """

    words = ("echo",)
    needs_weights = False

    @classmethod
    def recipe(cls, task: type[Task]) -> Callable[[Echo, TaskCall], list[Any]]:
        return lambda self, call: self._answers(task, call)

    @classmethod
    def load(cls, key: ModelKey, checkpoint: Checkpoint | None, run: Run) -> Echo:
        return cls()

    def _answers(self, task: type[Task], call: TaskCall) -> list[Any]:
        results = []
        for position, item in enumerate(call.items):
            if call.run.stopped:
                break
            results.append(self._answer(task, item, call, position))
            call.run.emit(Advance(position + 1, len(call.items), "items"))
        return results + [None] * (len(call.items) - len(results))

    def facts(self) -> Facts:
        return Facts(device="cpu", dtype="none", bytes=0, parameters=0, architecture="echo")

    def _answer(self, task: type[Task], item: Any, call: TaskCall, position: int) -> Any:
        if task.result is Text:
            return self._text(_words_of(item), call, position)
        if task.result is Label:
            return _label(str(item), call)
        if task.result is Embedding:
            return Embedding(_numbers(str(item)))
        if task.result is Faces:
            return Faces(faces=[], width=getattr(item, "width", 0), height=getattr(item, "height", 0))
        if task.name == "image-generation":
            return self._drawn(str(item), call, position)
        return _enlarged(item, call) if task.name == "image-upscale" else item

    def _drawn(self, prompt: str, call: TaskCall, position: int) -> Any:
        """Flat pictures of the size asked for, their colour made from description and seed; each has a seed."""
        count = call.action.num_images_per_prompt
        first = (call.action.seed or 0) + position * count
        drawn = []
        for image in range(count):
            if call.run.stopped:
                break
            drawn.append(self._picture(prompt, call, first + image, position * count + image))
        return (drawn[0] if drawn else None) if count == 1 else Batch(drawn)

    def _picture(self, prompt: str, call: TaskCall, seed: int, number: int) -> Any:
        """One of them, drawn in steps: at each it has as much of its colour."""
        from PIL import Image

        action = call.action
        steps, colour = action.num_inference_steps or _STEPS, _colour(prompt, seed)
        facts = {"prompt": prompt, "negative_prompt": action.negative_prompt, "seed": seed}
        image = Image.new("RGB", (action.width or _SIDE, action.height or _SIDE), "grey")
        for step in range(1, steps + 1):
            if call.run.stopped:
                return marked(image, **facts, interrupted=f"step {step - 1} of {steps}")
            image = Image.blend(image, Image.new("RGB", image.size, colour), 1 / (steps + 1 - step))
            call.run.emit(Advance(step, steps, "steps"))
            call.run.emit(Preview(image, number))
        return marked(image, **facts, num_inference_steps=steps)

    def _text(self, text: str, call: TaskCall, position: int) -> Text:
        """The words of the input, as many as may be written, one piece at a time."""
        words = list(_pieces(text))[: getattr(call.action, "max_output_length", None)]
        written: list[str] = []
        for word in words:
            if call.run.stopped:
                return Text("".join(written), finish_reason="interrupted", tokens=len(written))
            written.append(word)
            call.run.emit(Piece(word, position))
        reason = "stop" if len(words) == len(list(_pieces(text))) else "length"
        return Text("".join(written), finish_reason=reason, tokens=len(written), prompt_tokens=len(words))


def _words_of(item: Any) -> str:
    """A text itself; of a conversation what was said last; of anything else what it is."""
    if isinstance(item, list) and item:
        return getattr(item[-1], "content", None) or ""
    return item if isinstance(item, str) else f"{type(item).__name__}"


def _pieces(text: str) -> Iterator[str]:
    """Words with the blanks after them: together they are the text."""
    start = 0
    for i in range(1, len(text) + 1):
        if i == len(text) or (text[i - 1].isspace() and not text[i].isspace()):
            yield text[start:i]
            start = i


def _numbers(text: str) -> list[float]:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    raw = [byte / 127.5 - 1 for byte in digest[:_WIDTH]]
    length = sum(x * x for x in raw) ** 0.5 or 1.0
    return [x / length for x in raw]


def _label(text: str, call: TaskCall) -> Label:
    names = getattr(call.settings, "labels", None) or ["NEGATIVE", "POSITIVE"]
    best = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[0] % len(names)
    row = [1.0 if i == best else 0.0 for i in range(len(names))]
    found: dict[str, Any] = {"label": names[best], "score": 1.0, "label_id": best}
    if getattr(call.action, "return_probabilities", False):
        found["probabilities"] = row
    return Label(found, scores=dict(zip(names, row, strict=True)))


def _enlarged(image: Any, call: TaskCall) -> Any:
    """The image, larger; where it is no image, as it is."""
    if not is_image(image):
        return image
    scale = call.action.scale or 2
    large = image.resize((round(image.width * scale), round(image.height * scale)))
    return marked(large, before=image, scale=scale)


def _colour(prompt: str, seed: int) -> Any:
    """One colour for a description and a seed."""
    written = prompt if not seed else f"{prompt} {seed}"
    return tuple(hashlib.sha256(written.encode("utf-8", "surrogatepass")).digest()[:3])
