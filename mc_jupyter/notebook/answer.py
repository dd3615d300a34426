"""The output that a form's or a panel's Run writes into: an answer, what there was when it was stopped, or an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import ComposeError, InputError, Interrupted, NeedsWord, RunError, forget_frames
from mc_jupyter.events import Run
from mc_jupyter.notebook import outcome
from mc_jupyter.notebook.html import Bundle
from mc_jupyter.notebook.progress import Output
from mc_jupyter.notebook.showing import here
from mc_jupyter.values import Batch
from mc_jupyter.words import DEFAULT, listing

if TYPE_CHECKING:
    from mc_jupyter.notebook.word import Offer
    from mc_jupyter.session import Handle


class Answer:
    """Runs a component for a button, and shows in one Output widget what a cell would show."""

    def __init__(self, output: Any):
        self.output = output
        self.offer: Offer | None = None
        """The button under an error that asks for the user's word."""

    def run(
        self,
        handle: Handle,
        values: Mapping[str, Any],
        started: Callable[[Run], None] = lambda run: None,
        action: str = DEFAULT,
    ) -> str:
        """Call the component and show what it writes; gives how fast it was. `started` gets the run, to stop it.

        `action` names one of several actions. What goes wrong is shown, and nothing of ours raised; a fault of our own
        is raised besides, for the log.
        """
        self.output.outputs = ()
        self.close()
        try:
            if lacking := handle.missing(values, action):
                raise InputError(f"{handle.name} needs {listing([one.name for one in lacking], 'and')}")
            with Output(self, "live") as progress:
                started(progress.run)
                return self._called(handle, values, progress, action)
        except Exception as error:
            forget_frames(error, keep_traceback=not isinstance(error, ComposeError))
            self.fail(problem_of(error))
            if isinstance(error, NeedsWord) and error.wishes:
                self._ask(error, handle)
            if not isinstance(error, ComposeError):
                raise
        return ""

    def _called(self, handle: Handle, values: Mapping[str, Any], progress: Output, action: str) -> str:
        showing = here(handle.name, clicked=True)
        try:
            result = outcome.call(handle, values, progress, action=action)
        except Interrupted as error:
            outcome.show_partial(handle, error, progress, showing)
            if self.output.outputs:  # what there was stands there, marked as interrupted
                return ""
            raise Interrupted("interrupted before there was anything to show") from None
        speed = _speed(result, progress)
        showing = outcome.saved(result, progress, showing, handle.name)
        told = outcome.provenance(handle, progress, result)
        outcome.show(result, progress, told, _formatter(), showing)
        return speed

    def publish(self, bundle: Bundle, metadata: dict[str, Any] | None = None, **how: Any) -> None:
        """Take what a run shows, as a cell's output would: the last thing shown is the answer.

        What comes without a display's id, a picture's figures, stands after it.
        """
        shown = {"output_type": "display_data", "data": _transportable(bundle), "metadata": metadata or {}}
        # One assignment, not a clearing and a filling: the page would flicker at every piece. And set directly:
        # `with output:` would catch whatever else the kernel prints meanwhile.
        before = () if how.get("transient") else self.output.outputs
        self.output.outputs = () if bundle == {"text/plain": ""} else (*before, shown)

    def fail(self, error: ComposeError) -> None:
        """Show an error as a cell does."""
        told = {"ename": type(error).__name__, "evalue": str(error), "traceback": error._render_traceback_()}
        self.output.outputs = (*self.output.outputs, {"output_type": "error", **told})

    def _ask(self, error: NeedsWord, handle: Handle) -> None:
        """A button under the error. Whoever pressed Run is there to press it."""
        from mc_jupyter.notebook.word import Offer

        self.offer = Offer(error.wishes, handle.session.allowed.consent, "press Run again")
        self.publish(self.offer.bundle())

    def close(self) -> None:
        """Free the button, if there is one."""
        if self.offer is not None:
            self.offer.close()
            self.offer = None


def problem_of(error: Exception) -> ComposeError:
    """Any error as one that can be shown: what the libraries below say unexpectedly too."""
    return error if isinstance(error, ComposeError) else RunError(f"{type(error).__name__}: {error}")


def _transportable(bundle: Bundle) -> Bundle:
    """The bundle with pictures as base64 text, as outputs are stored."""
    import base64

    return {k: base64.b64encode(v).decode() if isinstance(v, bytes) else v for k, v in bundle.items()}


def _speed(result: Any, progress: Output) -> str:
    """`38 tokens/s` from the first piece on, or items a second of a batch: of the run alone, without loading."""
    seconds = progress.writing_seconds or progress.phase_seconds
    tokens = getattr(result, "tokens", None)
    if tokens and progress.writing_seconds and seconds > 0.0005:
        return f"{_figure(tokens / seconds)} tokens/s"
    count = len(result) if isinstance(result, Batch) else 1
    return f"{_figure(count / seconds)} items/s" if seconds > 0 else ""


def _figure(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def _formatter() -> Any:
    from IPython.core.formatters import DisplayFormatter
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return shell.display_formatter if shell is not None else DisplayFormatter()
