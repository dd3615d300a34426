"""How a result looks: one file per kind of result.

To add one, write a file here (or join by an entry point of the group `mc_jupyter.views`). Its class is all there is to
do; the notebook, IPython, batches and comparisons find it by the type of the value:

    from html import escape
    from mc_jupyter.notebook.views import View

    class Sound(View):
        '''A sound as a player.'''

        types = ("my_package.Sound",)                # by name: a view imports no type before one is shown

        def plain(self):                             # needed: what terminals and readers without HTML see
            return f"{self.value.seconds:.1f} s of sound"

        def html(self):                              # else the plain text; escape what a model or a user wrote
            return f'<audio controls src="{escape(self.value.address)}"></audio>'

What more it may say, each with a default: `bundle` (other MIME types than these two), `facts` (what an output's
metadata remembers), `line` (the value within others), `in_cell` and `in_run` (what stands below it and beside it),
`interrupted`, and `together`. A file whose name begins with an underscore is no view; views share those.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

from mc_jupyter.catalog import Part
from mc_jupyter.notebook.html import Bundle, bundle, pre
from mc_jupyter.notebook.showing import Showing


@dataclass(frozen=True)
class Shown:
    """What a view puts into an output, and around it."""

    bundle: Bundle
    metadata: dict[str, Any] = field(default_factory=dict)
    figures: str = ""
    """In a terminal that has seen the text being written: the line after it."""
    below: tuple[str, ...] = ()
    """Lines under a picture, which is the whole of its output: they are an output after it."""
    beside: tuple[Bundle, ...] = ()
    """Outputs after it: a live widget, which a saved notebook would prefer to what stands in the same output."""


class View(Part, room="notebook.views", noun="view"):
    """How one value looks: `self.value`, shown as `self.showing` (the notebook's options) wants it.

    With `self.listed`, the value is a list that is shown by one view (see `together`).
    """

    types: ClassVar[tuple[str, ...]]
    """The types it is for, as `module.Name`, and those derived from them."""

    everywhere: ClassVar[bool] = True
    """Whether a Python cell that ends with such a value shows it so, too; of Python's own types IPython decides."""

    together: ClassVar[bool] = False
    """Whether a list of such values is shown by one view: its `value` is then the list, and `listed` is true."""

    holds: ClassVar[bool] = False
    """Whether such a value may be a list of results, which looks as they do `together`."""

    hides: ClassVar[tuple[str, ...]] = ()
    """MIME types that IPython would add from the value's own methods, and that shall not be stored."""

    def __init__(self, value: Any, showing: Showing, *, listed: bool = False):
        self.value, self.showing, self.listed = value, showing, listed

    def plain(self) -> str:
        """The value in letters. It is asked for alone, too: it should cost no drawing."""
        return repr(self.value)

    def html(self) -> str:
        """The value in HTML: inline styles, no script, everything escaped that is not ours."""
        return pre(self.plain())

    def bundle(self) -> Bundle:
        """Everything that one output holds of it, by MIME type."""
        return bundle(self.plain(), self.html())

    def line(self) -> str | None:
        """The value within another one and in a table's cell; None: as the plain value that it is."""
        return None

    def facts(self) -> dict[str, Any]:
        """What an output's metadata remembers of it: plain values; what is None is left out."""
        return {}

    def in_cell(self) -> Shown:
        """Where a Python cell ends with it. IPython takes the bundle and the metadata."""
        return Shown(self.bundle())

    def in_run(self, seconds: float | None = None) -> Shown:
        """In the output of the run that gave it; `seconds` is how long its text was being written."""
        return Shown(self.bundle())

    def interrupted(self, figures: str) -> Shown | None:
        """What is left of it when the user stopped the run, marked as such, with these figures; None: nothing."""
        return None


def of(value: Any, showing: Showing) -> View | None:
    """The view of a value; None where it says itself how it looks, or where that is IPython's affair."""
    kind = kind_of(value)
    if kind is None:
        return None
    if kind.holds and (common := _common(value)) is not None:
        return common(value, showing, listed=True)
    return kind(value, showing)


def kind_of(value: Any) -> type[View] | None:
    """The view for the nearest of the value's classes; None where a nearer one says itself how it looks."""
    table = _table(View.names())
    for cls in type(value).__mro__:
        if found := table.get(f"{cls.__module__}.{cls.__qualname__}"):
            return found
        if "_repr_mimebundle_" in cls.__dict__:
            return None
    return None


@lru_cache(maxsize=1)
def _table(names: tuple[str, ...]) -> dict[str, type[View]]:
    return {dotted: view for name in names for view in (View.named(name),) for dotted in view.types}


def _common(values: Any) -> type[View] | None:
    """The view that a list goes to: of the kind that all of it is, if that is to be shown together."""
    common: type[View] | None = None
    for leaf in leaves(values):
        if leaf is None:  # what was not made
            continue
        kind = kind_of(leaf)
        if kind is None or not kind.together or common not in (None, kind):
            return None
        common = kind
    return common


def leaves(values: Any) -> Iterator[Any]:
    """The results in a list, and in the lists in it."""
    if not isinstance(values, list | tuple):
        yield values
        return
    for value in values:
        kind = kind_of(value) if isinstance(value, list | tuple) else None
        if kind is not None and kind.holds:
            yield from leaves(value)
        else:
            yield value
