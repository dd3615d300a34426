"""How often a JPEG goes over its picture: a progressive one of a few kilobytes can do so for minutes.

https://libjpeg-turbo.org/pmwiki/uploads/About/TwoIssueswiththeJPEGStandard.pdf tells of it; the limit is the decoder's.
"""

from __future__ import annotations

import re

from mc_jupyter.errors import ExpressionError

MOST = 100
"""Scans of any picture: encoders write ten or so, libtiff refuses more than a hundred."""
LARGE = 16 * 50 * 10**6
"""Scans times pixels: of the largest picture that is decoded unless more is allowed, sixteen."""

_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # not a stuffed byte, nor a restart
_END, _SCAN = 0xD9, 0xDA
_BARE = (0x01, 0xD8, _END)  # markers without a length


def refuse_endless(data: bytes, size: tuple[int, int]) -> None:
    """ExpressionError for a JPEG of more scans than make sense."""
    pixels, most = size[0] * size[1], MOST
    if pixels * most > LARGE:
        most = max(16, LARGE // pixels)
    if _scans(data, most) > most:
        raise ExpressionError(
            f"this JPEG of {size[0]}×{size[1]} has more than {most} scans, and would take very long to decode",
            fix="save it as a plain JPEG or a PNG, with a program that is to be trusted with it",
        )


def _scans(data: bytes, most: int) -> int:
    """The scans of the first picture in a file, as far as one more than `most`."""
    found, at = 0, 2
    while found <= most and (marker := _MARKER.search(data, at)):
        kind, at = marker[1][0], marker.end()
        if kind == _END:
            break
        found += kind == _SCAN
        if kind not in _BARE:
            at += max(2, int.from_bytes(data[at : at + 2], "big"))
    return found
