"""A notebook in a stranger's folder, in a real kernel: nothing of ours imports a module that lies beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.notebook.conftest import Kernel
from tests.trust.test_imports import SHADOWED

pytestmark = [pytest.mark.slow, pytest.mark.kernel]

STORY = """%%compose story {flags}
component:
  type: model
  task: text-generation
  model: starter:stories
  text: {text}
  max_output_length: 3
"""
SHAPE = """%%compose shape
component:
  type: model
  task: image-generation
  architecture: sdxl
  model: starter:shapes
  prompt: a red circle
  num_inference_steps: 1
"""
LARGER = """%%compose larger
component:
  type: model
  task: image-upscale
  model: starter:upscale
  image: ${input.image as image}
"""


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel in a folder with modules of the names that libraries are, each of which leaves a mark when it runs."""
    folder = tmp_path_factory.mktemp("stranger")
    for name in {*SHADOWED, "ipywidgets", "peft", "tensorflow", "jax", "torchvision"}:
        (folder / f"{name}.py").write_text(f"open('RAN_{name}', 'w').close()\n")
    made = Kernel(folder)
    made.run(
        "import os\nfor name in os.listdir():\n    if name.startswith('RAN_'): os.unlink(name)"
    )  # the kernel's own
    made.run("%load_ext mc_jupyter")
    yield made
    made.close()


def _printed(kernel: Kernel, code: str) -> str:
    outputs = kernel.run(code).outputs()
    assert [one for one in outputs if one["output_type"] == "error"] == []
    return "".join(one["text"] for one in outputs if one["output_type"] == "stream").strip()


def _answered(kernel: Kernel, cell: str) -> str:
    """What a cell shows, as text; nothing of the folder ran for it."""
    outputs = kernel.run(cell).outputs()
    assert [one for one in outputs if one["output_type"] == "error"] == []
    assert _printed(kernel, "print(sorted(name for name in os.listdir() if name.startswith('RAN_')))") == "[]"
    return "".join(one["data"].get("text/plain", "") for one in outputs if "data" in one)


def test_checking_loading_and_calling_run_nothing_of_the_folder(stranger: Kernel) -> None:
    assert "text-generation" in _answered(stranger, STORY.format(flags="--check", text="Once"))
    assert "3 tokens" in _answered(stranger, STORY.format(flags="", text="Once"))
    assert "1 step" in _answered(stranger, SHAPE)
    _answered(stranger, LARGER)
    assert "256×256" in _answered(stranger, "larger(image=shape())")


def test_completion_forms_and_panels_run_nothing_of_the_folder(stranger: Kernel) -> None:
    _answered(stranger, STORY.format(flags="", text="${input.text as text | Once}"))
    asked = stranger.client.complete("%compose run story te", timeout=30, reply=True)
    assert "text=" in asked["content"]["matches"]
    _answered(stranger, "%compose form story")
    _answered(stranger, "panel = story.panel()")
    _answered(stranger, "panel.run_button.click(); panel.wait(30)")
    assert "3 tokens" in _printed(stranger, "print(panel.calling.answer.outputs)")


def test_a_cell_of_python_finds_the_folders_modules_as_ever(stranger: Kernel) -> None:
    assert _printed(stranger, "import colorama; print(os.path.dirname(colorama.__file__) == os.getcwd())") == "True"
