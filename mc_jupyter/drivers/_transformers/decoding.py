"""Writing text with a transformers model: one `model.generate` per batch, watched token by token."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers import _numbers as numbers
from mc_jupyter.drivers._chance import Chance
from mc_jupyter.drivers._transformers.habits import Habits
from mc_jupyter.drivers._transformers.sampling import Drawn, lent
from mc_jupyter.drivers._transformers.spelling import Alphabet
from mc_jupyter.drivers._transformers.stops import Stops
from mc_jupyter.drivers._transformers.watching import Shown, Watch
from mc_jupyter.errors import InputError
from mc_jupyter.events import Run
from mc_jupyter.values import Batch, Text

if TYPE_CHECKING:
    import torch

DEFAULT_OUTPUT = 1024  # tokens; model-compose's default


class Decoder:
    """Writes with one model; knows its window, which tokens end a text, and which layers draw whenever they read."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        pad_id: int,
        window: int | None,
        habits: Habits,
        drawing: Sequence[Any] = (),
        alphabet: Alphabet | None = None,
    ):
        self.model = model
        self.habits = habits
        self.tokenizer = tokenizer
        self.pad_id = pad_id
        self.window = window
        self.drawing = drawing
        self._alphabet = alphabet
        self.shares_window = not model.config.is_encoder_decoder  # prompt and answer, that is
        ends = model.generation_config.eos_token_id
        ends = tokenizer.eos_token_id if ends is None else ends
        self.ends = frozenset(ends if isinstance(ends, list) else [] if ends is None else [ends])
        self.shown: dict[int, Shown] = {}
        self.seeds: dict[int, int] = {}

    def write(self, inputs: dict[str, torch.Tensor], action: Any, run: Run, positions: list[int]) -> Iterator[Any]:
        """One Text (or a Batch of them, when several are asked for) for each row of the inputs."""
        import torch

        action = self.habits.over(action)
        prompt = self._before(inputs)
        room = self._room(action, prompt)
        several = action.num_return_sequences
        chances = [Chance(self.seed(position, action)) for position in positions]
        stops = Stops(action.stop_sequences, self.alphabet) if action.stop_sequences else None
        shown = [self.showing(each, stops) for each in positions] if self._shows(action, run) else []
        watch = Watch(run, stops, self.ends, shown, positions, prompt=prompt, room=room)
        processors = [_Numbers(prompt), _Shortest(min(action.min_output_length, room), prompt, self.ends)]
        if action.samples:
            processors.append(Drawn(chances))
        with torch.inference_mode(), lent(self.drawing, chances[0] if action.samples else Chance(0)):
            rows = self.model.generate(
                **inputs,
                **self.habits.arguments(action, prompt, room),
                **self._arguments(action, room),
                stopping_criteria=[watch],
                logits_processor=processors,
            )
        lengths = self._lengths(inputs)
        seeds = [chance.seed if action.samples else None for chance in chances]
        texts = [
            self._text(row[prompt:].tolist(), stops, run, lengths[i // several], seeds[i // several])
            for i, row in enumerate(rows)
        ]
        watch.finish(texts)
        for i in range(len(positions)):
            own = texts[i * several : (i + 1) * several]
            yield own[0] if several == 1 else Batch(own)

    def seed(self, position: int, action: Any) -> int:
        """The seed of one input: the call's, as if it were alone; or its own, the same when it is written again."""
        if action.seed is not None:
            return int(action.seed)
        return self.seeds.setdefault(position, secrets.randbits(32))

    @cached_property
    def alphabet(self) -> Alphabet:
        return self._alphabet or Alphabet(self.tokenizer)

    @staticmethod
    def _shows(action: Any, run: Run) -> bool:
        """Whether rows are shown as they are written: beams change until the end."""
        return run.heard and bool(action.num_return_sequences == action.num_beams == 1)

    def showing(self, position: int, stops: Stops | None) -> Shown:
        """What shows a row's text. One that is written again (memory ran out) shows the rest when it is finished."""
        before = self.shown.get(position)
        if before is None or not before.sent:
            self.shown[position] = Shown(stops or Stops((), self.alphabet))
        else:
            before.closed = True
        return self.shown[position]

    def _before(self, inputs: dict[str, torch.Tensor]) -> int:
        """How many tokens each row that `generate` returns begins with, which it did not write."""
        return 1 if self.model.config.is_encoder_decoder else inputs["input_ids"].shape[1]

    def _lengths(self, inputs: dict[str, torch.Tensor]) -> list[int]:
        """The length of each prompt, without what fills it up."""
        lengths: list[int] = inputs["attention_mask"].sum(1).tolist()
        return lengths

    def _room(self, action: Any, prompt: int) -> int:
        """How many tokens may be written: what was asked for, within what the window leaves."""
        wanted: int = action.max_output_length or self.habits.room(action, prompt) or DEFAULT_OUTPUT
        if self.window is None or not self.shares_window:
            return wanted
        left = self.window - prompt
        if left < 1:
            raise InputError(
                f"the input fills the model's window of {self.window} tokens: there is no room to write",
                fix="shorten it, or say truncate: true and a max_input_length",
            )
        return min(wanted, left)

    def _arguments(self, action: Any, room: int) -> dict[str, Any]:
        arguments = {
            "max_new_tokens": room,
            "do_sample": action.samples,
            "num_beams": action.num_beams,
            "num_return_sequences": action.num_return_sequences,
            "repetition_penalty": action.repetition_penalty,
            "pad_token_id": self.pad_id,
        }
        if action.samples:
            arguments |= {"temperature": action.temperature, "top_k": action.top_k, "top_p": action.top_p}
        if action.num_beams > 1:
            arguments |= {"length_penalty": action.length_penalty, "early_stopping": action.early_stopping}
        return arguments

    def _text(self, ids: list[int], stops: Stops | None, run: Run, prompt_tokens: int, seed: int | None) -> Text:
        """The finished answer: special tokens dropped, cut at the first stop sequence."""
        ended = next((i for i, token in enumerate(ids) if token in self.ends), None)
        reason = "length" if ended is None else "stop"
        ids = ids if ended is None else ids[:ended]
        if stops and stops.before(ids) is not None:
            ids = ids[: stops.end(ids)]  # in a list, others may have gone on
            text, reason = stops.before(ids) or "", "stop"
        else:
            text = self.tokenizer.decode(ids, skip_special_tokens=True)
            if run.stopped and ended is None:
                reason = "interrupted"
        return Text(
            text,
            finish_reason=reason,
            prompt_tokens=prompt_tokens,
            tokens=len(ids),
            token_ids=tuple(ids),
            window=self.window,
            seed=seed,
        )


class _Numbers:
    """A LogitsProcessor: RunError where a model's first scores are no numbers. Drawing from them would fail, or lie."""

    def __init__(self, prompt: int):
        self.prompt = prompt

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if input_ids.shape[1] == self.prompt:
            numbers.check(scores.amax(-1), scores.dtype)  # NaN goes through it, and -inf is a token that cannot come
        return scores


class _Shortest:
    """A LogitsProcessor: no end before so many tokens. transformers' own works at every step; this one only then."""

    def __init__(self, tokens: int, prompt: int, ends: frozenset[int]):
        self.until = prompt + tokens
        self.ends = list(ends)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if input_ids.shape[1] >= self.until or not self.ends:
            return scores
        scores = scores.clone()
        # Some models name ends beyond their vocabulary.
        scores[:, [end for end in self.ends if end < scores.shape[-1]]] = float("-inf")
        return scores
