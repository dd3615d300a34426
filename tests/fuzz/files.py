"""Folders of model files, changed: JSON values, headers of safetensors, bytes, names, and files that nobody expects.

A folder is read once, as names and bytes; a change of it is another such mapping, in which a file may also be one of
the `ODD` things that are no files.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz import mutation

Content = bytes | str
"""A file's bytes; as a text, one of `ODD`, a link to somewhere (`-> …`), or the name of an empty folder (`/`)."""

Files = dict[str, Content]

ODD = (
    "/",
    "fifo",
    "-> /dev/zero",
    "-> /proc/self/environ",
    "-> ../../../outside/secret.txt",
    "-> .",
    "-> nowhere",
    "-> /dev/stdin",
)

CODE = b"raise SystemExit('the code of a stranger ran')\nclass Model: pass\nclass UNet2DConditionModel: pass\n"
"""A stranger's Python: that it runs is heard by the guard, and seen by how it ends."""

_NAMES = (
    "modeling_x.py", "configuration_x.py", "unet/diffusers.py", "vae/__init__.py", "transformers.py", "pipeline.py", "torch.py", "unet/model_index.json",
    "adapter_config.json", "custom_generate/generate.py", "chat_template.jinja", "chat_template.json", "additional_chat_templates/x.jinja", "tokenizer.model",
    "modules.json", "config_sentence_transformers.json", "sentence_bert_config.json", "1_Pooling/config.json", "generation_config.json", "config.json",
    "model.safetensors.index.json", "pytorch_model.bin.index.json", "model-00001-of-00002.safetensors", "model.gguf", "model.engine", "model.onnx",
    "pytorch_model.bin", "model.ckpt", "quantization_config.json", "preprocessor_config.json", "processor_config.json", "special_tokens_map.json",
    "added_tokens.json", "vocab.txt", "merges.txt", "spiece.model", "model.safetensors", "flax_model.msgpack", "model.plan", "x" * 250 + ".json",
)  # fmt: skip
_SUFFIXES = (
    ".safetensors",
    ".bin",
    ".pt",
    ".pth",
    ".ckpt",
    ".gguf",
    ".onnx",
    ".engine",
    ".plan",
    ".trt",
    ".json",
    ".SAFETENSORS",
    ".h5",
    "",
)


class _Reduced:
    """Unpickling it runs a command."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("echo the code of a stranger ran",)


def read(folder: Path) -> Files:
    """Every file of a folder, by its name below it."""
    return {str(one.relative_to(folder)): one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()}


def write(folder: Path, files: Mapping[str, Content]) -> None:
    """The folder anew, with these files in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        file = folder / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            _put(file, content)
        except (OSError, ValueError):
            continue  # a name that no disk takes


def _put(file: Path, content: Content) -> None:
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content == "/":
        file.mkdir()
    elif content == "fifo":
        os.mkfifo(file)
    else:
        file.symlink_to(content.removeprefix("-> "))


def told(files: Mapping[str, Content], seed: Mapping[str, Content]) -> str:
    """What is other than in the seed, for a reader."""
    lines = [f"{name}: gone" for name in seed if name not in files]
    for name, content in files.items():
        if seed.get(name) != content:
            lines.append(f"{name}: {content[:3000]!r}")
    return "\n".join(lines)


def mutated(dice: Random, files: Files, others: Mapping[str, Content]) -> Files:
    """The files with one to three changes; `others` are files of other models."""
    made = dict(files)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        how = dice.randrange(20)
        if how < 15 and made:
            name = _chosen(dice, made)
            made[name] = _changed(dice, name, made[name], others)
        elif how < 17:
            made[dice.choice(_NAMES)] = _hostile(dice)
        elif made:
            _moved(dice, made)
    return made


def _chosen(dice: Random, files: Files) -> str:
    """One of them: configurations and headers more often than vocabularies."""
    names = sorted(files)
    small = [name for name in names if "tokenizer.json" not in name and "vocab" not in name]
    return dice.choice(small if small and dice.random() < 0.8 else names)


def _changed(dice: Random, name: str, content: Content, others: Mapping[str, Content]) -> Content:
    if isinstance(content, str) or dice.random() < 0.06:
        return dice.choice((b"", b"\0", b"null", b"[]", b"{}", b"[" * 100_000, *ODD))
    if dice.random() < 0.08:
        return dice.choice([each for _, each in sorted(others.items())])
    if name.endswith(".json") and dice.random() < 0.85:
        return mutated_json(dice, content)
    if name.endswith(".safetensors") and dice.random() < 0.7:
        return _safetensors(dice, content)
    if name.endswith((".txt", ".jinja", ".py")):
        return mutation.mutated_text(dice, content.decode("utf-8", "replace")).encode("utf-8", "surrogatepass")
    if dice.random() < 0.25:
        return content[: dice.randrange(len(content) + 1)]
    return mutation.mutated_bytes(dice, content)


