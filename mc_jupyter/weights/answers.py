"""Answers of the hub, read up to a size and a time: whoever answers in its name may never end."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import Any

from mc_jupyter.errors import WeightsError
from mc_jupyter.weights.reading import INDEX
from mc_jupyter.words import format_bytes

LONGEST = 60.0
"""Seconds that an answer may take. The longest listing known comes within five."""

_OF_THE_WAY = ("content-encoding", "content-length", "transfer-encoding")  # no longer true of what has been read


def asked(url: str, token: str | bool, **params: str) -> AbstractContextManager[Any]:
    """The answer of whoever is there, its body not read. The headers sent hold the token, and stay in no frame."""
    from huggingface_hub import get_session
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    headers = build_hf_headers(token=token)
    return get_session().stream("GET", url, headers=headers, params=params, follow_redirects=True, timeout=10)


def whole(asked: AbstractContextManager[Any], whose: str) -> Any:
    """An answer of whatever status with its body. WeightsError for one without end; `whose` it is named."""
    with asked as answer:
        said = [(name, value) for name, value in answer.headers.multi_items() if name.lower() not in _OF_THE_WAY]
        return type(answer)(answer.status_code, headers=said, content=_body(answer, whose), request=answer.request)


def _body(answer: Any, whose: str) -> bytes:
    body, until = bytearray(), time.monotonic() + LONGEST
    for block in answer.iter_bytes():
        body += block
        if len(body) > INDEX or time.monotonic() > until:
            raise WeightsError(
                f"{whose} answers with more than {format_bytes(INDEX)}, or for longer than {LONGEST:.0f} s",
                fix="ask the hub itself: unset HF_ENDPOINT",
            )
    return bytes(body)
