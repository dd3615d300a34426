"""What a call is given, as expressions can read it: plain values and lists of them, each with a value in it.

Data comes as notebooks hold it: Series, arrays, columns of tables, iterators. Where nothing stands in it (NaN, NA, NaT)
it is refused, for it would reach a model as the word "nan"; so is a table, and what has no text of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, KeysView, Mapping, Sequence, Set, ValuesView
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import InputError
from mc_jupyter.language.kinds import MESSAGES, TEXT, Kind
from mc_jupyter.values import is_image
from mc_jupyter.values.missing import columns, missing
from mc_jupyter.values.streams import Stream
from mc_jupyter.words import listing

if TYPE_CHECKING:
    from mc_jupyter.language.inputs import Input

MAX_DEPTH = 64
_LISTS = (Sequence, Iterator, KeysView, ValuesView, deque)
_GIVE_THEM = ("tolist", "to_list", "to_pylist", "as_py")
"""How arrays, Series and columns give their values: numpy's, pandas' and torch's; polars'; pyarrow's two."""


def readable(inputs: Any, known: Sequence[Input] = ()) -> Any:
    """The inputs as expressions can read them: iterators and arrays become lists; what cannot be one is refused.

    What the `known` ones' kinds take as one stays as it is: an array is a picture there, or a list of pictures.
    """
    if isinstance(inputs, Mapping):
        kinds = {name: one.of for one in known for name in one.names}
        for name, value in inputs.items():
            refuse_row(value, str(name), kinds)
        return {name: _plain(value, str(name), kinds.get(name, TEXT)) for name, value in inputs.items()}
    return _plain(inputs, "the input", known[0].of if known else TEXT)


def refuse_row(value: Any, name: str, names: Container[str]) -> None:
    """InputError for a row of a table, as loops over its rows give them: its values are no list of texts."""
    if isinstance(value, str | list | Mapping):
        return
    labels = getattr(value, "index", None)  # pandas': of a list it is a method
    if labels is None or callable(labels) or not isinstance(labels, Iterable):
        return
    if found := next((label for label in labels if isinstance(label, str) and label in names), None):
        raise InputError(
            f"{name} is a row of a table, with a value for each column", fix=f"row[{found!r}], or .tolist() for a list"
        )


def refuse_table(value: Any, name: str, kind: Kind = TEXT) -> None:
    """InputError for a table, as data frames are: a loop over one gives the names of its columns."""
    if (names := columns(value)) is not None:
        word = name if name in names else next(iter(names), "NAME")
        raise InputError(
            f"{name} is a table with the columns {listing(names, 'and') or 'of none'}: an input takes one column",
            fix='give its rows: table.to_dict("records")' if kind is MESSAGES else f"give one column: table[{word!r}]",
        )


def refuse_gap(value: Any, name: str) -> None:
    """InputError for what stands where there is no value: NaN, NA, NaT."""
    if said := missing(value):
        raise InputError(
            f"{name} is {said}: there is no value",
            fix="leave it out, or give one (a Series: .dropna(), .fillna(…))",
        )


def _plain(value: Any, name: str, kind: Kind, depth: int = 0) -> Any:
    if isinstance(value, str):
        return _whole_characters(value, name)
    if value is None or isinstance(value, bool | bytes | Stream) or is_image(value):
        return value
    if depth > MAX_DEPTH:
        raise InputError(f"{name} is nested deeper than {MAX_DEPTH} levels")
    refuse_table(value, name, kind)
    if kind.whole(value):
        return value
    if (parts := kind.parts(value)) is not None:
        return _items(parts, name, kind, depth)
    refuse_gap(value, name)
    return _collected(value, name, kind, depth)


def _collected(value: Any, name: str, kind: Kind, depth: int) -> Any:
    """What holds other values, with each of them read; or something that holds none."""
    if isinstance(value, Mapping):
        return _entries(value, name, kind, depth)
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, Set) and not isinstance(value, KeysView):
        raise InputError(f"{name} is a set, which has no order", fix="give a list: sorted(…)")
    if isinstance(value, _LISTS):
        return _items(value, name, kind, depth)
    if (give := next((g for word in _GIVE_THEM if callable(g := getattr(value, word, None))), None)) is not None:
        found = give()
        return _items(found, name, kind, depth) if isinstance(found, list) else _plain(found, name, kind, depth + 1)
    if _is_loop(value):
        return _items(value, name, kind, depth)
    kind.check(value, name)
    return value  # messages, files and the like: fields check what they take


def _is_loop(value: Any) -> bool:
    """Of an object of another library: that it can be looped over, and has no text of its own."""
    its: Any = type(value)
    silent = its.__str__ is object.__str__ and not callable(value) and not hasattr(value, "model_dump")
    return silent and isinstance(value, Iterable)


def _items(items: Iterable[Any], name: str, kind: Kind, depth: int) -> list[Any]:
    return [_plain(item, f"{name}[{i}]", kind, depth + 1) for i, item in enumerate(items)]


def _entries(value: Mapping[Any, Any], name: str, kind: Kind, depth: int) -> Mapping[Any, Any]:
    """A mapping with what it holds read; one that answers to more names than its own stays what it is."""
    if kind.file:
        return value  # as an upload is one
    found = {
        key: _plain(item, f"{name}.{key}" if isinstance(key, str) else f"{name}[{key!r}]", kind, depth + 1)
        for key, item in value.items()
    }
    return found if type(value) is dict else value


def _whole_characters(text: str, name: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{name} holds half a character ({text[error.start]!a}), which is no text",
            fix="text.encode(errors='replace')",
        ) from None
    return text
