"""The house itself: imports go down, nothing heavy is imported early, and a new part is one file."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import mc_jupyter as mc
from mc_jupyter import catalog
from tests import house
from tests.house import room

ROOT = Path(mc.__file__).parent
TABLE = house.floors((ROOT.parent / "ARCHITECTURE.md").read_text(encoding="utf-8"))
DOORS = {house.DOOR, "parts"}
ARROWS = house.arrows(ROOT)
INSIDE = [arrow for arrow in ARROWS if arrow.source not in DOORS and arrow.target != "parts"]
"""Every import of one file by another; the two doors, which hand names on, stand on no floor."""

PARTS = {"tasks", "drivers", "stores", "components", "jobs"}
HEAVY = ("torch", "transformers", "diffusers", "peft", "accelerate", "PIL", "numpy", "huggingface_hub", "IPython",
         "ipywidgets", "anywidget", "sentence_transformers", "httpx")  # fmt: skip


def test_the_table_names_every_room_and_no_other() -> None:
    assert set(TABLE) == {room(file) for file in house.files(ROOT)} - DOORS


def test_imports_go_down() -> None:
    assert [str(arrow) for arrow in house.climbs(INSIDE, TABLE)] == []


def test_no_file_leads_back_to_itself() -> None:
    assert house.circles(INSIDE) == set()


def test_no_room_leads_back_to_itself() -> None:
    assert house.circles(INSIDE, room) == set()


def test_only_parts_come_in_by_their_door() -> None:
    guests = [arrow.source for arrow in ARROWS if arrow.target == "parts"]
    assert [
        file for file in guests if not re.match(r"(tasks|drivers|stores|components|jobs|notebook/views)/[^_]", file)
    ] == []


def test_nobody_above_the_parts_imports_one_by_name() -> None:
    above = [arrow for arrow in INSIDE if room(arrow.target) in PARTS and room(arrow.source) not in PARTS]
    named = [arrow for arrow in above if re.match(r"\w+/[^_]", arrow.target)]  # `_file`s and a room's door are no parts
    assert [str(arrow) for arrow in named] == []


def test_what_stands_beside_the_house_leans_on_none_of_it() -> None:
    for beside in house.BESIDE:
        for file in sorted((ROOT / beside).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                names = [a.name for a in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
                if isinstance(node, ast.ImportFrom):
                    assert not node.level, f"{file}:{node.lineno}"  # no road by dots
                    names = [f"{node.module}.{name}" for name in names]
                inside = [name.split(".") for name in names if name.split(".")[0] == "mc_jupyter"]
                assert all(name[1:2] == [beside] for name in inside), f"{file}: {names}"


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"notebook"}))
def test_no_library_is_imported_at_the_top_of_a_module(name: str) -> None:
    for path in (path for file, path in house.files(ROOT).items() if room(file) == name):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [n for n in names if n.split(".")[0] in HEAVY], f"{path}:{node.lineno}"


def fresh(code: str) -> str:
    """What a new interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120, cwd=ROOT.parent
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_imports_next_to_nothing() -> None:
    code = """
        import sys
        before = set(sys.modules)
        import mc_jupyter
        new = set(sys.modules) - before
        print(sorted(name for name in new if name.split(".")[0] not in sys.stdlib_module_names))
    """
    assert fresh(code) == "['mc_jupyter', 'mc_jupyter.trust', 'mc_jupyter.trust.imports']"


def test_planning_a_document_imports_no_torch() -> None:
    code = """
        import sys, mc_jupyter as mc
        plan = mc.Session().plan("component: {type: model, task: text-generation, model: gpt2}")
        print(plan.component.device, "torch" in sys.modules, "transformers" in sys.modules)
    """
    assert fresh(code) == "cpu False False"


def test_a_session_at_rest_opens_no_socket() -> None:
    code = """
        import socket
        def refuse(*args, **kwargs):
            raise AssertionError("a socket was opened")
        socket.socket.connect = refuse
        socket.getaddrinfo = refuse
        import mc_jupyter as mc
        s = mc.Session()
        h = s.load("component: {type: model, task: text-generation, driver: echo}", "e")
        print(h("hello there"))
    """
    assert fresh(code) == "hello there"


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose files stand among the package's tasks and drivers."""
    import mc_jupyter.drivers
    import mc_jupyter.tasks

    for package in (mc_jupyter.tasks, mc_jupyter.drivers):
        folder = tmp_path / package.__name__.rpartition(".")[2]
        folder.mkdir()
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    yield tmp_path
    for name in ("tasks", "drivers"):
        for module in [m for m in sys.modules if m.startswith(f"mc_jupyter.{name}.test_made")]:
            del sys.modules[module]
    catalog.forget()


def test_adding_a_task_is_one_file(outside: Path, session: mc.Session) -> None:
    (outside / "tasks" / "test_made_shouting.py").write_text(
        textwrap.dedent('''
        """Say it louder."""

        from pydantic import Field
        from mc_jupyter.drivers import performs
        from mc_jupyter.tasks import Task, TaskAction, Texts


        class Shouting(Task):
            """Say it louder."""

            head, driver, result = "voice", "echo", str

            class Action(TaskAction):
                text: Texts = Field(description="What to say.")
                times: int = Field(1, ge=1, le=3, description="How loud.")
    ''')
    )
    catalog.forget()
    handle = session.load("component: {type: model, task: test-made-shouting, driver: echo, times: 2}")
    assert handle("hey") == "hey"
    with pytest.raises(mc.SpecError, match="times should be at most 3, and is 9"):
        session.load("component: {type: model, task: test-made-shouting, times: 9}")
    assert "test-made-shouting" in str(mc.schema())


def test_adding_a_driver_is_one_file(outside: Path, session: mc.Session) -> None:
    (outside / "drivers" / "test_made_backwards.py").write_text(
        textwrap.dedent('''
        """Writes backwards."""

        from pydantic import Field
        from mc_jupyter.drivers import Driver, Facts, performs
        from mc_jupyter.language.fields import Closed
        from mc_jupyter.tasks.text_generation import TextGeneration
        from mc_jupyter.values import Text


        class Backwards(Driver):
            """Writes backwards."""

            words = ("backwards",)
            needs_weights = False

            class Settings(Closed):
                mark: str = Field("", description="What to put at the end.")

            def __init__(self, mark):
                self.mark = mark

            @classmethod
            def load(cls, plan, checkpoint, run):
                return cls(dict(plan.options)["mark"])

            @performs(TextGeneration)
            def write(self, call):
                return [Text(text[::-1] + self.mark) for text in call.items]

            def facts(self):
                return Facts("cpu", "none", 0)
    ''')
    )
    catalog.forget()
    handle = session.load("component: {type: model, task: text-generation, driver: backwards, mark: '!'}")
    assert handle("abc") == "cba!"
    assert handle(["ab", "cd"]) == ["ba!", "dc!"]
    with pytest.raises(mc.ComposeError, match="does not perform text-embedding"):
        session.load("component: {type: model, task: text-embedding, driver: backwards}")
