"""Modules of the working folder are found by the user's own Python, and by nothing that this package does."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SHADOWED = (
    "yaml", "pydantic", "torch", "numpy", "PIL", "regex", "tqdm", "triton", "colorama", "mistral_common", "spandrel",
    "bitsandbytes", "sentencepiece", "tiktoken", "kernels", "transformers", "diffusers", "safetensors", "httpx", "h11",
    "huggingface_hub", "tokenizers", "accelerate", "jinja2", "sitecustomize",
)  # fmt: skip
MODEL = "component: {type: model, task: text-generation, model: 'starter:stories', text: Once}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stranger's folder: each module leaves a mark when it runs."""
    for name in SHADOWED:
        (tmp_path / f"{name}.py").write_text(f"open('RAN_{name}', 'w').close()\nraise ImportError('a stranger')\n")
    return tmp_path


def python(folder: Path, code: str) -> str:
    """What a new Python, which has '' first in `sys.path`, prints in a folder; `ran()` lists the marks."""
    before = """
        import os, sys
        def ran(): return sorted(name[4:] for name in os.listdir() if name.startswith("RAN_"))
    """
    code = textwrap.dedent(before) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_python_by_itself_runs_what_lies_in_the_folder(folder: Path) -> None:
    assert python(folder, "try: import yaml\nexcept ImportError: print(ran())") == "['yaml']"


def test_planning_loading_calling_and_closing_run_nothing_of_the_folder(folder: Path) -> None:
    code = f"""
        import mc_jupyter as mc
        session = mc.Session()
        session.plan({MODEL!r})
        story = session.load({MODEL!r}, "story")
        story()
        list(story.stream())
        session.close()
        print(ran())
    """
    assert python(folder, code) == "[]"


def test_a_library_that_probes_for_a_package_of_the_folder_is_told_that_there_is_none(folder: Path) -> None:
    (folder / "only_here.py").write_text("")
    code = """
        import importlib.util, mc_jupyter.catalog as ours
        print(importlib.util.find_spec("only_here") is None, end=" ")
        exec("import importlib.util; found = importlib.util.find_spec('only_here')", vars(ours))
        print(ours.found is None)
    """
    assert python(folder, code) == "False True"


def test_a_folder_that_the_user_named_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "only_here.py").write_text("")
    code = """
        import mc_jupyter.catalog as ours
        sys.path.append(os.getcwd())
        exec("import only_here", vars(ours))
        print(ours.only_here.__name__)
    """
    assert python(tmp_path, code) == "only_here"


def test_a_thread_of_the_users_finds_his_module_while_another_one_works(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import also_mine\n")
    (tmp_path / "also_mine.py").write_text("")
    code = """
        import importlib, threading
        import mc_jupyter.catalog as ours
        inside, done, found = threading.Event(), threading.Event(), []
        vars(ours).update(inside=inside, done=done)
        exec("def work():\\n inside.set(); done.wait(20)\\n try: import also_mine\\n except ImportError as e: return e.name",
             vars(ours))
        working = threading.Thread(target=lambda: found.append(ours.work()))
        working.start(); inside.wait(20)
        his = threading.Thread(target=importlib.import_module, args=("mine",))
        his.start(); his.join()
        print("also_mine" in sys.modules, end=" ")
        del sys.modules["also_mine"]
        done.set(); working.join()
        print(found)
    """
    assert python(tmp_path, code) == "True ['also_mine']"


def test_a_module_of_the_folder_that_we_call_imports_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "his.py").write_text("def work():\n    import neighbour\n    return neighbour.__name__\n")
    (tmp_path / "neighbour.py").write_text("")
    code = """
        import his, mc_jupyter.catalog as ours
        exec("def call(what): return what()", vars(ours))
        print(ours.call(his.work))
    """
    assert python(tmp_path, code) == "neighbour"


def test_a_folder_without_init_joins_no_package_for_us(tmp_path: Path) -> None:
    """A package without `__init__` is every folder of its name, looked for anew whenever `sys.path` changes."""
    for place in ("far/shared/real.py", "shared/evil.py"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("")
    code = """
        sys.path.append(os.path.join(os.getcwd(), "far"))
        import mc_jupyter.catalog as ours
        exec("import shared.real", vars(ours))
        sys.path.append("/nowhere")
        try: exec("import shared.evil", vars(ours))
        except ModuleNotFoundError as error: print(error.name, end=" ")
        import shared.evil
        print(shared.evil.__name__)
    """
    assert python(tmp_path, code) == "shared.evil shared.evil"


def test_entry_points_and_versions_of_the_folder_are_not_those_of_packages(tmp_path: Path) -> None:
    info = tmp_path / "stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mc_jupyter.tasks]\nevil = os:abort\n")
    code = """
        from importlib.metadata import entry_points
        import mc_jupyter as mc
        from mc_jupyter.tasks import Task
        print([point.name for point in entry_points(group="mc_jupyter.tasks")], "evil" in Task.names())
    """
    assert python(tmp_path, code) == "['evil'] False"


def test_it_stands_once_where_pythons_own_finder_stood(tmp_path: Path) -> None:
    code = """
        import importlib
        from importlib.machinery import PathFinder
        before = list(sys.meta_path)
        import mc_jupyter
        from mc_jupyter.trust import imports
        imports.install(); imports.install(); importlib.invalidate_caches()
        changed = [(a, type(b).__name__) for a, b in zip(before, sys.meta_path, strict=True) if a is not b]
        print(changed == [(PathFinder, "_Finder")])
    """
    assert python(tmp_path, code) == "True"


def test_a_folder_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    code = """
        import mc_jupyter as mc
        os.chdir("gone"); os.rmdir(os.getcwd())
        print(mc.read("component: {type: model, task: text-generation, driver: echo}") is not None)
    """
    assert python(tmp_path, code) == "True"
