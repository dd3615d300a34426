"""Pictures in words and in HTML: what stands under one, where the whole of it is, several as a grid, and their facts.

A grid needs no script: a click shows a picture at full size, for each is a `<details>`, its facts in the fold. Viewers
that strip styles (GitHub) show the same thumbnails, and the facts on a click.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from mc_jupyter.notebook.album import files_of, images_of
from mc_jupyter.notebook.html import FONT, MUTED, cut, muted
from mc_jupyter.notebook.png import data_uri, smaller
from mc_jupyter.notebook.showing import Showing
from mc_jupyter.values import is_image
from mc_jupyter.values.pictures import origin
from mc_jupyter.values.recipes import parameters, told

if TYPE_CHECKING:
    from PIL.Image import Image

SHOWN = 20  # pictures of a list, before "… 12 more"
THUMBNAIL = 240  # CSS pixels of a picture's longest side in a grid
_WHOLE = 4  # pictures of a grid that are stored as large as one alone is; more share the pixels of these
_PROMPT = 60  # characters of a prompt under a picture

_STYLE = (
    "<style>.mc-pictures summary::-webkit-details-marker{display:none}"
    ".mc-pictures details[open]{flex-basis:100%}.mc-pictures details[open]>summary{cursor:zoom-out}"
    ".mc-pictures details[open] img{width:auto;height:auto;max-width:100%}</style>"
)


def are_pictures(value: Any) -> bool:
    """Whether a result is a picture or a list of them, perhaps of lists of them; what is None was not made."""
    if isinstance(value, list | tuple):
        return bool(images_of(value)) and all(one is None or are_pictures(one) for one in value)
    return is_image(value)


# --- words ------------------------------------------------------------------------------------------------------------


def caption(image: Image) -> str:
    """`64×64 pixels · seed 7 · 20 steps`: what a reader wants to know of a picture at once."""
    facts = origin(image).facts
    stopped, scale = facts.get("interrupted"), facts.get("scale")
    steps = facts.get("num_inference_steps") if not stopped else None
    parts = [
        f"interrupted at {stopped}" if stopped else None,
        f"{image.width:,}×{image.height:,} pixels",
        f"seed {facts['seed']}" if facts.get("seed") is not None else None,
        f"{steps} step{'s' if steps != 1 else ''}" if steps is not None else None,
        f"enlarged {scale:g}×" if isinstance(scale, int | float) else None,
    ]
    return " · ".join(part for part in parts if part)


def lines(value: Any, showing: Showing) -> list[str]:
    """What stands under a picture or a grid: its figures, whether it is shown smaller, and where the whole is."""
    images = images_of(value)
    side = _side(showing, len(images))
    found = [caption(value)] if is_image(value) else []
    hidden = len(images) - SHOWN
    if hidden > 0:
        found.append(f"… {hidden:,} more")
    if any(side and max(image.size) > side for image in images[:SHOWN]):
        found.append(_how_small(images, side) + _whereabouts(images, showing))
    elif files := files_of(images, showing):
        found.append(f"saved as {files}")
    return found


def _how_small(images: Sequence[Image], side: int) -> str:
    if len(images) > 1:
        return f"stored with at most {side:,} pixels on a side; "
    (image,) = images
    small = smaller(image, side)
    return f"a thumbnail of {small.width:,}×{small.height:,}; "


def _whereabouts(images: Sequence[Image], showing: Showing) -> str:
    files, it = files_of(images, showing), "it" if len(images) == 1 else "them"
    return f"in full: {files}" if files else f"-o VAR keeps {it} in full, --images FOLDER saves {it}"


def plain(value: Any, showing: Showing) -> str:
    """The same in letters. Nothing is encoded for it."""
    images = images_of(value)
    if is_image(value):
        first = [_called(value)]
    else:
        first = [f"{i}  {_called(image)}" for i, image in enumerate(images[:SHOWN])]
    rest = lines(value, showing)
    return "\n".join([*first, *(rest[1:] if is_image(value) else rest)])


def _called(image: Image) -> str:
    return caption(image) if origin(image).facts.get("interrupted") else f"image of {caption(image)}"


# --- a grid -----------------------------------------------------------------------------------------------------------


def grid(value: Sequence[Any], showing: Showing, captions: Sequence[str] | None = None) -> str:
    """The pictures of a list side by side; of a list of lists, each list a row under its prompt.

    `captions` says of a flat list what stands under each; by itself it is the seed, and the prompt where they differ.
    """
    images = images_of(value)
    side, left = _side(showing, len(images)), SHOWN
    various = len({origin(image).facts.get("prompt") for image in images}) > 1
    parts: list[str] = []
    for heading, row in _rows(value):
        words = captions or [_short(image, various and not heading) for image in row]
        figures = [_figure(image, side, said, showing) for image, said in zip(row[:left], words, strict=False)]
        left -= len(figures)
        if figures:
            parts += [muted(heading)] if heading else []
            parts.append(f'<div style="{_FLEX}">{"".join(figures)}</div>')
    below = "".join(muted(line) for line in lines(list(value), showing))
    return f'{_STYLE}<div class="mc-pictures">{"".join(parts)}{below}</div>'


_FLEX = "display:flex;flex-wrap:wrap;gap:10px;align-items:flex-start;margin:4px 0"


def _rows(value: Sequence[Any]) -> Iterator[tuple[str, list[Image]]]:
    """Rows of a heading and pictures: one of a flat list, without a heading."""
    if not any(isinstance(one, list | tuple) for one in value):
        yield "", images_of(value)
        return
    for number, one in enumerate(value):
        row = images_of(one)
        prompt = origin(row[0]).facts.get("prompt") if row else None
        yield _cut(str(prompt)) if prompt else f"{number}", row


def _short(image: Image, prompted: bool) -> str:
    facts = origin(image).facts
    seed = f"seed {facts['seed']}" if facts.get("seed") is not None else ""
    prompt = _cut(str(facts["prompt"]), 32) if prompted and facts.get("prompt") else ""
    stopped = f"interrupted at {facts['interrupted']}" if facts.get("interrupted") else ""
    return " · ".join(filter(None, [prompt, seed, stopped])) or f"{image.width:,}×{image.height:,}"


def _cut(text: str, width: int = _PROMPT) -> str:
    return cut(" ".join(text.split()), width)


def _figure(image: Image, side: int, words: str, showing: Showing) -> str:
    """One picture of a grid. Its width is an attribute, which viewers keep that strip styles."""
    facts, small = origin(image).facts, smaller(image, side)
    width = max(1, round(small.width * min(1.0, THUMBNAIL / max(small.size))))
    described = escape(str(facts.get("prompt") or f"image of {image.width}×{image.height} pixels"), quote=True)
    told = parameters({**facts, "size": f"{image.width}×{image.height}", **_file(image, showing)})
    return (
        f'<details style="margin:0;max-width:100%"><summary style="display:block;list-style:none;cursor:zoom-in" '
        f'title="click for full size"><img width="{width}" alt="{described}" '
        f'style="display:block;margin:0;border-radius:4px" src="{data_uri(small, facts=facts)}">'
        f'<small style="{FONT};font-size:12px;{MUTED};display:block;'
        f'max-width:{max(width, 120)}px;overflow-wrap:anywhere">'
        f"{escape(words)}</small></summary>"
        f'<small style="{FONT};font-size:12px;{MUTED};white-space:pre-wrap;overflow-wrap:anywhere;display:block">'
        f"{escape(told)}</small></details>"
    )


def _file(image: Image, showing: Showing) -> dict[str, str]:
    return {"file": showing.kept[id(image)]} if id(image) in showing.kept else {}


def figure(image: Image, showing: Showing) -> str:
    """One picture as HTML, with what is said of it under it."""
    small = smaller(image, showing.max_px)
    described = escape(caption(image), quote=True)
    tag = f'<img alt="{described}" style="max-width:100%" src="{data_uri(small, facts=origin(image).facts)}">'
    return tag + "".join(map(muted, lines(image, showing)))


def _side(showing: Showing, count: int) -> int:
    """The longest side that each of so many pictures is stored with, so that an output's size has a limit."""
    if not showing.max_px or count <= _WHOLE:
        return showing.max_px
    return max(16, round(showing.max_px * math.sqrt(_WHOLE / min(count, SHOWN))))


# --- facts ------------------------------------------------------------------------------------------------------------


def facts(value: Any) -> dict[str, Any]:
    """The facts of a picture; of several those that they share, and under `images` those in which they differ."""
    known = [told(origin(image).facts) for image in images_of(value)]
    if not known or not any(known):
        return {}
    if is_image(value):
        return known[0]
    first = known[0]
    same = {name: first[name] for name in first if all(one.get(name) == first[name] for one in known)}
    own = [{name: fact for name, fact in one.items() if name not in same} for one in known[:SHOWN]]
    seeds = [one["seed"] for one in known if "seed" in one]
    return {**same, **({"seeds": seeds} if seeds else {}), **({"images": own} if any(own) else {})}
