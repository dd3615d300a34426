"""Names of files as repositories, listings and indexes have them: each a path below a folder, and never out of it."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

LONGEST = 255
"""Bytes of one name in a path: what the file systems of Linux, macOS and Windows allow."""

LONGEST_PATH = 4000

_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # files of any folder, to Windows
_DRIVE = re.compile(r"[A-Za-z]:")


def fault(name: object) -> str | None:
    """Why this cannot be the name of a file below a folder (`unet/config.json`), on any system; None where it can."""
    if not isinstance(name, str) or not name:
        return "is no name"
    if why := path_fault(name):
        return why
    if "\\" in name or name.startswith("/") or _DRIVE.match(name):
        return "is no path below the folder"
    for part in name.split("/"):
        if not part.rstrip(". "):  # nothing, `.`, `..`, and what Windows takes for them
            return "leads out of the folder"
        if _DEVICE.match(part):
            return "is a device on Windows"
    return None


def path_fault(path: str) -> str | None:
    """Why no file of any place can have this path; None where one can."""
    if any(ord(c) < 32 or "\ud800" <= c <= "\udfff" for c in path):
        return "has characters that no name may have"
    if len(path) > LONGEST_PATH:
        return f"has {len(path)} letters, which no path has"
    longest = max(re.split(r"[/\\]", path), key=len)
    if len(longest.encode()) > LONGEST:
        return f"has a name of {len(longest)} letters, and none may have more than {LONGEST}"
    return None


def beside(name: str, other: str) -> str:
    """The other name as it reads in the folder of the first: `unet/a.json` and `b` give `unet/b`."""
    return str(PurePosixPath(name).parent / other)
