"""`%%compose` and `%compose`: text to the session, results to the output."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments
from traitlets import Bool, Dict, Enum, Int, TraitError, Unicode, observe

from mc_jupyter.errors import ComposeError, InputError, Interrupted, UnknownName, forget_frames
from mc_jupyter.notebook import arguments
from mc_jupyter.notebook.display import Display
from mc_jupyter.notebook.showing import MAX_PX, Opened, Showing
from mc_jupyter.trust import MAX_PIXELS, Permissions
from mc_jupyter.words import did_you_mean

if TYPE_CHECKING:
    import argparse

    from IPython.core.interactiveshell import InteractiveShell

    from mc_jupyter.events import Run
    from mc_jupyter.notebook.progress import Output, Surface
    from mc_jupyter.session import Handle, Session

F = TypeVar("F", bound=Callable[..., Any])

_CELL = 2  # the number of a body's first line, the magic being line 1


_ARGUMENTS = (
    argument("name", nargs="?", metavar="NAME", help="The name to define: later cells call it as a function."),
    argument(
        "-i",
        "--input",
        action="append",
        metavar="KEY=VALUE",
        help="An input: key=value is text as written, key:=variable a Python variable, and so is its name alone.",
    ),
    argument("-o", "--out", metavar="VAR", help="Keep the result in this variable and show nothing of it."),
    argument("--check", action="store_true", help="Say what the cell would do; load and download nothing."),
    argument("--seed", type=int, metavar="N", help="Makes drawing repeatable."),
    argument("--device", help="As if the cell said device: …"),
    argument("--precision", help="As if the cell said precision: …"),
    argument("--quantization", help="As if the cell said quantization: …"),
    argument("--adapter", action="append", metavar="NAME=WEIGHT", help="As if the cell gave this adapter that weight."),
    argument("--panel", action="store_true", help="Show controls for the settings, the inputs and the model."),
    argument("--max-px", type=int, metavar="N", help="Store pictures with at most N pixels on a side; 0: as they are."),
    argument("--images", metavar="FOLDER", help="Save pictures in full in this folder."),
    argument("--file", metavar="FILE", help="Read the document from this file; the cell holds only comments."),
    argument("--save", metavar="FILE", help="Write the cell's document to this file, once it has loaded."),
)


def _magic(function: F) -> F:
    """The function as `%compose` and `%%compose`. Braces and dollars in its text belong to the YAML: no expansion."""
    for one in reversed(_ARGUMENTS):
        function = one(function)
    made: F = no_var_expand(line_cell_magic(magic_arguments(name="compose")(function)))
    return made


@magics_class
class ComposeMagics(Magics):  # type: ignore[misc]  # IPython's types are not followed
    """The magic, and all that this notebook holds: its session, its open forms, what it put into the shell."""

    full_tracebacks = Bool(False, help="Show Python's traceback of our errors too.").tag(config=True)
    forms = Enum(
        ("auto", "always", "never"),
        "auto",
        help="Show a form when inputs are missing: auto is where somebody can fill it in.",
    ).tag(config=True)

    memory = Dict(
        help="The most that models may take on a device: {'cpu': '8 GB', 'cuda': '20 GB'}. What is free counts besides."
    ).tag(config=True)

    max_px = Int(
        MAX_PX, min=0, help="The longest side, in pixels, that a notebook stores of a picture; 0: as large as it is."
    ).tag(config=True)
    images = Unicode("", help="A folder in which the pictures of cells are saved in full; empty: nowhere.").tag(
        config=True
    )

    allow_urls = Bool(False, help="Fetch http(s) addresses in inputs, of public hosts only.").tag(config=True)
    allow_paths = Bool(
        False, help="Read files outside the working folder that texts in inputs name. A pathlib.Path is always read."
    ).tag(config=True)
    max_pixels = Int(
        MAX_PIXELS, min=1, help="The largest image that is read: its width times its height, before it is decoded."
    ).tag(config=True)

    def __init__(self, shell: InteractiveShell):
        super().__init__(shell, parent=shell)  # its settings may stand in IPython's configuration
        self._session: Session | None = None
        self._silent = False  # whether the present line ends with `;`
        self._last_call: Output | None = None
        self._pictures: dict[str, tuple[int | None, str | None]] = {}  # what cells say of theirs, by component
        self.opened = Opened()
        self._display = Display(shell.display_formatter)

    @staticmethod
    def of(shell: InteractiveShell) -> ComposeMagics | None:
        """The one that is loaded into this shell."""
        found: ComposeMagics | None = shell.magics_manager.registry.get("ComposeMagics")
        return found

    @classmethod
    def cell_parser(cls) -> argparse.ArgumentParser:
        """What may stand on a cell's first line."""
        parser: argparse.ArgumentParser = cast(Any, cls.compose).parser
        return parser

    def register(self) -> None:
        from mc_jupyter.notebook import completion

        self.shell.register_magics(self)  # Magics has put itself among the shell's configurables
        self._display.register()
        self._matcher = completion.matcher(self)
        self.shell.Completer.custom_matchers.append(self._matcher)
        self.shell.events.register("post_run_cell", self._after_cell)

    def unregister(self) -> None:
        """Everything that `register` and the cells since then put into the shell, taken out."""
        manager = self.shell.magics_manager
        for kind in ("line", "cell"):
            manager.magics[kind].pop("compose", None)
        manager.registry.pop("ComposeMagics", None)
        self.shell.configurables.remove(self)
        self._display.unregister()
        self.shell.Completer.custom_matchers.remove(self._matcher)
        self.shell.events.unregister("post_run_cell", self._after_cell)
        self._after_cell()
        self.opened.close()
        if self._session is not None:
            if (panels := _panels()) is not None:
                panels.close(self._session)
            self._session.close()
            self._session = None

    def refresh_panels(self) -> None:
        """Let open panels show how things are now: what is loaded, or what a component's text says, has changed."""
        if self._session is not None and (panels := _panels()) is not None:
            panels.refresh(self._session)

    @property
    def session(self) -> Session:
        """This notebook's session, made when it is first needed."""
        if self._session is None:
            from mc_jupyter import Session

            self._session = Session(
                new_run=self._call_in_python, memory=_limits(self.memory), on_change=self.refresh_panels
            )
            self._session.permissions = self._permissions
        return self._session

    @observe("memory")  # type: ignore[untyped-decorator,unused-ignore]
    def _memory_changed(self, change: Any) -> None:
        if self._session is not None:
            self._session.limits = _limits(change["new"])

    @property
    def _permissions(self) -> Permissions:
        return Permissions(self.allow_urls, self.allow_paths, self.max_pixels)

    @observe("allow_urls", "allow_paths", "max_pixels")  # type: ignore[untyped-decorator,unused-ignore]
    def _permissions_changed(self, change: Any) -> None:
        if self._session is not None:
            self._session.permissions = self._permissions

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
        nowhere. A folder that cannot be made is an error before anything runs. `attended` says whether somebody can
        use a widget, where that is known.
        """
        from mc_jupyter.notebook import album

        if max_px is not None and (max_px < 0 or 0 < max_px < 16):
            raise InputError(f"--max-px {max_px}: should be 16 or more, or 0", fix=f"--max-px {MAX_PX}")
        live = self.opened if (self.interactive if attended is None else attended) else None
        if component is None:
            return Showing(self.max_px, live=live)
        side, folder = self._pictures.get(component, (None, None))
        given = (value for value in (max_px, side, self.max_px) if value is not None)
        place = next(value for value in (images, folder, self.images) if value is not None)
        if place:
            album.folder(place)
        return Showing(next(given), place, live=live)

    @property
    def names(self) -> tuple[str, ...]:
        """What has been defined so far. Asking makes no session."""
        return tuple(self._session.handles) if self._session else ()

    def defined(self, name: str) -> Handle | None:
        return self._session.handles.get(name) if self._session else None

    @property
    def interactive(self) -> bool:
        """Whether somebody can fill in a form: a kernel whose present request allows questions. nbclient's does not."""
        if self.forms != "auto":
            return bool(self.forms == "always")
        return bool(getattr(getattr(self.shell, "kernel", None), "_allow_stdin", False))

    # --- the magic ----------------------------------------------------------------------------------------------------

    @_magic
    def compose(self, line: str, cell: str | None = None) -> Any:
        """Load the model that this cell of YAML describes, and run it when it has all its inputs.

        `%compose WORD` looks after what cells have defined: `%compose help` lists the words.
        """
        try:
            return self._line(line) if cell is None else self._cell(line, cell)
        except ComposeError as error:
            raise self._ready_to_show(error) from error.__cause__
        except KeyboardInterrupt as interrupt:
            forget_frames(interrupt)
            raise Interrupted("interrupted") from None
        except Exception as error:
            if not self.full_tracebacks:
                forget_frames(error, keep_traceback=True)
            raise

    def _line(self, line: str) -> Any:
        from mc_jupyter.notebook import commands

        words, self._silent = arguments.split(line)
        word = words[0] if words else "help"
        command = commands.find(word)
        found = arguments.parse(command.parser, words[1:])
        result = arguments.call(command.function, self, found)
        if self._silent:
            self.hide(result)
        return result

    def _cell(self, line: str, cell: str) -> Any:
        words, self._silent = arguments.split(line)
        options = arguments.parse(self.cell_parser(), words)
        name = _new_name(options.name)
        arguments.variable(options.out)
        text, first_line = _document(options, cell)
        overrides = {
            k: v for k in ("device", "precision", "quantization", "seed") if (v := getattr(options, k)) is not None
        } | arguments.adapter_weights(options.adapter)
        if options.check:
            return self.session.check(text, first_line=first_line, overrides=overrides)
        planned = self.session.plan(text, first_line=first_line, overrides=overrides).component
        arguments.refuse_flags_of_pictures(planned, options.max_px, options.images)
        showing = self.showing("", options.max_px, options.images)
        given = self._given(options.input, text, first_line, overrides)
        if not options.panel:
            self._refuse_what_cannot_run(text, name, first_line, given)
        with self.progress() as progress:
            handle = self.session.load(text, name, first_line=first_line, overrides=overrides, run=progress.run)
            if options.save:
                _write_file(options.save, text)
            if name:
                self.shell.user_ns[name] = handle
            self._pictures[handle.name] = (options.max_px, options.images)
            if options.panel and not (given or self._silent):
                self.show_panel(handle)
                return None
            lacking = handle.missing(given)
            if not lacking:
                return self.perform(handle, given, progress, out=options.out, showing=showing)
            if not self._silent:
                self.present(handle, given, progress)
        return None

    def _refuse_what_cannot_run(self, text: str, name: str | None, first_line: int, given: dict[str, Any]) -> None:
        """Where nobody can fill in a form, a cell that is to run now needs its inputs: said before anything is loaded.

        A cell with a name and no inputs is not to run now: later cells call it.
        """
        component = self.session.plan(text, first_line=first_line).component
        if component is None or self.interactive or (name and not given):
            return
        if lacking := component.missing(given):
            raise arguments.missing(name or "this component", lacking, cell=True)

    def _given(self, words: list[str] | None, text: str, first_line: int, overrides: dict[str, Any]) -> dict[str, Any]:
        """The inputs of `-i`, read before anything is downloaded: a mistyped one costs no waiting."""
        if not words:
            return {}
        component = self.session.plan(text, first_line=first_line, overrides=overrides).component
        return arguments.inputs_of(words, component.inputs if component else (), self.shell.user_ns)

    # --- running and showing ------------------------------------------------------------------------------------------

    def progress(self) -> Output:
        """A run's one output, for a `with` block."""
        from mc_jupyter.notebook.progress import Output

        return Output(self.shell.display_pub, self._surface())

    def _surface(self) -> Surface:
        from IPython.core.displaypub import CapturingDisplayPublisher

        if isinstance(self.shell.display_pub, CapturingDisplayPublisher):
            return "quiet"
        return "live" if hasattr(self.shell, "kernel") else "terminal"

    def perform(
        self,
        handle: Handle,
        given: Mapping[str, Any],
        progress: Output,
        *,
        seed: int | None = None,
        out: str | None = None,
        showing: Showing | None = None,
    ) -> Any:
        """Call the handle, show its answer in the run's output, and give it back without its being shown again."""
        from mc_jupyter.notebook import outcome

        showing = showing or self.showing(handle.name)

        if self._silent or out is not None:
            progress.keep_text_back()
        try:
            result = outcome.call(handle, given, progress, seed)
        except Interrupted as error:
            showing = outcome.saved(error.partial, progress, showing, handle.name)
            outcome.show_partial(handle, error, progress, showing)
            if out is not None:
                self.shell.user_ns[out] = error.partial
            raise
        if out is not None:
            self.shell.user_ns[out] = result
        showing = outcome.saved(result, progress, showing, handle.name)
        if out is not None or self._silent or not progress.shows:
            outcome.tell_files(result, progress, showing)
        if out is not None:
            return None
        told = outcome.provenance(handle, progress, result)
        shows = progress.shows and not self._silent
        if self._silent or (shows and outcome.show(result, progress, told, self.shell.display_formatter, showing)):
            self.hide(result)
        return result

    def show(self, value: Any, progress: Output) -> None:
        """Show this in the run's output, and nowhere else."""
        from mc_jupyter.notebook import outcome

        outcome.show(value, progress, {}, self.shell.display_formatter, self.showing())
        self.hide(value)

    def present(self, handle: Handle, given: Mapping[str, Any], progress: Output) -> None:
        """Show what a cell has defined: its card, and where somebody is there, a form under it."""
        from mc_jupyter.notebook import outcome

        told = {"mc_jupyter": {"component": handle.name}}
        outcome.show(handle, progress, told, self.shell.display_formatter, self.showing())
        if self.interactive:
            self.show_form(handle, given)

    def show_form(self, handle: Handle, given: Mapping[str, Any]) -> None:
        """A form for the handle's inputs, in an output of its own: a card is read where no widget works."""
        from mc_jupyter.notebook.form import Form

        form = Form(handle, given)
        self.opened.put(handle.name, form)
        self.shell.display_pub.publish(form.bundle())

    def show_panel(self, handle: Handle) -> None:
        """Controls for the handle, in an output of their own."""
        self.shell.display_pub.publish(handle.panel()._repr_mimebundle_())

    def hide(self, result: Any) -> None:
        """Keep this value, the cell's result perhaps, from being shown: it has been, or shall not be."""

        def said() -> None:
            if self._surface() == "terminal":
                sys.stdout.write("\n")  # after its "Out[1]: "

        self._after_cell()
        self._display.hide(result, said)

    def _after_cell(self, *result: Any) -> None:
        """Let results be shown as usual again, and the next cell begin with an output of its own."""
        self._last_call = None
        self._display.restore()

    def _ready_to_show(self, error: ComposeError) -> ComposeError:
        """The error without frames that keep tensors alive; or, if asked for, with the whole traceback."""
        if self.full_tracebacks:
            tb, show = error.__traceback__, self.shell.InteractiveTB.structured_traceback
            error._render_traceback_ = lambda: show(type(error), error, tb)  # type: ignore[method-assign]
            return error
        forget_frames(error)
        return error


