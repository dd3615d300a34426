"""Fields of a cell that a call was given as if they were its inputs: what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mc_jupyter.components import DEFAULT, Action, Planned
from mc_jupyter.errors import InputError
from mc_jupyter.language.description import FieldFacts, field_of
from mc_jupyter.language.fields import is_deferred
from mc_jupyter.language.kinds import taken
from mc_jupyter.trust.secrets import Secret
from mc_jupyter.values.scalars import written_scalar

_TYPES = {
    "a whole number": "integer",
    "a number": "number",
    "true or false": "boolean",
    "text": "text",
    "a word": "text",
}
_NAMED = ": is its name here"
_LONGEST = 60  # letters of a value that is given back


def refuse_fields(
    name: str, planned: Planned, args: tuple[Any, ...], inputs: Mapping[str, Any], *, action: str = DEFAULT
) -> None:
    """InputError for a word among a call's inputs that is no input, and a field of the cell: `draw(width=128)`."""
    words = dict(args[0]) if len(args) == 1 and isinstance(args[0], Mapping) else {}
    words |= inputs
    refuse(name, planned, words, f"{name}.set(FIELD=VALUE)", action=action)


def refuse(name: str, planned: Planned, words: Mapping[Any, Any], setting: str, *, action: str = DEFAULT) -> None:
    """The same; `setting` is how a field is set where the call was made, with FIELD and VALUE in it."""
    known = {one for each in planned.inputs_for(action) for one in each.names}
    for word in (word for word in words if isinstance(word, str) and word not in known):
        chosen = planned.component.action(action)
        of_call, own = field_of(type(chosen.fields), word), field_of(type(planned.settings), word)
        wrong, value = f"{word} is a field of {name}'s cell, and no input of it", words[word]
        if of_call is None and own is None and (ours := chosen.fields.ours_for(word)):
            if ours.partition(":")[0] in taken(type(chosen.fields)):  # about the inputs themselves
                continue
            field, found, _ = ours.partition(_NAMED)
            if not found or (of_call := field_of(type(chosen.fields), field)) is None:
                raise InputError(f"{name} has no input {word!r}", fix=_in_a_call(ours))
            wrong, word = f"{word} is called {field} here, a field of {name}'s cell, and no input of it", field
        if (of_call is None and own is None) or (of_call and of_call.name in taken(type(chosen.fields))):
            continue
        python = setting.startswith(f"{name}.")
        said = setting.replace("FIELD", word).replace("VALUE", _python(value) if python else _plain(value))
        if word == "seed" and not python:  # which a line has a flag for
            raise InputError(wrong, fix=f"--seed {_plain(value)}, for this call")
        if of_call is None:
            raise InputError(wrong, fix=f"{said} for all calls that follow")
        line = f"{word}: {_expression(word, of_call, chosen, value)}"
        raise InputError(
            wrong, fix=f"write {line} in the cell to give it with each call\n      or {said} for all that follow"
        )


def _in_a_call(ours: str) -> str:
    return f"leave it out{ours.removeprefix('remove it')}" if ours.startswith("remove it") else f"in its cell: {ours}"


def _expression(word: str, field: FieldFacts, action: Action, given: Any) -> str:
    """The expression that makes a field an input, with what it is now as its default."""
    kinds = [_TYPES[kind] for kind in field.types if kind in _TYPES]
    type = next(iter(kinds), "json")
    now = action.written.get(field.name)
    if now is None or is_deferred(now):
        now = field.default if field.default is not None else given
    default = f" | {_plain(now)}" if isinstance(now, str | int | float) and not isinstance(now, Secret) else ""
    return f"${{input.{word} as {type}{default}}}"


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value if value and len(value) < _LONGEST and not any(sign in value for sign in "{}\r\n") else "…"
    return written_scalar(value) if isinstance(value, bool | int | float) else "…"


def _python(value: Any) -> str:
    written = repr(value) if isinstance(value, str | bool | int | float) else "…"
    return written if len(written) < _LONGEST else "…"


def words_of(line: Iterable[str]) -> dict[str, str]:
    """What a line gives, by its words as they are written: `temperature=0.4`."""
    return {word.partition("=")[0].rstrip(":"): word.partition("=")[2] for word in line if "=" in word}
