"""A model's small files, read before any library sees them: regular files only, up to a size, into typed records.

Such a file may be anybody's. A pipe or a device never ends, a list may stand where a mapping belongs, a number may have
a million digits: each is one `NotWhole` that names the file, and the key where there is one.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from mc_jupyter.errors import WeightsError
from mc_jupyter.words import format_bytes

AGAIN = "fetch it again"

CONFIG = 16_000_000
"""Bytes of the largest configuration that is read. Those with a name for each of many thousand classes have one or two
million."""

INDEX = 64_000_000
"""Bytes of the largest list of files: an index of shards, a listing of the hub."""

VOCABULARY = 512_000_000
"""Bytes of the largest vocabulary, which only a library reads. The largest known tokenizer.json has 40 million."""

_DEEPEST = 60  # mappings and lists within one another
_LARGEST = 2**53  # of numbers: JSON's own, and far more than any size of a model


class NotWhole(WeightsError):
    """A file of a checkpoint is missing, cut short, damaged, or not what its name says."""


# --- files ------------------------------------------------------------------------------------------------------------


@contextmanager
def opened(file: Path, largest: int | None = None) -> Iterator[BinaryIO]:
    """A regular file (a link to one is one), open for reading. NotWhole for all others, and for larger ones.

    A pipe is opened without waiting for whoever would write into it, so that it can be told from a file.
    """
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise NotWhole(f"{file} cannot be read: {why}", fix=AGAIN) from None
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode):
        os.close(handle)
        raise NotWhole(f"{file} is no regular file: a folder, a pipe or a device", fix="put the file itself there")
    with os.fdopen(handle, "rb") as stream:
        if largest is not None and facts.st_size > largest:
            has, most = format_bytes(facts.st_size), format_bytes(largest)
            raise NotWhole(f"{file} has {has}, and no such file of a model has more than {most}", fix=AGAIN)
        yield stream


def read_text(file: Path, largest: int = CONFIG) -> str:
    """A text file's content."""
    with opened(file, largest) as stream:
        data = stream.read(largest + 1)  # a file may grow while it is read
    try:
        return data.decode("utf-8")
    except ValueError:
        raise NotWhole(f"{file} is not text", fix=AGAIN) from None


# --- JSON -------------------------------------------------------------------------------------------------------------


def parse(text: str, file: Path) -> Any:
    """What a JSON text says. NotWhole for what is none, or nests or spells what no library takes."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise NotWhole(f"{file} is not JSON: {why}", fix=AGAIN) from None
    for depth, value in walk(content):
        if depth > _DEEPEST:
            raise NotWhole(f"{file} is not JSON of a model: it is nested more than {_DEEPEST} deep", fix=AGAIN)
        if isinstance(value, str) and not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise NotWhole(f"{file} is not JSON: it has half of a character", fix=AGAIN)
    return content


def walk(content: Any) -> Iterator[tuple[int, Any]]:
    """Every key and value of a JSON value, each with how deep it stands."""
    waiting = [(0, content)]
    while waiting:
        depth, value = waiting.pop()
        yield depth, value
        if isinstance(value, dict):
            waiting += [(depth + 1, each) for pair in value.items() for each in pair]
        elif isinstance(value, list):
            waiting += [(depth + 1, each) for each in value]


def read_json(file: Path, largest: int = CONFIG) -> Any:
    """What is in a JSON file, of whatever type."""
    return parse(read_text(file, largest), file)


def read_config(file: Path, largest: int = CONFIG) -> Config:
    """The mapping in a JSON file."""
    content = read_json(file, largest)
    if not isinstance(content, dict):
        raise NotWhole(f"{file} holds a {_kind(content)}, where names and values belong", fix=AGAIN)
    return Config(file, content)


class Config(Mapping[str, Any]):
    """What a model's JSON file says. A value of another type than is asked for is a NotWhole with its key and file."""

    __slots__ = ("_content", "file", "path")

    def __init__(self, file: Path, content: Mapping[str, Any], path: str = ""):
        self.file = file
        self.path = path  # of the keys that led here, for messages
        self._content = MappingProxyType(dict(content))

    def __getitem__(self, key: str) -> Any:
        return self._content[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def __repr__(self) -> str:
        return f"Config({self.file.name}, {len(self)} keys)"

    def __reduce__(self) -> tuple[Any, ...]:
        return Config, (self.file, dict(self._content), self.path)

    def text(self, key: str) -> str | None:
        """A text, None where there is none."""
        found: str | None = self._one(key, str, "a text")
        return found

    def flag(self, key: str) -> bool:
        """Yes or no; no where nothing is said."""
        return bool(self._one(key, bool, "true or false"))

    def number(self, key: str) -> int | None:
        """A whole number from 0 on, None where there is none."""
        found: int | None = self.get(key)
        if found is None or (_is_whole(found) and 0 <= found <= _LARGEST):
            return found
        raise self.wrong(key, "a whole number from 0 on")

    def numbers(self, key: str) -> tuple[int, ...]:
        """Whole numbers from 0 on, also where one stands alone; none where nothing is said."""
        found = self.get(key)
        several = found if isinstance(found, list) else [] if found is None else [found]
        if all(_is_whole(each) and 0 <= each <= _LARGEST for each in several):
            return tuple(several)
        raise self.wrong(key, "whole numbers from 0 on")

    def texts(self, key: str) -> tuple[str, ...]:
        """Texts in a list; none where nothing is said."""
        found = self._one(key, list, "a list of texts") or []
        if all(isinstance(each, str) for each in found):
            return tuple(found)
        raise self.wrong(key, "a list of texts")

    def inside(self, key: str) -> Config:
        """The mapping at a key; an empty one where there is none."""
        return Config(self.file, self._one(key, dict, "names and values") or {}, f"{self.path}{key}.")

    def each_in(self, key: str) -> tuple[Config, ...]:
        """The mappings in a list; none where nothing is said."""
        found = self._one(key, list, "a list of names and values") or []
        if all(isinstance(each, dict) for each in found):
            return tuple(Config(self.file, each, f"{self.path}{key}[{i}].") for i, each in enumerate(found))
        raise self.wrong(key, "a list of names and values")

    def wrong(self, key: str, wanted: str) -> NotWhole:
        """The error for a value that is not what it should be."""
        found = self.get(key)
        said = _kind(found) if isinstance(found, dict | list) else shown(json.dumps(found))
        return NotWhole(f"{self.file}: {self.path}{key} should be {wanted}, and is {said}", fix=AGAIN)

    def _one(self, key: str, kind: type, wanted: str) -> Any:
        found = self.get(key)
        if found is None or isinstance(found, kind):
            return found
        raise self.wrong(key, wanted)


NOTHING = Config(Path(), {})
"""What a model says that has no such file."""


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _kind(value: object) -> str:
    return {dict: "mapping", list: "list", str: "text", bool: "truth value"}.get(type(value), "single value")


def shown(text: object, longest: int = 60) -> str:
    """A text of somebody's file for a message: on one line, and cut where it is long."""
    line = "".join(c if c.isprintable() else "�" for c in str(text)[: longest + 1])
    return line if len(line) <= longest else f"{line[:longest]}…"
