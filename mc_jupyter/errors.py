"""What can go wrong, and how it is said: one place, one reason, one way out.

ComposeError                everything mc_jupyter raises on purpose
├── SpecError               the text is not a document of the language
├── ExpressionError         an expression could not be evaluated or converted
├── PlanError               what the text asks for cannot be done here, or not together
│   ├── MissingPackage      an engine is not installed
│   ├── NotBuilt            planned for, described, but not in this version
│   ├── NeedsWord           what it would run, send or read needs the user's word
│   └── DoesNotFit          more memory or disk than is free
├── WeightsError            the model's files
│   ├── NeedsToken          the repository is private or gated, and no token was given
│   ├── AccessDenied        the token is good, but its owner may not read the repository
│   ├── BadToken            the hub does not know the token
│   ├── NoSuchModel         no such repository, revision, file or folder
│   ├── Offline             not on this disk, and the hub cannot be reached (or must not be)
│   └── UnsafeWeights       pickle weights that nobody allowed
├── InputError              what a run was given: missing, of the wrong kind, too long
├── UnknownName             no component, task, driver or sub-command of that name
└── RunError                the engine failed while it ran
    └── Interrupted         the user stopped it; `partial` holds what was there
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

from mc_jupyter.words import in_order

_PIECE = 120  # letters of a line that an error quotes


def quoted(text: str) -> str:
    """A name or a word that somebody wrote, for a message: cut where it is long."""
    return f"{in_order(text[:_PIECE])}…" if len(text) > _PIECE else in_order(text)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a cell something stands. Lines and columns count from 1; line 1 of a `%%compose` cell is the magic."""

    line: int
    column: int
    length: int
    text: str

    def caret(self) -> str:
        """The source line with the place underlined; of a long line the piece around it."""
        start = max(0, min(self.column - 1 - _PIECE // 2, len(self.text) - _PIECE))
        piece, at = self.text[start : start + _PIECE], self.column - 1 - start
        head, tail = "…" * (start > 0), "…" * (start + _PIECE < len(self.text))
        before, marked, after = (
            in_order(part) for part in (piece[:at], piece[at:][: self.length], piece[at:][self.length :])
        )
        pad = "".join("\t" if c == "\t" else " " for c in head + before)
        return f"    {head}{before}{marked}{after}{tail}\n    {pad}{'^' * max(1, len(marked))}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: what, where, and what would mend it."""

    message: str
    place: Place | None = None
    fix: str | None = None

    def at(self, place: Place | None) -> Problem:
        """The same problem, pointing at a place where it points at none."""
        return self if self.place or place is None else replace(self, place=place)

    def __str__(self) -> str:
        """As it is shown: what strangers wrote into it neither steers a terminal nor reorders its letters."""
        where = f"line {self.place.line}: " if self.place else ""
        lines = [f"{where}{in_order(self.message)}"]
        if self.place:
            lines.append(self.place.caret())
        if self.fix:
            lines.append(f"    → {in_order(self.fix)}")
        return "\n".join(lines)


class ComposeError(Exception):
    """Something mc_jupyter says to its user. Shown as its text, never as our frames.

    `problems` holds everything that was found, in the order of the text.
    """

    problems: tuple[Problem, ...]

    def __init__(
        self, problem: str | Problem | Iterable[Problem], *, place: Place | None = None, fix: str | None = None
    ):
        if isinstance(problem, str):
            problem = Problem(problem, place, fix)
        self.problems = (problem,) if isinstance(problem, Problem) else tuple(problem)
        super().__init__("\n".join(str(p) for p in self.problems))

    def at(self, place: Place | None) -> Self:
        """The same error, pointing at a place where it points at none."""
        if place is None:
            return self
        made = type(self)([problem.at(place) for problem in self.problems])
        made.__cause__ = self.__cause__
        return made

    def _render_traceback_(self) -> list[str]:
        """IPython's documented hook: these lines are shown instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class SpecError(ComposeError):
    """The text is not a document of the language."""


class ExpressionError(ComposeError):
    """An expression could not be evaluated or converted."""


class PlanError(ComposeError):
    """What the text asks for cannot be done on this machine, or not together."""


class MissingPackage(PlanError):
    """An engine is not installed; the fix is the line to paste."""


class NotBuilt(PlanError):
    """The language has it and it was read, but this version does not run it."""


class NeedsWord(PlanError):
    """What it would run on this machine, send to another or read of the environment needs the user's word.

    `wishes` are the questions that it asks, where they can be answered (`trust.consent.Wish`).
    """

    wishes: tuple[Any, ...] = ()

    def at(self, place: Place | None) -> Self:
        placed = super().at(place)
        placed.wishes = self.wishes
        return placed


class DoesNotFit(PlanError):
    """More memory or disk than is free."""


class WeightsError(ComposeError):
    """The model's files cannot be had."""


class NeedsToken(WeightsError):
    """The repository is private or gated, and no token was given."""


class AccessDenied(WeightsError):
    """The token is good, but its owner may not read the repository."""


class BadToken(WeightsError):
    """The hub does not know the token."""


class NoSuchModel(WeightsError):
    """No such repository, revision, file or folder."""


class Offline(WeightsError):
    """Not on this disk, and the hub cannot be reached, or must not be."""


class UnsafeWeights(WeightsError):
    """Pickle weights (which can run code when read) that nobody allowed."""


class InputError(ComposeError):
    """What a run was given is missing, of the wrong kind, or too long."""


class UnknownName(ComposeError):
    """No component, task, driver or sub-command of that name."""


class RunError(ComposeError):
    """The engine failed while it ran."""


class Interrupted(RunError):
    """The user stopped the run; `partial` holds what there was by then."""

    partial: Any = None


def forget_frames(error: BaseException, *, keep_traceback: bool = False) -> None:
    """Empty and drop the tracebacks of an error and of those it came from, so that they keep no tensor alive.

    Clearing alone is not enough: a frame also holds its function, and that the variables it closes over. Done before
    IPython formats an error: after that, frames cannot be cleared any more (Python 3.11 keeps a copy of their locals).
    With `keep_traceback` the emptied frames stay, for whoever has to read where it happened.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__]
        traceback.clear_frames(one.__traceback__)
        if not keep_traceback:
            one.__traceback__ = None
