"""The examples in the contracts of parts: each is written as one file into its room, as it stands there, and used."""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.components import Open
from mc_jupyter.notebook import views
from mc_jupyter.notebook.html import letters
from mc_jupyter.notebook.showing import Showing
from mc_jupyter.values import Embedding
from tests.conftest import cell

Made = Callable[[str, str, str], None]

DOORS = {"mc_jupyter.parts", "mc_jupyter.notebook.views"}
CONTRACTS = {
    "tasks": "mc_jupyter.tasks",
    "drivers": "mc_jupyter.drivers",
    "stores": "mc_jupyter.stores",
    "components": "mc_jupyter.components",
    "jobs": "mc_jupyter.jobs",
    "views": "mc_jupyter.notebook.views",
    "kinds": "mc_jupyter.language.kinds",
}


def example(of: Any) -> str:
    """The first indented block of a docstring."""
    lines = (inspect.getdoc(of) or "").splitlines()
    block = itertools.dropwhile(lambda line: not line.startswith("    "), lines)
    return inspect.cleandoc("\n".join(itertools.takewhile(lambda line: not line or line.startswith("    "), block)))


EXAMPLES = {name: example(import_module(module)) for name, module in CONTRACTS.items()} | {"open": example(Open)}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_fits_on_a_screen_and_takes_our_names_from_the_doors_alone(name: str) -> None:
    code = EXAMPLES[name]
    assert 8 < len(code.splitlines()) <= 45
    taken = {node.module for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)}
    ours = {module for module in taken if module and module.startswith("mc_jupyter")}
    assert ours
    assert ours <= DOORS


