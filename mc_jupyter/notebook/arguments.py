"""The words of a `%compose` line: quoted as in a shell, flags that exist, inputs of the right kind.

A sub-command is a function, and its signature is its grammar: parameters are words, `*given` is any number of them,
keyword-only parameters are flags (`bool` a switch, `list[str]` one that may be repeated).
"""

from __future__ import annotations

import argparse
import inspect
import keyword
import re
import shlex
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mc_jupyter.errors import ComposeError, InputError, UnknownName, quoted
from mc_jupyter.trust import files
from mc_jupyter.trust.permissions import NOTHING, Permissions
from mc_jupyter.words import DEFAULT, hinted, listing

if TYPE_CHECKING:
    from mc_jupyter.components import Component, Planned
    from mc_jupyter.language.inputs import Input
    from mc_jupyter.language.kinds import Kind

_LETTERS = {"input": "-i", "out": "-o"}
_METAVARS = {"input": "KEY=VALUE", "out": "VAR", "seed": "N", "name": "NAME", "file": "FILE", "what": "NAME|FILE",
             "max_px": "N", "images": "FOLDER"}  # fmt: skip
_MANY = {"given": "KEY=VALUE", "fields": "FIELD=VALUE", "names": "NAME", "what": "WHAT"}
_ASSIGNMENT = re.compile(r"(?P<key>[^\s=:]+)(?P<sign>:=|=)(?P<value>.*)", re.DOTALL)
_BACKSLASH = re.compile(r"""(?P<quotes>"(?:[^"\\]|\\.)*"|'[^']*')|(?P<escape>\\(?:["'\\\s]|\Z))|\\""", re.DOTALL)
_REPEATED = ("input", "adapter")
_MOST = 1000  # words of a line
_LONGEST = 300_000  # letters of a line
_YAML_KINDS = frozenset({"number", "integer", "boolean", "slider", "json", "messages"})


def split(line: str) -> tuple[list[str], bool]:
    """The words of a line, and whether a `;` at its end asks for silence. A `;` inside quotes is content.

    >>> split('run poem text="a; b" n=3;')
    (['run', 'poem', 'text=a; b', 'n=3'], True)
    """
    stripped = line.rstrip()
    if stripped.endswith(";"):
        try:
            return _words(stripped[:-1]), True
        except ValueError:
            pass  # the `;` stands inside quotes, or after a backslash
    try:
        return _words(line), False
    except ValueError as error:
        reason = "a quote is opened and not closed" if "quotation" in str(error) else "a backslash ends the line"
        raise InputError(
            f"{reason}: {quoted(line.strip())}", fix='put the whole value in quotes: text="it\'s free"'
        ) from None


def _words(line: str) -> list[str]:
    """InputError where there are so many that nobody wrote them: argparse and shlex take the square of it."""
    if len(line) > _LONGEST:
        message = f"the line has {len(line):,} letters, and more than {_LONGEST:,} are not read"
        raise InputError(message, fix="key:=variable gives what a cell of Python keeps in a variable")
    words = shlex.split(_BACKSLASH.sub(_kept_backslash, line))
    if len(words) > _MOST:
        raise InputError(f"the line has {len(words):,} words, and more than {_MOST:,} are not read")
    return words


def _kept_backslash(found: re.Match[str]) -> str:
    """A backslash outside quotes is one, as in a Windows path, but before a blank, a quote or another one."""
    return found[0] if found["quotes"] or found["escape"] else r"\\"


