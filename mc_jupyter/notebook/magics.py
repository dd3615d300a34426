"""`%%compose` and `%compose`, and what `%config ComposeMagics` sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import magic_arguments
from traitlets import Bool, Dict, Enum, Int, List, Unicode, observe

from mc_jupyter.errors import ComposeError, Interrupted, forget_frames
from mc_jupyter.notebook import arguments, cells
from mc_jupyter.notebook.interrupt import Interrupt
from mc_jupyter.notebook.notebook import Notebook
from mc_jupyter.notebook.showing import MAX_PX
from mc_jupyter.trust.permissions import MAX_PIXELS

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

F = TypeVar("F", bound=Callable[..., Any])


def _magic(function: F) -> F:
    """The function as `%compose` and `%%compose`. Braces and dollars in its text belong to the YAML: no expansion."""
    for flag in reversed(cells.FLAGS):
        function = flag(function)
    made: F = no_var_expand(line_cell_magic(magic_arguments(name="compose")(function)))
    return made


@magics_class
class ComposeMagics(Magics):  # type: ignore[misc]  # IPython's types are not followed
    """The magic of one shell. What it does is its `notebook`'s; here stand the settings, and how errors are shown."""

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

    env = List(
        Unicode(),
        help="Environment variables that cells may read by ${env.NAME}: names and patterns, ['STYLE', 'DB_*'].",
    ).tag(config=True)

    def __init__(self, shell: InteractiveShell):
        self.interrupt = Interrupt(shell)
        self.notebook = Notebook(shell, self)  # it is told of settings that stand in IPython's configuration, too
        super().__init__(shell, parent=shell)

    @staticmethod
    def of(shell: InteractiveShell) -> ComposeMagics | None:
        """The one that is loaded into this shell."""
        found: ComposeMagics | None = shell.magics_manager.registry.get("ComposeMagics")
        return found

    def register(self) -> None:
        """Put the magic, our views and our completion into the shell."""
        from mc_jupyter.notebook import completion

        self.shell.register_magics(self)  # Magics has put itself among the shell's configurables
        self.notebook.display.register()
        self._matcher = completion.matcher(self.notebook)
        self.shell.Completer.custom_matchers.append(self._matcher)
        self.shell.events.register("post_run_cell", self.notebook.ended)
        self.interrupt.register()

    def unregister(self) -> None:
        """Everything that `register` and the cells since then put into the shell, taken out."""
        manager = self.shell.magics_manager
        for kind in ("line", "cell"):
            manager.magics[kind].pop("compose", None)
        manager.registry.pop("ComposeMagics", None)
        self.shell.configurables.remove(self)
        self.shell.Completer.custom_matchers.remove(self._matcher)
        self.shell.events.unregister("post_run_cell", self.notebook.ended)
        self.notebook.close()
        self.interrupt.unregister()
        self.notebook.display.unregister()

    @observe("memory", "allow_urls", "allow_paths", "max_pixels", "env")  # type: ignore[untyped-decorator,unused-ignore]
    def _configured(self, change: Any) -> None:
        self.notebook.configure()

    # --- the magic ----------------------------------------------------------------------------------------------------

    @_magic
    def compose(self, line: str, cell: str | None = None) -> Any:
        """Load the model that this cell of YAML describes, and run it when it has all its inputs.

        `%compose WORD` looks after what cells have defined: `%compose help` lists the words.
        """
        try:
            return self._line(line) if cell is None else cells.run(self.notebook, line, cell)
        except ComposeError as error:
            raise self._ready_to_show(error) from error.__cause__
        except KeyboardInterrupt as interrupt:
            forget_frames(interrupt)
            raise Interrupted("interrupted") from None
        except Exception as error:
            if self.full_tracebacks:
                self._shown_whole(error)
            else:
                forget_frames(error, keep_traceback=True)
            raise

    def _line(self, line: str) -> Any:
        from mc_jupyter.notebook import commands

        words, self.notebook.silent = arguments.split(line)
        command = commands.find(words[0] if words else "help", words[1:], self.notebook.names)
        found = arguments.parse(command.parser, words[1:])
        result = arguments.call(command.function, self.notebook, found)
        if self.notebook.silent:
            self.notebook.hide(result)
        return result

    def _ready_to_show(self, error: ComposeError) -> ComposeError:
        """The error without frames that keep tensors alive; or, if asked for, with the whole traceback."""
        if self.full_tracebacks:
            self._shown_whole(error)
            return error
        forget_frames(error)
        return error

    def _shown_whole(self, error: Exception) -> None:
        """Let the error be shown with its frames, as `%xmode` says, but for secrets that stand in their variables."""
        from mc_jupyter.trust.secrets import hidden

        tb, show = error.__traceback__, self.shell.InteractiveTB.structured_traceback
        error._render_traceback_ = lambda: [hidden(line) for line in show(type(error), error, tb)]  # type: ignore[attr-defined]
