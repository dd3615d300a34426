"""PyYAML's complaints said at the line that was mistyped, with the line to paste.

YAML often stumbles over the line below: a plain text goes on over several lines, so a key without its colon is taken
for one, until the next colon cannot be there. So each complaint is looked at together with the lines above it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from mc_jupyter.errors import Problem, quoted
from mc_jupyter.language.cell import lookalikes
from mc_jupyter.language.cell.lines import Line, before, in_quotes, line_at
from mc_jupyter.language.cell.masking import Masked
from mc_jupyter.language.cell.spans import Source, span_of

_DRIVE = re.compile(r"[A-Za-z]:\\|\\\\\w")
_CALL = re.compile(r"[A-Za-z_][\w.]*\(.*\)\s*;?$|(?:import|from|def|print)\b")
_BLOCK = re.compile(r"[|>][-+\d]*")
_FORM = re.compile(r"[|&*]:(?=\s|$)")
_MOST = 20  # lines without a colon that are told
_LONGEST = 300  # letters of a line that is given back mended


def of_syntax(error: Any, source: Source, masked: Masked) -> list[Problem]:
    """What a `yaml.MarkedYAMLError` says: one problem for each line that is to blame."""
    fault = _Fault(error, source, masked)
    return fault.lookalike() or fault.reworded()


def of_character(error: Any, source: Source) -> Problem:
    """What a `yaml.reader.ReaderError` says: a character that YAML does not allow."""
    at = error.position if isinstance(error.position, int) else 0
    code = ord(source.text[at]) if at < len(source.text) else 0
    fix = f'in double quotes it can be written "\\u{code:04x}"' if code < 0x10000 else None
    return Problem(f"the character U+{code:04X} may not stand in YAML", span_of(source, at, at + 1).place(), fix)


def windows_path(raw: str) -> Problem | None:
    """What is wrong with a Windows path in double quotes, where `\\` begins an escape: `"C:\\new"`. None of others."""
    inner = raw.strip('"')
    if not _DRIVE.match(inner) or "\\" not in inner.replace("\\\\", "").removeprefix("\\\\"):
        return None
    fix = f"{in_quotes(raw)}, or with / in place of \\"
    return Problem("a Windows path in double quotes: there \\ begins an escape, such as \\n for a new line", fix=fix)


@dataclass(frozen=True, slots=True)
class _Said:
    """What is wrong, where in the text (`at` up to `end`), and what to paste."""

    message: str
    at: int
    fix: str | None = None
    length: int = 1


class _Fault:
    """One complaint, with the lines around it."""

    def __init__(self, error: Any, source: Source, masked: Masked):
        self.source, self.masked = source, masked
        self.problem, self.context = str(error.problem or ""), str(error.context or "")
        self.at = self._offset(error.problem_mark or error.context_mark)
        self.began = self._offset(error.context_mark) if error.context_mark else None
        self.line = self._line(self.at)

    def _offset(self, mark: Any) -> int:
        index: int = mark.index
        return min(index, len(self.source.text))

    def _line(self, at: int) -> Line:
        return line_at(self.source.text, self.masked.text, at)

    def above(self) -> list[Line]:
        return before(self.source.text, self.masked.text, self.line)

    def told(self, said: _Said) -> Problem:
        message = self.masked.restore(said.message)
        fix = quoted(said.fix) if said.fix and len(said.fix) > _LONGEST else said.fix
        return Problem(message, span_of(self.source, said.at, said.at + said.length).place(), fix)

    # --- characters ---------------------------------------------------------------------------------------------------

    def lookalike(self) -> list[Problem]:
        """A character that looks like YAML's own, on a line that has to do with the fault."""
        suspects = [self.line, *self.above()[:1]]
        if self.began is not None:
            suspects.append(self._line(self.began))
        for line in sorted({one.start: one for one in suspects}.values(), key=lambda one: one.start):
            found = lookalikes.in_line(line.text, flow="flow" in self.context)
            if found is not None:
                place = span_of(self.source, line.start + found.at, line.start + found.at + 1).place()
                return [replace(found.problem, place=place)]
        return []

    # --- complaints ---------------------------------------------------------------------------------------------------

    def reworded(self) -> list[Problem]:
        """The complaint in one line; where the cause is a common one, at its place and with a way out."""
        if _FORM.match(self.line.text, self.line.first):
            sign, rest = self.line.text[self.line.first], self.line.text[self.line.first + 1 :].rstrip()
            message = f"the key {sign} stands in quotes: YAML has a use of its own for the sign"
            return [self.told(_Said(message, self.line.start + self.line.first, f'"{sign}"{rest}'))]
        for signs, explain in _EXPLAINED:
            if all(sign in f"{self.context}, {self.problem}" for sign in signs) and (said := list(explain(self))):
                return [self.told(one) for one in said]
        said_by_yaml = ", ".join(part for part in (self.context, self.problem) if part)
        return [self.told(_Said(f"this is not YAML: {said_by_yaml}", self.at))]

    def tab(self) -> Iterator[_Said]:
        line = self.line
        if self.source.text[self.at : self.at + 1] == "\t":
            if self.at < line.start + len(line.text) - len(line.text.lstrip()):
                yield _Said("a tab cannot indent YAML: use spaces", self.at, line.text.expandtabs(2).rstrip())
            else:
                message = "a tab stands here, where YAML takes spaces alone"
                yield _Said(message, self.at, line.text.strip().replace("\t", " "))

    def beginning(self) -> Iterator[_Said]:
        char = self.source.text[self.at : self.at + 1]
        if self.line.text.lstrip().startswith("```"):
            yield _Said("``` is Markdown's and not YAML's", self.at, "take out the lines with ```")
        else:
            yield _Said(
                f"{char!r} cannot begin a value", self.at, f"put quotes around the text: {self.line.with_quotes()}"
            )

    def unterminated(self) -> Iterator[_Said]:
        if "end of stream" in self.problem or "document separator" in self.problem:
            fix = "close them, or use `|` for text of many lines"
            yield _Said("unterminated quotes: they open here and never close", self.began or 0, fix)

    def escape(self) -> Iterator[_Said]:
        line, start = self._line(self.began or self.at), self.began or self.at
        closing = line.text.find('"', start - line.start + 1)
        raw = line.text[start - line.start : closing + 1] if closing > 0 else line.text[start - line.start :]
        if (path := windows_path(raw)) is not None:
            yield _Said(path.message, start, path.fix, len(raw))
            return
        letters = self.source.text[self.at - 1 : self.at + 1]
        fix = f"{in_quotes(raw)}, where \\ is a letter; or {raw.replace(letters, chr(92) + letters)}"
        yield _Said(f"{letters} is no escape: in double quotes \\ begins one", self.at - 1, fix, 2)

    def second_colon(self) -> Iterator[_Said]:
        line, key = self.line, self.line.key
        if key is not None and line.start + key.end() <= self.at:
            fix = f"put quotes around the text: {line.with_quotes()}; or begin a new line"
            if starter := re.fullmatch(r"starter:\s+(\S+)", line.value):
                fix = f"{line.text[: line.value_at].strip()} starter:{starter[1]}, without a blank"
            yield _Said("a second `: ` in one value", self.at, fix)
            return
        keyless = self.keyless()
        if keyless:
            for one in keyless:
                yield _no_colon(one)
        elif above := self.above():
            yield self.askew(above)

    def keyless(self) -> list[Line]:
        """The lines directly above without a key: the text that this one is taken to go on. The first one first."""
        found: list[Line] = []
        for one in self.above():
            if one.key is not None or (found and one.indent != found[0].indent) or len(found) == _MOST:
                break
            found.append(one)
        return found[::-1]

    def askew(self, above: list[Line]) -> _Said:
        """This line and the one above differ in indentation, though that one has a value: which of them is it?"""
        last, line = above[0], self.line
        brothers = any(one.indent == line.indent for one in above[1:])
        if brothers and last.indent < line.indent:
            name = last.key["key"] if last.key else last.text.strip()
            message = f"{name}: is not indented like the lines around it"
            return _Said(message, last.start + last.first, last.indented(line.indent), max(1, len(name)))
        message = "this line is indented deeper than the one above it, which has a value already"
        return _Said(message, line.start + line.first, line.indented(last.indent), max(1, len(line.text.strip())))

    def no_colon(self) -> Iterator[_Said]:
        line = self._line(self.began if self.began is not None else self.at)
        above = before(self.source.text, self.masked.text, line)
        if above and _BLOCK.fullmatch(above[0].value):
            message = f"the text of `{above[0].value[0]}` is indented further than its key"
            yield _Said(message, line.start + line.first, line.indented(above[0].indent + 2), len(line.text.strip()))
        else:
            yield _no_colon(line)

    def block_end(self) -> Iterator[_Said]:
        line = self.line
        if self.at > line.start + line.first:
            yield self.behind_a_value()
        elif "found '-'" in self.problem or "block entry" in self.problem:
            yield _Said("a dash begins a list here, and beside it stand keys", self.at, "indent the list under its key")
        else:
            brother = next((one.indent for one in self.above() if one.indent > line.indent), line.indent)
            message, length = "this line is not indented like the ones before it", max(1, len(line.text.strip()))
            fix = line.indented(brother)
            yield _Said(message, line.start + line.first, fix, length)

    def behind_a_value(self) -> _Said:
        """A value ends, and more stands behind it: quotes that close in the middle, `[INST] …`, or quotes left open."""
        line, value = self.line, self.line.value
        if (closing := self.source.text[self.at : self.at + 1]) in ("]", "}"):
            fix = f"{line.text[: self.at - line.start]}{line.text[self.at - line.start + 1 :]}".strip()
            return _Said(f"this `{closing}` closes nothing", self.at, fix)
        if value[:1] in ("[", "{"):
            what = "list" if value[0] == "[" else "mapping"
            message = f"a value that begins with {value[0]} is a {what}, and text stands behind its end"
            return _Said(message, self.at, f"put quotes around the text: {self.line.with_quotes()}")
        opens = value_quote(line) and self.at > line.start + line.value_at + 1
        if not opens and (opened := self.left_open()) is not None:
            at = opened.start + opened.value_at
            return _Said(
                "the quotes that open here do not close on their line",
                at,
                f"{opened.text.strip()}{value_quote(opened)}",
            )
        message = "the quotes close before this, and text stands behind them"
        return _Said(message, self.at, f"put the other kind around the whole: {self.line.with_quotes()}")

    def left_open(self) -> Line | None:
        """The nearest line above whose value opens quotes and does not close them."""
        return next((one for one in self.above() if (quote := value_quote(one)) and one.value.count(quote) == 1), None)

    def inline_list(self) -> Iterator[_Said]:
        if self.line.key is not None and self.line.value.startswith("- "):
            head, items = self.line.text[: self.line.value_at].strip(), self.line.value[2:].split(" - ")
            fix = f"{head} [{', '.join(item.strip() for item in items)}]"
            yield _Said("a list with dashes begins on the next line", self.at, fix)

    def in_a_list(self) -> Iterator[_Said]:
        line = self.line
        fix = f"- {line.text.strip()}, or align it with the keys it belongs to"
        yield _Said("this line stands in a list and has no dash", line.start + line.first, fix)

    def flow(self) -> Iterator[_Said]:
        closing = "}" if "mapping" in self.context else "]"
        opened = self._line(self.began if self.began is not None else self.at)
        if self.began is not None and ("stream end" in self.problem or opened.start != self.line.start):
            opening = self.source.text[self.began]
            message = f"a `,` or the closing `{closing}` is missing: the `{opening}` that opens here is not closed"
            yield _Said(message, self.began, f"{opened.text.strip()}{closing}")
        else:
            yield _Said(f"a `,` or the closing `{closing}` is missing", self.at, self.comma())

    def comma(self) -> str | None:
        """The line with a comma before the key that lacks one, `{a: 1 b: 2}`, or closed before what closes another."""
        head, tail = self.line.text[: self.at - self.line.start], self.line.text[self.at - self.line.start :]
        if tail[:1] in ("}", "]"):
            return f"{head}{'}' if 'mapping' in self.context else ']'}{tail}".strip()
        return f"{match[1]}, {match[2]}{tail}".strip() if (match := re.fullmatch(r"(.*\S) +(\S+)", head)) else None

    def alias(self) -> Iterator[_Said]:
        sign = "&" if "anchor" in self.context else "*"
        fix = f"put quotes around the text: {self.line.with_quotes()}"
        yield _Said(f"a value that begins with {sign} names an anchor", self.at, fix)

    def block_scalar(self) -> Iterator[_Said]:
        line, sign = self.line, self.line.value[:1]
        begun = f"{line.text[: line.value_at].strip()} {sign}"
        fix = f"{begun}\n        {line.value[1:].strip()}\n      or in quotes: {line.with_quotes()}"
        yield _Said(f"the text of `{sign}` begins on the next line, indented", self.at, fix)


