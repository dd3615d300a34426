"""What a `%%compose` cell does: the flags of its line, and the road from its text to its answer."""

from __future__ import annotations

import argparse
import builtins
from functools import cache
from typing import TYPE_CHECKING, Any

from IPython.core.magic_arguments import MagicArgumentParser, argument

from mc_jupyter.errors import InputError, UnknownName
from mc_jupyter.notebook import arguments, documents
from mc_jupyter.words import DEFAULT

if TYPE_CHECKING:
    from mc_jupyter.components import Planned
    from mc_jupyter.notebook.notebook import Notebook
    from mc_jupyter.trust.permissions import Permissions

_FIRST = 2  # the number of a body's first line, the magic being line 1
_OVERRIDES = ("device", "precision", "quantization", "seed")

FLAGS = (
    argument("name", nargs="?", metavar="NAME", help="The name to define: later cells call it as a function."),
    argument(
        "-i",
        "--input",
        action="append",
        metavar="KEY=VALUE",
        help="An input: key=value is text as written, key:=variable a Python variable, and so is its name alone.",
    ),
    argument("--action", default=DEFAULT, metavar="ACTION", help="Of several actions, the one to call."),
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
    argument(
        "--file",
        metavar="FILE",
        help="Read the document from this .yml; the cell holds only comments.",
    ),
    argument(
        "--save",
        metavar="FILE",
        help="Write the cell's document to this .yml, once it has loaded.",
    ),
)
"""What may stand on a cell's first line, as IPython's `magic_arguments` takes it."""


@cache
def parser() -> argparse.ArgumentParser:
    """The parser of a cell's first line."""
    made: argparse.ArgumentParser = MagicArgumentParser("compose")
    for flag in FLAGS:
        flag.add_to_parser(made, None)
    return made


def run(notebook: Notebook, line: str, cell: str) -> Any:
    """Define the component that a cell describes, and call it where it is to run now; gives its answer.

    `line` is what stands after `%%compose`, `cell` the text under it. With `--check` the plan is the answer.
    """
    from mc_jupyter.engine import misgiven

    words, notebook.silent = arguments.split(line)
    options = arguments.parse(parser(), words)
    name = _new_name(options.name)
    arguments.variable(options.out)
    text, first_line = _document(options, cell, notebook.permissions)
    if options.save is not None:
        documents.place_of(options.save)  # before anything is downloaded
    overrides = {k: v for k in _OVERRIDES if (v := getattr(options, k)) is not None}
    overrides |= arguments.adapter_weights(options.adapter)
    if options.check:
        return notebook.session.check(text, first_line=first_line, overrides=overrides)
    plan = notebook.session.plan(text, first_line=first_line, overrides=overrides)
    planned = plan.component
    arguments.refuse_flags_of_pictures(planned, options.max_px, options.images)
    showing = notebook.showing("", options.max_px, options.images)
    # Read before anything is downloaded: a mistyped one costs no waiting.
    only_defines = planned is not None and _only_defines(notebook, planned, options)
    known = planned.inputs_for(options.action) if planned and not only_defines else ()
    if planned is not None and not only_defines:
        given_words = misgiven.words_of(options.input or ())
        misgiven.refuse(name or "this", planned, given_words, "FIELD: VALUE there", action=options.action)
    allowed = planned.permissions(notebook.permissions) if planned else notebook.permissions
    given = arguments.inputs_of(options.input or (), known, notebook.shell.user_ns, allowed)
    if planned is not None and not options.panel and not only_defines:
        _refuse_what_cannot_run(notebook, planned, name, given, options.action)
    with notebook.progress() as progress:
        handle = notebook.session.load(
            text, name, first_line=first_line, overrides=overrides, plan=plan, run=progress.run
        )
        if options.save is not None:
            documents.write(options.save, text)
        if name:
            notebook.shell.user_ns[name] = handle
        notebook.pictures[handle.name] = (options.max_px, options.images)
        if options.panel and not (given or notebook.silent):
            notebook.show_panel(handle)
            return None
        if not (only_defines or handle.missing(given, options.action)):
            return notebook.perform(handle, given, progress, action=options.action, out=options.out, showing=showing)
        if not notebook.silent:
            notebook.present(handle, given, progress, action=options.action)
    return None


def _only_defines(notebook: Notebook, planned: Planned, options: argparse.Namespace) -> bool:
    """Whether a cell cannot be called as it stands, and need not be: of several actions its line names none.

    A call of it names one, or a form asks which.
    """
    unnamed = options.action == DEFAULT and planned.component.default_action is None
    return unnamed and not options.input and bool(options.name or options.panel or notebook.interactive)


def _refuse_what_cannot_run(
    notebook: Notebook, planned: Planned, name: str | None, given: dict[str, Any], action: str
) -> None:
    """Where nobody can fill in a form, a cell that is to run now needs its inputs: said before anything is loaded.

    A cell with a name and no inputs is not to run now: later cells call it.
    """
    if notebook.interactive or (name and not given):
        return
    if lacking := planned.missing(given, action):
        raise arguments.missing(name or "this component", lacking, action=action, cell=True)


def _new_name(word: str | None) -> str | None:
    """A name for a component: a variable's, and no word of `%compose`, which would be read as one."""
    from mc_jupyter.notebook import commands

    if word in commands.COMMANDS:
        raise UnknownName(f"%%compose takes a new name, and {word!r} is a word of %compose", fix=f"%compose {word} …")
    if word is not None and hasattr(builtins, word):
        raise InputError(f"{word} is Python's own: a cell of that name would hide it", fix=f"%%compose my_{word}")
    return arguments.variable(word)


def _document(options: argparse.Namespace, cell: str, permissions: Permissions) -> tuple[str, int]:
    """The text to read and the number of its first line: the cell's, or a file's."""
    lines = [line for line in cell.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if options.file is None:
        if not lines:
            raise InputError("the cell is empty", fix="component:\n        type: model\n        model: starter:stories")
        return cell, _FIRST
    if lines:
        raise InputError(f"the cell and --file {options.file} both hold a document", fix="keep one of them")
    return documents.read(options.file, permissions), 1
