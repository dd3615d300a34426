"""How numbers and lists are put into words: sizes, times, and the nearest known word to a mistyped one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

DEFAULT = "__default__"
"""The name of what is meant where none is named: a component, an action."""

UNNAMED = "__component__"
"""The id of a component that is given none."""


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The nearest known word as a hint, or None. `lenght` gives "did you mean 'length'?"."""
    known = list(known)
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else None


def hinted(message: str, word: str, known: Iterable[str]) -> str:
    """The message about an unknown word, and after it the nearest known one.

    >>> hinted("no task 'text-clasification'", "text-clasification", ["text-classification"])
    "no task 'text-clasification'; did you mean 'text-classification'?"
    """
    hint = did_you_mean(word, known)
    return f"{message}; {hint}" if hint else message


def listing(words: Sequence[str], conjunction: str = "or") -> str:
    """`a, b or c`, for messages."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"


# But for tabs and line ends; half of a pair, too, which no output can be encoded with.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# Of Unicode's "format" characters those that join letters in Persian and in pictures stay (U+200C, U+200D).
_FORMATS = re.compile(
    "[\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    r"""The text with its control characters as signs: none of it steers a terminal, or what reads its colours.

    >>> visible("red \x1b[31m\r\nnext\tline\x9b")
    'red ␛[31m\nnext\tline‹U+009B›'
    """
    return _CONTROLS.sub(_sign, text.replace("\r\n", "\n"))


def in_order(text: str) -> str:
    r"""The same, and nothing in it reorders letters or hides: for what somebody decides by.

    >>> in_order("https://hub.example/\u202egpj.exe")
    'https://hub.example/‹U+202E›gpj.exe'
    """
    return _FORMATS.sub(_sign, visible(text))


def _sign(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else f"‹U+{code:04X}›"


def seconds(value: float) -> str:
    """A time: `0.32 ms`, `4 ms`, `45 ms`, `0.4 s`, `12 s`, `3 min`, `1.5 h`.

    >>> [seconds(v) for v in (0.00032, 0.004, 0.0996, 0.4, 12, 89.6, 4000, 5400)]
    ['0.32 ms', '4 ms', '0.1 s', '0.4 s', '12 s', '90 s', '67 min', '1.5 h']
    """
    if value < 0.0095:
        return f"{value * 1000:.2g} ms"
    if value < 0.0995:
        return f"{value * 1000:.0f} ms"
    if value < 9.95:
        return f"{value:.2g} s"
    if value < 90:
        return f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 5400 else f"{value / 3600:.1f} h"


def format_bytes(count: int | float) -> str:
    """`1.2 GB`, in powers of ten as the hub shows sizes."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size) < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or abs(size) >= 99.95 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def parse_bytes(written: str | float) -> float:
    """Bytes from a number, or from `8 GB`, `1.5GiB`, `500 MB`. ValueError where it is no size.

    >>> parse_bytes("1.5 GB")
    1500000000.0
    """
    if isinstance(written, int | float) and not isinstance(written, bool) and written >= 0:
        return float(written)
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMGT]?)(i?)B?", str(written).strip(), re.IGNORECASE)
    if found is None:
        raise ValueError(f"{written!r} is no size in bytes: write 8 GB")
    base = 1024 if found[3] else 1000
    return float(found[1]) * float(base ** " KMGT".index(found[2].upper() or " "))
