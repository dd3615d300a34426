"""How the user can give his word: which ways there are depends on where the question is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Where = Literal["attended", "unattended", "python"]
"""In a notebook where somebody is there to answer, in one that runs by itself, or in a session that code has made."""

_REACHED = ("allow_paths", "allow_urls")


def to_variables(names: Sequence[str], where: Where, *, answerable: bool, project: str | None = None) -> str:
    """How environment variables can be allowed. Without `answerable` there is no line that answers just this.

    `project` is what a list that names them stands in, if it needs only the user's word to count.
    """
    listed, joined = ", ".join(f'"{name}"' for name in names), ",".join(names)
    configured, started = f"%config ComposeMagics.env = [{listed}]", f"MC_JUPYTER_ENV={joined}"
    if where == "python":
        return _or(f"Session(env=[{listed}])", f"{started} where Python is started")
    if where == "unattended":
        return _or(f"{started} where the notebook is started", f"in a cell before it: {configured}")
    just_this = [f"%compose trust {' '.join(names)}"] if answerable else []
    projects = [f"for the list of this folder's project: %compose trust {project}"] if project else []
    return _or(*just_this, f"for every cell: {configured}", *projects)


def to_reach(name: str, where: Where) -> str:
    """How `allow_paths` or `allow_urls` can be allowed."""
    configured = f"%config ComposeMagics.{name} = True"
    if where == "python":
        return f"Session({name}=True)"
    if where == "unattended":
        return _or(f"in a cell before it: {configured}", f"c.ComposeMagics.{name} = True in ipython_config.py")
    return _or(f"%compose trust {name}", f"for every cell: {configured}")


def to(names: Sequence[str], where: Where) -> str:
    """How these can be allowed, variables and what a component would reach."""
    reached = [name for name in names if name in _REACHED]
    variables = [name for name in names if name not in _REACHED]
    ways = [to_variables(variables, where, answerable=True)] if variables else []
    return "\n    → ".join([*ways, *(to_reach(name, where) for name in reached)])


def _or(*ways: str) -> str:
    return "\n      or ".join(ways)
