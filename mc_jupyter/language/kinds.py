"""What an input can be: a text, a conversation, an image …; and the mark on a field that takes one.

A kind that the language does not have is made in the file of the part that takes it:

    from typing import Annotated, Any
    from mc_jupyter.parts import Bound, ExpressionError, Field, Kind, Takes, Task, TaskAction

    def read(value, allowed):                # what an expression gave → what the task gets
        try:
            return [float(number) for number in value.split(",")]
        except (AttributeError, ValueError):
            raise ExpressionError(f"{value!r} is no point", fix="write it as 47.4, 8.5") from None

    POINT = Kind("point", example='"47.4, 8.5"', read=read)

    class Height(Task):
        '''Say how high a place is.'''

        head, input, result = "map", "place", list

        class Action(TaskAction):
            place: Annotated[Bound[Any], Takes(POINT, "place")] = Field(description="Where.")

A field that is marked is given the call's inputs: a list of them is many, and a cell that leaves a required one out
gets `${input.place}` (or `${input.place as WORD}`, where the kind names a `conversion`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from mc_jupyter.errors import ExpressionError, InputError
from mc_jupyter.language import conversations
from mc_jupyter.trust.permissions import Permissions
from mc_jupyter.values import arrays, describe, is_image
from mc_jupyter.values.conversions import convert

Reader = Callable[[Any, Permissions], Any]


def _as_it_is(value: Any, permissions: Permissions) -> Any:
    return value


def _never(value: Any) -> bool:
    return False


def _not_at_all(value: Any) -> list[Any] | None:
    return None


def _anything(item: Any, name: str) -> None:
    """Nothing is refused."""


def _nothing_to_say(items: list[Any]) -> Iterator[str]:
    return iter(())


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of input.

    `name` is its word, for forms, tables and messages; `conversion` the one after `as` in the expression that a cell
    gets when it leaves the field out. `file` says that a path stands for it where one is typed, `example` how a call
    writes one.

    `read(value, permissions)` makes what an expression gave into what a task gets, a list element by element; it raises
    ExpressionError where that cannot be. `whole(value)` says of an array, an open file or the like that it is one input
    as it is, `parts(value)` that it is many; without them an array is a list of its elements. `check(item, name)`
    refuses an element of a list, or an object of another library, with InputError. `notes(items)` tells a reader what
    is worth knowing of them.
    """

    name: str
    conversion: str = ""
    file: bool = False
    example: str = '"…"'
    read: Reader = field(default=_as_it_is, repr=False)
    whole: Callable[[Any], bool] = field(default=_never, repr=False)
    parts: Callable[[Any], list[Any] | None] = field(default=_not_at_all, repr=False)
    check: Callable[[Any, str], None] = field(default=_anything, repr=False)
    notes: Callable[[list[Any]], Iterator[str]] = field(default=_nothing_to_say, repr=False)


@dataclass(frozen=True, slots=True)
class Takes:
    """Marks a field that takes inputs of a kind.

    `names` are what the input is called in a cell that leaves a required field out, the usual one first; the field's
    own name comes before them where it is not among them.
    """

    kind: Kind
    names: tuple[str, ...]

    def __init__(self, kind: Kind, *names: str):
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "names", names)

    def expression(self, name: str) -> str:
        """`${input.text as text | ${input.prompt as text}}`: what a required field of this name is given."""
        written = ""
        for one in reversed(self.names if name in self.names else (name, *self.names)):
            conversion = f" as {self.kind.conversion}" if self.kind.conversion else ""
            written = f"${{input.{one}{conversion}{f' | {written}' if written else ''}}}"
        return written


@cache
def taken(model: type[BaseModel]) -> dict[str, Takes]:
    """The fields that take inputs, in the order in which they are declared."""
    marks = {name: [m for m in info.metadata if isinstance(m, Takes)] for name, info in model.model_fields.items()}
    return {name: found[-1] for name, found in marks.items() if found}


