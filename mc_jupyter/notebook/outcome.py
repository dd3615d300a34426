"""How one call ends: its value, what is shown of it, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import Interrupted
from mc_jupyter.events import Run, stop_on_interrupt
from mc_jupyter.notebook import display
from mc_jupyter.values import Text
from mc_jupyter.values.streams import Stream

if TYPE_CHECKING:
    from mc_jupyter.handles import Handle
    from mc_jupyter.notebook.progress import Progress


def call(handle: Handle, given: Mapping[str, Any], progress: Progress, seed: int | None) -> Any:
    """The value of a call; a stream is read to its end, its pieces shown as they come."""
    result = handle(dict(given), run=progress.run, seed=seed)
    return _read(result, progress) if isinstance(result, Stream) else result


class _Interrupt(Run):
    """Hears the interrupt of a stream being read. The run itself cannot say: its stream stops it when it ends, too."""

    def __init__(self, run: Run):
        super().__init__()
        self.run = run

    def stop(self) -> None:
        super().stop()
        self.run.stop()


def _read(stream: Stream, progress: Progress) -> Any:
    interrupt = _Interrupt(progress.run)
    with stop_on_interrupt(interrupt):
        pieces = stream.collect()
    whole = getattr(stream, "result", None)
    if whole is None:
        whole = "".join(pieces) if all(isinstance(piece, str) for piece in pieces) else pieces
    if interrupt.stopped:
        error = Interrupted(f"interrupted after {progress.account.count:,} tokens")
        error.partial = whole
        raise error
    return whole


def show(result: Any, progress: Progress, metadata: dict[str, Any], formatter: Any) -> bool:
    """Put the answer into the run's output. Says whether there was anything to show."""
    if result is None:
        return False
    figures = display.text_figures(result, progress.writing_seconds) if isinstance(result, Text) else ""
    bundle = display.text_bundle(str(result), figures) if isinstance(result, Text) else display.bundle(result)
    if bundle is None:
        bundle, found = formatter.format(result)
        metadata = {**found, **metadata}
    progress.show(bundle, metadata, figures=figures)
    return True


def show_partial(error: Interrupted, progress: Progress, metadata: dict[str, Any]) -> None:
    """Leave what there was when the user stopped it, marked as such."""
    text = error.partial if isinstance(error.partial, str) else progress.account.text()
    if not text:
        return
    count = getattr(error.partial, "tokens", None) or progress.account.count
    figures = f"interrupted after {count:,} token{'s' if count != 1 else ''}"
    progress.show(display.text_bundle(str(text), figures), metadata, figures=figures)


def provenance(handle: Handle, progress: Progress, result: Any) -> dict[str, Any]:
    """What the output's metadata remembers: which model gave this, where, and how. Never an input."""
    facts, checkpoint = handle.facts(), handle.component.checkpoint
    found = {
        "component": handle.name,
        "task": handle.component.task.name if handle.component.task else None,
        "model": handle.component.subject,
        "revision": getattr(checkpoint, "revision", None),
        "driver": handle.component.driver.name if handle.component.driver else None,
        "device": facts.device if facts else None,
        "dtype": facts.dtype if facts else None,
        "quantization": facts.quantization if facts else None,
        "adapters": {plan.name: weight for plan, weight in handle.loaded.adapters} if handle.loaded else None,
        "seed": getattr(result, "seed", None),
        "tokens": getattr(result, "tokens", None),
        "seconds": round(progress.seconds, 3),
    }
    return {"mc_jupyter": {name: value for name, value in found.items() if value not in (None, {})}}
