"""Python's own values in the output of a run: text as it is, numbers, lists and mappings pretty-printed."""

from __future__ import annotations

import pprint
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from mc_jupyter.notebook.html import pre, text_bundle
from mc_jupyter.notebook.views import Shown, View, _pictures
from mc_jupyter.notebook.views._brief import brief


class Plain(View):
    """A value without a name of ours. The pictures of a mapping stand above its text, each with its name."""

    types = (
        "builtins.str", "builtins.NoneType", "builtins.bool", "builtins.int", "builtins.float", "builtins.list",
        "builtins.tuple", "builtins.dict", "builtins.mappingproxy", "collections.abc.Mapping",
    )  # fmt: skip
    everywhere = False
    holds = True

    def plain(self) -> str:
        return str(self.value) if isinstance(self.value, str) else self._printed

    def html(self) -> str:
        if isinstance(self.value, str):
            return pre(self.plain(), mono=False)
        return "".join(self._grids()) + pre(self._printed)

    def facts(self) -> dict[str, Any]:
        return _pictures.facts(self.value) if isinstance(self.value, Mapping) else {}

    def interrupted(self, figures: str) -> Shown | None:
        if not isinstance(self.value, str) or not self.value:
            return None
        return Shown(text_bundle(self.value, figures), figures=figures)

    @cached_property
    def _printed(self) -> str:
        return pprint.pformat(brief(self.value, self.showing), width=100, sort_dicts=False)

    def _grids(self) -> list[str]:
        named = self.value.items() if isinstance(self.value, Mapping) else ()
        drawn = [(str(name), _listed(one)) for name, one in named if _pictures.are_pictures(one)]
        return [_pictures.grid(one, self.showing, [name] * len(one)) for name, one in drawn]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
