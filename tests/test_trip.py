"""The road of a call: each room is entered once on the way to the model, and the library works without its face."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import mc_jupyter as mc
from tests.house import room

ROOT = Path(mc.__file__).parent

WATCHED = '''
"""Remembers who called it."""

import sys

from mc_jupyter.drivers import Driver, Facts
from mc_jupyter.values import Text


class Watched(Driver):
    """Remembers who called it."""

    words = ("watched",)
    needs_weights = False
    stacks = []

    @classmethod
    def recipe(cls, task):
        return lambda driver, call: driver.answer(call)

    @classmethod
    def load(cls, key, checkpoint, run):
        return cls()

    def answer(self, call):
        frame, files = sys._getframe(), []
        while frame is not None:
            files.append(frame.f_code.co_filename)
            frame = frame.f_back
        self.stacks.append(files[::-1])
        return [Text(str(item)) for item in call.items]

    def facts(self):
        return Facts("cpu", "none", 0)
'''

CELL = "%%compose told -i text=hello\ncomponent: {type: model, driver: watched, text: '${input.text as text}'}\n"
WAYS = {
    CELL: ["notebook", "session"],
    "%compose run told text=hello": ["notebook", "session"],
    "told('hello')": ["session"],
    "next(iter(told.stream('hello')), None)": [],  # a stream's run has a thread of its own
}


def rooms_of(files: list[str]) -> list[str]:
    """The rooms of a stack of files, from the outside in; steps inside one room are one."""
    inside = [room(Path(file).relative_to(ROOT).with_suffix("").as_posix()) for file in files if str(ROOT) in file]
    return [one for i, one in enumerate(inside) if i == 0 or inside[i - 1] != one]


@pytest.mark.parametrize("way", WAYS, ids=["cell", "run", "python", "stream"])
def test_a_text_enters_each_room_once_on_its_way_to_the_model(
    shell: InteractiveShell, made: Callable[[str, str, str], None], way: str
) -> None:
    made("drivers", "test_made_watched", WATCHED)
    cell = f"{CELL}# {way[:5]!r}\n"  # a text of its own: the same one again would be a look-up of what was read before
    shell.run_cell(cell).raise_error()
    stacks: Any = sys.modules["mc_jupyter.drivers.test_made_watched"].Watched.stacks
    stacks.clear()
    shell.run_cell(cell if way == CELL else way).raise_error()
    (files,) = stacks
    rooms = rooms_of(files)
    assert len(rooms) == len(set(rooms)), rooms
    assert rooms == [*WAYS[way], "engine", "components", "drivers"]


def test_without_its_face_the_library_works(tmp_path: Path) -> None:
    shutil.copytree(ROOT, tmp_path / "mc_jupyter", ignore=shutil.ignore_patterns("notebook", "starters", "__pycache__"))
    code = """
        import mc_jupyter as mc
        with mc.Session() as session:
            echo = session.load("component: {type: model, driver: echo, params: {max_output_length: 9}}", "echo")
            print(echo("a b"), list(echo.stream("a b")), echo.set(max_output_length=1), echo("a b"))
            print([r["output"] for r in echo.compare({"max_output_length": [1, 2]}, "a b")])
            try:
                echo.panel()
            except mc.ComposeError as error:
                print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=120, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second, third = done.stdout.splitlines()[:3]
    assert first == "a b ['a ', 'b'] max_output_length: 1: nothing that is loaded changes a "
    assert second == "['a ', 'a b']"
    assert third == "a panel needs a notebook"
