"""What an adapter says of itself (adapter_config.json), held against what can be laid on exactly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import PlanError, WeightsError
from mc_jupyter.faults import said_as
from mc_jupyter.weights.reading import read_config, shown
from mc_jupyter.weights.unsafe import contents
from mc_jupyter.words import listing

if TYPE_CHECKING:
    import torch

    from mc_jupyter.weights import Checkpoint

PREFIX = "base_model.model."  # before every name in PEFT's files
PART = re.compile(r"(?P<module>.+)\.lora_(?:(?P<side>[AB])\.weight|embedding_(?P<table>[AB]))$")

# What adapter_config.json may say so that the sum is exact. These decide the matrices and where they go:
APPLIED = (
    "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "target_modules", "exclude_modules",
    "layers_to_transform", "layers_pattern", "fan_in_fan_out",
)  # fmt: skip
# … and these say where it comes from, mattered in training only, or detail an option that is off.
_WITHOUT_EFFECT = (
    "peft_type", "peft_version", "task_type", "base_model_name_or_path", "revision", "auto_mapping", "inference_mode",
    "lora_dropout", "bias", "init_lora_weights", "loftq_config", "eva_config", "corda_config", "lora_ga_config",
    "megatron_core", "qalora_group_size", "runtime_config",
)  # fmt: skip
# Ways to begin training that leave the base as it is. After the others (PiSSA, OLoRA, CorDA, LoftQ, LoRA-GA) the
# matrices belong to a base that was changed as well.
_BEGINNINGS = (True, False, None, "gaussian", "eva", "orthogonal")
_RANK = 256  # the default may be larger than every rank that is used, but not by much


@dataclass(frozen=True, slots=True)
class Card:
    """What an adapter says of itself (adapter_config.json), and what its user calls it."""

    name: str
    config: Mapping[str, Any]

    @classmethod
    def read(cls, adapter: Checkpoint, name: str) -> Card:
        """An error unless it is there and describes plain LoRA."""
        file = adapter.folder / "adapter_config.json"
        if not file.is_file():
            raise WeightsError(
                f"adapter {name}: {adapter.folder} has no adapter_config.json",
                fix="name the folder or repository that PEFT saved the adapter in (`save_pretrained`)",
            )
        card = cls(name, read_config(file))
        card.check_plain()
        return card

    def check_plain(self) -> None:
        if (kind := str(self.config.get("peft_type") or "unknown")).upper() != "LORA":
            raise PlanError(
                f"adapter {self.name} is of the kind {shown(kind)} (peft_type); only LORA is laid over a model",
                fix=_MERGE,
            )
        beyond = {key: v for key, v in self.config.items() if v and key not in (*APPLIED, *_WITHOUT_EFFECT)}
        if (bias := self.config.get("bias")) not in ("none", None):
            beyond["bias"] = bias
        if (begun := self.config.get("init_lora_weights")) not in _BEGINNINGS:
            beyond["init_lora_weights"] = begun
        if beyond:
            said = listing([f"{shown(key)}: {shown(value)}" for key, value in beyond.items()], "and")
            raise PlanError(
                f"adapter {self.name} is more than LoRA matrices ({said}), so that no weighted sum of it is exact",
                fix=_MERGE,
            )

    def check_names(self, keys: Iterable[str]) -> None:
        """PlanError when the file holds more than LoRA matrices."""
        foreign = sorted(key for key in keys if not PART.match(key))
        if foreign:
            raise PlanError(
                f"adapter {self.name} holds {len(foreign)} tensors beside its LoRA matrices, first {foreign[0]}",
                fix="if that is an unchanged embedding, save the adapter with "
                "`save_pretrained(folder, save_embedding_layers=False)`; if it was trained, merge it into its base",
            )

    def check_ranks(self, weights: Mapping[str, torch.Tensor]) -> None:
        """PlanError for a rank so far beyond those of the matrices that PEFT would fill memory with it first."""
        most = max((tensor.shape[0] for key, tensor in weights.items() if "_A" in key and tensor.dim()), default=0)
        for rank in (self.config.get("r"), *dict(self.config.get("rank_pattern") or {}).values()):
            if isinstance(rank, int | float) and rank > max(most, _RANK):
                raise PlanError(
                    f"adapter {self.name} says rank {rank}, and the largest of its matrices is {most}",
                    fix="fetch it again",
                )

    def no_module(self, wanted: Iterable[str], here: Iterable[str]) -> PlanError:
        return PlanError(
            f"adapter {self.name} changes {_few(wanted)}, and this model has no such modules: its are {_few(here)}",
            fix=self._other_base,
        )

    def inexact(self, module: str) -> PlanError:
        return PlanError(f"adapter {self.name} changes {module}: no weighted sum of that is exact here", fix=_MERGE)

    def other_size(self, module: str, wanted: tuple[int, ...], found: tuple[int, ...]) -> PlanError:
        return PlanError(
            f"adapter {self.name} is for a model of another size: at {module} it fits {_size(wanted)}, "
            f"this model has {_size(found)}",
            fix=self._other_base,
        )

    def other_modules(self, missing: Set[str], unexpected: Set[str]) -> PlanError:
        """The error for weights that are not exactly those of the layers that the adapter's config chooses here."""
        said = []
        if unexpected:
            said.append(f"{len(unexpected)} of its tensors have no place in this model, first {min(unexpected)}")
        if missing:
            said.append(f"{len(missing)} that this model has a place for are not in its files, first {min(missing)}")
        return PlanError(f"adapter {self.name} does not fit: {listing(said, 'and')}", fix=self._other_base)

    @property
    def _other_base(self) -> str:
        base = self.config.get("base_model_name_or_path")
        return f"it was trained on {shown(base)}: use that as `model:`" if base else "use the model it was trained on"


_MERGE = "merge it into its base with PEFT (`merge_and_unload`), save that, and use it as `model:`"


def _few(words: Iterable[str] | str) -> str:
    found = [words] if isinstance(words, str) else sorted(words)
    return f"{', '.join(found[:12])}{' …' if len(found) > 12 else ''}"


def _size(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def read_weights(checkpoint: Checkpoint, card: Card) -> dict[str, torch.Tensor]:
    """Every tensor by the name that it has in a model."""
    found: dict[str, torch.Tensor] = {}
    with said_as(WeightsError, f"adapter {card.name} cannot be read"):
        for file in checkpoint.files:
            found |= contents(file)
    card.check_names(found)
    return {key.removeprefix(PREFIX): tensor for key, tensor in found.items()}
