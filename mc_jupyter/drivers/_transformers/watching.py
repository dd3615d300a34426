"""Watching a text being written: it is shown as it comes, and ended at a stop sequence or where the run was stopped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers._transformers.spelling import Spelling
from mc_jupyter.drivers._transformers.stops import Said, Stops
from mc_jupyter.events import Advance, Piece, Run

if TYPE_CHECKING:
    import torch

    from mc_jupyter.values import Text


class Shown:
    """What is shown of one text: whole characters only, and never the beginning of a stop sequence."""

    def __init__(self, stops: Stops):
        self.spelling = Spelling(stops.alphabet)
        self.stops = stops
        self.held = Said()
        self.names: list[tuple[int, str]] = []  # of special tokens, each with the letters before it
        self.read = 0
        self.sent = ""
        self.closed = False

    def add(self, token: int) -> str:
        """What the token lets be shown."""
        if self.closed:
            return ""
        if name := self.stops.names.get(token):
            self.names.append((self.spelling.length, name))
        self._take_in(self.spelling.add(token))
        piece = self._release()
        self.sent += piece
        return piece

    def _take_in(self, text: str) -> None:
        """Letters that are certain, and between them the names that stand there."""
        while self.names and self.names[0][0] <= self.read + len(text):
            at, name = self.names.pop(0)
            part = text[: max(0, at - self.read)]
            self.held.add(part)
            self.held.add(name, seen=False)
            self.read, text = self.read + len(part), text[len(part) :]
        self.held.add(text)
        self.read += len(text)

    def _release(self) -> str:
        letters = self.held.letters
        cut = self.stops.first(letters)
        self.closed = cut is not None
        return self.held.take(len(letters) - self.stops.begun(letters) if cut is None else cut)


class Watch:
    """transformers' StoppingCriteria: sees every token as it comes, shows it, and says which rows are done.

    `shown` has one for each row, or none where nothing is shown before the end; `positions` are their places in the
    list that was asked for.
    """

    def __init__(
        self,
        run: Run,
        stops: Stops | None,
        ends: Collection[int],
        shown: Sequence[Shown],
        positions: Sequence[int],
        *,
        prompt: int,
        room: int,
    ):
        self.run = run
        self.stops = stops
        self.ends = ends
        self.shown = shown
        self.positions = positions
        self.prompt = prompt
        self.room = room
        self.rows_done: set[int] = set()

    def __call__(self, input_ids: torch.Tensor, scores: Any, **ignored: Any) -> torch.Tensor:
        import torch

        length = input_ids.shape[1]
        self.run.emit(Advance(length - self.prompt, self.room, "tokens"))
        if self.shown:
            self._show(input_ids[:, -1].tolist())
        done = torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)
        if self.run.stopped:
            return ~done
        if self.stops:
            start = max(self.prompt, length - self.stops.reach)
            for i, row in enumerate(input_ids[:, start:].tolist()):
                done[i] = self.stops.before(row) is not None
        return done

    def _show(self, tokens: list[int]) -> None:
        for i, (token, shown) in enumerate(zip(tokens, self.shown, strict=True)):
            if i in self.rows_done:
                continue
            if token in self.ends:
                self.rows_done.add(i)
            elif piece := shown.add(token):
                self.run.emit(Piece(piece, self.positions[i]))

    def finish(self, texts: list[Text]) -> None:
        """Show what was held back: an unfinished character, or what might have begun a stop sequence."""
        for position, text, shown in zip(self.positions, texts, self.shown, strict=False):
            if text.startswith(shown.sent) and (rest := text[len(shown.sent) :]):
                self.run.emit(Piece(rest, position))
