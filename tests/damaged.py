"""Damaged models: a good model's files with one thing wrong, by dice; and a good model of every kind to be damaged.

A damage is a function of a folder and dice: it changes one thing there and says what, or gives None where the folder
has nothing of its kind. The same dice do the same.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests import adapters, captioners, faces, models, pipelines, upscalers
from tests.conftest import cell

Damage = Callable[[Path, Random], str | None]

NUMBERS = (0, -1, 1, 3, 2**15, 2**31, 2**40, 10**9, 10**12, 10**30, -(2**31), 0.5, 1e308, float("nan"), float("inf"))
OTHERS: tuple[Any, ...] = (None, True, "", "many", "../x", [], [0], {}, {"a": 1}, "\ud800", [[[[0]]]])


def damage(folder: Path, dice: Random, damages: Sequence[Damage] | None = None) -> str:
    """Damage one thing in a folder; says what."""
    while True:
        if (said := dice.choice(damages or DAMAGES)(folder, dice)) is not None:
            return said


def damaged(good: Path, target: Path, dice: Random, damages: Sequence[Damage] | None = None) -> str:
    """Copy a good model (a folder, or one file), and damage the copy."""
    if good.is_file():
        target.mkdir(parents=True)
        shutil.copy(good, target)
    else:
        shutil.copytree(good, target)
    return damage(target, dice, damages)


# --- whole files ------------------------------------------------------------------------------------------------------


def _files(folder: Path, *suffixes: str) -> list[Path]:
    return sorted(f for f in folder.rglob("*") if f.is_file() and (not suffixes or f.suffix in suffixes))


def cut(folder: Path, dice: Random) -> str:
    file = dice.choice(_files(folder))
    data = file.read_bytes()
    length = dice.choice((0, 1, 7, len(data) // 2, max(0, len(data) - 1)))
    file.write_bytes(data[:length])
    return f"{file.relative_to(folder)} cut to {length} bytes"


def noise(folder: Path, dice: Random) -> str:
    """A few bytes are others; mostly near the beginning, where a file says what it is."""
    file = dice.choice(_files(folder))
    data = bytearray(file.read_bytes() or b"\0")
    for _ in range(dice.choice((1, 4, 64))):
        data[dice.randrange(min(len(data), dice.choice((64, 4096, len(data)))))] = dice.randrange(256)
    file.write_bytes(data)
    return f"{file.relative_to(folder)} with other bytes"


def gone(folder: Path, dice: Random) -> str | None:
    files = _files(folder)
    if len(files) < 2:
        return None
    file = dice.choice(files)
    file.unlink()
    return f"{file.relative_to(folder)} gone"


def another(folder: Path, dice: Random) -> str | None:
    """One file with the content of another of its kind."""
    one = dice.choice(_files(folder))
    others = [file for file in _files(folder, one.suffix) if file != one]
    if not others:
        return None
    other = dice.choice(others)
    shutil.copy(other, one)
    return f"{one.relative_to(folder)} is {other.relative_to(folder)}"


# --- JSON -------------------------------------------------------------------------------------------------------------


def _places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from _places(value, (*path, key))


def _entry(folder: Path, dice: Random) -> tuple[Path, Any, tuple[Any, ...]] | None:
    """A file of JSON, its content, and the place of one value in it; entries of long lists count little."""
    file = dice.choice(_files(folder, ".json") or [folder])
    if file is folder:
        return None
    tree = json.loads(file.read_text(encoding="utf-8"))
    depth = dice.choice((1, 1, 2, 3, 9))
    places = [path for path in _places(tree) if len(path) <= depth]
    return (file, tree, dice.choice(places)) if places else None


def mistyped(folder: Path, dice: Random) -> str | None:
    """One value of one JSON file is another, of another type mostly, or absurd."""
    if (found := _entry(folder, dice)) is None:
        return None
    file, tree, path = found
    value = dice.choice(NUMBERS) if dice.random() < 0.5 else dice.choice(OTHERS)
    _inside(tree, path)[path[-1]] = value
    return _rewritten(folder, file, tree, f"{'.'.join(map(str, path))}: {value!r}")


def lacking(folder: Path, dice: Random) -> str | None:
    """One entry of one JSON file is gone."""
    if (found := _entry(folder, dice)) is None:
        return None
    file, tree, path = found
    del _inside(tree, path)[path[-1]]
    return _rewritten(folder, file, tree, f"without {'.'.join(map(str, path))}")


def deep(folder: Path, dice: Random) -> str | None:
    """One value of one JSON file is a list in a list in a list."""
    if (found := _entry(folder, dice)) is None:
        return None
    file, tree, path = found
    _inside(tree, path)[path[-1]] = "DEEP"
    depth = dice.choice((100, 100_000))
    text = json.dumps(tree).replace('"DEEP"', "[" * depth + "]" * depth, 1)
    file.write_text(text, encoding="utf-8")
    return f"{file.relative_to(folder)}: {'.'.join(map(str, path))} nested {depth} deep"


def _inside(tree: Any, path: tuple[Any, ...]) -> Any:
    for step in path[:-1]:
        tree = tree[step]
    return tree


def _rewritten(folder: Path, file: Path, tree: Any, said: str) -> str:
    file.write_text(json.dumps(tree), encoding="utf-8")
    return f"{file.relative_to(folder)}: {said}"


# --- tensors ----------------------------------------------------------------------------------------------------------


def tensors(folder: Path, dice: Random) -> str | None:
    """One or all of a file's tensors are gone, of another name, shape or type, or no numbers."""
    from safetensors.torch import load_file, save_file

    files = _files(folder, ".safetensors")
    if not files:
        return None
    file = dice.choice(files)
    state = load_file(file)
    names = [dice.choice(sorted(state))] if dice.random() < 0.7 else sorted(state)
    change = dice.choice(sorted(_CHANGES))
    for name in names:
        made = _CHANGES[change](state.pop(name))
        state |= {f"{name}.other" if change == "renamed" else name: made} if made is not None else {}
    save_file({name: tensor.contiguous().clone() for name, tensor in state.items()}, file, {"format": "pt"})
    return f"{file.relative_to(folder)}: {names[0]} and {len(names) - 1} more {change}"


