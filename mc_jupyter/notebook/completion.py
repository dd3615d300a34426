"""Tab in a `%%compose` cell and on a `%compose` line: keys, values, tasks, drivers, flags, names; never Python's names.

The YAML above the cursor is read by its indentation alone, because a text being typed is seldom valid. What a key or a
value may be comes from the catalog and from the fields of the task and driver that the cell names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from mc_jupyter.errors import ComposeError
from mc_jupyter.words import DEFAULT

if TYPE_CHECKING:
    from mc_jupyter.components import Shape
    from mc_jupyter.language.fields import Closed
    from mc_jupyter.notebook.notebook import Notebook
    from mc_jupyter.session import Handle

# `%%time` and `%%capture` may stand before ours.
_CELL = re.compile(r"\s*(?:%%(?:time|capture|timeit)\b[^\n]*\n)*%%compose(?=[ \t\n]|$)")
_LINE = re.compile(r"\s*(?:[\w.,\s]+=\s*)?%compose(?=[ \t]|$)(?P<rest>.*)", re.DOTALL)
_KEY = re.compile(r"(?P<indent>[ ]*(?:-[ ]+)*)(?P<key>[\w.-]+):(?:[ ]+(?P<value>.*))?$")
_WORD = re.compile(r"[\w.:/-]*$")
_SOURCE = re.compile(r"\$\{(?P<word>[\w.]*)$")

_SOURCES = ("input", "env", "result", "context")


def matcher(notebook: Notebook) -> Callable[[CompletionContext], dict[str, Any]]:
    """The matcher for one shell's `Completer.custom_matchers`."""

    @context_matcher(priority=200)  # type: ignore[untyped-decorator,unused-ignore]
    def compose_matcher(context: CompletionContext) -> dict[str, Any]:
        if "%compose" not in context.full_text:
            return {"completions": []}
        line = context.line_with_cursor[: context.cursor_position]
        try:
            found = _complete(notebook, context.full_text, context.cursor_line, line)
        except ComposeError:
            found = ("", ())  # the cell names a task or a driver that does not exist
        if found is None:
            return {"completions": []}
        fragment, words = found
        # IPython lets Python's names in where we offer nothing, so what is typed completes to itself.
        chosen = [w for w in dict.fromkeys(words) if w.startswith(fragment)] or [fragment]
        return {
            "completions": [SimpleCompletion(text=word, type="compose") for word in chosen],
            "suppress": True,
            "matched_fragment": fragment,
            "ordered": True,
        }

    return compose_matcher  # type: ignore[no-any-return,unused-ignore]


def _complete(notebook: Notebook, text: str, row: int, line: str) -> tuple[str, Iterable[str]] | None:
    """What is being typed, and the words it may become; None where this is not our text."""
    cell = _CELL.match(text)
    if cell is not None:
        first = text.count("\n", 0, cell.end())
        if row < first:
            return None
        if row == first:
            return _in_magic_line(notebook, line)
        return in_yaml(text.split("\n")[first + 1 : row], line)
    match = _LINE.match(line)
    return _in_command(notebook, match["rest"]) if match else None


# --- lines ------------------------------------------------------------------------------------------------------------


def _last_word(line: str) -> tuple[str, list[str]]:
    """The word being typed and those before it."""
    words = line.split(" ")
    return words[-1], [word for word in words[:-1] if word]


def _in_magic_line(notebook: Notebook, line: str) -> tuple[str, Iterable[str]]:
    from mc_jupyter.notebook import cells

    word, before = _last_word(line)
    if before and before[-1] in ("--device", "--precision", "--quantization"):
        return word, values_of(before[-1][2:], [], {})
    flags = [o for action in cells.parser()._actions for o in action.option_strings if o.startswith("--")]
    if before and before[-1] in ("-i", "--input", "--action"):
        handle = notebook.defined(before[1]) if len(before) > 2 else None
        return word, _in_call(handle, before) if handle else ()
    return word, flags if word.startswith("-") else notebook.names


def _in_command(notebook: Notebook, rest: str) -> tuple[str, Iterable[str]]:
    from mc_jupyter.notebook import commands

    word, before = _last_word(rest.lstrip(" ") if rest.strip() else "")
    if not before:
        return word, commands.COMMANDS
    command = commands.COMMANDS.get(before[0])
    if command is None:
        return word, ()
    flags = [o for action in command.parser._actions for o in action.option_strings if o.startswith("--")]
    if word.startswith("-"):
        return word, flags
    if before[0] == "help":
        return word, commands.COMMANDS
    if before[0] == "schema":
        return word, _schema_words(word)
    if before[0] == "trust":
        return word, [name for name in notebook.wanted if name not in before]
    handle = notebook.defined(before[1]) if before[0] == "run" and len(before) > 1 else None
    if handle is not None:
        return word, _in_call(handle, before)
    if before[0] in ("set", "compare") and len(before) > 1:
        return _in_settings(notebook, word, before[1])
    words = {action.dest for action in command.parser._actions if not action.option_strings}
    if "names" in words:
        return word, [name for name in notebook.names if name not in before]
    return word, notebook.names if words & {"name", "what"} and len(before) == 1 else ()


