"""The list of variables in a project's `pyproject.toml`, which counts only once the user has said so.

    [tool.mc_jupyter]
    env = ["STYLE", "MODEL_*"]

A file beside a notebook may have come with it, so its word is not the user's: he is shown the list and the file, and
asked. Another list, or the same one in another place, is another question.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from mc_jupyter.trust.consent import Wish

FILE = "pyproject.toml"
_LARGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Project:
    """A project's file, and the variables that it lists."""

    file: Path
    names: tuple[str, ...]

    @property
    def wish(self) -> Wish:
        """The question whether it counts."""
        return Wish(FILE, "[tool.mc_jupyter] env", json.dumps(self.names), str(self.file))


def nearest() -> Project | None:
    """The list of the first `pyproject.toml` from the working folder upwards; None where it has none."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        file = folder / FILE
        if file.is_file():
            return _read(file)
    return None


def _read(file: Path) -> Project | None:
    try:
        if file.stat().st_size > _LARGEST:
            return None
        listed = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("mc_jupyter", {}).get("env", [])
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        return None
    return Project(file.resolve(), tuple(listed)) if listed else None
