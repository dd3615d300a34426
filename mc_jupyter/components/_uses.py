"""What a component asks the user: for the variables that it names, and for files and addresses that it would reach."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256

from mc_jupyter.components._records import Component
from mc_jupyter.language import expressions
from mc_jupyter.language.cell import Map, place_in, to_plain
from mc_jupyter.trust.consent import Wish, here
from mc_jupyter.trust.environment import READERS, Use
from mc_jupyter.trust.permissions import Permissions


def uses_of(written: Component, part: Map) -> tuple[Use, ...]:
    """Every place in `part`, the component's own fields or those of an action, that names a variable.

    Whoever keeps it is the same in every folder; the readers are those of the notebook, and another's lies elsewhere.
    """
    found = []
    for path, reference in expressions.references(part):
        if reference.source == "env" and reference.path:
            keeper = written.type.keeper(written, path)
            text = _at(part, path)
            who, folder = (keeper.who, "") if keeper else (READERS, here())
            name, use = str(reference.path[0]), _dotted(path)
            found.append(Use(Wish(name, use, text, who, folder, place=place_in(part, path)), keeper))
    return tuple(found)


def _at(part: object, path: tuple[object, ...]) -> str:
    for step in path:
        part = part[step]  # type: ignore[index]  # the path came from walking these containers
    return str(part)


def _dotted(path: tuple[object, ...]) -> str:
    return ".".join(str(step + 1) if isinstance(step, int) else str(step) for step in path)


def reaching(written: Component, given: Permissions, wanted: Permissions) -> tuple[Wish, ...]:
    """What a component's own word would add to what is `given`.

    An expression such as `${input.pic as image}` stands in everybody's cells: so the question is about the whole of the
    component, and about this folder. What is written and shown is its task and its texts: no token may be among them.
    """
    asks = (
        ("allow_paths", wanted.paths and not given.paths, "any file of this disk", READERS),
        ("allow_urls", wanted.urls and not given.urls, "any public address", "the servers that it asks"),
    )
    if not any(asked for _, asked, _, _ in asks):
        return ()
    told = [str(written.own.get("task", written.type.name))]
    told += [text for action in written.actions for text in _texts(action.written)]
    exact = sha256(json.dumps(to_plain(written.written), default=str).encode()).hexdigest()
    return tuple(
        Wish(name, use, "\n".join(told), goes, here(), exact, place_in(written.own, (name,)))
        for name, asked, use, goes in asks
        if asked
    )


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
