"""The grammar of `${…}`: a text is scanned once and gives a `Template`.

    ${source.path[0].key as type[]/subtype[name=value];format | default @(annotation)}

All but the source is optional. What looks like a reference and is none stays the text it is. Where the language left
a choice:

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
import math
import re

from mc_jupyter.errors import ExpressionError
from mc_jupyter.language.expressions import tokens
from mc_jupyter.language.expressions.template import Attributes, Parts, Reference, Segment, Slice, Star, Template

MAX_DEPTH = 32

_Conversion = tuple[str | None, str | None, Attributes, str | None]


def parse(text: str) -> Template:
    """The template that a text is. Parsed once: asking again is a look-up.

    >>> parse("Hello ${input.name | you}!").references[0].source
    'input'
    """
    if "${" not in text:
        return Template((str(text),) if text else ())
    return _parsed(str(text))


@functools.lru_cache(maxsize=2048)
def _parsed(text: str) -> Template:
    return _Parser(text).template()


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
        pieces += [text[at:opening], "\\" * (backslashes_before(text, opening, at) + 1), "${"]
        at = opening + 2
        opening = text.find("${", at)
    return "".join([*pieces, text[at:]])


def backslashes_before(text: str, at: int, start: int) -> int:
    """How many stand directly before `at`, from `start` on."""
    count = 0
    while at - count > start and text[at - count - 1] == "\\":
        count += 1
    return count


class _Unclosed(Exception):
    """The text ended inside a reference. So it does for every reference around this one."""


class _Parser:
    def __init__(self, text: str):
        self.text = text
        self.known: dict[int, Reference | _Unclosed | None] = {}
        self.annotation_end = tokens.Finder(tokens.ANNOTATION_END, text)
        self.opening = tokens.Finder(tokens.OPENING, text)

    # the whole text

    def template(self) -> Template:
        text, parts, unread = self.text, Parts(), list[int]()
        at, opening = 0, text.find("${")
        while opening >= 0:
            backslashes = backslashes_before(text, opening, at)
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
        source = tokens.SOURCE.match(text, self._skip(start + 2))
        if source is None:
            return None
        stream = tokens.STREAM.match(text, source.end())
        path, at = self._path(stream.end() if stream else source.end())
        conversion, at = self._conversion(self._skip(at), depth)
        default, quoted, begin = None, False, at
        if text.startswith("|", at):
            begin = self._skip(at + 1)
            default, quoted, at = self._default(begin, depth)
        span = (begin, at)
        annotation, at = self._annotation(self._skip(at))
        if at >= len(text):
            raise _Unclosed
        if text[at] != "}":
            return None
        end = at + 1
        return Reference(
            source[0], bool(stream), path, *conversion, default, quoted, annotation, text[start:end], start, end, span
        )

    def _conversion(self, at: int, depth: int) -> tuple[_Conversion, int]:
        """`as type/subtype[attributes];format`, if that is what follows."""
        text = self.text
        match = tokens.AS.match(text, at)
        if match is None or not (text[at - 1].isspace() or text[at - 1] == "]"):
            return (None, None, (), None), at
        attributes, at = self._attributes(match.end(), depth)
        format = tokens.FORMAT.match(text, self._skip(at))
        type = match["type"] + (match["list"] or "")
        if match["type"] == "slider" and match["subtype"]:
            _check_slider(match["subtype"])
        at = self._skip(format.end() if format else at)
        return (type, match["subtype"], attributes, format[1] if format else None), at

    def _skip(self, at: int, blanks: re.Pattern[str] = tokens.BLANKS) -> int:
        match = blanks.match(self.text, at)
        return match.end() if match else at

    def _path(self, at: int) -> tuple[tuple[Segment, ...], int]:
        """Keys and indices, with blanks between them or not. Other characters only part them, as in model-compose."""
        text, path = self.text, list[Segment]()
        at = self._next_step(at)
        if not text.startswith((".", "["), at):
            return (), at
        while at < len(text) and text[at] not in "|}\\" and not text[at].isspace() and not text.startswith("${", at):
            if match := tokens.KEY.match(text, at):
                path.append(match[0])
            elif match := tokens.INDEX.match(text, at):
                path.append(_index(match))
            elif match := tokens.QUOTED_KEY.match(text, at):
                path.append(match["double"] if match["double"] is not None else match["single"])
            at = self._next_step(match.end() if match else self._behind_dot(at))
        return tuple(path), at

    def _next_step(self, at: int) -> int:
        """The `.` or `[` behind blanks on this line; where none follows, `at` itself."""
        after = self._skip(at, tokens.GAP)
        return after if self.text.startswith((".", "["), after) else at

    def _behind_dot(self, at: int) -> int:
        """Behind a character that only parts steps; of a `.` also behind the blanks before a key that is no `as`."""
        after = self._skip(at + 1, tokens.GAP)
        is_key = after > at + 1 and tokens.KEY.match(self.text, after) and not tokens.AS.match(self.text, after)
        return after if self.text[at] == "." and is_key else at + 1

    def _attributes(self, at: int, depth: int) -> tuple[Attributes, int]:
        """`[name=value, …]`, if that is what follows."""
        pairs, parts, text = list[tuple[str, Template]](), Parts(), self.text
        if not text.startswith("[", at):
            return (), at
        at += 1
        while True:
            match = tokens.ATTRIBUTE_STOP.search(text, at)
            if match is None:
                raise _Unclosed
            parts.add(text[at : match.start()])
            at = match.end()
            if match[0] == "$":
                at = self._nested(parts, at, depth)
                continue
            if pair := parts.pair():
                pairs.append(pair)
            parts = Parts()
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
        text, parts = self.text, Parts()
        stop = tokens.QUOTED_STOP[quote]
        while match := stop.search(text, at):
            parts.add(text[at : match.start()])
            at, found = match.end(), match[0]
            if found == quote:
                after = self._skip(at)
                return (Template(parts.all()), after) if text.startswith(("}", "@("), after) else None
            if found == "\\":
                following = text[at : at + 1]
                escape = following and (following in tokens.ESCAPED or following in (quote, "\\"))
                parts.add(following if escape else "\\")
                at += 1 if escape else 0
            else:
                at = self._nested(parts, at, depth)
        return None

    def _plain_default(self, at: int, depth: int) -> tuple[Template, int]:
        text, parts, braces = self.text, Parts(), 0
        while match := tokens.DEFAULT_STOP.search(text, at):
            parts.add(text[at : match.start()])
            at, found = match.end(), match[0]
            if found == "}" and not braces:
                at -= 1
                break
            if found == "@" and not braces and self._annotation(at - 1)[0] is not None:
                at -= 1
                break
            if found == "\\" and text[at : at + 1] in tokens.ESCAPED and at < len(text):
                parts.add(text[at])
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

    def _nested(self, parts: Parts, at: int, depth: int) -> int:
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


def _check_slider(written: str) -> None:
    """ExpressionError where `low,high,step` are no numbers, or no range."""
    try:
        numbers = [float(part) for part in written.split(",") if part.strip()]
    except ValueError:
        numbers = [math.nan]
    finite = len(numbers) <= 3 and all(map(math.isfinite, numbers))
    if not finite or (len(numbers) > 1 and numbers[0] >= numbers[1]) or not all(step > 0 for step in numbers[2:]):
        raise ExpressionError(
            f"`slider/{written[:40]}` is no range", fix="say the least, the largest and the step: slider/0,2,0.1"
        )


def _index(match: re.Match[str]) -> Segment:
    if match["star"]:
        return Star()
    if match["index"]:
        return int(match["index"])
    return Slice(*(int(match[name]) if match[name] else None for name in ("start", "stop")))
