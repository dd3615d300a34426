"""The fields shared by tasks that read text."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mc_jupyter.language.fields import Bound, Closed


class LanguageSettings(Closed):
    """How text becomes tokens."""

    max_seq_length: Bound[Annotated[int, Field(ge=1)]] | None = Field(
        None, description="Use at most this much of the model's window, in tokens (input and output together)."
    )
    fast_tokenizer: Bound[bool] | None = Field(
        None, description="Insist on the Rust tokenizer (true) or on the Python one (false); default: what there is."
    )
