"""`${…}`: text that holds references is scanned once, parsed, and evaluated against named sources.

    ${source.path[0].key as type[]/subtype[name=value];format | default @(annotation)}

All but the source is optional. `parse` makes a `Template`; `render` evaluates templates inside nested lists and
mappings, with the mapping forms `...` (spread), `?` (condition), `*` (map), `+` (join), `|` (split), `&` (zip).
What looks like a reference and is none stays the text it is. Where the language left a choice:

* A default ends at the first `}` that closes the reference. Braces inside it may be balanced (`| {"a": 1}`) or
  escaped: `\\$ \\@ \\{ \\}` lose their backslash there. Blanks around it are dropped. A default in quotes is what
  stands between them, where also `\\"` and `\\\\` are escapes; references inside it are evaluated.
* Outside, a backslash before `${` makes it plain text and is dropped; of two backslashes one stays and the
  reference is evaluated. `$${x}` is a dollar sign and a value.
* A key with odd characters can be written `["so"]`.

Scanning is linear in the text: what was found out about one `${` is remembered for every reference around it.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mc_jupyter.errors import ExpressionError, Place, Problem, did_you_mean, listing
from mc_jupyter.values import Batch, Stream, as_text, convert, describe, look_up

MAX_DEPTH = 32
MAX_CONTAINER_DEPTH = 128

# --- what an expression is ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Star:
    """`[*]`: the rest of the path, of every element."""


@dataclass(frozen=True, slots=True)
class Slice:
    """`[start:stop]`."""

    start: int | None
    stop: int | None


Segment = str | int | Slice | Star


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
    attributes: tuple[tuple[str, Template], ...]
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


class Plain(str):
    """A scalar that stood in the YAML without quotes: an `${env.X}` that is all of it takes YAML's type."""


# --- parsing -----------------------------------------------------------------------------------------------------

_SOURCE = re.compile(r"[A-Za-z_][^\s.\[\]{}()|@$\\\"';]*")
_KEY = re.compile(r"[-\w]+")
_INDEX = re.compile(r"\[(?:(?P<star>\*)|(?P<index>-?\d{1,18})|(?P<start>-?\d{1,18})?:(?P<stop>-?\d{1,18})?)\]")
_QUOTED_KEY = re.compile(r"""\[(?:"(?P<double>[^"\]\[$}]*)"|'(?P<single>[^'\]\[$}]*)')\]""")
_AS = re.compile(r"as\s+(?P<type>[^\s/;\[\]{}|@$]+)(?P<list>\[\])?(?:/(?P<subtype>[^\s;\[{}|$]+))?")
_FORMAT = re.compile(r";([^\s{}|@$]+)")
_BLANKS = re.compile(r"\s*")
_ANNOTATION_END = re.compile(r"\)\s*(?=\}|@\()")
_ANNOTATION = re.compile(r"\s*([\w-]+)\s+(.*?)\s*", re.DOTALL)
_DEFAULT_STOP = re.compile(r"[\\${}@]")
_QUOTED_STOP = {quote: re.compile(rf"[\\${quote}]") for quote in "\"'"}
_ESCAPED = frozenset("$@{}")


class _Unclosed(Exception):
    """The text ended inside a reference. So it does for every reference around this one."""


class _Finder:
    """The next match of a pattern from a place, remembered: asking from place after place stays linear."""

    def __init__(self, pattern: re.Pattern[str], text: str):
        self._pattern, self._text = pattern, text
        self._match: re.Match[str] | None = None
        self._from = len(text) + 1

    def next(self, at: int) -> re.Match[str] | None:
        known = self._from <= at and (self._match is None or at <= self._match.start())
        if not known:
            self._from, self._match = at, self._pattern.search(self._text, at)
        return self._match


