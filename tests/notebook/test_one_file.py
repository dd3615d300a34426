"""A new part is one file: written among its kind, it is used through a real shell, and nothing else is edited.

A driver, and a view of a new kind of result, have tests of their own (`test_house`, `test_views`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from mc_jupyter.errors import SpecError

Run = Callable[[str], Any]
Made = Callable[[str, str, str], None]

COUNTER = '''
"""Counts how often it is called, for as long as it stays open."""

from dataclasses import dataclass

from pydantic import Field
from mc_jupyter.components import ComponentType, Envelope, Open, Planned, default_inputs, filled
from mc_jupyter.language.fields import Closed
from mc_jupyter.tasks import Texts


@dataclass(frozen=True, slots=True)
class CounterPlan(Planned):
    @property
    def key(self):
        return ("counter", self.settings.start)


class Tally(Open):
    def __init__(self, start):
        self.count = start

    @property
    def subject(self):
        return "a tally"


class Counter(ComponentType):
    """Counts how often it is called."""

    runs = True

    class Settings(Envelope):
        start: int = Field(0, ge=0, description="Where it begins.")

    class Action(Closed):
        word: Texts = Field(description="What is counted.")

    @classmethod
    def plan(cls, written, env, beside):
        settings, problems = filled(written, env, beside)
        return CounterPlan(written.id, written, settings, default_inputs(written), problems=problems)

    @classmethod
    def open(cls, planned, room, run):
        return room.hold(planned.key, lambda: Tally(planned.settings.start))

    @classmethod
    def call(cls, planned, opened, call):
        opened.count += 1
        return f"{call.fields.word} {opened.count}"
'''


def test_a_component_type(run: Run, made: Made, shell: InteractiveShell) -> None:
    made("components", "test_made_counter", COUNTER)
    run("%%compose sheep\ncomponent:\n  type: test-made-counter\n  start: 5\n")
    assert [run("sheep('sheep')"), run("sheep(word='sheep')")] == ["sheep 6", "sheep 7"]
    assert run('%compose run sheep word="goat"') == "goat 8"
    run("%%compose lambs\ncomponent: {type: test-made-counter, start: 5}\n")
    assert run("lambs('lamb')") == "lamb 9"  # equal keys are one
    assert [row[0] for row in run("%compose ls").rows] == ["sheep", "lambs"]
    assert [(row.subject, row.names) for row in run("%compose mem").residents] == [("a tally", ("lambs", "sheep"))]
    run("%compose set lambs start=20")
    assert [run("lambs('lamb')"), run("sheep('sheep')")] == ["lamb 21", "sheep 10"]
    wrong = run("%%compose sheep\ncomponent: {type: test-made-counter, start: -5}\n")
    assert isinstance(wrong, SpecError)
    assert "start should be at least 0" in str(wrong)
    run("%compose unload sheep")
    assert run("sheep('sheep')") == "sheep 6"


ROUNDABOUT = '''
"""Goes round until it is tired."""

from pydantic import Field
from mc_jupyter.jobs import Called, JobFields, JobType


class Roundabout(JobType):
    """Goes round until it is tired."""

    class Fields(JobFields):
        ride: str = Field(description="The component that is ridden.")
        rounds: int = Field(1, ge=1, description="How often.")
        leave: str | None = Field(None, description="The job to go to after it.")

    @classmethod
    def targets(cls, fields):
        if fields.leave:
            yield fields.leave

    @classmethod
    def calls(cls, fields):
        yield Called(fields.ride)
'''


def test_a_job_type(run: Run, made: Made) -> None:
    made("jobs", "test_made_roundabout", ROUNDABOUT)

    def cell(*lines: str) -> str:
        jobs = "".join(f"      {line}\n" for line in lines)
        return (
            "%%compose --check\nworkflow:\n  jobs:\n    - id: ride\n      type: test-made-roundabout\n"
            f"{jobs}    - id: home\ncomponent: {{id: horse, type: model, driver: echo}}\n"
        )

    assert not run(cell("ride: horse", "rounds: 3", "leave: home")).missing
    assert run(cell("ride: horsie")).missing == ("horsie",)
    assert "line 7: rounds should be at least 1, and is 0" in str(run(cell("ride: horse", "rounds: 0")))
    assert "names a job 'hme', which there is not; did you mean 'home'" in str(run(cell("ride: horse", "leave: hme")))
    assert "rounds" in str(run("import mc_jupyter; mc_jupyter.schema()")["$defs"]["job"])


SHELF = '''
"""Keeps vectors on a shelf: in memory, compared one by one."""

from pydantic import Field
from mc_jupyter.language.fields import Closed
from mc_jupyter.stores import Match, Store


class Shelf(Store):
    """Keeps vectors on a shelf."""

    class Settings(Closed):
        width: int = Field(2, ge=1, description="Length of the vectors.")

    def __init__(self, width):
        self.width, self.rows = width, {}

    @classmethod
    def open(cls, settings, run):
        return cls(settings.width)

    def insert(self, collection, entries):
        self.rows.setdefault(collection, {}).update({entry.id: entry for entry in entries})

    def search(self, collection, vectors, wanted):
        def far(one, other):
            return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))

        rows = [row for row in self.rows.get(collection, {}).values()
                if all((row.metadata or {}).get(k) == v for k, v in (wanted.filter or {}).items())]
        return [sorted((Match(row, far(v, row.vector)) for row in rows), key=lambda m: m.distance)[: wanted.top_k]
                for v in vectors]

    def delete(self, collection, ids, filter):
        return len([self.rows[collection].pop(one) for one in ids if one in self.rows[collection]])
'''

SHELF_CELL = """%%compose shelf
component:
  type: vector-store
  driver: test-made-shelf
  width: 2
  actions:
    - {id: put, method: insert, vector: ${input.vector}, document: ${input.text}, metadata: ${input.about}}
    - {id: find, default: true, method: search, query: ${input.vector}, top_k: 1, filter: ${input.only},
       output: '${result[0].document}'}
    - {id: drop, method: delete, vector_id: ${input.id}}
