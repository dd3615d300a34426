"""A thread for what takes time: one piece of work at once, which can be told to stop."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable

from mc_jupyter.events import Run
from mc_jupyter.interrupts import going
from mc_jupyter.openmp import give_back_team


class Work:
    """Loads and runs beside the kernel's own thread, so that Stop and every other control answer meanwhile."""

    def __init__(self, name: str):
        self._name = name
        self._lock = threading.Lock()  # held for a moment: one piece of work at once
        self._thread: threading.Thread | None = None
        self._run: Run | None = None
        self._on = self._stopped = False

    @property
    def on(self) -> bool:
        return self._on

    def start(self, do: Callable[[], None], ended: Callable[[], None]) -> None:
        """Do this, then say that it has ended, however it did. While something is being done, this does nothing."""
        # A thread knows its cell only by the context it is started in (ipykernel 7).
        context = contextvars.copy_context()

        def working() -> None:
            with going(self):
                try:
                    do()
                finally:
                    self._on, self._run = False, None
                    ended()

        with self._lock:
            if self._on:
                return
            self._on, self._stopped = True, False
            give_back_team()  # the kernel's own thread has nothing to compute meanwhile
            self._thread = threading.Thread(target=context.run, args=(working,), name=self._name, daemon=True)
            self._thread.start()

    def listen(self, run: Run) -> None:
        """The run that Stop is about; one that was said before there was a run counts."""
        self._run = run
        if self._stopped:
            run.stop()

    def stop(self) -> None:
        """End at the next token, step or batch."""
        self._stopped = True
        if (run := self._run) is not None:
            run.stop()

    def wait(self, seconds: float | None = None) -> None:
        if (thread := self._thread) is not None:
            thread.join(seconds)
