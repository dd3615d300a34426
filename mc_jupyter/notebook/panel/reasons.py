"""Why some values of a choice cannot be had here: what the plan of such a cell would say."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mc_jupyter.notebook.panel.settings import Setting, said

if TYPE_CHECKING:
    from mc_jupyter.components import Planned
    from mc_jupyter.notebook.panel.described import Described


class Reasons:
    """Looked up once for each way that a component's own fields stand. Nothing is loaded, no library is imported."""

    def __init__(self) -> None:
        self._known: dict[Any, Mapping[Any, str]] = {}

    def of(
        self,
        described: Described,
        setting: Setting,
        options: tuple[Any, ...],
        beside: Mapping[str, Any],
        env: Mapping[str, str],
    ) -> Mapping[Any, str]:
        """The options that cannot be had, each with its reason. `beside` are other fields to be set with it, `env` the
        variables that the cell may read.
        """
        torch = "torch" in sys.modules
        if setting.of_call or (setting.name != "device" and not torch):
            return {}
        key = (setting.name, options, described.own, repr(beside), torch)
        if key not in self._known:
            given = {**described.definition.beside, **beside}
            self._known[key] = _impossible(described.planned, setting.name, options, given, env)
        return self._known[key]


def _impossible(
    planned: Planned, name: str, options: tuple[Any, ...], given: Mapping[str, Any], env: Mapping[str, str]
) -> Mapping[Any, str]:
    now = set(_messages(planned, given, env))
    found = {}
    for option in options:
        if new := [text for text in _messages(planned, {**given, name: option}, env) if text not in now]:
            found[option] = _reason(new[0], name, option)
    return found


def _messages(planned: Planned, given: Mapping[str, Any], env: Mapping[str, str]) -> list[str]:
    found = planned.type.refuses(planned, env, given)
    return [problem.message for error in found for problem in error.problems]


def _reason(message: str, name: str, option: Any) -> str:
    """The message without what stands before it on the line: `device: mps is not on this machine` is said of mps."""
    for start in (f"`{name}: {said(option)}`", f"{name}: {said(option)}", said(option)):
        if message.startswith(start):
            return message.removeprefix(start).removeprefix(" is").lstrip(" :")
    return message