def value_quote(line: Line) -> str:
    """The quote that a line's value begins with, or nothing."""
    return line.value[:1] if line.value[:1] in ("'", '"') else ""


def _no_colon(line: Line) -> _Said:
    """The line whose key lacks its colon, or that is no YAML at all."""
    body, at = line.text[line.first :].rstrip(), line.start + line.first
    length = max(1, len(body))
    if body.startswith("//"):
        return _Said("a comment begins with #", at, f"# {body[2:].strip()}", length)
    if _CALL.match(body):
        return _Said("this line is Python, and not YAML", at, "put it in a cell of its own", length)
    mended = line.with_colon()
    if mended is None:
        fix = "write `key: value`, or indent the line as part of the one above"
        return _Said("this line has no `: ` after its key", at, fix, length)
    word = mended.partition(":")[0]
    behind = body[len(word) :].lstrip()
    lacks = {":": "a blank is missing behind the colon", "=": f"{word} is set with a colon, not with ="}
    message = lacks.get(behind[:1], f"a colon is missing behind {word}")
    fix = (
        mended if behind[:1] in lacks or not behind.count(" ") else f"{mended}, or indent it as part of the text above"
    )
    return _Said(message, at, fix, length)


_EXPLAINED: tuple[tuple[tuple[str, ...], Callable[[_Fault], Iterator[_Said]]], ...] = (
    (("cannot start any token", "\\t"), _Fault.tab),
    (("cannot start any token",), _Fault.beginning),
    (("quoted scalar", "found unexpected"), _Fault.unterminated),
    (("double-quoted scalar", "escape"), _Fault.escape),
    (("mapping values are not allowed",), _Fault.second_colon),
    (("could not find expected ':'",), _Fault.no_colon),
    (("block collection", "expected <block end>"), _Fault.in_a_list),
    (("expected <block end>",), _Fault.block_end),
    (("flow", "expected ',' or"), _Fault.flow),
    (("sequence entries are not allowed",), _Fault.inline_list),
    (("scanning an alias",), _Fault.alias),
    (("scanning an anchor",), _Fault.alias),
    (("block scalar", "expected a comment"), _Fault.block_scalar),
)
"""Complaints by the words that mark them. One that explains nothing leaves it to the next."""
