"""A server that the component installs, starts and stops, and then asks over HTTP."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from mc_jupyter.components import ComponentType, Envelope
from mc_jupyter.components._http import Request
from mc_jupyter.language.addresses import Port
from mc_jupyter.language.fields import Bound, Closed

Command = list[str] | list[list[str]] | str
"""One command as a list of words, or several."""


class Scripts(Closed):
    """The commands of a server's life. None runs without the user's word."""

    install: Command | None = Field(None, description="Installs what it needs, once.")
    build: Command | None = Field(None, description="Builds it, once.")
    clean: Command | None = Field(None, description="Removes what install and build left.")
    start: Command | None = Field(None, description="Starts it; it runs until it is stopped.")


class Manage(Scripts):
    """How the server comes to run."""

    scripts: Scripts | None = Field(None, description="The commands, in a mapping of their own.")
    working_dir: Bound[str] | None = Field(None, description="Folder in which the commands run.")
    env: dict[str, Any] = Field(default_factory=dict, description="Environment variables of the commands.")


class HttpServerSettings(Envelope, Scripts):
    """The server."""

    manage: Manage | None = Field(None, description="How the server comes to run.")
    scripts: Scripts | None = Field(None, description="The commands, without `manage:` around them.")
    working_dir: Bound[str] | None = Field(None, description="Folder in which the commands run.")
    env: dict[str, Any] = Field(default_factory=dict, description="Environment variables of the commands.")
    port: Bound[Port] = Field(8000, description="The port it listens on.")
    base_path: Bound[str] | None = Field(None, description="Path that all paths are below.")
    headers: Bound[dict[str, Any]] = Field(default_factory=dict, description="HTTP headers of every request.")


class HttpServer(ComponentType):
    """A server that the component installs, starts and stops, and then asks over HTTP."""

    sources: ClassVar[tuple[str, ...]] = ("response", "result")
    nested: ClassVar[tuple[str, ...]] = ()
    Settings: ClassVar[type[Envelope]] = HttpServerSettings
    Action: ClassVar[type[Closed]] = Request
