"""Reading a checkpoint with transformers: tokenizer and model, and what was missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers._belonging import check_vocabulary
from mc_jupyter.errors import ComposeError, DoesNotFit, MissingPackage, PlanError, WeightsError
from mc_jupyter.faults import reason, said_as
from mc_jupyter.weights.checkpoint import shards
from mc_jupyter.weights.headers import tensors
from mc_jupyter.weights.reading import shown
from mc_jupyter.weights.unsafe import contents

if TYPE_CHECKING:
    from mc_jupyter.drivers import ModelKey
    from mc_jupyter.weights import Checkpoint

# How a checkpoint's class ends, and what it is for.
_TASKS_OF = {
    "ForCausalLM": "text-generation",
    "ForConditionalGeneration": "text-generation",
    "ForSequenceClassification": "text-classification",
    "Model": "text-embedding",
}
# The task that transformers' class was asked for.
_TASK_WITH = {
    "AutoModelForCausalLM": "text-generation",
    "AutoModelForSeq2SeqLM": "text-generation",
    "AutoModelForSequenceClassification": "text-classification",
    "AutoModel": "text-embedding",
}
# What `from_pretrained` may be told where it is given the weights themselves.
_WITHOUT_FOLDER = ("dtype", "device_map", "quantization_config", "output_loading_info", "ignore_mismatched_sizes")
# Weights that a checkpoint without a trained head lacks: transformers fills them with random numbers.
_HEADS = (
    "classifier", "pre_classifier", "score", "classification_head", "pooler", "lm_head", "head", "logits_proj",
    "sequence_summary",
)  # fmt: skip


def load_tokenizer(folder: Path, fast: object) -> Any:
    from transformers import AutoTokenizer

    lacks = None if (folder / "tokenizer.json").is_file() else "the model's folder needs a tokenizer.json"
    with said_as(WeightsError, "the tokenizer cannot be read", fix=lacks):
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if fast is not None and bool(fast) != tokenizer.is_fast:
        kind = "Python" if fast else "Rust"
        raise PlanError(f"fast_tokenizer: {str(bool(fast)).lower()}, but this model has only the {kind} tokenizer")
    check_vocabulary(tokenizer)
    return tokenizer


def rows_of(folder: Path) -> int | None:
    """How many words a model's embedding has by its config, before its weights are read; None where nothing says."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False).get_text_config()
    except (OSError, ValueError, KeyError):  # it is said when the weights are read
        return None
    found = getattr(config, "src_vocab_size", None) or getattr(config, "vocab_size", None)
    return found if isinstance(found, int) else None


def placement(key: ModelKey) -> dict[str, Any]:
    """Where `from_pretrained` is told to put the model."""
    if key.device_mode == "auto" and key.device != "cpu":
        return {"device_map": "auto"}  # accelerate's: all GPUs, and the CPU for what does not fit
    if key.device != "cpu" or key.quantization != "none":
        return {"device_map": key.device}  # unless told, quantized models go to a GPU where there is one
    return {}


def check_placed(model: Any, subject: str) -> None:
    """Refuse a model that accelerate left on the disk in part: every token would read it again."""
    if "disk" in (getattr(model, "hf_device_map", None) or {}).values():
        raise DoesNotFit(
            f"{subject} fits neither the GPUs nor memory: part of it would stay on the disk",
            fix="quantization: int8 or nf4, or a smaller model",
        )


def device_of(model: Any) -> Any:
    """Where a model's inputs go. What accelerate keeps off the GPU is "meta" until it is computed with."""
    return next((p.device for p in model.parameters() if p.device.type != "meta"), model.device)


