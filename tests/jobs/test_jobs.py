"""mc_jupyter.jobs: a job type is one file."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import mc_jupyter as mc
import mc_jupyter.jobs
from mc_jupyter import catalog
from mc_jupyter.jobs import JobType
from mc_jupyter.notebook.completion import in_yaml

DOCUMENT = """
workflow:
  jobs:
    - id: shout
      type: test-made-shouting
      component: m
      times: 2
      then: rest
    - id: rest
      type: delay
component: {id: m, type: shell, command: [ls]}
"""


@pytest.fixture
def shouting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One more file among the job types."""
    (tmp_path / "test_made_shouting.py").write_text(
        textwrap.dedent('''
        """Calls a component, louder each time."""

        from pydantic import Field
        from mc_jupyter.jobs import Called, JobFields, JobType


        class Shouting(JobType):
            """Calls a component, louder each time."""

            class Fields(JobFields):
                component: str = Field(description="What is called.")
                times: int = Field(1, ge=1, le=3, description="How often.")
                then: str = Field(description="The job to go to.")

            @classmethod
            def targets(cls, fields):
                yield fields.then

            @classmethod
            def calls(cls, fields):
                yield Called(fields.component)
    ''')
    )
    monkeypatch.setattr(mc_jupyter.jobs, "__path__", [*mc_jupyter.jobs.__path__, str(tmp_path)])
    catalog.forget()
    yield
    sys.modules.pop("mc_jupyter.jobs.test_made_shouting", None)
    catalog.forget()


def test_a_job_type_is_named_by_its_file_also_where_python_keeps_the_word() -> None:
    assert {"component", "delay", "if", "switch", "random-router", "filter", "for-each", "accumulate"} == set(
        JobType.names()
    )
    assert JobType.named("if").name == "if"


def test_a_job_type_says_what_else_it_is_called() -> None:
    assert JobType.named("action") is JobType.named("component")
    assert "action" in JobType.spoken()
    assert "action" not in JobType.names()
    with pytest.raises(mc.ComposeError, match="did you mean 'action'"):
        JobType.named("acton")


def test_every_job_type_says_what_it_is_in_a_line() -> None:
    for kind in JobType.all():
        assert kind.summary().endswith(".")


@pytest.mark.usefixtures("shouting")
def test_adding_a_job_type_is_one_file() -> None:
    spec = mc.read(DOCUMENT)
    assert spec.workflows[0].jobs[0].fields.times == 2
    Draft202012Validator(mc.schema()).validate(mc.parse(DOCUMENT))
    lines = DOCUMENT.splitlines()
    assert "test-made-shouting" in in_yaml(lines[1:4], "      type: ")[1]


@pytest.mark.usefixtures("shouting")
@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("times: 2", "times: 9", "line 7: times should be at most 3, and is 9"),
        ("times: 2", "tims: 2", "line 7: unknown key 'tims'"),
        ("then: rest", "then: nowhere", "line 8: job 'shout' names a job 'nowhere', which there is not"),
    ],
)
def test_what_is_wrong_in_an_added_job_is_said_at_its_line(right: str, wrong: str, problem: str) -> None:
    with pytest.raises(mc.SpecError) as caught:
        mc.read(DOCUMENT.replace(right, wrong))
    assert str(caught.value).startswith(problem)


@pytest.mark.usefixtures("shouting")
def test_a_component_that_an_added_job_calls_and_nobody_defines_is_named(session: mc.Session) -> None:
    plan = session.plan(DOCUMENT.replace("component: m", "component: nobody"))
    assert "component 'nobody' is not defined in this document" in plan.notes