class _Parser(argparse.ArgumentParser):
    """An argparse parser that raises our errors instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"%{self.prog}: {message}", fix=usage(self))


def parse(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """The arguments, or an error in one line that says which flags there are."""
    from IPython.core.error import UsageError

    try:
        found, left = parser.parse_known_intermixed_args(list(words))
    except UsageError as error:  # IPython's own parser, that of the cell magic
        raise InputError(f"%{parser.prog}: {error}", fix=usage(parser)) from None
    if not left:
        _refuse_lists(parser, found)
        return found
    flags = [option for action in parser._actions for option in action.option_strings]
    if not left[0].startswith("-"):
        meant = (
            " ".join(f"-i {shlex.quote(one)}" for one in left) if "-i" in flags and _ASSIGNMENT.match(left[0]) else ""
        )
        raise InputError(
            f"%{parser.prog}: what is {left[0]!r} for?", fix=f"an input: {meant}" if meant else usage(parser)
        )
    word, sign, value = left[0].partition("=")
    fix = usage(parser)
    if "-i" in flags and word.startswith("--"):
        fix += f"\n      an input: -i {word[2:]}={shlex.quote(value) if sign else '…'}"
    raise UnknownName(hinted(f"%{parser.prog} has no flag {word}", word, flags), fix=fix)


def _refuse_lists(parser: argparse.ArgumentParser, found: argparse.Namespace) -> None:
    """InputError for a flag that argparse gives a list in place of its word: `-o--`, which it takes for no word."""
    for action in (action for action in parser._actions if action.option_strings and action.nargs is None):
        value = getattr(found, action.dest, None)
        words = value if action.dest in _REPEATED and isinstance(value, list) else [value]
        if any(isinstance(word, list) for word in words):
            raise InputError(f"%{parser.prog}: {action.option_strings[0]} names nothing", fix=usage(parser))


def usage(parser: argparse.ArgumentParser, *, brief: bool = False) -> str:
    """`%compose unload [NAME] [--all]`: one line, words before flags. In brief, several flags are `[flags]`."""
    words = [action for action in parser._actions if not action.option_strings]
    flags = [action for action in parser._actions if action.option_strings]
    told = ["[flags]"] if brief and len(flags) > 1 else map(_flag_usage, flags)
    return " ".join([f"%{parser.prog}", *map(_word_usage, words), *told])


def _word_usage(action: argparse.Action) -> str:
    many = " …" if action.nargs == "*" else ""
    return f"[{action.metavar}{many}]" if action.nargs in ("?", "*") else str(action.metavar)


def _flag_usage(action: argparse.Action) -> str:
    return f"[{action.option_strings[0]}{'' if action.nargs == 0 else f' {action.metavar or action.dest.upper()}'}]"


def grammar(word: str, function: Callable[..., Any]) -> argparse.ArgumentParser:
    """The parser of a sub-command, from its function's signature. The first parameter, the notebook, is ours."""
    parser = _Parser(prog=f"compose {word}", add_help=False, allow_abbrev=False)
    for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
        metavar, kind = _METAVARS.get(name, name.upper()), str(parameter.annotation)
        if parameter.kind is parameter.VAR_POSITIONAL:
            parser.add_argument(name, nargs="*", metavar=_MANY.get(name, metavar))
        elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            optional = parameter.default is not parameter.empty
            parser.add_argument(name, nargs="?" if optional else None, metavar=metavar)
        elif kind == "bool":
            parser.add_argument(f"--{name}", action="store_true")
        else:
            options = [o for o in (_LETTERS.get(name), f"--{name.replace('_', '-')}") if o]
            action = "append" if kind.startswith(("list", "Sequence")) else "store"
            number = int if kind.startswith("int") else str
            parser.add_argument(*options, dest=name, metavar=metavar, action=action, type=number)
    return parser


def call(function: Callable[..., Any], notebook: Any, found: argparse.Namespace) -> Any:
    """Call a sub-command with what its grammar found."""
    words: list[Any] = []
    flags: dict[str, Any] = {}
    for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
        value = getattr(found, name)
        if parameter.kind is parameter.VAR_POSITIONAL:
            words += value
        elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            words.append(value)
        elif value is not None:
            flags[name] = value
    return function(notebook, *words, **flags)


def variable(word: str | None) -> str | None:
    """A word that can be a Python variable's name, or InputError."""
    if word is None or (word.isidentifier() and not keyword.iskeyword(word)):
        return word
    fix = "".join(c if c.isalnum() else "_" for c in word)
    raise InputError(f"{word!r} cannot be a variable's name", fix=f"call it {fix}" if fix.isidentifier() else None)


