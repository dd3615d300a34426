"""Local AI models in a notebook: `%load_ext mc_jupyter`, then a `%%compose` cell of YAML.

What Python code calls is here: a Session and its Handles, the document read without one (`read`, `parse`, `schema`,
`render`), a Run to listen to, and everything that can go wrong. Whoever writes a part finds what it takes in
`mc_jupyter.parts`. Names are imported when they are first used, so that `import mc_jupyter` and `%load_ext` cost next
to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mc_jupyter.trust import imports

__version__ = "0.1.0"

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from mc_jupyter.document import parse as parse
    from mc_jupyter.document import read as read
    from mc_jupyter.document import schema as schema
    from mc_jupyter.drivers import Driver as Driver
    from mc_jupyter.drivers import performs as performs
    from mc_jupyter.errors import AccessDenied as AccessDenied
    from mc_jupyter.errors import BadToken as BadToken
    from mc_jupyter.errors import ComposeError as ComposeError
    from mc_jupyter.errors import DoesNotFit as DoesNotFit
    from mc_jupyter.errors import ExpressionError as ExpressionError
    from mc_jupyter.errors import InputError as InputError
    from mc_jupyter.errors import Interrupted as Interrupted
    from mc_jupyter.errors import MissingPackage as MissingPackage
    from mc_jupyter.errors import NeedsToken as NeedsToken
    from mc_jupyter.errors import NeedsWord as NeedsWord
    from mc_jupyter.errors import NoSuchModel as NoSuchModel
    from mc_jupyter.errors import NotBuilt as NotBuilt
    from mc_jupyter.errors import Offline as Offline
    from mc_jupyter.errors import Place as Place
    from mc_jupyter.errors import PlanError as PlanError
    from mc_jupyter.errors import Problem as Problem
    from mc_jupyter.errors import RunError as RunError
    from mc_jupyter.errors import SpecError as SpecError
    from mc_jupyter.errors import UnknownName as UnknownName
    from mc_jupyter.errors import UnsafeWeights as UnsafeWeights
    from mc_jupyter.errors import WeightsError as WeightsError
    from mc_jupyter.events import Run as Run
    from mc_jupyter.language.expressions import render as render
    from mc_jupyter.session import Handle as Handle
    from mc_jupyter.session import Session as Session
    from mc_jupyter.tasks import Task as Task

_ROOMS = {
    "session": ("Handle", "Session"),
    "document": ("parse", "read", "schema"),
    "language.expressions": ("render",),
    "events": ("Run",),
    "drivers": ("Driver", "performs"),
    "tasks": ("Task",),
    "errors": (
        "AccessDenied", "BadToken", "ComposeError", "DoesNotFit", "ExpressionError", "InputError", "Interrupted",
        "MissingPackage", "NeedsToken", "NeedsWord", "NoSuchModel", "NotBuilt", "Offline", "Place", "PlanError",
        "Problem", "RunError", "SpecError", "UnknownName", "UnsafeWeights", "WeightsError",
    ),
}  # fmt: skip
_HOMES = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [*sorted(_HOMES), "load_ipython_extension", "unload_ipython_extension"]


imports.install()


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'mc_jupyter' has no attribute {name!r}")
    found = getattr(importlib.import_module(f"mc_jupyter.{home}"), name)
    if name == "Session":
        found.panel = staticmethod(_panel)
    return found


def _panel(handle: Handle) -> Any:
    """The notebook's controls, handed to sessions here: what is below the notebook knows nothing of it."""
    try:
        from mc_jupyter.notebook.panel import panel
    except ModuleNotFoundError:
        from mc_jupyter.session import no_panel as panel
    return panel(handle)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext mc_jupyter`: the `shell` has `%%compose` and `%compose`, and shows results as they look best."""
    from mc_jupyter import notebook

    notebook.load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """`%unload_ext mc_jupyter`: what is open is closed, and the `shell` is as it was before."""
    from mc_jupyter import notebook

    notebook.unload(shell)