def _in_call(handle: Handle, before: list[str]) -> list[str]:
    """`run two --action ▏` and `run two --action first ▏`: the actions, and the inputs that are not given yet."""
    if before[-1] == "--action":
        return list(handle.actions) if len(handle.actions) > 1 else []
    action = next((name for flag, name in pairwise(before) if flag == "--action"), DEFAULT)
    given = {word.partition("=")[0] for word in before[2:]}
    return [f"{one.name}=" for one in handle.planned.inputs_for(action) if one.name not in given]


def _in_settings(notebook: Notebook, word: str, name: str) -> tuple[str, Iterable[str]]:
    """`set story pre▏` and `set story precision=▏`: the component's own fields and their values."""
    from mc_jupyter.document.edits import settable

    handle = notebook.defined(name)
    if handle is None:
        return word, ()
    component = handle.planned.component
    field, sign, value = word.partition("=")
    if not sign:
        return word, [f"{name}=" for name in settable(component)]
    written = {key: str(found) for key, found in component.written.items() if isinstance(found, str)}
    models = [component.shape.settings, component.shape.action]
    return value.rpartition(",")[2], values_of(field, models, written)


def _schema_words(word: str) -> Iterator[str]:
    from mc_jupyter.components import ComponentType
    from mc_jupyter.drivers import Driver
    from mc_jupyter.notebook import reference
    from mc_jupyter.tasks import Task

    known = (*Task.names(), *ComponentType.names(), *Driver.spoken())
    owner, dot, _ = word.partition(".")
    if not dot:
        yield from known
    elif owner in known:
        for _, model in reference.fields_of(owner):
            yield from (f"{owner}.{name}" for name in model.model_fields)


# --- YAML -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Line:
    """One `key: value` line. `indent` is where its key begins, after any dashes; `item` says that there are dashes."""

    indent: int
    key: str
    value: str
    item: bool


def _lines(text: Iterable[str]) -> list[_Line]:
    return [
        _Line(len(m["indent"]), m["key"], _scalar(m["value"]), "-" in m["indent"])
        for line in text
        if (m := _KEY.match(line.rstrip()))
    ]


def _scalar(value: str | None) -> str:
    return (value or "").split(" #")[0].strip().strip("'\"")


def _path(lines: list[_Line], indent: int) -> list[tuple[str, int]]:
    """The keys that hold what stands at this indentation, outermost first, each with its line's number."""
    found: list[tuple[str, int]] = []
    for at in range(len(lines) - 1, -1, -1):
        if lines[at].indent < indent:
            found.append((lines[at].key, at))
            indent = lines[at].indent
    return found[::-1]


def _beside(lines: list[_Line], holder: int, indent: int) -> dict[str, str]:
    """The keys written at this indentation since the line that holds them, or since their list's item began."""
    found: dict[str, str] = {}
    for line in lines[holder + 1 :]:
        if line.indent == indent:
            found = {} if line.item else found
            found[line.key] = line.value
        elif line.indent < indent:
            found = {}
    return found


def in_yaml(above: list[str], line: str) -> tuple[str, Iterable[str]]:
    """The completions at the end of `line`, below the lines above."""
    if source := _SOURCE.search(line):
        return source["word"], [f"{name}." if name in ("input", "env") else name for name in _SOURCES]
    fragment = _WORD.search(line)
    word = fragment[0] if fragment else ""
    typed = _KEY.match(line) or re.match(r"(?P<indent>[ ]*(?:-[ ]+)*)(?P<key>[\w.-]+):[ ]*$", line)
    lines = _lines(above)
    if typed is not None and not line.endswith(":"):
        indent = len(typed["indent"])
        value = line[typed.end("key") + 1 :].lstrip()
        return value, _values(lines, indent, typed["key"])
    start = re.match(r"[ ]*(?:-[ ]+)*", line)
    indent = start.end() if start else 0
    if line[indent:] != word:
        return word, ()
    return word, (f"{key}: " if _holds_scalar(key) else f"{key}:" for key in _keys(lines, indent, "-" in line[:indent]))


def _holds_scalar(key: str) -> bool:
    from mc_jupyter.document.spec import TOP

    return key not in (*TOP, "action", "actions", "params", "output", "job", "jobs", "peft_adapters")


def _keys(lines: list[_Line], indent: int, item: bool) -> Iterator[str]:
    from mc_jupyter.document.spec import TOP

    path = _path(lines, indent)
    if not path:
        here = {line.key for line in lines if line.indent == 0}
        yield from (key for key in TOP if key not in here)
        return
    here = set() if item else set(_beside(lines, path[-1][1], indent))
    yield from (key for key in _known_keys(lines, path, indent, item) if key not in here)


