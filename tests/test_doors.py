"""The two doors: what `mc_jupyter` and `mc_jupyter.parts` offer, and that all of it says what it takes."""

from __future__ import annotations

import inspect
import subprocess
import sys

import mc_jupyter as mc
from mc_jupyter import errors, parts

ERRORS = [
    "AccessDenied", "BadToken", "ComposeError", "DoesNotFit", "ExpressionError", "InputError", "Interrupted",
    "MissingPackage", "NeedsToken", "NeedsWord", "NoSuchModel", "NotBuilt", "Offline", "Place", "PlanError", "Problem",
    "RunError", "SpecError", "UnknownName", "UnsafeWeights", "WeightsError",
]  # fmt: skip
CALLED = ["Driver", "Handle", "Run", "Session", "Task", "parse", "performs", "read", "render", "schema"]
PARTS = [
    "IMAGE", "MESSAGES", "TEXT", "AdapterFacts", "AdapterKey", "Advance", "Asked", "Batch", "Bound", "Call", "Called",
    "Checkpoint", "Closed", "Component", "ComponentType", "DoesNotFit", "Driver", "Effect", "Embedding", "Envelope",
    "Estimate", "ExpressionError", "Faces", "Facts", "Field", "Images", "InputError", "JobFields", "JobType", "Kind",
    "Label", "Layers", "MissingPackage", "ModelKey", "Need", "Note", "Open", "Permissions", "Phase", "Piece",
    "PlanError", "Planned", "Preview", "Problem", "Refusal", "Resident", "Room", "Run", "RunError", "Secret", "Shape",
    "Spelled", "Stream", "Takes", "Task", "TaskAction", "TaskCall", "Text", "Texts", "WeightsError", "marked",
    "performs", "refused",
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
