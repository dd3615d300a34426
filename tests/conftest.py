"""What every test may use: small models made once, and sessions that are closed."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import gc
import importlib
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

import mc_jupyter as mc
from mc_jupyter import catalog
from tests import models

# What `make check` leaves out: it answers in about a minute.
LONG = ("slow", "kernel", "browser")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that is given a kernel is marked so. What is long goes first, so that no process ends late: the folder with
    most of it, and in it the file with most; a folder stays together, for what is started once for all of it."""
    long: Counter[Path] = Counter()
    for item in items:
        if "kernel" in getattr(item, "fixturenames", ()):
            item.add_marker("kernel")
        for place in (item.path, item.path.parent):
            long[place] += any(item.get_closest_marker(name) for name in LONG)
    items.sort(key=lambda item: (-long[item.path.parent], item.path.parent, -long[item.path]))


@pytest.fixture(scope="module", autouse=True)
def _frozen() -> None:
    """What earlier files have imported is not walked again by every collection of garbage: a third of a test's time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _nobodys_word(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What whoever runs the tests has allowed counts for none of them."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    os.environ.pop("MC_JUPYTER_ENV", None)


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.classifier(tmp_path_factory.mktemp("classifier"))


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="session")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.t5(tmp_path_factory.mktemp("t5"))


@pytest.fixture
def session() -> Iterator[mc.Session]:
    with mc.Session() as made:
        yield made


def agree(session: mc.Session, names: list[str]) -> None:
    """Say yes to everything that was asked of these names, as a button and a line do."""
    consent = session.allowed.consent
    consent.agree(consent.wanted(names))


def cell(task: str, model: Path | str, *lines: str, driver: str | None = None) -> str:
    """A document of one model component, with further lines of it."""
    head = ["type: model", f"task: {task}", f"model: {model}", *([f"driver: {driver}"] if driver else [])]
    return "component:\n" + "".join(f"  {line}\n" for line in (*head, *lines))


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str, str], None]]:
    """Writes one new file among the package's parts: `made("tasks", "test_made_x", source)`."""
    rooms: list[str] = []
    before = set(sys.modules)

    def write(room: str, name: str, source: str) -> None:
        package = importlib.import_module(f"mc_jupyter.{room}")
        folder = tmp_path / "parts" / room
        if room not in rooms:
            rooms.append(room)
            folder.mkdir(parents=True)
            monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        (folder / f"{name}.py").write_text(textwrap.dedent(source).lstrip())
        catalog.forget()

    yield write
    monkeypatch.undo()
    for module in set(sys.modules) - before:
        if ".test_made" in module or Path(getattr(sys.modules[module], "__file__", None) or "/").is_relative_to(
            tmp_path
        ):
            del sys.modules[module]
    catalog.forget()


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A shell of this process with the extension loaded, taken down again."""
    InteractiveShell.clear_instance()
    made = InteractiveShell.instance()
    made.run_line_magic("load_ext", "mc_jupyter")
    yield made
    made.run_line_magic("unload_ext", "mc_jupyter")
    InteractiveShell.clear_instance()
