"""What a run shows while it runs: one output with phases and figures, the text as it is written, pictures as they form.

`account` follows the events and says in one line where the run stands; `Output` decides when that is shown. Nothing
is shown of what takes less than half a second; an output changes at most 16 times a second, and less often when the
text is long, so that no front-end is flooded; at the end the same output holds the result, or nothing.
"""

from __future__ import annotations

import contextvars
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Literal

from mc_jupyter.events import Event, Note, Piece, Run
from mc_jupyter.notebook.account import Account
from mc_jupyter.notebook.html import Bundle, muted, noted
from mc_jupyter.notebook.html import bundle as both
from mc_jupyter.words import visible

PATIENCE = 0.5  # seconds before a phase is worth showing
_TICK = 0.1  # seconds between two looks at what is due
INTERVAL = 0.06  # seconds between two changes of one output: below the promised 20 a second
_PICTURE_INTERVAL = 0.3  # the same while pictures are shown: each is encoded and sent again
_CHARACTERS_A_SECOND = 300_000  # of streamed text sent again and again; front-ends cut off at 1 MB/s

Surface = Literal["live", "quiet", "terminal"]
"""An output that can be changed; one that keeps every change (`%%capture`); a terminal, where lines follow lines."""


class Output:
    """The one output of a run: use it in a `with` block, give its `run` to the session, and end with `show`, or not."""

    def __init__(
        self,
        publisher: Any,
        surface: Surface,
        clock: Callable[[], float] = time.monotonic,
        *,
        patient: bool = False,
        after: Output | None = None,
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
        self._context = contextvars.copy_context()
        self.started = self.account.since = clock()
        self.first_piece: float | None = None

    def __enter__(self) -> Output:
        self._context = contextvars.copy_context()  # a thread knows its cell only by it (ipykernel 7)
        _TICKER.add(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        _TICKER.remove(self)
        with self._lock:
            if not self._over:
                self._over = True
                self._leave()

    def _leave(self) -> None:
        """End without an answer: what a reader should still see stays, everything else goes."""
        if self.account.notes and self._surface != "terminal":
            self._publish(noted(both("", ""), self.account.notes))
        elif self._shown:
            self._publish({"text/plain": ""})

    def announce(self, text: str) -> None:
        """Say at once what is about to be done; it gives way to how it ended."""
        if self._surface == "live":
            self._publish(both(text, muted(text)))
        elif self._surface == "terminal":
            self._remark(text)

    def keep_text_back(self) -> None:
        """Show phases only, nothing of the text: it goes into a variable."""
        self._text_back = True

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
                self._remark(event.text)
            self._perhaps_publish(now)

    def tick(self) -> None:
        """Time has passed: show what has become due, as if it were told by the cell that the run belongs to."""
        self._context.run(self._ticked)

    def _ticked(self) -> None:
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
            self._remark(account.line(now))

    def _remark(self, text: str) -> None:
        sys.stderr.write(f"{visible(text)}\n")

    def _write(self, text: str) -> None:
        sys.stdout.write(visible(text))
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
        _TICKER.remove(self)
        rest = list(beside)
        if "image/png" in bundle:
            under = list(dict.fromkeys([*below, *self.account.notes]))
            if under:
                rest.insert(0, both("\n".join(under), "".join(map(muted, under))))
        else:
            bundle = noted(bundle, self.account.notes)
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


class _Ticker:
    """One thread for all runs that are being shown: starting one for each would take longer than many a run."""

    def __init__(self) -> None:
        self._outputs: list[Output] = []
        self._some = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, output: Output) -> None:
        with self._some:
            self._outputs.append(output)
            if self._thread is None or not self._thread.is_alive():  # not yet, or in a process that was forked
                self._thread = threading.Thread(target=self._run, name="mc_jupyter progress", daemon=True)
                self._thread.start()
            self._some.notify()

    def remove(self, output: Output) -> None:
        with self._some:
            if output in self._outputs:
                self._outputs.remove(output)

    def _run(self) -> None:
        while True:
            with self._some:
                self._some.wait_for(lambda: bool(self._outputs))
                outputs = list(self._outputs)
            for output in outputs:
                output.tick()
            del outputs
            time.sleep(_TICK)


_TICKER = _Ticker()
