"""What exists: parts found by looking into their folders and at entry points. It imports no room itself.

Nobody lists them. A file `tasks/my_task.py` is `task: my-task`; its class is the one Task that it defines. A word that
Python keeps for itself has an underscore behind it: `jobs/if_.py` is `type: if`. Another installed package joins by
an entry point of the group `mc_jupyter.tasks` (`mc_jupyter.drivers` …), whose name is the word and whose value is the
class.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from typing import Any, ClassVar, TypeVar, cast

from mc_jupyter.errors import UnknownName
from mc_jupyter.words import hinted, listing

P = TypeVar("P", bound="Part")


class Part:
    """Something that is found by its word: the name of the file it is defined in, or of its entry point.

    A kind of part is a direct subclass that says its room and its noun: `class Task(Part, room="tasks", noun="task")`.
    """

    name: ClassVar[str]
    """Its word: the name of the file it is defined in."""

    also: ClassVar[tuple[str, ...]] = ()
    """Other words it answers to, from another edition of the language."""

    room: ClassVar[str]
    """The folder of this kind of part, below `mc_jupyter`."""

    noun: ClassVar[str]
    """What messages call one of this kind."""

    _kind: ClassVar[Any]

    def __init_subclass__(cls, *, room: str | None = None, noun: str = "", **more: Any) -> None:
        super().__init_subclass__(**more)
        if room is not None:
            cls.room, cls.noun, cls._kind = room, noun, cls
        elif "name" not in cls.__dict__:
            cls.name = _word(cls.__module__.rpartition(".")[2])
        if "also" not in cls.__dict__:
            cls.also = ()

    @classmethod
    def summary(cls) -> str:
        """The first line of its docstring: what help and the schema show."""
        return (cls.__doc__ or "").strip().partition("\n")[0]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The words of every part of this kind, sorted."""
        return _names(cls.room)

    @classmethod
    def spoken(cls) -> tuple[str, ...]:
        """Every word that means a part of this kind: their names, and behind them what they are `also` called."""
        return (*cls.names(), *(word for part in cls.all() for word in part.also))

    @classmethod
    def all(cls: type[P]) -> tuple[type[P], ...]:
        """Every part of this kind."""
        return tuple(cls.named(word) for word in cls.names())

    @classmethod
    def named(cls: type[P], word: str) -> type[P]:
        """The part that is called so, or `also` called so. UnknownName, with the nearest word, when there is none.

        TypeError when its file defines no class of this kind, or more than one.
        """
        known = cls.names()
        if word in known:
            return cast("type[P]", _load(cls.room, word, cls._kind))
        others = {other: part for part in cls.all() for other in part.also}
        if word in others:
            return others[word]
        hint = hinted(f"no {cls.noun} {word!r}", word, (*known, *others))
        raise UnknownName(hint, fix=f"{cls.noun}: {listing(known)}")


def forget() -> None:
    """Look into the folders again at the next question (after a file was added)."""
    for kept in (_names, _modules, _joined, _load):
        kept.cache_clear()


@cache
def _names(room: str) -> tuple[str, ...]:
    return tuple(sorted({*_modules(room), *(point.name for point in _joined(room))}))


def _word(module: str) -> str:
    return module.rstrip("_").replace("_", "-")


@cache
def _modules(room: str) -> dict[str, str]:
    """The word of each file of a room, and the file's name."""
    package = importlib.import_module(f"mc_jupyter.{room}")
    files = (module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_"))
    return {_word(name): name for name in files}


@cache
def _load(room: str, word: str, kind: Any) -> type:
    for point in _joined(room).select(name=word):
        joined = cast("type[Part]", point.load())
        joined.name = word
        return joined
    module = importlib.import_module(f"mc_jupyter.{room}.{_modules(room)[word]}")
    mine = (v for v in vars(module).values() if inspect.isclass(v) and v.__module__ == module.__name__)
    found = [value for value in mine if issubclass(value, kind)]
    if len(found) != 1:
        raise TypeError(f"{module.__name__} defines {len(found)} {kind.__name__} classes; it should define one")
    return found[0]


@cache
def _joined(room: str) -> EntryPoints:
    """What other packages add to a room: entry points of the group of its name."""
    return entry_points(group=f"mc_jupyter.{room.rpartition('.')[2]}")
