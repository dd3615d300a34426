"""What is nearly an expression: a `${` that cannot be read, a source of another name, signs of other languages."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from mc_jupyter.language.expressions.template import Reference
from mc_jupyter.words import did_you_mean

_BEGUN = re.compile(r"\$\{\s*(?P<path>[A-Za-z_][\w.\[\]\"'*:-]*)\s*(?P<rest>[^}]*)\}")
_ELSEWHERE = re.compile(
    r"\{\{\s*(?P<braces>input[\w.\[\]]{0,80})[^{}\r\n]{0,80}\}\}|\$\((?P<round>input[\w.\[\]]*)\)|(?<!\$)[%#]?\{(?P<single>input\.[\w.\[\]]+)\}"
    r"|\$(?P<bare>input\.[\w.\[\]]*\w)|[\uff04$][\uff5b{]\s*(?P<wide>input[\w.\uff0e]*)\s*[\uff5d}]"
)
_LETTERS = "\\${ writes the letters"
_LONGEST = 80


def why_unread(text: str) -> tuple[str, str]:
    """Why the `${` that a text begins with is no expression, and the way out."""
    begun = _BEGUN.match(text)
    if "}" not in text:
        return "${ begins no expression here: it is not closed", f"{text[:_LONGEST].strip()}}}, or {_LETTERS}"
    if begun is None:
        return "${ begins no expression here", f"${{input.NAME}} is an input; {_LETTERS}"
    rest, path = begun["rest"].strip(), begun["path"].rstrip(",")
    default = re.sub(r"^(?:,|\?\?|\?:|:-|:|or\b|else\b|default\b)\s*", "", rest)
    fix = f"${{{path} | {default[:_LONGEST]}}} gives a default, ${{{path} as text}} a type"
    return f"${{ begins no expression here: {rest[:_LONGEST]!r} is no part of one", fix


def meant(reference: Reference, known: Sequence[str]) -> str | None:
    """The expression that was meant by one whose source there is not; None where that is not clear."""
    if "\uff0e" in reference.source:
        return reference.text.replace("\uff0e", ".")
    close = difflib.get_close_matches(reference.source.lower(), known, n=1, cutoff=0.75)
    if close:
        return f"did you mean {close[0]!r}? {reference.text.replace(reference.source, close[0], 1)}"
    if "input" in known and not reference.path and not reference.stream:
        return f"an input is {reference.text.replace(reference.source, f'input.{reference.source}', 1)}"
    return did_you_mean(reference.source, known)


def doubled(reference: Reference) -> str | None:
    """What to know of `${input.a || b}`, whose default is `| b`; None of others."""
    first = reference.default.parts[0] if reference.default and reference.default.parts else None
    if not isinstance(first, str) or not first.startswith("|"):
        return None
    return f"the default in {reference.text} is {first!r}: a single | gives one"


def of_another_language(text: str) -> tuple[str, str] | None:
    """A sign of another language that names an input, and our expression: `{{ input.text }}` and `${input.text}`.

    None where there is none.
    """
    found = _ELSEWHERE.search(text)
    if found is None or found[0].startswith("${"):
        return None
    name = next(name for name in found.groups() if name).replace("\uff0e", ".")
    return found[0], f"${{{name}}}"
