"""How a notebook wants results shown, and what is open in it. Data alone: nothing here draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_PX = 1024  # the longest side that a notebook stores unless it is told otherwise


class Opened(dict[str, Any]):
    """The widgets that are open in a notebook, by name: a form's is its component's; others have a blank in theirs.

    ipywidgets keeps each widget until it is closed. Whatever has a `close()` may be put here.
    """

    def put(self, name: str, widget: Any) -> None:
        """Open this under a name; what had the name is closed."""
        self.shut(name)
        self[name] = widget

    def shut(self, name: str) -> None:
        """Close what has this name, if anything has."""
        if (old := self.pop(name, None)) is not None:
            old.close()

    def close(self) -> None:
        """Close all."""
        for name in list(self):
            self.shut(name)


@dataclass(frozen=True, slots=True)
class Showing:
    """How results are wanted: of pictures the longest side stored (0: as large as they are) and where full ones go.

    `live` is where open widgets are kept; None where nobody could use one.
    """

    max_px: int = MAX_PX
    folder: str = ""
    kept: Mapping[int, str] = field(default_factory=dict)  # the files of pictures that are saved, by the picture's id
    live: Opened | None = None


def here(component: str | None = None, *, clicked: bool = False) -> Showing:
    """How the notebook that runs in this process wants results shown; the default where none does.

    Of a component, as its cell said; InputError where the folder for its pictures cannot be made. `clicked` is for
    what follows a button: whoever pressed it can use a widget.
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    magics = shell.magics_manager.registry.get("ComposeMagics") if shell is not None else None
    if magics is None:
        return Showing()
    wanted: Showing = magics.notebook.showing(component, attended=True if clicked else None)
    return wanted
