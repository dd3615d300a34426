"""What is found while a document is read: everything that is wrong with it, said at once, and notes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from mc_jupyter.document import misplaced
from mc_jupyter.errors import ComposeError, ExpressionError, Place, Problem, SpecError
from mc_jupyter.language import cell, expressions
from mc_jupyter.language.cell import Map, lookalikes, place_in
from mc_jupyter.language.expressions import Reference
from mc_jupyter.language.fields import Closed
from mc_jupyter.language.problems import problems_of
from mc_jupyter.values.conversions import STREAM_FORMATS, TYPES
from mc_jupyter.values.media import FORMATS
from mc_jupyter.words import did_you_mean, listing

_TOLD = 5  # of one text
_PIECE = 1000  # letters of a text that are looked at
_MOST = 100  # problems that are told: a text of one line can have thousands, each with that line


class Findings:
    """The problems and notes of one document, and the checks that all its parts share."""

    def __init__(self, problems: list[Problem], notes: Iterable[str] = ()):
        self.problems = problems
        self.notes: list[str] = list(notes)

    def wrong(self, message: str, place: Place | None, fix: str | None = None) -> None:
        """Note one problem."""
        self.problems.append(Problem(message, place, fix))

    def failed(self, error: ComposeError, place: Place | None) -> None:
        """Note an error's problems, at this place where they have none of their own."""
        self.problems += error.at(place).problems

    def unknown_key(
        self,
        key: str,
        container: Map,
        known: Iterable[str],
        fields: Iterable[type[Closed]] = (),
        hint: str | None = None,
    ) -> None:
        """Note a key that cannot stand where it stands, with those that can; or ours for another program's word.

        `fields` are those that might have been meant, `hint` is the way out where it is known better.
        """
        known = list(known)
        ours = next((found for one in fields if (found := one.ours_for(key))), None)
        fix = ours or hint or did_you_mean(key, known) or f"known here: {', '.join(sorted(known))}"
        self.wrong(f"unknown key {key!r}", place_in(container, (key,), key=True), fix)

    def result(self) -> tuple[str, ...]:
        """The notes, each once. SpecError with every problem, in the order of the text, when there are any."""
        if self.problems:
            found = sorted(dict.fromkeys(map(lookalikes.explained, self.problems)), key=_reading_order)
            more = [Problem(f"and {len(found) - _MOST:,} more")] if len(found) > _MOST else []
            raise SpecError([*found[:_MOST], *more])
        return tuple(dict.fromkeys(self.notes))

    def expressions(self, value: Any) -> None:
        """SpecError where an expression or a form cannot be read: every check of a field would fail at it."""
        unread = len(self.problems)
        for path, mapping in _mappings_in(value):
            try:
                expressions.check_template(mapping)
            except ExpressionError as error:
                self.failed(error, place_in(mapping, (next(iter(mapping)),), key=True) or place_in(value, path))
        for path, text in texts_in(value):
            if (nearly := expressions.of_another_language(text)) is not None:
                self.notes.append(f"{nearly[0]} is no expression, and stays as it is written; an input is {nearly[1]}")
            try:
                read = expressions.parse(text)
                self.notes += [note for one in read.references if (note := expressions.doubled(one)) is not None]
            except ExpressionError as error:
                self.failed(error, place_in(value, path))
        if len(self.problems) > unread:
            self.result()

    # --- mappings and their keys --------------------------------------------------------------------------------------

    def parts(self, container: Map, name: str) -> Iterator[Map]:
        """The mappings under `component:` or `components:`, of which only one may be there."""
        plural = name + "s"
        if name in container and plural in container:
            self.wrong(
                f"{name} and {plural} are both given", place_in(container, (name,), key=True), "keep one of them"
            )
        for key in (name, plural):
            if key not in container:
                continue
            value = container[key]
            if name == "component" and (meant := misplaced.meant(key, value)) is not None:
                self.wrong(meant[0], place_in(container, (key,), key=True), meant[1])
                continue
            for i, item in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(item, Map):
                    yield item
                else:
                    path = (key, i) if isinstance(value, list) else (key,)
                    self.wrong(f"a {name} is a mapping", place_in(container, path), f"{name}:\n        id: …")

    def unique(self, parts: Collection[Any], noun: str, written: Iterable[Map] | None = None) -> None:
        """Note parts whose id another one has already; `written` is where each stands, if not what it says itself."""
        seen: set[str] = set()
        for part, text in zip(parts, written or [part.written for part in parts], strict=True):
            if part.id in seen:
                self.wrong(
                    f"two {noun}s have the id {part.id!r}",
                    place_in(text, ("id",)),
                    "give each an id of its own",
                )
            seen.add(part.id)

    def put(self, into: Map, name: str, written: Map, key: str) -> None:
        """Copy an entry under its field's own name, which must not be there yet."""
        if name in into:
            self.wrong(
                f"{name} is given twice" + (f", here as {key}" if key != name else ""),
                place_in(written, (key,), key=True),
                "keep one of them",
            )
        else:
            into.take(written, key, name)

    def valid(self, model: type[Closed], written: Map) -> Any:
        """The model's fields from what is written, or None with the problems noted."""
        try:
            return model.model_validate(dict(written))
        except ValidationError as error:
            self.problems += problems_of(error, written, model)
            return None

    def wrong_fields(self, model: type[Closed], written: Map) -> list[str]:
        """The names of written fields that the model refuses. Notes nothing."""
        try:
            model.model_validate(dict(written))
        except ValidationError as error:
            wrong = {problem["loc"][0] for problem in error.errors(include_url=False) if problem["loc"]}
            return [name for name in written if name in wrong]
        return []

    # --- expressions --------------------------------------------------------------------------------------------------

    def known_sources(
        self, value: Any, known: Iterable[str], why: str | None = None, types: Collection[str] = ()
    ) -> None:
        """Note every expression that names a source or a type which cannot be there, and `${` that begins none.

        `types` are those of the parts at hand, besides the language's own.
        """
        known = tuple(known)
        try:
            found = list(expressions.references(value))
            for path, text in texts_in(value):
                for at in expressions.parse(text).unread[:_TOLD]:
                    message, fix = expressions.why_unread(text[at : at + _PIECE])
                    self.wrong(message, _of_piece(value, path, text[at : at + _PIECE]), fix)
        except ComposeError as error:
            self.problems += error.problems
            return
        there = f"here there are: {listing([f'${{{k}…}}' for k in known], 'and')}"
        for path, reference in found:
            if reference.source not in known:
                fix = expressions.meant(reference, known) or there
                message = f"{reference.text} names {reference.source!r}, which is not known here"
                self.wrong(message + (f": {why}" if why else ""), _within(value, path, reference), fix)
            if reference.source != "env":  # of which fewer can be made, as is said where it is filled in
                self.known_type(reference, _within(value, path, reference), (*TYPES, *types))

    def known_type(self, reference: Reference, place: Place | None, types: Sequence[str]) -> None:
        """Note what stands after `as` or `;` and is no type or format: it would do nothing, without a word."""
        type = (reference.type or "text").removesuffix("[]")
        if type not in types:
            fix = did_you_mean(type, types) or f"there are: {listing(types, 'and')}"
            self.wrong(f"unknown type {type!r} in {reference.text}", place, fix)
        elif reference.format not in (None, *FORMATS, *STREAM_FORMATS):
            fix = did_you_mean(reference.format or "", FORMATS) or f"there are: {listing(FORMATS, 'and')}"
            self.wrong(f"unknown format {reference.format!r} in {reference.text}", place, fix)


def texts_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every text inside nested containers, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping | list):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from texts_in(item, (*path, key))


def _mappings_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Mapping[str, Any]]]:
    """Every mapping inside nested containers, with its path."""
    if isinstance(value, Mapping):
        yield path, value
    if isinstance(value, Mapping | list):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _mappings_in(item, (*path, key))


def _reading_order(problem: Problem) -> tuple[int, int]:
    return (problem.place.line, problem.place.column) if problem.place else (0, 0)


def _of_piece(value: Any, path: tuple[Any, ...], piece: str) -> Place | None:
    """Where a piece of the text at a path begins, as far as its line goes."""
    span = cell.span_in(value, path)
    first = piece.splitlines()[0] if piece else ""
    at = span.text.find(first) if span and first else -1
    if span is None or at < 0:
        return span.place() if span else None
    return cell.Span(span.start + at, span.start + at + len(first), span.source).place()


def _within(value: Any, path: tuple[Any, ...], reference: Reference) -> Place | None:
    """Where one reference stands inside the text at a path."""
    span = cell.span_in(value, path)
    if span is None:
        return None
    at = span.text.find(reference.text)
    if at < 0:
        return span.place()
    return cell.Span(span.start + at, span.start + at + len(reference.text), span.source).place()
