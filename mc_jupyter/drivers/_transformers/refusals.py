"""What transformers cannot do of what a component asks: by its settings, its files, its adapters and its calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers import Asked, Refusal, refused
from mc_jupyter.drivers import _quantization as quantization
from mc_jupyter.drivers import _stored as stored
from mc_jupyter.drivers._lora.fit import check_adapter
from mc_jupyter.drivers._transformers import captioning, conversations
from mc_jupyter.drivers._transformers.embedding import NO_POOLING, prompt
from mc_jupyter.drivers._transformers.folder import has_chat_template
from mc_jupyter.drivers._transformers.sentences import Sentences, flaw, no_encoder, read_sentences
from mc_jupyter.errors import InputError, PlanError
from mc_jupyter.language.fields import is_deferred
from mc_jupyter.tasks.chat_completion import ChatCompletion
from mc_jupyter.tasks.text_embedding import TextEmbedding
from mc_jupyter.weights.reading import AGAIN, shown

if TYPE_CHECKING:
    from mc_jupyter.weights import Checkpoint


def refusals(asked: Asked) -> Iterator[Refusal]:
    """All of them. Where the files are of a wrong kind, only that is said of them."""
    yield from quantization.refuses(asked)
    settings, checkpoint = asked.settings, asked.checkpoint
    if settings is not None and settings.device_mode == "auto" and ":" in settings.device:
        error = PlanError(
            f"device_mode: auto spreads the model over every GPU, and device: {settings.device} names one",
            fix="device: cuda, or device_mode: single",
        )
        yield Refusal(error, "device_mode")
    template = getattr(settings, "chat_template", None)
    if template and not is_deferred(template) and (wrong_with_it := conversations.flaw(template)):
        yield Refusal(PlanError(wrong_with_it, fix="mend the template"), "chat_template")
    if settings is None or checkpoint is None:
        return
    yield from (wrong := refused(_check, asked, checkpoint))
    if wrong:
        return
    for number, call in asked.numbered_calls():
        for field, error in captioning.unfit(asked.task, checkpoint, call):
            yield Refusal(error, field, call=number)
        if asked.task is TextEmbedding:
            for field, error in _unfit(settings, checkpoint, call):
                yield Refusal(error, field, call=number)
    for name, files in asked.adapters.items():
        yield from refused(check_adapter, checkpoint, files, name, adapter=name)


def _check(asked: Asked, checkpoint: Checkpoint) -> None:
    """Raise PlanError or WeightsError if these files cannot do this task in this way."""
    task, settings = asked.task, asked.settings
    if drawn_with := checkpoint.pipeline:  # what diffusers saves
        raise PlanError(
            f"this model draws images ({shown(drawn_with)}): it cannot do {task.name}", fix="task: image-generation"
        )
    quantization.check(settings, checkpoint)
    stored.check(checkpoint.config)
    captioning.check(task, settings, checkpoint)
    if task is ChatCompletion and not settings.chat_template and not has_chat_template(checkpoint.folder):
        raise PlanError(
            "this model has no chat template: it was not trained on conversations, or the template was not saved",
            fix="use task: text-generation, or give chat_template: (a Jinja template)",
        )
    _check_labels(getattr(settings, "labels", None), checkpoint)
    if getattr(settings, "architecture", None) in ("causal", "seq2seq"):
        found = "seq2seq" if checkpoint.is_encoder_decoder else "causal"
        if found != settings.architecture:
            raise PlanError(f"this model is {found}, not {settings.architecture}", fix=f"architecture: {found}")
    if task is TextEmbedding:
        _check_sentences(settings.architecture, read_sentences(checkpoint.folder))


def _check_labels(labels: object, checkpoint: Checkpoint) -> None:
    config = checkpoint.config
    count = len(config.inside("id2label")) or config.number("num_labels") or 2
    if isinstance(labels, list) and len(labels) != count:
        raise PlanError(f"labels names {len(labels)} classes, but the model has {count}")


def _check_sentences(architecture: str, said: Sentences | None) -> None:
    if architecture == "sbert" and said is None:
        raise PlanError("architecture: sbert needs a model saved by sentence-transformers: there is no modules.json")
    if said is not None and (wrong := no_encoder(said) if architecture == "bert" else flaw(said)):
        raise wrong


def _unfit(settings: Any, checkpoint: Checkpoint, call: Mapping[str, Any]) -> Iterator[tuple[str, PlanError]]:
    """What a call of an embedder asks that its sentence-transformers files have not; and what they lack of a call."""
    said = read_sentences(checkpoint.folder) if settings.architecture != "bert" else None
    if said and (lacking := said.lacks_pooling) and call.get("pooling", "auto") == "auto":
        error = PlanError(
            f"{NO_POOLING}{shown(lacking.path)} has no config.json", fix=f"{AGAIN}, or say how: pooling: mean"
        )
        yield "pooling", error
    try:
        prompt(said, call.get("prompt_name"))
    except InputError as error:
        yield "prompt_name", PlanError(error.problems)
