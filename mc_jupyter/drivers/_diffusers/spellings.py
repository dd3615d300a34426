"""The layers of a pipeline by every name that programs give them: diffusers' own, the original's, kohya's flat ones.

A table is made from the model that is there, so that whatever name a file uses, and however it mixes them, each is
looked up; nothing is guessed from the names of a file alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mc_jupyter.drivers._diffusers.architectures import Architecture
from mc_jupyter.drivers._lora.entries import bare

Shape = tuple[int, ...]

_DENOISER = re.compile(
    r"(?:lora_unet__?|lora_transformer_|lycoris_|(?:model\.)?diffusion_model\.|unet\.(?:unet\.)?|transformer\.|model\.)"
)
_FIRST = re.compile(
    r"(?:lora_te1?_|text_encoder(?:_1)?\.|(?:text_encoders\.)?clip_l\.(?:transformer\.)?|"
    r"conditioner\.embedders\.0\.transformer\.)"
)
_SECOND = re.compile(
    r"(?:lora_te[23]_|text_encoder_[23]\.|(?:text_encoders\.)?(?:clip_g|t5xxl|t5|mt5)\.(?:transformer\.)?)"
)
_PARTS = (("text_encoder", _FIRST), ("text_encoder_2", _SECOND))


_SECOND_OR_THIRD = re.compile(r"(?<=_norm)[23]$")
"""HunyuanDiT's norms that diffusers (0.42) has the other way round: its second is the original's third."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a name means: one layer, or several that the file holds as one, their rows one after the other.

    `flipped`: the two halves of the rows have changed places (a shift and a scale).
    """

    paths: tuple[str, ...]
    flipped: bool = False


class Spellings:
    """Every name of the layers of one pipeline, whose parameters have these shapes: (), of those not known."""

    def __init__(self, kind: Architecture, shapes: Mapping[str, Shape]):
        self.kind = kind
        self.shapes = shapes
        self._of: dict[str, dict[str, Target]] = {part: {} for part in kind.lora}
        self._own: set[str] = set()  # of the denoiser, by diffusers' names
        inside: dict[str, set[str]] = {part: set() for part in kind.lora}
        for parameter in shapes:
            part, _, path = parameter.rpartition(".")[0].partition(".")
            if part in inside and path:
                inside[part].add(path)
        for part, paths in inside.items():
            named = _of_denoiser(kind.word, paths) if part == kind.denoiser else _of_encoder(paths)
            if part == kind.denoiser:
                self._own |= {_flat(each) for path in paths for each in (path, path.removesuffix(".0"))}
            for name, target in named:
                found = Target(tuple(f"{part}.{path}" for path in target.paths), target.flipped)
                self._of[part].setdefault(_flat(name), found)

    def is_swapped(self, name: str) -> bool:
        """Whether diffusers and the original have this name for two things."""
        part, inside = self.split(name)
        of_denoiser = self.kind.word == "hunyuan" and part in (None, self.kind.denoiser)
        return of_denoiser and _SECOND_OR_THIRD.search(_flat(inside)) is not None

    def original(self, names: Iterable[str]) -> bool | None:
        """Whether a file's names are the original's, and not diffusers'; None where they are of both, or of neither."""
        said = (self.split(name) for name in names if not self.is_swapped(name))
        inside = {_flat(each) for part, each in said if part in (None, self.kind.denoiser)}
        found = {name not in self._own for name in inside if name in self._of[self.kind.denoiser]}
        return found.pop() if len(found) == 1 else None

    def find(self, name: str, within: str | None = None, *, original: bool = False) -> list[Target]:
        """What a name may mean: several things only where it does not say which text encoder it is about.

        `original` says that one for two things (`is_swapped`) is not diffusers'.
        """
        part, inside = self.split(name)
        said = part or within
        parts = [said] if said else list(self.kind.lora)
        flat = _flat(inside).removeprefix("text_model_")
        if original and self.is_swapped(name):
            flat = _SECOND_OR_THIRD.sub(lambda number: "3" if number[0] == "2" else "2", flat)
        return [self._of[each][flat] for each in parts if flat in self._of.get(each, {})]

    def split(self, name: str) -> tuple[str | None, str]:
        """The part that a name says it is about, None where it does not, and its name in there."""
        name = bare(name).replace(".processor.", ".")  # diffusers' first files, and XLabs'
        for part, prefix in ((self.kind.denoiser, _DENOISER), *_PARTS):
            if found := prefix.match(name):
                return part, bare(name[found.end() :])
        return None, name

    def shape(self, path: str, parameter: str = "weight") -> Shape | None:
        return self.shapes.get(f"{path}.{parameter}")


