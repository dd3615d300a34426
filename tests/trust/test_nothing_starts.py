"""A compose cell starts nothing: no command, no installer, no server, no hook; nothing of the package could."""

from __future__ import annotations

import ast
import contextlib
import functools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import ComposeError, MissingPackage, PlanError, SpecError
from tests.document.test_reader import BLOCKS, documents

PACKAGE = Path(mc.__file__).parent
STARTS = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "socket.bind",
)

_heard: list[str] | None = None


def _hear(event: str, given: tuple[Any, ...]) -> None:
    if _heard is not None and event in STARTS:
        _heard.append(f"{event} {given}"[:200])


sys.addaudithook(_hear)  # one for this process: a hook cannot be taken away


@pytest.fixture
def started() -> Iterator[list[str]]:
    """The processes that were started, and the ports that were opened, while a test ran."""
    import bitsandbytes  # noqa: F401  # it, and torch under it, ask the linker for libraries when they are imported

    global _heard
    _heard = []
    yield _heard
    _heard = None


def test_a_process_that_is_started_is_heard(started: list[str]) -> None:
    os.system("true")
    assert started == ["os.system (b'true',)"]


def test_reading_and_planning_every_example_of_the_chapter_starts_nothing(
    session: mc.Session, started: list[str]
) -> None:
    assert len(BLOCKS) == 45
    texts = [text for block in BLOCKS for text in documents(block)]
    assert all(session.plan(text) for text in texts)
    assert started == []


COMMANDS = {
    "a shell component": "component:\n  type: shell\n  command: [touch, MARK]\n",
    "a shell component with actions": "component:\n  type: shell\n  actions:\n    - id: a\n      command: [sh, -c, touch MARK]\n",
    "a managed server": (
        "component:\n  type: http-server\n  manage:\n    install: [touch, MARK]\n    build: [touch, MARK]\n"
        "    start: [touch, MARK]\n  port: 8000\n  path: /x\n"
    ),
    "a server's scripts": (
        "component:\n  type: http-server\n  scripts:\n    install: [[pip, install, x], [touch, MARK]]\n    start: touch MARK\n"
        "  path: /x\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", COMMANDS)
def test_a_command_in_a_cell_is_planned_and_never_run(
    what: str, session: mc.Session, started: list[str], tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    text = COMMANDS[what].replace("MARK", str(mark))
    assert session.plan(text).problems  # said, before anybody runs it
    with pytest.raises(PlanError):
        session.load(text, "it")
    with pytest.raises(PlanError):
        session.run(text)
    assert started == []
    assert not mark.exists()


@pytest.mark.parametrize("trust", [False, True])
def test_trust_runs_no_command_either_while_this_version_builds_none(
    trust: bool, started: list[str], tmp_path: Path
) -> None:
    text = COMMANDS["a shell component"].replace("MARK", str(tmp_path / "mark"))
    with mc.Session(trust=trust) as session, pytest.raises(PlanError):
        session.run(text)
    assert started == []


HOOKS = (
    "hook:\n        before:\n          script: open('MARK', 'w')",
    "hooks:\n        - script: open('MARK', 'w')",
    "before: open('MARK', 'w')",
    "script: open('MARK', 'w')",
)


@pytest.mark.parametrize("hook", HOOKS)
def test_python_in_a_job_is_refused_when_it_is_read(
    hook: str, session: mc.Session, started: list[str], tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    text = f"component:\n  type: model\n  task: text-generation\n  driver: echo\nworkflow:\n  jobs:\n    - id: a\n      {hook}\n"
    with pytest.raises(SpecError, match=r"hook|before|script"):
        session.plan(text.replace("MARK", str(mark)))
    assert started == []
    assert not mark.exists()


@pytest.mark.parametrize(
    "name", ["a: __import__('os').system('touch MARK')", "__import__('os')", "x\n  y", "print('MARK')"]
)
def test_a_hostile_name_is_text_and_no_code(name: str, session: mc.Session, started: list[str], tmp_path: Path) -> None:
    mark = str(tmp_path / "mark")
    text = f"component:\n  id: {name!r}\n  type: model\n  task: text-generation\n  driver: echo\n  text: ${{input.{name.split(':')[0]}}}\n"
    with contextlib.suppress(ComposeError):
        session.load(text.replace("MARK", mark))("hello")
    assert started == []
    assert not Path(mark).exists()


def test_a_package_that_is_missing_is_named_with_the_line_to_paste_and_not_installed(
    session: mc.Session, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "spandrel" else find(name, *rest)
    )
    plan = session.plan("component:\n  type: model\n  task: image-upscale\n  model: RealESRGAN_x4plus\n")
    (problem,) = [each for each in plan.problems if isinstance(each, MissingPackage)]
    assert "%pip install" in str(problem)
    assert started == []


@pytest.mark.parametrize("driver", ["faiss", "chroma", "qdrant", "milvus"])
def test_a_vector_store_of_a_library_is_refused_and_reads_no_file(
    driver: str, session: mc.Session, started: list[str], tmp_path: Path
) -> None:
    (tmp_path / "index.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    text = f"component:\n  type: vector-store\n  driver: {driver}\n  path: {tmp_path}\n  action: {{method: search}}\n"
    with pytest.raises(ComposeError):
        session.run(text)
    assert started == []


# --- what the package could do ----------------------------------------------------------------------------------------

FORBIDDEN = frozenset({
    "eval", "exec", "compile", "__import__", "runpy.run_path", "os.system", "os.popen", "os.execv", "os.fork",
    "subprocess.run", "subprocess.call", "subprocess.Popen", "pickle.load", "pickle.loads", "pickle.Unpickler",
    "marshal.loads", "shelve.open", "dill.load", "joblib.load", "numpy.load", "np.load", "yaml.load",
    "yaml.unsafe_load", "yaml.full_load", "shutil.unpack_archive", "tarfile.open", 
    "faiss.read_index", "webbrowser.open", "socketserver.TCPServer",
})  # fmt: skip
"""What starts a process, runs or reads foreign code, unpacks an archive, or listens."""

UNPACKS = (".extract", ".extractall")

ALLOWED = {
    ("trust/apart.py", "subprocess.Popen"): "the process in which templates and patterns run, with nothing of this one's",
    ("trust/_apart.py", "pickle.loads"): "in that process: what this one sends it",
}  # fmt: skip


@functools.cache
def _calls() -> list[tuple[str, str, ast.Call]]:
    """Every call of the package: its file, the name of what is called, and the call."""
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        if name.startswith("starters/"):
            continue  # scripts that made the models; nothing imports them
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                found.append((name, ast.unparse(node.func), node))
    return found


def test_nothing_in_the_package_runs_reads_or_unpacks_code() -> None:
    found = {(file, called) for file, called, _ in _calls() if called in FORBIDDEN or called.endswith(UNPACKS)}
    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    ("name", "value"),
    [("weights_only", True), ("trust_remote_code", False), ("shell", False), ("allow_pickle", None)],
)
def test_what_libraries_are_told_is_the_safe_way(name: str, value: bool | None) -> None:
    for file, called, node in _calls():
        given = {word.arg: word.value for word in node.keywords}
        if called.endswith("torch.load") and name == "weights_only":
            assert "weights_only" in given, f"{file}:{node.lineno}"
        if name in given and isinstance(given[name], ast.Constant):
            assert given[name].value == value, f"{file}:{node.lineno}"  # type: ignore[attr-defined]
