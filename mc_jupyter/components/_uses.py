"""What a component asks the user: for the variables that it names, and for files and addresses that it would reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mc_jupyter.components._records import Component
from mc_jupyter.language import expressions
from mc_jupyter.language.cell import Map, place_in
from mc_jupyter.trust.consent import Wish
from mc_jupyter.trust.environment import READERS, Use
from mc_jupyter.trust.permissions import Permissions


def uses_of(written: Component, part: Map) -> tuple[Use, ...]:
    """Every place in `part`, the component's own fields or those of an action, that names a variable."""
    found = []
    for path, reference in expressions.references(part):
        if reference.source == "env" and reference.path:
            keeper = written.type.keeper(written, path)
            text = _at(part, path)
            wish = Wish(
                str(reference.path[0]), _dotted(path), text, keeper.who if keeper else READERS, place_in(part, path)
            )
            found.append(Use(wish, keeper))
    return tuple(found)


def _at(part: object, path: tuple[object, ...]) -> str:
    for step in path:
        part = part[step]  # type: ignore[index]  # the path came from walking these containers
    return str(part)


def _dotted(path: tuple[object, ...]) -> str:
    return ".".join(str(step + 1) if isinstance(step, int) else str(step) for step in path)


def reaching(written: Component, given: Permissions, wanted: Permissions) -> tuple[Wish, ...]:
    """What a component's own word would add to what is `given`. A cell of other texts is another question."""
    texts = "\n".join(text for action in written.actions for text in _texts(action.written))
    asks = (
        ("allow_paths", wanted.paths and not given.paths, "any file of this disk", READERS),
        ("allow_urls", wanted.urls and not given.urls, "addresses that it names", "their servers"),
    )
    return tuple(
        Wish(name, use, texts, goes, place_in(written.own, (name,))) for name, asked, use, goes in asks if asked
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