def _flat(name: str) -> str:
    return name.replace(".", "_")


# --- denoisers --------------------------------------------------------------------------------------------------------


def _of_denoiser(word: str, paths: set[str]) -> Iterator[tuple[str, Target]]:
    """Names and what they mean, diffusers' own first."""
    for path in paths:
        yield path, Target((path,))
        if path.endswith(".to_out.0"):
            yield path.removesuffix(".0"), Target((path,))
    if word == "sdxl":
        yield from _of_unet(paths)
    else:
        yield from _of_transformer(_TRANSFORMERS[word], paths)


_Layers = Mapping[str, tuple[str, ...]]
_FLUX: tuple[tuple[str, str, _Layers], ...] = (
    (
        "double_blocks", "transformer_blocks",
        {
            "img_attn.qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
            "txt_attn.qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
            "qkv_lora1": ("attn.to_q", "attn.to_k", "attn.to_v"),
            "qkv_lora2": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
            "img_attn.proj": ("attn.to_out.0",), "txt_attn.proj": ("attn.to_add_out",),
            "proj_lora1": ("attn.to_out.0",), "proj_lora2": ("attn.to_add_out",),
            "img_attn.norm.query_norm": ("attn.norm_q",), "img_attn.norm.key_norm": ("attn.norm_k",),
            "txt_attn.norm.query_norm": ("attn.norm_added_q",), "txt_attn.norm.key_norm": ("attn.norm_added_k",),
            "img_mlp.0": ("ff.net.0.proj",), "img_mlp.2": ("ff.net.2",),
            "txt_mlp.0": ("ff_context.net.0.proj",), "txt_mlp.2": ("ff_context.net.2",),
            "img_mod.lin": ("norm1.linear",), "txt_mod.lin": ("norm1_context.linear",),
        },
    ),
    (
        "single_blocks", "single_transformer_blocks",
        {
            "linear1": ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"), "linear2": ("proj_out",),
            "qkv": ("attn.to_q", "attn.to_k", "attn.to_v"), "proj": ("proj_out",),
            "norm.query_norm": ("attn.norm_q",), "norm.key_norm": ("attn.norm_k",), "modulation.lin": ("norm.linear",),
        },
    ),
    (  # diffusers' own, once it holds them as one (`fuse_qkv_projections`)
        "transformer_blocks", "transformer_blocks",
        {
            "attn.to_qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
            "attn.to_added_qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
        },
    ),
    (
        "single_transformer_blocks", "single_transformer_blocks",
        {"attn.to_qkv": ("attn.to_q", "attn.to_k", "attn.to_v")},
    ),
    (
        "", "",
        {
            "img_in": ("x_embedder",), "img_in.proj": ("x_embedder",), "txt_in": ("context_embedder",),
            **{
                f"{theirs}.{side}_layer": (f"time_text_embed.{ours}.linear_{n}",)
                for theirs, ours in (("time_in", "timestep_embedder"), ("vector_in", "text_embedder"),
                                     ("guidance_in", "guidance_embedder"))
                for n, side in ((1, "in"), (2, "out"))
            },
            "final_layer.linear": ("proj_out",), "final_layer.adaLN_modulation.1": ("norm_out.linear",),
        },
    ),
)  # fmt: skip
_HUNYUAN: tuple[tuple[str, str, _Layers], ...] = (
    (
        "blocks", "blocks",
        {
            "attn1.Wqkv": ("attn1.to_q", "attn1.to_k", "attn1.to_v"), "attn1.out_proj": ("attn1.to_out.0",),
            "attn1.q_norm": ("attn1.norm_q",), "attn1.k_norm": ("attn1.norm_k",),
            "attn2.q_proj": ("attn2.to_q",), "attn2.kv_proj": ("attn2.to_k", "attn2.to_v"),
            "attn2.out_proj": ("attn2.to_out.0",), "attn2.q_norm": ("attn2.norm_q",), "attn2.k_norm": ("attn2.norm_k",),
            "mlp.fc1": ("ff.net.0.proj",), "mlp.fc2": ("ff.net.2",), "default_modulation.1": ("norm1.linear",),
            "norm1": ("norm1.norm",),
        },
    ),
    (
        "", "",
        {
            "x_embedder.proj": ("pos_embed.proj",), "mlp_t5.0": ("text_embedder.linear_1",),
            "mlp_t5.2": ("text_embedder.linear_2",), "t_embedder.mlp.0": ("time_extra_emb.timestep_embedder.linear_1",),
            "t_embedder.mlp.2": ("time_extra_emb.timestep_embedder.linear_2",),
            "extra_embedder.0": ("time_extra_emb.extra_embedder.linear_1",),
            "extra_embedder.2": ("time_extra_emb.extra_embedder.linear_2",),
            **{f"pooler.{x}_proj": (f"time_extra_emb.pooler.{x}_proj",) for x in "qkvc"},
            "style_embedder": ("time_extra_emb.style_embedder",),
            "final_layer.linear": ("proj_out",), "final_layer.adaLN_modulation.1": ("norm_out.linear",),
        },
    ),
)  # fmt: skip
_TRANSFORMERS = {"flux": _FLUX, "hunyuan": _HUNYUAN}


