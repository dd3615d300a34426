"""The panel's lower half: the inputs, Run and Stop, and the answer under them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import ComposeError, InputError, Interrupted, forget_frames, listing
from mc_jupyter.events import Run
from mc_jupyter.notebook import form, outcome
from mc_jupyter.notebook.display import Bundle
from mc_jupyter.notebook.panel.looks import Looks, problem_of
from mc_jupyter.notebook.progress import Progress
from mc_jupyter.values import Batch

if TYPE_CHECKING:
    from mc_jupyter.handles import Handle
    from mc_jupyter.inputs import Input

_LABEL = "132px"


class Calling:
    """Fields for the inputs, and the output that a run writes into."""

    def __init__(self, looks: Looks, inputs: tuple[Input, ...], kept: Mapping[str, Any]):
        import ipywidgets as widgets

        self.inputs = inputs
        self.fields = {i.name: looks.keep(form.field_for(i, kept.get(i.name, i.default))) for i in inputs}
        for field in self.fields.values():
            field.style.description_width = _LABEL
            field.layout.width = "auto"
        self.answer = looks.make(widgets.Output, "plain")
        self.widget = looks.make(widgets.VBox, "column", children=tuple(self.fields.values()))

    def values(self) -> dict[str, Any]:
        """What the fields say now. An empty field is an input that nobody gave."""
        found = {one.name: form.value_of(one, self.fields[one.name]) for one in self.inputs}
        return {name: value for name, value in found.items() if value is not None}

    def run(self, handle: Handle, started: Callable[[Run], None]) -> str:
        """Call the component and show what it writes; gives how fast it was. `started` gets the run, to stop it."""
        self.answer.outputs = ()
        try:
            values = self.values()
            if lacking := handle.missing(values):
                raise InputError(f"{handle.name} needs {listing([one.name for one in lacking], 'and')}")
            with Progress(self, "live") as progress:
                started(progress.run)
                return self._called(handle, values, progress)
        except Exception as error:
            forget_frames(error, keep_traceback=not isinstance(error, ComposeError))
            self.fail(problem_of(error))
            if not isinstance(error, ComposeError):
                raise
        return ""

    def _called(self, handle: Handle, values: Mapping[str, Any], progress: Progress) -> str:
        try:
            result = outcome.call(handle, values, progress, None)
        except Interrupted as error:
            outcome.show_partial(error, progress, outcome.provenance(handle, progress, error.partial))
            if self.answer.outputs:  # what there was stands there, marked as interrupted
                return ""
            raise Interrupted("interrupted before there was anything to show") from None
        speed = _speed(result, progress)
        outcome.show(result, progress, outcome.provenance(handle, progress, result), _formatter())
        return speed

    def publish(self, bundle: Bundle, metadata: dict[str, Any] | None = None, **how: Any) -> None:
        """Take what a run shows, as a cell's output would: the last thing shown is the answer."""
        shown = {"output_type": "display_data", "data": form.transportable(bundle), "metadata": metadata or {}}
        # One assignment, not a clearing and a filling: the page would flicker at every piece.
        self.answer.outputs = () if bundle == {"text/plain": ""} else (shown,)

    def fail(self, error: ComposeError) -> None:
        """Show an error as a cell does."""
        told = {"ename": type(error).__name__, "evalue": str(error), "traceback": error._render_traceback_()}
        self.answer.outputs = (*self.answer.outputs, {"output_type": "error", **told})


def _speed(result: Any, progress: Progress) -> str:
    """`38 tokens/s` from the first piece on, or items a second of a batch: of the run alone, without loading."""
    seconds = progress.writing_seconds or progress.phase_seconds
    tokens = getattr(result, "tokens", None)
    if tokens and progress.writing_seconds and seconds > 0.01:
        return f"{tokens / seconds:.3g} tokens/s"
    count = len(result) if isinstance(result, Batch) else 1
    return f"{count / seconds:.3g} items/s" if seconds > 0 else ""


def _formatter() -> Any:
    from IPython.core.formatters import DisplayFormatter
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return shell.display_formatter if shell is not None else DisplayFormatter()