"""


def test_a_store(run: Run, made: Made) -> None:
    made("stores", "test_made_shelf", SHELF)
    run(SHELF_CELL)
    written = run("shelf(action='put', vector=[[0, 1], [1, 0]], text=['up', 'right'], about=[{'n': 1}, {'n': 2}])")
    assert written["affected_rows"] == 2
    again = run("shelf(action='put', vector=[[0, 1]], text=['up'], about=[{'n': 1}])")
    assert again["ids"] == written["ids"][:1]  # the id of what is in it
    assert [run("shelf(vector=[0.1, 0.9])"), run("shelf(vector=[0.1, 0.9], only={'n': 2})")] == ["up", "right"]
    assert run(f"shelf(action='drop', id={written['ids'][:1]!r})") == {"affected_rows": 1}
    assert run("shelf(vector=[0.1, 0.9])") == "right"
    assert [row.names for row in run("%compose mem").residents] == [("shelf",)]
    assert "no store 'test-made-shelv'; did you mean" in str(run(SHELF_CELL.replace("made-shelf", "made-shelv")))


HEARING = '''
"""Say how long a sound is."""

from typing import Annotated, Any

from pydantic import Field
from mc_jupyter.language.fields import Bound
from mc_jupyter.language.kinds import Kind, Takes
from mc_jupyter.tasks import Task, TaskAction, performs


def as_bytes(found, permissions):
    from mc_jupyter.values.conversions import convert

    return convert(found, "audio", elementwise=True, permissions=permissions)


SOUND = Kind("sound", "audio", file=True, example='"bell.wav"', read=as_bytes)


class Hearing(Task):
    """Say how long a sound is."""

    head, input, driver, result = "ear", "clip", "echo", str

    class Action(TaskAction):
        clip: Annotated[Bound[Any], Takes(SOUND, "clip", "sound")] = Field(description="The sound.")
'''


def test_a_task_with_a_new_kind_of_input(run: Run, made: Made, shell: InteractiveShell, tmp_path: Path) -> None:
    made("tasks", "test_made_hearing", HEARING)
    run("%%compose ear\ncomponent: {type: model, task: test-made-hearing, driver: echo}\n")
    handle = shell.user_ns["ear"]
    assert [(one.names, one.of.name) for one in handle.inputs] == [(("clip", "sound"), "sound")]
    assert dict(handle.card())["call it"] == 'ear("bell.wav")'
    assert run("ear(b'RIFF')") == run("ear(sound=b'RIFF')") == b"RIFF"
    assert run("ear([b'a', b'b'])") == [b"a", b"b"]
    (tmp_path / "bell.wav").write_bytes(b"ding")
    shell.user_ns["bell"] = tmp_path / "bell.wav"
    assert run("%compose run ear clip:=bell") == b"ding"  # a pathlib.Path is the user's own word, a text is data
    assert "outside the working folder" in str(run(f"%compose run ear clip={tmp_path / 'bell.wav'}"))
    assert "needs the input 'clip'" in str(run("%compose run ear"))
