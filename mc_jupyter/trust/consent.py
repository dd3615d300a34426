"""The user's word: what he has been asked, what he has said yes to, and the folder that remembers it.

It stands outside every notebook, so that none brings it along: a file for each yes, which nobody else can write, named
by a hash of what was shown. What reads otherwise, or goes elsewhere, is another question; where readers would see it,
the same cell in another folder is one too, for it may be another's notebook.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from mc_jupyter.errors import InputError, Place
from mc_jupyter.trust.ways import Where
from mc_jupyter.words import hinted, listing

_LARGEST = 65536
_OTHERS_WRITE = 0o022


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that data wants, and that only the user may grant.

    name     what is wanted: of the environment a variable
    use      what for: the field that it stands in
    written  what stands there
    goes     where it comes to
    folder   the only folder that it is asked for; empty where every folder is the same
    exact    a hash of all that it stands for, where that is more than `written` shows
    place    where it is written; a question that stands elsewhere is still the same one
    """

    name: str
    use: str
    written: str
    goes: str
    folder: str = ""
    exact: str = ""
    place: Place | None = field(default=None, compare=False)

    @property
    def mark(self) -> str:
        """What a yes to just this is remembered by."""
        return sha256(json.dumps([getattr(self, name) for name in _KEPT]).encode()).hexdigest()

    def differs_in_settings(self, other: Wish) -> bool:
        """Whether the other is the same question of the same texts, at other settings."""
        return replace(self, exact="") == replace(other, exact="")


@dataclass(frozen=True, slots=True)
class Word:
    """A yes that was given, and when."""

    wish: Wish
    since: datetime


def folder() -> Path:
    """Where this user's word is kept."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "mc_jupyter" / "trust"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "mc_jupyter" / "trust"


def here() -> str:
    """The folder that a question of this moment is asked for."""
    return str(Path.cwd().resolve())


class Consent:
    """What one session has asked, and what the user has allowed, in any. `where` says how he can answer now."""

    def __init__(self, where: Callable[[], Where] = lambda: "python") -> None:
        self.where = where
        self.asked: dict[str, Wish] = {}
        """Questions that a reader has been shown, by their marks."""
        self._carried: dict[str, Wish] = {}

    def ask(self, wishes: Iterable[Wish]) -> None:
        """Remember that these have been shown: only to such a yes can be given."""
        self.asked.update((wish.mark, wish) for wish in wishes)

    def holds(self, wish: Wish) -> bool:
        """Whether the user has said yes to just this, or to what it was before he set it otherwise."""
        return any(one is not None and _stands(one) for one in (wish, self._carried.get(wish.mark)))

    def carry(self, old: Iterable[Wish], new: Iterable[Wish]) -> None:
        """A yes to `old` counts for `new` too, as long as this session lasts: the same texts at other settings."""
        for one, other in ((one, other) for one in old for other in new if one.differs_in_settings(other)):
            if self.holds(one):
                self._carried[other.mark] = self._carried.get(one.mark, one)

    def wanted(self, names: Iterable[str]) -> list[Wish]:
        """Everything that was asked of these names. InputError for one of which nothing was."""
        found: list[Wish] = []
        for name in names:
            wishes = [wish for wish in self.asked.values() if wish.name == name]
            if not wishes:
                known = sorted({wish.name for wish in self.asked.values()})
                raise InputError(
                    hinted(f"no cell has asked for {name!r}", name, known),
                    fix=f"what was asked for is {listing(known, 'and')}" if known else "run the cell that wants it",
                )
            found += wishes
        return found

    def agree(self, wishes: Iterable[Wish]) -> None:
        """Say yes to these."""
        for wish in wishes:
            _write(Word(wish, datetime.now(UTC)))

    def revoke(self, names: Iterable[str]) -> list[Wish]:
        """Take back every yes for these names. InputError for one of which there is none."""
        words = list(self.given())
        gone: list[Wish] = []
        for name in names:
            found = [word.wish for word in words if word.wish.name == name]
            if not found:
                known = sorted({word.wish.name for word in words})
                raise InputError(
                    hinted(f"nothing was allowed for {name!r}", name, known),
                    fix=f"there is {listing(known, 'and')}" if known else None,
                )
            gone += found
        for wish in gone:
            (folder() / f"{wish.mark}.json").unlink(missing_ok=True)
        return gone

    def given(self) -> Iterator[Word]:
        """Everything the user has said yes to, the oldest first."""
        files = folder().glob("*.json") if folder().is_dir() else ()
        words = [word for file in files if (word := _read(file)) and file.stem == word.wish.mark]
        yield from sorted(words, key=lambda word: (word.since, word.wish.name))


def _read(file: Path) -> Word | None:
    """The yes that a file keeps; None where there is none, or where somebody else may have written it."""
    try:
        if not (_ours(file.parent) and _ours(file)) or file.stat().st_size > _LARGEST:
            return None
        content: Any = json.loads(file.read_text(encoding="utf-8"))
        name, use, written, goes, where, exact = (str(content["wish"][key]) for key in _KEPT)
        return Word(
            Wish(name, use, written, goes, where, exact), datetime.fromisoformat(content["since"]).astimezone(UTC)
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None


_KEPT = ("name", "use", "written", "goes", "folder", "exact")


def _stands(wish: Wish) -> bool:
    found = _read(folder() / f"{wish.mark}.json")
    return found is not None and found.wish == wish


def _ours(path: Path) -> bool:
    """Whether nobody but this user can have written here. Windows says so by its own folders' rights."""
    found = path.lstat()
    return not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & _OTHERS_WRITE)


def _write(word: Word) -> None:
    kept = {name: value for name, value in asdict(word.wish).items() if name in _KEPT}
    file = folder() / f"{word.wish.mark}.json"
    draft = file.with_suffix(f".{os.getpid()}.draft")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            json.dump({"wish": kept, "since": word.since.isoformat(timespec="seconds")}, out, indent=1)
        draft.replace(file)
    except OSError as error:
        raise InputError(
            f"your word cannot be kept in {file.parent}: {error.strerror or error}",
            fix=f'%config ComposeMagics.env = ["{word.wish.name}"] allows it as long as this kernel runs',
        ) from None
    if _read(file) is None:
        raise InputError(f"your word is not kept: others may write in {file.parent}", fix=f"chmod 700 {file.parent}")
