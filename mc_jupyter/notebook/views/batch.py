"""The results of a list of inputs: a table, a row for each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from mc_jupyter.notebook.html import ROWS, Table
from mc_jupyter.notebook.views import View, of
from mc_jupyter.notebook.views._brief import in_a_line, more

_COLUMNS = 6  # of results that have names


class Batch(View):
    """Several results; pictures and others that look best together are shown by their own view."""

    types = ("mc_jupyter.values.Batch",)
    holds = True

    def plain(self) -> str:
        return self._table.plain()

    def html(self) -> str:
        return self._table.html()

    def facts(self) -> dict[str, Any]:
        """The seeds, and the tokens of all."""
        known = [view.facts() for one in self.value if (view := of(one, self.showing)) is not None]
        seeds = [facts["seed"] for facts in known if facts.get("seed") is not None]
        tokens = [facts["tokens"] for facts in known if facts.get("tokens") is not None]
        return {"seeds": seeds or None, "tokens": sum(tokens) if tokens else None}

    @cached_property
    def _table(self) -> Table:
        count, names = len(self.value), self._names()
        rows = tuple((str(i), *self._cells(item, names)) for i, item in enumerate(self.value[:ROWS]))
        title = f"{count:,} {'result' if count == 1 else 'results'}"
        return Table(("", *(["result"] if names is None else names)), rows, title, more(count))

    def _names(self) -> list[str] | None:
        """The columns of results that have names; None of others."""
        first = next((item for item in self.value if item is not None), None)
        view = of(first, self.showing)
        if not isinstance(first, Mapping) or (view is not None and view.line() is not None):
            return None
        return [str(key) for key in list(first)[:_COLUMNS]]

    def _cells(self, item: Any, names: list[str] | None) -> list[str]:
        if names is None:
            return [in_a_line(item, self.showing)]
        return [in_a_line(item.get(n), self.showing) if isinstance(item, Mapping) else "" for n in names]
