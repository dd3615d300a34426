"""What a run shows while it runs: one output with phases and figures, the text as it is written, pictures as they form.

`Account` follows the events and says in one line where the run stands; `Progress` decides when that is shown. Nothing
is shown of what takes less than half a second; an output changes at most 16 times a second, and less often when the
text is long, so that no front-end is flooded; at the end the same output holds the result, or nothing.
"""

from __future__ import annotations

import contextvars
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from types import TracebackType
from typing import Any, Literal

from mc_jupyter.events import Done, Event, Note, Phase, Piece, Preview, Run
from mc_jupyter.events import Progress as Advance
from mc_jupyter.notebook import display
from mc_jupyter.notebook.display import Bundle

PATIENCE = 0.5  # seconds before a phase is worth showing
INTERVAL = 0.06  # seconds between two changes of one output: below the promised 20 a second
_PICTURE_INTERVAL = 0.3  # the same while pictures are shown: each is encoded and sent again
_PREVIEW = 256  # pixels of a picture's longest side while it forms; of several, half of it
_PREVIEWS = 6  # pictures in the row
_CHARACTERS_A_SECOND = 300_000  # of streamed text sent again and again; front-ends cut off at 1 MB/s
_WINDOW = 6.0  # seconds over which a rate is measured

_DOING = {"find": "looking for", "download": "downloading", "load": "loading", "run": "running"}

Surface = Literal["live", "quiet", "terminal"]
"""An output that can be changed; one that keeps every change (`%%capture`); a terminal, where lines follow lines."""


def duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


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
            self.previews[event.item] = event.image
        elif isinstance(event, Phase):
            self.phase, self.subject, self.since = event.name, event.subject, now
            self.done = self.total = None
            self.previews.clear()
            self._samples.clear()
        elif isinstance(event, Note):
            self.notes.append(event.text)
        elif isinstance(event, Done):
            self.summary = event.summary

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

    def figures(self, now: float) -> list[str]:
        """`45 %`, `120 of 268 MB`, `12 MB/s`, `12 s left`: only what is known."""
        if self.done is None:
            return [duration(now - self.since)]
        share, rate = self.share, self.rate()
        parts = [f"{share:.0%}"] if share is not None else []
        parts.append(self._amounts())
        if rate:
            parts.append(self._speed(rate))
            if self.total and self.total > self.done:
                parts.append(f"{duration((self.total - self.done) / rate)} left")
        return parts

    def _amounts(self) -> str:
        assert self.done is not None
        if self.unit == "bytes":
            return self._amount(self.done) + (f" of {self._amount(self.total)}" if self.total else "")
        return f"{self.done:,}" + (f" of {self.total:,}" if self.total else "") + f" {self.unit}"

    def _amount(self, count: float) -> str:
        if self.unit == "bytes":
            from mc_jupyter.devices import format_bytes

            return format_bytes(count)
        return f"{count:.3g} {self.unit}"

    def _speed(self, rate: float) -> str:
        """`12 MB/s`, `3.1 steps/s`; of what takes longer than a second, how long one takes."""
        if self.unit in ("steps", "tiles", "items") and rate < 1:
            return f"{duration(1 / rate)} a {self.unit.removesuffix('s')}"
        return f"{self._amount(rate)}/s"

    def line(self, now: float) -> str:
        """Where the run stands, in one line of plain text."""
        what = f"{_DOING.get(self.phase, self.phase)} {self.subject}".strip() or "working"
        return f"{what} · {' · '.join(self.figures(now))}"

    def bundle(self, now: float) -> Bundle:
        """The text so far, or the line with a bar."""
        if self.pieces:
            return display.text_bundle(self.text(), f"{self.count:,} tokens so far")
        what = f"{_DOING.get(self.phase, self.phase)}"
        gauge = display.bar(self.share, width=160) if self.share is not None else ""
        told = escape(" · ".join(self.figures(now)))
        figures = f'<span style="{display.MUTED};font-variant-numeric:tabular-nums">{told}</span>'
        html = f'<div style="{display.FONT}">{escape(what)} <b>{escape(self.subject)}</b> {gauge} {figures}</div>'
        return {"text/plain": self.line(now), "text/html": self._pictures() + html}

    def _pictures(self) -> str:
        """What the pictures will look like, as far as the model can say: small, for they are sent again and again."""
        if not self.previews:
            return ""
        from mc_jupyter.notebook.png import sketch_uri

        shown = sorted(self.previews.items())[-_PREVIEWS:]
        side = _PREVIEW if len(shown) == 1 else _PREVIEW // 2
        tags = (
            f'<img alt="picture {item}, not finished" style="border-radius:4px;margin:0 6px 6px 0" '
            f'src="{sketch_uri(image, side)}">'
            for item, image in shown
        )
        return f'<div style="display:flex;flex-wrap:wrap">{"".join(tags)}</div>'


