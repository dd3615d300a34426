"""What an adapter's files hold, by layer, whichever program wrote them: PEFT, diffusers, kohya, ComfyUI, OneTrainer.

Every tensor of a file gets one place here, or is refused by the kind of adapter that it belongs to. Only names are
read: the same is asked of a header and of what was loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from mc_jupyter.errors import PlanError, WeightsError
from mc_jupyter.weights.reading import shown

T = TypeVar("T")
Role = Literal["down", "up", "mid", "bias", "alpha"]
"""What a tensor is to its layer: `up @ down` is added, `mid` stands between them (a convolution's three), `bias` is
added to the product, and all of it is multiplied by `alpha` / rank."""

_SIDES: Mapping[str, Role] = {"A": "down", "down": "down", "B": "up", "up": "up", "mid": "mid"}
_MATRICES = (
    re.compile(r"(.+)\.lora_(A|B|down|up|mid)(?:\.[^.]+)?\.weight"),  # PEFT, of one adapter or by its name; kohya
    re.compile(r"(.+)\.lora_(A|B|down|up)"),
    re.compile(r"(.+?)(?:\.processor)?\.(?:lora|lora_linear_layer)\.(down|up)\.weight"),  # diffusers before PEFT
    re.compile(r"(.+?)_lora\.(down|up)\.weight"),  # diffusers' first: …attn1.processor.to_q_lora
    re.compile(r"(.+_lora\d)\.(down|up)\.weight"),  # XLabs' …processor.qkv_lora1
)
_TABLE = re.compile(r"(.+)\.lora_embedding_(A|B)(?:\.[^.]+)?")
_BIAS = re.compile(r"(.+)\.lora_(?:B|up)(?:\.[^.]+)?\.bias")
_SIDE_OF_ALPHA = re.compile(r"(?:\.lora_(?:A|B|down|up)|(?:\.|_)lora(?:_linear_layer)?\.(?:down|up))(?:\.weight)?$")
_CHANGES: Mapping[str, tuple[str, bool]] = {  # ComfyUI's and LyCORIS's words: the parameter, and whether it is whole
    "diff": ("weight", False), "w_norm": ("weight", False), "diff_b": ("bias", False), "b_norm": ("bias", False),
    "set_weight": ("weight", True),
}  # fmt: skip
_PARAMETERS = ("weight", "bias", "scale")
_OTHER_KINDS = (
    ("DoRA", re.compile(r"dora_scale|lora_magnitude_vector|\.magnitude\b")),
    ("LoHa", re.compile(r"hada_")),
    ("LoKr", re.compile(r"lokr_")),
    ("OFT", re.compile(r"oft_(?:blocks|diag|R|r|S|s)\b")),
    ("GLoRA", re.compile(r"\.[ab][12]\.weight$")),
    ("IA³", re.compile(r"\.on_input$|ia3_l")),
    ("VeRA", re.compile(r"vera_(?:A|B|lambda)")),
    ("DyLoRA, or a LoRA over resized weights,", re.compile(r"\.reshape_weight$")),
    ("trained single tokens", re.compile(r"trainable_tokens")),
)
_NO_ADAPTERS = (
    ("a textual inversion", re.compile(r"(?:clip_[lg]|t5xxl|emb_params|string_to_param)(?:\.\*)?$")),
    ("an IP-Adapter", re.compile(r"(?:image_proj|ip_adapter)\.")),
    ("made for a ControlNet", re.compile(r"lora_controlnet$|(?:control_model\.|controlnet_)?input_hint_block\.")),
    ("a ControlNet", re.compile(r"(?:control_model|controlnet_(?:\w*blocks?|cond_embedding|x_embedder))\.")),
)
_AROUND = re.compile(r"^(?:base_model\.model\.|module\.)+|(?<![^.])(?:_orig_mod|_fsdp_wrapped_module)\.")
_ASIDE = re.compile(r"bundle_emb\.(.+)\.\w+")  # OneTrainer's: words that were trained along


@dataclass(frozen=True, slots=True)
class Change:
    """A weight, bias or norm that an adapter gives beside matrices: as it is to be (`whole`), or what is added."""

    key: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Entries:
    """The keys of a file's tensors: of each layer by role, of each parameter by its name, and those for nothing here.

    Layers and parameters have the file's own names. `tables` are layers whose matrices are an embedding's, turned.
    """

    layers: Mapping[str, Mapping[Role, str]]
    changes: Mapping[str, Change]
    tables: frozenset[str]
    words: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many layers and parameters it changes."""
        return len(self.layers) + len(self.changes)


def bare(name: str) -> str:
    """A tensor's name without what PEFT, compiling and training on several GPUs put around a model."""
    return _AROUND.sub("", name)


def by_name(tensors: Iterable[tuple[str, T]], adapter: str) -> dict[str, T]:
    """An adapter's tensors, or what is known of each, by bare name. WeightsError for one that is there twice."""
    found: dict[str, T] = {}
    for key, tensor in tensors:
        if (name := bare(key)) in found:
            raise WeightsError(f"adapter {adapter} has {shown(name, 120)} twice", fix="fetch it again")
        found[name] = tensor
    return found


def entries(keys: Iterable[str], name: str) -> Entries:
    """PlanError for an adapter of another kind; WeightsError for a file that has half of a layer, or one twice."""
    reader = _Reader(name)
    for key in sorted(keys):
        reader.read(key)
    return reader.found()


class _Reader:
    def __init__(self, name: str):
        self.name = name
        self.layers: dict[str, dict[Role, str]] = {}
        self.changes: dict[str, Change] = {}
        self.tables: set[str] = set()
        self.words: set[str] = set()

    def read(self, key: str) -> None:
        for kind, pattern in _OTHER_KINDS:
            if pattern.search(key):
                raise PlanError(
                    f"adapter {self.name} is {kind} ({shown(key)}), and only plain LoRA is laid over a model",
                    fix="merge it into its base with the program that made it, and use that as `model:`",
                )
        if aside := _ASIDE.fullmatch(key):
            self.words.add(aside[1])
        elif not self._matrix(key):
            self._change(key)

    def _matrix(self, key: str) -> bool:
        for pattern in (*_MATRICES, _TABLE):
            if found := pattern.fullmatch(key):
                if pattern is _TABLE:
                    self.tables.add(found[1])
                self._put(found[1], _SIDES[found[2]], key)
                return True
        if found := _BIAS.fullmatch(key):
            self._put(found[1], "bias", key)
        elif key.endswith(".alpha"):
            self._put(_SIDE_OF_ALPHA.sub("", key.removesuffix(".alpha")), "alpha", key)
        else:
            return False
        return True

    def _put(self, layer: str, role: Role, key: str) -> None:
        held = self.layers.setdefault(layer, {})
        if role in held:
            both = f"{shown(held[role])} and {shown(key)}"
            raise WeightsError(
                f"adapter {self.name} has two matrices of one kind for {shown(layer)}: {both}",
                fix="it holds several adapters: save each in its own file",
            )
        held[role] = key

    def _change(self, key: str) -> None:
        layer, _, word = key.rpartition(".")
        if word not in _CHANGES:  # the parameter itself
            self.changes[key] = Change(key, whole=True)
            return
        parameter, whole = _CHANGES[word]
        named = layer if layer.rpartition(".")[2] in _PARAMETERS else f"{layer}.{parameter}"
        self.changes[named] = Change(key, whole)

    def found(self) -> Entries:
        idle = [roles.pop("alpha") for roles in self.layers.values() if roles.keys() == {"alpha"}]
        layers = {layer: roles for layer, roles in self.layers.items() if roles}
        if not layers:
            self._refuse_no_adapter()
        for layer, roles in layers.items():
            if lacks := {"down", "up"} - roles.keys():
                raise WeightsError(
                    f"adapter {self.name} is not whole: {shown(layer)} has no {min(lacks)} matrix", fix="fetch it again"
                )
        return Entries(
            layers, self.changes, frozenset(self.tables & layers.keys()), tuple(sorted(self.words)), tuple(idle)
        )

    def _refuse_no_adapter(self) -> None:
        """PlanError for a file without matrices that is of something else."""
        for kind, pattern in _NO_ADAPTERS:
            if key := next(filter(pattern.match, sorted(self.changes)), None):
                raise PlanError(
                    f"adapter {self.name} is {kind} ({shown(key)}), and no LoRA: it is not laid over a model",
                    fix="remove it from peft_adapters:",
                )
