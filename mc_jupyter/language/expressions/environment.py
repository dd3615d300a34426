"""`${env.X}`: environment variables, put into a document before anything else in it is evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mc_jupyter.errors import ExpressionError, Place, Problem
from mc_jupyter.language.expressions.grammar import backslashes_before, escape, parse
from mc_jupyter.language.expressions.template import (
    Reference,
    Template,
    about,
    check_depth,
    is_env,
    references_in,
    written_path,
)
from mc_jupyter.trust.secrets import Secret
from mc_jupyter.values import describe
from mc_jupyter.values.conversions import convert, interpolated, joined
from mc_jupyter.values.scalars import Plain, yaml_value
from mc_jupyter.words import did_you_mean, listing

_ENV_TYPES = ("integer", "number", "boolean", "string", "text")


def resolve_env(value: Any, env: Mapping[str, str], *, missing: str = "error") -> Any:
    """The document with every `${env.X}` replaced, inside other expressions too; nothing else is evaluated.

    Where an unquoted scalar (`Plain`) is all environment, the text takes YAML's type; elsewhere it stays text. A
    variable's text is never read as an expression; one that is a `Secret` makes a secret of what it stands in.
    Variables that are not set and have no default are reported together, or left as they are with `missing="keep"`.
    Containers keep their places.
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
        check_depth(depth)
        if isinstance(value, str):
            if "${" not in value:
                return value
            self.place = place or (lambda: None)
            return self.scalar(value)
        if isinstance(value, Mapping):
            items = [self.value(item, _place_of(value, key), depth + 1) for key, item in value.items()]
            keys = [str(self.scalar(key)) if "${" in str(key) else key for key in value]
            if keys != list(value):
                return dict(zip(keys, items, strict=True))
            return _remade(value, items, dict(zip(value, items, strict=True)))
        if isinstance(value, list | tuple):
            items = [self.value(item, _place_of(value, index), depth + 1) for index, item in enumerate(value)]
            return _remade(value, items, items)
        return value

    def scalar(self, text: str) -> Any:
        template = parse(text)
        if not any(reference.source == "env" for reference in references_in(template)):
            return text
        try:
            return self.whole(text, template)
        except ExpressionError as error:
            self.problems.extend(Problem(p.message, p.place or self.place(), p.fix) for p in error.problems)
            return text

    def whole(self, text: str, template: Template) -> Any:
        if (single := template.single) and single.source == "env":
            return self.single(text, single)
        parts = [self.part(part) for part in template.parts]
        kept = any(isinstance(part, _Kept) for part in parts)
        whole = joined(parts)
        if isinstance(whole, Secret):
            if kept:
                raise ExpressionError("a secret stands beside what only a call can say", fix="a field of its own")
            return whole
        if not kept and isinstance(text, Plain) and is_env(template):
            return _literal(yaml_value(whole))
        written = _rejoined(part for part in parts if isinstance(part, str))
        return Plain(written) if isinstance(text, Plain) and kept else written

    def single(self, text: str, reference: Reference) -> Any:
        """The value of a scalar that is one variable: of YAML's type, if neither it nor the default was quoted."""
        try:
            value = self.variable(reference)
        except _Missing:
            return text
        if not isinstance(value, str):
            return value
        quoted = reference.quoted and _env_name(reference) not in self.env
        typed = isinstance(text, Plain) and reference.type is None and not quoted
        return _literal(yaml_value(value) if typed else value)

    def part(self, part: str | Reference) -> str | Secret:
        """A part of a template as literal text, a secret, or a reference's text that stays."""
        if isinstance(part, str):
            return part
        if part.source != "env":
            return _Kept(self.inner(part))
        try:
            return interpolated(self.variable(part))
        except _Missing:
            return _Kept(part.text)

    def inner(self, reference: Reference) -> str:
        """A reference's text with the variables in its default and attributes put in."""
        edits: list[tuple[int, int, str]] = []
        default = reference.default
        if default is not None and any(one.source == "env" for one in references_in(default)):
            edits.append((*reference.default_span, _quoted([self.open(part) for part in default.parts])))
        for _, attribute in reference.attributes:
            edits += [(one.start, one.end, self.attribute(one)) for one in attribute.references]
        text, shift = reference.text, reference.start
        for start, end, new in sorted(edits, reverse=True):
            text = text[: start - shift] + new + text[end - shift :]
        return text

    def open(self, part: str | Reference) -> str:
        """The same, where no secret may stand: inside another expression."""
        found = self.part(part)
        if isinstance(found, Secret):
            raise ExpressionError("a secret stands inside another expression", fix="a field of its own")
        return found

    def attribute(self, reference: Reference) -> str:
        value = self.open(reference)
        if not isinstance(value, _Kept) and not re.fullmatch(r"[\w.:/+ -]*", value):
            raise ExpressionError(
                f"{describe(value)} cannot stand in the brackets of a type", fix="use letters and digits"
            )
        return value

    def variable(self, reference: Reference) -> Any:
        """The variable's value: text, or what its `as` makes of it."""
        name = _env_name(reference)
        value: Any
        if name in self.env:
            value = self.env[name]
            value = value if isinstance(value, Secret) else str(value)
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

    def default(self, template: Template) -> str | Secret:
        parts: list[str | Secret] = []
        for part in template.parts:
            if isinstance(part, Reference):
                if part.source != "env":
                    raise ExpressionError(f"{part.text} cannot be the default of an environment variable")
                parts.append(interpolated(self.variable(part)))
            else:
                parts.append(part)
        return joined(parts)


def _literal(value: Any) -> Any:
    """A value that holds no expression any more, whatever it looks like."""
    return escape(value) if isinstance(value, str) else value


class _Kept(str):
    """The text of a reference that stays, among literal texts."""


def _rejoined(parts: Iterable[str]) -> str:
    """Literals and kept references as one text that parses into just these."""
    result, literal = "", ""
    for part in parts:
        if isinstance(part, _Kept):
            written = escape(literal)
            result += written + "\\" * backslashes_before(written, len(written), 0) + part
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
    return written_path(reference.path)


def _env_typed(value: str | Secret, reference: Reference) -> Any:
    type = reference.type or "string"
    if type not in _ENV_TYPES:
        hint = did_you_mean(type, _ENV_TYPES)
        fix = hint or f"use {listing(_ENV_TYPES)}"
        raise ExpressionError(f"an environment variable cannot be read as {type!r} in {reference.text}", fix=fix)
    if type == "boolean" and isinstance(value, str) and value.lower() not in ("true", "false", "1", "0"):
        raise ExpressionError(f"{describe(value)} is not true or false in {reference.text}")
    try:
        return convert(value, type)
    except ExpressionError as error:
        raise about(error, reference) from None


def _remade(container: Any, items: list[Any], plain: Any) -> Any:
    """What knows where it was written (`spans.Map`, `spans.Seq`) with other values; of other containers, `plain`."""
    with_values = getattr(container, "with_values", None)
    return with_values(items) if with_values else plain


def _place_of(container: Any, key: Any) -> Callable[[], Place | None] | None:
    span_of = getattr(container, "value_span", None)
    if span_of is None:
        return None

    def place() -> Place | None:
        span = span_of(key)
        return None if span is None else span.place()

    return place
