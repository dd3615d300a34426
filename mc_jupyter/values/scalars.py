"""The scalars of YAML 1.1: what an unquoted text is read as, and how a value is written so that it reads back."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

from mc_jupyter.errors import SpecError
from mc_jupyter.values import describe

_LONGEST = 8192  # bits of an integer: of more than 4300 digits Python itself writes none


class Plain(str):
    """A scalar that stood in the YAML without quotes: an `${env.X}` that is all of it takes YAML's type."""


_CONSTRUCTED = {
    "tag:yaml.org,2002:null": "construct_yaml_null",
    "tag:yaml.org,2002:bool": "construct_yaml_bool",
    "tag:yaml.org,2002:int": "construct_yaml_int",
    "tag:yaml.org,2002:float": "construct_yaml_float",
}


def yaml_type(text: str) -> Any:
    """What YAML 1.1 reads an unquoted scalar as: `1` an integer, `yes` true, nothing null. Dates stay text."""
    import yaml

    tag = _resolver().resolve(yaml.ScalarNode, text, (True, False))
    construct = _CONSTRUCTED.get(tag)
    if construct is None:
        return str(text)
    try:
        found = getattr(_constructor(), construct)(yaml.ScalarNode(tag, text))
    except ValueError:  # `0x_` matches YAML's pattern for integers and is none; so are 5000 digits
        return str(text)
    return str(text) if isinstance(found, int) and found.bit_length() > _LONGEST else found


def yaml_value(text: str) -> Any:
    """The same for a whole value from outside the text: `[1, 2]`, `{a: 1}` and a quoted text are what YAML says too."""
    if text[:1] in ("[", "{", '"', "'"):
        try:
            found = typed_value(text)
        except ValueError:
            return str(text)
        return found if isinstance(found, list | dict | str) else str(text)
    return yaml_type(text)


MAX_DEPTH = 64
HALF = re.compile("[\ud800-\udfff]")
"""Half of a rarer character. JSON writes such as two (`\\ud83e\\udd8a`), and YAML reads them one by one."""


def joined(text: str) -> str:
    """The text with such halves made whole; one without its other half stays."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") if HALF.search(text) else text


def typed_value(text: str) -> Any:
    """A value as somebody typed it in YAML: a scalar, or lists and mappings of such. ValueError says why it is none.

    Dates stay text, as in cells; there are no tags and no aliases, so that it is as large as it is long.
    """
    import yaml

    try:
        events = (event for event in yaml.parse(text, Loader=yaml.SafeLoader) if not isinstance(event, _around()))
        first = next(events, None)
        found = None if first is None else _valued(first, events, 0)
        if next(events, None) is not None:
            raise ValueError("more than one value")
    except (yaml.YAMLError, IndexError, OverflowError, AttributeError) as error:  # PyYAML lets the others through
        raise ValueError(getattr(error, "problem", None) or "it is not YAML") from None
    return found


def _valued(event: Any, events: Iterator[Any], depth: int) -> Any:
    """The value that begins with an event."""
    import yaml

    if isinstance(event, yaml.AliasEvent) or (event.tag or "!") != "!" or event.anchor:
        raise ValueError("tags, anchors and aliases are not read here")
    if isinstance(event, yaml.ScalarEvent):
        return yaml_type(event.value) if event.style is None and event.tag is None else joined(event.value)
    if depth >= MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(event, yaml.SequenceStartEvent):
        return list(_inside(events, depth))
    inside = _inside(events, depth)
    found: dict[Any, Any] = {}
    for key in inside:
        if isinstance(key, list | dict):
            raise ValueError("a list or a mapping cannot be a key")
        found[key] = next(inside)
    return found


def _inside(events: Iterator[Any], depth: int) -> Iterator[Any]:
    import yaml

    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            return
        yield _valued(event, events, depth + 1)


@functools.cache
def _around() -> tuple[type, ...]:
    import yaml

    return (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentStartEvent, yaml.DocumentEndEvent)


@functools.cache
def _resolver() -> Any:
    import yaml.resolver

    return yaml.resolver.Resolver()


@functools.cache
def _constructor() -> Any:
    import yaml.constructor

    return yaml.constructor.SafeConstructor()


UNPRINTABLE = re.compile(
    '[^\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|["\\\\]'
)
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\", "\0": "\\0"}


def written_scalar(value: Any) -> str:
    """Null, a boolean or a number, so that `yaml_type` gives it back. Raises SpecError of anything else."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return ".nan" if value != value else ".inf" if value > 0 else "-.inf"
        text = repr(value)
        # YAML 1.1 reads 1e+20 as text; it wants the dot.
        return text.replace("e", ".0e", 1) if "." not in text and "e" in text else text
    if isinstance(value, int):
        return str(value)
    raise SpecError(f"{describe(value)} cannot be written as YAML")


def double_quoted(text: str) -> str:
    """Any text, in double quotes, on one line."""

    def escaped(match: re.Match[str]) -> str:
        char = match[0]
        short = _SHORT_ESCAPES.get(char)
        return short or (f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}")

    return '"' + UNPRINTABLE.sub(escaped, text) + '"'
