"""mc_jupyter.engine.report: what the process's memory is, part by part, and what nothing explains."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import mc_jupyter as mc
from mc_jupyter.engine.report import MemoryReport
from tests import models
from tests.conftest import cell

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells kinds of pages apart")

MB = 1_000_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """50 MB, stored as float32."""
    return models.large_llama(tmp_path_factory.mktemp("large"))


def parts(report: MemoryReport) -> dict[str, int]:
    return {part.what: part.bytes for part in report.parts}


def test_the_parts_are_the_whole_process(session: mc.Session, large: Path) -> None:
    session.load(cell("text-generation", large), "a")
    report = session.memory()
    assert sum(part.bytes for part in report.parts) == report.process
    assert report.parts[-1].bytes == report.unexplained


def test_what_a_model_converts_is_its_own_and_what_stays_in_its_files_is_the_files(
    session: mc.Session, large: Path
) -> None:
    whole = session.load(cell("text-generation", large, "precision: float32"), "whole")
    mapped = session.memory()
    assert parts(mapped)["models"] < 1000  # a buffer that no file has
    (row,) = mapped.residents
    session.load(cell("text-generation", large, "precision: bfloat16"), "half")
    converted = session.memory()
    assert parts(converted)["models"] == pytest.approx(row.bytes / 2, rel=0.01)
    assert whole.facts() is not None


def test_what_the_notebook_itself_holds_is_not_explained(session: mc.Session) -> None:
    before = session.memory()
    held = np.ones(100 * MB // 8)
    after = session.memory()
    assert after.unexplained - before.unexplained == pytest.approx(held.nbytes, abs=5 * MB)


def test_the_narrowest_limit_of_the_cpu_comes_first(session: mc.Session) -> None:
    report = session.memory()
    assert [each.free for each in report.within] == sorted(each.free for each in report.within)
    assert report.within[0].limit_by == report.devices["cpu"].limit_by
