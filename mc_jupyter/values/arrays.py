"""Arrays of numbers as images: numpy's, and torch's by way of numpy: which shapes and numbers can be meant.

H×W, H×W×1        grey         numbers   uint8: 0 to 255
H×W×3, H×W×4      RGB, RGBA              floats: 0 to 1
3×H×W, 1×H×W …    torch's order          bool: black and white
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import ExpressionError

if TYPE_CHECKING:
    from PIL.Image import Image

_CHANNELS = (1, 3, 4)


def is_array(value: object) -> bool:
    """Whether this is an array with a shape and a number type: numpy's, torch's, or of one of their kin."""
    return hasattr(value, "dtype") and hasattr(value, "shape") and callable(getattr(value, "tolist", None))


def pictures_in(array: Any) -> list[Any] | None:
    """The elements of an array that is a list of images or of what stands for them; None where it is one image."""
    dimensions = len(array.shape)
    if dimensions == 1:
        return list(array.tolist())
    return [array[i] for i in range(array.shape[0])] if dimensions == 4 else None


def image_of(array: Any) -> Image:
    """The image that an array of numbers is, or an error with its shape and number type."""
    import numpy as np
    from PIL import Image as pil

    told = f"an array of shape {'×'.join(map(str, array.shape)) or '()'} and {str(array.dtype).removeprefix('torch.')}"
    torches = callable(getattr(array, "detach", None))
    pixels = _eight_bits(_channels_last(_numbers(array, told), told, torches), told)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    return pil.fromarray(np.ascontiguousarray(pixels))


def _numbers(array: Any, told: str) -> Any:
    """As numpy has it. A tensor on a GPU, with a gradient or in bfloat16, which numpy lacks, too."""
    import numpy as np

    try:
        if callable(getattr(array, "detach", None)):
            array = array.detach().cpu()
            array = array.float() if array.is_floating_point() else array
        found = np.asarray(array)
    except (TypeError, ValueError, RuntimeError) as error:  # of torch: one without numbers (meta), or sparse
        raise ExpressionError(f"{told} cannot be read: {str(error).splitlines()[0]}") from None
    return found


def _channels_last(pixels: Any, told: str, torches: bool) -> Any:
    """Height × width, with or without channels."""
    shape = pixels.shape
    if 0 in shape:
        raise ExpressionError(f"{told} holds no pixels")
    if len(shape) == 2:
        return pixels
    first, last = (len(shape) == 3 and shape[end] in _CHANNELS for end in (0, -1))
    if first and last and torches:  # 3×5×3 may be 3 high, or 3 wide; in numpy's arrays channels come last
        raise ExpressionError(f"{told} may be H×W×C or C×H×W", fix="x.permute(1, 2, 0).numpy() says which")
    if not first and not last:
        raise ExpressionError(f"{told} is no image", fix="an image is H×W, H×W×1, H×W×3, H×W×4, or C×H×W")
    return pixels if last else pixels.transpose(1, 2, 0)


def _eight_bits(pixels: Any, told: str) -> Any:
    import numpy as np

    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * 255
    low, high = (float(end) for end in (pixels.min(), pixels.max())) if pixels.dtype.kind in "fiu" else (0.0, 0.0)
    if pixels.dtype.kind == "f":
        if not (0 <= low <= high <= 1):  # also where one is no number
            raise ExpressionError(
                f"{told}: floats from {low:.3g} to {high:.3g}, where 0 to 1 is black to white",
                fix="scale them: (x - x.min()) / (x.max() - x.min()), or (x * 0.5 + 0.5) for -1 to 1",
            )
        return (pixels * 255).round().astype(np.uint8)
    raise ExpressionError(f"{told}: pixels are uint8, floats from 0 to 1, or bool", fix="x.astype('uint8')")