def test_the_task_of_the_example_performs_itself(made: Made, session: mc.Session, encoder: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    made("tasks", "test_made_task", EXAMPLES["tasks"])
    handle = session.load(cell("test-made-task", encoder, "scale: 2"))
    texts = ["the little fox", "a day"]
    found = handle(texts)
    assert all(isinstance(each, Embedding) for each in found)
    with torch.no_grad():
        for text, each in zip(texts, found, strict=True):
            tokens = AutoTokenizer.from_pretrained(encoder)(text, return_tensors="pt")
            first = AutoModel.from_pretrained(encoder)(**tokens).last_hidden_state[0, 0]
            assert each == pytest.approx((2 * first).tolist(), abs=1e-5)
    with pytest.raises(mc.SpecError, match="scale should be more than 0, and is 0"):
        session.load(cell("test-made-task", encoder, "scale: 0"))


MYLIB = """
from pathlib import Path

class Writer:
    def __init__(self, files, device):
        self.device, self.dtype, self.size = device, "float32", sum(Path(file).stat().st_size for file in files)

    def write(self, text):
        return f"{text}, and {self.size} bytes more"

def open(files, device):
    return Writer(files, device)
"""


def test_the_driver_of_the_example_holds_a_librarys_model(
    made: Made, session: mc.Session, llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made("drivers", "test_made_library", EXAMPLES["drivers"])
    text = cell("text-generation", llama, driver="my-library")
    with pytest.raises(mc.MissingPackage, match="mylib"):
        session.load(text)
    (tmp_path / "mylib.py").write_text(MYLIB)
    monkeypatch.syspath_prepend(str(tmp_path))
    handle = session.load(text, "writer")
    size = sum(file.stat().st_size for file in llama.glob("*.safetensors"))
    assert handle(["a", "b"]) == [f"a, and {size} bytes more", f"b, and {size} bytes more"]
    facts = handle.facts()
    assert facts is not None
    assert (facts.device, facts.dtype, facts.bytes) == ("cpu", "float32", size)
    resident = handle.resident
    assert resident is not None
    driver = resident.thing.driver
    session.unload("writer")
    assert driver.model is None


MYSTORE = """
class Database:
    def __init__(self, folder):
        self.folder, self.rows, self.closed = folder, {}, False

    def put(self, collection, key, vector, row):
        self.rows[collection, key] = vector, row

    def nearest(self, collection, vector, count, filter):
        inside = [each for (name, _), each in self.rows.items() if name == collection]
        far = [(row, sum(abs(a - b) for a, b in zip(vector, other))) for other, row in inside]
        return sorted(far, key=lambda each: each[1])[:count]

    def remove(self, collection, keys, filter):
        return len([self.rows.pop((collection, key)) for key in keys])

    def close(self):
        self.closed = True

connect = Database
"""
STORED = """
component:
  type: vector-store
  driver: test-made-store
  storage_dir: here
  actions:
    - {id: put, method: insert, vector: '${input.vector}', vector_id: '${input.id}'}
    - {id: find, default: true, method: search, query: '${input.vector}', top_k: 2}
    - {id: drop, method: delete, vector_id: '${input.id}'}
"""


def test_the_store_of_the_example_keeps_vectors(
    made: Made, session: mc.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made("stores", "test_made_store", EXAMPLES["stores"])
    with pytest.raises(mc.MissingPackage, match="mystore"):
        session.load(STORED)
    (tmp_path / "mystore.py").write_text(MYSTORE)
    monkeypatch.syspath_prepend(str(tmp_path))
    handle = session.load(STORED, "store")
    assert handle(action="put", vector=[[0, 1], [1, 0], [5, 5]], id=["up", "right", "far"])["affected_rows"] == 3
    found = handle(vector=[0, 0.9])
    assert [(each["id"], each["distance"]) for each in found] == [("up", pytest.approx(0.1)), ("right", 1.9)]
    assert handle(action="drop", id=["up"]) == {"affected_rows": 1}
    with pytest.raises(mc.SpecError, match="line 8: partition is read, but this version tells no store of it"):
        session.load(STORED.replace("id: find,", "id: find, partition: p,"))
    resident = handle.resident
    assert resident is not None
    database = resident.thing.store.database
    assert (database.folder, database.closed) == ("here", False)
    session.unload("store")
    assert database.closed


def test_the_component_type_of_the_example_is_called(made: Made, session: mc.Session) -> None:
    made("components", "test_made_type", EXAMPLES["components"])
    assert session.load("component: {type: test-made-type}")("hello") == "HELLO!"
    shaped = session.load("component: {type: test-made-type, marks: 2, output: 'so: ${result}'}")
    assert [each.name for each in shaped.inputs] == ["text"]
    assert shaped(text="hello") == "so: HELLO!!"
    with pytest.raises(mc.SpecError, match="marks should be at most 3, and is 4"):
        session.load("component: {type: test-made-type, marks: 4}")


def test_no_types_error_shows_what_a_variable_holds(
    made: Made, session: mc.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    made("components", "test_made_type", EXAMPLES["components"])
    monkeypatch.setenv("SOME_PASSWORD", "hunter2")
    with pytest.raises(mc.SpecError) as raised:
        session.load("component: {type: test-made-type, marks: '${env.SOME_PASSWORD}'}")
    assert "${env.SOME_PASSWORD}" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_what_the_example_opens_stays_is_shared_and_is_closed(made: Made, session: mc.Session, tmp_path: Path) -> None:
    made("components", "test_made_logged", EXAMPLES["open"])
    file = tmp_path / "log.txt"
    text = f"component: {{type: test-made-logged, path: {file}, line: '${{input.line}}'}}"
    one, other = session.load(text, "one"), session.load(text, "other")
    assert one.resident is not None
    assert one.resident is other.resident
    assert one(line="hello") == 6
    assert other(line="you") == 4
    log = one.resident.thing
    session.unload()
    assert log.file.closed
    assert file.read_text() == "hello\nyou\n"


WORKFLOW = """
workflow:
  jobs:
    - {id: first, type: test-made-job, component: known, then: second}
    - {id: second, type: delay}
component: {id: known, type: shell, command: [ls]}
"""


def test_the_job_type_of_the_example_says_where_it_goes_and_what_it_calls(made: Made, session: mc.Session) -> None:
    made("jobs", "test_made_job", EXAMPLES["jobs"])
    assert mc.read(WORKFLOW).workflows[0].jobs[0].fields.then == "second"
    with pytest.raises(mc.SpecError, match="job 'first' names a job 'nowhere', which there is not"):
        mc.read(WORKFLOW.replace("then: second", "then: nowhere"))
    plan = session.plan(WORKFLOW.replace("component: known", "component: unknown"))
    assert "component 'unknown' is not defined in this document" in plan.notes


def test_the_view_of_the_example_shows_its_type(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made("notebook.views", "test_made_view", EXAMPLES["views"])
    (tmp_path / "my_package.py").write_text("class Sound:\n    seconds, address = 2.0, '\"><b>.wav'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    view = views.of(import_module("my_package").Sound(), Showing())
    assert view is not None
    assert view.bundle() == {
        "text/plain": "2.0 s of sound",
        "text/html": letters('<audio controls src="&quot;&gt;&lt;b&gt;.wav"></audio>'),
    }


def test_the_kind_of_the_example_is_read_and_refused(made: Made, session: mc.Session) -> None:
    made("tasks", "test_made_height", EXAMPLES["kinds"])
    handle = session.load("component: {type: model, task: test-made-height, driver: echo}", "height")
    assert [(each.name, each.kind) for each in handle.inputs] == [("place", "point")]
    assert handle("47.4, 8.5") == [47.4, 8.5]
    with pytest.raises(mc.InputError, match=r"'nowhere' is no point[\s\S]*→ write it as 47.4, 8.5"):
        handle("nowhere")
