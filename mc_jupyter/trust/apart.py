"""What strangers wrote and Python would run as it stands, a chat template or a pattern, in a process apart.

Nothing ends a thread that loops in C code, or bounds what it builds; a process can be ended, at an interrupt or limit.
It is started when one is first needed, kept for the next, and knows nothing: no environment, no file, no token.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.util
import json
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mc_jupyter.errors import Interrupted
from mc_jupyter.interrupts import Word, going
from mc_jupyter.trust import _apart
from mc_jupyter.words import format_bytes, seconds

TEMPLATE_SECONDS = 5.0
CHECK_SECONDS = 1.0
TEMPLATE_LETTERS = 4_000_000
"""A template writes this much at most, or four times what it is given."""
MEMORY = 512 * 10**6

_START = 30.0  # seconds until a process must have started, on a machine that has much else to do
_LOOK = 0.02  # seconds between two looks at whether to go on
_UNTOLD = ("Ended", "RecursionError")  # of a template that is checked: no word on its spelling
_KEPT = 2  # idle processes
_BARE: dict[type, Callable[[Any], Any]] = {str: str.__str__, int: int.__int__, float: float.__float__}
_ENVIRONMENT = ("PATH", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


class Stopped(Exception):
    """Whoever asked was told to stop."""


class Overrun(Exception):
    """It did not end within its limits; the text says which: "did not end within 5 s"."""


class Failed(Exception):
    """The work itself raised; `kind` is the name of what it raised, `line` the template's line that it is about."""

    def __init__(self, kind: str, text: str, line: int | None = None):
        super().__init__(text or kind)
        self.kind = kind
        self.line = line


def rendered(template: str, variables: Mapping[str, Any], stopped: Callable[[], bool] = lambda: False) -> str:
    """What a chat template makes of its variables. Stopped, Overrun or Failed where it makes nothing."""
    given = plain(variables)
    most = max(TEMPLATE_LETTERS, 4 * _letters(given))
    try:
        text: str = _ask("render", (template, given, most), TEMPLATE_SECONDS, stopped)
    except Failed as error:
        if error.kind == "TooLong":
            raise Overrun(str(error).removeprefix("it ")) from None
        raise
    return text


@functools.lru_cache(maxsize=64)
def flaw(template: str) -> Failed | None:
    """What is wrong with a chat template as it is written; None where nothing is, or only running it will tell."""
    try:
        _ask("check", (str.__str__(template),), CHECK_SECONDS, lambda: False)
    except Overrun:
        return None
    except Failed as error:
        return None if error.kind in _UNTOLD else error
    return None


def matches(pattern: str | bytes, text: str | bytes, within: float) -> bool:
    """Whether a regular expression matches at the start of a text. Overrun or Failed where nobody can tell.

    Interrupted at the kernel's interrupt.
    """
    bare = tuple(bytes(part) if isinstance(part, bytes) else str.__str__(part) for part in (pattern, text))
    word = Word()
    try:
        with going(word):
            return bool(_ask("match", bare, within, lambda: word.said))
    except Stopped:
        raise Interrupted("interrupted") from None


def plain(value: Any) -> Any:
    """A value as what JSON knows, as transformers shows it to templates: of anything else its type's name."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    for kind, bare in _BARE.items():
        if isinstance(value, kind):
            return bare(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(plain, value)) if type(value) in (list, tuple) else list(map(plain, value))
    if callable(getattr(value, "model_dump", None)):
        return plain(value.model_dump())
    return f"<{type(value).__name__}>"


def _letters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(_letters(key) + _letters(item) for key, item in value.items())
    return sum(map(_letters, value)) if isinstance(value, list | tuple) else 0


# --- the processes ----------------------------------------------------------------------------------------------------


class _Process:
    """One process: asked by one at a time."""

    def __init__(self) -> None:
        words = [sys.executable, "-I", "-S", _apart.__file__, str(MEMORY), *_folders()]
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=Path(_apart.__file__).parent,
            start_new_session=True,  # an interrupt of the kernel's process group is not its own
        )
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="mc_jupyter-apart", daemon=True).start()
        try:
            self._answer(_START, lambda: False)
        except BaseException:
            self.end()
            raise

    def ask(self, request: bytes, within: float, stopped: Callable[[], bool]) -> bytes:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: its answer says so
            _apart.write(self._process.stdin, request)  # type: ignore[arg-type]
        return self._answer(within, stopped)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            while (found := _apart.read(self._process.stdout)) is not None:  # type: ignore[arg-type]
                self._answers.put(found)
        self._answers.put(None)

    def _answer(self, within: float, stopped: Callable[[], bool]) -> bytes:
        end = time.monotonic() + within
        while True:
            with contextlib.suppress(queue.Empty):
                found = self._answers.get(timeout=_LOOK)
                if found is None:
                    raise Failed("Ended", "the process it ran in ended without an answer")
                return found
            if stopped():
                raise Stopped
            if time.monotonic() > end:
                raise Overrun(f"did not end within {seconds(within)}")
            if self._held() > MEMORY:
                raise _too_large()

    def _held(self) -> int:
        import psutil

        try:
            return int(psutil.Process(self._process.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()


def _folders() -> list[str]:
    """Where jinja2 and what it needs are, found as this process finds them."""
    found = (importlib.util.find_spec(name) for name in ("jinja2", "markupsafe"))
    return list(dict.fromkeys(str(Path(spec.origin).parent.parent) for spec in found if spec and spec.origin))


_idle: list[_Process] = []
_lock = threading.Lock()


def _ask(work: str, arguments: tuple[Any, ...], within: float, stopped: Callable[[], bool]) -> Any:
    with _lock:
        process = _idle.pop() if _idle else None
    process = process or _Process()
    try:
        answer = json.loads(process.ask(pickle.dumps((work, arguments, within)), within, stopped))
    except BaseException:
        process.end()
        raise
    _keep(process)
    if answer.get("failed") == "MemoryError":
        raise _too_large()
    if "failed" in answer:
        raise Failed(answer["failed"], answer["text"], answer.get("line"))
    return answer["value"]


def _keep(process: _Process) -> None:
    with _lock:
        room = len(_idle) < _KEPT
        if room:
            _idle.append(process)
    if not room:
        process.end()


def _too_large() -> Overrun:
    return Overrun(f"took more than {format_bytes(MEMORY)} of memory")


@atexit.register
def forget() -> None:
    """End the idle processes."""
    with _lock:
        going, _idle[:] = _idle[:], []
    for process in going:
        process.end()


def _forked() -> None:
    global _lock
    _lock = threading.Lock()
    _idle.clear()  # they are the parent's


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
