"""Links in a model's folder: where a file really lies. A repository or an archive can bring one to any file of yours.

What a small file says is told: a template becomes part of a prompt, a configuration's words stand in errors. So it lies
in the model's folder, or among the blobs of the hub's cache, of which a snapshot is made. Weights are only numbers to
whoever reads them, and many keep theirs on another disk: these may lie anywhere.
"""

from __future__ import annotations

import os
from pathlib import Path

from mc_jupyter.errors import PlanError
from mc_jupyter.weights.formats import format_of
from mc_jupyter.weights.reading import shown

_OURS = Path(__file__).parent.parent  # an installer may make a package of links
_SYSTEM = (Path("/proc"), Path("/sys"))  # regular files by their facts, and none of a model's


class Home:
    """The places where the files of one model may lie."""

    def __init__(self, folder: Path):
        here = Path(os.path.realpath(folder))
        cached = (up.parent for up in here.parents if up.name == "snapshots" and up.parent.name.startswith("models--"))
        self.places = (here, *(repository / "blobs" for repository in cached))
        self.ours = folder.absolute().is_relative_to(_OURS)

    def holds(self, file: Path) -> bool:
        """Whether what a name in the model's folder leads to is the model's."""
        real = Path(os.path.realpath(file))
        return self.ours or any(real.is_relative_to(place) for place in self.places)

    def refuse_outside(self, file: Path, subject: str, said: str) -> None:
        """PlanError for a file that lies elsewhere, unless its name is that of weights.

        What is no regular file is left to whoever opens it: it says what it is.
        """
        if self.holds(file) or not file.is_file():
            return
        real = Path(os.path.realpath(file))
        if format_of(file.name) and not any(real.is_relative_to(place) for place in _SYSTEM):
            return
        raise PlanError(
            f"{subject}: {said} leads to a file that is not the model's, {shown(real, 200)}",
            fix=f"if it belongs to the model, put a copy in the place of {said}",
        )
