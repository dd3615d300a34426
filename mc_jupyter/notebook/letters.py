"""A widget of HTML in which nothing is typeset: what strangers wrote in it is read letter by letter."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
from traitlets import validate

from mc_jupyter.notebook.html import letters


class Letters(widgets.HTML):  # type: ignore[misc]  # ipywidgets' types are not followed
    """ipywidgets' own, which hands each value to MathJax; here every value says that there is nothing for it."""

    @validate("value")  # type: ignore[untyped-decorator,unused-ignore]
    def _in_letters(self, proposal: Any) -> str:
        return letters(str(proposal["value"]))
