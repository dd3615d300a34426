"""The tokens of `${…}`: what each piece of a reference looks like, and a search that never looks twice."""

from __future__ import annotations

import re

SOURCE = re.compile(r"[A-Za-z_][^\s.\[\]{}()|@$\\\"';]*")
KEY = re.compile(r"[-\w]+")
INDEX = re.compile(r"\[ *(?:(?P<star>\*)|(?P<index>-?\d{1,18})|(?P<start>-?\d{1,18})? *: *(?P<stop>-?\d{1,18})?) *\]")
QUOTED_KEY = re.compile(r"""\[ *(?:"(?P<double>[^"\]\[$}]*)"|'(?P<single>[^'\]\[$}]*)') *\]""")
STREAM = re.compile(r" *\[ *\]")
AS = re.compile(r"as\s+(?P<type>[^\s/;\[\]{}|@$]+)(?P<list>\[\])?(?:/(?P<subtype>[^\s;\[{}|$]+))?")
FORMAT = re.compile(r"; *([^\s{}|@$]+)")
BLANKS = re.compile(r"\s*")
GAP = re.compile(r"[^\S\r\n]*")
ANNOTATION_END = re.compile(r"\)\s*(?=\}|@\()")
DEFAULT_STOP = re.compile(r"[\\${}@]")
QUOTED_STOP = {quote: re.compile(rf"[\\${quote}]") for quote in "\"'"}
ESCAPED = frozenset("$@{}")
OPENING = re.compile(r"\$\{")
ATTRIBUTE_STOP = re.compile(r"[\],$]")


class Finder:
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
