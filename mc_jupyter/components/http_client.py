"""An HTTP service that is already running somewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

from mc_jupyter.components import Component, ComponentType, Envelope
from mc_jupyter.components._http import Request
from mc_jupyter.errors import Problem
from mc_jupyter.language import expressions
from mc_jupyter.language.addresses import Address
from mc_jupyter.language.fields import Bound, Closed
from mc_jupyter.trust.environment import Keeper
from mc_jupyter.words import listing


class HttpClientSettings(Envelope):
    """The service."""

    base_url: Bound[Address] | None = Field(None, description="Address that paths are below.")
    headers: Bound[dict[str, Any]] = Field(default_factory=dict, description="HTTP headers of every request.")
    rate_limit: Bound[str] | None = Field(None, description="Most requests in a time: `10/s`, `100/m`.")


class HttpClientAction(Request):
    """One request to it."""

    endpoint: Bound[Address] | None = Field(None, description="The whole address, instead of a path.")


class HttpClient(ComponentType):
    """An HTTP service that is already running somewhere."""

    sources: ClassVar[tuple[str, ...]] = ("response", "result")
    nested: ClassVar[tuple[str, ...]] = ()
    Settings: ClassVar[type[Envelope]] = HttpClientSettings
    Action: ClassVar[type[Closed]] = HttpClientAction

    @classmethod
    def keeper(cls, written: Component, path: tuple[Any, ...]) -> Keeper | None:
        """The addresses that the component names. Where a call says one, it may be anybody's."""
        said = [written.own.get("base_url"), *(action.written.get("endpoint") for action in written.actions)]
        known = [str(address) for address in said if address]
        kept = path[0] in ("headers", "params", "body") and not any(map(expressions.has_reference, known))
        return Keeper(listing(known, "and")) if kept and known else None

    @classmethod
    def check(cls, shape: Any, own: Mapping[str, Any], action: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
        if "endpoint" in action and "path" in action:
            yield "path", Problem("path and endpoint both say where to send it", fix="keep one of them")
        elif "endpoint" not in action and "path" not in action:
            yield "", Problem("nothing says where to send it", fix="endpoint: http://…, or base_url: and path:")
        elif "path" in action and "base_url" not in own:
            yield "path", Problem("a path needs base_url: to be below", fix="base_url: http://localhost:8080")
