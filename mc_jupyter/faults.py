"""What a library raises, whatever it is, said as one error of ours: what failed, and the reason in one line."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from mc_jupyter.devices import give_back, is_out_of_memory
from mc_jupyter.errors import ComposeError, Place, forget_frames
from mc_jupyter.trust.secrets import hidden

_LONGEST = 300  # letters of a reason
_SENTENCES = (OSError, ValueError, RuntimeError, ImportError)  # their messages say what is wrong by themselves


class Origin(Exception):
    """Where a library's error came from: its traceback as text, the cause of our error for who looks for the fault.

    Text alone: the frames of a traceback would keep what was being read in memory. `file` is where it was raised: one
    of ours says that the fault is ours, too.
    """

    def __init__(self, error: BaseException):
        super().__init__("\n" + hidden("".join(traceback.format_exception(error))))
        frames = traceback.extract_tb(error.__traceback__)
        self.file = frames[-1].filename if frames else ""


def reason(error: BaseException) -> str:
    """Why, in one line; with the kind of the error where its message alone says little (`KeyError: 'size'`)."""
    try:
        text = " ".join(hidden(str(error).encode(errors="replace").decode()).split())
    except Exception:  # messages that cannot be put into words: one that holds itself, one nested too deep
        text = ""
    name = type(error).__name__
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return text if text and isinstance(error, _SENTENCES) else ": ".join(filter(None, (name, text)))


@contextmanager
def said_as(
    kind: type[ComposeError], what: str, *, place: Place | None = None, fix: str | None = None
) -> Iterator[None]:
    """Whatever is raised inside becomes an error of this kind: what failed, and why. Nothing of it stays in memory.

    What has a meaning of its own stays as it is: our own errors, interrupts, want of memory.
    """
    try:
        yield
        return
    except BaseException as error:
        if not _is_fault(error):
            raise
        made = kind(f"{what}: {reason(error)}", place=place, fix=fix)
        origin = Origin(error)
        forget_frames(error)
    give_back()
    raise made from origin


def _is_fault(error: BaseException) -> bool:
    # A panic of a library in Rust (tokenizers, safetensors) is no Exception.
    unexpected = isinstance(error, Exception) or type(error).__module__ == "pyo3_runtime"
    return unexpected and not isinstance(error, ComposeError) and not is_out_of_memory(error)


@contextmanager
def pointing(place: Place | None) -> Iterator[None]:
    """Errors of ours from inside point at this place, where they point at none."""
    try:
        yield
    except ComposeError as error:
        if place is None or all(problem.place for problem in error.problems):
            raise
        raise error.at(place) from error.__cause__
