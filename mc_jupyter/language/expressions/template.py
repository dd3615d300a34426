"""A text with `${…}` in it, taken apart: literals and references, and what each reference asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mc_jupyter.errors import ExpressionError, Problem

MAX_CONTAINER_DEPTH = 128


@dataclass(frozen=True, slots=True)
class Star:
    """`[*]`: the rest of the path, of every element."""


@dataclass(frozen=True, slots=True)
class Slice:
    """`[start:stop]`."""

    start: int | None
    stop: int | None


Segment = str | int | Slice | Star
Attributes = tuple[tuple[str, "Template"], ...]

_ANNOTATION = re.compile(r"\s*([\w-]+)\s+(.*?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reference:
    """One `${…}`. `start` and `end` are its offsets in the text that was parsed, `text` is what stands there.

    `stream` marks `source[]`, the pieces of a stream. `quoted` says that the default stood in quotes.
    """

    source: str
    stream: bool
    path: tuple[Segment, ...]
    type: str | None
    subtype: str | None
    attributes: Attributes
    format: str | None
    default: Template | None
    quoted: bool
    annotation: str | None
    text: str
    start: int
    end: int
    default_span: tuple[int, int] = field(default=(0, 0), repr=False, compare=False)

    @property
    def annotations(self) -> dict[str, str]:
        """`@(description Max tokens)` as `{"description": "Max tokens"}`."""
        return _annotations(self.annotation)

    def __str__(self) -> str:
        return self.text


def _annotations(annotation: str | None) -> dict[str, str]:
    found = {}
    for one in (annotation or "").split(")\n@("):
        if match := _ANNOTATION.fullmatch(one):
            found[match[1]] = re.sub(r"\\([$@{}])", r"\1", match[2])
    return found


@dataclass(frozen=True, slots=True)
class Template:
    """Literal text and references, in order. `unread` holds the offsets of each `${` that is not a reference."""

    parts: tuple[str | Reference, ...]
    unread: tuple[int, ...] = field(default=(), compare=False)

    @property
    def single(self) -> Reference | None:
        """The reference, where the whole text is one."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Reference):
            return self.parts[0]
        return None

    @property
    def references(self) -> tuple[Reference, ...]:
        return tuple(part for part in self.parts if isinstance(part, Reference))


class Parts:
    """Parts of a template as they are found; neighbouring literals become one."""

    def __init__(self) -> None:
        self._parts: list[str | Reference] = []
        self._literal: list[str] = []

    def add(self, part: str | Reference) -> None:
        if isinstance(part, str):
            if part:
                self._literal.append(part)
        else:
            self._close()
            self._parts.append(part)

    def _close(self) -> None:
        if self._literal:
            self._parts.append("".join(self._literal))
        self._literal = []

    def strip(self) -> None:
        """Drop blanks at the end."""
        while self._literal and not self._literal[-1].strip():
            self._literal.pop()
        if self._literal:
            self._literal[-1] = self._literal[-1].rstrip()

    def pair(self) -> tuple[str, Template] | None:
        """`name=value` of an attribute."""
        parts = list(self.all())
        if not parts or not isinstance(parts[0], str) or "=" not in parts[0]:
            return None
        name, _, first = parts[0].partition("=")
        rest = [first.lstrip(), *parts[1:]]
        if isinstance(rest[-1], str):
            rest[-1] = rest[-1].rstrip()
        return name.strip(), Template(tuple(part for part in rest if part != ""))

    def all(self) -> tuple[str | Reference, ...]:
        self._close()
        return tuple(self._parts)


def references_in(template: Template) -> Iterator[Reference]:
    """The references of a template, and those in their defaults and attributes."""
    for reference in template.references:
        yield reference
        if reference.default is not None:
            yield from references_in(reference.default)
        for _, attribute in reference.attributes:
            yield from references_in(attribute)


def is_env(template: Template) -> bool:
    """Whether the text is nothing but literals and environment variables that no `as` gave a type."""
    found = template.references
    return bool(found) and all(one.source == "env" and one.type is None for one in found)


def written_path(path: tuple[Segment, ...]) -> str:
    """A path as it is written: `choices[0].message`."""
    text = ""
    for segment in path:
        if isinstance(segment, str):
            text += f".{segment}" if text else segment
        elif isinstance(segment, Slice):
            ends = ("" if end is None else str(end) for end in (segment.start, segment.stop))
            text += f"[{':'.join(ends)}]"
        else:
            text += "[*]" if isinstance(segment, Star) else f"[{segment}]"
    return text


def about(error: ExpressionError, reference: Reference) -> ExpressionError:
    """The error with the reference that it befell."""
    return ExpressionError(Problem(f"{one.message} in {reference.text}", one.place, one.fix) for one in error.problems)


def check_depth(depth: int) -> None:
    """Raise where lists and mappings are nested deeper than can be meant."""
    if depth > MAX_CONTAINER_DEPTH:
        raise ExpressionError(f"lists and mappings are nested deeper than {MAX_CONTAINER_DEPTH}")
