"""What reading a call's inputs may touch: addresses, files elsewhere on this disk, and how large an image may be.

Inputs come from data, and data may say anything. So a text in it reaches no network and no file outside the working
folder, until the configuration says so; or the cell (`allow_urls: true`, `allow_paths: true`) and then the user, since
the cell is data too. A `pathlib.Path` is another matter: only code that somebody ran makes one, and it is read wherever
it leads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

MAX_PIXELS = 50_000_000


@dataclass(frozen=True, slots=True)
class Permissions:
    """`urls`: http(s) addresses of public hosts. `paths`: texts that name files outside the working folder.

    `max_pixels`, width times height, is looked at before an image is decoded.
    """

    urls: bool = False
    paths: bool = False
    max_pixels: int = MAX_PIXELS

    def and_also(self, *, urls: bool = False, paths: bool = False) -> Permissions:
        """These, and what one cell allows besides."""
        return replace(self, urls=self.urls or urls, paths=self.paths or paths)


NOTHING = Permissions()
"""What holds where nobody has allowed anything."""

ALLOW_URLS = "if you trust where it comes from, add `allow_urls: true` to the component, which asks you once"
ALLOW_PATHS = "copy it next to the notebook, give a pathlib.Path, or add `allow_paths: true` to the component"
