"""PyYAML's complaints in one line each, at their place, with a way out where the cause is a common one."""

from __future__ import annotations

from typing import Any

from mc_jupyter.errors import Problem
from mc_jupyter.language.cell.masking import Masked
from mc_jupyter.language.cell.spans import Source, span_of


def of_syntax(error: Any, source: Source, masked: Masked) -> Problem:
    """What a `yaml.MarkedYAMLError` says."""
    mark = error.problem_mark or error.context_mark
    at = min(mark.index, len(source.text))
    message, fix = _reworded(error, source.text, at)
    if error.context_mark and "unterminated" in message:
        at = error.context_mark.index
    return Problem(masked.restore(message), span_of(source, at, at + 1).place(), fix)


def of_character(error: Any, source: Source) -> Problem:
    """What a `yaml.reader.ReaderError` says: a character that YAML does not allow."""
    at = error.position if isinstance(error.position, int) else 0
    code = ord(source.text[at]) if at < len(source.text) else 0
    fix = f'in double quotes it can be written "\\u{code:04x}"' if code < 0x10000 else None
    return Problem(f"the character U+{code:04X} may not stand in YAML", span_of(source, at, at + 1).place(), fix)


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