def read_model(auto: Any, checkpoint: Checkpoint, arguments: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The model and what transformers says of missing and unexpected weights. Want of memory is raised as it comes."""
    arguments |= {"local_files_only": True, "trust_remote_code": False, "output_loading_info": True}
    arguments |= {"ignore_mismatched_sizes": True}  # `untrained` refuses them by name; transformers only logs which
    try:
        if _standard(checkpoint):
            safe = checkpoint.format == "safetensors"
            model, info = auto.from_pretrained(checkpoint.folder, use_safetensors=safe, **arguments)
        else:
            model, info = _read_one_file(auto, checkpoint, arguments)
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        if explained := _explained(error, checkpoint, auto.__name__):
            raise explained from None
        raise
    return model, info


def _explained(error: Exception, checkpoint: Checkpoint, auto: str) -> ComposeError | None:
    """transformers' error in the reader's words, where it is about more than these files."""
    text = str(error)
    if isinstance(error, ImportError):
        return MissingPackage(f"this model needs a package that is not installed: {reason(error)}")
    if "dispatched on the CPU or the disk" in text:
        return DoesNotFit("the GPUs are too small for this model, and quantized layers cannot be on the CPU as well")
    if isinstance(error, ValueError) and "Unrecognized configuration class" in text:
        kind = shown(checkpoint.model_type or "this kind of")
        made_as = shown(checkpoint.made_as)
        other = {end: task for end, task in _TASKS_OF.items() if task != _TASK_WITH.get(auto)}
        fits = next((f"task: {task}" for end, task in other.items() if made_as.endswith(end)), None)
        return PlanError(
            f"a {kind} model cannot do this task: it was saved as {made_as or 'nothing that is known'}", fix=fits
        )
    return None


def _standard(checkpoint: Checkpoint) -> bool:
    """Whether transformers finds just these files: by the one name that it looks for, or else by the index of that."""
    name = {"safetensors": "model.safetensors", "pytorch": "pytorch_model.bin"}.get(checkpoint.format)
    files = {file.name for file in checkpoint.own_files}
    if name is None or (checkpoint.folder / name).is_file():
        return files == {name}
    index = checkpoint.folder / f"{name}.index.json"
    return index.is_file() and files == set(shards(index))


def _read_one_file(auto: Any, checkpoint: Checkpoint, arguments: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Load weights whose files have names of their own (`filename: model.fp16.safetensors`), or no index."""
    from transformers import AutoConfig

    state: dict[str, Any] = {}
    for file in checkpoint.own_files:
        state |= contents(file)
    config = AutoConfig.from_pretrained(checkpoint.folder, local_files_only=True, trust_remote_code=False)
    given = {name: value for name, value in arguments.items() if name in _WITHOUT_FOLDER}
    # The auto classes want a folder; the class they would choose does not.
    chosen = auto._model_mapping[type(config)]
    loaded: tuple[Any, dict[str, Any]] = chosen.from_pretrained(None, config=config, state_dict=state, **given)
    model, info = loaded
    if model.can_generate():
        model.generation_config = _generation_config(checkpoint.folder)
    return model, info


def _generation_config(folder: Path) -> Any:
    """How a checkpoint generates: what its generation_config.json says, or the config.json of older ones."""
    from transformers import GenerationConfig

    if (folder / "generation_config.json").is_file():
        return GenerationConfig.from_pretrained(folder, local_files_only=True)
    older = {"config_file_name": "config.json", "_from_model_config": True}
    return GenerationConfig.from_pretrained(folder, local_files_only=True, **older)


def lacking_heads(checkpoint: Checkpoint, head: str) -> list[str]:
    """The heads of an encoder or a classifier that none of the files' tensors belong to, as transformers' patterns.

    Of an image encoder joined to a text decoder: the encoder's pooler, which many files lack and nothing uses, and with
    it what transformers leaves whole by itself where it is told nothing (the output, mostly one with the embedding).
    """
    if checkpoint.model_type == "vision-encoder-decoder":
        return [rf"(?:.*\.)?{name}" for name in ("pooler", "lm_head", "output_projection", "predictions")]
    if head not in ("encoder", "sequence-classifier") or checkpoint.format != "safetensors":
        return []
    parts = {part for file in checkpoint.own_files for tensor in tensors(file) for part in tensor.name.split(".")}
    return [rf"(?:.*\.)?{name}" for name in _HEADS if name not in parts]


def untrained(info: dict[str, Any], head: str, checkpoint: Checkpoint) -> tuple[str, ...]:
    """The parts that got random weights because the checkpoint lacks them. More than the head missing is an error."""
    missing = sorted(info.get("missing_keys", ()))
    parts = dict.fromkeys(next((p for p in key.split(".") if p in _HEADS), key) for key in missing)
    if mismatched := sorted(info.get("mismatched_keys", ())):
        key, found, wanted = mismatched[0]
        raise WeightsError(
            f"{len(mismatched)} of the weights do not have the shapes that config.json says, first {key}: "
            f"{_size(found)} in the file, {_size(wanted)} by config.json"
        )
    if beyond := [part for part in parts if part not in _HEADS]:
        raise WeightsError(
            f"{len(missing)} of the model's weights are not in {checkpoint.files[0].name}, first {beyond[0]}: "
            "it is another kind of model, or the file is not whole"
        )
    if head in ("encoder", "image-to-text"):
        parts.pop("pooler", None)  # not used: token vectors are pooled here, a text decoder looks at all patches
    return tuple(parts)


def _size(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) or "one number"


class Quiet:
    """No bars and no warnings of transformers' own while it loads: what matters is said by us."""

    def __enter__(self) -> None:
        from transformers.utils import logging as log

        self.level = log.get_verbosity()
        log.set_verbosity_error()
        log.disable_progress_bar()

    def __exit__(self, *error: object) -> None:
        from transformers.utils import logging as log

        log.set_verbosity(self.level)
        log.enable_progress_bar()