def inputs_of(
    words: Iterable[str], known: Sequence[Input], variables: Mapping[str, Any], permissions: Permissions = NOTHING
) -> dict[str, Any]:
    """The inputs that `-i` and `run` give.

    `key=value` is text exactly as written, unless the input is a number, a switch or JSON, which are read as YAML, or
    a file, which is the path of one that a text may name. `key:=variable` is a Python variable; so is `variable`
    alone, for the input of that name.
    """
    kinds = {name: one.of for one in known for name in (one.name, *one.also)}
    given: dict[str, Any] = {}
    words = list(words)
    _refuse_blanks(words, kinds)
    for i, word in enumerate(words):
        found = _ASSIGNMENT.fullmatch(word)
        if found is None:
            _refuse_text_without_quotes(words, i, variables, kinds)
            key, value = word, _variable(word, variables, kinds)
        elif found["sign"] == ":=":
            key, value = found["key"], _variable(found["value"], variables, kinds)
        else:
            key, value = found["key"], _value(found["key"], found["value"], kinds.get(found["key"]), permissions)
        if key in given:
            raise InputError(f"the input {key!r} is given twice")
        if kinds and key not in kinds:
            there = listing([one.name for one in known], "and")
            raise UnknownName(hinted(f"no input {key!r}", key, kinds), fix=f"its inputs: {there}")
        given[key] = value
    return given


def _refuse_blanks(words: Sequence[str], kinds: Mapping[str, Kind]) -> None:
    """InputError for `text = hello` and `text: hello`."""
    for word in words:
        if word == "=" or word.startswith("="):
            raise InputError("no blanks may stand around =", fix=f"{next(iter(kinds), 'text')}='…'")
        key = word.partition(":")[0]
        if key in kinds and word[len(key) :][:1] == ":" and word[len(key) :][:2] != ":=":
            raise InputError(f"an input is given with =, and not with a colon: {quoted(word)}", fix=f"{key}='…'")


def _refuse_text_without_quotes(
    words: Sequence[str], at: int, variables: Mapping[str, Any], kinds: Mapping[str, Kind]
) -> None:
    """InputError for a word that is no variable behind a text: `text=what is 2+2` is one, without its quotes."""
    before = _ASSIGNMENT.fullmatch(words[at - 1]) if at else None
    if words[at] in variables or words[at] in kinds or before is None or before["sign"] == ":=":
        return
    rest = list(takewhile(lambda word: _ASSIGNMENT.fullmatch(word) is None, words[at:]))
    text = shlex.quote(" ".join([before["value"], *rest]))
    raise InputError(f"{words[at]!r} stands alone behind {words[at - 1]}", fix=f"{before['key']}={text}")


def settings_of(words: Iterable[str], texts: Container[str] = ()) -> dict[str, Any]:
    """The fields that `set` names: `precision=bfloat16`, read as YAML; `precision=` is None, its default.

    What `texts` names wants a text, which is what stands there.

    >>> settings_of(["temperature=0.2", "adapters.alpaca=0", "precision="])
    {'temperature': 0.2, 'adapters.alpaca': 0, 'precision': None}
    """
    from mc_jupyter.values.scalars import yaml_value

    words = list(words)
    if any(word == "=" or word.startswith("=") for word in words):
        raise InputError("no blanks may stand around =", fix="precision=bfloat16 adapters.NAME=0.5")
    settings: dict[str, Any] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            raise InputError(f"{word!r} sets nothing", fix=f"{word or 'precision'}=VALUE, or {word or 'precision'}=")
        if name in settings:
            raise InputError(f"{name} is set twice", fix="keep one of them")
        settings[name] = (value if name in texts else yaml_value(value)) if value else None
    if not settings:
        raise InputError("nothing to set", fix="precision=bfloat16 temperature=0.2 adapters.NAME=0.5")
    return settings


def texts_of(component: Component) -> frozenset[str]:
    """The fields of a component, in every spelling, that want a text."""
    from mc_jupyter.language.description import describe
    from mc_jupyter.language.kinds import TEXT, taken

    found: set[str] = set()
    for model in (component.shape.settings, component.shape.action):
        inputs = {name for name, takes in taken(model).items() if takes.kind is TEXT}
        fields = [field for field in describe(model) if field.types == ("text",) or field.name in inputs]
        found |= {word for field in fields for word in (field.name, *field.others)}
    return frozenset(found)


