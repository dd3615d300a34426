"""The program of the process apart: reads a request, does it, writes the answer. It ends when nobody asks any more.

It is run by its path, with nothing of the package and none of its folder to be imported: `apart` speaks with it.
"""

from __future__ import annotations

import faulthandler
import functools
import importlib
import json
import os
import pickle
import re
import signal
import struct
import sys
import traceback
from collections.abc import Callable
from datetime import datetime
from typing import Any, BinaryIO

_SLACK = 1.0  # seconds after which it ends itself where the asker, which ends it sooner, is gone
_LOOK = 0.5  # seconds between two looks at whether the asker is there
_TOLD = 2000  # letters of an error
FRAME = struct.Struct("!Q")


class TooLong(Exception):
    """A text of more letters than were asked for at most."""


# --- chat templates ---------------------------------------------------------------------------------------------------


def render(template: str, variables: dict[str, Any], most: int) -> str:
    """What a template makes of its variables, as transformers' `apply_chat_template` has it."""
    pieces, letters = [], 0
    for piece in _compiled(template).generate(**variables):
        pieces.append(piece)
        letters += len(piece)
        if letters > most:
            raise TooLong(f"it writes more than {most:,} letters")
    return "".join(pieces)


def check(template: str) -> None:
    """Raise what is wrong with a template as it is written; none of it runs."""
    _environment().overlay(optimized=False).compile(template, raw=True)


@functools.lru_cache(maxsize=8)
def _compiled(template: str) -> Any:
    return _environment().from_string(template)


@functools.cache
def _environment() -> Any:
    """The sandbox of `transformers.utils.chat_template_utils`, with its words."""
    sandbox, ext = importlib.import_module("jinja2.sandbox"), importlib.import_module("jinja2.ext")
    made = sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_generation(ext), ext.loopcontrols]
    )
    made.filters["tojson"] = _tojson
    made.globals |= {
        "raise_exception": _raise,
        "strftime_now": lambda format: datetime.now().strftime(format),
        "dict": _Dict(),
        "namespace": _namespace(),
    }
    return made


def _generation(ext: Any) -> Any:
    """`{% generation %}`, which marks what the model wrote, for training; here its text alone is wanted."""
    nodes = importlib.import_module("jinja2.nodes")

    class Generation(ext.Extension):  # type: ignore[misc]
        tags = frozenset({"generation"})

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
            return nodes.CallBlock(self.call_method("_same"), [], [], body).set_lineno(line)

        def _same(self, caller: Any) -> Any:
            return caller()

    return Generation


def _tojson(
    x: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise(message: Any) -> None:
    raise importlib.import_module("jinja2.exceptions").TemplateError(message)


class _Dict:
    """`dict(…)` and `dict.fromkeys(…)`, and no attribute of the type itself."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*args, **kwargs)

    def fromkeys(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict.fromkeys(*args, **kwargs)


def _namespace() -> Any:
    """`namespace(…)`, which keeps no name that begins with an underscore."""
    base = importlib.import_module("jinja2.utils").Namespace
    refused = importlib.import_module("jinja2.exceptions").SecurityError

    def check(name: Any) -> None:
        if isinstance(name, str) and name.startswith("_"):
            raise refused(f"a namespace keeps no name that begins with an underscore, such as {name!r}")

    class Namespace(base):  # type: ignore[misc, valid-type]
        def __init__(*args: Any, **kwargs: Any) -> None:
            self, *rest = args
            given = dict(*rest, **kwargs)
            for name in given:
                check(name)
            base.__init__(self, given)

        def __setitem__(self, name: Any, value: Any) -> None:
            check(name)
            base.__setitem__(self, name, value)

    return Namespace


# --- patterns ---------------------------------------------------------------------------------------------------------


def match(pattern: Any, text: Any) -> bool:
    """Whether a regular expression matches at the start of a text."""
    return re.match(pattern, text) is not None


# --- asking and answering ---------------------------------------------------------------------------------------------

_WORK: dict[str, Callable[..., Any]] = {"render": render, "check": check, "match": match}


def _done(request: bytes, quiet: Any) -> dict[str, Any]:
    work, arguments, seconds = pickle.loads(request)  # from the process that started this one
    faulthandler.dump_traceback_later(seconds + _SLACK, exit=True, file=quiet)  # by the system's clock, in a loop too
    try:
        return {"value": _WORK[work](*arguments)}
    except MemoryError:
        return {"failed": "MemoryError", "text": ""}
    except Exception as error:
        return {"failed": type(error).__name__, "text": str(error)[:_TOLD], "line": _line(error)}
    finally:
        faulthandler.cancel_dump_traceback_later()


def _line(error: Exception) -> int | None:
    """The line of a template that an error is about."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    found = getattr(error, "lineno", lines[-1] if lines else None)
    return found if isinstance(found, int) else None


def read(stream: BinaryIO) -> bytes | None:
    """The next frame; None where there is no more."""
    head = stream.read(FRAME.size)
    if len(head) < FRAME.size:
        return None
    return stream.read(FRAME.unpack(head)[0])


def write(stream: BinaryIO, frame: bytes) -> None:
    """One frame, at once."""
    stream.write(FRAME.pack(len(frame)) + frame)
    stream.flush()


def _limit_memory(most: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    except (ImportError, ValueError, OSError):
        pass  # no such limit on this system: the asker looks at what this process holds


def _end_with(asker: int) -> None:
    """End soon after the process that asks has, whatever is done then: a signal is heard in a loop, and in a match."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, lambda *_: None if os.getppid() == asker else os._exit(1))
        signal.setitimer(signal.ITIMER_REAL, _LOOK, _LOOK)


def main(most: int, folders: list[str]) -> None:
    """Answer until the asker is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the asker's
    _end_with(os.getppid())
    sys.path += folders
    _limit_memory(most)
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    with open(os.devnull, "w") as quiet:
        write(answers, b"ready")
        while (request := read(asked)) is not None:
            write(answers, json.dumps(_done(request, quiet)).encode())


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