class _Parser:
    def __init__(self, text: str):
        self.text = text
        self.known: dict[int, Reference | _Unclosed | None] = {}
        self.annotation_end = _Finder(_ANNOTATION_END, text)
        self.opening = _Finder(re.compile(r"\$\{"), text)

    # the whole text

    def template(self) -> Template:
        text, parts, unread = self.text, _Parts(), list[int]()
        at, opening = 0, text.find("${")
        while opening >= 0:
            backslashes = _backslashes_before(text, opening, at)
            parts.add(text[at : opening - backslashes])
            at = opening + 2
            try:
                reference = None if backslashes % 2 else self.reference(opening, 0)
            except _Unclosed:
                reference = None
            if reference is not None:
                parts.add("\\" * (backslashes // 2))
                parts.add(reference)
                at = reference.end
            elif backslashes % 2:
                parts.add("\\" * (backslashes // 2) + "${")
            else:
                parts.add("\\" * backslashes + "${")
                unread.append(opening)
            opening = text.find("${", at)
        parts.add(text[at:])
        return Template(parts.all(), tuple(unread))

    # one reference

    def reference(self, at: int, depth: int) -> Reference | None:
        """The reference whose `${` is at `at`; None where that is none. Raises _Unclosed at the end of the text."""
        if depth > MAX_DEPTH:
            raise ExpressionError(f"an expression is nested deeper than {MAX_DEPTH}")
        if at not in self.known:
            try:
                self.known[at] = self._reference(at, depth)
            except _Unclosed as unclosed:
                self.known[at] = unclosed
        found = self.known[at]
        if isinstance(found, _Unclosed):
            raise found
        return found

    def _reference(self, start: int, depth: int) -> Reference | None:
        text = self.text
        source = _SOURCE.match(text, self._skip(start + 2))
        if source is None:
            return None
        at = source.end()
        stream = text.startswith("[]", at)
        path, at = self._path(at + 2 if stream else at)
        at = self._skip(at)
        type = subtype = format = None
        attributes: tuple[tuple[str, Template], ...] = ()
        spaced = text[at - 1].isspace() or text[at - 1] == "]"
        if (match := _AS.match(text, at)) and spaced:
            type = match["type"] + (match["list"] or "")
            subtype, at = match["subtype"], match.end()
            if text.startswith("[", at):
                attributes, at = self._attributes(at + 1, depth)
            if match := _FORMAT.match(text, at):
                format, at = match[1], match.end()
            at = self._skip(at)
        default, quoted, begin = None, False, at
        if text.startswith("|", at):
            begin = self._skip(at + 1)
            default, quoted, at = self._default(begin, depth)
        default_end = at
        annotation, at = self._annotation(self._skip(at))
        if at >= len(text):
            raise _Unclosed
        if text[at] != "}":
            return None
        at += 1
        return Reference(
            source[0], stream, path, type, subtype, attributes, format, default, quoted, annotation,
            text[start:at], start, at, (begin, default_end),
        )  # fmt: skip

    def _skip(self, at: int) -> int:
        match = _BLANKS.match(self.text, at)
        return match.end() if match else at

    def _path(self, at: int) -> tuple[tuple[Segment, ...], int]:
        """Keys and indices. Other characters only part them, as in model-compose."""
        text, path = self.text, list[Segment]()
        if not text.startswith((".", "["), at):
            return (), at
        while at < len(text) and text[at] not in "|}\\" and not text[at].isspace() and not text.startswith("${", at):
            if match := _KEY.match(text, at):
                path.append(match[0])
            elif match := _INDEX.match(text, at):
                path.append(_index(match))
            elif match := _QUOTED_KEY.match(text, at):
                path.append(match["double"] if match["double"] is not None else match["single"])
            at = match.end() if match else at + 1
        return tuple(path), at

    def _attributes(self, at: int, depth: int) -> tuple[tuple[tuple[str, Template], ...], int]:
        """`name=value, …]`, from behind the opening bracket."""
        pairs: list[tuple[str, Template]] = []
        parts, text = _Parts(), self.text
        while True:
            match = re.compile(r"[\],$]").search(text, at)
            if match is None:
                raise _Unclosed
            parts.add(text[at : match.start()])
            at = match.end()
            if match[0] == "$":
                nested = self.reference(match.start(), depth + 1) if text.startswith("{", at) else None
                parts.add(nested or "$")
                at = nested.end if nested else at
                continue
            if pair := parts.pair():
                pairs.append(pair)
            parts = _Parts()
            if match[0] == "]":
                return tuple(pairs), at

    def _default(self, at: int, depth: int) -> tuple[Template, bool, int]:
        quote = self.text[at : at + 1]
        if quote in ('"', "'") and quote:
            found = self._quoted_default(at + 1, quote, depth)
            if found:
                return found[0], True, found[1]
        template, at = self._plain_default(at, depth)
        return template, False, at

    def _quoted_default(self, at: int, quote: str, depth: int) -> tuple[Template, int] | None:
        """A default in quotes; None where the next quote does not end the default, so that it is no quoted one."""
        text, parts = self.text, _Parts()
        stop = _QUOTED_STOP[quote]
        while match := stop.search(text, at):
            parts.add(text[at : match.start()])
            at, found = match.end(), match[0]
            if found == quote:
                after = self._skip(at)
                return (Template(parts.all()), after) if text.startswith(("}", "@("), after) else None
            if found == "\\":
                following = text[at : at + 1]
                escape = following and (following in _ESCAPED or following in (quote, "\\"))
                parts.add(following if escape else "\\")
                at += 1 if escape else 0
            else:
                at = self._nested(parts, at, depth)
        return None

    def _plain_default(self, at: int, depth: int) -> tuple[Template, int]:
        text, parts, braces = self.text, _Parts(), 0
        while match := _DEFAULT_STOP.search(text, at):
            parts.add(text[at : match.start()])
            at, found = match.end(), match[0]
            if found == "}" and not braces:
                at -= 1
                break
            if found == "@" and not braces and self._annotation(at - 1)[0] is not None:
                at -= 1
                break
            if found == "\\" and text[at : at + 1] in _ESCAPED and at < len(text):
                parts.add(text[at], solid=True)
                at += 1
            elif found == "$":
                at = self._nested(parts, at, depth)
            else:
                braces += (found == "{") - (found == "}")
                parts.add(found)
        else:
            raise _Unclosed
        parts.strip()
        return Template(parts.all()), at

    def _nested(self, parts: _Parts, at: int, depth: int) -> int:
        """What a `$` before `at` begins: a reference, or just the dollar sign."""
        nested = self.reference(at - 1, depth + 1) if self.text.startswith("{", at) else None
        parts.add(nested or "$")
        return nested.end if nested else at

    def _annotation(self, at: int) -> tuple[str | None, int]:
        """`@(…)`, perhaps several: up to a `)` that is followed by `}`. No reference stands inside."""
        text, found = self.text, list[str]()
        while text.startswith("@(", at):
            end = self.annotation_end.next(at)
            opening = self.opening.next(at)
            if end is None or (opening is not None and opening.start() < end.start()):
                return None, at
            found.append(text[at + 2 : end.start()])
            at = end.end()
        return (")\n@(".join(found) if found else None), at


class _Parts:
    """Parts of a template as they are found; neighbouring literals become one."""

    def __init__(self) -> None:
        self._parts: list[str | Reference] = []
        self._literal: list[str] = []
        self._kept = 0

    def add(self, part: str | Reference, *, solid: bool = False) -> None:
        if isinstance(part, str):
            if part:
                self._literal.append(part)
                self._kept = len(self._literal) if solid else self._kept
        else:
            self._close()
            self._parts.append(part)

    def _close(self) -> None:
        if self._literal:
            self._parts.append("".join(self._literal))
        self._literal, self._kept = [], 0

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


def _index(match: re.Match[str]) -> Segment:
    if match["star"]:
        return Star()
    if match["index"]:
        return int(match["index"])
    return Slice(*(int(match[name]) if match[name] else None for name in ("start", "stop")))


def _annotations(annotation: str | None) -> dict[str, str]:
    found = {}
    for one in (annotation or "").split(")\n@("):
        if match := _ANNOTATION.fullmatch(one):
            found[match[1]] = re.sub(r"\\([$@{}])", r"\1", match[2])
    return found


@functools.lru_cache(maxsize=2048)
def _parsed(text: str) -> Template:
    return _Parser(text).template()


def parse(text: str) -> Template:
    """The template that a text is. Parsed once: asking again is a look-up.

    >>> parse("Hello ${input.name | you}!").references[0].source
    'input'
    """
    if "${" not in text:
        return Template((str(text),) if text else ())
    return _parsed(str(text))


def has_reference(text: str) -> bool:
    """Whether there is a reference in the text."""
    return bool(parse(text).references)


def is_single(text: str) -> bool:
    """Whether the whole text is one reference, so that its value keeps its type."""
    return parse(text).single is not None


def escape(text: str) -> str:
    """The text, written so that `parse` reads it as nothing but itself."""
    pieces, at, opening = list[str](), 0, text.find("${")
    while opening >= 0:
        # As many backslashes again as there are, and one for the brace.
        pieces += [text[at:opening], "\\" * (_backslashes_before(text, opening, at) + 1), "${"]
        at = opening + 2
        opening = text.find("${", at)
    return "".join([*pieces, text[at:]])


def _backslashes_before(text: str, at: int, start: int) -> int:
    count = 0
    while at - count > start and text[at - count - 1] == "\\":
        count += 1
    return count


def references(value: Any) -> Iterator[tuple[tuple[Any, ...], Reference]]:
    """Every free reference inside nested containers, in defaults and attributes too, with the path to its text.

    `${item}` and `${index}` where a `*` or `|` above them gives their value are not free, and left out.
    """
    return _references(value, (), frozenset())


_LOOPED = frozenset(("item", "index"))


def _references(value: Any, path: tuple[Any, ...], bound: frozenset[str]) -> Iterator[tuple[tuple[Any, ...], Reference]]:
    if len(path) > MAX_CONTAINER_DEPTH:
        raise _too_deep()
    if isinstance(value, str):
        for reference in _inside(parse(value)):
            if reference.source not in bound:
                yield path, reference
    elif isinstance(value, Mapping):
        loops = "*" in value or "|" in value
        for key, item in value.items():
            if loops and key in ("*", "|"):
                yield from _loop_references(item, (*path, key), bound)
            else:
                yield from _references(item, (*path, key), bound | _LOOPED if loops else bound)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _references(item, (*path, index), bound)


def _loop_references(
    value: Any, path: tuple[Any, ...], bound: frozenset[str]
) -> Iterator[tuple[tuple[Any, ...], Reference]]:
    """Those of what a loop goes over: `${item}` is its own only inside `where`."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _references(item, (*path, key), bound | _LOOPED if key == "where" else bound)
    else:
        yield from _references(value, path, bound)


def _inside(template: Template) -> Iterator[Reference]:
    for reference in template.references:
        yield reference
        if reference.default is not None:
            yield from _inside(reference.default)
        for _, attribute in reference.attributes:
            yield from _inside(attribute)


# --- evaluating --------------------------------------------------------------------------------------------------


class _Nothing(Exception):
    """A path found nothing; the message says why."""


OnNull = Callable[[Reference, str], None]


def render(
    value: Any,
    sources: Mapping[str, Any],
    *,
    elementwise: bool = False,
    on_null: OnNull | None = None,
) -> Any:
    """The value with every expression in it evaluated. What an expression gives is never rendered again.

    A path that finds nothing gives null, and `on_null(reference, why)` is told, unless there is a default.
    With `elementwise` (a model's inputs) `as text` on a list converts its elements.
    """
    return _Renderer(sources, elementwise, on_null).value(value, 0)


class _Renderer:
    def __init__(self, sources: Mapping[str, Any], elementwise: bool, on_null: OnNull | None):
        self.sources, self.elementwise, self.on_null = sources, elementwise, on_null

    def within(self, item: Any, index: int) -> _Renderer:
        return _Renderer({**self.sources, "item": item, "index": index}, self.elementwise, self.on_null)

    def value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if depth > MAX_CONTAINER_DEPTH:
            raise _too_deep()
        if hasattr(type(value), "model_fields"):
            value = value.model_dump(by_alias=True)
        if isinstance(value, Mapping):
            return self.mapping(value, depth + 1)
        if isinstance(value, list | tuple):
            return self.list(value, depth + 1)
        return value

    # text

    def text(self, text: str) -> Any:
        if "${" not in text:
            return text
        template = parse(text)
        result = self.template(template)
        if isinstance(text, Plain) and _is_env(template) and isinstance(result, str):
            return yaml_type(result)
        return result

    def template(self, template: Template) -> Any:
        if template.single:
            return self.reference(template.single)
        return "".join(
            part if isinstance(part, str) else _interpolated(self.reference(part)) for part in template.parts
        )

    def reference(self, reference: Reference) -> Any:
        try:
            value = self.found(reference)
        except _Nothing as nothing:
            value = None
            if reference.default is None and self.on_null:
                self.on_null(reference, str(nothing))
        if value is None and reference.default is not None:
            value = self.template(reference.default)
        if reference.type is None or value is None:
            return value
        attributes = {name: self.template(template) for name, template in reference.attributes}
        try:
            return convert(
                value, reference.type, reference.subtype, attributes, reference.format, elementwise=self.elementwise
            )
        except ExpressionError as error:
            raise _about(error, reference) from None

    def found(self, reference: Reference) -> Any:
        source = reference.source
        if reference.stream:
            if f"{source}[]" in self.sources:
                return _walk(self.sources[f"{source}[]"], reference.path, 0)
            whole = self.sources.get(source)
            if isinstance(whole, list | Stream):
                return _walk(whole, (Star(), *reference.path), 0)
            raise _Nothing(f"nothing is streamed by {source!r}")
        if source not in self.sources:
            raise _Nothing(f"no source {source!r}; there are: {_names(self.sources)}")
        return _walk(self.sources[source], reference.path, 0)

    # containers

    def list(self, items: Iterable[Any], depth: int) -> list[Any]:
        result: list[Any] = []
        for item in items:
            if isinstance(item, str) and item.startswith("...${") and is_single(item[3:]):
                result.extend(_spread_list(self.text(item[3:]), item))
            else:
                result.append(self.value(item, depth))
        return result

    def mapping(self, entries: Mapping[Any, Any], depth: int) -> Any:
        if "*" in entries:
            return self.map(entries, depth)
        if "|" in entries:
            return self.split(entries, depth)
        if len(entries) == 1:
            (key, value), = entries.items()
            if key == "+":
                return _join(self.value(value, depth))
            if key == "&":
                return _zip(self.value(value, depth))
            if key == "?":
                return self.condition(value, depth)
        result: dict[Any, Any] = {}
        for key, value in entries.items():
            if key == "...":
                result.update(_spread_mapping(self.value(value, depth), '"..."'))
            elif key == "?":
                result.update(_spread_mapping(self.condition(value, depth), 'a "?" beside other keys'))
            else:
                result[key] = self.value(value, depth)
        return result

    def condition(self, branches: Any, depth: int) -> Any:
        """The first branch that says something: `if_true` where it holds, `if_false` where it has one."""
        for branch in branches if isinstance(branches, list | tuple) else [branches]:
            if not isinstance(branch, Mapping):
                raise ExpressionError(f'"?" needs a mapping with input, operator, value, if_true, not {describe(branch)}')
            chosen = "if_true" if self.holds(branch, depth) else "if_false"
            if chosen == "if_true" or chosen in branch:
                return self.value(branch.get(chosen), depth)
        return None

    def holds(self, where: Any, depth: int) -> bool:
        if depth > MAX_CONTAINER_DEPTH:
            raise _too_deep()
        if isinstance(where, list | tuple):
            return all(self.holds(one, depth + 1) for one in where)
        if not isinstance(where, Mapping):
            raise ExpressionError(f"a condition needs a mapping with input, operator and value, not {describe(where)}")
        if "all" in where:
            return all(self.holds(one, depth + 1) for one in _conditions(where["all"], "all"))
        if "any" in where:
            return any(self.holds(one, depth + 1) for one in _conditions(where["any"], "any"))
        if "not" in where:
            return not self.holds(where["not"], depth + 1)
        left, right = self.value(where.get("input"), depth), self.value(where.get("value"), depth)
        return compare(self.value(where.get("operator", "eq"), depth), left, right)

    def looped(self, source: Any, sign: str, depth: int) -> tuple[Any, Any]:
        """What a loop goes over (None, a list or a stream), and its `where`."""
        where = None
        if isinstance(source, Mapping) and "input" in source and source.keys() <= {"input", "where"}:
            where, source = source.get("where"), source["input"]
        items = self.value(source, depth)
        if items is None:
            items = []
        if not isinstance(items, list | tuple | Stream):
            raise ExpressionError(f'"{sign}" needs a list or a stream, not {describe(items)}')
        return items, where

    def map(self, entries: Mapping[Any, Any], depth: int) -> Any:
        items, where = self.looped(entries["*"], "*", depth)
        body = {key: value for key, value in entries.items() if key != "*"}

        def each(numbered: tuple[int, Any]) -> list[Any]:
            inner = self.within(numbered[1], numbered[0])
            if where is not None and not inner.holds(where, depth):
                return []
            return [inner.mapping(body, depth) if body else numbered[1]]

        return _expanded(items, each)

    def split(self, entries: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
        items, where = self.looped(entries["|"], "|", depth)
        body = {key: value for key, value in entries.items() if key != "|"}
        copies = items.split(len(body)) if isinstance(items, Stream) else [items] * len(body)

        def branch(template: Any) -> Callable[[tuple[int, Any]], list[Any]]:
            def each(numbered: tuple[int, Any]) -> list[Any]:
                inner = self.within(numbered[1], numbered[0])
                keep = where is None or inner.holds(where, depth)
                return [inner.value(template, depth)] if keep else []

            return each

        return {key: _expanded(copy, branch(value)) for copy, (key, value) in zip(copies, body.items(), strict=True)}


def _expanded(items: Any, each: Callable[[tuple[int, Any]], list[Any]]) -> Any:
    """Everything that `each` gives for every numbered item: of a list at once, of a stream as it is read."""
    if isinstance(items, Stream):
        numbers = itertools.count()
        return items.expand(lambda item: each((next(numbers), item)))
    return [out for numbered in enumerate(items) for out in each(numbered)]


def _walk(value: Any, path: tuple[Segment, ...], at: int) -> Any:
    """What the path leads to from `value`. Raises _Nothing with the reason where it leads nowhere."""
    for position in range(at, len(path)):
        segment = path[position]
        if value is None:
            raise _Nothing(f"{_written(path[:position]) or 'the source'} is null")
        if isinstance(segment, str):
            try:
                found = look_up(value, segment)
                if isinstance(value, Batch):
                    return _each(value, path, position)
                value = found
                continue
            except KeyError:
                pass
            if isinstance(value, Stream):
                return _each(value, path, position)
            raise _Nothing(_why_no_key(value, segment))
        if isinstance(segment, Star):
            if not isinstance(value, list | tuple | Stream):
                raise _Nothing(f"[*] needs a list, and there is {describe(value)}")
            return _each(value, path, position + 1)
        if not isinstance(value, list | tuple):
            raise _Nothing(f"{_written((segment,))} needs a list, and there is {describe(value)}")
        if isinstance(segment, Slice):
            value = list(value[segment.start : segment.stop])
        elif -len(value) <= segment < len(value):
            value = value[segment]
        else:
            raise _Nothing(f"no element {_written((segment,))}; there are {len(value)}")
    return value


def _each(values: Any, path: tuple[Segment, ...], at: int) -> Any:
    def one(item: Any) -> Any:
        try:
            return _walk(item, path, at)
        except _Nothing:
            return None

    return values.map(one) if isinstance(values, Stream) else [one(item) for item in values]


def _why_no_key(value: Any, key: str) -> str:
    if not isinstance(value, Mapping):
        return f"no key {key!r} in {describe(value)}"
    hint = did_you_mean(key, [str(known) for known in value])
    return f"no key {key!r}; there are: {_names(value)}" + (f" ({hint})" if hint else "")


def _names(mapping: Mapping[Any, Any]) -> str:
    names = [str(name) for name in mapping]
    shown = names[:20]
    return (listing(shown, "and") if len(shown) == len(names) else ", ".join(shown) + ", …") or "none"


def _written(path: tuple[Segment, ...]) -> str:
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


def _interpolated(value: Any) -> str:
    if value is None:
        return ""
    return as_text(value) if isinstance(value, Stream) else str(value)


def _about(error: ExpressionError, reference: Reference) -> ExpressionError:
    return ExpressionError(Problem(f"{one.message} in {reference.text}", one.place, one.fix) for one in error.problems)


def _too_deep() -> ExpressionError:
    return ExpressionError(f"lists and mappings are nested deeper than {MAX_CONTAINER_DEPTH}")


# --- forms of mappings -------------------------------------------------------------------------------------------


def _spread_list(value: Any, what: str) -> Iterable[Any]:
    if value is None:
        return ()
    if isinstance(value, list | tuple | Stream):
        return value
    raise ExpressionError(f"{what} spreads a list, and there is {describe(value)}")


def _spread_mapping(value: Any, what: str) -> Mapping[Any, Any]:
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    raise ExpressionError(f"{what} needs a mapping to merge, and there is {describe(value)}")


def _join(parts: Any) -> Any:
    """`+`: texts into one, lists into one, mappings into one; with a stream among lists, a stream."""
    if parts is None:
        return None
    if isinstance(parts, Stream):
        return parts.expand(_pieces)
    if not isinstance(parts, list | tuple):
        raise ExpressionError(f'"+" needs a list of parts, not {describe(parts)}')
    parts = [part for part in parts if part is not None]
    if not parts:
        return None
    if any(isinstance(part, Stream) for part in parts):
        return Stream.chain(list(part) if isinstance(part, tuple) else part for part in parts)
    if all(isinstance(part, str) for part in parts):
        return "".join(parts)
    if all(isinstance(part, list | tuple) for part in parts):
        return [item for part in parts for item in part]
    if all(isinstance(part, Mapping) for part in parts):
        return {key: value for part in parts for key, value in part.items()}
    found = list(dict.fromkeys(describe(part) for part in parts))
    raise ExpressionError(f'"+" joins texts, or lists, or mappings; here are {listing(found[:4], "and")}')


def _pieces(part: Any) -> Iterable[Any]:
    if part is None:
        return ()
    return part if isinstance(part, list | tuple) else (part,)


def _zip(columns: Any) -> Any:
    """`&`: a mapping of lists into a list of mappings, as long as the shortest; lazily where one is a stream."""
    if columns is None:
        return []
    if not isinstance(columns, Mapping | list | tuple):
        raise ExpressionError(f'"&" needs a mapping of lists, not {describe(columns)}')
    names = list(columns) if isinstance(columns, Mapping) else None
    values = columns.values() if isinstance(columns, Mapping) else columns
    lists = [[] if column is None else column for column in values]
    for column in lists:
        if not isinstance(column, list | tuple | Stream):
            raise ExpressionError(f'"&" needs lists, and there is {describe(column)}')

    def row(items: Iterable[Any]) -> Any:
        return list(items) if names is None else dict(zip(names, items, strict=True))

    if any(isinstance(column, Stream) for column in lists):
        return Stream.rows(lists).map(row)
    return [row(items) for items in zip(*lists, strict=False)]


# --- conditions --------------------------------------------------------------------------------------------------

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: bool(left == right),
    "neq": lambda left, right: bool(left != right),
    "gt": lambda left, right: bool(left > right),
    "gte": lambda left, right: bool(left >= right),
    "lt": lambda left, right: bool(left < right),
    "lte": lambda left, right: bool(left <= right),
    "in": lambda left, right: left in right,
    "not-in": lambda left, right: left not in right,
    "starts-with": lambda left, right: str.startswith(left, right),
    "ends-with": lambda left, right: str.endswith(left, right),
    "match": lambda left, right: re.match(right, left) is not None,
}


def compare(operator: Any, left: Any, right: Any) -> bool:
    """`left operator right`, nothing coerced: 3 is not "3". `match` looks for a regular expression at the start."""
    if not isinstance(operator, str) or operator not in OPERATORS:
        hint = did_you_mean(str(operator), OPERATORS)
        raise ExpressionError(f"no operator {operator!r}", fix=hint or f"use {listing(list(OPERATORS))}")
    try:
        return OPERATORS[operator](left, right)
    except re.error as error:
        raise ExpressionError(f"{right!r} is not a regular expression: {error}") from None
    except (TypeError, ValueError, RecursionError):
        raise ExpressionError(f"cannot compare {describe(left)} {operator} {describe(right)}") from None


def matches(where: Any, scope: Mapping[str, Any]) -> bool:
    """Whether a condition holds: `{input, operator, value}`, or all, any, not of such."""
    return _Renderer(scope, False, None).holds(where, 0)


def _conditions(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise ExpressionError(f"`{name}` needs a list of conditions, not {describe(value)}")
    return list(value)


# --- the environment ---------------------------------------------------------------------------------------------

_ENV_TYPES = ("integer", "number", "boolean", "string", "text")


def _is_env(template: Template) -> bool:
    """Whether the text is nothing but literals and environment variables that no `as` gave a type."""
    found = template.references
    return bool(found) and all(one.source == "env" and one.type is None for one in found)


def yaml_type(text: str) -> Any:
    """What YAML 1.1 reads an unquoted scalar as: `1` an integer, `yes` true, nothing null. Dates stay text."""
    import yaml

    tag = _resolver().resolve(yaml.ScalarNode, text, (True, False))
    construct = _CONSTRUCTED.get(tag)
    if construct is None:
        return str(text)
    try:
        return getattr(_constructor(), construct)(yaml.ScalarNode(tag, text))
    except ValueError:  # `0x_` matches YAML's pattern for integers and is none; so are 5000 digits
        return str(text)


_CONSTRUCTED = {
    "tag:yaml.org,2002:null": "construct_yaml_null",
    "tag:yaml.org,2002:bool": "construct_yaml_bool",
    "tag:yaml.org,2002:int": "construct_yaml_int",
    "tag:yaml.org,2002:float": "construct_yaml_float",
}


@functools.cache
def _resolver() -> Any:
    import yaml.resolver

    return yaml.resolver.Resolver()


@functools.cache
def _constructor() -> Any:
    import yaml.constructor

    return yaml.constructor.SafeConstructor()


def resolve_env(value: Any, env: Mapping[str, str], *, missing: str = "error") -> Any:
    """The document with every `${env.X}` replaced, inside other expressions too; nothing else is evaluated.

    Where an unquoted scalar (`Plain`) is all environment, the text takes YAML's type; elsewhere it stays text. A
    variable's text is never read as an expression. Variables that are not set and have no default are reported
    together, or left as they are with `missing="keep"`. Containers keep their places.
    """
    resolver = _Environment(env, missing == "keep")
    result = resolver.value(value, None, 0)
    if resolver.problems:
        raise ExpressionError(resolver.problems)
    return result


class _Missing(Exception):
    """A variable is not set; the reference stays, and was reported if it had to be."""


class _Environment:
    def __init__(self, env: Mapping[str, str], keep: bool):
        self.env, self.keep = env, keep
        self.problems: list[Problem] = []
        self.place: Callable[[], Place | None] = lambda: None

    def value(self, value: Any, place: Callable[[], Place | None] | None, depth: int) -> Any:
        if depth > MAX_CONTAINER_DEPTH:
            raise _too_deep()
        if isinstance(value, str):
            if "${" not in value:
                return value
            self.place = place or (lambda: None)
            return self.scalar(value)
        if isinstance(value, Mapping):
            items = [self.value(item, _place_of(value, key), depth + 1) for key, item in value.items()]
            remake = getattr(value, "with_values", None)
            return remake(items) if remake else dict(zip(value, items, strict=True))
        if isinstance(value, list | tuple):
            items = [self.value(item, _place_of(value, index), depth + 1) for index, item in enumerate(value)]
            remake = getattr(value, "with_values", None)
            return remake(items) if remake else items
        return value

    def scalar(self, text: str) -> Any:
        template = parse(text)
        if not any(reference.source == "env" for reference in _inside(template)):
            return text
        try:
            return self.whole(text, template)
        except ExpressionError as error:
            self.problems.extend(Problem(p.message, p.place or self.place(), p.fix) for p in error.problems)
            return text

    def whole(self, text: str, template: Template) -> Any:
        if (single := template.single) and single.source == "env":
            try:
                value = self.variable(single)
            except _Missing:
                return text
            if not isinstance(value, str):
                return value
            typed = isinstance(text, Plain) and single.type is None and not (single.quoted and self.defaulted(single))
            result = yaml_type(value) if typed else value
            return escape(result) if isinstance(result, str) else result
        parts = [self.part(part) for part in template.parts]
        complete = not any(isinstance(part, _Kept) for part in parts)
        if complete and isinstance(text, Plain) and _is_env(template):
            result = yaml_type("".join(parts))
            return escape(result) if isinstance(result, str) else result
        joined = _rejoined(parts)
        return Plain(joined) if isinstance(text, Plain) and not complete else joined

    def part(self, part: str | Reference) -> str:
        """A part of a template as literal text, or as a reference's text that stays."""
        if isinstance(part, str):
            return part
        if part.source != "env":
            return _Kept(self.inner(part))
        try:
            return _interpolated(self.variable(part))
        except _Missing:
            return _Kept(part.text)

    def inner(self, reference: Reference) -> str:
        """A reference's text with the variables in its default and attributes put in."""
        edits: list[tuple[int, int, str]] = []
        default = reference.default
        if default is not None and any(one.source == "env" for one in _inside(default)):
            edits.append((*reference.default_span, _quoted([self.part(part) for part in default.parts])))
        for _, attribute in reference.attributes:
            edits += [(one.start, one.end, self.attribute(one)) for one in attribute.references]
        text, shift = reference.text, reference.start
        for start, end, new in sorted(edits, reverse=True):
            text = text[: start - shift] + new + text[end - shift :]
        return text

    def attribute(self, reference: Reference) -> str:
        value = self.part(reference)
        if not isinstance(value, _Kept) and not re.fullmatch(r"[\w.:/+ -]*", value):
            raise ExpressionError(f"{describe(value)} cannot stand in the brackets of a type", fix="use letters and digits")
        return value

    def defaulted(self, reference: Reference) -> bool:
        return _env_name(reference) not in self.env

    def variable(self, reference: Reference) -> Any:
        """The variable's value: text, or what its `as` makes of it."""
        name = _env_name(reference)
        value: Any
        if name in self.env:
            value = str(self.env[name])
        elif reference.default is not None:
            value = self.default(reference.default)
        elif self.keep:
            raise _Missing
        else:
            raise ExpressionError(
                f"the environment variable {name} is not set",
                fix=did_you_mean(name, self.env) or f"set it, or give a default: ${{env.{name} | …}}",
            )
        return value if reference.type is None else _env_typed(value, reference)

    def default(self, template: Template) -> str:
        parts = []
        for part in template.parts:
            if isinstance(part, Reference):
                if part.source != "env":
                    raise ExpressionError(f"{part.text} cannot be the default of an environment variable")
                parts.append(_interpolated(self.variable(part)))
            else:
                parts.append(part)
        return "".join(parts)


class _Kept(str):
    """The text of a reference that stays, among literal texts."""


def _rejoined(parts: Iterable[str]) -> str:
    """Literals and kept references as one text that parses into just these."""
    result, literal = "", ""
    for part in parts:
        if isinstance(part, _Kept):
            written = escape(literal)
            result += written + "\\" * _backslashes_before(written, len(written), 0) + part
            literal = ""
        else:
            literal += part
    return result + escape(literal)


def _quoted(parts: list[str]) -> str:
    """Literals and kept references as a default: bare where that says the same, else in quotes."""
    if len(parts) == 1 and (isinstance(parts[0], _Kept) or re.fullmatch(r"[\w.,:/+-]+(?: [\w.,:/+-]+)*", parts[0])):
        return str(parts[0])
    escaped = (part if isinstance(part, _Kept) else re.sub(r'(["\\$@{}])', r"\\\1", part) for part in parts)
    return f'"{"".join(escaped)}"'


def _env_name(reference: Reference) -> str:
    return _written(reference.path)


def _env_typed(value: str, reference: Reference) -> Any:
    type = reference.type or "string"
    if type not in _ENV_TYPES:
        hint = did_you_mean(type, _ENV_TYPES)
        fix = hint or f"use {listing(_ENV_TYPES)}"
        raise ExpressionError(f"an environment variable cannot be read as {type!r} in {reference.text}", fix=fix)
    if type == "boolean" and value.lower() not in ("true", "false", "1", "0"):
        raise ExpressionError(f"{describe(value)} is not true or false in {reference.text}")
    try:
        return convert(value, type)
    except ExpressionError as error:
        raise _about(error, reference) from None


def _place_of(container: Any, key: Any) -> Callable[[], Place | None] | None:
    span_of = getattr(container, "value_span", None)
    if span_of is None:
        return None

    def place() -> Place | None:
        span = span_of(key)
        return None if span is None else span.place()

    return place
