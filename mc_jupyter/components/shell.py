"""A command of this machine. None runs without the user's word."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from mc_jupyter.components import ComponentType
from mc_jupyter.language.fields import Bound, Closed


class ShellAction(Closed):
    """One command."""

    command: Bound[list[Any] | str] = Field(description="The command as a list of words; words are never split.")
    working_dir: Bound[str] | None = Field(None, description="Folder in which it runs.")
    env: Bound[dict[str, Any]] = Field(default_factory=dict, description="Environment variables.")
    timeout: Bound[float | str] | None = Field(None, description="When to stop it.")
    output: Any = Field(None, description="What the call gives back, from ${result.stdout}, .stderr, .exit_code.")


class Shell(ComponentType):
    """A command of this machine. None runs without the user's word."""

    # `stdout` and `stderr` are in model-compose's documentation, and null there too: it is ${result.stdout}.
    sources: ClassVar[tuple[str, ...]] = ("result", "stdout", "stderr")
    Action: ClassVar[type[Closed]] = ShellAction
