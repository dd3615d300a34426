"""How one call ends: its value, what is shown of it, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import InputError, Interrupted
from mc_jupyter.interrupts import stop_on_interrupt
from mc_jupyter.notebook import album, views
from mc_jupyter.notebook.html import text_bundle
from mc_jupyter.notebook.showing import Showing
from mc_jupyter.notebook.views import Shown
from mc_jupyter.values.streams import Stream
from mc_jupyter.words import DEFAULT

if TYPE_CHECKING:
    from mc_jupyter.notebook.progress import Output
    from mc_jupyter.session import Handle


def call(
    handle: Handle, given: Mapping[str, Any], progress: Output, *, seed: int | None = None, action: str = DEFAULT
) -> Any:
    """The value of a call; a stream is read to its end, its pieces shown as they come."""
    result = handle(dict(given), run=progress.run, seed=seed, action=action)
    return _read(result, progress) if isinstance(result, Stream) else result


def _read(stream: Stream, progress: Output) -> Any:
    with stop_on_interrupt(progress.run):
        pieces = stream.collect()
    whole = getattr(stream, "result", None)
    if whole is None:
        written = progress.account.count and all(isinstance(piece, str) for piece in pieces)
        whole = "".join(pieces) if written else pieces  # pieces of a text that was written; else values, one by one
    if progress.run.stopped:
        count = progress.account.count
        error = Interrupted(f"interrupted after {count:,} token{'' if count == 1 else 's'}")
        error.partial = whole
        raise error
    return whole


def saved(result: Any, progress: Output, showing: Showing, name: str) -> Showing:
    """The same way of showing, knowing the files of the result's pictures: they are saved where it names a folder.

    A disk that is full costs nobody the result: it is shown, with a note.
    """
    try:
        return album.saved(result, showing, name)
    except InputError as error:
        progress.run.note(str(error).splitlines()[0])
        return showing


def tell_files(result: Any, progress: Output, showing: Showing) -> None:
    """Say where pictures are that are not shown."""
    if files := album.files_of(album.images_of(result), showing):
        progress.run.note(f"saved as {files}")


def show(result: Any, progress: Output, metadata: dict[str, Any], formatter: Any, showing: Showing) -> bool:
    """Put the answer into the run's output, as its view says, or IPython's `formatter` of what has no view.

    Says whether there was anything to show.
    """
    if result is None:
        return False
    view = views.of(result, showing)
    _put(view.in_run(progress.writing_seconds) if view else Shown(*formatter.format(result)), progress, metadata)
    return True


def _put(shown: Shown, progress: Output, metadata: dict[str, Any]) -> None:
    told = {**shown.metadata, **metadata}
    progress.show(shown.bundle, told, figures=shown.figures, below=shown.below, beside=shown.beside)


def show_partial(handle: Handle | None, error: Interrupted, progress: Output, showing: Showing) -> None:
    """Leave what there was when the user stopped it, marked as such. `error.partial` is what is shown."""
    error.partial = progress.account.partial(error.partial)
    count = getattr(error.partial, "tokens", None) or progress.account.count
    figures = f"interrupted after {count:,} token{'s' if count != 1 else ''}"
    view = views.of(error.partial, replace(showing, live=None))
    shown = view.interrupted(figures) if view else None
    if shown is None and (text := progress.account.text()):
        shown = Shown(text_bundle(text, figures), figures=figures)
    if shown is not None:
        metadata = provenance(handle, progress, error.partial) if handle is not None else {}
        _put(shown, progress, metadata)


def provenance(handle: Handle, progress: Output, result: Any) -> dict[str, Any]:
    """What the output's metadata remembers: which model gave this, where, and how. Of inputs prompts of pictures."""
    view = views.of(result, Showing())
    found = {
        "component": handle.name,
        **handle.provenance(),
        **(view.facts() if view else {}),
        "seconds": round(progress.seconds, 3),
    }
    return {"mc_jupyter": {name: value for name, value in found.items() if value not in (None, {})}}
