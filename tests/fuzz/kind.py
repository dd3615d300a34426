"""What a kind of hostile input is: made from dice, tried, and afterwards nothing but a value or a ComposeError."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from random import Random
from typing import Any, ClassVar


class Kind:
    """One kind of hostile input.

    A process makes one object of it and then tries thousands of cases, so a try leaves things as it found them: the
    same seed is the same case, whatever was tried before.
    """

    seconds: ClassVar[float] = 10.0
    """A try that takes longer hangs. Generous: a machine that is busy is no finding."""

    megabytes: ClassVar[int] = 300
    """A try may take so much more memory than the process had before it."""

    quiet: ClassVar[bool] = True
    """Whether a word on stdout or stderr that no mc_jupyter printed is a finding: noise of native libraries."""

    imports: ClassVar[tuple[str, ...]] = ("torch", "transformers", "diffusers", "peft", "PIL.Image", "IPython")
    """What is imported before anybody counts: large libraries start processes and take memory as they are."""

    may_write: ClassVar[bool] = False
    """Whether it names files to be written, so that one outside the sandbox is refused and no finding."""

    def __init__(self, folder: Path):
        """`folder` is the kind's own and inside the sandbox; what takes long to make is found there the next time."""
        self.folder = folder

    def make(self, dice: Random) -> Any:
        """A case. The same dice make the same one."""
        raise NotImplementedError

    def attempt(self, case: Any) -> str:
        """Try it. Gives the text that a user would see of it; ComposeErrors come out as they are."""
        raise NotImplementedError

    def shown(self, case: Any) -> str:
        """The case, for a reader who wants to see what it was."""
        return repr(case)

    def close(self) -> None:
        """Let go of what is open."""


def names() -> list[str]:
    """The kinds that there are: the files of `kinds/` whose names begin with a letter."""
    from tests.fuzz import kinds

    return sorted(each.name for each in pkgutil.iter_modules(kinds.__path__) if not each.name.startswith("_"))


def named(name: str) -> type[Kind]:
    """The kind of that name."""
    module = importlib.import_module(f"tests.fuzz.kinds.{name}")
    return next(
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Kind) and each.__module__ == module.__name__
    )
