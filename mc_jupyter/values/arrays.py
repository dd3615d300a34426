"""Arrays of numbers as images: numpy's, and torch's by way of numpy: which shapes and numbers can be meant.

H×W, H×W×1        grey                 numbers   uint8: 0 to 255
H×W×3, H×W×4      RGB, RGBA                      floats: 0 to 1
H×W×2             grey and transparency          bool: black and white
3×H×W, 1×H×W …    torch's order

What is none of it is refused, with the line that makes it the picture that was meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import ExpressionError

if TYPE_CHECKING:
    from PIL.Image import Image

_CHANNELS = (1, 3, 4)
_HAIR = 0.01  # beyond 0 and 1: what rounding leaves there, in half precision too


def is_array(value: object) -> bool:
    """Whether this is an array with a shape and a number type: numpy's, torch's, or of one of their kin."""
    return hasattr(value, "dtype") and hasattr(value, "shape") and callable(getattr(value, "tolist", None))


def is_buffer(value: object) -> bool:
    """Whether this is a view of memory with a shape, as a figure's canvas gives its pixels; one of bytes is a file."""
    return isinstance(value, memoryview) and not (value.ndim == 1 and value.itemsize == 1)


def is_file(array: Any) -> bool:
    """Whether an array holds the bytes of a file, as `numpy.fromfile` and `torchvision.io.read_file` read one."""
    return len(array.shape) == 1 and str(array.dtype).removeprefix("torch.") == "uint8"


def shown(array: Any) -> str:
    """What an array is, as errors name it."""
    return f"an array of shape {'×'.join(map(str, array.shape)) or '()'} and {str(array.dtype).removeprefix('torch.')}"


def pictures_in(array: Any) -> list[Any] | None:
    """The elements of an array that is a list of images or of what stands for them; None where it is one image."""
    dimensions = len(array.shape)
    if is_file(array):
        return None
    if dimensions == 1:
        return list(array.tolist())
    return [array[i] for i in range(array.shape[0])] if dimensions == 4 else None


def image_of(array: Any) -> Image:
    """The image that an array of numbers is, or an error with its shape and number type."""
    import numpy as np
    from PIL import Image as pil

    if isinstance(array, memoryview):
        array = np.asarray(array)
    told = shown(array)
    torches = callable(getattr(array, "detach", None))
    pixels = _eight_bits(_channels_last(_numbers(array, told), told, torches), told, torches)
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
    last = last or (len(shape) == 3 and shape[2] == 2 and not torches)  # as PIL has LA
    if first and last and torches:  # 3×5×3 may be 3 high, or 3 wide; in numpy's arrays channels come last
        raise ExpressionError(
            f"{told} may be H×W×C or C×H×W", fix="x.permute(1, 2, 0).numpy() where channels come first, else x.numpy()"
        )
    if not first and not last:
        raise ExpressionError(f"{told} is no image", fix="an image is H×W, H×W×1, H×W×2, H×W×3, H×W×4, or C×H×W")
    return pixels if last else pixels.transpose(1, 2, 0)


def _eight_bits(pixels: Any, told: str, torches: bool) -> Any:
    import numpy as np

    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * 255
    if pixels.dtype.kind not in "fiu":
        raise ExpressionError(f"{told}: pixels are uint8, floats from 0 to 1, or bool")
    sound = pixels[np.isfinite(pixels)]
    low, high = (float(end) for end in (sound.min(), sound.max())) if sound.size else (0.0, 0.0)
    if pixels.dtype.kind == "f" and sound.size == pixels.size and -_HAIR <= low <= high <= 1 + _HAIR:
        return (pixels.clip(0, 1) * 255).round().astype(np.uint8)
    what = (
        f"floats from {low:.4g} to {high:.4g}" if pixels.dtype.kind == "f" else f"numbers from {low:.0f} to {high:.0f}"
    )
    if sound.size < pixels.size:
        what += f", and {pixels.size - sound.size} that are no numbers"
    x = "x" if sound.size == pixels.size else f"{'torch' if torches else 'numpy'}.nan_to_num(x, posinf={high:g})"
    raise ExpressionError(
        f"{told}: {what}, where pixels are floats from 0 to 1, uint8 or bool",
        fix=_advice_of_whole(low, high, torches) if pixels.dtype.kind != "f" else _advice(x, sound, low, high),
    )


def _advice(x: str, sound: Any, low: float, high: float) -> str:
    """What makes floats from `low` to `high` the picture that was meant, by the range that they are most likely in."""
    if low > -0.5 and high < 1.5:  # what resampling leaves beyond 0 and 1, or nothing at all
        return x if -_HAIR <= low <= high <= 1 + _HAIR else f"{x}.clip(0, 1)"
    if low > -1.5 and high < 1.5:
        return f"{x} * 0.5 + 0.5" if low >= -1 - _HAIR and high <= 1 + _HAIR else f"({x} * 0.5 + 0.5).clip(0, 1)"
    if low >= 0:
        least = 2 if bool((sound == sound.round()).all()) else 16  # whole numbers are levels, however dark
        most = next((f"{most}" for least, most in ((least, 255), (256, 65535)) if least <= high <= most), f"{x}.max()")
        return f"{x} / {most}"
    return f"({x} - {x}.min()) / ({x}.max() - {x}.min()), or {x} * std + mean where it was normalized by those"


def _advice_of_whole(low: float, high: float, torches: bool) -> str:
    if low >= 0 and high <= 1:
        return "x > 0"
    if low >= 0 and high <= 255:
        return "x.byte()" if torches else "x.astype('uint8')"
    if low >= 0:
        return "x / 65535" if high <= 65535 else "x / x.max()"
    half = next((half for half in (128.0, 32768.0) if -half <= low and high < half), None)
    return f"(x + {half}) / {2 * half - 1:.0f}" if half else "(x - x.min()) / (x.max() - x.min())"
