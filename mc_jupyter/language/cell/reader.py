"""Values with places from PyYAML's events, in one pass, with limits on depth, aliases and size.

Two kinds of problem: a fault, after which there is nothing to read on from, is raised; what leaves a readable
document (a key given twice, a refused key or tag) is noted, and reading goes on.
"""

from __future__ import annotations

import re
from typing import Any

from mc_jupyter.errors import Problem, SpecError
from mc_jupyter.language.cell import faults, lookalikes
from mc_jupyter.language.cell.masking import Masked
from mc_jupyter.language.cell.spans import Map, Seq, Source, Span, span_of
from mc_jupyter.values.scalars import HALF, Plain, joined, yaml_type

MAX_DEPTH = 64
MAX_ALIASES = 100
MAX_NODES = 20_000
_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")) | {"!"}
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")
_TEMPLATE = re.compile(r"\{\{\s*([\w.\[\]]+)[^}\r\n]*\}\}")
_DASH = re.compile(r"-[^\s-]")
_MERGE: Any = object()

_ENV = re.compile(r"\$\{\s*env\.")


class _Collection:
    """A mapping or list whose end has not been read yet."""

    __slots__ = ("anchor", "end", "flow", "is_map", "items", "key", "merges", "size", "start")

    def __init__(self, is_map: bool, flow: bool, start: int, end: int, anchor: str | None):
        self.is_map, self.flow, self.start, self.end, self.anchor = is_map, flow, start, end, anchor
        self.items: list[tuple[str | None, Span | None, Any, Span]] = []
        self.key: tuple[str | None, Span] | None = None
        self.merges: list[tuple[Any, Span]] = []
        self.size = 1


