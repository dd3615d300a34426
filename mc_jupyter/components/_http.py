"""The fields shared by components that speak HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from mc_jupyter.language.addresses import Address
from mc_jupyter.language.fields import Bound, Closed

HttpMethod = Literal["GET", "POST", "PUT", "DELETE", "PATCH"]
Duration = float | str
"""Seconds, or text such as `500ms`, `10s`, `2m`."""


class Completion(Closed):
    """How to wait for work that goes on after the reply: ask again until it says it is done."""

    type: Literal["polling", "callback"] = Field("polling", description="Ask again, or wait to be called.")
    endpoint: Bound[Address] | None = Field(None, description="Address to ask.")
    path: Bound[str] | None = Field(None, description="Path to ask, below the base address.")
    method: HttpMethod = Field("GET", description="HTTP method.")
    headers: dict[str, Any] = Field(default_factory=dict, description="HTTP headers.")
    params: dict[str, Any] = Field(default_factory=dict, description="Query parameters.")
    body: Any = Field(None, description="Body of the request.")
    status: Any = Field(None, description="Where the state is in the reply, as an expression over ${result}.")
    success_when: Any = Field(None, description="States that mean done.")
    fail_when: Any = Field(None, description="States that mean failed.")
    interval: Bound[Duration] = Field("5s", description="Time between questions.")
    timeout: Bound[Duration] = Field("300s", description="When to give up.")
    wait_for: Any = Field(None, description="What a callback must carry.")


class Request(Closed):
    """One HTTP request, and what to make of the reply."""

    method: Bound[HttpMethod] = Field("POST", description="HTTP method.")
    path: Bound[str] | None = Field(None, description="Path below the base address.")
    params: Bound[dict[str, Any]] = Field(default_factory=dict, description="Query parameters.")
    headers: Bound[dict[str, Any]] = Field(default_factory=dict, description="HTTP headers.")
    body: Any = Field(None, description="Body: a mapping or list goes as JSON unless a Content-Type says otherwise.")
    stream_format: Literal["json", "text"] | None = Field(None, description="What each piece of a streamed reply is.")
    completion: Completion | None = Field(None, description="How to wait for work that goes on after the reply.")
    timeout: Bound[Annotated[float, Field(gt=0)] | str] | None = Field(None, description="When to give up.")
    output: Any = Field(None, description="What the call gives back, built from ${response}.")
