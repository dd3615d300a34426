"""A thread for what takes time: one piece of work at once, which can be told to stop."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable

from mc_jupyter.events import Run


class Work:
    """Loads and runs beside the kernel's own thread, so that Stop and every other control answer meanwhile."""

    def __init__(self, name: str):
        self._name = name
        self._thread: threading.Thread | None = None
        self._run: Run | None = None

    @property
    def on(self) -> bool:
        return self._thread is not None

    def start(self, do: Callable[[], None], ended: Callable[[], None]) -> None:
        """Do this, then say that it has ended, however it did."""
        # A thread knows its cell only by the context it is started in (ipykernel 7).
        context = contextvars.copy_context()

        def working() -> None:
            try:
                do()
            finally:
                self._thread = self._run = None
                ended()

        self._run = None
        self._thread = thread = threading.Thread(target=context.run, args=(working,), name=self._name, daemon=True)
        thread.start()

    def listen(self, run: Run) -> None:
        """The run that Stop is about."""
        self._run = run

    def stop(self) -> None:
        """End at the next token, step or batch."""
        if (run := self._run) is not None:
            run.stop()

    def wait(self, seconds: float | None = None) -> None:
        if (thread := self._thread) is not None:
            thread.join(seconds)
