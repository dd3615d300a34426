"""A document: read into frozen data, planned, edited, and its schema.

spec          what a document says: components, workflows, jobs
reader        components, whichever edition's spelling they are written in; workflows beside it, over findings
plan          every choice made, and what stands in the way
edits         a document's text with fields of a component set
json_schema   the JSON schema of documents
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mc_jupyter.document import reader
from mc_jupyter.document.json_schema import document_schema
from mc_jupyter.document.spec import Spec
from mc_jupyter.language import cell, expressions
from mc_jupyter.trust.environment import Environment


@lru_cache(maxsize=64)
def read(text: str, *, first_line: int = 1) -> Spec:
    """What a `text` says, as frozen data: its components, workflows and notes. Asking again is a look-up.

    Lines in errors count from `first_line`. Raises SpecError with every problem of the text.
    """
    return reader.read(text, first_line=first_line)


def parse(text: str, env: Mapping[str, str] | None = None) -> Any:
    """A document's plain values: lists, mappings, texts, numbers.

    `text` is the document; `${env.X}` in it is filled in from `env`, and nothing else is evaluated or checked. A
    mapping that is given may be read, all of it; by default it is what documents may read of this process's
    environment. Raises SpecError where the text is no YAML, ExpressionError for an expression that cannot be read,
    NeedsWord for a variable that may not be.
    """
    value = cell.read(text).value
    return cell.to_plain(expressions.resolve_env(value, Environment(os.environ) if env is None else env))


def schema() -> dict[str, Any]:
    """A JSON schema of documents (draft 2020-12), made from the fields, with their descriptions and limits."""
    return document_schema()
