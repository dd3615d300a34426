"""The words after `%compose`, one function each.

To add one, write a function marked `@command`: its name is the word, its first line the help, and its signature the
grammar (see `arguments`). What it returns is shown. Nothing else is edited.
"""

from __future__ import annotations

import argparse
import inspect
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mc_jupyter import words
from mc_jupyter.errors import InputError, NeedsWord, UnknownName
from mc_jupyter.notebook import arguments, documents
from mc_jupyter.trust import ways
from mc_jupyter.words import DEFAULT, hinted, listing

if TYPE_CHECKING:
    from mc_jupyter.comparison import Comparison
    from mc_jupyter.document.plan import Plan
    from mc_jupyter.engine.report import MemoryReport
    from mc_jupyter.notebook.html import Page, Table
    from mc_jupyter.notebook.notebook import Notebook
    from mc_jupyter.session import Handle
    from mc_jupyter.trust.permissions import Permissions


@dataclass(frozen=True)
class Command:
    """One word: what it does, and how its line is read."""

    word: str
    function: Callable[..., Any]

    @cached_property
    def parser(self) -> argparse.ArgumentParser:
        return arguments.grammar(self.word, self.function)

    @property
    def usage(self) -> str:
        return arguments.usage(self.parser)

    @property
    def help(self) -> str:
        return inspect.cleandoc(self.function.__doc__ or "")

    @property
    def summary(self) -> str:
        return self.help.partition("\n")[0]


_WORTH_SAYING = 0.3  # seconds that a change is expected to take before it is announced
_LASTING = ("cast", "adapters", "reload")

