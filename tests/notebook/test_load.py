"""`%load_ext` costs next to nothing, and `%unload_ext` leaves nothing behind."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from mc_jupyter import notebook
from tests.notebook.conftest import LABEL

FRESH = """
import socket, sys
def refuse(*a, **k): raise AssertionError("a socket was opened")
socket.socket.connect = refuse
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "mc_jupyter")
new = set(sys.modules) - before
heavy = {"torch", "pydantic", "yaml", "ipywidgets", "PIL", "transformers", "huggingface_hub", "httpx", "numpy"}
print(len(new), sorted(heavy & set(sys.modules)))
"""


def test_loading_is_silent_light_and_offline() -> None:
    done = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=True)
    count, _, heavy = done.stdout.strip().partition(" ")
    assert done.stderr == ""
    assert "\n" not in done.stdout.strip()
    assert int(count) <= 60
    assert heavy == "[]"


def _state(shell: InteractiveShell) -> dict[str, Any]:
    """All places of a shell that an extension may write to."""
    formatter = shell.display_formatter
    formatters = [formatter.mimebundle_formatter, formatter.ipython_display_formatter, *formatter.formatters.values()]
    return {
        "dir": sorted(dir(shell)),
        "line": set(shell.magics_manager.magics["line"]),
        "cell": set(shell.magics_manager.magics["cell"]),
        "registry": set(shell.magics_manager.registry),
        "configurables": [type(c).__name__ for c in shell.configurables],
        "matchers": list(shell.Completer.custom_matchers),
        "callbacks": {name: list(found) for name, found in shell.events.callbacks.items()},
        "types": [set(f.type_printers) | set(f.deferred_printers) for f in formatters],
        "names": {name for name in shell.user_ns if not name.startswith("_")},
    }


def test_unloading_leaves_the_shell_as_it_was() -> None:
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_cell("%load_ext IPython.extensions.storemagic")  # what any extension and any cell do is done
    before = _state(shell)
    for _ in range(2):
        shell.run_line_magic("load_ext", "mc_jupyter")
        shell.run_cell(LABEL)
        shell.run_cell("%compose run sentiment text=hello")
        del shell.user_ns["sentiment"]
        shell.run_line_magic("unload_ext", "mc_jupyter")
        assert _state(shell) == before
    InteractiveShell.clear_instance()


def test_loading_twice_adds_nothing_twice(shell: InteractiveShell) -> None:
    before = _state(shell)
    shell.run_line_magic("load_ext", "mc_jupyter")
    from mc_jupyter import notebook

    notebook.load(shell)
    assert _state(shell) == before


def test_reloading_gives_a_working_magic(shell: InteractiveShell) -> None:
    shell.run_line_magic("reload_ext", "mc_jupyter")
    assert shell.run_cell(LABEL).success
    assert shell.run_cell("%compose run sentiment text=hello").result["label"] in ("NEGATIVE", "POSITIVE")


def test_unloading_closes_the_session(shell: InteractiveShell) -> None:
    shell.run_cell(LABEL)
    handle = shell.user_ns["sentiment"]
    assert handle.facts() is not None
    shell.run_line_magic("unload_ext", "mc_jupyter")
    assert handle.facts() is None
    shell.run_line_magic("load_ext", "mc_jupyter")


# --- the room ---------------------------------------------------------------------------------------------------------

ROOT = Path(notebook.__file__).parents[2]


def _files() -> dict[str, Path]:
    """The modules of the notebook's room, by name."""
    found = {}
    for file in Path(notebook.__file__).parent.rglob("*.py"):
        parts = file.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def _imports(file: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules of the room that a file imports from: at its top, inside functions, and for types."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module in known:
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                yield inner if inner in known else node.module


def test_no_file_of_the_room_imports_itself_by_way_of_others() -> None:
    known = _files()
    arrows = {name: set(_imports(file, known)) for name, file in known.items()}
    assert sum(map(len, arrows.values())) > 100
    TopologicalSorter(arrows).prepare()  # CycleError says which


def test_the_room_lists_what_is_in_it() -> None:
    folder = Path(notebook.__file__).parent
    for file in folder.iterdir():
        if not file.name.startswith("_"):
            assert f" {file.name}{'/' if file.is_dir() else ''}" in (notebook.__doc__ or ""), file.name