def bindings(model: type[BaseModel]) -> dict[str, str]:
    """The expressions that required fields get when a cell leaves them out."""
    required = {name: takes for name, takes in taken(model).items() if model.model_fields[name].is_required()}
    return {name: takes.expression(name) for name, takes in required.items()}


# --- the language's own -----------------------------------------------------------------------------------------------


_LEFT_OUT = "leave it out: [x for x in … if x is not None]"


def _is_text(item: Any, name: str) -> None:
    """A list of texts holds texts: a list inside it would become JSON, and nothing would become nothing.

    What Python itself has no text for (`<object at 0x7f3a…>`) is none either, nor is a function that nobody called.
    """
    if item is None or isinstance(item, list | Mapping) or not _has_text(item):
        raise InputError(
            f"{name} is {describe(item)}, and not a text", fix=_LEFT_OUT if item is None else _column(item, name)
        )


def _column(item: Any, name: str) -> str | None:
    """How one column of a list of records is given."""
    if not isinstance(item, Mapping) or not item:
        return None
    own = name.partition("[")[0]
    return f"give one column: [row[{own if own in item else next(iter(item))!r}] for row in …]"


def _texts(found: Any, permissions: Permissions) -> Any:
    """What an expression gave, where that is a list: each element a text, or of what has one."""
    for i, item in enumerate(found if isinstance(found, list | tuple) else ()):
        if item is None or isinstance(item, list | Mapping):
            raise ExpressionError(f"[{i}] is {describe(item)}, and not a text")
    return found


def _has_text(item: Any) -> bool:
    if item is ... or callable(item) or isinstance(item, ModuleType):
        return False
    try:
        return isinstance(item, str) or not _ADDRESS.fullmatch(str(item))
    except Exception:
        return True  # what its text costs, or why it has none, is said where the text is made


_ADDRESS = re.compile("<.* at 0x[0-9a-fA-F]+>", re.DOTALL)
"""Where something lies in memory: Python's text for what has none."""


def _images(found: Any, permissions: Permissions) -> Any:
    """An image or a list of them, also where no `as image` says so: a path in the cell, an array."""
    for i, item in enumerate(found if isinstance(found, list | tuple) else ()):
        if item is None:
            raise ExpressionError(f"[{i}]: null is no image", fix=_LEFT_OUT)
    return convert(found, "image", elementwise=True, permissions=permissions)


def _is_one_image(value: Any) -> bool:
    """Of what might be taken for a list: an array that is one picture, an open file, a view of bytes."""
    if arrays.is_array(value):
        return arrays.pictures_in(value) is None
    return callable(getattr(value, "read", None)) or isinstance(value, memoryview)


def _pictures(value: Any) -> list[Any] | None:
    found = arrays.pictures_in(value) if arrays.is_array(value) else None
    return None if found is None else list(found)


def _frames(items: list[Any]) -> Iterator[str]:
    """What to say of animations and files of several pages."""
    first = [item for item in items if is_image(item) and item.info.get("frames")]
    if first:
        which = "the image" if len(items) == 1 else f"{len(first)} of the {len(items)} images"
        yield f"{which}: an animation or several pages, of which the first is used"


def _file(name: str, example: str) -> Kind:
    return Kind(name, name, file=True, example=example)


TEXT = Kind("text", "text", read=_texts, check=_is_text)
MESSAGES = Kind("messages", example='[{"role": "user", "content": "…"}]', read=conversations.read)
IMAGE = Kind(
    "image", "image", file=True, example='"picture.png"', read=_images, whole=_is_one_image, parts=_pictures,
    notes=_frames,
)  # fmt: skip
_PLAIN = tuple(Kind(name, name) for name in ("number", "integer", "boolean", "select", "slider", "json"))
_FILES = (_file("audio", '"sound.wav"'), _file("file", '"FILE"'))

KINDS = {kind.name: kind for kind in (TEXT, MESSAGES, IMAGE, *_PLAIN, *_FILES)}
"""The kinds that the language itself has, by their words."""

AS = {word: word for word in KINDS} | {"string": "text", "video": "file", "list": "json", "object": "json"}
"""The kind that an input has by the word after `as`."""
