"""Lines of `%compose` and `%%compose`, for every word and flag, in a real shell; and Tab anywhere in them."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
from IPython.core.completer import CompletionContext
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from mc_jupyter.notebook import cells
from mc_jupyter.notebook.commands import COMMANDS
from mc_jupyter.notebook.magics import ComposeMagics
from tests.fuzz import mutation
from tests.fuzz.kind import Kind
from tests.fuzz.sandbox import CANARY

_CELLS = {
    "words": "component:\n  type: model\n  task: text-generation\n  driver: echo\n  text: ${input.text as text}\n",
    "label": "component:\n  type: model\n  task: text-classification\n  driver: echo\n  text: ${input.text as text | fine}\n",
    "draw": "component:\n  type: model\n  task: image-generation\n  driver: echo\n  prompt: ${input.prompt}\n  width: 64\n  height: 64\n",
    "split": "component:\n  type: text-splitter\n  text: ${input.text}\n  chunk_size: ${input.size as integer | 20}\n  chunk_overlap: 0\n",
    "up": "component:\n  type: model\n  task: image-upscale\n  driver: echo\n  image: ${input.image as image}\n",
    "two": "component:\n  type: model\n  task: text-generation\n  driver: echo\n  actions:\n    - id: first\n      default: true\n      text: ${input.a as select/x,y | x}\n    - id: second\n      text: ${input.b as slider/0,1,0.1 | 0.5}\n",
}  # fmt: skip
_TEXTS = (
    *_CELLS.values(),
    "",
    "# nothing\n",
    "component: {type: model, task: text-generation, driver: echo, text: '${input.t}'}\n",
)
_INPUTS = (
    "text=hello", "text:=odd", "text:=words", "odd", "text='a; b'", "a=x", "b=0.5", "b=9", "size=abc", "size=-1", "size:=array", "prompt=fox", "prompt:=picture",
    "text=[[[[[[", "size=[[[[[[", "text:=many", "text:=", ":=text", "=", "text", "text:=stream", "size=1e999", "size=!!python/name:os", "size=" + "[" * 3000, "image=~/.netrc", "image=mine.txt", "image:=picture",
)  # fmt: skip
_SETTINGS = (
    "temperature=0.2", "precision=bfloat16,float32", "precision=", "device=cpu", "adapters.x=0.5", "adapters.x=starter:pirate", "text=y", "chunk_size=5",
    "seed=1", "driver=echo", "task=text-embedding", "type=text-splitter", "a=b", "a.b.c=1", "temperature=[1,2", "output=${result}", "adapters=1", "model=/dev/zero",
)  # fmt: skip
_FILES = (
    "saved.yml",
    "../outside.yml",
    "missing.yml",
    "keep.yml",
    ".",
    "",
    "/dev/zero",
    "a" * 300,
    "x/y/z.yml",
    "~nobody/x",
    "fifo",
    "/proc/self/mem",
    "a\0b",
    "~/.netrc",
    "~/.bashrc",
    "~/new.yml",
    ".hidden.yml",
    "mine.txt",
    "notes.yml",
    "/proc/self/environ",
)
_FLAGS = tuple(flag for action in cells.parser()._actions for flag in action.option_strings)
_STRANGE = (
    "",
    ";",
    "'",
    '"',
    "\\",
    "--",
    "-",
    "-o--",
    "-i",
    "--input=",
    "$HOME",
    "{words}",
    "#",
    "a;",
    "😀",
    "ａ",
    "None",
    "print",
    "class",
    "__name__",
    "_",
    "*",
)


class Arguments(Kind):
    """A line for every sub-command and every flag; what they name is there, or not, or of another kind."""

    quiet = False  # a shell of a terminal prints

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.mine = [
            Path.home() / ".netrc",
            Path.home() / ".bashrc",
            Path("mine.txt"),
            Path("notes.yml"),
            Path("keep.yml"),
        ]
        for file in self.mine:
            # A document below the folder may be read, and what is wrong in it is quoted.
            file.write_text(f"- {CANARY if file.suffix != '.yml' else 'a line'} of {file.name}\n")
        self.shell = InteractiveShell.instance()
        self.shell.Completer.use_jedi = False
        self.shell.run_line_magic("load_ext", "mc_jupyter")
        magics = ComposeMagics.of(self.shell)
        assert magics is not None
        self.magics = magics
        self.own = dict(self.shell.user_ns)
        self._begin()

    def _begin(self) -> None:
        """Every case finds the same shell."""
        self.magics.notebook.close()
        self.shell.user_ns.clear()
        self.shell.user_ns.update(self.own)
        for name, text in _CELLS.items():
            self.shell.run_cell_magic("compose", f"{name};", text)
        self.shell.user_ns.update(
            odd=object(), array=np.zeros((2, 3)), picture=Image.new("RGB", (8, 8)), many=["a", 1, None], stream=iter("abc"), text=3,
        )  # fmt: skip

    def make(self, dice: Random) -> tuple[str, str, str, int]:
        """(what is done, the line, the cell under it, a place in them)."""
        way = dice.randrange(10)
        line = self._cell_line(dice) if way < 4 else self._command(dice)
        if dice.random() < 0.4:
            line = mutation.mutated_text(dice, line, _INPUTS, (*_FLAGS, *COMMANDS, *_STRANGE)).replace("\n", " ")
        cell = dice.choice(_TEXTS)
        if dice.random() < 0.3:
            cell = mutation.mutated_text(dice, cell, _TEXTS)
        if way >= 8:
            code = f"%%compose {line}\n{cell}" if dice.random() < 0.5 else f"%compose {line}"
            return "tab", code, "", dice.randint(0, len(code))
        forms = dice.choice(("never", "never", "always"))
        return forms, line, cell if way < 4 else "", way

    def _cell_line(self, dice: Random) -> str:
        words = [dice.choice((*_CELLS, "fresh", "run", "print", "")) if dice.random() < 0.7 else ""]
        for _ in range(dice.randrange(5)):
            words.append(dice.choice((self._flag(dice), f"-i {dice.choice(_INPUTS)}", dice.choice(_STRANGE))))
        return " ".join(words) + dice.choice(("", "", ";"))

    def _flag(self, dice: Random) -> str:
        flag = dice.choice(_FLAGS)
        value = dice.choice(
            ("cpu", "float16", "nf4", "x=0.5", "x", "first", "3", "-1", "1e9", *_FILES, str(mutation.odd(dice, 3)))
        )
        return flag if dice.random() < 0.2 else f"{flag}{dice.choice((' ', '='))}{value}"

    def _command(self, dice: Random) -> str:
        word = dice.choice(list(COMMANDS))
        flags = [flag for action in COMMANDS[word].parser._actions for flag in action.option_strings]
        words = [word]
        if word in ("load", "pull", "check") and dice.random() < 0.7:
            words.append(dice.choice((*_FILES, "starter:stories", "owner/name", "starter:x", "a/b/c")))
        elif word not in ("ls", "mem", "doctor") or dice.random() < 0.2:
            words.append(dice.choice((*_CELLS, "nobody", *COMMANDS, *_STRANGE)))
        for _ in range(dice.randrange(4)):
            value = dice.choice((*_SETTINGS, *_INPUTS, *_CELLS, str(mutation.odd(dice, 3))))
            words.append(f"{dice.choice(flags)} {value}" if flags and dice.random() < 0.5 else value)
        return " ".join(words) + dice.choice(("", "", "", ";"))

    def attempt(self, case: tuple[str, str, str, int]) -> str:
        way, line, cell, place = case
        if way == "tab":
            return self._tab(line, place)
        self.magics.forms = way
        before = self._others()
        shown = self._line(line, cell, place)
        if changed := self._others() ^ before:
            raise AssertionError(f"a line wrote {sorted(changed)[0][0]}")
        return shown

    def _others(self) -> set[tuple[str, str]]:
        """What a line may neither write nor make: the user's own files, and any but documents and folders of pictures."""
        made = [one.name for place in (Path.home(), Path()) for one in place.iterdir()]
        new = {
            (name, "")
            for name in made
            if name.startswith(".") or not (Path(name).is_dir() or name.endswith((".yml", ".yaml")))
        }
        return new | {(str(file), file.read_text()) for file in self.mine}

    def _line(self, line: str, cell: str, place: int) -> str:
        try:
            if cell or place < 4:
                return repr(self.shell.run_cell_magic("compose", line, cell or "\n"))  # of "" IPython itself says no
            return repr(self.shell.run_line_magic("compose", line))
        finally:
            self._begin()

    def _tab(self, code: str, place: int) -> str:
        before = code[:place]
        row = before.count("\n")
        column = place - (before.rfind("\n") + 1)
        context = CompletionContext(token="", full_text=code, cursor_position=column, cursor_line=row, limit=None)
        return repr(self.magics._matcher(context))

    def shown(self, case: tuple[str, str, str, int]) -> str:
        way, line, cell, place = case
        return f"[{way}, {place}] %compose {line}\n{cell}".encode("utf-8", "backslashreplace").decode()

    def close(self) -> None:
        self.shell.run_line_magic("unload_ext", "mc_jupyter")