def _component(
    lines: list[_Line], path: list[tuple[str, int]], indent: int, item: bool
) -> tuple[dict[str, str], Shape | None]:
    """What the component around the cursor says so far, and the fields it then takes."""
    from mc_jupyter.components import ComponentType

    holder = path[0][1]
    deeper = indent if len(path) == 1 else lines[path[1][1]].indent
    written = {} if item and len(path) == 1 else _beside(lines, holder, deeper)
    kind = written.get("type")
    if kind is None or kind not in ComponentType.names():
        return written, None
    scalars = {key: value for key, value in written.items() if value}
    return written, ComponentType.named(kind).shape(scalars)


def _known_keys(lines: list[_Line], path: list[tuple[str, int]], indent: int, item: bool) -> Iterator[str]:
    from mc_jupyter.document.spec import ACTION, COMPONENT

    names = [key for key, _ in path]
    if names[0] in ("workflow", "workflows"):
        yield from _workflow_keys(lines, path, indent, item)
        return
    if names[0] not in ("component", "components"):
        return
    _, shape = _component(lines, path, indent, item)
    if shape is None:
        yield from ("type", "id")
        return
    inside = names[1:]
    if not inside:
        yield from COMPONENT
        yield from shape.settings.model_fields
        yield from ("params", *shape.action.model_fields)
    elif inside == ["params"] or inside[-1] == "params":
        yield from shape.action.model_fields
    elif inside in (["action"], ["actions"]):
        yield from (*ACTION, "params", *shape.action.model_fields)
    else:
        for model in _models_at(shape, inside):
            yield from model.model_fields


def _workflow_keys(lines: list[_Line], path: list[tuple[str, int]], indent: int, item: bool) -> Iterator[str]:
    from mc_jupyter.document.spec import JOB, WORKFLOW
    from mc_jupyter.jobs import JobType

    key, holder = path[-1]
    if len(path) == 1:
        yield from WORKFLOW
    elif key in ("job", "jobs"):
        written = {} if item else _beside(lines, holder, indent)
        yield from JOB
        yield from JobType.named(written.get("type") or "component").Fields.model_fields


def _models_at(shape: Shape, inside: list[str]) -> list[type[Closed]]:
    """The sets of fields that may stand under these keys: `quantization:`, `model:`, an adapter's."""
    from mc_jupyter.language.description import models_at

    own = [key for key in inside if key not in ("action", "actions", "params")]
    return models_at((shape.settings, shape.action), own)


def _values(lines: list[_Line], indent: int, key: str) -> Iterable[str]:
    path = _path(lines, indent)
    if not path or path[0][0] not in ("component", "components"):
        return _job_values(key) if path and path[0][0] in ("workflow", "workflows") else ()
    written, shape = _component(lines, path, indent, False)
    models = [] if shape is None else _models_at(shape, [name for name, _ in path[1:]])
    return values_of(key, models, written if len(path) == 1 else {})


def _job_values(key: str) -> Iterable[str]:
    from mc_jupyter.jobs import JobType

    return JobType.spoken() if key == "type" else ()


def values_of(key: str, models: list[type[Closed]], written: dict[str, str]) -> Iterable[str]:
    """What may stand after `key:`."""
    from mc_jupyter.components import ComponentType
    from mc_jupyter.language.description import field_of
    from mc_jupyter.language.fields import ModelSettings
    from mc_jupyter.notebook.reference import shown
    from mc_jupyter.tasks import Task

    if key == "type" and not any(key in model.names() for model in models):
        return ComponentType.names()
    if key == "task":
        return Task.names()
    if key == "driver":
        return _drivers_for(written.get("task"))
    if key == "device":
        return _devices()
    if key == "model" and (not models or any("task" in model.names() for model in models)):
        return (f"starter:{name}" for name in _starters(written.get("task")))
    fields = [field for model in models or [ModelSettings] if (field := field_of(model, key))]
    return (shown(word) for field in fields for word in field.words)


def _drivers_for(task: str | None) -> Iterable[str]:
    from mc_jupyter.drivers import Driver
    from mc_jupyter.tasks import Task

    if task not in Task.names():
        return Driver.spoken()
    able = Task.named(task)
    return dict.fromkeys(word for driver in Driver.all() if driver.recipe(able) for word in driver.words)


def _devices() -> Iterable[str]:
    """The devices that a cell may name. How many there are is known once torch has been imported."""
    import sys

    torch = sys.modules.get("torch")
    count = torch.cuda.device_count() if torch is not None else 0
    return ("auto", "cpu", "cuda", "mps", *(f"cuda:{i}" for i in range(count)))


def _starters(task: str | None) -> Iterable[str]:
    """Those that can do the task, or all where there is none."""
    from mc_jupyter import starters
    from mc_jupyter.tasks import Task

    if task not in Task.names():
        return starters.names()
    return starters.tagged((task, *Task.named(task).tags))
