"""The lines of a cell as YAML sees them: how far each is indented, its key, and what stands behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mc_jupyter.values.scalars import double_quoted

_LINE = re.compile(r"[^\r\n]*")
_DASHES = re.compile(r"(?:- +)*")
# A key ends at the first colon with a blank behind it; the colons before that are its own.
_KEY = re.compile(r"(?P<key>\"[^\"]*\"|'[^']*'|[^\s#\"'\[{](?:[^:]|:(?=\S))*):(?=\s|$)")
_WORD = re.compile(r"(?P<word>\w[\w.-]*)(?P<sign> *= *|:(?!//)|\s+|$)(?P<rest>.*)")


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `start` is its offset in the text, `masked` the same line with its expressions hidden."""

    start: int
    text: str
    masked: str

    @property
    def indent(self) -> int:
        return len(self.text) - len(self.text.lstrip(" "))

    @property
    def first(self) -> int:
        """Where its content begins, behind indentation and dashes."""
        match = _DASHES.match(self.masked, self.indent)
        return match.end() if match else self.indent

    @property
    def says_something(self) -> bool:
        body = self.text.lstrip()
        return bool(body) and not body.startswith("#")

    @property
    def key(self) -> re.Match[str] | None:
        """The key with its colon, where the line has one."""
        return _KEY.match(self.masked, self.first)

    @property
    def value_at(self) -> int:
        """Where its value begins: behind the key, or the dashes."""
        at = found.end() if (found := self.key) else self.first
        return at + len(self.text[at:]) - len(self.text[at:].lstrip())

    @property
    def value(self) -> str:
        """What stands behind the key, up to a comment."""
        behind = self.text[self.value_at :]
        return re.split(r"\s+#", behind, maxsplit=1)[0].rstrip()

    def with_colon(self) -> str | None:
        """The line with the colon that it lacks: of `task text-generation`, `model=x` or `model:x`. None of prose."""
        match = _WORD.match(self.text, self.first)
        if match is None or (match["sign"] == ":" and match["rest"].startswith("\\")):
            return None
        return f"{match['word']}: {match['rest'].strip()}".rstrip()

    def with_quotes(self) -> str:
        """The line with quotes around its whole value."""
        return f"{self.text[: self.value_at].strip()} {in_quotes(self.value)}".strip()

    def indented(self, by: int) -> str:
        """The line at another indentation."""
        return " " * by + self.text.strip()


def line_at(text: str, masked: str, offset: int) -> Line:
    """The line that an offset lies in."""
    start = max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1
    found = _LINE.match(text, start)
    end = found.end() if found else len(text)
    return Line(start, text[start:end], masked[start:end])


def before(text: str, masked: str, line: Line) -> list[Line]:
    """The lines with something to say above a line, the nearest first; at most a thousand."""
    found: list[Line] = []
    at = line.start
    while at > 0 and len(found) < 1000:
        above = line_at(text, masked, at - 1)
        at = above.start
        if above.says_something:
            found.append(above)
    return found


def in_quotes(value: str) -> str:
    """A value as it was meant, in the quotes that do not stand in it; of quotes around it one pair goes."""
    inner = value
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" and (value[0] in value[1:-1] or "\\" in value):
        inner = value[1:-1]
    if '"' not in inner and "\\" not in inner:
        return f'"{inner}"'
    return f"'{inner}'" if "'" not in inner else double_quoted(inner)