def _whole(kind: str) -> Callable[[Any], Any]:
    def change(tensor: Any) -> Any:
        import torch

        return tensor.to(getattr(torch, kind))

    return change


def header(folder: Path, dice: Random) -> str | None:
    """The header of a safetensors file says something else, or is another text."""
    files = _files(folder, ".safetensors")
    if not files:
        return None
    file = dice.choice(files)
    data = file.read_bytes()
    length = int.from_bytes(data[:8], "little")
    tree = json.loads(data[8 : 8 + length])
    path = dice.choice([path for path in _places(tree) if len(path) <= 4])
    value = dice.choice((*NUMBERS, *OTHERS, [5, 1], [0, 10**15], [-4, 4], "F33", "I4"))
    _inside(tree, path)[path[-1]] = value
    text = dice.choice((json.dumps(tree).encode(), json.dumps(value).encode(), b"[" * 50_000, b'{"a":{},"a":{}}'))
    told = dice.choice((len(text), len(text), 0, 2**40, 2**63))
    file.write_bytes(told.to_bytes(8, "little") + text + data[8 + length :])
    return f"{file.relative_to(folder)}: the header says {'.'.join(map(str, path))}: {value!r}, in {told} bytes"


def odd(folder: Path, dice: Random) -> str:
    """A file that libraries look for is there, and says something foreign, or is no file."""
    name = dice.choice(ODD_NAMES)
    file = dice.choice((folder, *sorted({one.parent for one in _files(folder)}))) / name
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_symlink() or file.is_file():
        file.unlink()
    content = dice.choice(
        (*OTHERS, {"weight_map": {"a": dice.choice(OTHERS)}}, [{"type": "x.Pooling", "path": "../.."}])
    )
    how = dice.choice(("json", "json", "json", "link", "folder"))
    if how == "json" and not file.exists():
        file.write_text(json.dumps(content))
    elif how == "link" and not file.exists():
        file.symlink_to(dice.choice(("/dev/zero", "/proc/self/environ", "..", "nowhere")))
    else:
        file.mkdir(exist_ok=True)
    return f"{file.relative_to(folder)} as {how}: {content!r}"


ODD_NAMES = (
    "config.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json", "modules.json",
    "sentence_bert_config.json", "1_Pooling/config.json", "model.safetensors.index.json", "adapter_config.json",
    "preprocessor_config.json", "model_index.json", "manifest.json", "tokenizer.json", "chat_template.jinja",
    "diffusion_pytorch_model.safetensors.index.json", "scheduler_config.json", "diffusers.py", "x.onnx",
)  # fmt: skip

