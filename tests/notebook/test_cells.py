"""A cell is planned once, and not again while nothing has changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mc_jupyter.document import plan as planning
from mc_jupyter.document.plan import Plan
from mc_jupyter.errors import InputError
from tests.conftest import cell

Run = Callable[[str], Any]


@dataclass
class Counted:
    """How often a text was planned, and a plan's files were looked at."""

    plans: int = 0
    looks: int = 0
    stats: int = 0

    def since(self) -> tuple[int, int]:
        """(plans, looks) since this was last asked."""
        found, self.plans, self.looks = (self.plans, self.looks), 0, 0
        return found


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, llama: Path) -> Counted:
    """Counts, and does what was asked."""
    count, make, holds, stat = Counted(), planning.make, Plan.holds, os.stat
    weights = str(llama / "model.safetensors")

    def counting(*args: Any, **more: Any) -> Plan:
        count.plans += 1
        return make(*args, **more)

    def looking(plan: Plan) -> bool:
        count.looks += 1
        return holds(plan)

    def stating(path: Any, *args: Any, **more: Any) -> os.stat_result:
        count.stats += str(path) == weights
        return stat(path, *args, **more)

    monkeypatch.setattr(planning, "make", counting)
    monkeypatch.setattr(Plan, "holds", looking)
    monkeypatch.setattr(os, "stat", stating)
    return count


@pytest.mark.parametrize("flags", ["", "--device cpu ", "--seed 7 --precision float32 "])
def test_a_cell_is_planned_once_and_the_same_cell_again_not_at_all(
    run: Run, llama: Path, counted: Counted, flags: str
) -> None:
    text = cell("text-generation", llama, "text: ${input.text}", "max_output_length: 3", "do_sample: false")
    source = f"%%compose story {flags}-i text=once\n{text}"
    first = run(source)
    assert counted.since() == (1, 0)
    counted.stats = 0
    assert run(source) == first
    assert counted.since() == (0, 1)
    assert counted.stats <= 5  # once for the plan; the session looks again at what is loaded


def test_a_file_of_several_is_planned_once(
    run: Run, tmp_path: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = "{{id: {}, type: model, task: text-generation, driver: echo}}"
    (tmp_path / "several.yml").write_text(f"components: [{one.format('a')}, {one.format('b')}]\n")
    run(f"%compose load {tmp_path / 'several.yml'} --device cpu")
    assert counted.since() == (1, 0)


def test_what_cannot_run_is_said_of_the_plan_with_its_flags(run: Run, llama: Path, counted: Counted) -> None:
    text = cell("text-generation", llama, "text: ${input.text}")
    error = run(f"%%compose --device cpu\n{text}")
    assert isinstance(error, InputError)
    assert "needs the input 'text'" in str(error)
    assert counted.since() == (1, 0)
