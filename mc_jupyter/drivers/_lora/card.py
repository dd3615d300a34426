"""What an adapter says of itself (adapter_config.json), held against what can be laid on exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mc_jupyter.drivers._lora.patterns import Exact, Patterns
from mc_jupyter.errors import PlanError, WeightsError
from mc_jupyter.weights.reading import read_config, shown
from mc_jupyter.words import listing

if TYPE_CHECKING:
    import torch

    from mc_jupyter.weights import Checkpoint

# What adapter_config.json may say so that the sum is exact. These decide the matrices and where they go:
APPLIED = (
    "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "target_modules", "exclude_modules",
    "layers_to_transform", "layers_pattern", "fan_in_fan_out", "lora_bias",
)  # fmt: skip
# … these say that the files give other parameters whole …
_WHOLE = ("bias", "modules_to_save")
# … and these say where it comes from, mattered in training only, or detail an option that is off.
_WITHOUT_EFFECT = (
    "peft_type", "peft_version", "task_type", "base_model_name_or_path", "revision", "auto_mapping", "inference_mode",
    "lora_dropout", "init_lora_weights", "loftq_config", "eva_config", "corda_config", "lora_ga_config",
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
                fix=_IN_PYTHON if kind.upper() in _UNMERGED else _MERGE,
            )
        beyond = {key: v for key, v in self.config.items() if v and key not in (*APPLIED, *_WHOLE, *_WITHOUT_EFFECT)}
        if (begun := self.config.get("init_lora_weights")) not in _BEGINNINGS:
            beyond["init_lora_weights"] = begun
        if beyond:
            said = listing([f"{shown(key)}: {shown(value)}" for key, value in beyond.items()], "and")
            raise PlanError(
                f"adapter {self.name} is more than LoRA matrices ({said}), so that no weighted sum of it is exact",
                fix=_MERGE,
            )

    @classmethod
    def exact(cls, name: str, ranks: Mapping[str, int], alphas: Mapping[str, float], bias: bool) -> Card:
        """A card that names every layer with its rank and alpha, so that nothing depends on patterns."""
        some = {"r": 1, "lora_alpha": 1, "rank_pattern": Exact(ranks), "alpha_pattern": Exact(alphas)}
        return cls(name, {**some, "target_modules": list(ranks), "lora_bias": bias})

    def alpha(self, layer: str, rank: int, patterns: Patterns) -> float:
        """What, over the rank, a layer's product was multiplied by in training; the rank where nothing is said."""
        of_some = self.config.get("alpha_pattern") or {}
        meant = patterns.meant("alpha_pattern", of_some, layer)
        said = self.config.get("lora_alpha", rank) if meant is None else of_some[meant]
        return float(said) * (rank**0.5 if self.config.get("use_rslora") else 1)

    def saved(self, paths: Iterable[str]) -> list[str]:
        """Those of a model's modules that the adapter brings whole, with what is in them."""
        said = self.config.get("modules_to_save") or ()
        names = [said] if isinstance(said, str) else said
        roots = [words for name in names if (words := str(name).split("."))]
        return [path for path in paths if any(_within(path.split("."), root) for root in roots)]

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

    def no_place(self, names: Sequence[str], total: int, kind: str) -> PlanError:
        """The error for layers and parameters, of `total` that it changes, which a model of this kind has not."""
        first = shown(min(names), 120)
        if len(names) == total:
            said = f"is not for this model: none of the {total} layers that it changes is one of this {kind}"
        else:
            said = f"does not fit: {len(names)} of the {total} layers that it changes are not in this {kind}"
        return PlanError(f"adapter {self.name} {said}, first {first}", fix=self._other_base)

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

# Kinds that put something before a text, or beside a layer: PEFT cannot merge them into weights.
_UNMERGED = (
    "PROMPT_TUNING", "MULTITASK_PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "CPT", "ADAPTION_PROMPT", "CARTRIDGE",
)  # fmt: skip
_IN_PYTHON = "it cannot be merged either: use peft.PeftModel.from_pretrained in Python"


def _few(words: Iterable[str] | str) -> str:
    found = [words] if isinstance(words, str) else sorted(words)
    return f"{', '.join(found[:12])}{' …' if len(found) > 12 else ''}"


def _size(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _within(path: list[str], root: list[str]) -> bool:
    """Whether a path, word by word, leads into or through what is called `root`."""
    return any(path[i : i + len(root)] == root for i in range(len(path)))
