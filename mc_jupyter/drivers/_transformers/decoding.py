"""Writing text with a transformers model: one `model.generate` per batch, watched token by token."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers import _numbers as numbers
from mc_jupyter.drivers._chance import Chance
from mc_jupyter.drivers._transformers.sampling import Drawn, lent
from mc_jupyter.errors import InputError
from mc_jupyter.events import Advance, Piece, Run
from mc_jupyter.values import Batch, Text

if TYPE_CHECKING:
    import torch

DEFAULT_OUTPUT = 1024  # tokens; model-compose's default


class Decoder:
    """Writes with one model; knows its window and which tokens end a text."""

    def __init__(self, model: Any, tokenizer: Any, pad_id: int, window: int | None):
        self.model = model
        self.tokenizer = tokenizer
        self.pad_id = pad_id
        self.window = window
        self.shares_window = not model.config.is_encoder_decoder  # prompt and answer, that is
        ends = model.generation_config.eos_token_id
        ends = tokenizer.eos_token_id if ends is None else ends
        self.ends = frozenset(ends if isinstance(ends, list) else [] if ends is None else [ends])
        self.shown: dict[int, Shown] = {}
        self.seeds: dict[int, int] = {}

    def write(self, inputs: dict[str, torch.Tensor], action: Any, run: Run, positions: list[int]) -> Iterator[Any]:
        """One Text (or a Batch of them, when several are asked for) for each row of the inputs."""
        import torch

        prompt = self._before(inputs)
        room = self._room(action, prompt)
        several = action.num_return_sequences
        chances = [Chance(self.seed(position, action)) for position in positions]
        watch = Watch(self, action, run, prompt, room, positions if several == action.num_beams == 1 else [])
        processors = [_Numbers(prompt), _Shortest(min(action.min_output_length, room), prompt, self.ends)]
        if action.samples:
            processors.append(Drawn(chances))
        with torch.inference_mode(), lent(self.model, chances[0]):
            rows = self.model.generate(
                **inputs,
                **self._arguments(action, room),
                stopping_criteria=[watch],
                logits_processor=processors,
            )
        lengths = self._lengths(inputs)
        seeds = [chance.seed if action.samples else None for chance in chances]
        texts = [
            self._text(row[prompt:].tolist(), action, run, lengths[i // several], seeds[i // several])
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

    def showing(self, position: int, stops: list[str]) -> Shown:
        """What shows a row's text. One that is written again (memory ran out) shows the rest when it is finished."""
        before = self.shown.get(position)
        if before is None or not before.sent:
            self.shown[position] = Shown(self.tokenizer, stops)
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
        wanted: int = action.max_output_length or DEFAULT_OUTPUT
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

    def _text(self, ids: list[int], action: Any, run: Run, prompt_tokens: int, seed: int | None) -> Text:
        """The finished answer: special tokens dropped, cut at the first stop sequence."""
        ended = next((i for i, token in enumerate(ids) if token in self.ends), None)
        reason = "length" if ended is None else "stop"
        ids = ids if ended is None else ids[:ended]
        text = self.tokenizer.decode(ids, skip_special_tokens=True)
        cut = first_stop(text, action.stop_sequences)
        if cut is not None:
            text, reason = text[:cut], "stop"
        elif run.stopped and ended is None:
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


def first_stop(text: str, stops: list[str]) -> int | None:
    """Where the earliest stop sequence begins in a text, or None."""
    return min((at for stop in stops if (at := text.find(stop)) >= 0), default=None)


class Watch:
    """transformers' StoppingCriteria: sees every token as it comes, shows it, and says which rows are done."""

    def __init__(self, decoder: Decoder, action: Any, run: Run, prompt: int, room: int, positions: list[int]):
        self.decoder = decoder
        self.run = run
        self.prompt = prompt
        self.room = room
        self.stops = action.stop_sequences
        self.shortest = action.min_output_length
        self.positions = positions
        self.shown = [decoder.showing(position, self.stops) for position in positions]
        self.rows_done: set[int] = set()

    def __call__(self, input_ids: torch.Tensor, scores: Any, **ignored: Any) -> torch.Tensor:
        import torch

        written = input_ids.shape[1] - self.prompt
        self.run.emit(Advance(written, self.room, "tokens"))
        if self.positions:
            self._show(input_ids[:, -1].tolist())
        done = torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)
        if self.run.stopped:
            return ~done
        if self.stops and written >= self.shortest:
            for i, row in enumerate(input_ids[:, self.prompt :].tolist()):
                done[i] = self._stops(row)
        return done

    def _show(self, tokens: list[int]) -> None:
        for i, (token, shown) in enumerate(zip(tokens, self.shown, strict=True)):
            if i in self.rows_done:
                continue
            if token in self.decoder.ends:
                self.rows_done.add(i)
            elif piece := shown.add(token):
                self.run.emit(Piece(piece, self.positions[i]))

    def finish(self, texts: list[Text]) -> None:
        """Show what was held back: an unfinished character, or what might have begun a stop sequence."""
        for position, text, shown in zip(self.positions, texts, self.shown, strict=False):
            if text.startswith(shown.sent) and (rest := text[len(shown.sent) :]):
                self.run.emit(Piece(rest, position))

    def _stops(self, ids: list[int]) -> bool:
        # A token gives at least one byte, so the last so many tokens hold any stop sequence that ends here.
        tail = ids[-(max(len(s.encode()) for s in self.stops) + 4) :]
        return first_stop(self.decoder.tokenizer.decode(tail, skip_special_tokens=True), self.stops) is not None


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


class Shown:
    """Text from tokens as they come: whole characters only, and never the beginning of a stop sequence."""

    def __init__(self, tokenizer: Any, stops: list[str]):
        self.piece = _pieces(tokenizer)
        self.stops = stops
        self.held = ""
        self.sent = ""
        self.closed = False

    def add(self, token: int) -> str:
        text = "" if self.closed else self.piece(token)
        if not text:
            return ""
        piece = self._release(self.held + text) if self.stops else text
        self.sent += piece
        return piece

    def _release(self, text: str) -> str:
        cut = first_stop(text, self.stops)
        if cut is not None:
            self.held, self.closed = "", True
            return text[:cut]
        keep = max((n for stop in self.stops for n in range(1, len(stop)) if text.endswith(stop[:n])), default=0)
        self.held = text[len(text) - keep :]
        return text[: len(text) - keep]


def _pieces(tokenizer: Any) -> Callable[[int], str]:
    """A function from each next token to the text it completes: "" while a character's bytes are not all there."""
    if tokenizer.is_fast:
        from tokenizers.decoders import DecodeStream

        stream, backend = DecodeStream(skip_special_tokens=True), tokenizer.backend_tokenizer
        return lambda token: stream.step(backend, token) or ""
    return _Slowly(tokenizer).piece


class _Slowly:
    """The same with a Python tokenizer: tokens are decoded after those before them, which give them their context."""

    def __init__(self, tokenizer: Any):
        self.tokenizer = tokenizer
        self.ids: list[int] = []
        self.before = self.read = 0

    def piece(self, token: int) -> str:
        self.ids.append(token)
        context = self.tokenizer.decode(self.ids[self.before : self.read], skip_special_tokens=True)
        text: str = self.tokenizer.decode(self.ids[self.before :], skip_special_tokens=True)
        if text.endswith("\ufffd"):
            return ""
        self.before, self.read = self.read, len(self.ids)
        return text[len(context) :]
