"""What one notebook holds and does: its session, what is open in it, and how runs and results are shown."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from traitlets import TraitError

from mc_jupyter.errors import InputError, Interrupted, NeedsWord
from mc_jupyter.notebook.display import Display
from mc_jupyter.notebook.showing import MAX_PX, Opened, Showing
from mc_jupyter.trust.permissions import Permissions
from mc_jupyter.words import DEFAULT

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

    from mc_jupyter.events import Run
    from mc_jupyter.notebook.progress import Output, Surface
    from mc_jupyter.session import Handle, Session


class Settings(Protocol):
    """What `%config ComposeMagics.…` may say; described there."""

    forms: str
    memory: Mapping[str, Any]
    max_px: int
    images: str
    allow_urls: bool
    allow_paths: bool
    max_pixels: int
    env: list[str]


class Notebook:
    """One shell's components and outputs. Commands, cells, forms and completion work on it; it knows no magic.

    `shell` is IPython's; `settings` is read whenever it matters, and `configure` says that it has changed.
    """

    def __init__(self, shell: InteractiveShell, settings: Settings):
        self.shell = shell
        self.settings = settings
        self.display = Display(shell.display_formatter)
        self.opened = Opened()
        self.pictures: dict[str, tuple[int | None, str | None]] = {}
        """What cells say of their pictures, by component: `--max-px` and `--images`."""
        self.silent = False
        """Whether the present line ends with `;`."""
        self._session: Session | None = None
        self._last_call: Output | None = None

    def close(self) -> None:
        """Close what is open, and free the models."""
        self.end_cell()
        self.opened.close()
        if self._session is not None:
            if (panels := _panels()) is not None:
                panels.close(self._session)
            self._session.close()
            self._session = None

    # --- the session --------------------------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """This notebook's session, made when it is first needed. TraitError where a limit of memory is none."""
        if self._session is None:
            from mc_jupyter.notebook.panel import panel
            from mc_jupyter.session import Session

            limits = _limits(self.settings.memory)
            self._session = Session(
                new_run=self._call_in_python, panel=panel, memory=limits, on_change=self.refresh_panels
            )
            self._session.permissions = self.permissions
            self._session.allowed = self._session.allowed.also(self.settings.env)
            self._session.allowed.consent.where = lambda: "attended" if self.attended else "unattended"
        return self._session

    def configure(self) -> None:
        """Let the session do as the settings now say. TraitError where a limit of memory is none."""
        if self._session is not None:
            self._session.limits = _limits(self.settings.memory)
            self._session.permissions = self.permissions
            self._session.allowed = self._session.allowed.also(self.settings.env)

    @property
    def permissions(self) -> Permissions:
        """What texts may reach, whatever the component: as the settings say."""
        return Permissions(self.settings.allow_urls, self.settings.allow_paths, self.settings.max_pixels)

    @property
    def names(self) -> tuple[str, ...]:
        """What has been defined so far. Asking makes no session."""
        return tuple(self._session.handles) if self._session else ()

    @property
    def wanted(self) -> tuple[str, ...]:
        """What cells have asked the user for. Asking makes no session."""
        asked = self._session.allowed.consent.asked.values() if self._session else ()
        return tuple(sorted({wish.name for wish in asked}))

    def defined(self, name: str) -> Handle | None:
        """The component of that name, if a cell has defined it. Asking makes no session."""
        return self._session.handles.get(name) if self._session else None

    # --- how it shows -------------------------------------------------------------------------------------------------

    @property
    def interactive(self) -> bool:
        """Whether somebody can fill in a form: a kernel whose present request allows questions. nbclient's does not."""
        if self.settings.forms != "auto":
            return self.settings.forms == "always"
        return bool(getattr(getattr(self.shell, "kernel", None), "_allow_stdin", False))

    @property
    def attended(self) -> bool:
        """Whether somebody is there to give a word: at a front-end that can ask, or at a terminal."""
        terminal = not hasattr(self.shell, "kernel") and sys.stdin is not None and sys.stdin.isatty()
        return self.interactive or terminal

    def showing(
        self,
        component: str | None = None,
        max_px: int | None = None,
        images: str | None = None,
        *,
        attended: bool | None = None,
    ) -> Showing:
        """How results of a component are shown: as the line says, else as its cell said, else as this notebook does.

        Of a new component the name is empty. Without one it is a value of a Python cell: its pictures are saved
        nowhere. `attended` says whether somebody can use a widget, where that is known. InputError for a limit that
        cannot be and for a folder that cannot be made, before anything runs.
        """
        from mc_jupyter.notebook import album

        if max_px is not None and (max_px < 0 or 0 < max_px < 16):
            raise InputError(f"--max-px {max_px}: should be 16 or more, or 0", fix=f"--max-px {MAX_PX}")
        live = self.opened if (self.interactive if attended is None else attended) else None
        if component is None:
            return Showing(self.settings.max_px, live=live)
        side, folder = self.pictures.get(component, (None, None))
        given = (value for value in (max_px, side, self.settings.max_px) if value is not None)
        said = folder if images is None else images
        place = self.settings.images if said is None else said
        if place:
            # What a line says is data; the configuration is the user's own word.
            album.folder(place, self.permissions.and_also(paths=said is None))
        return Showing(next(given), place, live=live)

    def progress(self) -> Output:
        """A run's one output, for a `with` block."""
        from mc_jupyter.notebook.progress import Output

        return Output(self.shell.display_pub, self._surface())

    def _surface(self) -> Surface:
        from IPython.core.displaypub import CapturingDisplayPublisher

        if isinstance(self.shell.display_pub, CapturingDisplayPublisher):
            return "quiet"
        return "live" if hasattr(self.shell, "kernel") else "terminal"

    @contextmanager
    def _call_in_python(self) -> Iterator[Run]:
        """A run for `story("…")` in a Python cell: what it shows goes when it ends, for its value is shown as any is.

        The calls of one cell take turns in one output, so that a loop of them leaves no more than one call does.
        """
        from mc_jupyter.notebook import outcome
        from mc_jupyter.notebook.progress import Output

        surface: Surface = "live" if self._surface() == "live" else "quiet"
        with Output(self.shell.display_pub, surface, patient=True, after=self._last_call) as progress:
            self._last_call = progress
            try:
                yield progress.run
            except Interrupted as error:
                outcome.show_partial(None, error, progress, self.showing())
                raise

    # --- running and showing ------------------------------------------------------------------------------------------

    def perform(
        self,
        handle: Handle,
        given: Mapping[str, Any],
        progress: Output,
        *,
        seed: int | None = None,
        action: str = DEFAULT,
        out: str | None = None,
        showing: Showing | None = None,
    ) -> Any:
        """Call the handle, show its answer in the run's output, and give it back without its being shown again.

        `seed` and `action` are as in a call. With `out` the answer goes into that variable, and nothing of it is shown.
        Interrupted, with what there was by then shown and kept in the same way, when the user stops it.
        """
        from mc_jupyter.notebook import outcome

        showing = showing or self.showing(handle.name)
        if self.silent or out is not None:
            progress.keep_text_back()
        try:
            result = outcome.call(handle, given, progress, seed=seed, action=action)
        except Interrupted as error:
            showing = outcome.saved(error.partial, progress, showing, handle.name)
            outcome.show_partial(handle, error, progress, showing)
            if out is not None:
                self.shell.user_ns[out] = error.partial
            raise
        if out is not None:
            self.shell.user_ns[out] = result
        showing = outcome.saved(result, progress, showing, handle.name)
        shows = progress.shows and not self.silent and out is None
        if not shows:
            outcome.tell_files(result, progress, showing)
        if out is not None:
            return None
        told = outcome.provenance(handle, progress, result)
        if self.silent or (shows and outcome.show(result, progress, told, self.shell.display_formatter, showing)):
            self.hide(result)
        return result

    def show(self, value: Any, progress: Output) -> None:
        """Show this in the run's output, and nowhere else."""
        from mc_jupyter.notebook import outcome

        outcome.show(value, progress, {}, self.shell.display_formatter, self.showing())
        self.hide(value)

    def present(self, handle: Handle, given: Mapping[str, Any], progress: Output, *, action: str = DEFAULT) -> None:
        """Show what a cell has defined: its card, and where somebody is there, a form under it.

        `given` and `action` are what the form begins with.
        """
        from mc_jupyter.notebook import outcome

        progress.account.told([text for _, text in handle.card()])
        told = {"mc_jupyter": {"component": handle.name}}
        outcome.show(handle, progress, told, self.shell.display_formatter, self.showing())
        if self.interactive:
            self.show_form(handle, given, action=action)

    def show_form(self, handle: Handle, given: Mapping[str, Any], *, action: str = DEFAULT) -> None:
        """A form for the handle's inputs, in an output of its own: a card is read where no widget works."""
        from mc_jupyter.notebook.form import Form

        form = Form(handle, given, action)
        self.opened.put(handle.name, form)
        self.shell.display_pub.publish(form.bundle())

    def offer(self, error: NeedsWord) -> None:
        """A button that gives the word which this error asks for, where somebody can press it."""
        if self.interactive and error.wishes:
            from mc_jupyter.notebook.word import Offer

            offer = Offer(error.wishes, self.session.allowed.consent)
            self.opened.put("a word", offer)
            self.shell.display_pub.publish(offer.bundle())

    def show_panel(self, handle: Handle) -> None:
        """Controls for the handle, in an output of their own."""
        self.shell.display_pub.publish(handle.panel()._repr_mimebundle_())

    def refresh_panels(self) -> None:
        """Let open panels show how things are now: what is loaded, or what a component's text says, has changed."""
        if self._session is not None and (panels := _panels()) is not None:
            panels.refresh(self._session)

    def hide(self, result: Any) -> None:
        """Keep this value, the cell's result perhaps, from being shown: it has been, or shall not be."""

        def said() -> None:
            if self._surface() == "terminal":
                sys.stdout.write("\n")  # after its "Out[1]: "

        self.end_cell()
        self.display.hide(result, said)

    def ended(self, result: ExecutionResult) -> None:
        """A cell has run, and its error has been shown: under one that asks for a word stands a button.

        Whoever asked, a line of ours or a call in a cell of Python, which may as well have gone on without it.
        """
        self.end_cell()
        if isinstance(result.error_in_exec, NeedsWord):
            self.offer(result.error_in_exec)

    def end_cell(self) -> None:
        """Let results be shown as usual again, and the next cell begin with an output of its own."""
        self._last_call = None
        self.display.restore()


def _panels() -> Any:
    """The room of panels, if one was ever opened: without one there is no need to import it."""
    return sys.modules.get("mc_jupyter.notebook.panel")


def _limits(written: Mapping[str, Any]) -> dict[str, float]:
    """Bytes of limits that may be written `8 GB`."""
    from mc_jupyter.words import parse_bytes

    for device in written:
        if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", str(device)):
            raise TraitError(f"{device!r} is no device whose memory can be limited: cpu, mps, cuda or cuda:N")
    try:
        return {str(device): parse_bytes(limit) for device, limit in written.items()}
    except ValueError as error:
        raise TraitError(str(error)) from None
