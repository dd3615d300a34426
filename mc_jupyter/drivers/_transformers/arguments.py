"""What sentence_bert_config.json has sentence-transformers tell the library beside a model's own files.

What decides the vectors and stands nowhere else is refused with the file where it counts here; the rest is told.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mc_jupyter.errors import PlanError
from mc_jupyter.weights.reading import Config, shown
from mc_jupyter.words import listing

_HUB = (
    "trust_remote_code", "revision", "code_revision", "token", "use_auth_token", "cache_dir", "local_files_only",
    "subfolder", "force_download",
)  # fmt: skip
# By their two names: those that change no vector here, and where the others count.
_GROUPS = {
    ("model_args", "model_kwargs"): (
        (
            *_HUB, "torch_dtype", "dtype", "attn_implementation", "device_map", "low_cpu_mem_usage", "use_safetensors",
            "weights_only", "add_pooling_layer", "max_memory", "offload_folder", "variant",
        ),
        None,
    ),
    ("tokenizer_args", "processor_kwargs"): (
        (*_HUB, "model_max_length", "padding", "padding_side", "use_fast"),
        "tokenizer_config.json",
    ),
    ("config_args", "config_kwargs"): ((*_HUB, "use_cache"), "config.json"),
}  # fmt: skip
_READ = (
    *(name for names in _GROUPS for name in names), "max_seq_length", "do_lower_case", "transformer_task",
    "modality_config", "module_output_name", "message_format", "processing_kwargs", "query_length", "document_length",
    "unpad_inputs", "backend",
)  # fmt: skip
_HALVES = ("float16", "bfloat16")


def window(encoder: Config) -> int | None:
    """How many tokens of a text are read, where the file says so: the tokenizer's argument counts before its own."""
    return _told(encoder, "tokenizer_args", "processor_kwargs").number("model_max_length") or encoder.number(
        "max_seq_length"
    )


def _told(encoder: Config, *names: str) -> Config:
    return next((found for name in names if (found := encoder.inside(name))), encoder.inside(names[0]))


def foreign_arguments(encoder: Config) -> Iterator[PlanError]:
    """Arguments that are not applied, and without which the vectors are others."""
    for names, (free, file) in _GROUPS.items():
        given = _told(encoder, *names)
        for key in given:
            if key in free or given.get(key) is None:
                continue
            value = json.dumps(given.get(key))
            yield PlanError(
                f"{encoder.file.name} has {given.path}{shown(key)}: {shown(value)}, which is not read there",
                fix=f"write {json.dumps(key)}: {shown(value)} into {file} instead"
                if file
                else "remove it there, or architecture: bert, which leaves the file out",
            )


def told_arguments(encoder: Config) -> Iterator[str]:
    """What the file asks for that is the cell's to say, a line each."""
    given = _told(encoder, "model_args", "model_kwargs")
    asked = str(given.get("torch_dtype") or given.get("dtype") or "").removeprefix("torch.")
    if asked in _HALVES:
        yield f"{encoder.file.name} has the model loaded as {asked}: precision: {asked} does that"
    lengths = [(kind, encoder.number(f"{kind}_length")) for kind in ("query", "document")]
    if cut := [f"a {kind} at {length} tokens" for kind, length in lengths if length]:
        yield (
            f"{encoder.file.name} has {listing(cut, 'and')} cut off where it is told which a text is: here "
            "max_input_length: and truncate: true say so"
        )
    if unread := [shown(key) for key in encoder if key not in _READ and _says_something(encoder.get(key))]:
        yield f"{encoder.file.name} says {listing(unread, 'and')}, which is not applied"


def _says_something(value: Any) -> bool:
    return value not in (None, False, {}, [], "")
