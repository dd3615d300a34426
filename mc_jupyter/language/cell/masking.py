"""`${…}` hidden from YAML: what it would take as its own inside an expression, replaced character for character.

The masked text is as long as the text, so that every offset holds in both. In the place of each special character
stands a private-use one that the text does not hold itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_SPECIAL = "{}[],:#&*!|>%@`"
_BRACE = re.compile(r"\\.|\$\{|[{}\r\n]")
_ESCAPED_CODE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")


@dataclass(frozen=True, slots=True)
class Masked:
    text: str
    back: Mapping[int, str]

    def restore(self, text: str) -> str:
        return text.translate(self.back) if self.back else text


def mask(text: str) -> Masked:
    """The text with what YAML would take as its own inside `${…}` replaced, character for character."""
    regions = list(_regions(text))
    if not regions:
        return Masked(text, {})
    first = _free_block(text)
    masks = {ord(char): chr(first + number) for number, char in enumerate(_SPECIAL)}
    pieces, at = [], 0
    for start, end in regions:
        pieces += [text[at:start], text[start:end].translate(masks)]
        at = end
    pieces.append(text[at:])
    return Masked("".join(pieces), {ord(mask): chr(char) for char, mask in masks.items()})


def _regions(text: str) -> Iterator[tuple[int, int]]:
    """Each `${…}` that closes on its own line, braces inside it balanced."""
    at = text.find("${")
    while at >= 0:
        end = _closing(text, at + 2)
        if text[end - 1 : end] == "}":
            yield at, end
        at = text.find("${", end)


def _closing(text: str, at: int) -> int:
    """Behind the `}` that closes, or where the line ends without one."""
    depth = 1
    for match in _BRACE.finditer(text, at):
        if match[0] in ("{", "${"):
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if not depth:
                return match.end()
        elif match[0] in "\r\n":
            return match.end()
    return len(text) + 1


def _free_block(text: str) -> int:
    """Sixteen private-use code points that the text does not hold, not even as an escape."""
    used = {ord(char) >> 4 for char in set(text) if "\ue000" <= char <= "\uf8ff" or char >= "\U000f0000"}
    used |= {int(match[1] or match[2], 16) >> 4 for match in _ESCAPED_CODE.finditer(text)}
    blocks = [*range(0xE000 >> 4, 0xF900 >> 4), *range(0xF0000 >> 4, 0xFFFF0 >> 4)]
    block: int = next(block for block in blocks if block not in used)
    return block << 4
