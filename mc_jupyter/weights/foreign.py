"""What a model's small files would have a library run, fetch or read elsewhere: refused before it sees them.

Libraries look up more than numbers in such files: classes of modules beside them, kernels and backbones on the hub,
other configurations, files by their path. Which keys those are was read from the sources of transformers 5.23,
diffusers 0.42 and peft 0.21. All of it is refused, wherever it stands and whatever the library would ask first.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mc_jupyter.errors import PlanError
from mc_jupyter.trust.names import path_fault
from mc_jupyter.weights.checkpoint import parts, shards
from mc_jupyter.weights.links import Home
from mc_jupyter.weights.reading import VOCABULARY, Config, opened, read_config, shown
from mc_jupyter.weights.selection import Kind

_BUILT_IN = "use a model of an architecture that the library has built in"

_WAY = "a way to generate that is fetched from the hub"  # transformers' own ones until its version 4

# Keys that are refused wherever they stand with anything but nothing, and what they are.
_ASKING: Mapping[str, str] = {
    "auto_map": "Python code of its own",
    "custom_generate": "Python code of its own",
    "custom_pipelines": "Python code of its own",
    "trust_remote_code": "a wish to run its own code",
    "configuration_files": "other configurations, by the version of the library",
    "fast_tokenizer_files": "other tokenizers, by the version of the library",
    "transformers_weights": "other weights than its own",
    "gguf_file": "a tokenizer in another file",
    "init_inputs": "arguments of a tokenizer's own",
    "backbone": "a model to be fetched from the hub",
    "fusion_config": "changes to the library's own classes",
    "dola_layers": _WAY,
    "penalty_alpha": _WAY,
    "constraints": _WAY,
    "force_words_ids": _WAY,
}
_OWN = ("eager", "sdpa", "flex_attention", "grouped_mm", "batched_mm")  # implementations that transformers has itself
# For these transformers (5.23) fetches compiled code and runs it, wherever the package `kernels` is installed.
_BY_KERNELS: Mapping[str, tuple[str, ...]] = {
    "quant_method": ("mxfp4", "fp8", "fbgemm_fp8", "metal", "eetq", "nvfp4"),
    "model_type": ("rwkv", "yoso", "mra", "sam3_video"),
}
_TIMM = ("timm_wrapper", "timm_backbone")  # timm fetches what such a configuration names
_ADDRESS = re.compile(r"[:/]")  # in the name of timm's architecture: `hf-hub:OWNER/NAME`, `local-dir:…`

_CONFIGURATIONS = (
    "config.json", "model_index.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json",
    "preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json", "adapter_config.json",
    "audio_tokenizer_config.json", "scheduler_config.json", "sentence_bert_config.json",
    "config_sentence_transformers.json", "chat_template.json",
)  # fmt: skip
_VOCABULARIES = (
    "tokenizer.json", "vocab.json", "vocab.txt", "merges.txt", "added_tokens.json", "tekken.json", "modules.json",
)  # fmt: skip
_READ = (".jinja", ".model", ".spm", ".tiktoken", ".bpe")  # endings of what else libraries read
_FOR_PEOPLE = (".md",)  # endings of what no library reads
_TEMPLATES = "additional_chat_templates"
_PIPELINES = ("model_index.json", "modular_model_index.json")


def refuse_foreign(folder: Path, subject: str, kind: Kind = "model") -> None:
    """PlanError for what the small files of a model ask for beyond being read; NotWhole for what cannot be read.

    Those are looked at that a library would read: the folder's own, those of a pipeline's parts, and of the modules of
    sentence-transformers. Asked when a model is planned, and again before it is loaded: it takes milliseconds.
    """
    if not folder.is_dir():  # a repository of one file with a name of its own may have brought nothing else yet
        return
    home = Home(folder)
    _refuse_in(folder, home, subject, kind, part=None)
    for part in _inside(folder):
        _refuse_in(folder / part, home, subject, kind, part)


def _inside(folder: Path) -> list[str]:
    """The folders in it that libraries read."""
    index = folder / "model_index.json"
    named = parts(read_config(index)) if index.exists() else ()
    modules = [each.name for each in folder.iterdir() if re.fullmatch(r"\d+_\w+", each.name) and each.is_dir()]
    return [name for name in (*named, *modules, _TEMPLATES) if (folder / name).is_dir()]


def _refuse_in(folder: Path, home: Home, subject: str, kind: Kind, part: str | None) -> None:
    for file in sorted(folder.iterdir()):
        said = f"{part}/{file.name}" if part else file.name
        if not file.name.startswith(".") and file.suffix not in _FOR_PEOPLE:
            home.refuse_outside(file, subject, said)
        if what := _of_itself(file.name, part):
            raise _asks(subject, what, said)
        if file.name == "adapter_config.json" and kind == "model":
            # transformers would lay it over the model unasked; alone, it names a base to load instead.
            raise PlanError(
                f"{subject} holds an adapter beside its own files ({said}), which would be laid over it unasked",
                fix="move adapter_config.json and its weights to a folder of their own, named under `peft_adapters:`",
            )
        if file.name in _CONFIGURATIONS:
            _refuse_keys(read_config(file), folder, home, subject, said)
        elif file.name.endswith(".index.json"):
            shards(file)
        elif file.name in _VOCABULARIES or (file.name.endswith(_READ) and not file.is_dir()):
            with opened(file, VOCABULARY):
                pass


def _of_itself(name: str, part: str | None) -> str | None:
    """What a file or folder brings by its name alone; None where that is nothing foreign."""
    if name == "custom_generate" or (part and name.lower().endswith(".py")):
        return "Python code of its own"
    return "a pipeline within a part" if part and name in _PIPELINES else None


def _refuse_keys(config: Config, folder: Path, home: Home, subject: str, said: str) -> None:
    for key, value in _pairs(config):
        if what := _asked(key, value):
            raise _asks(subject, what, f"`{key}` in {said}")
        if elsewhere := _outside(key, value, folder, home):
            raise PlanError(
                f"{subject} would have a file read that is not its own: {said} says {key}: {shown(elsewhere)}",
                fix=f"remove {key} from {said}",
            )


def _asks(subject: str, what: str, where: str) -> PlanError:
    return PlanError(
        f"{subject} brings {what} ({where}); this version never runs a repository's code, and fetches nothing it names",
        fix=_BUILT_IN,
    )


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key and its value, of mappings in mappings and lists too."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield key, inner
            yield from _pairs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _pairs(inner)


def _asked(key: str, value: Any) -> str | None:
    """What a key with this value asks for; None where that is nothing foreign."""
    if not value:
        return None
    if key in _ASKING:
        return _ASKING[key]
    if key == "num_beam_groups" and value != 1:
        return _WAY
    if _is_compiled(key, value):
        return "compiled code to be fetched from the hub"
    if (key == "model_type" and value in _TIMM) or key == "pretrained_cfg":
        return "a model of timm's, which fetches what is named"
    if key == "architecture" and any(_ADDRESS.search(text) for text in _texts(value)):
        return "a model to be fetched from the hub"
    return None


def _is_compiled(key: str, value: Any) -> bool:
    """Whether transformers would fetch a kernel for this: by a name, or by a word where `kernels` is installed."""
    if key.endswith("_implementation"):
        named = list(_texts(value))
        return any("/" in text for text in named) or (_has_kernels() and any(text not in _OWN for text in named))
    return value in _BY_KERNELS.get(key, ()) and _has_kernels()


def _has_kernels() -> bool:
    return importlib.util.find_spec("kernels") is not None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _outside(key: str, value: Any, folder: Path, home: Home) -> str | None:
    """A file that a key names, that is there, and that is none of the folder's. Relative names begin where you work.

    Many tokenizers say where a file lay on the disk of who saved them: what is not here harms nobody.
    """
    if not key.endswith(("_file", "_files")):
        return None
    named = (Path(name) for name in _texts(value) if path_fault(name) is None)
    return next((str(path) for path in named if path.is_file() and not _is_beside(path, folder, home)), None)


def _is_beside(path: Path, folder: Path, home: Home) -> bool:
    # A blob of the cache is the model's under the name that links to it: under its own it may be another model's.
    return path.absolute().parent.resolve() == folder.resolve() and home.holds(path)