class Reader:
    """Values from PyYAML's events. The stack is ours, so depth is a limit and never a RecursionError."""

    def __init__(self, source: Source, masked: Masked):
        self.source, self.masked = source, masked
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.stack: list[_Collection] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.open_anchors: set[str] = set()
        self.unused: dict[str, Span] = {}
        """Texts with an `&anchor` that no alias has named yet."""
        self.aliases = self.nodes = 0
        self.result: tuple[Any, Span] | None = None

    def read(self) -> tuple[Any, Span] | None:
        """The value and its place, or None of an empty text. Raises SpecError where reading cannot go on."""
        import yaml

        try:
            for event in yaml.parse(self.masked.text, Loader=yaml.SafeLoader):
                self.event(event)
        except yaml.MarkedYAMLError as error:
            raise self.fault(*faults.of_syntax(error, self.source, self.masked)) from None
        except yaml.reader.ReaderError as error:
            raise self.fault(faults.of_character(error, self.source)) from None
        except (ValueError, IndexError, OverflowError, AttributeError) as error:
            # PyYAML lets these through for odd escapes and directives (`"\\Uffffffff"`, `%YAML 9`).
            raise self.fault(Problem(f"this is not YAML: {error}", span_of(self.source, 0, 0).place())) from None
        self.notes += [
            f"line {span.line}: &{name} names the text behind it, for a *{name} that is not there: no part of it; "
            "a text that begins with & stands in quotes"
            for name, span in self.unused.items()
        ]
        return self.result

    def fault(self, *problems: Problem) -> SpecError:
        """What ends the reading, behind what was noted before."""
        return SpecError([*self.problems, *problems])

    def note(self, message: str, span: Span, fix: str | None = None) -> None:
        self.problems.append(Problem(message, span.place(), fix))

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
            at, fix = self.span(event).place(), "put it in a cell of its own, or join the two"
            raise self.fault(Problem("a second document begins here; one document a cell", at, fix))

    def span(self, event: Any) -> Span:
        return span_of(self.source, event.start_mark.index, event.end_mark.index)

    def scalar(self, event: Any) -> None:
        span = self.scalar_span(event)
        self.check_tag(event, span)
        text = joined(self.masked.restore(event.value))
        if half := HALF.search(text):
            self.note(f"{half[0]!a} is half a character, which is no text", span, "write the whole one")
        collection = self.stack[-1] if self.stack else None
        if collection and collection.is_map and collection.key is None:
            collection.size += 1
            self.count(1, span)
            self.open_key(collection, event, text, span)
            return
        if event.anchor:
            self.unused[event.anchor] = span
        if event.style is None:
            self.plain(text, span)
        self.add(self.typed(event, text, span), span, 1, event.anchor)

    def plain(self, text: str, span: Span) -> None:
        """What can be meant otherwise by a text without quotes: dashes of a list, quotes that YAML does not know."""
        lines = [line.strip() for line in span.text.splitlines()] if "\n" in span.text or "\r" in span.text else []
        if lines and all(_DASH.match(line) for line in lines if line):
            fix = "\n        ".join(f"- {line[1:]}" for line in lines if line)
            self.note("these lines are one text: a list has a blank behind each dash", span, fix)
        if found := lookalikes.quoting(text):
            self.notes.append(
                f"line {span.line}: {lookalikes.named(found.char)} is part of the text: YAML's quotes are \" and '"
            )

    def scalar_span(self, event: Any) -> Span:
        """Up to the last character that is not blank: a block scalar's event ends on a later line."""
        start, end = event.start_mark.index, event.end_mark.index
        if event.style in ("|", ">"):
            end = start + len(self.source.text[start:end].rstrip())
        return span_of(self.source, start, end)

    def typed(self, event: Any, text: str, span: Span) -> Any:
        tag = (event.tag or "").removeprefix("tag:yaml.org,2002:")
        if event.style is None and not event.tag:
            return Plain(text) if _ENV.search(text) else yaml_type(text)
        if tag in ("int", "float", "bool", "null"):
            value = yaml_type(text)
            if tag == "float" and type(value) is int:
                return float(value)
            if type(value) is not {"int": int, "float": float, "bool": bool, "null": type(None)}[tag]:
                self.note(f"{text!r} is no !!{tag}", span)
            return value
        return text

    def open_key(self, collection: _Collection, event: Any, text: str, span: Span) -> None:
        if event.anchor:
            self.anchors[event.anchor] = (text, 1)
        if text == "<<" and event.style is None:
            collection.key = (_MERGE, span)
            return
        if not text and event.style is None:
            self.note("a key is missing before the colon", span, "write `name: value`")
            collection.key = (None, span)
            return
        collection.key = (text, span)

    def begin(self, event: Any, is_map: bool) -> None:
        span = self.span(event)
        if len(self.stack) >= MAX_DEPTH:
            raise self.fault(Problem(f"nested deeper than {MAX_DEPTH} levels", span.place()))
        self.check_tag(event, span)
        parent = self.stack[-1] if self.stack else None
        if parent and parent.is_map and parent.key is None:
            self.bad_key("a mapping" if is_map else "a list", span)
        if event.anchor:
            self.open_anchors.add(event.anchor)
        self.count(1, span)
        start = span.start
        if event.anchor or event.tag:
            start = behind_properties(self.source.text, start)
        self.stack.append(_Collection(is_map, bool(event.flow_style), start, span.end, event.anchor))

    def finish(self, event: Any) -> None:
        done = self.stack.pop()
        end = self.span(event).end if done.flow else max((span.end for *_, span in done.items), default=done.end)
        end = max([end, *(span.end for _, span in done.merges)])
        span = span_of(self.source, done.start, end)
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
            raise self.fault(Problem(f"more than {MAX_ALIASES} aliases", span.place()))
        if event.anchor in self.open_anchors or event.anchor not in self.anchors:
            inside = event.anchor in self.open_anchors
            why = "stands inside what it names" if inside else "names no anchor before it"
            fix = None if inside else "a text that begins with * stands in quotes"
            raise self.fault(Problem(f"the alias *{event.anchor} {why}", span.place(), fix))
        value, size = self.anchors[event.anchor]
        self.unused.pop(event.anchor, None)
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
                assert first is not None
                assert again is not None
                self.note(f"the key {key!r} was given before, on line {first.line}", again, "keep one of them")
                continue
            result.put(key, value, key_span=key_span, value_span=value_span)
        for merged, merged_span in done.merges:
            self.merge(result, merged, merged_span)
        return result

    def merge(self, result: Map, merged: Any, span: Span) -> None:
        """`<<`: the entries of a mapping, or of a list of mappings, that the result has not."""
        for one in merged if isinstance(merged, Seq) else [merged]:
            if not isinstance(one, Map):
                self.note("`<<` merges a mapping, or a list of mappings", span)
                return
            for key in one:
                if key not in result:
                    result.take(one, key)

    # limits and complaints

    def count(self, nodes: int, span: Span) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise self.fault(Problem(f"more than {MAX_NODES} values", span.place()))

    def check_tag(self, event: Any, span: Span) -> None:
        if event.tag and event.tag not in _TAGS:
            name = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.note(
                f"the tag {name} is not read", span, "write the plain value; a text that begins with ! stands in quotes"
            )

    def bad_key(self, what: str, span: Span) -> None:
        if found := _TEMPLATE.match(self.source.text, span.start - 1):
            fix = f"${{{found[1]}}}, or in quotes where the braces are letters"
            raise self.fault(Problem("{{ … }} is no expression here", span.place(), fix))
        fix = "a key is text: `name: value`; an unquoted {…} begins a mapping, put quotes around text"
        self.note(f"{what} cannot be a key", span, fix)


def behind_properties(text: str, start: int) -> int:
    """Where a value itself begins, behind its `&anchor` and `!!tag`."""
    match = _PROPERTIES.match(text, start)
    return match.end() if match else start
