"""Characters that look like YAML's own and are letters to it: no-break spaces, full-width colons, typographic quotes.

They come with text that was copied from a page, a chat or a word processor, and from keyboards that write Chinese,
Japanese or French. Where YAML would want its own they are told by name; inside a text they are letters like any other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mc_jupyter.errors import Problem

_BLANKS = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_UNSEEN = "\u00ad\u200b-\u200d\u2060\ufeff"
_COLONS = "\uff1a\ufe55\ufe13\u2236\ua789"
_COMMAS = "\uff0c\ufe50\u3001\u060c"
_DASHES = "\u2010-\u2015\u2022\u2212\uff0d"
_DOUBLE = "\u201c-\u201f\u00ab\u00bb\u2033\uff02"
_SINGLE = "\u2018-\u201b\u2039\u203a\u2032\uff07"

_PLAIN = ((_BLANKS, " "), (_UNSEEN, ""), (_COLONS, ":"), (_COMMAS, ","), (_DASHES, "-"), (_DOUBLE, '"'), (_SINGLE, "'"))
_CLASSES = tuple((re.compile(f"[{letters}]"), plain) for letters, plain in _PLAIN)

_LEAD = re.compile(rf"[ \t{_BLANKS}{_UNSEEN}]*")
_ODD_BLANK = re.compile(rf"[{_BLANKS}{_UNSEEN}]")
_DASH = re.compile(rf"[{_DASHES}](?=[ {_BLANKS}])")
_COLON = re.compile(rf"(?:- +)*[\"']?[\w.-]+[\"']? *([{_COLONS}])")
_BEHIND = re.compile(rf"(?:- +)*[\"']?[\w.-]+[\"']?(?:([{_BLANKS}{_UNSEEN}])|:[ \t]*([{_BLANKS}{_UNSEEN}]))")
_QUOTE = re.compile(rf"(?:- +)*(?:[\w.-]+: +)?[\[{{]?([{_DOUBLE}{_SINGLE}])")
_WRAPPED = re.compile(rf"\s*[{_DOUBLE}{_SINGLE}].*[{_DOUBLE}{_SINGLE}]\s*", re.DOTALL)
_AROUND = re.compile(rf"^[{_DOUBLE}{_SINGLE}{_BLANKS}{_UNSEEN}]|[{_BLANKS}{_UNSEEN}]$")
_IN_FLOW = re.compile(rf"[{_COMMAS}{_COLONS}]")


@dataclass(frozen=True, slots=True)
class Lookalike:
    """One of these characters, at its place in a line, and the line as YAML would read it."""

    at: int
    char: str
    mended: str

    @property
    def problem(self) -> Problem:
        """What is wrong with it, without a place."""
        return Problem(f"{named(self.char)} stands here, {_instead(self.char)}", fix=self.mended.strip())


def in_line(line: str, *, flow: bool = False) -> Lookalike | None:
    """The first that stands where YAML reads its own signs: in the indentation, around a key, before a value.

    With `flow` the line holds `{…}` or `[…]`, whose commas count too.
    """
    lead = _LEAD.match(line)
    start = lead.end() if lead else 0
    if found := _ODD_BLANK.search(line, 0, start):
        return _of(line, found.start())
    for pattern, group in ((_DASH, 0), (_COLON, 1), (_BEHIND, None), (_QUOTE, 1)):
        if match := pattern.match(line, start):
            return _of(line, match.start(match.lastindex or 0 if group is None else group))
    if flow and (found := _IN_FLOW.search(line, start)):
        return _of(line, found.start())
    return None


def quoting(text: str) -> Lookalike | None:
    """The typographic quote that a text begins with, where it ends with one too."""
    return _of(text, len(text) - len(text.lstrip())) if _WRAPPED.fullmatch(text) else None


def around(name: str) -> Lookalike | None:
    """What was copied along with a name: typographic quotes before it, blanks and unseen characters at either end."""
    found = _AROUND.search(name)
    return _of(name, found.start()) if found else None


def at_its_ends(text: str) -> Lookalike | None:
    """One that a piece of text begins or ends with."""
    for at in (0, len(text) - 1) if text else ():
        if any(pattern.match(text[at]) for pattern, _ in _CLASSES):
            return _of(text, at)
    return None


def explained(problem: Problem) -> Problem:
    """A problem whose place begins or ends with such a character, with that as its way out."""
    if problem.place is None:
        return problem
    start = problem.place.column - 1
    found = at_its_ends(problem.place.text[start : start + problem.place.length])
    if found is None:
        return problem
    return replace(
        problem, fix=f"write {found.mended.strip()}: {named(found.char)} stands there, {_letter(found.char)}"
    )


def named(char: str) -> str:
    """What a character is called, with its article: `a no-break space (U+00A0)`."""
    name = unicodedata.name(char, "character").lower().replace("fullwidth", "full-width")
    if char == "\ufeff":
        name = "byte order mark"
    return f"{'an' if name[0] in 'aeio' else 'a'} {name} (U+{ord(char):04X})"


def _of(line: str, at: int) -> Lookalike:
    return Lookalike(at, line[at], _mended(line, at))


def _mended(line: str, at: int) -> str:
    """The line with this character, and others of its kind, as YAML's own."""
    pattern, plain = next(one for one in _CLASSES if one[0].match(line[at]))
    if plain == ":":
        return f"{line[:at].rstrip()}: {line[at + 1 :].lstrip()}".rstrip()
    mended = pattern.sub(plain, line)
    return mended if plain.strip() else "".join(_without_blanks(mended))


def _without_blanks(line: str) -> Iterator[str]:
    """The line with what blanks and unseen characters remain as YAML's own."""
    for char in line:
        yield next((plain for pattern, plain in _CLASSES[:2] if pattern.match(char)), char)


def _instead(char: str) -> str:
    plain = next(plain for pattern, plain in _CLASSES if pattern.match(char))
    if not plain.strip():
        return _letter(char)
    return f"and YAML knows only a plain {plain}"


def _letter(char: str) -> str:
    unseen = "unseen, " if _CLASSES[1][0].match(char) else ""
    return f"{unseen}which YAML takes for a letter"