COMMANDS: dict[str, Command] = {}
"""Every word, filled by `@command`."""


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function a word of `%compose`."""
    word = function.__name__.rstrip("_")
    COMMANDS[word] = Command(word, function)
    return function


_ELSEWHERE = {
    "ls": "ps list status models components jobs",
    "run": "call exec start invoke generate ask predict",
    "load": "up import open",
    "pull": "download fetch get",
    "set": "config edit update change configure",
    "show": "inspect info describe cat card",
    "check": "plan validate dry-run lint config-check",
    "mem": "memory top stats free df usage ram",
    "unload": "rm remove delete kill stop down close clear release",
    "schema": "fields reference language syntax tasks drivers",
    "doctor": "version diagnose env debug",
    "compare": "diff benchmark bench test",
    "panel": "widget ui controls gui",
}
_MEANT = {word: ours for ours, words in _ELSEWHERE.items() for word in words.split()}
"""What others call it, who look after containers or models: the word → ours."""


def find(word: str, behind: Sequence[str] = (), components: Sequence[str] = ()) -> Command:
    """The command of a word. UnknownName, with the line that was meant, for one that there is not.

    `behind` are the words after it, `components` the names that may have been taken for one.
    """
    if word in COMMANDS:
        return COMMANDS[word]
    line = " ".join(shlex.quote(one) if not one.startswith("-") else one for one in behind)
    if word in components:
        raise UnknownName(f"{word} is a component, and no word of %compose", fix=f"%compose run {word} {line}".rstrip())
    if (meant := _MEANT.get(word.lower())) is not None:
        line = line or ("--all" if meant == "unload" else "")
        raise UnknownName(f"%compose has no word {word!r}: here it is {meant}", fix=f"%compose {meant} {line}".rstrip())
    raise UnknownName(
        hinted(f"%compose has no word {word!r}", word, COMMANDS), fix=f"%compose {listing(list(COMMANDS))}"
    )


# --- running ----------------------------------------------------------------------------------------------------------


@command
def run(
    notebook: Notebook,
    name: str,
    *given: str,
    input: Sequence[str] = (),
    action: str = DEFAULT,
    out: str | None = None,
    seed: int | None = None,
    max_px: int | None = None,
    images: str | None = None,
) -> Any:
    """Call what a cell has defined, and show the answer.

    key=value is text exactly as written (quote it as in a shell), or what the input is: a number, true or false, JSON,
    the path of an image. key:=variable gives a Python variable, and so does the name of a variable alone.
    The answer is the value of the line: answer = %compose run sentiment text="I love it"
    Of a component with several actions, --action names one; else the default one is called.
    Pictures are stored with at most --max-px pixels on a side (0: as they are), and saved in full in the folder of
    --images; what is not said here is as the component's cell says it.
    """
    arguments.variable(out)
    handle = notebook.session.handle(name)
    arguments.refuse_flags_of_pictures(handle.planned, max_px, images)
    showing = notebook.showing(name, max_px, images)
    _refuse_fields(handle, [*given, *input], action)
    values = arguments.inputs_of(
        [*given, *input], handle.planned.inputs_for(action), notebook.shell.user_ns, _allowed(handle)
    )
    lacking = handle.missing(values, action)
    with notebook.progress() as progress:
        if not lacking:
            return notebook.perform(handle, values, progress, seed=seed, action=action, out=out, showing=showing)
        if not notebook.interactive:
            raise arguments.missing(handle.name, lacking, action=action)
        notebook.present(handle, values, progress, action=action)
    return None


def _refuse_fields(handle: Handle, words: Sequence[str], action: str) -> None:
    """InputError for a field of the cell among the words of a line, with what to write instead."""
    from mc_jupyter.engine import misgiven

    setting = f"%compose set {handle.name} FIELD=VALUE"
    misgiven.refuse(handle.name, handle.planned, misgiven.words_of(words), setting, action=action)


@command
def load(
    notebook: Notebook,
    file: str,
    *,
    name: str | None = None,
    device: str | None = None,
    precision: str | None = None,
    quantization: str | None = None,
) -> Handle | Table:
    """Load an existing model-compose.yml: of several components, each that can run, as a variable of its id.

    Of a single one the handle is the value of the line, and with --name a variable.
    """
    arguments.variable(name)
    given = {"device": device, "precision": precision, "quantization": quantization}
    overrides = {key: value for key, value in given.items() if value is not None}
    text = documents.read(file, notebook.permissions)
    plan = notebook.session.plan(text, overrides=overrides)
    if plan.component is None and plan.components:
        return _load_each(notebook, text, plan, overrides)
    with notebook.progress() as progress:
        handle = notebook.session.load(text, name, overrides=overrides, plan=plan, run=progress.run)
    if name:
        notebook.shell.user_ns[name] = handle
    return handle


def _load_each(notebook: Notebook, text: str, plan: Plan, overrides: dict[str, Any]) -> Table:
    """Define every component that can run, and say of the others what they lack."""
    from mc_jupyter.notebook.html import Table

    rows = []
    with notebook.progress() as progress:
        for part in plan.components:
            if part.problems:
                rows.append((part.id, part.subject, part.problems[0].problems[0].message))
                continue
            handle = notebook.session.load(
                text, part.id, component=part.id, overrides=overrides, plan=plan, run=progress.run
            )
            if part.id.isidentifier():
                notebook.shell.user_ns[part.id] = handle
            rows.append((part.id, part.subject, repr(handle)))
    return Table(("component", "model", "state"), tuple(rows), remark="; ".join(plan.notes))


@command
def pull(notebook: Notebook, what: str) -> Table:
    """Download what a component or a file needs, and load nothing."""
    from mc_jupyter.notebook.html import Table
    from mc_jupyter.words import format_bytes

    text = _text_of(notebook, what)
    with notebook.progress() as progress:
        found = notebook.session.pull(text, run=progress.run)
    rows = tuple((subject, format_bytes(checkpoint.bytes), checkpoint.format) for subject, checkpoint in found)
    return Table(("model", "size", "format"), rows, "on this disk" if rows else "nothing to download")


@command
def form(notebook: Notebook, name: str) -> None:
    """Show a form for a component's inputs."""
    notebook.show_form(notebook.session.handle(name), {})


# --- changing ---------------------------------------------------------------------------------------------------------


@command
def set_(notebook: Notebook, name: str, *fields: str, check: bool = False) -> Page:
    """Set fields of a component: story precision=bfloat16 temperature=0.2 adapters.alpaca=0.3

    Does the least that is right: sampling changes nothing that is loaded, an adapter's weight a number, another
    precision casts in place where that equals a fresh load; anything else loads the model again. With --check it only
    says what it would do. field= (nothing after it) is the default; adapters.NAME=OWNER/NAME adds an adapter.
    """
    from mc_jupyter.notebook.html import Page

    handle = notebook.session.handle(name)
    change = handle.change(arguments.settings_of(fields, arguments.texts_of(handle.planned.component)))
    if check:
        return Page("", str(change))
    with notebook.progress() as progress:
        if change.effect.step in _LASTING and (change.effect.seconds or 1) > _WORTH_SAYING:
            progress.announce(str(change))
        notebook.session.apply(change, progress.run)
        took = progress.seconds
    return Page("", f"{change}\n→ {handle!r}{_in(took) if change.effect.step in _LASTING else ''}")


