"""Changes to text, bytes and trees of JSON, each by the dice it is given: what fuzzing makes of good inputs."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import yaml

# Characters that readers of text stumble over: ends of lines that are none, marks of order, halves, width, nothing.
ODD_LETTERS = (
    "\0", "\t", "\x0b", "\x0c", "\r", "\x1b[31m", "\x7f", "\x85", "\xa0", "\xad", "\u0301", "\u200b", "\u200d",
    "\u2028", "\u2029", "\u202e", "\ufeff", "\ufffd", "\uffff", "\ud800", "\udfff", "\U0001f600", "\U000e0041", "ß", "ı", "ﷺ",
    "１", "٣", "－", "：", "“", "\\", '"', "'", "`", "$", "${", "}", "%", "{{", "}}", "<script>", "&lt;", "\n", "\r\n",
)  # fmt: skip

ODD_NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2, 255, 256, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**30, 10**4000,
    0.0, -0.0, 0.5, -0.5, 1e-320, 1e20, 1e308, float("inf"), float("-inf"), float("nan"),
)  # fmt: skip

ODD_TEXTS = (
    "", " ", "\0", ".", "..", "/", "~", "~root", "./", "../../outside/secret.txt", "/dev/zero", "/dev/stdin", "/proc/self/environ",
    "/proc/self/mem", "fifo", "C:\\Windows", "\\\\host\\share", "file:///etc/passwd", "http://169.254.169.254/", "http://[::1",
    "https://127.0.0.1:99999/x", "http://a:b@localhost/", "data:,", "data:image/png;base64,", "nul", "a" * 300, "a" * 5000, "é" * 300,
    "a/b/c/d", "--help", "-", "--", "*", "null", "true", "yes", "1e3", "0x10", "1_000", "2024-01-01", "12:30:45",
    "${input.text}", "${env.DB_PASS}", "${env.HOME}", "${", "${input.a | ${input.b}}", "${input.x as image}",
    "{{ 1 }}", "{% for i in range(9**9) %}x{% endfor %}", "!!python/name:os.system", "&a [*a]", "<<", "=", "|", ">", "? x", "%YAML 9.9",
    "(a+)+$", "(?P<x>", "[", "\\", "cuda:99", "cpu:0", "mps", "nf4", "float8", "starter:stories", "starter:", "starter:../stories",
)  # fmt: skip


def odd(dice: Random, depth: int = 0) -> Any:
    """A value that nobody expects."""
    way = dice.randrange(10 if depth < 3 else 6)
    if way < 2:
        return dice.choice(ODD_NUMBERS)
    if way < 4:
        return dice.choice(ODD_TEXTS)
    if way == 4:
        return dice.choice((None, True, False))
    if way == 5:
        return "".join(dice.choices(ODD_LETTERS, k=dice.randint(1, 4)))
    if way == 6:
        return [odd(dice, depth + 1) for _ in range(dice.randrange(4))]
    if way == 7:
        return {str(odd(dice, 3)): odd(dice, depth + 1) for _ in range(dice.randrange(4))}
    if way == 8:
        return nested(dice.choice((2, 30, 200)), dice.choice(("list", "dict")))
    return [0] * dice.choice((0, 1, 1000))


def nested(depth: int, kind: str = "list") -> Any:
    """A list in a list in a list, or mappings."""
    value: Any = 0
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


# --- trees ------------------------------------------------------------------------------------------------------------


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in it, the root's first."""
    found = [path]
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        found += places(value, (*path, key))
    return found


def mutated_tree(dice: Random, tree: Any, others: Sequence[Any] = ()) -> Any:
    """The tree with one to three of its values, keys or entries changed."""
    made = copy.deepcopy(tree)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        made = _tree_changed(dice, made, others)
    return made


def _tree_changed(dice: Random, tree: Any, others: Sequence[Any]) -> Any:
    path = dice.choice(places(tree))
    if not path:
        return odd(dice) if dice.random() < 0.1 else tree
    *way, key = path
    inside = tree
    for step in way:
        inside = inside[step]
    how = dice.randrange(8)
    if how < 3:
        inside[key] = odd(dice)
    elif how == 3:
        del inside[key]
    elif how == 4 and isinstance(inside, dict):
        inside[str(odd(dice, 3))] = inside.pop(key)
    elif how == 5:
        inside[key] = [inside[key]] if dice.random() < 0.5 else {"a": inside[key]}
    elif how == 6 and others:
        inside[key] = copy.deepcopy(dice.choice(others))
    else:
        inside[key] = _near(dice, inside[key])
    return tree


