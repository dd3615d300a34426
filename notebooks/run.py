"""Run a notebook headless and print what came out: `python notebooks/run.py notebooks/01-quickstart.ipynb [--save]`.

With `--save`, the notebook's own outputs are replaced by the new ones. Beside that, the executed notebook and a page of
it are written to `out/`.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

OUT = Path("out")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--save", action="store_true", help="keep the new outputs in the notebook itself")
    given = parser.parse_args()
    notebook = nbformat.read(given.notebook, as_version=4)
    started = time.perf_counter()
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": "."}})
    # Whichever kernel of this name is installed for the user, the one of this Python runs.
    client.km = client.create_kernel_manager()
    client.km.kernel_spec.argv[0] = sys.executable
    try:
        client.execute()
    except CellExecutionError as error:
        show(notebook)
        print(f"\n{error}", file=sys.stderr)
        return 1
    show(notebook)
    tidy(notebook)
    nbformat.validate(notebook)
    OUT.mkdir(exist_ok=True)
    nbformat.write(notebook, OUT / given.notebook.name)
    page = OUT / given.notebook.with_suffix(".html").name
    page.write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    if given.save:
        nbformat.write(notebook, given.notebook)
    print(f"\n{given.notebook} ran in {time.perf_counter() - started:.0f} s. A page of it: {page}")
    print(f"Open it in JupyterLab:  .venv/bin/jupyter lab {given.notebook}      (or: make lab)")
    return 0


def show(notebook: nbformat.NotebookNode) -> None:
    """Print each code cell that has run, and the plain text of what it gave."""
    for cell in notebook.cells:
        if cell.cell_type != "code" or not cell.get("execution_count"):
            continue
        print(f"\nIn [{cell.execution_count}]:")
        print(textwrap.indent(cell.source, "    "))
        for output in cell.outputs:
            text = output.get("text") or output.get("data", {}).get("text/plain")
            if output.output_type == "error":
                text = "\n".join(output.traceback)
            if text:
                print(textwrap.indent(text.rstrip(), "  │ "))


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Leave out what differs from run to run and says nothing to a reader.

    A widget's view is one of these: without the kernel it was made in, JupyterLab shows "model not found" in its place,
    and the page or the text that stands beside it in the same output otherwise.
    """
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", ()):
            if "text/html" in output.get("data", {}):
                output.data.pop("application/vnd.jupyter.widget-view+json", None)


if __name__ == "__main__":
    sys.exit(main())