def _of_transformer(layout: tuple[tuple[str, str, _Layers], ...], paths: set[str]) -> Iterator[tuple[str, Target]]:
    """The original's names; where it holds as one what diffusers holds apart, all of these."""
    for theirs, ours, layers in layout:
        for number in _numbers_of(ours, paths):
            for name, inside in layers.items():
                wanted = tuple(f"{ours}{number}{path}" for path in inside)
                if not paths.issuperset(wanted):
                    continue
                yield f"{theirs}{number}{name}", Target(wanted, flipped="adaLN" in name)
                if len(wanted) > 1:  # OneTrainer numbers them
                    yield from ((f"{theirs}{number}{name}.{n}", Target((path,))) for n, path in enumerate(wanted))


def _numbers_of(blocks: str, paths: set[str]) -> set[str]:
    """`.0.`, `.1.` …, of the blocks that are there; of what stands in no block nothing."""
    if not blocks:
        return {""}
    return {found[1] for path in paths if (found := re.match(rf"{blocks}(\.\d+\.)", path))}


_RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
    "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
}  # fmt: skip
_AROUND = {
    "conv_in": "input_blocks.0.0", "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0", "conv_out": "out.2",
}  # fmt: skip


def _of_unet(paths: set[str]) -> Iterator[tuple[str, Target]]:
    """The original's names: it counts the blocks through, over all sizes."""
    blocks = dict(_counted(paths))
    for path in paths:
        if path in _AROUND:
            yield _AROUND[path], Target((path,))
        words = path.split(".")
        depth = 3 if words[0] == "mid_block" else 4
        block, inside = ".".join(words[:depth]), ".".join(words[depth:])
        if block not in blocks:
            continue
        if ".resnets." in block:
            inside = _RESNET.get(inside, inside)
        elif ".downsamplers." in block:
            inside = inside.replace("conv", "op")
        yield f"{blocks[block]}.{inside}", Target((path,))


def _counted(paths: set[str]) -> Iterator[tuple[str, str]]:
    """Each block of diffusers' and what the original calls it."""
    there = {".".join(path.split(".")[:4]) for path in paths}
    yield from (("mid_block.resnets.0", "middle_block.0"), ("mid_block.attentions.0", "middle_block.1"))
    yield "mid_block.resnets.1", "middle_block.2"
    for ours, theirs, first in (("down_blocks", "input_blocks", 1), ("up_blocks", "output_blocks", 0)):
        at = first
        for block in sorted({int(each.split(".")[1]) for each in there if each.startswith(ours)}):
            resnet = 0
            while f"{ours}.{block}.resnets.{resnet}" in there:
                attention = f"{ours}.{block}.attentions.{resnet}"
                yield f"{ours}.{block}.resnets.{resnet}", f"{theirs}.{at}.0"
                yield attention, f"{theirs}.{at}.1"
                at, resnet = at + 1, resnet + 1
            if f"{ours}.{block}.downsamplers.0" in there:
                yield f"{ours}.{block}.downsamplers.0", f"{theirs}.{at}.0"
                at += 1
            last = 2 if f"{ours}.{block}.attentions.0" in there else 1
            yield f"{ours}.{block}.upsamplers.0", f"{theirs}.{at - 1}.{last}"


# --- text encoders ----------------------------------------------------------------------------------------------------

_FIRST_WORDS = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "out_proj": "to_out"}
"""What diffusers called a CLIP's layers in its first files."""


def _of_encoder(paths: set[str]) -> Iterator[tuple[str, Target]]:
    """Without `text_model.`, which some classes of transformers 5 have before the names and others do not."""
    for path in paths:
        name = path.removeprefix("text_model.")
        yield name, Target((path,))
        block, _, last = name.rpartition(".")
        if block.endswith("self_attn") and last in _FIRST_WORDS:
            yield f"{block}.{_FIRST_WORDS[last]}", Target((path,))
