"""What README and CONTRIBUTING show is run, and what they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import mc_jupyter as mc
from mc_jupyter.catalog import Part
from mc_jupyter.components import ComponentType
from mc_jupyter.drivers import Driver
from mc_jupyter.jobs import JobType
from mc_jupyter.notebook.commands import COMMANDS
from mc_jupyter.notebook.views import View
from mc_jupyter.stores import Store
from mc_jupyter.tasks import Task

ROOT = Path(mc.__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def indented(after: str) -> str:
    """The indented block of README that follows a line."""
    lines = README[README.index(after) :].splitlines()[1:]
    block = []
    for line in lines:
        if line.startswith("    ") or not line:
            block.append(line.removeprefix("    "))
        elif block:
            break
    return "\n".join(block)


def test_readmes_first_cell_answers(session: mc.Session) -> None:
    cell = indented("%%compose sentiment").split("\n\n")[0]
    sentiment = session.load(cell, "sentiment")
    assert sentiment("I love how quiet this little hotel is")["label"] == "POSITIVE"


def test_readme_is_100_to_160_lines() -> None:
    assert 100 <= len(README.splitlines()) <= 160


def test_readme_says_first_things_first() -> None:
    order = [
        "**Local AI models", "%%compose sentiment", "first-cell.png", "make demo", "## What works today", "## What it does",
        "## How fast", "## Without a notebook", "## A cell, and its words", "## Models", "## Where next",
    ]  # fmt: skip
    assert sorted(order, key=README.index) == order


def test_the_figures_of_readme_are_those_of_the_benchmarks() -> None:
    rows = README[README.index("## How fast") : README.index("## Without a notebook")].splitlines()
    figures = [row for row in rows if row.startswith("|")]
    assert len(figures) == 6  # a head, the rule under it, four rows
    assert set(figures) <= set((ROOT / "BENCHMARKS.md").read_text(encoding="utf-8").splitlines())


def test_readme_names_every_word_of_compose_and_no_other() -> None:
    table = README[README.index("## A cell") : README.index("## Models")]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    assert {word for cell in cells for word in re.findall(r"`(?:%compose )?(\w+)[^`]*`", cell)} == set(COMMANDS)


def test_readmes_python_runs(session: mc.Session) -> None:
    code = indented("## Without a notebook")
    names: dict[str, object] = {}
    exec(code, names)
    assert names["story"] is not None


def test_every_file_that_readme_links_is_there() -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / link).exists(), link


def test_contributing_names_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:mc_jupyter|tests)/[\w/]+\.py)`", text):
        if not re.search(r"my_|text_reranking", name):
            assert (ROOT / name).exists(), name


def test_contributing_names_the_group_of_every_kind_of_part_and_no_other() -> None:
    kinds: list[type[Part]] = [ComponentType, Driver, JobType, Store, Task, View]
    assert {kind for kind in Part.__subclasses__() if kind.__module__.startswith("mc_jupyter.")} == set(kinds)
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    groups = text[text.index("### From another package") : text.index("## How code reads here")]
    named = set(re.findall(r"mc_jupyter\.(\w+)", groups)) - {"parts"}
    assert named == {kind.room.rpartition(".")[2] for kind in kinds}


def test_the_starters_of_readme_are_there() -> None:
    from mc_jupyter import starters

    named = set(re.findall(r"starter:([\w-]+)", README))
    assert named == {*starters.names(), *starters.adapters()}


def test_the_tasks_of_readme_are_those_that_a_library_performs() -> None:
    libraries = [driver for driver in Driver.all() if driver.needs_weights]
    performed = {word for word in Task.names() if any(d.recipe(Task.named(word)) for d in libraries)}
    assert performed == {word for word in Task.names() if f"`{word}`" in README}


SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
PROMISES = dict(re.findall(r"^\| (S\d+) \|.*\| ([^|]*) \|$", SECURITY, re.MULTILINE))
"""The tests of each promise, as the last cell of its row says them."""


def test_every_promise_of_the_security_page_has_its_row() -> None:
    assert list(PROMISES) == [f"S{number}" for number in range(1, 16)]


def test_every_promise_names_tests_that_are_there() -> None:
    named = {promise: re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", tests) for promise, tests in PROMISES.items()}
    assert [promise for promise, tests in named.items() if not tests] == []
    for file, test in re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", SECURITY):
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_files_that_the_security_page_names_are_there() -> None:
    for file in re.findall(r"`(tests/[\w/]+\.py)`", SECURITY):
        assert (ROOT / file).exists(), file
