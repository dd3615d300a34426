"""How one call ends: its value, what is shown of it, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import InputError, Interrupted
from mc_jupyter.events import Run, stop_on_interrupt
from mc_jupyter.notebook import album, display, faces, pictures, slider
from mc_jupyter.notebook.html import text_bundle
from mc_jupyter.notebook.showing import Showing
from mc_jupyter.values import Batch, Faces, Text, is_image
from mc_jupyter.values.pictures import marked, origin
from mc_jupyter.values.streams import Stream

if TYPE_CHECKING:
    from mc_jupyter.notebook.magics import ComposeMagics
    from mc_jupyter.notebook.progress import Output
    from mc_jupyter.session import Handle


def call(handle: Handle, given: Mapping[str, Any], progress: Output, seed: int | None) -> Any:
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


def _read(stream: Stream, progress: Output) -> Any:
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


def saved(result: Any, progress: Output, showing: Showing, name: str) -> Showing:
    """The same way of showing, knowing the files of the result's pictures: they are saved where it names a folder.

    A disk that is full costs nobody the result: it is shown, with a note. Of an interrupted run,
    what is finished is saved.
    """
    images = [image for image in pictures.images_of(result) if not origin(image).facts.get("interrupted")]
    if not images or not showing.folder:
        return showing
    try:
        return replace(showing, kept=album.keep(images, showing.folder, name))
    except InputError as error:
        progress.run.note(str(error).splitlines()[0])
        return showing


def tell_files(result: Any, progress: Output, showing: Showing) -> None:
    """Say where pictures are that are not shown."""
    if files := pictures.files_of(result, showing):
        progress.run.note(f"saved as {files}")


def show(
    result: Any,
    progress: Output,
    metadata: dict[str, Any],
    formatter: Any,
    showing: Showing | None = None,
    live: ComposeMagics | None = None,
) -> bool:
    """Put the answer into the run's output. Says whether there was anything to show.

    `live` is the notebook, where somebody can move what moves; it closes that when it goes.
    """
    if result is None:
        return False
    if pictures.are_pictures(result):
        _show_pictures(result, progress, metadata, showing or Showing(), live)
        return True
    figures = display.text_figures(result, progress.writing_seconds) if isinstance(result, Text) else ""
    bundle = text_bundle(str(result), figures) if isinstance(result, Text) else display.bundle(result)
    if isinstance(result, Faces):
        bundle = faces.bundle(result, showing)
    elif isinstance(result, Mapping) and pictures.images_of(result):
        bundle = display.mapping_bundle(result, showing or Showing())
    if bundle is None:
        bundle, found = formatter.format(result)
        metadata = {**found, **metadata}
    progress.show(bundle, metadata, figures=figures)
    return True


def _show_pictures(
    result: Any, progress: Output, metadata: dict[str, Any], showing: Showing, live: ComposeMagics | None
) -> None:
    if not slider.has_before(result):
        below = pictures.lines(result, showing) if is_image(result) else ()
        progress.show(pictures.bundle(result, showing), metadata, below=below)
        return
    # Two outputs: a saved notebook prefers a widget, though it is dead, to whatever stands in the same output.
    moving = [slider.opened(result, live).bundle()] if live is not None else []
    progress.show(slider.bundle(result, showing), metadata, below=slider.lines(result, showing), beside=moving)


def show_partial(handle: Handle | None, error: Interrupted, progress: Output, showing: Showing | None = None) -> None:
    """Leave what there was when the user stopped it, marked as such. `error.partial` is what is shown."""
    error.partial = _partial(error, progress)
    metadata = provenance(handle, progress, error.partial) if handle is not None else {}
    if pictures.are_pictures(error.partial):
        _show_pictures(error.partial, progress, metadata, showing or Showing(), None)
        return
    text = error.partial if isinstance(error.partial, str) else progress.account.text()
    if not text:
        return
    count = getattr(error.partial, "tokens", None) or progress.account.count
    figures = f"interrupted after {count:,} token{'s' if count != 1 else ''}"
    progress.show(text_bundle(str(text), figures), metadata, figures=figures)


def _partial(error: Interrupted, progress: Output) -> Any:
    """What a driver gave when it was stopped; where that is no picture, the last that was seen of each on its way."""
    account = progress.account
    if pictures.images_of(error.partial) or not account.previews:
        return error.partial
    at = f"{account.unit.removesuffix('s')} {account.done} of {account.total}" if account.total else "work"
    seen = [marked(image.copy(), interrupted=at) for _, image in sorted(account.previews.items())]
    return seen[0] if len(seen) == 1 else Batch(seen)


def provenance(handle: Handle, progress: Output, result: Any) -> dict[str, Any]:
    """What the output's metadata remembers: which model gave this, where, and how. Of inputs prompts of pictures."""
    found = {
        "component": handle.name,
        **handle.provenance(),
        **_drawn(result),
        **pictures.facts(result),
        "seconds": round(progress.seconds, 3),
    }
    return {"mc_jupyter": {name: value for name, value in found.items() if value not in (None, {})}}


def _drawn(result: Any) -> dict[str, Any]:
    """The seed and the tokens of a text; of several, the seeds and the tokens of all."""
    if not isinstance(result, Batch):
        return {name: getattr(result, name, None) for name in ("seed", "tokens")}
    seeds = [seed for one in result if (seed := getattr(one, "seed", None)) is not None]
    tokens = [count for one in result if (count := getattr(one, "tokens", None)) is not None]
    return {"seeds": seeds or None, "tokens": sum(tokens) if tokens else None}