_CHANGES: Mapping[str, Callable[[Any], Any]] = {
    "gone": lambda tensor: None,
    "renamed": lambda tensor: tensor,
    "flat": lambda tensor: tensor.flatten(),
    "doubled": lambda tensor: tensor.repeat(2, *[1] * (tensor.dim() - 1)) if tensor.dim() else tensor,
    "empty": lambda tensor: tensor.flatten()[:0],
    "turned": lambda tensor: tensor.permute(*reversed(range(tensor.dim()))),
    "not numbers": lambda tensor: tensor * float("nan") if tensor.is_floating_point() else tensor,
    "endless": lambda tensor: tensor / 0 if tensor.is_floating_point() else tensor,
    "of int64": _whole("int64"),
    "of bool": _whole("bool"),
    "of float8": _whole("float8_e4m3fn"),
    "of complex": _whole("complex64"),
}

DAMAGES: tuple[Damage, ...] = (
    cut, noise, gone, another, *[mistyped] * 6, lacking, lacking, deep, *[tensors] * 4, header, odd,
)  # fmt: skip
"""Each as often as it should be thrown."""

READ_FIRST: tuple[Damage, ...] = (cut, noise, gone, another, *[mistyped] * 4, lacking, deep, *[header] * 4, *[odd] * 4)
"""What planning sees, which reads no tensors."""


# --- what is damaged --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """A good model of one kind: how it is made, the cell that uses it, and the input of a call.

    Of an adapter, `base` makes the model that it is laid over, and `make` is given that, too.
    """

    task: str
    make: Callable[..., Path]
    given: Mapping[str, Any] = field(default_factory=lambda: {"text": "the little fox"})
    lines: tuple[str, ...] = ()
    driver: str | None = None
    base: Callable[[Path], Path] | None = None

    def text(self, model: Path, base: Path | None = None) -> str:
        """The document that uses this model, or this adapter over a base."""
        if base is None:
            return cell(self.task, model, *self.lines, driver=self.driver)
        return cell(self.task, base, f"peft_adapters: [{{name: one, model: {model}}}]", *self.lines)


_ACTION = "action: {text: ${input.text}, max_output_length: 4, seed: 1}"
_WORDS = "action: {text: ${input.text}}"
_CHAT = "action: {messages: [{role: user, content: ${input.text}}], max_output_length: 4}"
_IMAGE = "action: {image: ${input.image}, max_output_length: 4}"
_DRAW = "action: {prompt: ${input.text}, num_inference_steps: 1, width: %d, height: %d, seed: 1}"
_ENLARGE = "action: {image: ${input.image}}"


def _picture() -> dict[str, Any]:
    return {"image": upscalers.picture(24, 20)}


def _faces() -> dict[str, Any]:
    return {"image": faces.picture((160, 160), ((32, 32, 112, 112), 1, 0.9))}


SUBJECTS: Mapping[str, Subject] = {
    "llama": Subject("text-generation", models.llama, lines=(_ACTION,)),
    "gpt2": Subject("text-generation", models.gpt2, lines=(_ACTION,)),
    "t5": Subject("text-generation", models.t5, lines=(_ACTION,)),
    "chat": Subject("chat-completion", models.llama, lines=(_CHAT,)),
    "classifier": Subject("text-classification", models.classifier, lines=(_WORDS,)),
    "encoder": Subject("text-embedding", models.encoder, lines=(_WORDS,)),
    "blip": Subject("image-to-text", captioners.blip, _picture(), (_IMAGE,)),
    "vit_gpt2": Subject("image-to-text", captioners.vit_gpt2, _picture(), (_IMAGE,)),
    "sdxl": Subject("image-generation", pipelines.sdxl, lines=(_DRAW % (64, 64),)),
    "flux": Subject("image-generation", pipelines.flux, lines=(_DRAW % (32, 32),)),
    "hunyuan": Subject("image-generation", pipelines.hunyuan, lines=(_DRAW % (64, 64),)),
    "upscaler": Subject(
        "image-upscale", lambda folder: upscalers.compact(_made(folder) / "up.safetensors"), _picture(), (_ENLARGE,)
    ),
    "ldsr": Subject(
        "image-upscale",
        upscalers.ldsr,
        _picture(),
        ("architecture: ldsr", "action: {image: ${input.image}, num_inference_steps: 1}"),
    ),
    "pickle": Subject(
        "image-upscale", lambda folder: upscalers.rrdb(_made(folder) / "up.pth"), _picture(), ("allow_pickle: true", _ENLARGE)
    ),
    "faces": Subject("face-embedding", faces.pack, _faces(), (_ENLARGE,)),
    "lora": Subject("text-generation", adapters.lora, lines=(_ACTION,), base=models.llama),
    "sdxl_lora": Subject("image-generation", pipelines.lora, lines=(_DRAW % (64, 64),), base=pipelines.sdxl),
}  # fmt: skip
"""By name: a model of every kind that is loaded."""


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