def _near(dice: Random, value: Any) -> Any:
    """A value like this one, and yet another."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return dice.choice(
            (
                value + 1,
                value - 1,
                -value,
                value * 2,
                value * 10**6,
                str(value),
                float(value) if abs(value) < 10**300 else 0,
            )
        )
    if isinstance(value, float):
        return dice.choice((-value, value * 1e6, value / 3, str(value)))
    if isinstance(value, str):
        return mutated_text(dice, value)
    if isinstance(value, list):
        return dice.choice((value * 2, value[:-1], value[::-1], {str(i): each for i, each in enumerate(value)}))
    if isinstance(value, dict):
        return list(value.items()) if dice.random() < 0.5 else list(value)
    return odd(dice)


# --- text -------------------------------------------------------------------------------------------------------------


_TOKEN = re.compile(r"\w+|[^\w\s]+|\n[ \t]*|[ \t]+")


def mutated_text(dice: Random, text: str, others: Sequence[str] = (), words: Sequence[str] = ()) -> str:
    """The text with one to four changes: letters, tokens, lines, or a piece of another text."""
    for _ in range(dice.choice((1, 1, 1, 2, 2, 3, 4))):
        text = dice.choice(_TEXT_CHANGES)(dice, text, others, words)
    return text


def _letter(dice: Random, text: str, others: Sequence[str], words: Sequence[str]) -> str:
    at = dice.randint(0, len(text))
    return text[:at] + dice.choice(ODD_LETTERS) + text[at + dice.choice((0, 0, 1)) :]


def _token(dice: Random, text: str, others: Sequence[str], words: Sequence[str]) -> str:
    """One token another one, twice, or gone."""
    found = list(_TOKEN.finditer(text))
    if not found:
        return str(odd(dice, 3))
    one = dice.choice(found)
    new = dice.choice(
        ("", one[0] * 2, dice.choice(found)[0], str(odd(dice, 3)), dice.choice(words) if words else str(odd(dice, 3)))
    )
    return text[: one.start()] + new + text[one.end() :]


def _line(dice: Random, text: str, others: Sequence[str], words: Sequence[str]) -> str:
    """One line twice, gone, elsewhere, further in, or further out."""
    lines = text.split("\n")
    at = dice.randrange(len(lines))
    how = dice.randrange(5)
    if how == 0:
        lines.insert(dice.randint(0, len(lines)), lines[at])
    elif how == 1:
        del lines[at]
    elif how == 2:
        lines.insert(dice.randrange(len(lines)), lines.pop(at))
    else:
        lines[at] = " " * dice.randint(1, 3) + lines[at] if how == 3 else lines[at][dice.randint(1, 2) :]
    return "\n".join(lines)


def _splice(dice: Random, text: str, others: Sequence[str], words: Sequence[str]) -> str:
    """A piece of another text put in, or the beginning of one and the end of the other."""
    other = dice.choice(others) if others else text
    begin, end = sorted(dice.randint(0, len(other)) for _ in range(2))
    at = dice.randint(0, len(text))
    return text[:at] + (other[begin:end] + text[at:] if dice.random() < 0.5 else other[begin:])


def _cut(dice: Random, text: str, others: Sequence[str], words: Sequence[str]) -> str:
    begin, end = sorted(dice.randint(0, len(text)) for _ in range(2))
    return text[:begin] + text[end:]


def _much(dice: Random, text: str, others: Sequence[str], words: Sequence[str]) -> str:
    """A piece of it very often."""
    begin = dice.randint(0, len(text))
    piece = text[begin : begin + dice.randint(1, 12)] or "["
    return text[:begin] + piece * dice.choice((2, 50, 1000, 5000)) + text[begin:]


_TEXT_CHANGES: tuple[Callable[[Random, str, Sequence[str], Sequence[str]], str], ...] = (
    _letter, _letter, _token, _token, _token, _line, _line, _splice, _cut, _much,
)  # fmt: skip


def mutated_yaml(dice: Random, text: str, others: Sequence[str] = ()) -> str:
    """YAML changed as a tree and written again, in one of YAML's ways; what is no YAML comes back as it was."""
    try:
        tree = mutated_tree(dice, yaml.safe_load(text))
        if dice.random() < 0.3:
            return json.dumps(tree)
        made: str = yaml.safe_dump(
            tree, sort_keys=False, default_flow_style=dice.choice((None, False, True)), allow_unicode=True
        )
        return made
    except (yaml.YAMLError, RecursionError, ValueError):
        return text


# --- bytes ------------------------------------------------------------------------------------------------------------


def mutated_bytes(dice: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """The bytes with one to eight changes: bits, numbers of 2 to 8 bytes, pieces gone, doubled, from another file."""
    made = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        dice.choice(_BYTE_CHANGES)(dice, made, others)
    return bytes(made)


def _flip(dice: Random, data: bytearray, others: Sequence[bytes]) -> None:
    if data:
        data[_place(dice, data)] ^= 1 << dice.randrange(8)


def _byte(dice: Random, data: bytearray, others: Sequence[bytes]) -> None:
    if data:
        data[_place(dice, data)] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))


def _number(dice: Random, data: bytearray, others: Sequence[bytes]) -> None:
    """A size, an offset or a count that is another one."""
    width = dice.choice((2, 4, 8))
    at = _place(dice, data)
    value = dice.choice(
        (0, 1, 2 ** (8 * width) - 1, 2 ** (8 * width - 1), 2 ** (8 * width - 1) - 1, dice.randrange(1 << 16))
    )
    data[at : at + width] = value.to_bytes(width, dice.choice(("little", "big")))


def _lose(dice: Random, data: bytearray, others: Sequence[bytes]) -> None:
    begin = _place(dice, data)
    del data[begin : begin + dice.choice((1, 2, 8, 64, len(data)))]


def _double(dice: Random, data: bytearray, others: Sequence[bytes]) -> None:
    begin, length = _place(dice, data), dice.choice((1, 4, 32, 256))
    data[begin:begin] = bytes(data[begin : begin + length]) * dice.choice((1, 1, 3))


def _graft(dice: Random, data: bytearray, others: Sequence[bytes]) -> None:
    other = dice.choice(others) if others else bytes(dice.randrange(256) for _ in range(16))
    begin, at = dice.randint(0, len(other)), _place(dice, data)
    piece = other[begin : begin + dice.choice((4, 64, 1024))]
    data[at : at + dice.choice((0, len(piece)))] = piece


def _place(dice: Random, data: bytearray) -> int:
    """Somewhere: often in the beginning, where formats say what they are."""
    if not data:
        return 0
    return dice.randrange(min(len(data), dice.choice((16, 64, 512, len(data), len(data)))))


_BYTE_CHANGES: tuple[Callable[[Random, bytearray, Sequence[bytes]], None], ...] = (
    _flip, _flip, _byte, _byte, _number, _number, _lose, _double, _graft,
)  # fmt: skip
