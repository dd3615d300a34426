"""Whose Python asks for a module: what a compose cell leads to is never found in the notebook's own folder.

IPython puts '' first in `sys.path`, so that `import yaml` finds a `yaml.py` beside the notebook. For a cell of Python
that is Python's rule; but the folder may be a stranger's, and a compose cell is data. So when a module is looked for,
the stack says on whose behalf: nearest is either this package, whatever libraries stand between, and then '' is left
out; or the user's own Python (a cell, a script, a module of that folder), which finds what it always found. `sys.path`
stays as it is: a thread of the one kind minds no thread of the other. A folder named in `sys.path` is the user's word.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import FrameType, ModuleType
from typing import Any

_US = __name__.partition(".")[0]
_FOLDER = ""  # the entry of `sys.path` that is the working folder, whichever it is at the time


def install() -> None:
    """Take the place of Python's finder of files, once and for as long as Python runs: handles outlive an extension."""
    for place, finder in enumerate(sys.meta_path):
        if finder is PathFinder:
            sys.meta_path[place] = _Finder(finder)


class _Finder:
    """Python's finder in everything, but that it looks into no '' for what we do."""

    def __init__(self, inner: Any):
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        found: ModuleSpec | None = self._inner.find_spec(fullname, _admitted(fullname, path), target)
        return found

    def find_distributions(self, *context: Any) -> Iterable[Any]:
        """Installed packages, and so entry points and versions too, which a folder may claim like any module."""
        from importlib.metadata import DistributionFinder

        asked = context[0] if context else DistributionFinder.Context()
        if _FOLDER in asked.path and _ours():
            asked = DistributionFinder.Context(**{**vars(asked), "path": [e for e in asked.path if e != _FOLDER]})
        found: Iterable[Any] = self._inner.find_distributions(asked)
        return found


def _admitted(name: str, path: Sequence[str] | None) -> Sequence[str] | None:
    """Where a module may be looked for: `path` is None for a top-level name, and its package's places else."""
    if isinstance(path, list) or _FOLDER not in sys.path or not _ours():
        return path  # a list is a package with an `__init__`, which was found in one place
    if path is None:
        return [entry for entry in sys.path if entry != _FOLDER]
    here = _here()  # a package without one is every folder of its name, that of '' too
    portion = os.path.join(here, *name.split(".")[:-1])
    return path if here in sys.path else [entry for entry in path if entry != portion]


def _here() -> str:
    try:
        return os.getcwd()
    except OSError:
        return os.devnull  # the folder is gone, and nothing lies in it


def _ours() -> bool:
    """Whether this package asks, by itself or through a library, rather than the user's own Python."""
    here = _here()
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__")
        if isinstance(name, str) and name != __name__:
            if name.partition(".")[0] == _US:
                return True
            if name == "__main__" or _lies_in(here, name, frame.f_globals.get("__file__")):
                return False
        frame = frame.f_back
    return False


def _lies_in(here: str, name: str, file: Any) -> bool:
    """Whether a module, or the package it is of, was found in a folder itself; an environment within is not that."""
    if not isinstance(file, str) or not file.startswith(here):
        return False
    above = os.path.dirname(file)
    for _ in range(name.count(".") + os.path.basename(file).startswith("__init__.")):
        above = os.path.dirname(above)
    return above == here
