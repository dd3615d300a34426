"""Base64, and addresses that hold their data (`data:image/png;base64,…`), in all forms that programs write.

How browsers read them: https://fetch.spec.whatwg.org/#data-url-processor, and for base64
https://infra.spec.whatwg.org/#forgiving-base64. What is read besides is base64 in the alphabet of addresses (`-` and
`_`), and `;base64` before another parameter: neither can mean anything else.
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from mc_jupyter.errors import ExpressionError
from mc_jupyter.values import describe

_SCHEME = re.compile(r"\s*data:", re.IGNORECASE)
_ALPHABET = str.maketrans("-_", "+/")


def is_address(text: str) -> bool:
    """Whether a text holds its data itself: `data:…`, `DATA:…`."""
    return _SCHEME.match(text) is not None


def of_address(text: str) -> bytes:
    """What such an address holds. ExpressionError where it is none."""
    head, comma, data = text.partition(",")
    if not is_address(head) or not comma:
        raise ExpressionError(f"{describe(text)} is not a data URI", fix="one begins `data:image/png;base64,`")
    data = data.partition("#")[0]
    words = [word.strip().lower() for word in head.split(";")[1:]]
    held = unquote_to_bytes(data.encode("utf-8", "replace"))
    return of_base64(held.decode("ascii", "replace")) if "base64" in words else held


def of_base64(text: str) -> bytes:
    """What a text in base64 stands for, with or without its padding. ExpressionError where it is none."""
    letters = "".join(text.split()).translate(_ALPHABET)
    if len(letters) % 4 == 0:
        letters = letters.removesuffix("=").removesuffix("=")
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ExpressionError(f"{describe(text)} is not base64: {error}") from None