def _new_name(word: str | None) -> str | None:
    """A name for a component: a variable's, and no word of `%compose`, which would be read as one."""
    from mc_jupyter.notebook import commands

    if word in commands.COMMANDS:
        raise UnknownName(f"%%compose takes a new name, and {word!r} is a word of %compose", fix=f"%compose {word} …")
    if word is not None and hasattr(builtins, word):
        raise InputError(f"{word} is Python's own: a cell of that name would hide it", fix=f"%%compose my_{word}")
    return arguments.variable(word)


def _panels() -> Any:
    """The room of panels, if one was ever opened: without one there is no need to import it."""
    return sys.modules.get("mc_jupyter.notebook.panel")


def _limits(written: Mapping[str, Any]) -> dict[str, float]:
    """Bytes of a limit that may be written `8 GB`."""
    import re

    from mc_jupyter.words import parse_bytes

    for device in written:
        if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", str(device)):
            raise TraitError(f"{device!r} is no device whose memory can be limited: cpu, mps, cuda or cuda:N")

    try:
        return {str(device): parse_bytes(limit) for device, limit in written.items()}
    except ValueError as error:
        raise TraitError(str(error)) from None


def _document(options: argparse.Namespace, cell: str) -> tuple[str, int]:
    """The text to read and the number of its first line: the cell's, or a file's."""
    lines = [line for line in cell.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if options.file is None:
        if not lines:
            raise InputError("the cell is empty", fix="component:\n        type: model\n        model: starter:stories")
        return cell, _CELL
    if lines:
        raise InputError(f"the cell and --file {options.file} both hold a document", fix="keep one of them")
    return read_file(options.file), 1


def _write_file(name: str, text: str) -> None:
    try:
        Path(name).expanduser().write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {name}: {error.strerror or error}") from None


def read_file(name: str) -> str:
    """A document's text; where there is no such file, the nearest name."""
    path = Path(name).expanduser()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        there = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"cannot read {name}: {why}", fix=did_you_mean(path.name, there)) from None
