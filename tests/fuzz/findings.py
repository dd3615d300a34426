"""What went wrong in a try: which kind, which seed, what, and where; many of the same are one."""

from __future__ import annotations

import re
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that should not have happened. `what` begins with its sort; `where` is the last frame of ours."""

    kind: str
    seed: int
    what: str
    where: str = ""

    @property
    def same(self) -> tuple[str, str, str]:
        """What two findings share that are one fault: the kind, the sort and the place."""
        sort = self.what.partition(":")[0]
        return (self.kind, sort, self.where or (sort if sort == "noise" else re.sub(r"\d+", "0", self.what)))

    @property
    def command(self) -> str:
        """What makes and tries exactly this case again."""
        return f"python -m tests.fuzz {self.kind} --one {self.seed}"

    def data(self) -> dict[str, Any]:
        return asdict(self)


def of_error(kind: str, seed: int, error: BaseException) -> Finding:
    """The finding that an exception is which nobody should see."""
    words = " ".join(str(error).split())
    return Finding(kind, seed, f"{type(error).__name__}: {words[:200]}", _place(error))


def _place(error: BaseException) -> str:
    """The last frame of this package, and the very last one where that is another's."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_own(frame.filename)]
    told = [_frame(each[-1].filename, each[-1].lineno, each[-1].name) for each in (own, frames) if each]
    return " ← ".join(dict.fromkeys(told))


def caller() -> str:
    """The frame of ours that is at work now."""
    own = [frame for frame in traceback.extract_stack() if _is_own(frame.filename)]
    return _frame(own[-1].filename, own[-1].lineno, own[-1].name) if own else ""


def of_dump(kind: str, seed: int, what: str, dump: str) -> Finding:
    """The finding that faulthandler's dump of a process tells of: of the thread that tried, the newest frame of ours."""
    parts = dump.split("(most recent call first):")
    frames = [_parsed(line) for line in parts[-1].splitlines() if line.lstrip().startswith("File ")]
    own = [frame for frame in frames if _is_own(frame[0])]
    told = [_frame(*each[0]) for each in (own, frames) if each]
    return Finding(kind, seed, what, " ← ".join(dict.fromkeys(told)))


def _parsed(line: str) -> tuple[str, int, str]:
    """`  File "x.py", line 3 in f` taken apart."""
    head, _, rest = line.partition('", line ')
    number, _, name = rest.partition(" in ")
    return head.partition('"')[2], int(number) if number.isdigit() else 0, name.strip()


def _is_own(file: str) -> bool:
    return file.startswith(str(ROOT / "mc_jupyter"))


def _frame(file: str, line: int | None, name: str) -> str:
    path = Path(file)
    short = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path(*path.parts[-3:])
    return f"{short}:{line} {name}"