def adapter_weights(words: Iterable[str] | None) -> dict[str, float]:
    """The overrides that `--adapter NAME=0.3` gives."""
    found: dict[str, float] = {}
    for word in words or ():
        name, _, value = word.partition("=")
        try:
            found[f"adapters.{name}"] = float(value)
        except ValueError:
            raise InputError(f"--adapter {word}: should be NAME=WEIGHT", fix=f"--adapter {name}=0.5") from None
    return found


def _variable(name: str, variables: Mapping[str, Any], kinds: Mapping[str, Kind]) -> Any:
    if name in variables:
        return variables[name]
    if not name.isidentifier():
        fix = f"{next(iter(kinds), 'text')}={shlex.quote(name)}"
        raise InputError(f"{name!r} is neither KEY=VALUE nor a variable", fix=fix)
    own = f"{name}=… gives the input itself" if name in kinds else f"as a text: {next(iter(kinds), 'text')}={name}"
    raise UnknownName(
        hinted(f"no Python variable {name!r}", name, [v for v in variables if not v.startswith("_")]),
        fix=f"{own}; one with blanks stands in quotes: {next(iter(kinds), 'text')}='…'",
    )


def _value(key: str, text: str, kind: Kind | None, permissions: Permissions) -> Any:
    if kind is not None and kind.file:
        from mc_jupyter.values.data_addresses import is_address

        # Data URIs are the value themselves, and an address is fetched only where that is allowed.
        if is_address(text) or text.lower().startswith(("http://", "https://")):
            return text
        path = _path(key, text, permissions)
        return path if kind.name == "image" else Path(path)  # a call looks at the text of an image once more
    if kind is None or kind.name not in _YAML_KINDS:
        return text
    from mc_jupyter.values import describe
    from mc_jupyter.values.scalars import typed_value

    try:
        return typed_value(text)
    except ValueError as error:
        raise InputError(f"the input {key!r} should be a {kind.name}, and is {describe(text)}: {error}") from None


def _path(key: str, text: str, permissions: Permissions) -> str:
    """The path that a line names. The line is data, as the cell under it is: it names what a text may name."""
    try:
        files.place(text, permissions)
    except ComposeError as error:
        fix = f"copy it next to the notebook; or {key}:=path, after path = pathlib.Path(…) in a cell of Python"
        raise InputError(error.problems[0].message, fix=fix) from None
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"the input {key!r} is no file: {getattr(error, 'strerror', None) or error}") from None
    return text


def missing(handle_name: str, wanted: Sequence[Input], *, action: str = DEFAULT, cell: bool = False) -> InputError:
    """The error that names every input nobody gave, and how to give it: on a `%compose run` line, or a cell's."""
    names = [repr(one.name) for one in wanted]
    problem = (
        f"{handle_name} needs the input {names[0]}"
        if len(names) == 1
        else f"{handle_name} needs {listing(names, 'and')}"
    )
    flag = "-i " if cell else ""
    shown = " ".join(f"{flag}{one.name}={_example(one)}" for one in wanted)
    if action != DEFAULT:
        shown = f"--action {action} {shown}"
    return InputError(problem, fix=f"%%compose {shown}" if cell else f"%compose run {handle_name} {shown}")


def _example(one: Input) -> str:
    if one.options:
        return shlex.quote(one.options[0])
    return one.of.example if one.kind == "text" else one.of.example.strip('"') if one.of.file else "…"


def refuse_flags_of_pictures(component: Planned | None, max_px: int | None, images: str | None) -> None:
    """InputError for a flag about pictures beside a task that makes none."""
    flag = "--max-px" if max_px is not None else "--images" if images is not None else None
    if flag and component is not None and not component.pictures:
        raise InputError(f"{component.kind} makes no pictures: {flag} has no effect", fix=f"remove {flag}")