def mutated_json(dice: Random, content: bytes) -> bytes:
    """JSON with other values; at times as JSON may be written and seldom is."""
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return mutation.mutated_bytes(dice, content)
    if isinstance(tree, dict) and dice.random() < 0.15:
        tree[dice.choice(_KEYS)] = dice.choice(
            (mutation.odd(dice), _AUTO, "x.Model", True, {"class": "os.system"}, ["modeling_x", "Model"])
        )
    tree = mutation.mutated_tree(
        dice, tree, (_AUTO, ["transformers", "x"], ["modeling_x", "Model"], {"rope_type": "x"})
    )
    text = json.dumps(tree)
    way = dice.randrange(14)
    if way == 0:
        return mutation.mutated_text(dice, text).encode("utf-8", "surrogatepass")
    if way == 1:
        return text.encode(dice.choice(("utf-16", "utf-8-sig", "utf-32")))
    if way == 2 and text.startswith("{"):
        return f"{text[:-1]}{', ' if len(text) > 2 else ''}{text[1:]}".encode()  # every key twice
    return text.encode()


_AUTO = {
    "AutoModelForCausalLM": "modeling_x.Model",
    "AutoModel": "modeling_x.Model",
    "AutoConfig": "configuration_x.Config",
}
_KEYS = (
    "auto_map", "custom_pipelines", "_class_name", "_name_or_path", "architectures", "model_type", "quantization_config", "torch_dtype", "dtype", "rope_scaling",
    "rope_parameters", "hidden_act", "attn_implementation", "_attn_implementation", "tokenizer_class", "processor_class", "chat_template", "base_model_name_or_path",
    "vocab_size", "hidden_size", "num_hidden_layers", "tie_word_embeddings", "num_labels", "id2label", "is_decoder", "transformers_weights", "adapter_path",
)  # fmt: skip


def _safetensors(dice: Random, content: bytes) -> bytes:
    """The same tensors under another header, whose length may be wrong, too."""
    length = int.from_bytes(content[:8], "little")
    try:
        header = _spoiled(dice, json.loads(content[8 : 8 + length]))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):  # it was spoiled before
        return mutation.mutated_bytes(dice, content)
    text = json.dumps(header).encode()
    way = dice.randrange(10)
    if way == 0:
        text = mutation.mutated_bytes(dice, text)
    said = dice.choice((0, 1, len(text) - 1, len(text) + 1, 2**63, 2**64 - 1, 10**8 + 1)) if way == 1 else len(text)
    return struct.pack("<Q", said) + text + content[8 + length :]


def _spoiled(dice: Random, header: Any) -> Any:
    """The header with one tensor's entry made one that cannot be, in the ways that such entries can be wrong."""
    if dice.random() < 0.4:
        return mutation.mutated_tree(dice, header)
    name = dice.choice(sorted(key for key in header if key != "__metadata__"))
    entry = header[name]
    begin, end = entry["data_offsets"]
    way = dice.randrange(8)
    if way == 0:
        entry["dtype"] = dice.choice(
            ("F64", "BF16", "I64", "U8", "F8_E4M3", "F4", "BOOL", "X", "", None, 3, ["F32"], "f32")
        )
    elif way == 1:
        entry["shape"] = dice.choice(
            (
                [],
                [0],
                [-1, 2],
                entry["shape"][::-1],
                [2**31, 2**31, 2**31],
                [1.5],
                "x",
                None,
                [*entry["shape"], 1],
                [True],
                entry["shape"] * 500,
            )
        )
    elif way == 2:
        entry["data_offsets"] = dice.choice(
            (
                [end, begin],
                [-begin - 1, end],
                [0, 2**63],
                [begin],
                [begin, end, 0],
                [str(begin), end],
                None,
                [begin + 1, end + 1],
                [0, end],
            )
        )
    elif way == 3:
        del header[name]
    elif way == 4:
        header[dice.choice(("", "x" * 70_000, "lm_head.weight", "é\0", "__metadata__"))] = header.pop(name)
    elif way == 5:
        header[name] = dice.choice((None, [], 3, "x", {}, {"dtype": "F32"}))
    elif way == 6:
        header["__metadata__"] = dice.choice((None, [], {"format": 3}, {"format": "tf"}, {"x": {"y": "z"}}, "x", {}))
    else:
        header[f"{name}.extra"] = dict(entry)
    return header


def _hostile(dice: Random) -> Content:
    """A file that nobody expects."""
    way = dice.randrange(8)
    if way < 2:
        return CODE
    if way == 2:
        return pickle.dumps(_Reduced())
    if way == 3:
        return _zipped_pickle()
    if way == 4:
        return dice.choice(ODD)
    if way == 5:
        return json.dumps(mutation.odd(dice)).encode()
    if way == 6:
        return b"GGUF" + bytes(dice.randrange(256) for _ in range(60))
    return json.dumps(
        {"auto_map": _AUTO, "_class_name": ["modeling_x", "Model"], "weight_map": {"a": "../../../outside/secret.txt"}}
    ).encode()


def _zipped_pickle() -> bytes:
    """A pickle that runs a command, as torch keeps its own."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(_Reduced()))
        archive.writestr("archive/version", "3\n")
    return target.getvalue()


def _moved(dice: Random, files: Files) -> None:
    """One file gone, under another ending, or two in each other's place."""
    names = sorted(files)
    name = dice.choice(names)
    way = dice.randrange(3)
    if way == 0:
        del files[name]
    elif way == 1:
        files[str(Path(name).with_suffix(dice.choice(_SUFFIXES)))] = files.pop(name)
    else:
        other = dice.choice(names)
        files[name], files[other] = files[other], files[name]