class Progress:
    """The one output of a run: use it in a `with` block, give its `run` to the session, and end with `show`, or not."""

    def __init__(
        self,
        publisher: Any,
        surface: Surface,
        clock: Callable[[], float] = time.monotonic,
        *,
        patient: bool = False,
        after: Progress | None = None,
    ):
        """`patient` shows text too only when it takes a while; `after` is a run whose output this one takes over."""
        self.run = Run(listener=self.listen)
        self.account = Account()
        self._publisher, self._surface, self._clock = publisher, surface, clock
        self._id: str = after._id if after else uuid.uuid4().hex
        self._shown: bool = after._shown if after else False
        self._patient = patient
        self._over = False
        self._changed = self._text_back = False
        self._last = 0.0
        self._said: set[tuple[str, str]] = set()
        self._lock = threading.RLock()
        self._end = threading.Event()
        self._ticker: threading.Thread | None = None
        self.started = self.account.since = clock()
        self.first_piece: float | None = None

    def __enter__(self) -> Progress:
        # A thread knows its cell only by the context it is started in (ipykernel 7).
        context = contextvars.copy_context()
        self._ticker = threading.Thread(target=context.run, args=(self._tick,), name="mc_jupyter progress", daemon=True)
        self._ticker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop()
        with self._lock:
            if not self._over:
                self._over = True
                self._leave()

    def _leave(self) -> None:
        """End without an answer: what a reader should still see stays, everything else goes."""
        if self.account.notes and self._surface != "terminal":
            self._publish(display.noted({"text/plain": "", "text/html": ""}, self.account.notes))
        elif self._shown:
            self._publish({"text/plain": ""})

    def announce(self, text: str) -> None:
        """Say at once what is about to be done; it gives way to how it ended."""
        if self._surface == "live":
            self._publish({"text/plain": text, "text/html": display.muted(text)})
        elif self._surface == "terminal":
            sys.stderr.write(f"{text}\n")

    def keep_text_back(self) -> None:
        """Show phases only, nothing of the text: it goes into a variable."""
        self._text_back = True

    def _stop(self) -> None:
        self._end.set()
        if self._ticker is not None and self._ticker is not threading.current_thread():
            self._ticker.join()
            self._ticker = None

    def listen(self, event: Event) -> None:
        """The listener of the run. Called from whichever thread the engine works in."""
        with self._lock:
            if self._over:
                return
            now = self._clock()
            if self._text_back and isinstance(event, Piece):
                return
            self.account.take(event, now)
            self._changed = True
            if isinstance(event, Piece):
                self.first_piece = self.first_piece or now
                if self._surface == "terminal":
                    self._write(event.text)
            elif isinstance(event, Note) and self._surface == "terminal":
                sys.stderr.write(f"{event.text}\n")
            self._perhaps_publish(now)

    def _tick(self) -> None:
        while not self._end.wait(0.1):
            with self._lock:
                if not self._over:
                    self._perhaps_publish(self._clock())

    def _perhaps_publish(self, now: float) -> None:
        account = self.account
        if self._patient and not self._shown and now - self.started < PATIENCE:
            return
        if account.pieces:
            # Each change sends the whole text, as HTML and as plain text.
            interval = max(INTERVAL, 2 * account.length / _CHARACTERS_A_SECOND)
            due = self._changed and now - self._last >= interval
        else:
            waited = now - max(account.since, self.started) >= PATIENCE or self._shown
            interval = _PICTURE_INTERVAL if account.previews else INTERVAL
            due = waited and bool(account.phase) and now - self._last >= (interval if self._changed else 1.0)
        if not due:
            return
        self._last, self._changed = now, False
        if self._surface == "live":
            self._publish(account.bundle(now))
        elif self._surface == "terminal" and not account.pieces:
            self._say(account, now)

    def _say(self, account: Account, now: float) -> None:
        """In a terminal a phase is worth one line, not one for each change."""
        if (account.phase, account.subject) not in self._said:
            self._said.add((account.phase, account.subject))
            sys.stderr.write(f"{account.line(now)}\n")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    def _publish(self, bundle: Bundle, metadata: dict[str, Any] | None = None) -> None:
        self._publisher.publish(bundle, metadata or {}, transient={"display_id": self._id}, update=self._shown)
        self._shown = True

    @property
    def shows(self) -> bool:
        """Whether the answer belongs into this output.

        A terminal and `%%capture` show or keep the value of a line themselves; what was written out is not shown again.
        """
        return self._surface == "live" or (self._surface == "terminal" and bool(self.account.pieces))

    @property
    def seconds(self) -> float:
        return self._clock() - self.started

    @property
    def phase_seconds(self) -> float:
        """How long the present phase has lasted: of a run that has ended, how long the model worked."""
        return self._clock() - self.account.since

    @property
    def writing_seconds(self) -> float | None:
        """How long the text has been being written, from its first piece."""
        return None if self.first_piece is None else self._clock() - self.first_piece

    def show(
        self,
        bundle: Bundle,
        metadata: dict[str, Any] | None = None,
        *,
        figures: str = "",
        below: Sequence[str] = (),
        beside: Sequence[Bundle] = (),
    ) -> None:
        """End with this in the run's output, and the run's notes under it: what was there gives way to it.

        A picture's output is the picture alone: `below`, its figures, and the notes are an output after it; then come
        those of `beside`.
        """
        self._stop()
        rest = list(beside)
        if "image/png" in bundle:
            under = list(dict.fromkeys([*below, *self.account.notes]))
            if under:
                rest.insert(0, {"text/plain": "\n".join(under), "text/html": "".join(map(display.muted, under))})
        else:
            bundle = display.noted(bundle, self.account.notes)
        with self._lock:
            self._over = True
            if self._surface == "terminal" and self.account.pieces:
                self._write(f"\n[{figures}]\n" if figures else "\n")
            elif self._surface == "live":
                self._publish(bundle, metadata)
            else:
                self._publisher.publish(bundle, metadata or {})
            for one in rest if self._surface != "terminal" else ():
                self._publisher.publish(one, {})
