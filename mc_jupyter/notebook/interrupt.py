"""The kernel's Interrupt, heard whatever the kernel does: it ends every run, in whichever thread that works.

A kernel that is idle ignores SIGINT, and one that is busy turns it into KeyboardInterrupt for its main thread alone: a
form's or a panel's run, in a thread of its own, would go on. So a layer is laid over the handler that stands there, in
the main thread, each time that the kernel or a cell has put another one: it stops what goes on, then does what the one
below does. An idle kernel goes on ignoring; a cell of the user's own ends with KeyboardInterrupt as ever.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mc_jupyter.interrupts import stop_all

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# What ipykernel calls around each message: before, it puts Python's own handler, and after, the one that was there.
_HOOKS = ("pre_handler_hook", "post_handler_hook")
_KEPT = "saved_sigint_handler"  # where it keeps that one meanwhile


class Interrupt:
    """What is laid over one kernel's handlers, from `register` to `unregister`. Without a kernel it lays nothing."""

    def __init__(self, shell: InteractiveShell):
        self._shell = shell
        self._kernel = getattr(shell, "kernel", None)
        self._hooks: dict[str, Callable[[], None]] = {}

    def register(self) -> None:
        """Lay it now, after each of the kernel's own hooks, and when a cell begins: async cells have a handler too."""
        if self._kernel is None:
            return
        for name in _HOOKS:
            if (hook := getattr(self._kernel, name, None)) is not None:
                self._hooks[name] = self._then_lay(hook)
                setattr(self._kernel, name, self._hooks[name])
        self._shell.events.register("pre_run_cell", self._lay)
        self._lay()

    def unregister(self) -> None:
        """Take every layer off."""
        if self._kernel is None:
            return
        self._shell.events.unregister("pre_run_cell", self._lay)
        for name, hook in self._hooks.items():
            if vars(self._kernel).get(name) is hook:  # else somebody has put another over it, which goes on calling it
                delattr(self._kernel, name)
        self._hooks.clear()
        if isinstance(kept := getattr(self._kernel, _KEPT, None), _Layer):
            setattr(self._kernel, _KEPT, kept.under)
        here = signal.getsignal(signal.SIGINT)
        if isinstance(here, _Layer) and _in_main_thread():
            signal.signal(signal.SIGINT, here.under)
        self._kernel = None

    def _then_lay(self, hook: Callable[[], None]) -> Callable[[], None]:
        def hooked() -> None:
            hook()
            self._lay()

        return hooked

    def _lay(self, *about_the_cell: Any) -> None:
        under = signal.getsignal(signal.SIGINT)
        if self._kernel is None or not _in_main_thread() or isinstance(under, _Layer):
            return
        if under is not None and under != signal.SIG_DFL:  # a handler that is not Python's is not to be had again
            signal.signal(signal.SIGINT, _Layer(under))


class _Layer:
    """A handler of SIGINT over another one."""

    def __init__(self, under: Any):
        self.under = under

    def __call__(self, number: int, frame: Any) -> None:
        stop_all()
        if callable(self.under):
            self.under(number, frame)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
