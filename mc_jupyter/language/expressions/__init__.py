"""Expressions evaluated: `render` gives a value with every `${…}` in it replaced by what it leads to.

Lists and mappings may nest, and mappings may have the forms `...` (spread), `?` (condition), `*` (map), `+` (join),
`|` (split), `&` (zip). This is the door to the language: what its other modules offer to callers can be had here.

    template     what a text with references is, taken apart
    grammar      text → template
    references   which references a value holds
    environment  `${env.X}`, put in first
    nearly       what is nearly an expression, and what was meant
    paths        what `.a[0].b` leads to
    forms, conditions   spread, join, zip; eq, gt, match …
    allowance    how much one rendering may do
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from mc_jupyter.errors import ExpressionError
from mc_jupyter.interrupts import going
from mc_jupyter.language.expressions.allowance import Allowance
from mc_jupyter.language.expressions.conditions import OPERATORS, compare, conditions
from mc_jupyter.language.expressions.environment import resolve_env
from mc_jupyter.language.expressions.forms import check_template, expanded, join, spread_list, spread_mapping, zip_lists
from mc_jupyter.language.expressions.grammar import escape, has_reference, is_single, parse
from mc_jupyter.language.expressions.nearly import doubled, meant, of_another_language, why_unread
from mc_jupyter.language.expressions.paths import Nothing, names_of, walk
from mc_jupyter.language.expressions.references import references
from mc_jupyter.language.expressions.template import Reference, Slice, Star, Template, about, check_depth, is_env
from mc_jupyter.trust.permissions import NOTHING, Permissions
from mc_jupyter.trust.secrets import Secret
from mc_jupyter.values import Stream, describe
from mc_jupyter.values.conversions import convert, interpolated, joined
from mc_jupyter.values.scalars import Plain, yaml_value

__all__ = [
    "OPERATORS",
    "Plain",
    "Reference",
    "Slice",
    "Star",
    "Template",
    "check_template",
    "compare",
    "doubled",
    "escape",
    "has_reference",
    "is_single",
    "matches",
    "meant",
    "of_another_language",
    "parse",
    "references",
    "render",
    "resolve_env",
    "unconverted",
    "why_unread",
    "yaml_value",
]

OnNull = Callable[[Reference, str], None]


def render(
    value: Any,
    sources: Mapping[str, Any],
    *,
    elementwise: bool = False,
    on_null: OnNull | None = None,
    permissions: Permissions = NOTHING,
) -> Any:
    """A value with every expression in it evaluated: `render("${input.name}!", {"input": {"name": "you"}})`.

    value        a text, or lists and mappings of texts
    sources      what expressions name, by its first word: `{"input": {…}, "env": {…}}`
    elementwise  `as text` and the like on a list convert its elements (a model's inputs)
    on_null      called with the reference and the reason where a path finds nothing and there is no default
    permissions  what `as image` and `as file` may read and fetch; by default nothing outside the working folder

    Gives the value; of a text that is one reference alone, what it leads to, of whatever type. A path that finds
    nothing gives None. What an expression gives is never rendered again. Raises ExpressionError for what cannot be
    read, evaluated or converted, Interrupted at the kernel's interrupt.
    """
    renderer = _Renderer(_streamed(sources), elementwise, on_null, permissions)
    with going(renderer.allowance):
        return renderer.value(value, 0)


def unconverted(reference: Reference, sources: Mapping[str, Any]) -> Any:
    """What a reference leads to, or its default, as it was before any `as`: of an image that is a file, the name."""
    return _Renderer(_streamed(sources), False, None).reference(_bare(reference))


def _bare(reference: Reference) -> Reference:
    parts = reference.default.parts if reference.default else ()
    default = Template(tuple(part if isinstance(part, str) else _bare(part) for part in parts))
    return replace(reference, type=None, default=default if reference.default else None)


def _streamed(sources: Mapping[str, Any]) -> Mapping[str, Any]:
    """The sources with async iterators as streams, so that every expression reads the same one."""
    streams = {n: Stream(v) for n, v in sources.items() if isinstance(v, AsyncIterable) and not isinstance(v, Stream)}
    return {**sources, **streams} if streams else sources


def matches(where: Any, scope: Mapping[str, Any]) -> bool:
    """Whether a condition holds: `{input, operator, value}`, or all, any, not of such."""
    return _Renderer(scope, False, None).holds(where, 0)


class _Renderer:
    def __init__(
        self,
        sources: Mapping[str, Any],
        elementwise: bool,
        on_null: OnNull | None,
        permissions: Permissions = NOTHING,
        allowance: Allowance | None = None,
    ):
        self.sources, self.elementwise, self.on_null, self.permissions = sources, elementwise, on_null, permissions
        self.allowance = allowance or Allowance()

    def within(self, item: Any, index: int, allowance: Allowance | None) -> _Renderer:
        sources = {**self.sources, "item": item, "index": index}
        return _Renderer(sources, self.elementwise, self.on_null, self.permissions, allowance)

    def value(self, value: Any, depth: int) -> Any:
        self.allowance.value()
        if isinstance(value, str):
            return self.text(value)
        check_depth(depth)
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
        if isinstance(text, Plain) and is_env(template) and isinstance(result, str):
            return yaml_value(result)
        return result

    def template(self, template: Template) -> Any:
        if template.single:
            return self.reference(template.single)
        return joined(part if isinstance(part, str) else self.inserted(part) for part in template.parts)

    def inserted(self, reference: Reference) -> str | Secret:
        text: str | Secret = self.allowance.made(interpolated(self.reference(reference)))
        return text

    def reference(self, reference: Reference) -> Any:
        try:
            value = self.found(reference)
        except Nothing as nothing:
            value = None
            if reference.default is None and self.on_null:
                self.on_null(reference, str(nothing))
        if isinstance(value, AsyncIterable) and not isinstance(value, Stream):
            value = Stream(value)
        if value is None and reference.default is not None:
            value = self.template(reference.default)
        if reference.type is None or value is None:
            return value
        return self.converted(value, reference.type, reference)

    def converted(self, value: Any, type: str, reference: Reference) -> Any:
        attributes = {name: self.template(template) for name, template in reference.attributes}
        try:
            found = convert(
                value,
                type,
                reference.subtype,
                attributes,
                reference.format,
                elementwise=self.elementwise,
                permissions=self.permissions,
            )
        except ExpressionError as error:
            raise about(error, reference) from None
        return found if found is value or isinstance(found, Stream) else self.allowance.made(found)

    def found(self, reference: Reference) -> Any:
        source = reference.source
        if reference.stream:
            if f"{source}[]" in self.sources:
                return walk(self.sources[f"{source}[]"], reference.path, 0)
            whole = self.sources.get(source)
            if isinstance(whole, list | Stream):
                return walk(whole, (Star(), *reference.path), 0)
            raise Nothing(f"nothing is streamed by {source!r}")
        if source not in self.sources:
            raise Nothing(f"no source {source!r}; there are: {names_of(self.sources)}")
        return walk(self.sources[source], reference.path, 0)

    # containers

    def list(self, items: Iterable[Any], depth: int) -> list[Any]:
        result: list[Any] = []
        for item in items:
            if isinstance(item, str) and item.startswith("...${") and is_single(item[3:]):
                result.extend(self.allowance.made(spread_list(self.text(item[3:]), item)))
            else:
                result.append(self.value(item, depth))
        return result

    def mapping(self, entries: Mapping[Any, Any], depth: int) -> Any:
        check_template(entries)
        if "*" in entries:
            return self.map(entries, depth)
        if "|" in entries:
            return self.split(entries, depth)
        if len(entries) == 1:
            ((key, value),) = entries.items()
            if key == "+":
                return self.allowance.made(join(self.value(value, depth)))
            if key == "&":
                return zip_lists(self.value(value, depth))
            if key == "?":
                return self.condition(value, depth)
        result: dict[Any, Any] = {}
        for key, value in entries.items():
            if key == "...":
                result.update(self.allowance.made(spread_mapping(self.value(value, depth), '"..."')))
            elif key == "?":
                result.update(spread_mapping(self.condition(value, depth), 'a "?" beside other keys'))
            else:
                result[key] = self.value(value, depth)
        return result

    def condition(self, branches: Any, depth: int) -> Any:
        """The first branch that says something: `if_true` where it holds, `if_false` where it has one."""
        for branch in branches if isinstance(branches, list | tuple) else [branches]:
            if not isinstance(branch, Mapping):
                raise ExpressionError(
                    f'"?" needs a mapping with input, operator, value, if_true, not {describe(branch)}'
                )
            chosen = "if_true" if self.holds(branch, depth) else "if_false"
            if chosen == "if_true" or chosen in branch:
                return self.value(branch.get(chosen), depth)
        return None

    def holds(self, where: Any, depth: int) -> bool:
        check_depth(depth)
        if isinstance(where, list | tuple):
            return all(self.holds(one, depth + 1) for one in where)
        if not isinstance(where, Mapping):
            raise ExpressionError(f"a condition needs a mapping with input, operator and value, not {describe(where)}")
        if "all" in where:
            return all(self.holds(one, depth + 1) for one in conditions(where["all"], "all"))
        if "any" in where:
            return any(self.holds(one, depth + 1) for one in conditions(where["any"], "any"))
        if "not" in where:
            return not self.holds(where["not"], depth + 1)
        left, right = self.value(where.get("input"), depth), self.value(where.get("value"), depth)
        began = time.monotonic()
        try:
            return compare(self.value(where.get("operator", "eq"), depth), left, right)
        finally:
            self.allowance.spent(began)

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

    def shared(self, items: Any) -> Allowance | None:
        """What the rounds of a loop share; a stream comes later, and each of its items has an allowance of its own."""
        return None if isinstance(items, Stream) else self.allowance

    def map(self, entries: Mapping[Any, Any], depth: int) -> Any:
        items, where = self.looped(entries["*"], "*", depth)
        body = {key: value for key, value in entries.items() if key != "*"}

        shared = self.shared(items)

        def each(numbered: tuple[int, Any]) -> list[Any]:
            inner = self.within(numbered[1], numbered[0], shared)
            if where is not None and not inner.holds(where, depth):
                return []
            return [inner.mapping(body, depth) if body else numbered[1]]

        return expanded(items, each)

    def split(self, entries: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
        items, where = self.looped(entries["|"], "|", depth)
        body = {key: value for key, value in entries.items() if key != "|"}
        shared = self.shared(items)
        copies = items.split(len(body)) if isinstance(items, Stream) else [items] * len(body)

        def branch(template: Any) -> Callable[[tuple[int, Any]], list[Any]]:
            def each(numbered: tuple[int, Any]) -> list[Any]:
                inner = self.within(numbered[1], numbered[0], shared)
                keep = where is None or inner.holds(where, depth)
                return [inner.value(template, depth)] if keep else []

            return each

        return {key: expanded(copy, branch(value)) for copy, (key, value) in zip(copies, body.items(), strict=True)}
