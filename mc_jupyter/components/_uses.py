"""Where a component names environment variables: the questions that this asks, and who keeps what they hold."""

from __future__ import annotations

from mc_jupyter.components._records import Component
from mc_jupyter.language import expressions
from mc_jupyter.language.cell import Map, place_in
from mc_jupyter.trust.consent import Wish
from mc_jupyter.trust.environment import READERS, Use


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
