"""Colour profiles (ICC): what the numbers of a picture mean, for as long as they are numbers of that kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

_SPACES = {b"GRAY": "grey", b"RGB ": "colours", b"CMYK": "inks", b"Lab ": "lab"}  # at byte 16 of a profile
_OF_MODES = {"CMYK": "inks", "LAB": "lab", **dict.fromkeys(("1", "L", "LA", "La", "F"), "grey")}


def profile_for(image: Image, mode: str) -> bytes | None:
    """The profile of a picture that is turned into this mode: None where there is none, or it is for other numbers."""
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes) or not profile:
        return None
    if _space(image.mode) == _space(mode) or _SPACES.get(profile[16:20]) == _space(mode):
        return profile
    return None


def _space(mode: str) -> str:
    return _OF_MODES.get(mode, "grey" if mode.startswith("I") else "colours")
