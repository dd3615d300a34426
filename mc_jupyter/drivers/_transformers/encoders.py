"""The encoder of a model that has a decoder too: what of it is read, and what gives a text's token vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import PlanError
from mc_jupyter.faults import said_as

if TYPE_CHECKING:
    import torch

    from mc_jupyter.weights import Checkpoint

# transformers' classes that are the encoder alone, and read no decoder.
_ALONE = {
    "t5": "T5EncoderModel",
    "mt5": "MT5EncoderModel",
    "umt5": "UMT5EncoderModel",
    "longt5": "LongT5EncoderModel",
    "switch_transformers": "SwitchTransformersEncoderModel",
}
# Their decoder reads the text itself where it is given nothing. sentence-transformers (6.2) takes its vectors, so that
# those are what a model that it saved was trained with.
_READ_BY_DECODER = ("bart", "mbart", "led", "plbart", "mvp", "bigbird_pegasus")


def encoder_class(checkpoint: Checkpoint) -> str:
    """transformers' class for an embedder of these files."""
    return _ALONE.get(checkpoint.model_type or "", "AutoModel")


def without_decoder(model: Any, folder: Path) -> None:
    """Let go of a decoder that no text's vector comes from. The encoder keeps its name, by which adapters find it."""
    if not _has_decoder(model) or ((folder / "modules.json").exists() and _is_read_by_decoder(model)):
        return
    if "decoder" in dict(model.named_children()):
        del model.decoder


def check_gives_tokens(model: Any, device: Any, subject: str) -> None:
    """PlanError for a model that gives no vectors of a text's tokens: one that sees or hears, or sums up by itself."""
    import torch

    some = {name: torch.ones(1, 8, dtype=torch.long, device=device) for name in ("input_ids", "attention_mask")}
    kind = type(model).__name__
    with torch.inference_mode(), said_as(PlanError, f"{subject} ({kind}) gives no vectors of a text's tokens"):
        encoded(model, some, as_saved=False)


def encoded(model: Any, inputs: dict[str, torch.Tensor], *, as_saved: bool) -> dict[str, Any]:
    """`token_embeddings`, and where the config asks for them `all_layer_embeddings`, of a batch.

    `as_saved` is for a model whose sentence-transformers files are followed.
    """
    whole = not _has_decoder(model) or (as_saved and _is_read_by_decoder(model))
    found = (model if whole else model.get_encoder())(**inputs)
    layers = getattr(found, "hidden_states", None)
    return {"token_embeddings": found.last_hidden_state, **({"all_layer_embeddings": layers} if layers else {})}


def _has_decoder(model: Any) -> bool:
    return bool(model.config.is_encoder_decoder)


def _is_read_by_decoder(model: Any) -> bool:
    return model.config.model_type in _READ_BY_DECODER
