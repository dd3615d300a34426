"""Cuts long texts into pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from mc_jupyter.components import Call, ComponentType, Planned
from mc_jupyter.errors import InputError, Problem
from mc_jupyter.events import Advance
from mc_jupyter.language.fields import Bound, Closed
from mc_jupyter.language.kinds import TEXT, Takes
from mc_jupyter.values import Batch
from mc_jupyter.values.streams import Stream

SEPARATORS = ("\n\n", "\n", " ", "")
"""Where a text is cut when nobody says: between paragraphs, lines, words, and at last between letters."""


class TextSplitterAction(Closed):
    """One text to cut, and where."""

    text: Annotated[Bound[str | list[str]], Takes(TEXT, "text")] = Field(description="The text to cut, or a list.")
    separators: Bound[list[str]] | None = Field(
        None, description='Where to cut, best first; default: "\\n\\n", "\\n", " ", "" (between letters).'
    )
    chunk_size: Bound[Annotated[int, Field(ge=1)]] = Field(1000, description="Most characters of a piece.")
    chunk_overlap: Bound[Annotated[int, Field(ge=0)]] = Field(200, description="Characters that neighbours share.")
    maximize_chunk: Bound[bool] = Field(
        True, description="Join short pieces into ones as long as may be; false leaves each cut."
    )
    stream_output: Bound[bool] = Field(False, description="Give pieces one by one.")
    output: Any = Field(None, description="What the call gives back, built from ${result}.")


class TextSplitter(ComponentType):
    """Cuts long texts into pieces."""

    runs: ClassVar[bool] = True
    Action: ClassVar[type[Closed]] = TextSplitterAction

    @classmethod
    def check(cls, shape: Any, own: Mapping[str, Any], action: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
        size, overlap = (action.get(name, TextSplitterAction.model_fields[name].default) for name in _SIZES)
        if isinstance(size, int) and isinstance(overlap, int) and overlap >= size:
            named = "chunk_overlap" if "chunk_overlap" in action else "chunk_size"
            yield named, Problem(_too_much(size, overlap), fix=f"chunk_overlap: {size // 5}")

    @classmethod
    def call(cls, planned: Planned, opened: Any, call: Call) -> Any:
        """A list of pieces, or for a list of texts a Batch of such lists; with `stream_output` a Stream of pieces."""
        fields = call.fields
        if fields.chunk_overlap >= fields.chunk_size:
            raise InputError(_too_much(fields.chunk_size, fields.chunk_overlap), fix="a smaller chunk_overlap")
        texts = fields.text if isinstance(fields.text, list) else [fields.text]
        if fields.stream_output:
            return Pieces(piece for text in texts for piece in pieces(text, fields))
        made: list[list[str]] = []
        for text in texts:
            if call.run.stopped:
                break
            made.append(list(pieces(text, fields)))
            call.run.emit(Advance(len(made), len(texts), "items"))
        return Batch(made) if isinstance(fields.text, list) else (made or [[]])[0]


class Pieces(Stream):
    """Pieces one by one; `.result` is the list of those that have been read."""

    def __init__(self, source: Iterable[str]):
        found = self.result = list[str]()

        def read() -> Iterator[str]:
            for piece in source:
                found.append(piece)
                yield piece

        super().__init__(read())


_SIZES = ("chunk_size", "chunk_overlap")


def _too_much(size: int, overlap: int) -> str:
    return f"chunk_overlap is {overlap}, and pieces have {size} characters: it should be less"


def pieces(text: str, fields: Any) -> Iterator[str]:
    """The pieces of one text, in order, blanks at their ends taken off; empty ones are left out.

    A piece is cut at the first of the separators that stands in it, and each part that is still too long at the next
    ones; a separator stays at the beginning of the part after it. Only where no separator is left may a piece be longer
    than `chunk_size`. The rule is that of LangChain's recursive splitter, which model-compose follows too.
    """
    separators = tuple(SEPARATORS if fields.separators is None else fields.separators)
    overlap = fields.chunk_overlap if fields.maximize_chunk else 0
    size = fields.chunk_size if fields.maximize_chunk else 0
    for piece in _cut(text, separators, fields.chunk_size, size, overlap):
        if stripped := piece.strip():
            yield stripped


def _cut(text: str, separators: Sequence[str], longest: int, size: int, overlap: int) -> Iterator[str]:
    """Parts of a text, each at most `longest` characters where a separator allows it, joined up to `size`."""
    at = next((i for i, separator in enumerate(separators) if separator in text), None)
    if at is None:
        yield text
        return
    short: list[str] = []
    for part in _parts(text, separators[at]):
        if len(part) < longest or (not separators[at] and len(part) <= longest):
            short.append(part)
            continue
        yield from _joined(short, size, overlap)
        short = []
        yield from _cut(part, separators[at + 1 :], longest, size, overlap)
    yield from _joined(short, size, overlap)


def _parts(text: str, separator: str) -> Iterator[str]:
    """The text cut before each separator; without one, letter by letter."""
    if not separator:
        yield from text
        return
    first, *others = text.split(separator)
    if first:
        yield first
    yield from (separator + other for other in others)


def _joined(parts: list[str], size: int, overlap: int) -> Iterator[str]:
    """Parts put together up to `size` characters; each begins with the last of the one before, up to `overlap`."""
    kept: list[str] = []
    length = 0
    for part in parts:
        if kept and length + len(part) > size:
            yield "".join(kept)
            while kept and (length > overlap or length + len(part) > size):
                length -= len(kept.pop(0))
        kept.append(part)
        length += len(part)
    if kept:
        yield "".join(kept)
