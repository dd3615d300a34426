"""Files of adapters for pictures, as the programs that train them write them: what goes in is laid, or said.

Every layer of the pipeline answers as it does with the product added to its weight by hand: those that a file changes,
and those that it does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

import mc_jupyter as mc
from mc_jupyter.drivers import AdapterFacts, AdapterKey
from mc_jupyter.drivers._diffusers import loading
from mc_jupyter.drivers._diffusers.adapters import PipelineAdapters, check_adapter
from mc_jupyter.drivers._diffusers.architectures import architecture_of
from mc_jupyter.errors import ComposeError, PlanError, WeightsError
from mc_jupyter.events import Note, Run
from tests import adapters, pipelines
from tests.conftest import cell

pytestmark = pytest.mark.slow

DOUBLE, SINGLE = "transformer.transformer_blocks.0", "transformer.single_transformer_blocks.0"
QKV = tuple(f"{DOUBLE}.attn.to_{x}" for x in "qkv")
T5 = "text_encoder_2.encoder.block.1.layer.0.SelfAttention.q"
CLIP = "text_encoder.encoder.layers.0.self_attn"
OTHER_CLIP = "text_encoder_2.text_model.encoder.layers.1"
IN_UNET = "unet.down_blocks.1.attentions.0.transformer_blocks.0"


@dataclass
class Bench:
    """A small pipeline, what is laid over it, and what its layers answer."""

    folder: Path
    whole: Any
    on: PipelineAdapters
    modules: dict[str, Any]

    def answers(self) -> dict[str, torch.Tensor]:
        """What each layer makes of the same numbers."""
        now = dict(self.whole.named_modules())
        with torch.no_grad():
            return {path: now[path](_something(module)) for path, module in self.modules.items()}

    def lay(self, state: Mapping[str, torch.Tensor], folder: Path, weight: float = 1) -> AdapterFacts:
        from safetensors.torch import save_file

        folder.mkdir(exist_ok=True)
        save_file({key: tensor.contiguous() for key, tensor in state.items()}, folder / "lora.safetensors")
        return self.lay_folder(folder, weight)

    def lay_folder(self, folder: Path, weight: float = 1) -> AdapterFacts:
        """Held against the base first, as a plan does."""
        files, key = adapters.checkpoint(folder), AdapterKey((), "float32", name="mine")
        check_adapter(adapters.base(self.folder), files, "mine")
        self.on.attach(key, files)
        self.on.use({key: weight})
        return self.on.facts()[key]

    def refused(self, state: Mapping[str, torch.Tensor], folder: Path) -> ComposeError:
        """What is said, from the headers alone as when it is laid on; nothing is left on the model."""
        with pytest.raises(ComposeError) as planned:
            self.lay(state, folder)
        with pytest.raises(ComposeError) as caught:
            self.on.attach(AdapterKey((), "float32", name="mine"), adapters.checkpoint(folder))
        assert str(planned.value) == str(caught.value)
        assert not self.on.facts()
        return caught.value


def _answers(module: Any) -> bool:
    """Layers that take numbers alone: those with weights, and norms."""
    plain = isinstance(module, torch.nn.Linear | torch.nn.Conv2d | torch.nn.Embedding) or hasattr(module, "eps")
    return plain and getattr(module, "weight", None) is not None


def _something(module: Any) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    if isinstance(module, torch.nn.Embedding):
        return torch.arange(module.num_embeddings)
    if isinstance(module, torch.nn.Conv2d):
        return torch.randn(2, module.in_channels, 5, 5, generator=generator)
    width = module.in_features if isinstance(module, torch.nn.Linear) else len(module.weight)
    return torch.randn(2, width, generator=generator)


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bench]:
    from diffusers import DiffusionPipeline

    made = {}
    for kind in ("sdxl", "flux", "hunyuan"):
        folder = getattr(pipelines, kind)(tmp_path_factory.mktemp(kind))
        with loading.quiet():
            whole = loading.whole(DiffusionPipeline.from_pretrained(folder))
        on = PipelineAdapters(whole, architecture_of(adapters.base(folder)))
        parts = tuple(f"{part}." for part in on.kind.lora)
        layers = {p: m for p, m in whole.named_modules() if _answers(m) and p.startswith(parts)}
        made[kind] = Bench(folder, whole, on, layers)
    return made


@pytest.fixture
def bench(benches: dict[str, Bench], kind: str) -> Iterator[Bench]:
    yield benches[kind]
    for key in list(benches[kind].on.facts()):
        benches[kind].on.detach(key)


@dataclass
class Made:
    """Tensors of a file, and what they add to which weight."""

    state: dict[str, torch.Tensor]
    deltas: dict[str, torch.Tensor]

    def __or__(self, other: Made) -> Made:
        return Made(self.state | other.state, self.deltas | other.deltas)


def pair(
    bench: Bench, name: str, *paths: str, alpha: float | None = None, sides: str = ".lora_down .lora_up",
    rank: int = 4, squares: bool = False, flipped: bool = False, seed: int = 0,
) -> Made:  # fmt: skip
    """One entry of a file over a layer, or over several that the file holds as one."""
    generator = torch.Generator().manual_seed(sum(map(len, paths)) + seed)
    weights = [bench.modules[path].weight for path in paths]
    rows = [len(weight) for weight in weights]
    down = torch.randn(rank, *weights[0].shape[1:], generator=generator) * 0.3
    up = torch.randn(sum(rows), rank, generator=generator) * 0.3
    whole = (up @ down.flatten(1)) * (1 if alpha is None else alpha / rank)
    if flipped:
        whole = torch.cat(whole.chunk(2)[::-1])
    if down.dim() > 2:
        up = up[:, :, None, None]
    if squares:
        down, up = down.reshape(*down.shape[:2], 1, 1), up.reshape(*up.shape[:2], 1, 1)
    first, second = sides.split(" ")
    state = {f"{name}{first}.weight": down, f"{name}{second}.weight": up}
    if alpha is not None:
        state[f"{name}.alpha"] = torch.tensor(alpha)
    parts = zip(paths, weights, whole.split(rows), strict=True)
    return Made(state, {path: part.reshape(weight.shape) for path, weight, part in parts})


def by_hand(bench: Bench, deltas: Mapping[str, torch.Tensor], scale: float = 1) -> dict[str, torch.Tensor]:
    """What the layers answer with this added to their weights (or `PATH.bias`)."""
    places = {path: path if path.endswith((".bias", ".weight")) else f"{path}.weight" for path in deltas}
    held = dict(bench.whole.named_parameters())
    before = {path: held[path].data for path in places.values()}
    for path, delta in deltas.items():
        held[places[path]].data = before[places[path]] + scale * delta
    try:
        return bench.answers()
    finally:
        for path, own in before.items():
            held[path].data = own


def same(found: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> None:
    assert found.keys() == wanted.keys()
    far = {path: float((found[path] - wanted[path]).abs().max()) for path in found}
    assert not {path: value for path, value in far.items() if value > 1e-4}


PEFT = ".lora_A .lora_B"
OLD = ".lora.down .lora.up"
SPELLINGS = [
    # FLUX: kohya
    ("flux", "lora_unet_double_blocks_0_img_attn_qkv", QKV, {"alpha": 2.0}),
    ("flux", "lora_unet_double_blocks_0_txt_attn_proj", (f"{DOUBLE}.attn.to_add_out",), {"alpha": 2.0}),
    ("flux", "lora_unet_double_blocks_0_img_mlp_0", (f"{DOUBLE}.ff.net.0.proj",), {"alpha": 1.0}),
    ("flux", "lora_unet_double_blocks_0_txt_mod_lin", (f"{DOUBLE}.norm1_context.linear",), {"alpha": 1.0}),
    ("flux", "lora_unet_single_blocks_0_linear1",
     tuple(f"{SINGLE}.{x}" for x in ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp")), {"alpha": 1.0}),
    ("flux", "lora_unet_single_blocks_0_modulation_lin", (f"{SINGLE}.norm.linear",), {}),
    ("flux", "lora_unet_img_in", ("transformer.x_embedder",), {"alpha": 8.0}),
    ("flux", "lora_unet_txt_in", ("transformer.context_embedder",), {}),
    ("flux", "lora_unet_time_in_out_layer", ("transformer.time_text_embed.timestep_embedder.linear_2",), {}),
    ("flux", "lora_unet_guidance_in_in_layer", ("transformer.time_text_embed.guidance_embedder.linear_1",), {}),
    ("flux", "lora_unet_vector_in_in_layer", ("transformer.time_text_embed.text_embedder.linear_1",), {}),
    ("flux", "lora_unet_final_layer_linear", ("transformer.proj_out",), {"alpha": 2.0}),
    ("flux", "lora_unet_final_layer_adaLN_modulation_1", ("transformer.norm_out.linear",),
     {"alpha": 2.0, "flipped": True}),
    ("flux", "lora_te1_text_model_encoder_layers_0_self_attn_k_proj", (f"{CLIP}.k_proj",), {"alpha": 1.0}),
    ("flux", "lora_te3_encoder_block_1_layer_0_SelfAttention_q", (T5,), {"alpha": 1.0}),
    ("flux", "lora_te2_encoder_block_1_layer_0_SelfAttention_q", (T5,), {"alpha": 1.0}),
    # FLUX: ComfyUI, its own names and PEFT's matrices; Black Forest Labs' without a prefix
    ("flux", "diffusion_model.double_blocks.0.img_attn.qkv", QKV, {"sides": PEFT}),
    ("flux", "diffusion_model.single_blocks.0.linear2", (f"{SINGLE}.proj_out",), {}),
    ("flux", "double_blocks.0.img_attn.proj", (f"{DOUBLE}.attn.to_out.0",), {"sides": PEFT}),
    ("flux", "base_model.model.double_blocks.0.img_mlp.2", (f"{DOUBLE}.ff.net.2",), {"sides": PEFT}),
    ("flux", "text_encoders.t5xxl.transformer.encoder.block.1.layer.0.SelfAttention.q", (T5,), {}),
    ("flux", "text_encoders.clip_l.transformer.text_model.encoder.layers.0.self_attn.q_proj", (f"{CLIP}.q_proj",), {}),
    ("flux", "text_encoders.clip_l.transformer.text_model.embeddings.position_embedding",
     ("text_encoder.embeddings.position_embedding",), {}),
    # FLUX: diffusers, PEFT, OneTrainer, XLabs
    ("flux", f"{DOUBLE}.attn.to_q", QKV[:1], {"sides": PEFT, "alpha": 2.0}),
    ("flux", f"{DOUBLE}.attn.to_k", QKV[1:2], {"sides": ".lora_A.my-style .lora_B.my-style"}),
    ("flux", "model.double_blocks.0.img_attn.qkv", QKV, {"sides": PEFT}),
    ("flux", "lora_unet__double_blocks_0_img_attn_qkv", QKV, {"alpha": 1.0}),
    ("flux", "transformer.base_model.model.transformer_blocks.0.attn.to_q", QKV[:1], {"sides": PEFT}),
    ("flux", "base_model.model.transformer_blocks.0.attn.to_q", QKV[:1], {"sides": ".lora_A.default .lora_B.default"}),
    ("flux", "transformer_blocks.0.attn.to_out.0", (f"{DOUBLE}.attn.to_out.0",), {"sides": PEFT}),
    ("flux", T5, (T5,), {"sides": PEFT}),
    ("flux", "lora_transformer_single_transformer_blocks_0_attn_to_k", (f"{SINGLE}.attn.to_k",), {"alpha": 1.0}),
    ("flux", "lora_transformer_transformer_blocks_0_ff_context_net_0_proj", (f"{DOUBLE}.ff_context.net.0.proj",), {}),
    ("flux", "transformer.double_blocks.0.txt_attn.qkv.1", (f"{DOUBLE}.attn.add_k_proj",), {"alpha": 1.0}),
    ("flux", "transformer.single_blocks.0.linear1.3", (f"{SINGLE}.proj_mlp",), {"alpha": 1.0}),
    ("flux", "transformer.img_in.proj", ("transformer.x_embedder",), {"alpha": 1.0}),
    ("flux", "clip_l.text_model.encoder.layers.0.self_attn.q_proj", (f"{CLIP}.q_proj",), {"alpha": 1.0}),
    ("flux", "t5.encoder.block.1.layer.0.SelfAttention.q", (T5,), {"alpha": 1.0}),
    ("flux", "transformer.transformer_blocks.0.attn.to_qkv", QKV, {"sides": PEFT}),
    ("flux", "double_blocks.0.processor.qkv_lora1", QKV, {"sides": ".down .up"}),
    ("flux", "double_blocks.0.processor.proj_lora2", (f"{DOUBLE}.attn.to_add_out",), {"sides": ".down .up"}),
    ("flux", "single_blocks.0.processor.proj_lora", (f"{SINGLE}.proj_out",), {"sides": ".down .up"}),
    # SDXL: kohya in both ways to name blocks, and the original's
    ("sdxl", "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q", (f"{IN_UNET}.attn1.to_q",),
     {"alpha": 1.0, "squares": True}),
    ("sdxl", "lora_unet_input_blocks_3_1_transformer_blocks_0_attn2_to_out_0", (f"{IN_UNET}.attn2.to_out.0",),
     {"alpha": 1.0}),
    ("sdxl", "lora_unet_input_blocks_2_0_op", ("unet.down_blocks.0.downsamplers.0.conv",), {}),
    ("sdxl", "lora_unet_middle_block_2_in_layers_2", ("unet.mid_block.resnets.1.conv1",), {}),
    ("sdxl", "lora_unet_output_blocks_1_1_proj_in", ("unet.up_blocks.0.attentions.1.proj_in",), {}),
    ("sdxl", "lora_unet_output_blocks_1_2_conv", ("unet.up_blocks.0.upsamplers.0.conv",), {}),
    ("sdxl", "lora_unet_output_blocks_3_0_skip_connection", ("unet.up_blocks.1.resnets.1.conv_shortcut",), {}),
    ("sdxl", "lora_unet_label_emb_0_2", ("unet.add_embedding.linear_2",), {}),
    ("sdxl", "model.diffusion_model.time_embed.0", ("unet.time_embedding.linear_1",), {}),
    ("sdxl", "unet.output_blocks.0.1.transformer_blocks.0.ff.net.2",
     ("unet.up_blocks.0.attentions.0.transformer_blocks.0.ff.net.2",), {"alpha": 1.0}),
    ("sdxl", "clip_g.text_model.encoder.layers.1.mlp.fc1", (f"{OTHER_CLIP}.mlp.fc1",), {"alpha": 1.0}),
    ("sdxl", "diffusion_model.input_blocks.0.0", ("unet.conv_in",), {"sides": PEFT}),
    ("sdxl", "lora_te1_text_model_encoder_layers_0_self_attn_q_proj", (f"{CLIP}.q_proj",), {"alpha": 1.0}),
    ("sdxl", "lora_te_text_model_encoder_layers_0_self_attn_q_proj", (f"{CLIP}.q_proj",), {"alpha": 1.0}),
    ("sdxl", "lora_te2_text_model_encoder_layers_1_mlp_fc1", (f"{OTHER_CLIP}.mlp.fc1",), {"alpha": 1.0}),
    ("sdxl", "lora_te2_text_projection", ("text_encoder_2.text_projection",), {"alpha": 1.0}),
    ("sdxl", "text_encoders.clip_g.transformer.text_model.encoder.layers.1.mlp.fc1", (f"{OTHER_CLIP}.mlp.fc1",), {}),
    # SDXL: diffusers, of now and of before
    ("sdxl", f"{IN_UNET}.attn1.to_q", (f"{IN_UNET}.attn1.to_q",), {"sides": OLD}),
    ("sdxl", f"unet.{IN_UNET}.attn1.to_k", (f"{IN_UNET}.attn1.to_k",), {"sides": PEFT}),
    ("sdxl", f"{IN_UNET}.attn1.processor.to_q_lora", (f"{IN_UNET}.attn1.to_q",), {"sides": ".down .up"}),
    ("sdxl", f"{IN_UNET}.attn1.processor.to_out_lora", (f"{IN_UNET}.attn1.to_out.0",), {"sides": ".down .up"}),
    ("sdxl", "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_linear_layer", (f"{CLIP}.q_proj",),
     {"sides": ".down .up"}),
    ("sdxl", "text_encoder.text_model.encoder.layers.0.self_attn.to_out_lora", (f"{CLIP}.out_proj",),
     {"sides": ".down .up"}),
    # HunyuanDiT: its own names, kohya's, diffusers'
    ("hunyuan", "base_model.model.blocks.1.attn1.Wqkv", tuple(f"transformer.blocks.1.attn1.to_{x}" for x in "qkv"),
     {"sides": PEFT}),
    ("hunyuan", "lora_unet_blocks_0_attn2_kv_proj", tuple(f"transformer.blocks.0.attn2.to_{x}" for x in "kv"),
     {"alpha": 1.0}),
    ("hunyuan", "lora_unet_blocks_0_mlp_fc2", ("transformer.blocks.0.ff.net.2",), {"alpha": 1.0}),
    ("hunyuan", "transformer.blocks.0.attn1.to_q", ("transformer.blocks.0.attn1.to_q",), {"sides": PEFT}),
    ("hunyuan", "lora_unet_final_layer_adaLN_modulation_1", ("transformer.norm_out.linear",), {"flipped": True}),
    ("hunyuan", "text_encoder.encoder.layer.0.attention.self.query",
     ("text_encoder.encoder.layer.0.attention.self.query",), {"sides": PEFT}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "paths", "how"), SPELLINGS, ids=[name for _, name, *_ in SPELLINGS])
def test_a_layer_by_any_of_its_names_is_laid(
    bench: Bench, name: str, paths: tuple[str, ...], how: dict[str, Any], tmp_path: Path
) -> None:
    made = pair(bench, name, *paths, **how)
    wanted = by_hand(bench, made.deltas)
    facts = bench.lay(made.state, tmp_path / "lora")
    assert facts.modules == len(paths)
    same(bench.answers(), wanted)


@pytest.mark.parametrize("kind", ["flux"])
def test_a_file_in_several_spellings_is_laid_whole_and_comes_off_whole(bench: Bench, tmp_path: Path) -> None:
    before, modules = bench.answers(), list(bench.whole.named_modules())
    made = (
        pair(bench, "lora_unet_double_blocks_0_img_attn_qkv", *QKV, alpha=2.0)
        | pair(bench, "lora_te3_encoder_block_1_layer_0_SelfAttention_q", T5, alpha=1.0)
        | pair(bench, "transformer.x_embedder", "transformer.x_embedder", sides=PEFT, rank=2)
    )
    wanted = by_hand(bench, made.deltas, 0.6)
    facts = bench.lay(made.state, tmp_path / "lora", 0.6)
    assert (facts.modules, facts.ranks) == (5, (2, 4))
    same(bench.answers(), wanted)
    for key in list(bench.on.facts()):
        bench.on.detach(key)
    assert all(torch.equal(tensor, before[path]) for path, tensor in bench.answers().items())
    assert list(bench.whole.named_modules()) == modules


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("kind", ["flux"])
@pytest.mark.parametrize("weight", [1, -0.5])
def test_differences_of_biases_and_norms_are_added(bench: Bench, weight: float, tmp_path: Path) -> None:
    """ComfyUI's words for them, and LyCORIS's, in several spellings; also of layers that a file holds as one."""
    made = pair(bench, "lora_unet_double_blocks_0_img_attn_qkv", *QKV, alpha=2.0)
    norm, bias, whole, fused = numbers(16), numbers(16), numbers(64, 32), numbers(3 * 64)
    beside = {
        "diffusion_model.double_blocks.0.img_attn.norm.query_norm.diff": norm,
        "lora_unet_final_layer_linear.diff_b": bias,
        "transformer.context_embedder.diff": whole,
        "lora_unet_double_blocks_0_txt_attn_qkv.diff_b": fused,
    }
    deltas = {
        f"{DOUBLE}.attn.norm_q.weight": norm,
        "transformer.proj_out.bias": bias,
        "transformer.context_embedder": whole,
        **{f"{DOUBLE}.attn.add_{x}_proj.bias": part for x, part in zip("qkv", fused.split(64), strict=True)},
    }
    wanted = by_hand(bench, made.deltas | deltas, weight)
    facts = bench.lay(made.state | beside, tmp_path / "lora", weight)
    assert (facts.modules, facts.parameters) == (3, 6)
    same(bench.answers(), wanted)


@pytest.mark.parametrize("kind", ["flux"])
@pytest.mark.parametrize(
    "name",
    [
        f"{DOUBLE}.attn.norm_q.weight",
        "double_blocks.0.img_attn.norm.query_norm.scale",
        "diffusion_model.double_blocks.0.img_attn.norm.query_norm.scale.set_weight",
    ],
)
def test_whole_norms_take_the_place_of_the_models(bench: Bench, name: str, tmp_path: Path) -> None:
    made = pair(bench, f"{DOUBLE}.attn.to_q", QKV[0], sides=PEFT)
    norm = numbers(16)
    own = bench.modules[f"{DOUBLE}.attn.norm_q"].weight.detach()
    wanted = by_hand(bench, made.deltas | {f"{DOUBLE}.attn.norm_q.weight": norm - own})
    bench.lay(made.state | {name: norm}, tmp_path / "lora")
    same(bench.answers(), wanted)


@pytest.mark.parametrize("kind", ["flux", "sdxl"])
def test_a_bias_of_the_product_is_added_with_it(bench: Bench, kind: str, tmp_path: Path) -> None:
    path = QKV[0] if kind == "flux" else f"{IN_UNET}.attn1.to_out.0"
    other = f"{CLIP}.q_proj"
    made = pair(bench, path, path, sides=PEFT, alpha=2.0) | pair(bench, other, other, sides=PEFT)
    bias = numbers(64)
    wanted = by_hand(bench, made.deltas | {f"{path}.bias": 0.5 * bias})
    facts = bench.lay(made.state | {f"{path}.lora_B.bias": bias}, tmp_path / "lora")
    assert facts.modules == 2
    same(bench.answers(), wanted)


@pytest.mark.parametrize("kind", ["sdxl"])
def test_three_matrices_of_a_convolution_are_their_product(bench: Bench, tmp_path: Path) -> None:
    path = "unet.down_blocks.1.resnets.0.conv1"
    down, mid, up = numbers(3, 32, 1, 1), numbers(3, 3, 3, 3) * 0.3, numbers(64, 3, 1, 1) * 0.3
    whole = torch.einsum("or,rshw,si->oihw", up[:, :, 0, 0], mid, down[:, :, 0, 0])
    name = "lora_unet_input_blocks_3_0_in_layers_2"
    sides = {"lora_down": down, "lora_mid": mid, "lora_up": up}
    state = {f"{name}.{side}.weight": tensor for side, tensor in sides.items()}
    wanted = by_hand(bench, {path: whole / 3})
    bench.lay(state | {f"{name}.alpha": torch.tensor(1.0)}, tmp_path / "lora")
    same(bench.answers(), wanted)


@pytest.mark.parametrize("kind", ["sdxl"])
def test_peft_says_the_scale_and_which_encoder_a_folder_is_for(bench: Bench, tmp_path: Path) -> None:
    """The two encoders of SDXL have layers of the same names: PEFT writes down whose they are."""
    from peft import LoraConfig, get_peft_model
    from safetensors.torch import load_file
    from transformers import CLIPTextModelWithProjection

    own = CLIPTextModelWithProjection.from_pretrained(bench.folder / "text_encoder_2")
    config = LoraConfig(
        r=4, lora_alpha=6, target_modules=["q_proj", "fc1"], rank_pattern={"fc1": 2}, alpha_pattern={"1.mlp.fc1": 9},
        use_rslora=True, init_lora_weights=False,
    )  # fmt: skip
    get_peft_model(own, config).save_pretrained(tmp_path)
    state = load_file(tmp_path / "adapter_model.safetensors")
    stem = "text_model.encoder.layers"
    scales = {f"{stem}.{n}.self_attn.q_proj": 6 / 2 for n in (0, 1)}
    scales |= {f"{stem}.0.mlp.fc1": 6 / 2**0.5, f"{stem}.1.mlp.fc1": 9 / 2**0.5}
    sides = {layer: [state[f"base_model.model.{layer}.lora_{x}.weight"] for x in "BA"] for layer in scales}
    deltas = {f"text_encoder_2.{layer}": scales[layer] * (up @ down) for layer, (up, down) in sides.items()}
    wanted = by_hand(bench, deltas)
    assert bench.lay_folder(tmp_path).modules == 4
    same(bench.answers(), wanted)


@pytest.mark.parametrize("kind", ["flux"])
def test_diffusers_says_the_scale_of_each_part_in_the_file_itself(bench: Bench, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    one, other = f"{DOUBLE}.attn.to_q", f"{DOUBLE}.attn.to_k"
    parts = [pair(bench, path, path, sides=PEFT, rank=rank) for path, rank in ((one, 4), (other, 2), (T5, 4))]
    said = {
        "transformer.r": 4, "transformer.lora_alpha": 6, "transformer.rank_pattern": {"to_k": 2},
        "transformer.alpha_pattern": {"attn.to_k": 5}, "transformer.use_rslora": True,
        "text_encoder_2.r": 4, "text_encoder_2.lora_alpha": 1,
    }  # fmt: skip
    scales = {one: 6 / 2, other: 5 / 2**0.5, T5: 1 / 4}
    deltas = {path: scales[path] * delta for each in parts for path, delta in each.deltas.items()}
    state = parts[0].state | parts[1].state | parts[2].state
    save_file(state, tmp_path / "lora.safetensors", {"lora_adapter_metadata": json.dumps(said)})
    wanted = by_hand(bench, deltas)
    bench.lay_folder(tmp_path)
    same(bench.answers(), wanted)


@pytest.mark.parametrize("kind", ["flux"])
def test_trained_words_and_alphas_of_nothing_are_told(bench: Bench, tmp_path: Path) -> None:
    made = pair(bench, "lora_transformer_transformer_blocks_0_attn_to_q", QKV[0], alpha=1.0)
    words = {"bundle_emb.myfox.clip_l": numbers(2, 32), "bundle_emb.myfox.t5_out": numbers(2, 32)}
    facts = bench.lay(made.state | words | {"lora_transformer_x_embedder.alpha": torch.tensor(1.0)}, tmp_path / "lora")
    assert facts.modules == 1
    assert "myfox" in facts.notes[0]
    assert "left out" in facts.notes[0]
    assert "1 of its tensors are an alpha without matrices" in facts.notes[1]


def test_what_an_adapter_holds_beside_the_model_reaches_the_cell(
    benches: dict[str, Bench], tmp_path: Path, session: mc.Session
) -> None:
    from safetensors.torch import save_file

    made = pair(benches["flux"], "lora_transformer_transformer_blocks_0_attn_to_q", QKV[0], alpha=1.0)
    save_file(made.state | {"bundle_emb.myfox.clip_l": numbers(2, 32)}, tmp_path / "lora.safetensors")
    notes = []
    run = Run(lambda event: notes.append(event.text) if isinstance(event, Note) else None)
    text = cell("image-generation", benches["flux"].folder, f"peft_adapters: [{{name: fox, model: {tmp_path}}}]")
    session.load(text, run=run)
    assert [note for note in notes if "adapter fox" in note and "myfox" in note]


class TestRefusals:
    @pytest.mark.parametrize(
        ("kind", "key", "why"),
        [
            ("sdxl", "lora_unet_input_blocks_3_1_proj_in.hada_w1_a", "LoHa"),
            ("sdxl", "lora_unet_input_blocks_3_1_proj_in.lokr_w1", "LoKr"),
            ("sdxl", "lora_unet_input_blocks_3_1_proj_in.dora_scale", "DoRA"),
            ("sdxl", "unet.conv_in.lora_magnitude_vector.weight", "DoRA"),
            ("flux", "lora_unet_img_in.oft_blocks", "OFT"),
            ("flux", "lora_unet_img_in.a1.weight", "GLoRA"),
        ],
    )
    def test_another_kind_is_named(self, bench: Bench, key: str, why: str, tmp_path: Path) -> None:
        error = bench.refused({key: numbers(4, 4)}, tmp_path / "lora")
        assert isinstance(error, PlanError)
        assert why in str(error)

    @pytest.mark.parametrize("kind", ["sdxl"])
    def test_layers_that_are_not_there_are_counted_and_the_first_named(self, bench: Bench, tmp_path: Path) -> None:
        made = pair(bench, f"{IN_UNET}.attn1.to_q", f"{IN_UNET}.attn1.to_q", sides=PEFT)
        lost = pair(bench, "lora_unet_input_blocks_9_1_proj_in", f"{IN_UNET}.attn1.to_q", alpha=1.0)
        error = str(bench.refused(made.state | lost.state, tmp_path / "lora"))
        assert (
            "1 of the 2 layers that it changes are not in this sdxl, first lora_unet_input_blocks_9_1_proj_in" in error
        )

    @pytest.mark.parametrize("kind", ["sdxl"])
    @pytest.mark.parametrize("key", ["unet.conv_in.surprise", "vae.conv_in.weight", "clip_l"])
    def test_tensors_of_nobody_are_counted_too(self, bench: Bench, key: str, tmp_path: Path) -> None:
        made = pair(bench, f"{IN_UNET}.attn1.to_q", f"{IN_UNET}.attn1.to_q", sides=PEFT)
        assert f"first {key}" in str(bench.refused(made.state | {key: numbers(4, 4)}, tmp_path / "lora"))

    @pytest.mark.parametrize("kind", ["flux"])
    def test_an_adapter_of_another_kind_of_model_says_so(self, bench: Bench, benches: Any, tmp_path: Path) -> None:
        made = pair(benches["sdxl"], f"{IN_UNET}.attn1.to_q", f"{IN_UNET}.attn1.to_q", sides=PEFT)
        assert "none of the 1 layers" in str(bench.refused(made.state, tmp_path / "lora"))

    @pytest.mark.parametrize("kind", ["flux"])
    def test_half_of_a_layer_is_no_layer(self, bench: Bench, tmp_path: Path) -> None:
        made = pair(bench, "lora_unet_img_in", "transformer.x_embedder")
        error = bench.refused({"lora_unet_img_in.lora_up.weight": made.state.popitem()[1]}, tmp_path / "lora")
        assert isinstance(error, WeightsError)
        assert "lora_unet_img_in has no down matrix" in str(error)

    @pytest.mark.parametrize("kind", ["flux"])
    def test_one_layer_under_two_names_is_no_sum(self, bench: Bench, tmp_path: Path) -> None:
        made = pair(bench, "lora_unet_img_in", "transformer.x_embedder")
        again = pair(bench, "transformer.x_embedder", "transformer.x_embedder", sides=PEFT)
        assert "transformer.x_embedder twice" in str(bench.refused(made.state | again.state, tmp_path / "lora"))

    @pytest.mark.parametrize("kind", ["flux"])
    @pytest.mark.parametrize(
        ("down", "up", "why"),
        [
            ((4, 99), (64, 4), "another size: at lora_unet_img_in it fits 64 × 99, this model has 64 × 16"),
            ((4, 16), (64, 3), "do not belong together"),
            ((0, 16), (64, 0), "do not belong together"),
            ((16,), (64,), "do not belong together"),
        ],
    )
    def test_sizes_that_do_not_fit(self, bench: Bench, down: Any, up: Any, why: str, tmp_path: Path) -> None:
        state = {"lora_unet_img_in.lora_down.weight": numbers(*down), "lora_unet_img_in.lora_up.weight": numbers(*up)}
        assert why in str(bench.refused(state, tmp_path / "lora"))

    @pytest.mark.parametrize("kind", ["sdxl"])
    def test_a_name_that_two_encoders_have_is_not_guessed(self, bench: Bench, tmp_path: Path) -> None:
        made = pair(bench, "text_model.encoder.layers.0.self_attn.q_proj", f"{CLIP}.q_proj")
        error = str(bench.refused(made.state, tmp_path / "lora"))
        assert "does not say whether" in error
        assert "text_encoder or text_encoder_2" in error

    @pytest.mark.parametrize("kind", ["sdxl"])
    def test_nothing_at_all(self, bench: Bench, tmp_path: Path) -> None:
        assert "holds no LoRA matrices" in str(bench.refused({"bundle_emb.fox.clip_l": numbers(2)}, tmp_path / "lora"))


@pytest.mark.parametrize("kind", ["hunyuan"])
@pytest.mark.parametrize(
    ("beside", "paths", "norm", "own"),
    [
        ("transformer.blocks.0.attn1.to_out", ("attn1.to_out.0",), "transformer.blocks.1.norm2", "norm2"),
        ("base_model.model.blocks.0.ff.net.2", ("ff.net.2",), "base_model.model.blocks.1.norm3", "norm3"),
        ("base_model.model.blocks.0.attn2.kv_proj", ("attn2.to_k", "attn2.to_v"), "blocks.1.norm2", "norm3"),
        ("lora_unet_blocks_0_mlp_fc2", ("ff.net.2",), "lora_unet_blocks_1_norm3", "norm2"),
    ],
)
def test_a_norm_that_diffusers_calls_by_anothers_name_is_the_one_that_was_trained(
    bench: Bench, beside: str, paths: tuple[str, ...], norm: str, own: str, tmp_path: Path
) -> None:
    """HunyuanDiT's norm2 is diffusers' norm3, and the other way round: the layers beside it say whose names these are."""
    made = pair(bench, beside, *(f"transformer.blocks.0.{path}" for path in paths), sides=PEFT)
    trained = numbers(len(bench.modules[f"transformer.blocks.1.{own}"].weight))
    wanted = by_hand(bench, made.deltas | {f"transformer.blocks.1.{own}.bias": trained})
    bench.lay(made.state | {f"{norm}.diff_b": trained}, tmp_path / "lora")
    same(bench.answers(), wanted)


@pytest.mark.parametrize("kind", ["hunyuan"])
def test_a_norm_of_nobody_knows_whose_name_is_refused_with_that_reason(bench: Bench, tmp_path: Path) -> None:
    trained = numbers(len(bench.modules["transformer.blocks.1.norm2"].weight))
    error = bench.refused({"blocks.1.norm2.diff_b": trained}, tmp_path / "lora")
    assert "call norm2 what is norm3 for the other" in str(error)


@pytest.mark.parametrize("kind", ["sdxl"])
@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("clip_g", "a textual inversion"),
        ("emb_params", "a textual inversion"),
        ("image_proj.proj.weight", "an IP-Adapter"),
        ("input_hint_block.0.weight", "made for a ControlNet"),
        ("controlnet_down_blocks.0.weight", "a ControlNet"),
    ],
)
def test_a_file_that_is_no_lora_at_all_is_named(bench: Bench, key: str, what: str, tmp_path: Path) -> None:
    state = {key: numbers(4, 4), "something.weight": numbers(4)}
    assert f"adapter mine is {what} ({key}), and no LoRA" in str(bench.refused(state, tmp_path / "lora"))


@pytest.mark.parametrize("kind", ["flux"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("part", ["lora_up.weight", "alpha"])
def test_an_adapter_whose_training_failed_is_refused_before_it_draws_black(
    bench: Bench, part: str, value: float, tmp_path: Path
) -> None:
    name = "lora_unet_double_blocks_0_img_attn_qkv"
    state = {key: tensor.clone() for key, tensor in pair(bench, name, *QKV, alpha=2.0).state.items()}
    state[f"{name}.{part}"].view(-1)[0] = value
    with pytest.raises(WeightsError, match=rf"1 of its 3 tensors hold numbers that are none .*first {name}\.{part}"):
        bench.lay(state, tmp_path / "lora")
    assert not bench.on.facts()


@pytest.mark.parametrize("kind", ["flux"])
@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.bfloat16, torch.float64])
def test_matrices_of_other_number_types_are_what_they_stand_for(
    bench: Bench, dtype: torch.dtype, tmp_path: Path
) -> None:
    name = "lora_unet_double_blocks_0_img_attn_qkv"
    stored = {key: tensor.to(dtype) for key, tensor in pair(bench, name, *QKV, alpha=2.0).state.items()}
    delta = stored[f"{name}.lora_up.weight"].float() @ stored[f"{name}.lora_down.weight"].float() / 2
    wanted = by_hand(bench, dict(zip(QKV, delta.chunk(3), strict=True)))
    bench.lay(stored, tmp_path / "lora")
    same(bench.answers(), wanted)


@pytest.mark.parametrize("kind", ["flux"])
def test_matrices_of_whole_numbers_are_quantized_and_refused(bench: Bench, tmp_path: Path) -> None:
    name = "lora_unet_double_blocks_0_img_attn_qkv"
    stored = {key: (tensor * 100).to(torch.int8) for key, tensor in pair(bench, name, *QKV).state.items()}
    with pytest.raises(WeightsError, match=rf"is quantized: {name}\.lora_down\.weight holds whole numbers"):
        bench.lay(stored, tmp_path / "lora")
