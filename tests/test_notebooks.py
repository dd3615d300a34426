"""The shipped notebooks: they run from top to bottom, and what is saved in them is worth a visitor's look."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

import mc_jupyter as mc
from mc_jupyter import errors

NOTEBOOKS = sorted((Path(mc.__file__).parent.parent / "notebooks").glob("*.ipynb"))
WIDGET = "application/vnd.jupyter.widget-view+json"
EACH = pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)


def cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells of a notebook that hold code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def faults(notebook: NotebookNode) -> Iterator[str]:
    """What would look broken to whoever opens a notebook that was saved, without a kernel.

    A cell that shows an error on purpose is tagged `raises-exception`, and shows one of ours, as its text alone.
    """
    if "widgets" in notebook.metadata:
        yield "the state of widgets is saved"
    for number, cell in enumerate(cells(notebook), 1):
        here = f"In [{number}]"
        if cell.execution_count != number:
            yield f"{here} was saved as {cell.execution_count}: not run from top to bottom"
        wanted = "raises-exception" in cell.metadata.get("tags", ())
        if wanted != any(output.output_type == "error" for output in cell.outputs):
            yield f"{here} shows no error, and should" if wanted else f"{here} shows an error"
        for output in cell.outputs:
            yield from (f"{here} {fault}" for fault in _faults_of(output))


def _faults_of(output: NotebookNode) -> Iterator[str]:
    if output.output_type == "error":
        if not issubclass(getattr(errors, output.ename, Exception), errors.ComposeError):
            yield f"shows a {output.ename}"
        if any("Traceback" in line for line in output.traceback):
            yield "shows a traceback"
        return
    data = output.get("data", {"text/plain": output.get("text", "")})
    if "text/plain" not in data:
        yield f"has no text beside {', '.join(data)}"
    if WIDGET in data:  # JupyterLab prefers it to the page beside it: Error displaying widget: model not found
        yield "holds the view of a widget whose model is gone"
    shown = " ".join(str(text) for kind, text in data.items() if kind.startswith("text/"))
    yield from (f"says {word!r}" for word in ("Traceback", "✗", " failed", "Error:", "not found") if word in shown)


@EACH
def test_the_saved_outputs_of_a_notebook_show_nothing_broken(file: Path) -> None:
    assert list(faults(nbformat.read(file, as_version=4))) == []


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        ({"output_type": "error", "ename": "SpecError", "evalue": "", "traceback": []}, "shows an error"),
        ({"output_type": "stream", "name": "stderr", "text": "Traceback (most recent call last):"}, "says 'Traceback'"),
        ({"data": {"text/plain": "story: 3 variants, 3 failed"}}, "says ' failed'"),
        ({"data": {"text/plain": "", "text/html": "<td>✗ out of memory</td>"}}, "says '✗'"),
        ({"data": {"text/html": "<b>no text</b>"}}, "has no text beside text/html"),
        ({"data": {"text/plain": "", WIDGET: {"model_id": "1"}}}, "holds the view of a widget whose model is gone"),
    ],
)
def test_what_looks_broken_is_found(output: dict[str, Any], fault: str) -> None:
    cell = nbformat.v4.new_code_cell("1", execution_count=1)
    cell.outputs = [nbformat.v4.new_output(**{"output_type": "display_data", **output})]
    assert list(faults(nbformat.v4.new_notebook(cells=[cell]))) == [f"In [1] {fault}"]


def test_an_error_that_is_shown_on_purpose_is_ours_and_its_text_alone() -> None:
    cell = nbformat.v4.new_code_cell("1", execution_count=2, metadata={"tags": ["raises-exception"]})
    cell.outputs = [nbformat.v4.new_output("error", ename="KeyError", evalue="", traceback=["Traceback (most"])]
    assert list(faults(nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {}}))) == [
        "the state of widgets is saved",
        "In [1] was saved as 2: not run from top to bottom",
        "In [1] shows a KeyError",
        "In [1] shows a traceback",
    ]


@pytest.mark.slow
@pytest.mark.kernel
@EACH
def test_a_notebook_runs_headless_and_gives_outputs_where_it_was_saved_with_some(file: Path) -> None:
    saved, fresh = nbformat.read(file, as_version=4), nbformat.read(file, as_version=4)
    client = NotebookClient(fresh, timeout=300)
    client.km = client.create_kernel_manager()
    client.km.kernel_spec.argv[0] = sys.executable
    client.execute()
    for before, now in zip(cells(saved), cells(fresh), strict=True):
        assert bool(before.outputs) == bool(now.outputs), before.source
