"""The two doors: what `mc_jupyter` and `mc_jupyter.parts` offer, and that all of it says what it takes."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, get_args

import pytest

import mc_jupyter as mc
from mc_jupyter import errors, parts
from mc_jupyter.comparison import Comparison
from mc_jupyter.document.plan import Plan
from mc_jupyter.engine.changes import Change
from mc_jupyter.engine.streams import TextStream
from mc_jupyter.events import Event
from mc_jupyter.notebook.views import View

ERRORS = [
    "AccessDenied", "BadToken", "ComposeError", "DoesNotFit", "ExpressionError", "InputError", "Interrupted",
    "MissingPackage", "NeedsToken", "NeedsWord", "NoSuchModel", "NotBuilt", "Offline", "Place", "PlanError", "Problem",
    "RunError", "SpecError", "UnknownName", "UnsafeWeights", "WeightsError",
]  # fmt: skip
CALLED = ["Driver", "Handle", "Run", "Session", "Task", "parse", "performs", "read", "render", "schema"]
PARTS = [
    "IMAGE", "MESSAGES", "TEXT", "AdapterFacts", "AdapterKey", "Advance", "Asked", "Batch", "Bound", "Call", "Called",
    "Checkpoint", "Closed", "Component", "ComponentType", "DoesNotFit", "Driver", "Effect", "Embedding", "Entry",
    "Envelope", "Estimate", "ExpressionError", "Faces", "Facts", "Field", "Images", "InputError", "JobFields",
    "JobType", "Keeper", "Kind", "Label", "Layers", "Match", "MissingPackage", "ModelKey", "Need", "Note", "Open", "Permissions",
    "Phase", "Piece", "PlanError", "Planned", "Preview", "Problem", "Refusal", "Resident", "Room", "Run", "RunError",
    "Secret", "Shape", "Spelled", "Store", "Stream", "Takes", "Task", "TaskAction", "TaskCall", "Text", "Texts",
    "Wanted", "WeightsError", "marked", "performs", "refused",
]  # fmt: skip


def test_what_is_called_stands_in_the_package() -> None:
    assert sorted(mc.__all__) == sorted([*CALLED, *ERRORS, "load_ipython_extension", "unload_ipython_extension"])
    assert all(callable(getattr(mc, name)) for name in mc.__all__)


def test_every_class_of_errors_is_in_it() -> None:
    classes = {name for name, value in vars(errors).items() if getattr(value, "__module__", "") == errors.__name__}
    assert {name for name in classes if inspect.isclass(getattr(errors, name))} == set(ERRORS)
    assert all(getattr(mc, name) is getattr(errors, name) for name in ERRORS)


def test_what_parts_are_written_with_stands_in_parts() -> None:
    assert parts.__all__ == PARTS
    assert {name for name in vars(parts) if not name.startswith("_")} == {*PARTS, "annotations"}


def test_what_stands_behind_both_doors_is_one_thing() -> None:
    for name in {*mc.__all__} & {*PARTS}:
        assert getattr(mc, name) is getattr(parts, name), name


def test_importing_parts_imports_pydantic_and_no_other_library() -> None:
    code = """if True:
        import sys
        before = set(sys.modules)
        import mc_jupyter.parts
        new = {name.split(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
        print(*(name for name in new if not name.startswith("_")))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    pydantic = {"annotated_types", "pydantic", "pydantic_core", "typing_extensions", "typing_inspection"}
    assert set(done.stdout.split()) <= {"mc_jupyter", *pydantic}


CLASSES = [
    mc.Session, mc.Handle, TextStream, Change, Comparison, Plan, parts.Planned, mc.Run, *get_args(Event),
    parts.Driver, parts.Task, parts.ComponentType, parts.JobType, parts.Store, View,
]  # fmt: skip


def offered(of: type) -> Iterator[tuple[type, str, Any]]:
    """The public methods and properties of a class and of ours that it is derived from, each once; and how it is made."""
    seen: set[str] = set()
    for base in (base for base in of.__mro__ if base.__module__.startswith("mc_jupyter")):
        for name, value in vars(base).items():
            if name not in seen and (name in ("__init__", "__call__") or not name.startswith("_")):
                seen.add(name)
                function = getattr(value, "__func__", value)
                if inspect.isfunction(function) or isinstance(function, property):
                    yield base, name, function


METHODS = {f"{of.__name__}.{name}": (base, function) for of in CLASSES for base, name, function in offered(of)}
FUNCTIONS = {name: (None, getattr(mc, name)) for name in mc.__all__ if inspect.isfunction(getattr(mc, name))}


def unnamed(owner: type | None, function: Any, made: bool) -> list[str]:
    """The parameters of a function that neither its docstring names nor that of its class."""
    said = f"{inspect.getdoc(owner) if owner else ''} {'' if made else inspect.getdoc(function)}"
    names = (name for name in inspect.signature(function).parameters if name not in ("self", "cls") and name[0] != "_")
    return [name for name in names if not re.search(rf"\b{name}\b", said)]


@pytest.mark.parametrize("name", [*METHODS, *FUNCTIONS])
def test_what_others_call_says_what_it_does_and_names_each_argument(name: str) -> None:
    owner, function = (METHODS | FUNCTIONS)[name]
    made = name.endswith(".__init__")
    assert inspect.getdoc(owner if made else function)
    if not isinstance(function, property):
        assert unnamed(owner, function, made) == []


def test_an_argument_that_is_not_named_is_found() -> None:
    class Bare:
        """Holds nothing."""

        def hold(self, thing: str, run: object) -> None:
            """Hold a thing."""

    assert unnamed(Bare, Bare.hold, made=False) == ["run"]
