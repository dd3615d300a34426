"""Planning reads what others wrote, and raises nothing for it: damage by dice over every kind of model."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import ComposeError
from tests import damaged

EACH = 60  # of a kind of model; `make fuzz` tries thousands


@pytest.mark.parametrize("name", ["llama", "encoder", "blip", "sdxl", "faces", "upscaler", "pickle", "ldsr", "lora"])
def test_whatever_a_file_says_a_plan_tells_it(name: str, tmp_path: Path) -> None:
    subject = damaged.SUBJECTS[name]
    base = subject.base(tmp_path / "base") if subject.base else None
    good = subject.make(tmp_path / "good", *([base] if base else []))
    told = 0
    with mc.Session() as session:
        for seed in range(EACH):
            copy = tmp_path / "copy"
            what = damaged.damaged(good, copy, Random(f"{name} {seed}"), damaged.READ_FIRST)
            try:
                plan = session.plan(subject.text(copy / good.name if good.is_file() else copy, base))
                problems = [str(problem) for problem in plan.problems]
            except ComposeError as error:
                problems = [str(error)]
            except Exception as error:
                raise AssertionError(f"seed {seed}: {what}") from error
            assert all(len(problem) < 2000 for problem in problems), what
            told += bool(problems)
            shutil.rmtree(copy)
    # A pickle is followed when it is loaded, and what lies beside an upscaler is none of its own.
    assert told > EACH // 10 or name == "pickle", "the damage is none"
