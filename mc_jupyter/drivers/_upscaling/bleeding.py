"""Colours that bleed from what is seen into what is entirely transparent.

What a file holds there is anything: black of a drawing program, the background that somebody cut away. A network looks
at a pixel's neighbours, so it would show at the edges. Nothing of it is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

_NEAR = 2  # pixels around what is seen that take the mean of their neighbours; beyond them, of ever larger blocks


def bled(colour: Image, alpha: Image) -> Image:
    """The colours, with those where `alpha` is 0 made of their neighbours', by how much these are seen."""
    import numpy as np
    from PIL import Image as pil

    weight = np.asarray(alpha, dtype=np.float32)
    hidden = weight == 0
    if not hidden.any() or hidden.all():
        return colour
    pixels = np.array(colour)
    shades = pixels.reshape(*weight.shape, -1)
    weighted = shades * weight[..., None]
    for _ in range(_NEAR):
        weighted, weight = _grown(weighted, weight)
    shades[hidden] = _filled(weighted, weight)[hidden].round()
    return pil.fromarray(pixels)


def _grown(weighted: Any, weight: Any) -> tuple[Any, Any]:
    """One pixel more on every side: where nothing has a weight, the sum of the eight around."""
    import numpy as np

    empty = weight == 0
    around = [_around(plane) for plane in (weighted, weight[..., None])]
    return np.where(empty[..., None], around[0], weighted), np.where(empty, around[1][..., 0], weight)


def _around(plane: Any) -> Any:
    """The sum of each pixel and its eight neighbours."""
    import numpy as np

    padded = np.pad(plane, ((1, 1), (0, 0), (0, 0)))
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    padded = np.pad(rows, ((0, 0), (1, 1), (0, 0)))
    return padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]


def _filled(weighted: Any, weight: Any) -> Any:
    """The mean colour of every pixel; of one without weight, of the smallest block of 2, 4, 8 … that has some."""
    import numpy as np

    if weight.all():
        return weighted / weight[..., None]
    coarse = _filled(_halved(weighted), _halved(weight[..., None])[..., 0])
    height, width = weight.shape
    larger = coarse.repeat(2, axis=0)[:height].repeat(2, axis=1)[:, :width]
    return np.where(weight[..., None] > 0, weighted / np.maximum(weight, 1)[..., None], larger)


def _halved(plane: Any) -> Any:
    """The sums of blocks of 2 × 2."""
    import numpy as np

    padded = np.pad(plane, ((0, plane.shape[0] % 2), (0, plane.shape[1] % 2), (0, 0)))
    return padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2]