@command
def compare(
    notebook: Notebook, name: str, *given: str, input: Sequence[str] = (), seed: int | None = None
) -> Comparison:
    """Run variants one after another: story precision=float32,bfloat16 adapters.alpaca=0,0.5,1 -i text="Once"

    Every combination is a row: output, load time, time per item, tokens/s, memory, and how it agrees with the first.
    The component itself stays as it is. The value of the line is a list of records.
    """
    from mc_jupyter.notebook.grid import grid_of

    handle = notebook.session.handle(name)
    grid, words = grid_of(given)
    _refuse_fields(handle, [*words, *input], DEFAULT)
    values = arguments.inputs_of(
        [*words, *input], handle.planned.inputs_for(), notebook.shell.user_ns, _allowed(handle)
    )
    if lacking := handle.missing(values):
        needs = listing([one.name for one in lacking], "and")
        raise InputError(f"{name} needs {needs} to compare", fix=" ".join(f"-i {one.name}='…'" for one in lacking))
    with notebook.progress() as progress:
        found = handle.compare(grid, values, seed=seed, run=progress.run)
        if progress.shows:
            notebook.show(found, progress)
    return found


@command
def panel(notebook: Notebook, name: str) -> None:
    """Show controls for a component: device, precision, quantization, adapters, sampling, its inputs and answers."""
    notebook.show_panel(notebook.session.handle(name))


# --- looking ----------------------------------------------------------------------------------------------------------


@command
def ls(notebook: Notebook) -> Table:
    """What has been defined, and where it is loaded."""
    from mc_jupyter.notebook.html import Table
    from mc_jupyter.words import format_bytes

    rows = []
    for name, handle in notebook.session.handles.items():
        facts = handle.facts()
        told = dict(handle.card())
        where = (facts.number_type, facts.device, format_bytes(facts.bytes)) if facts else (handle.state, "", "")
        pinned = "pinned" if any(name in r.pins for r in notebook.session.residents()) else ""
        rows.append((name, handle.planned.kind, told.get("model", ""), *where, pinned))
    if not rows:
        return Table(("",), (), "nothing has been defined yet", "a cell that begins with %%compose NAME defines NAME")
    return Table(("name", "task", "model", "precision", "device", "memory", ""), tuple(rows))


@command
def show(notebook: Notebook, name: str, *, yaml: bool = False) -> Handle | Page:
    """A component's card; with --yaml, the text that defined it."""
    handle = notebook.session.handle(name)
    if not yaml:
        return handle
    from mc_jupyter.notebook.html import Page

    return Page("", handle.text.rstrip())


@command
def check(notebook: Notebook, what: str) -> Plan:
    """What a component or a file would do here: what it loads, where, and what stands in the way. Loads nothing."""
    return notebook.session.check(_text_of(notebook, what))


@command
def mem(notebook: Notebook) -> MemoryReport:
    """Free memory of each device, and what the loaded models hold."""
    return notebook.session.memory()


# --- keeping ----------------------------------------------------------------------------------------------------------


@command
def unload(notebook: Notebook, *names: str, all: bool = False) -> Page:
    """Give components' memory back, or with --all everybody's. The next call loads the model again."""
    from mc_jupyter.notebook.html import Page

    if all == bool(names):
        known = listing(notebook.names) or "nothing is loaded"
        raise InputError(
            "unload needs a name, or --all", fix=f"%compose unload {notebook.names[0]}" if notebook.names else known
        )
    for name in names:
        notebook.session.handle(name)  # of several names, a wrong one lets none go
    lines = [line for name in names or (None,) for line in notebook.session.unload(name)]
    return Page("", "\n".join(lines) or "no model is loaded")


@command
def pin(notebook: Notebook, name: str, *, off: bool = False) -> Page:
    """Keep a component's model whatever else is loaded; with --off no longer."""
    from mc_jupyter.notebook.html import Page

    notebook.session.pin(name, not off)
    return Page("", f"{name} is no longer pinned" if off else f"{name} stays loaded until it is unloaded by name")


# --- asking -----------------------------------------------------------------------------------------------------------


