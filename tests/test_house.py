"""The house itself: imports go down, nothing heavy is imported early, and a new part is one file."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import mc_jupyter as mc
from mc_jupyter import catalog

ROOT = Path(mc.__file__).parent

# The table of ARCHITECTURE.md: a module may import what stands on lines above it (or beside it, to the left).
FLOORS = """
words errors
catalog events trust values
expressions
cell
fields description batching devices
weights
cache
tasks
drivers
components
problems jobs
spec
findings workflows reader _schema rewriting
inputs
plan
calls residents
signatures handles
changes
session
comparison
notebook
"""
FLOOR = {name: (i, j) for i, line in enumerate(FLOORS.strip().splitlines()) for j, name in enumerate(line.split())}

HEAVY = ("torch", "transformers", "diffusers", "peft", "accelerate", "PIL", "numpy", "huggingface_hub", "IPython",
         "ipywidgets", "anywidget", "sentence_transformers", "httpx")  # fmt: skip


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the package as (its room on the table, its file)."""
    for file in sorted(ROOT.rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        if parts != ("__init__",) and parts[0] != "starters":
            yield parts[0], file


def imported_rooms(file: Path) -> Iterator[tuple[str, int]]:
    """The rooms that a file imports from, whether at its top or inside a function, and the line; not for types only."""
    tree = ast.parse(file.read_text())
    typing_only = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mc_jupyter"):
            inside = (node.module or "").split(".")[1:]
            for name in [inside[0]] if inside else [alias.name for alias in node.names]:
                yield name, node.lineno
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("mc_jupyter."):
                    yield alias.name.split(".")[1], node.lineno


def test_every_module_is_on_the_table() -> None:
    assert {room for room, _ in modules()} <= set(FLOOR)


def test_imports_go_down() -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{line} imports {other}"
        for room, file in modules()
        for other, line in imported_rooms(file)
        if other in FLOOR and other != room and FLOOR[other] >= FLOOR[room] and (room, other) not in DEFERRED
    ]
    assert wrong == []


# Imports that go up on purpose, inside a function, because the lower room only forwards.
DEFERRED = {
    ("spec", "_schema"),  # mc.schema()
    ("spec", "reader"),  # mc.read()
    ("handles", "notebook"),  # handle.panel()
    ("handles", "comparison"),  # handle.compare(…)
}


def test_the_architecture_shows_the_same_table() -> None:
    text = (ROOT.parent / "ARCHITECTURE.md").read_text()
    for name in FLOOR:
        assert f"`{name}`" in text or f"{name}/" in text, f"ARCHITECTURE.md does not name {name}"


@pytest.mark.parametrize("room", ["errors", "spec", "plan", "session", "drivers", "tasks", "components", "weights"])
def test_no_library_is_imported_at_the_top_of_a_module(room: str) -> None:
    for name, file in modules():
        if name != room:
            continue
        for node in ast.parse(file.read_text()).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [n for n in names if n.split(".")[0] in HEAVY], f"{file.name}:{node.lineno}"


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
        print([name for name in new if name.split(".")[0] not in sys.stdlib_module_names])
    """
    assert fresh(code) == "['mc_jupyter']"


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
        from mc_jupyter.fields import Closed
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
