"""Cuts long texts into pieces."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from mc_jupyter.components import ComponentType
from mc_jupyter.fields import Bound, Closed


class TextSplitterAction(Closed):
    """One text to cut, and where."""

    text: Bound[str | list[str]] = Field("${input.text as text}", description="The text to cut, or a list.")
    separators: Bound[list[str]] | None = Field(None, description="Where to cut, best first.")
    chunk_size: Bound[Annotated[int, Field(ge=1)]] = Field(1000, description="Most characters of a piece.")
    chunk_overlap: Bound[Annotated[int, Field(ge=0)]] = Field(200, description="Characters that neighbours share.")
    maximize_chunk: Bound[bool] = Field(True, description="Make pieces as long as may be.")
    stream_output: Bound[bool] = Field(False, description="Give pieces one by one.")
    output: Any = Field(None, description="What the call gives back, built from ${result}.")


class TextSplitter(ComponentType):
    """Cuts long texts into pieces."""

    Action: ClassVar[type[Closed]] = TextSplitterAction
