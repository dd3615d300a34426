"""YAML text as values that know where they were written, and edits that change one value in the user's text.

`read` builds `Map` (a dict) and `Seq` (a list) from PyYAML's events in one pass, with the span of every key and
value, so that an error can point and a changed value is a splice that keeps comments and layout. YAML 1.1, as
model-compose reads it, with these rules:

* `${…}` may stand unquoted anywhere, in `{ text: ${input.query | a, b} }` too: before parsing, the characters
  inside it that mean something to YAML are replaced one for one by private-use characters, and put back after.
* A key is the text as written: `yes:`, `1:` and `2024-01-01:` are the keys "yes", "1" and "2024-01-01".
  Lists and mappings as keys are refused, and an empty key.
* Of tags only `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!map` and `!!seq` are read. Dates stay text.
* One document; at most 1 MB of text, 64 levels, 100 aliases, 20 000 values after aliases are put in.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mc_jupyter import expressions
from mc_jupyter.errors import Place, Problem, SpecError
from mc_jupyter.expressions import Plain
from mc_jupyter.values import describe

MAX_TEXT = 1_000_000
MAX_DEPTH = 64
MAX_ALIASES = 100
MAX_NODES = 20_000

Path = tuple[Any, ...]

# --- where things stand ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A text and the number of its first line."""

    text: str
    first_line: int = 1
    _starts: list[int] = field(default_factory=list, repr=False)

    def position(self, offset: int) -> tuple[int, int]:
        """Line (from `first_line`) and column (from 1) of an offset."""
        if not self._starts:
            self._starts.extend([0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", self.text))])
        row = bisect.bisect_right(self._starts, offset) - 1
        return self.first_line + row, offset - self._starts[row] + 1

    def line_at(self, offset: int) -> str:
        """The line that an offset lies in."""
        line, _ = self.position(offset)
        start = self._starts[line - self.first_line]
        return re.split(r"[\r\n]", self.text[start : start + 2000], maxsplit=1)[0]


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text: offsets from `start` up to `end`."""

    start: int
    end: int
    source: Source = field(repr=False, compare=False)

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def place(self) -> Place:
        """The place in the cell; of several lines, the first."""
        line, column = self.source.position(self.start)
        first = re.split(r"[\r\n]", self.text, maxsplit=1)[0]
        return Place(line, column, max(1, len(first)), self.source.line_at(self.start))


class Map(dict[str, Any]):
    """A mapping that knows where its keys and values were written. Copies know it too."""

    def __init__(
        self,
        entries: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
        *,
        spans: Mapping[str, tuple[Span | None, Span | None]] | None = None,
        span: Span | None = None,
    ):
        super().__init__(entries)
        self._spans = dict(spans or {})
        self.span = span
        if isinstance(entries, Map) and spans is None:
            self._spans, self.span = dict(entries._spans), span or entries.span

    def key_span(self, key: str) -> Span | None:
        return self._spans.get(key, (None, None))[0]

    def value_span(self, key: str) -> Span | None:
        return self._spans.get(key, (None, None))[1]

    def put(self, key: str, value: Any, *, key_span: Span | None = None, value_span: Span | None = None) -> None:
        """Set an entry together with where it was written."""
        self[key] = value
        self._spans[key] = (key_span, value_span)

    def take(self, other: Map, key: str, as_: str | None = None) -> None:
        """Copy an entry of another mapping, under another name perhaps, with its places."""
        self.put(as_ or key, other[key], key_span=other.key_span(key), value_span=other.value_span(key))

    def with_(self, changes: Mapping[str, Any] | None = None, *, without: Iterable[str] = ()) -> Map:
        """A copy with these entries changed or added and those left out; the others keep their places."""
        changed = Map(self)
        for key in without:
            changed.pop(key, None)
            changed._spans.pop(key, None)
        changed.update(changes or {})
        if isinstance(changes, Map):
            changed._spans.update(changes._spans)
        return changed

    def with_values(self, values: Iterable[Any]) -> Map:
        """The same keys and places with other values, in order."""
        return Map(zip(self, values, strict=True), spans=self._spans, span=self.span)

    def copy(self) -> Map:
        return Map(self)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Map:
        from copy import deepcopy

        return self.with_values([deepcopy(value, memo) for value in self.values()])

    def __reduce__(self) -> Any:
        return (dict, (dict(self),))


class Seq(list[Any]):
    """A list that knows where its elements were written. Copies know it too."""

    def __init__(self, items: Iterable[Any] = (), *, spans: Iterable[Span | None] | None = None, span: Span | None = None):
        super().__init__(items)
        self._spans = list(spans or ())
        self.span = span
        if isinstance(items, Seq) and spans is None:
            self._spans, self.span = list(items._spans), span or items.span

    def value_span(self, index: int) -> Span | None:
        return self._spans[index] if -len(self._spans) <= index < len(self._spans) else None

    def with_values(self, values: Iterable[Any]) -> Seq:
        """The same places with other elements."""
        return Seq(values, spans=self._spans, span=self.span)

    def copy(self) -> Seq:
        return Seq(self)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Seq:
        from copy import deepcopy

        return self.with_values([deepcopy(value, memo) for value in self])

    def __reduce__(self) -> Any:
        return (list, (list(self),))


def _bare(value: Any) -> Any:
    """Plain dicts and lists, copied; a `Plain` text stays one."""
    if isinstance(value, Mapping):
        return {key: _bare(item) for key, item in value.items()}
    return [_bare(item) for item in value] if isinstance(value, list | tuple) else value


def to_plain(value: Any) -> Any:
    """Plain dicts, lists and texts, copied."""
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return str(value) if isinstance(value, Plain) else value


def span_in(container: Any, path: Iterable[Any], *, key: bool = False) -> Span | None:
    """Where the value at a path (or, with `key`, its key) was written: the nearest container's place if unknown."""
    found: Span | None = getattr(container, "span", None)
    for step in path:
        here: Span | None = None
        if isinstance(container, Map):
            here = container.key_span(step) if key else None
            here = here or container.value_span(step) or container.key_span(step)
        elif isinstance(container, Seq) and isinstance(step, int):
            here = container.value_span(step)
        found = here or found
        try:
            container = container[step]
        except (KeyError, IndexError, TypeError):
            break
    return found


def place_in(container: Any, path: Iterable[Any], *, key: bool = False) -> Place | None:
    """`span_in` as a place. A path that leads further than the text gives the last place on the way."""
    span = span_in(container, path, key=key)
    return None if span is None else span.place()


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its value, and the text it was read from."""

    value: Any
    source: Source
    span: Span

    @property
    def text(self) -> str:
        return self.source.text

    def place(self, path: Iterable[Any] = (), *, key: bool = False) -> Place:
        """Where the value at a path stands; with `key`, where its key does."""
        return (span_in(self.value, path, key=key) or self.span).place()

    def place_at(self, span: Span) -> Place:
        return span.place()

    def replace(self, path: Iterable[Any], value: Any) -> str:
        """The text with the value at a path changed, and every other character as it was."""
        path = tuple(path)
        return _checked(self, path, _changed(_bare(self.value), path, lambda _: value), _replacements(self, path, value))

    def insert(self, path: Iterable[Any], key: str | int, value: Any) -> str:
        """The text with an entry added to the mapping (or, at an index, to the list) at a path."""
        path = tuple(path)
        container = _at(self.value, path)
        if container is None:
            return self.replace(path, {key: value})
        wanted = _changed(_bare(self.value), path, lambda old: _with_entry(old, key, value))
        return _checked(self, path, wanted, _insertions(self, path, container, key, value))

    def remove(self, path: Iterable[Any]) -> str:
        """The text without the entry at a path."""
        path = tuple(path)
        if not path:
            raise SpecError("a whole document cannot be removed")
        _at(self.value, path)
        wanted = _changed(_bare(self.value), path[:-1], lambda old: _without_entry(old, path[-1]))
        return _checked(self, path, wanted, _removals(self, path))


# --- reading -----------------------------------------------------------------------------------------------------

EXAMPLE = "component:\n  type: model\n  task: text-generation\n  model: starter:NAME\n  prompt: ${input.prompt as text}"


def read(text: str, *, first_line: int = 1) -> Document:
    """The document that a text is. Raises SpecError with every problem that could be found at once."""
    source = Source(text, first_line)
    if len(text) > MAX_TEXT:
        raise SpecError(f"the text is longer than {MAX_TEXT // 1_000_000} MB", place=_span(source, 0, 0).place())
    masked = _mask(text)
    try:
        return _Reader(source, masked).document()
    except SpecError:
        if masked.text == text:
            raise
        # A quoted scalar may hold a `${` that another one seems to close; as plain YAML it may well be right.
        try:
            return _Reader(source, _Masked(text, {})).document()
        except SpecError:
            pass
        raise


def _span(source: Source, start: int, end: int) -> Span:
    return Span(min(start, len(source.text)), min(end, len(source.text)), source)


_SPECIAL = "{}[],:#&*!|>%@`"
_BRACE = re.compile(r"\\.|\$\{|[{}\r\n]")
_ESCAPED_CODE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")


@dataclass(frozen=True, slots=True)
class _Masked:
    text: str
    back: Mapping[int, str]

    def restore(self, text: str) -> str:
        return text.translate(self.back) if self.back else text


def _mask(text: str) -> _Masked:
    """The text with what YAML would take as its own inside `${…}` replaced, character for character."""
    regions = list(_regions(text))
    if not regions:
        return _Masked(text, {})
    first = _free_block(text)
    masks = {ord(char): chr(first + number) for number, char in enumerate(_SPECIAL)}
    pieces, at = [], 0
    for start, end in regions:
        pieces += [text[at:start], text[start:end].translate(masks)]
        at = end
    pieces.append(text[at:])
    return _Masked("".join(pieces), {ord(mask): chr(char) for char, mask in masks.items()})


def _regions(text: str) -> Iterator[tuple[int, int]]:
    """Each `${…}` that closes on its own line, braces inside it balanced."""
    at = text.find("${")
    while at >= 0:
        end = _closing(text, at + 2)
        if text[end - 1] == "}" and end > at + 2:
            yield at, end
        at = text.find("${", end)


def _closing(text: str, at: int) -> int:
    """Behind the `}` that closes, or where the line ends without one."""
    depth = 1
    for match in _BRACE.finditer(text, at):
        if match[0] in ("{", "${"):
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if not depth:
                return match.end()
        elif match[0] in "\r\n":
            return match.end()
    return len(text) + 1


def _free_block(text: str) -> int:
    """Sixteen private-use code points that the text does not hold, not even as an escape."""
    used = {ord(char) >> 4 for char in set(text) if "\ue000" <= char <= "\uf8ff" or char >= "\U000f0000"}
    used |= {int(match[1] or match[2], 16) >> 4 for match in _ESCAPED_CODE.finditer(text)}
    blocks = [*range(0xE000 >> 4, 0xF900 >> 4), *range(0xF0000 >> 4, 0xFFFF0 >> 4)]
    block: int = next(block for block in blocks if block not in used)
    return block << 4


_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")) | {"!"}


class _Collection:
    """A mapping or list whose end has not been read yet."""

    __slots__ = ("anchor", "end", "flow", "is_map", "items", "key", "merges", "size", "start")

    def __init__(self, is_map: bool, flow: bool, start: int, end: int, anchor: str | None):
        self.is_map, self.flow, self.start, self.end, self.anchor = is_map, flow, start, end, anchor
        self.items: list[tuple[str | None, Span | None, Any, Span]] = []
        self.key: tuple[str | None, Span] | None = None
        self.merges: list[tuple[Any, Span]] = []
        self.size = 1


_MERGE: Any = object()


class _Reader:
    """Values from PyYAML's events. The stack is ours, so depth is a limit and never a RecursionError."""

    def __init__(self, source: Source, masked: _Masked):
        self.source, self.masked = source, masked
        self.problems: list[Problem] = []
        self.stack: list[_Collection] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.open_anchors: set[str] = set()
        self.aliases = self.nodes = 0
        self.result: tuple[Any, Span] | None = None

    def document(self) -> Document:
        import yaml

        try:
            for event in yaml.parse(self.masked.text, Loader=yaml.SafeLoader):
                self.event(event)
        except yaml.MarkedYAMLError as error:
            raise SpecError([*self.problems, self.syntax_problem(error)]) from None
        except yaml.reader.ReaderError as error:
            raise SpecError([*self.problems, self.odd_character(error)]) from None
        except (ValueError, IndexError, OverflowError, AttributeError) as error:
            # PyYAML lets these through for odd escapes and directives (`"\\Uffffffff"`, `%YAML 9`).
            at = _span(self.source, 0, 0).place()
            raise SpecError([*self.problems, Problem(f"this is not YAML: {error}", at)]) from None
        if self.problems:
            raise SpecError(self.problems)
        if self.result is None or self.result[0] is None:
            raise SpecError("the text is empty", place=_span(self.source, 0, 0).place(), fix=f"an example:\n{EXAMPLE}")
        return Document(self.result[0], self.source, self.result[1])

    # events

    def event(self, event: Any) -> None:
        import yaml

        if isinstance(event, yaml.ScalarEvent):
            self.scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            self.alias(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self.begin(event, isinstance(event, yaml.MappingStartEvent))
        elif isinstance(event, yaml.CollectionEndEvent):
            self.finish(event)
        elif isinstance(event, yaml.DocumentStartEvent) and self.result is not None:
            raise SpecError(
                "a second document begins here; one document a cell",
                place=self.span(event).place(),
                fix="put it in a cell of its own, or join the two",
            )

    def span(self, event: Any) -> Span:
        return _span(self.source, event.start_mark.index, event.end_mark.index)

    def scalar(self, event: Any) -> None:
        span = self.scalar_span(event)
        self.check_tag(event, span)
        text = self.masked.restore(event.value)
        collection = self.stack[-1] if self.stack else None
        if collection and collection.is_map and collection.key is None:
            collection.size += 1
            self.count(1, span)
            self.open_key(collection, event, text, span)
            return
        self.add(self.typed(event, text, span), span, 1, event.anchor)

    def scalar_span(self, event: Any) -> Span:
        """Up to the last character that is not blank: a block scalar's event ends on a later line."""
        start, end = event.start_mark.index, event.end_mark.index
        if event.style in ("|", ">"):
            end = start + len(self.source.text[start:end].rstrip())
        return _span(self.source, start, end)

    def typed(self, event: Any, text: str, span: Span) -> Any:
        tag = (event.tag or "").removeprefix("tag:yaml.org,2002:")
        if event.style is None and not event.tag:
            return Plain(text) if "${env." in text else expressions.yaml_type(text)
        if tag in ("int", "float", "bool", "null"):
            value = expressions.yaml_type(text)
            if tag == "float" and type(value) is int:
                return float(value)
            if type(value) is not {"int": int, "float": float, "bool": bool, "null": type(None)}[tag]:
                self.problems.append(Problem(f"{text!r} is no !!{tag}", span.place()))
            return value
        return text

    def open_key(self, collection: _Collection, event: Any, text: str, span: Span) -> None:
        if event.anchor:
            self.anchors[event.anchor] = (text, 1)
        if text == "<<" and event.style is None:
            collection.key = (_MERGE, span)
            return
        if not text and event.style is None:
            self.problems.append(Problem("a key is missing before the colon", span.place(), "write `name: value`"))
        collection.key = (text, span)

    def begin(self, event: Any, is_map: bool) -> None:
        span = self.span(event)
        if len(self.stack) >= MAX_DEPTH:
            raise SpecError([*self.problems, Problem(f"nested deeper than {MAX_DEPTH} levels", span.place())])
        self.check_tag(event, span)
        parent = self.stack[-1] if self.stack else None
        if parent and parent.is_map and parent.key is None:
            self.bad_key("a mapping" if is_map else "a list", span)
        if event.anchor:
            self.open_anchors.add(event.anchor)
        self.count(1, span)
        start = span.start
        if event.anchor or event.tag:
            start = _behind_properties(self.source.text, start)
        self.stack.append(_Collection(is_map, bool(event.flow_style), start, span.end, event.anchor))

    def finish(self, event: Any) -> None:
        done = self.stack.pop()
        end = self.span(event).end if done.flow else max((span.end for *_, span in done.items), default=done.end)
        end = max([end, *(span.end for _, span in done.merges)])
        span = _span(self.source, done.start, end)
        value = self.mapping(done, span) if done.is_map else self.sequence(done, span)
        self.open_anchors.discard(done.anchor or "")
        parent = self.stack[-1] if self.stack else None
        if parent and parent.is_map and parent.key is None:
            parent.key = (None, span)
            return
        self.add(value, span, done.size, done.anchor)

    def alias(self, event: Any) -> None:
        span = self.span(event)
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise SpecError([*self.problems, Problem(f"more than {MAX_ALIASES} aliases", span.place())])
        if event.anchor in self.open_anchors or event.anchor not in self.anchors:
            inside = event.anchor in self.open_anchors
            why = "stands inside what it names" if inside else "names no anchor before it"
            raise SpecError([*self.problems, Problem(f"the alias *{event.anchor} {why}", span.place())])
        value, size = self.anchors[event.anchor]
        self.count(size, span)
        parent = self.stack[-1] if self.stack else None
        if parent and parent.is_map and parent.key is None:
            if isinstance(value, str):
                parent.key = (value, span)
            else:
                self.bad_key("an alias of something else than text", span)
                parent.key = (None, span)
            return
        self.add(value, span, size, None)

    # values

    def add(self, value: Any, span: Span, size: int, anchor: str | None) -> None:
        """A finished value: the next of the innermost collection, or the whole document."""
        if anchor:
            self.anchors[anchor] = (value, size)
        if not self.stack:
            self.result = (value, span)
            return
        collection = self.stack[-1]
        collection.size += size
        if not collection.is_map:
            self.count(0 if isinstance(value, Map | Seq) else 1, span)
            collection.items.append((None, None, value, span))
            return
        assert collection.key is not None
        key, key_span = collection.key
        collection.key = None
        if key is _MERGE:
            collection.merges.append((value, span))
        elif key is not None:
            collection.items.append((key, key_span, value, span))

    def sequence(self, done: _Collection, span: Span) -> Seq:
        return Seq((item[2] for item in done.items), spans=[item[3] for item in done.items], span=span)

    def mapping(self, done: _Collection, span: Span) -> Map:
        result = Map(span=span)
        for key, key_span, value, value_span in done.items:
            assert key is not None
            if key in result:
                first, again = result.key_span(key), key_span
                assert first is not None and again is not None
                self.problems.append(
                    Problem(f"the key {key!r} was given before, on line {first.line}", again.place(), "keep one of them")
                )
                continue
            result.put(key, value, key_span=key_span, value_span=value_span)
        for merged, merged_span in done.merges:
            self.merge(result, merged, merged_span)
        return result

    def merge(self, result: Map, merged: Any, span: Span) -> None:
        """`<<`: the entries of a mapping, or of a list of mappings, that the result has not."""
        for one in merged if isinstance(merged, Seq) else [merged]:
            if not isinstance(one, Map):
                self.problems.append(Problem("`<<` merges a mapping, or a list of mappings", span.place()))
                return
            for key in one:
                if key not in result:
                    result.take(one, key)

    # limits and complaints

    def count(self, nodes: int, span: Span) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise SpecError([*self.problems, Problem(f"more than {MAX_NODES} values", span.place())])

    def check_tag(self, event: Any, span: Span) -> None:
        if event.tag and event.tag not in _TAGS:
            name = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.problems.append(Problem(f"the tag {name} is not read", span.place(), "write the plain value"))

    def bad_key(self, what: str, span: Span) -> None:
        fix = "a key is text: `name: value`; an unquoted {…} begins a mapping, put quotes around text"
        self.problems.append(Problem(f"{what} cannot be a key", span.place(), fix))

    def syntax_problem(self, error: Any) -> Problem:
        mark = error.problem_mark or error.context_mark
        at = min(mark.index, len(self.source.text))
        message, fix = _reworded(error, self.source.text, at)
        if error.context_mark and "unterminated" in message:
            at = error.context_mark.index
        return Problem(self.masked.restore(message), _span(self.source, at, at + 1).place(), fix)

    def odd_character(self, error: Any) -> Problem:
        at = error.position if isinstance(error.position, int) else 0
        code = ord(self.source.text[at]) if at < len(self.source.text) else 0
        fix = f'in double quotes it can be written "\\u{code:04x}"' if code < 0x10000 else None
        return Problem(f"the character U+{code:04X} may not stand in YAML", _span(self.source, at, at + 1).place(), fix)


_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")


def _behind_properties(text: str, start: int) -> int:
    """Where a value itself begins, behind its `&anchor` and `!!tag`."""
    match = _PROPERTIES.match(text, start)
    return match.end() if match else start


def _reworded(error: Any, text: str, at: int) -> tuple[str, str | None]:
    """PyYAML's complaint in one line, with a way out where the cause is a common one."""
    problem, context = str(error.problem or ""), str(error.context or "")
    if "\\t" in problem or text[at : at + 1] == "\t":
        return "a tab cannot indent YAML", "use spaces"
    if "quoted scalar" in context and ("end of stream" in problem or "document separator" in problem):
        return "unterminated quotes: they open here and never close", "close them, or use `|` for text of many lines"
    if "mapping values are not allowed" in problem:
        return "a second `: ` in one value", 'put quotes around the text: `key: "a: b"`, or begin a new line'
    if "could not find expected ':'" in problem:
        return "this line has no `: ` after its key", "write `key: value`, or indent the line as part of the one above"
    if "expected <block end>" in problem:
        return "this line is not indented like the ones before it", "align it with the keys it belongs to"
    if "flow" in context and ("expected ',' or" in problem):
        closing = "}" if "mapping" in context else "]"
        return f"a `,` or the closing `{closing}` is missing", None
    if "cannot start any token" in problem:
        return f"{text[at : at + 1]!r} cannot begin a value", "put quotes around the text"
    said = ", ".join(part for part in (context, problem) if part)
    return f"this is not YAML: {said}", None


# --- writing -----------------------------------------------------------------------------------------------------


def splice(text: str, edits: Iterable[tuple[Span, str]]) -> str:
    """The text with each span replaced. Spans must not overlap."""
    for span, new in sorted(edits, key=lambda edit: (edit[0].start, edit[0].end), reverse=True):
        text = text[: span.start] + new + text[span.end :]
    return text


def _at(value: Any, path: Path) -> Any:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            raise SpecError(f"there is nothing at {_dotted(path)}") from None
    return value


def _dotted(path: Path) -> str:
    return ".".join(str(step) for step in path) or "the top"


def _changed(value: Any, path: Path, change: Callable[[Any], Any]) -> Any:
    if not path:
        return _bare(change(value))
    value[path[0]] = _changed(value[path[0]], path[1:], change)
    return value


def _with_entry(old: Any, key: str | int, value: Any) -> Any:
    if isinstance(old, dict) and isinstance(key, str):
        if key in old:
            raise SpecError(f"there is a {key!r} already")
        return {**old, key: value}
    if isinstance(old, list) and isinstance(key, int) and 0 <= key <= len(old):
        return [*old[:key], value, *old[key:]]
    raise SpecError(f"{key!r} cannot be put into {describe(old)}")


def _without_entry(old: Any, key: Any) -> Any:
    if isinstance(old, dict):
        return {name: value for name, value in old.items() if name != key}
    return [value for index, value in enumerate(old) if index != key % len(old)]


def _checked(document: Document, path: Path, wanted: Any, candidates: Iterable[str]) -> str:
    """The first candidate that reads as wanted: an edit that went wrong is never handed out."""
    for text in candidates:
        try:
            if _same(read(text, first_line=document.source.first_line).value, wanted):
                return text
        except SpecError:
            continue
    raise SpecError(
        f"the text at {_dotted(path)} cannot be edited in place",
        place=document.place(path),
        fix="it may come from an alias or a merge; edit it by hand",
    )


def _same(left: Any, right: Any) -> bool:
    """Equal, and of the same types: 1, 1.0 and true differ, and so do quoted and unquoted `${env.X}`."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (left != left and right != right)
    if isinstance(left, str) and isinstance(right, str):
        return left == right and isinstance(left, Plain) == (isinstance(right, Plain) and "${env." in right)
    return type(left) is type(right) and bool(left == right)


def _parent(document: Document, path: Path) -> Any:
    return _at(document.value, path[:-1]) if path else None


def _in_flow(document: Document, path: Path) -> bool:
    """Whether a container at or above the path is written with braces or brackets."""
    value, text = document.value, document.text
    for step in (*path, None):
        span = getattr(value, "span", None)
        if span is not None and text[span.start : span.start + 1] in ("{", "["):
            return True
        if step is None or not isinstance(value, Map | Seq):
            return False
        value = value[step]
    return False


def _line_end(text: str, at: int) -> int:
    match = re.compile(r"[\r\n]").search(text, at)
    return match.start() if match else len(text)


def _next_line(text: str, at: int) -> int:
    """Where the line behind this one begins."""
    match = re.compile(r"\r\n|\r|\n").search(text, at)
    return match.end() if match else len(text)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _replacements(document: Document, path: Path, value: Any) -> Iterator[str]:
    """Ways to write the new value, the nicest first."""
    text, parent = document.text, _parent(document, path)
    old = _at(document.value, path)
    span = document.span if not path else parent.value_span(path[-1])
    if span is None:
        return
    start, end = _behind_properties(text, span.start), span.end
    flow = bool(path) and _in_flow(document, path[:-1])
    column = document.source.position(start)[1] - 1
    block_old = isinstance(old, Map | Seq) and not _in_flow(document, path)
    key_span = parent.key_span(path[-1]) if isinstance(parent, Map) else None
    if not flow and isinstance(value, Mapping | list | tuple) and value:
        if block_old or not isinstance(parent, Map):
            yield text[:start] + _block(value, column, text).lstrip(" ") + text[end:]
        elif key_span is not None:
            indent = document.source.position(key_span.start)[1] + 1
            # A comment behind the old value stays on the key's line.
            stop = _line_end(text, end)
            yield text[:start].rstrip(" ") + text[end:stop].rstrip() + _newline(text) + _block(value, indent, text) + text[stop:]
    lead = re.fullmatch(r"(\s*:)\s*", text[key_span.end : start]) if key_span and block_old else None
    if lead and key_span is not None:
        start = key_span.end + lead.end(1)
    written = text[start:end]
    for new in _scalars(value, flow, written) if not isinstance(value, Mapping | list | tuple) else [_flow(value)]:
        if isinstance(value, str) and "\n" in value and not flow and new.startswith('"') and not written.startswith('"'):
            base = document.source.position(key_span.start)[1] - 1 if key_span else column - 2
            yield from (text[:start] + _gap(text, start) + block + text[end:] for block in _literals(value, base + 2, text))
        yield text[:start] + _gap(text, start) + new + text[end:]
        if not written:
            yield text[:start] + ": " + new + text[end:]


def _gap(text: str, at: int) -> str:
    return "" if at == 0 or text[at - 1].isspace() or text[at - 1] in "[{(" else " "


def _insertions(document: Document, path: Path, container: Any, key: str | int, value: Any) -> Iterator[str]:
    text, span = document.text, container.span
    if span is None:
        return
    own = sorted((entry for entry in _entries(container) if span.start <= entry[1] <= span.end), key=lambda one: one[1])
    flow = _in_flow(document, path)
    if not own or (flow and isinstance(container, Seq) and key == 0):
        entry = _entry(container, key, value, flow=True)
        yield text[: span.start + 1] + entry + (", " if own else "") + text[span.start + 1 :]
    elif flow:
        at = own[-1][2] if isinstance(container, Map) else own[int(key) - 1][2]
        yield text[:at] + ", " + _entry(container, key, value, flow=True) + text[at:]
    elif isinstance(container, Seq) and int(key) < len(container):
        at = _dash(text, container, int(key))
        indent = document.source.position(at)[1] - 1
        yield text[:at] + _block([value], indent, text).lstrip(" ") + _newline(text) + " " * indent + text[at:]
    else:
        first = own[0][0] if isinstance(container, Map) else _dash(text, container, 0)
        indent = document.source.position(first)[1] - 1
        block = _block({key: value} if isinstance(container, Map) else [value], indent, text)
        end = _line_end(text, own[-1][2])
        yield text[:end] + _newline(text) + block + text[end:]
        blank = re.compile(r"(?:[ \t]*(?:\r\n|\r|\n))*").match(text, _next_line(text, end))
        end = blank.end() if blank else len(text)
        yield text[:end] + block + _newline(text) + text[end:]


def _removals(document: Document, path: Path) -> Iterator[str]:
    text, parent, key = document.text, _parent(document, path), path[-1]
    span = parent.span
    own = sorted((entry for entry in _entries(parent) if span.start <= entry[1] <= span.end), key=lambda one: one[1])
    if len(own) == 1:
        yield from _replacements(document, path[:-1], {} if isinstance(parent, Map) else [])
        return
    start_of = parent.key_span(key) if isinstance(parent, Map) else parent.value_span(key)
    if start_of is None:
        return
    here = next((number for number, entry in enumerate(own) if entry[1] == start_of.start), None)
    if here is None:
        return
    if _in_flow(document, path[:-1]):
        if here + 1 < len(own):
            yield text[: own[here][1]] + text[own[here + 1][1] :]
        else:
            yield text[: own[here - 1][2]] + text[own[here][2] :]
        return
    starts = [entry[1] for entry in own]
    if isinstance(parent, Seq):
        starts = [_dash(text, parent, number) for number in range(len(own))]
    start = starts[here]
    line = start - (document.source.position(start)[1] - 1)
    if not text[line:start].strip():
        yield text[:line] + text[_next_line(text, own[here][2]) :]
        yield text[:line].rstrip("\r\n") + text[_line_end(text, own[here][2]) :]
    if here + 1 < len(own):
        yield text[:start] + text[starts[here + 1] :]


def _entries(container: Any) -> Iterator[tuple[int, int, int]]:
    """Each entry's key (or element) start, twice, and its end."""
    if isinstance(container, Map):
        for key in container:
            key_span, value_span = container.key_span(key), container.value_span(key)
            if key_span and value_span:
                yield key_span.start, key_span.start, max(key_span.end, value_span.end)
    else:
        for index in range(len(container)):
            if span := container.value_span(index):
                yield span.start, span.start, span.end


def _dash(text: str, container: Seq, index: int) -> int:
    """The `-` of an element of a block list."""
    span, before, here = container.span, container.value_span(index - 1), container.value_span(index)
    assert span is not None and here is not None
    if index == 0 or before is None:
        return span.start
    found = list(re.finditer(r"[\r\n][ \t]*(-)(?=\s|$)", text[before.end : here.start]))
    return before.end + found[-1].start(1) if found else here.start


def _entry(container: Any, key: str | int, value: Any, *, flow: bool) -> str:
    written = _flow(value) if isinstance(value, Mapping | list | tuple) else next(iter(_scalars(value, flow, "")))
    return f"{_key(str(key))}: {written}" if isinstance(container, Map) else written


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(str(key))}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return next(iter(_scalars(value, True, "")))


def _block(value: Any, indent: int, text: str) -> str:
    """A non-empty mapping or list over lines of its own, each indented."""
    pad, newline = " " * indent, _newline(text)
    if isinstance(value, Mapping):
        return newline.join(f"{pad}{_key(str(key))}:{_below(item, indent, text)}" for key, item in value.items())
    lines = []
    for item in value:
        nested = isinstance(item, Mapping | list | tuple) and item
        written = _block(item, indent + 2, text).lstrip(" ") if nested else _below(item, indent, text).lstrip(" ")
        lines.append(f"{pad}- {written}")
    return newline.join(lines)


def _below(value: Any, indent: int, text: str) -> str:
    """What stands behind `key:`."""
    if isinstance(value, Mapping | list | tuple):
        return _newline(text) + _block(value, indent + 2, text) if value else f" {_flow(value)}"
    return f" {next(iter(_scalars(value, False, '')))}"


def _key(key: str) -> str:
    for written in (key, _double_quoted(key)):
        if key and _reads_as(f"{{{written}: 1}}", {key: 1}):
            return written
    return _double_quoted(key)


def _scalars(value: Any, flow: bool, old: str) -> Iterator[str]:
    """Ways to write a scalar: like the old one if that can be, else without quotes, else with."""
    if isinstance(value, Plain) and "${env." in value:
        yield str(value)
        return
    if not isinstance(value, str):
        yield _written_scalar(value)
        return
    single = "'" + value.replace("'", "''") + "'"
    if old.startswith("'") and _reads_as(f"[{single}]", [value]):
        yield single
    elif not old.startswith('"') and "\n" not in value and _reads_as(f"[{value}]" if flow else f"- {value}", [value]):
        yield value
    yield _double_quoted(value)


def _reads_as(text: str, value: Any) -> bool:
    try:
        return _same(read(text).value, value)
    except SpecError:
        return False


def _written_scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return ".nan" if value != value else ".inf" if value > 0 else "-.inf"
        text = repr(value)
        # YAML 1.1 reads 1e+20 as text; it wants the dot.
        return text.replace("e", ".0e", 1) if "." not in text and "e" in text else text
    if isinstance(value, int):
        return str(value)
    raise SpecError(f"{describe(value)} cannot be written as YAML")


_UNPRINTABLE = re.compile("[^\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\"\\\\]")
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\", "\0": "\\0"}


def _double_quoted(text: str) -> str:
    def escaped(match: re.Match[str]) -> str:
        char = match[0]
        short = _SHORT_ESCAPES.get(char)
        return short or (f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}")

    return '"' + _UNPRINTABLE.sub(escaped, text) + '"'


def _literals(value: str, indent: int, text: str) -> Iterator[str]:
    """The text as a block scalar, `|` or `|-` by how it ends."""
    newline = _newline(text)
    if _UNPRINTABLE.sub(lambda match: "" if match[0] in '\n"\\' else match[0] * 2, value) != re.sub(r'[\n"\\]', "", value):
        return
    body = value.removesuffix("\n")
    lines = [" " * indent + line if line else "" for line in body.split("\n")]
    yield ("|" if value.endswith("\n") else "|-") + newline + newline.join(lines)
