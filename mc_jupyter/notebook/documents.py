"""Documents in files that a line names: read, and kept.

A cell's first line is data, as the YAML under it is: whoever wrote the notebook wrote both. So a line names a document
alone (`.yml`, `.yaml`: of anything else an error would quote the contents) and one below the working folder, and it
writes over nothing but a document.
"""

from __future__ import annotations

from pathlib import Path

from mc_jupyter.errors import ComposeError, InputError, quoted
from mc_jupyter.trust import files
from mc_jupyter.trust.permissions import NOTHING, Permissions
from mc_jupyter.words import did_you_mean, format_bytes

_ENDINGS = (".yml", ".yaml")
_LARGEST = 10_000_000  # bytes; a document has some kilobytes
_OUTSIDE = "copy it next to the notebook, or %config ComposeMagics.allow_paths = True"
_BY_HAND = "--save model.yml; elsewhere by your own code: pathlib.Path('…').write_text(NAME.text)"


def is_name(word: str) -> bool:
    """Whether this is what a document's file is called."""
    return word.lower().endswith(_ENDINGS)


def read(name: str, permissions: Permissions) -> str:
    """A document's text. InputError, with the nearest name there is, where it may not or cannot be read."""
    try:
        return _text(_found(name, permissions, _OUTSIDE, None))
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in it, what is not UTF-8; a ~user that there is not
        raise InputError(f"cannot read {quoted(name)}: {_reason(error)}", fix=_neighbour(name)) from None


def place_of(name: str) -> Path:
    """Where a document may be kept: a new file, or one that holds a document. InputError for everything else.

    Asked before anything is loaded, and again before it is written. `allow_paths` is about reading.
    """
    try:
        path = _found(name, NOTHING, _BY_HAND, _BY_HAND)
        if Path(name).expanduser().is_symlink():
            raise InputError(f"cannot write {quoted(name)}: it is a link", fix=_BY_HAND)
        if path.exists() and not _is_document(_text(path)):
            raise InputError(f"cannot write {quoted(name)}: it holds no document", fix=_BY_HAND)
        if not path.parent.is_dir():
            raise InputError(f"cannot write {quoted(name)}: there is no folder {quoted(path.parent.name)}")
        return path
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"cannot write {quoted(name)}: {_reason(error)}", fix=_BY_HAND) from None


def write(name: str, text: str) -> None:
    """Keep a document in a file. InputError where it may not or cannot be."""
    path = place_of(name)
    try:
        with path.open("w" if path.exists() else "x", encoding="utf-8") as file:
            file.write(text)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot write {quoted(name)}: {_reason(error)}") from None


def _found(name: str, permissions: Permissions, outside: str, misnamed: str | None) -> Path:
    """The file that a line names, links followed. InputError, with a way out, where a line may not."""
    try:
        path = files.place(name, permissions)
    except ComposeError as error:
        raise InputError(error.problems[0].message, fix=outside) from None
    if not (is_name(name) and is_name(path.name)):
        raise InputError(
            f"{quoted(name)} is no document: its name ends in .yml or .yaml", fix=_neighbour(name) or misnamed
        )
    return path


def _text(path: Path) -> str:
    """What a file holds. ValueError for what is no file, as a pipe or a device, or so large that nobody wrote it."""
    if path.exists() and not path.is_dir():  # of a folder the system's own word is good
        if not path.is_file():
            raise ValueError("it is no file")
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it is larger than {format_bytes(_LARGEST)}")
    return path.read_text(encoding="utf-8")


def _is_document(text: str) -> bool:
    from mc_jupyter.document import reader

    try:
        reader.read(text)
    except ComposeError:
        return False
    return True


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "it is not UTF-8 text"
    return getattr(error, "strerror", None) or str(error)


def _neighbour(name: str) -> str | None:
    """The nearest name of a document in its folder, where it is not there itself; nothing of folders beyond."""
    try:
        path = files.place(name, NOTHING)
        there = [one.name for one in path.parent.iterdir() if is_name(one.name)] if path.parent.is_dir() else []
        return None if path.name in there else did_you_mean(path.name, there)
    except (ComposeError, OSError, ValueError, RuntimeError):
        return None
