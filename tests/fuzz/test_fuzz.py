"""The fuzzer finds what it is for; and a few cases of every kind, so that a fault shows where every test runs."""

from __future__ import annotations

import shutil
import sys
from random import Random

import pytest

from tests.fuzz import __main__, campaign, kind, mutation
from tests.fuzz.campaign import Result
from tests.fuzz.findings import Finding

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bad() -> Result:
    """What is found of a kind whose first cases do everything that none may."""
    return campaign.run("_misbehaving", 0, 40)


@pytest.mark.parametrize(
    ("seed", "told"),
    [
        (0, "KeyError: 'nobody should see this'"),
        (1, "hangs: longer than 5 s"),
        (2, "dies: Fatal Python error: Segmentation fault"),
        (3, "beyond the sandbox: writes outside the sandbox"),
        (4, "beyond the sandbox: starts a process"),
        (5, "beyond the sandbox: connects to 192.0.2.1"),
        (6, "a secret is shown"),
        (7, "noise: a native library's word"),
        (8, "memory: one try took"),
        (10, "SystemExit: 3"),
    ],
)
def test_what_a_case_may_not_do_is_found_with_its_seed(bad: Result, seed: int, told: str) -> None:
    whats = [finding.what for same in bad.found.values() for finding in same if finding.seed == seed]
    assert any(what.startswith(told) for what in whats), whats


@pytest.mark.parametrize("what", ["MB of memory", "threads", "open files", "temporary files"])
def test_growth_is_found(what: str) -> None:
    grown = campaign.run("_misbehaving", 11, 40, warm=0)
    whats = [finding.what for same in grown.found.values() for finding in same]
    assert any(f" {what} more at the end" in each for each in whats), whats


def test_a_file_made_by_native_code_is_found(bad: Result) -> None:
    whats = [finding.what for same in bad.found.values() for finding in same]
    assert "beyond the sandbox: files beside it are not as they were" in whats


def test_every_case_is_tried_though_processes_died(bad: Result) -> None:
    assert bad.tried == 40
    assert (bad.endings["refused"], bad.endings["gave"]) == (14, 15)


def test_findings_are_told_with_what_repeats_them(bad: Result) -> None:
    lines = list(bad.lines())
    assert "40 tried from seed 0" in lines[0]
    assert "      python -m tests.fuzz _misbehaving --one 0" in lines


@pytest.mark.parametrize("name", kind.names())
def test_a_few_of_every_kind_find_nothing(name: str) -> None:
    result = campaign.run(name, first=1, count=60)
    assert result.tried == 60
    assert result.found == {}, "\n".join(result.lines())


def test_findings_are_the_exit_status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = {
        True: Result("cells", 0, found={("cells", "x", "y"): [Finding("cells", 7, "x", "y")]}),
        False: Result("cells", 0, tried=5),
    }
    for bad in (True, False):
        monkeypatch.setattr(campaign, "run", lambda *given, bad=bad: found[bad])
        assert __main__.main(["cells", "--seed", "7"]) == int(bad)
    assert "seed 7" in capsys.readouterr().out


def test_a_kind_of_which_nothing_was_tried_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(campaign, "run", lambda *given: Result("cells", 0))
    assert __main__.main(["cells", "--seed", "7"]) == 1
    assert "no faults" not in capsys.readouterr().out.splitlines()[-1]


def test_a_process_that_dies_before_it_begins_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "_ENOUGH", 1)
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    found = campaign.run("cells", 0, 5).found
    told = [one.what for findings in found.values() for one in findings]
    assert any(what.startswith("dies: exit status 1") for what in told), told


def test_trees_and_texts_are_changed_and_the_given_ones_stay() -> None:
    tree = {"a": [1, {"b": "c"}], "d": 2.5}
    texts = [mutation.mutated_text(Random(seed), "a: b\n  c: d\n") for seed in range(50)]
    trees = [mutation.mutated_tree(Random(seed), tree) for seed in range(50)]
    assert tree == {"a": [1, {"b": "c"}], "d": 2.5}
    assert len(set(texts)) > 40
    assert sum(each != tree for each in trees) > 40
