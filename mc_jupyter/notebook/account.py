"""Where a run stands, from its events alone: phases, amounts, rates, time left, texts and pictures on their way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from typing import Any

from mc_jupyter import words
from mc_jupyter.events import Advance, Done, Event, Note, Phase, Piece, Preview
from mc_jupyter.notebook.album import images_of
from mc_jupyter.notebook.html import FONT, MUTED, Bundle, bar, bundle, text_bundle
from mc_jupyter.values import Batch
from mc_jupyter.values.pictures import marked

_PREVIEW = 256  # pixels of a picture's longest side while it forms; of several, half of it
_PREVIEWS = 6  # pictures in the row; older ones are let go
_WINDOW = 6.0  # seconds over which a rate is measured

_DOING = {"find": "looking for", "download": "downloading", "load": "loading", "run": "running"}


@dataclass(slots=True)
class Account:
    """Where a run stands, from its events alone."""

    phase: str = ""
    subject: str = ""
    since: float = 0.0
    done: int | None = None
    total: int | None = None
    unit: str = "items"
    summary: str = ""
    notes: list[str] = field(default_factory=list)
    pieces: dict[int, list[str]] = field(default_factory=dict)
    previews: dict[int, Any] = field(default_factory=dict)
    count: int = 0
    length: int = 0
    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    def take(self, event: Event, now: float) -> None:
        if isinstance(event, Piece):
            self.pieces.setdefault(event.item, []).append(event.text)
            self.count += 1
            self.length += len(event.text)
        elif isinstance(event, Advance):
            self._advance(event, now)
        elif isinstance(event, Preview):
            self.previews.pop(event.item, None)  # the latest comes last
            self.previews[event.item] = event.image
            if len(self.previews) > _PREVIEWS:
                del self.previews[next(iter(self.previews))]
        elif isinstance(event, Phase):
            self.phase, self.subject, self.since = event.name, event.subject, now
            self.done = self.total = None
            self.previews.clear()
            self._samples.clear()
        elif isinstance(event, Note):
            self.notes.append(event.text)
        elif isinstance(event, Done):
            self.summary = event.summary

    def told(self, texts: Iterable[str]) -> None:
        """These stand elsewhere in the output: their notes are dropped."""
        self.notes = [note for note in self.notes if note not in set(texts)]

    def _advance(self, event: Advance, now: float) -> None:
        if event.unit != self.unit or (self.done is not None and event.done < self.done):
            self._samples.clear()
        self.done, self.total, self.unit = event.done, event.total, event.unit
        self._samples.append((now, event.done))
        while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW:
            self._samples.popleft()

    @property
    def share(self) -> float | None:
        """How much of the phase is done, where anybody can know."""
        return self.done / self.total if self.done is not None and self.total else None

    def rate(self) -> float | None:
        """Units a second over the last seconds; None until it can be measured."""
        if len(self._samples) < 2:
            return None
        (t0, d0), (t1, d1) = self._samples[0], self._samples[-1]
        return (d1 - d0) / (t1 - t0) if t1 - t0 > 0.2 and d1 > d0 else None

    def text(self) -> str:
        """What has been written so far. Of several answers at once, each under its number."""
        if len(self.pieces) == 1:
            return "".join(next(iter(self.pieces.values())))
        return "\n\n".join(f"[{item}] {''.join(pieces)}" for item, pieces in sorted(self.pieces.items()))

    def partial(self, result: Any) -> Any:
        """What a driver gave when it was stopped; where that is no picture, the last that was seen of each."""
        if not self.previews or images_of(result):
            return result
        at = f"{self.unit.removesuffix('s')} {self.done} of {self.total}" if self.total else "work"
        seen = [marked(image.copy(), interrupted=at) for _, image in sorted(self.previews.items())]
        return seen[0] if len(seen) == 1 else Batch(seen)

    def figures(self, now: float) -> list[str]:
        """`45 %`, `120 of 268 MB`, `12 MB/s`, `12 s left`: only what is known."""
        if self.done is None:
            return [words.seconds(now - self.since)]
        share, rate = self.share, self.rate()
        parts = [f"{share:.0%}"] if share is not None else []
        parts.append(self._amounts())
        if rate:
            parts.append(self._speed(rate))
            if self.total and self.total > self.done:
                parts.append(f"{words.seconds((self.total - self.done) / rate)} left")
        return parts

    def _amounts(self) -> str:
        assert self.done is not None
        if self.unit == "bytes":
            return self._amount(self.done) + (f" of {self._amount(self.total)}" if self.total else "")
        return f"{self.done:,}" + (f" of {self.total:,}" if self.total else "") + f" {self.unit}"

    def _amount(self, count: float) -> str:
        if self.unit == "bytes":
            from mc_jupyter.words import format_bytes

            return format_bytes(count)
        return f"{count:.3g} {self.unit}"

    def _speed(self, rate: float) -> str:
        """`12 MB/s`, `3.1 steps/s`; of what takes longer than a second, how long one takes."""
        if self.unit in ("steps", "tiles", "items") and rate < 1:
            return f"{words.seconds(1 / rate)} a {self.unit.removesuffix('s')}"
        return f"{self._amount(rate)}/s"

    def line(self, now: float) -> str:
        """Where the run stands, in one line of plain text."""
        what = f"{_DOING.get(self.phase, self.phase)} {self.subject}".strip() or "working"
        return f"{what} · {' · '.join(self.figures(now))}"

    def bundle(self, now: float) -> Bundle:
        """The text so far, or the line with a bar."""
        if self.pieces:
            return text_bundle(self.text(), f"{self.count:,} tokens so far")
        what = f"{_DOING.get(self.phase, self.phase)}"
        gauge = bar(self.share, width=160) if self.share is not None else ""
        told = escape(" · ".join(self.figures(now)))
        figures = f'<span style="{MUTED};font-variant-numeric:tabular-nums">{told}</span>'
        html = f'<div style="{FONT}">{escape(what)} <b>{escape(self.subject)}</b> {gauge} {figures}</div>'
        return bundle(self.line(now), self._pictures() + html)

    def _pictures(self) -> str:
        """What the pictures will look like, as far as the model can say: small, for they are sent again and again."""
        if not self.previews:
            return ""
        from mc_jupyter.notebook.png import sketch_uri

        shown = sorted(self.previews.items())
        side = _PREVIEW if len(shown) == 1 else _PREVIEW // 2
        tags = (
            f'<img alt="picture {item}, not finished" style="border-radius:4px;margin:0 6px 6px 0" '
            f'src="{sketch_uri(image, side)}">'
            for item, image in shown
        )
        return f'<div style="display:flex;flex-wrap:wrap">{"".join(tags)}</div>'
