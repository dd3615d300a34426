"""Files that a call's inputs name: those below the working folder, and others where that is allowed.

A text comes from data, and data may not read the rest of the disk; a `pathlib.Path` comes from the user's own code.
"""

from __future__ import annotations

import errno
import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mc_jupyter.errors import ExpressionError, quoted
from mc_jupyter.trust.permissions import ALLOW_PATHS, Permissions

MAX_BYTES = 256 * 1024 * 1024
SHORTEST = 64
"""Bytes of the smallest images in base64: a text that decodes to fewer, and looks like a path, is a path."""

_LONGEST = 1024  # characters of a path; nothing longer is looked for on the disk
_NAMED = 4096  # of one that is named as a path: no system opens longer ones
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_LOOKS = re.compile(
    r"~|\.{0,2}[/\\]|[A-Za-z]:[\\/]|.*\.(?:png|jpe?g|webp|gif|bmp|tiff?|avif|tga|ppm|hei[cf]|svg|pdf)$",
    re.IGNORECASE | re.DOTALL,
)


def here() -> str:
    """The working folder's name, for messages."""
    return f"the working folder ({Path.cwd().name or Path.cwd()})"


def looks_like_path(text: str) -> bool:
    """Whether a reader would take this text for a file's path."""
    return len(text) <= _LONGEST and _LOOKS.match(text) is not None


def is_there(text: str, permissions: Permissions) -> bool:
    """Whether this is the path of a file that may be read."""
    if not text or len(text) > _LONGEST or "\n" in text:
        return False
    try:
        return place(text, permissions).is_file()
    except (ExpressionError, OSError, ValueError, RuntimeError):
        return False


def read(written: str | Path, permissions: Permissions) -> bytes:
    """A file's bytes, or an error that says why it may not or cannot be read."""
    try:
        path = written.expanduser() if isinstance(written, Path) else place(written, permissions)
        if path.exists() and not path.is_file():  # a folder; or a pipe or a device, which may never end
            raise ExpressionError(f"{str(written)!r} is no file")
        if path.stat().st_size > MAX_BYTES:
            raise ExpressionError(f"{str(written)!r} is larger than {MAX_BYTES // 1024**2} MiB")
        return path.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ExpressionError(f"cannot read the file {str(written)!r}: {why}", fix=_mended(str(written))) from None


def is_upload(value: object) -> bool:
    """Whether this is a file as `ipywidgets.FileUpload` has it: `{name, type, size, content: bytes}`."""
    return isinstance(value, Mapping) and isinstance(value.get("content"), bytes | bytearray | memoryview)


def read_open(file: Any) -> bytes:
    """What an open file holds, which must be one of bytes; from its beginning where it can go back, as with PIL."""
    if callable(getattr(file, "seekable", None)) and file.seekable():
        file.seek(0)
    found = None if isinstance(file, io.TextIOBase) else file.read(MAX_BYTES + 1)
    if not isinstance(found, bytes):
        raise ExpressionError("the open file gives text, not bytes", fix='open it with open(…, "rb")')
    if len(found) > MAX_BYTES:
        raise ExpressionError(f"the open file is larger than {MAX_BYTES // 1024**2} MiB")
    return found


def place(text: str, permissions: Permissions) -> Path:
    """The path that a text in data names, links followed: below the working folder, or wherever that is allowed.

    ExpressionError where a text may not name it; OSError, ValueError or RuntimeError of what no file can be called.
    """
    if _WINDOWS.match(text) and (os.name != "nt" or (text.startswith("\\\\") and not permissions.paths)):
        # Looking at another machine's share, even to see whether it is there, sends that machine one's password hash.
        where = "a Windows path, and this is not Windows" if os.name != "nt" else "a share of another machine"
        raise ExpressionError(f"{quoted(text)!r} is {where}", fix=None if os.name != "nt" else ALLOW_PATHS)
    if len(text) > _NAMED:  # following the links of so many parts takes a time that grows with their square
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    path = Path(text).expanduser().resolve()
    if not permissions.paths and (why := _not_here(path)):
        raise ExpressionError(f"{quoted(text)!r} {why}", fix=ALLOW_PATHS)
    return path


def _not_here(path: Path) -> str | None:
    """Why a text may not name this file by itself; None where it may.

    A notebook often stands in its reader's home, or a container's root: keys and tokens lie below both.
    """
    folder = Path.cwd().resolve()
    if not path.is_relative_to(folder):
        return f"lies outside {here()}"
    if folder == Path(folder.anchor):
        return "lies below the root, which is no working folder"
    hidden = next((part for part in path.relative_to(folder).parts if part.startswith(".")), None)
    return f"is hidden ({hidden})" if hidden else None


def _mended(written: str) -> str | None:
    """The same path as it would be found; or the name nearest to it in its folder."""
    slashed = written.replace("\\", "/")
    if slashed != written and os.path.isfile(slashed):  # False also of what no file can be called
        return slashed
    from mc_jupyter.words import did_you_mean

    try:
        folder = Path(written).parent
        names = [one.name for one in folder.iterdir()] if folder.is_dir() else []
    except (OSError, ValueError):
        return None
    starts = None if os.path.isabs(written) else f"a relative path starts in {here()}"
    return did_you_mean(Path(written).name, names) or starts