@command
def schema(notebook: Notebook, path: str | None = None) -> Table:
    """The language: a table of what may be written.

    Without a word the component types, tasks and drivers; with one its fields; with TASK.FIELD one field.
    """
    from mc_jupyter.notebook import reference

    return reference.table(path)


@command
def trust(notebook: Notebook, *what: str, revoke: bool = False) -> Table:
    """Let a cell read what its error says it wants: trust MY_TOKEN, trust allow_paths. Alone it lists what is allowed.

    Each yes is for just what the error showed: this variable, in this field, going there; or files, for this component
    as it is written; and in this folder, where readers would see it. You are asked once more, as the line may be
    somebody else's. A yes is remembered outside the notebook, for later sessions too; --revoke takes it back. trust
    pyproject.toml lets the list of this folder's project count.
    For every cell: %config ComposeMagics.env = ["STYLE", "DB_*"].
    """
    from mc_jupyter.notebook import word

    allowed, permissions = notebook.session.allowed, notebook.session.permissions
    if revoke:
        if not what:
            raise InputError("trust --revoke needs to know what", fix="%compose trust lists what is allowed")
        word.refuse_configured(what, allowed, permissions)
        return word.wishes(allowed.consent.revoke(what), "taken back: a cell that wants it asks again")
    if not what:
        return word.allowed(allowed, permissions)
    _refuse_components(notebook, what)
    wanted = allowed.consent.wanted(what)
    # The line may stand in a notebook that somebody else wrote, and is no word by itself.
    answer = word.answered(wanted) if notebook.attended else None
    if answer is None:
        raise NeedsWord("nobody is here who could give a word", fix=ways.to(list(what), "unattended"))
    if not answer:
        return word.wishes(wanted, "not allowed: nothing has changed")
    allowed.consent.agree(wanted)
    return word.wishes(wanted, "allowed from now on; run the cell again")


def _refuse_components(notebook: Notebook, names: Sequence[str]) -> None:
    """InputError for the name of a component for which no cell has asked: what it wants is trusted, and not it."""
    asked = notebook.wanted
    for name in names:
        if name in notebook.names and name not in asked:
            raise InputError(
                f"{name} is a component: what is trusted is something that its error says it wants",
                fix=f"what was asked for is {listing(asked, 'and')}" if asked else f"nothing was asked for; run {name}",
            )


@command
def doctor(notebook: Notebook) -> Table:
    """What this kernel has: versions, devices, memory and what limits it, the hub, widgets."""
    from mc_jupyter.notebook.doctor import table

    return table(notebook.interactive)


@command
def help(notebook: Notebook, word: str | None = None) -> Table | Page:
    """These words; with one of them, all about it."""
    from mc_jupyter.notebook.html import Page, Table

    if word is not None:
        found = find(word)
        return Page(found.usage, found.help)
    rows = (
        (
            "%%compose [NAME] [flags]",
            "Load the model that a cell of YAML describes, and run it; %compose? lists the flags.",
        ),
        *((arguments.usage(c.parser, brief=True), c.summary) for c in COMMANDS.values()),
    )
    return Table(("", ""), rows, "", "%compose help WORD says more", coded=True)


def _allowed(handle: Handle) -> Permissions:
    """What inputs on a line may name: what a call reads, once it has the word that the cell needs."""
    return handle.planned.permissions(handle.session.permissions)


def _in(seconds: float) -> str:
    return f", in {words.seconds(seconds)}"


def _text_of(notebook: Notebook, what: str) -> str:
    """The text that defined a component, that a file holds, or that names this model. A component comes first."""
    handle = notebook.defined(what)
    if handle is not None:
        return handle.text
    if documents.is_name(what):
        return documents.read(what, notebook.permissions)
    if "/" in what or what.startswith("starter:"):
        return f"component:\n  type: model\n{_task_of(what)}  model: {what}\n"  # a model's own name
    return notebook.session.handle(what).text


def _task_of(model: str) -> str:
    """The line of the task that a starter is for; nothing of other models, whose cards are not here."""
    from mc_jupyter import starters
    from mc_jupyter.tasks import Task

    tags = {task: (task, *Task.named(task).tags) for task in Task.names()}
    able = [task for task in tags if model.removeprefix("starter:") in starters.tagged(tags[task])]
    # A model that generates text also chats: what its card calls it comes first.
    first = sorted(able, key=lambda task: len(tags[task]))
    return f"  task: {first[0]}\n" if first and model.startswith("starter:") else ""
