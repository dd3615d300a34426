"""What a value looks like, and IPython taught to show it so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mc_jupyter.notebook.showing import Showing, here
from mc_jupyter.words import visible


def bundle(value: Any, showing: Showing | None = None) -> dict[str, Any] | None:
    """What a value looks like, by MIME type; None where that is IPython's affair. `showing` is else this notebook's."""
    from mc_jupyter.notebook import views

    view = views.of(value, showing or here())
    if view is None and hasattr(value, "_repr_mimebundle_"):
        found: dict[str, Any] = value._repr_mimebundle_()
        return found
    return view.bundle() if view else None


class Display:
    """IPython's display formatter, and what we have put into it.

    `register` makes it ask us at the first value that is shown; only then our views are looked for and imported.
    """

    def __init__(self, formatter: Any):
        self._formatter = formatter
        self._first = formatter.ipython_display_formatter
        self._taught: list[tuple[Any, str]] = []
        self._hidden: tuple[type, Any] | None = None

    def register(self) -> None:
        self._first.for_type(object, self._look)

    def unregister(self) -> None:
        """Everything that was put into the formatter, taken out."""
        self.restore()
        self._first.pop(object, None)
        for formatter, name in self._taught:
            formatter.pop(name, None)
        self._taught.clear()

    def _look(self, value: Any) -> None:
        self._teach()
        if not self._first(value):
            raise NotImplementedError  # IPython's way to say: show it as usual

    def _teach(self) -> None:
        """Let IPython show our types by their views."""
        from mc_jupyter.notebook.views import View

        if self._first.pop(object, None) is None:  # it knows them
            return
        formats = self._formatter.formatters
        for view in View.all():
            for dotted in view.types if view.everywhere else ():
                self._put(self._formatter.mimebundle_formatter, dotted, _described)
                # IPython prefers its own plain text of str, list and dict to a bundle's, for their subclasses too.
                self._put(formats["text/plain"], dotted, _printed)
                for kind in view.hides:
                    self._put(formats[kind], dotted, _nothing)

    def _put(self, formatter: Any, dotted: str, printer: Callable[..., Any]) -> None:
        module, _, name = dotted.rpartition(".")
        formatter.for_type_by_name(module, name, printer)
        self._taught.append((formatter, dotted))

    # --- hiding -------------------------------------------------------------------------------------------------------

    def hide(self, result: Any, said: Callable[[], None]) -> None:
        """Keep this value from being shown until `restore`; where it would have been, `said` is called.

        `Out` and `_` still get it: IPython asks its display formatter first, for the rest of this cell.
        """
        self.restore()
        self._teach()
        if result is None:
            return

        def shown(value: Any) -> None:
            if value is not result:
                raise NotImplementedError
            said()

        self._hidden = (type(result), self._first.for_type(type(result), shown))

    def restore(self) -> None:
        """Let results be shown as usual again."""
        if self._hidden is None:
            return
        kind, before = self._hidden
        self._first.pop(kind, None)
        if before is not None:
            self._first.for_type(kind, before)
        self._hidden = None


# --- printers ---------------------------------------------------------------------------------------------------------


def _described(value: Any) -> Any:
    """The bundle and the metadata of a value that a Python cell ends with."""
    from mc_jupyter.notebook import views

    view = views.of(value, here())
    if view is None:  # of a class that is derived from ours and says itself how it looks
        return value._repr_mimebundle_()
    shown = view.in_cell()
    return shown.bundle, shown.metadata


def _printed(value: Any, printer: Any, cycle: bool) -> None:
    """The value in letters, as IPython's pretty-printer asks; inside another one the plain value that it is."""
    from IPython.lib.pretty import _type_pprinters

    from mc_jupyter.notebook import views

    view = views.of(value, here()) if len(printer.stack) < 2 else None
    if view is not None:
        printer.text(visible(view.plain()))
        return
    for base in type(value).__mro__:
        if base in _type_pprinters:
            _type_pprinters[base](value, printer, cycle)
            return
    printer.text(repr(value))


def _nothing(value: Any) -> None:
    """What a value looks like in a format that it shall not be stored in."""
