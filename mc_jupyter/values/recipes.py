"""What is known of a picture, as its file holds it: prompt, seed, model; written into PNG, JPEG, WebP and AVIF.

Each holds it twice: `parameters` for people and the programs that show it, and the same facts as JSON. A PNG has them
as iTXt chunks, which hold any language; the others in their EXIF, as the user's comment and the maker's note.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Exif
    from PIL.PngImagePlugin import PngInfo

_KEY = "mc_jupyter"
_MAKER = b"mc_jupyter\0"
_EXIF, _NOTE, _COMMENT = 0x8769, 0x927C, 0x9286  # EXIF's tags
_IN_EXIF = {"JPEG": 65533, "WEBP": math.inf, "AVIF": math.inf}  # bytes that each holds of it
_LONG = 20_000  # characters of one fact; a longer one is data, not a description
_LONGEST = 1_000_000  # of all that is read from a file
_NAMES = {
    "negative_prompt": "Negative prompt",
    "num_inference_steps": "Steps",
    "guidance_scale": "CFG scale",
    "seed": "Seed",
    "model": "Model",
}


def told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that can stand in a file: plain values; of pictures, bytes and data addresses nothing."""
    return {str(name): value for name, fact in facts.items() if (value := _plain(fact)) is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        # A lone surrogate, which JSON can bring, is no character of any file.
        fits = len(value) <= _LONG and value[:5].lower() != "data:"
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
    rest = [name for name in facts if name not in ("prompt", "negative_prompt", "made_from")]
    rest.sort(key=lambda name: list(_NAMES).index(name) if name in _NAMES else len(_NAMES))
    words = [f"{_NAMES.get(name, name.replace('_', ' '))}: {_written(facts[name])}" for name in rest]
    return "\n".join([*lines, *filter(None, [", ".join(words)])])


def _written(value: Any) -> str:
    return " ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def _as_json(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False)


# --- into a file ------------------------------------------------------------------------------------------------------


def options(facts: Mapping[str, Any], format: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What `Image.save` is told, so that a file of this format holds the facts beside what is `given` for it."""
    made, plain = dict(given or {}), told(facts)
    if plain and format == "PNG":
        made["pnginfo"] = chunks(plain, made.get("pnginfo"))
    elif plain and format in _IN_EXIF:
        found = _exif(plain, made.get("exif"), _IN_EXIF[format])
        made |= {"exif": found} if found else {}
    return made


def chunks(facts: Mapping[str, Any], given: PngInfo | None = None) -> PngInfo | None:
    """The facts as chunks of a PNG, after those that are given, which win; None where there are neither."""
    from PIL.PngImagePlugin import PngInfo

    if not (plain := told(facts)):
        return given
    made = PngInfo()
    made.chunks = list(given.chunks) if given is not None else []
    said = {bytes(data).partition(b"\0")[0].decode("latin-1") for _, data, *_ in made.chunks}
    for key, text in (("parameters", parameters(plain)), (_KEY, _as_json(plain))):
        if key not in said:
            made.add_itxt(key, text, zip=False)
    return made


def _exif(facts: Mapping[str, Any], given: Any, most: float) -> bytes | None:
    """The facts as EXIF, within so many bytes: without the words for people, where both do not fit."""
    for comment in (True, False):
        exif = _loaded(given)
        inner = exif.get_ifd(_EXIF)
        inner.setdefault(_NOTE, _MAKER + _as_json(facts).encode())
        if comment:
            inner.setdefault(_COMMENT, b"UNICODE\0" + parameters(facts).encode("utf-16-be"))
        if len(data := exif.tobytes()) <= most:
            return data
    warnings.warn("what is known of this picture is longer than a JPEG holds: save it as PNG", stacklevel=4)
    return None


def _loaded(given: Any) -> Exif:
    """A copy of the EXIF that a caller gives, as bytes or as PIL has it."""
    from PIL.Image import Exif

    made = Exif()
    made.load(given.tobytes() if isinstance(given, Exif) else given or b"")
    return made


# --- out of a file ----------------------------------------------------------------------------------------------------


def read(info: Mapping[Any, Any]) -> dict[str, Any]:
    """The facts in what PIL read of a file; none where there are none, or somebody spoilt them."""
    text, exif = info.get(_KEY), info.get("exif")
    if not isinstance(text, str) and isinstance(exif, bytes):
        _, _, text = exif.partition(_MAKER)
        text = text[:_LONGEST].decode("utf-8", "replace")
    if not isinstance(text, str) or not text or len(text) > _LONGEST:
        return {}
    try:
        found, _ = json.JSONDecoder().raw_decode(text)
        facts = told(found) if isinstance(found, dict) else {}
    except (ValueError, RecursionError):
        return {}
    return {name: fact for name, fact in facts.items() if name != "interrupted"}  # which is of the run, not of a file
