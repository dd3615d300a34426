"""Pictures as bytes: PNG with what is known of them inside, smaller ones where a page needs no more, and data URIs.

A picture that is not made smaller is stored exactly. What a file says of its picture are two iTXt chunks, which hold
any language: `parameters` for people and the programs that show it, `mc_jupyter` the same facts as JSON.
"""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mc_jupyter.values.data_addresses import is_address

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.PngImagePlugin import PngInfo

_STORED = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")  # the modes that PNG has
_LONG = 20_000  # characters of one fact; a longer one is data, not a description
_LARGE = 4_000_000  # pixels from which speed counts for more than the last tenth of a file's size
_NAMES = {
    "negative_prompt": "Negative prompt",
    "num_inference_steps": "Steps",
    "guidance_scale": "CFG scale",
    "seed": "Seed",
    "model": "Model",
}


def png(image: Image, facts: Mapping[str, Any] | None = None, *, level: int | None = None) -> bytes:
    """An image as PNG, with these facts inside; nothing else that came with it, but for its colour profile.

    `level` is zlib's, 1 to 9.
    """
    if level is None:
        level = 3 if image.width * image.height > _LARGE else 6
    buffer = io.BytesIO()
    _storable(image).save(buffer, "PNG", pnginfo=_chunks(facts or {}), compress_level=level)
    return buffer.getvalue()


def _storable(image: Image) -> Image:
    """The image in a mode that PNG has. What has no shades of its own there is turned into colours."""
    if image.mode in _STORED:
        return image
    if image.mode in ("La", "RGBa", "PA"):
        return image.convert({"La": "LA"}.get(image.mode, "RGBA"))
    from mc_jupyter.values.pictures import rgb

    return rgb(image)


def smaller(image: Image, side: int) -> Image:
    """The image with at most `side` pixels on its longest side: itself, where it has no more, or where `side` is 0.

    Huge images are first averaged over whole blocks: it takes a fraction of the time and looks the same.
    """
    longest = max(image.size)
    if not side or longest <= side:
        return image
    image = _storable(image)
    if image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("RGBA") if image.has_transparency_data else _coloured(image)
    from PIL import Image as images

    size = (max(1, round(image.width * side / longest)), max(1, round(image.height * side / longest)))
    return image.resize(size, images.Resampling.LANCZOS, reducing_gap=2.0)


def _coloured(image: Image) -> Image:
    from mc_jupyter.values.pictures import rgb

    return rgb(image)


def data_uri(image: Image, *, facts: Mapping[str, Any] | None = None) -> str:
    """The image as the address of an `<img>`: PNG."""
    return f"data:image/png;base64,{base64.b64encode(png(image, facts)).decode()}"


def sketch_uri(image: Image, side: int) -> str:
    """The image as an address for a moment: small, and as JPEG, which is quick to make and to send."""
    buffer = io.BytesIO()
    _coloured(smaller(image, side)).save(buffer, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


# --- what is known of it ----------------------------------------------------------------------------------------------


def told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that can stand in a file: plain values; of pictures, bytes and data addresses nothing."""
    return {str(name): value for name, fact in facts.items() if (value := _plain(fact)) is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        # A lone surrogate, which JSON can bring, is no character of any file.
        fits = len(value) <= _LONG and not is_address(value)
        return value.encode("utf-8", "replace").decode() if fits else None
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return told(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None


def parameters(facts: Mapping[str, Any]) -> str:
    """The facts as people write them: the prompt, then `Steps: 20, Seed: 7, …` in one line."""
    facts = told(facts)
    lines = [str(facts[name]) for name in ("prompt",) if name in facts]
    if facts.get("negative_prompt"):
        lines.append(f"Negative prompt: {facts['negative_prompt']}")
    rest = [name for name in facts if name not in ("prompt", "negative_prompt")]
    rest.sort(key=lambda name: list(_NAMES).index(name) if name in _NAMES else len(_NAMES))
    words = [f"{_NAMES.get(name, name.replace('_', ' '))}: {_written(facts[name])}" for name in rest]
    return "\n".join([*lines, *filter(None, [", ".join(words)])])


def _written(value: Any) -> str:
    return " ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def _chunks(facts: Mapping[str, Any]) -> PngInfo | None:
    from PIL.PngImagePlugin import PngInfo

    if not (plain := told(facts)):
        return None
    made = PngInfo()
    for key, text in (("parameters", parameters(plain)), ("mc_jupyter", json.dumps(plain, ensure_ascii=False))):
        made.add_itxt(key, text, zip=False)
    return made
