"""Every architecture family of transformers, tiny: its own configuration with each size that has a usual name made small.

What a size is called says how small it may be, for nearly all of them; `STUBBORN` holds what a family needs beside that.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

WORDS = 264
"""Of the vocabulary: three marks and the bytes, and a few beyond."""
WINDOW = 128
BOS, EOS, PAD = 0, 1, 2

_SIZES: Mapping[int, str] = {
    1: "n_group topk_group first_k_dense_replace num_dense_layers n_shared_experts num_shared_experts num_expert_group "
    "moe_num_shared_experts mamba_n_groups mamba_ngroups",
    2: "num_hidden_layers n_layer n_layers num_layers encoder_layers decoder_layers num_decoder_layers depth "
    "num_encoder_layers speech_encoder_layers t2u_encoder_layers t2u_decoder_layers num_key_value_heads num_kv_heads "
    "swa_num_key_value_heads num_experts_per_tok num_experts_per_token moe_topk moe_k linear_num_key_heads "
    "num_adapter_layers num_layers_per_stack num_query_groups num_self_attends_per_block num_mem_blocks",
    4: "num_attention_heads n_head n_heads num_heads encoder_attention_heads decoder_attention_heads "
    "num_self_attention_heads num_cross_attention_heads attention_heads num_encoder_attention_heads "
    "num_decoder_attention_heads speech_encoder_attention_heads t2u_encoder_attention_heads "
    "t2u_decoder_attention_heads num_experts n_routed_experts num_local_experts moe_num_experts index_n_heads "
    "swa_num_attention_heads linear_num_value_heads linear_num_heads time_step_rank mamba_dt_rank zero_expert_num",
    8: "head_dim d_kv kv_channels qk_nope_head_dim v_head_dim kv_lora_rank q_lora_rank qk_rope_head_dim index_head_dim "
    "linear_key_head_dim linear_value_head_dim attention_head_size dim_head mamba_d_state state_size ssm_state_size "
    "swa_head_dim swa_v_head_dim d_head linear_head_dim global_head_dim mamba_head_dim mamba_headdim rotary_dim "
    "o_lora_rank gated_norm_rank hidden_size_per_layer_input adapter_rank laurel_rank hc_lowrank",
    16: "qk_head_dim",
    32: "hidden_size d_model n_embd dim emb_dim embedding_size word_embed_proj_dim true_hidden_size "
    "intra_bottleneck_size backbone_hidden_size pooler_hidden_size lru_width input_embedding_size "
    "output_embedding_size attention_hidden_size d_latents projection_dim embedding_dim dim_model_base "
    "entity_emb_size out_hidden_size prompt_mid_dim xpath_unit_hidden_size proj_dim projector_hidden_size "
    "qformer_hidden_size ple_embed_dim embed_dim text_embed_dim",
    48: "intermediate_size d_ff ffn_dim encoder_ffn_dim decoder_ffn_dim n_inner hidden_dim d_inner dff dim_ff "
    "moe_intermediate_size shared_expert_intermediate_size ffn_hidden_size shared_intermediate_size "
    "expert_ffn_hidden_size moe_shared_expert_intermediate_size dense_intermediate_size intermediate_size_mlp "
    "shared_experts_intermediate_size speech_encoder_intermediate_size t2u_encoder_ffn_dim t2u_decoder_ffn_dim "
    "feed_forward_size",
    WINDOW: "max_position_embeddings n_positions max_seq_len model_max_length n_ctx max_encoder_position_embeddings "
    "max_decoder_position_embeddings max_source_positions max_target_positions context_length seq_length "
    "t2u_max_position_embeddings",
    WORDS: "vocab_size src_vocab_size tgt_vocab_size decoder_vocab_size t2u_vocab_size unit_hifi_gan_vocab_size "
    "entity_vocab_size vocab_size_per_layer_input text_vocab_size",
}  # fmt: skip
_SMALL = {name: size for size, names in _SIZES.items() for name in names.split()}
# Random weights of the usual size give nearly even odds; larger ones give texts that differ.
_SPREAD = dict.fromkeys(("initializer_range", "init_std", "embed_init_std"), 0.2)
_MARKS = {"bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD}
_HEADS_OF = {
    "num_key_value_heads": "num_attention_heads",
    "num_kv_heads": "num_attention_heads",
    "swa_num_key_value_heads": "swa_num_attention_heads",
}
_MAY_FOLLOW = ("head_dim", "n_inner", "num_kv_heads", "hidden_dim", "d_inner")  # None: made of the others

_MROPE = {
    "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 10000.0,
        "mrope_section": [2, 1, 1],
        "partial_rotary_factor": 1.0,
    }
}
_QWEN4 = {
    "layer_types": ["linear_attention", "indexed_attention"], "indexer_n_heads": 4, "indexer_kv_heads": 1,
    "indexer_head_dim": 8, "indexer_budget": 64, "indexer_compress_ratio": 4,
}  # fmt: skip
_COMPASS = {"rope_parameters": {"full_attention": {**_MROPE["rope_parameters"]}}}
_SEES_BY_PLACE = (
    "glm46v", "glm4v", "glm4v_moe", "glm_image", "glm_ocr", "glmga", "paddleocr_vl", "qwen2_5_vl", "qwen2_vl",
)  # fmt: skip
_READS_BY_PLACE = (
    "glm4v_text", "glm4v_moe_text", "glm_image_text", "glm_ocr_text", "qwen2_5_vl_text", "qwen2_vl_text",
)  # fmt: skip
_MAMBA2 = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_chunk_size": 8}

STUBBORN: Mapping[str, Mapping[str, Any]] = {
    "bamba": {**_MAMBA2, "attn_layer_indices": [1]},
    "granitemoehybrid": {**_MAMBA2, "layer_types": ["mamba", "attention"]},
    "mamba2": {"num_heads": 8, "head_dim": 8, "n_groups": 1, "chunk_size": 8},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "recurrent_gemma": {"num_hidden_layers": 3},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "hunyuan_v1_dense": {"head_dim": 8},
    "hunyuan_v1_moe": {"head_dim": 8},
    "ministral": {"head_dim": 8},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "reformer": {
        "is_decoder": True, "axial_pos_embds": False, "attn_layers": ["local", "lsh"], "num_buckets": 4,
        "local_attn_chunk_length": 8, "lsh_attn_chunk_length": 8,
    },
    "roc_bert": {
        "shape_embed_dim": 8, "shape_vocab_size": WORDS, "pronunciation_embed_dim": 8,
        "pronunciation_vocab_size": WORDS,
    },
    "zamba": {
        "num_hidden_layers": 3, "layers_block_type": ["linear_attention", "hybrid", "hybrid"],
        "attention_hidden_size": 64, "attention_head_dim": 16,
    },
    "zamba2": {
        "num_hidden_layers": 3, "layers_block_type": ["linear_attention", "hybrid", "hybrid"],
        "n_mamba_heads": 8, "mamba_headdim": 8, "mamba_ngroups": 1,
    },
    "zaya": {"num_experts_per_tok": 1},
    "blt": {"encoder_hash_byte_group_vocab": 50},
    "xmod": {"languages": ["en_XX"], "default_language": "en_XX"},
    "layoutlmv3": {"coordinate_size": 6, "shape_size": 4, "max_2d_position_embeddings": 64},
    "lilt": {"hidden_size": 48, "max_2d_position_embeddings": 64},
    "markuplm": {
        "max_xpath_tag_unit_embeddings": 16, "max_xpath_subs_unit_embeddings": 16, "tag_pad_id": 0, "subs_pad_id": 0,
    },
    "canine": {"num_hash_buckets": 64, "max_position_embeddings": WINDOW},
    "gemma4_assistant": {"hidden_size_per_layer_input": 0},
    "led": {"attention_window": [8, 8]},
    "longformer": {"attention_window": [8, 8]},
    "cohere_compass_text": _COMPASS,
    "cohere_compass": {"text_config": _COMPASS},
    "prophetnet": {"pad_token_id": 0, "bos_token_id": 2, "decoder_start_token_id": 0},
    "xlstm": {"hidden_size": 64, "embedding_dim": 64, "qk_dim_factor": 1.0},
    "dbrx": {"attn_config": {"rope_theta": 10000.0, "kv_n_heads": 2, "clip_qkv": 8}},
    "gemma3n_text": {"num_kv_shared_layers": 0},
    "qwen4_exp_text": _QWEN4,
    "qwen4_exp": {"text_config": _QWEN4},
    **{family: {"text_config": _MROPE} for family in _SEES_BY_PLACE},
    **dict.fromkeys(_READS_BY_PLACE, _MROPE),
    "hrm_text": {"num_layers_per_stack": ...},
}  # fmt: skip


def tiny(family: str, **more: Any) -> Any:
    """A small configuration of a family."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    made = _shrunk(CONFIG_MAPPING[family], None, {**STUBBORN.get(family, {}), **more})
    made.architectures = made.architectures or []  # transformers chooses among several classes by it
    return made


def _shrunk(kind: Any, usual: Any, own: Mapping[str, Any]) -> Any:
    """A configuration of a kind; `usual` is one with its defaults, where it can be made."""
    usual = usual or _made(kind)
    names = {field.name for field in dataclasses.fields(kind)}
    given = _small_sizes(names, usual) | _parts(kind, usual, own)
    given |= {name: value for name, value in (_SPREAD | _MARKS).items() if name in names}
    if _value(usual, "is_encoder_decoder"):
        given["decoder_start_token_id"] = PAD
    given |= _layers(names, usual)
    given |= {name: value for name, value in own.items() if not isinstance(given.get(name), dict)}
    return kind(**{name: value for name, value in given.items() if value is not ...})


def _small_sizes(names: set[str], usual: Any) -> dict[str, Any]:
    given = dict[str, Any]()
    for name in names & _SMALL.keys():
        value = _value(usual, name)
        if isinstance(value, list | tuple | dict) or (usual is not None and value is None and name in _MAY_FOLLOW):
            continue
        every = name in _HEADS_OF and value is not None and value == _value(usual, _HEADS_OF[name])
        given[name] = _SMALL["num_attention_heads"] if every else _SMALL[name]
    return given


def _parts(kind: Any, usual: Any, own: Mapping[str, Any]) -> dict[str, Any]:
    """The configurations inside, of a model that sees or hears."""
    given = dict[str, Any]()
    for name, part in (getattr(kind, "sub_configs", None) or {}).items():
        value = _value(usual, name)
        part = type(value) if hasattr(value, "to_dict") else part
        if dataclasses.is_dataclass(part) and (value is not None or usual is None):
            given[name] = _shrunk(part, value, own.get(name, {})).to_dict()
    return given


def _layers(names: set[str], usual: Any) -> dict[str, Any]:
    """One layer of each kind that there is."""
    kinds = list(dict.fromkeys(_value(usual, "layer_types") or ()))
    depth = next((name for name in ("num_hidden_layers", "n_layer", "n_layers", "num_layers") if name in names), None)
    if not kinds or depth is None or "layer_types" not in names:
        return {}
    kinds = kinds if len(kinds) > 1 else kinds * 2
    return {"layer_types": kinds, depth: len(kinds)}


def _made(kind: Any) -> Any:
    try:
        return kind()
    except Exception:  # its defaults do not fit each other: the fields' own will do
        return None


def _value(config: Any, name: str) -> Any:
    try:
        return getattr(config, name, None)
    except Exception:  # transformers' word for what differs by layer
        return type(config).__dataclass_fields__[name].default


def named(family: str, folder: Path, made_as: str) -> None:
    """A folder that says that it holds such a model: as far as reading its weights."""
    import torch
    from safetensors.torch import save_file

    said = {"model_type": family, "architectures": [made_as], "text_config": {"vocab_size": WORDS}}
    (folder / "config.json").write_text(json.dumps(said))
    save_file({"weight": torch.zeros(4, 4)}, folder / "model.safetensors", metadata={"format": "pt"})


def tokenizer(*, ends: bool) -> Any:
    """A token for each byte; with `ends`, one more that ends the text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    words = ["<s>", "</s>", "<pad>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    core = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, []))
    core.pre_tokenizer, core.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    if ends:
        core.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", EOS)])
    return PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", pad_token="<pad>", model_max_length=WINDOW
    )


class Made:
    """A tiny model of a family: in this process, and as a folder."""

    def __init__(self, family: str, auto: str, folder: Path, tokenizer: Path, **config: Any):
        import torch
        import transformers

        torch.manual_seed(0)
        self.model = getattr(transformers, auto).from_config(tiny(family, **config)).eval()
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(tokenizer)
        if getattr(self.model, "generation_config", None) is not None:
            self.model.generation_config.max_length = None
        self.model.save_pretrained(folder)
        shutil.copytree(tokenizer, folder, dirs_exist_ok=True)

    def inputs(self, text: str) -> Any:
        return self.tokenizer(text, return_tensors="pt", return_token_type_ids=False)

    def written(self, text: str) -> list[int]:
        """Greedily, without the end."""
        import torch

        torch.manual_seed(0)  # Reformer draws as it reads
        inputs = self.inputs(text)
        row = self.model.generate(
            **inputs, max_new_tokens=6, min_new_tokens=1, do_sample=False, num_beams=1, pad_token_id=PAD
        )[0].tolist()
        row = row[1 if self.model.config.is_encoder_decoder else inputs["input_ids"].shape[1] :]
        ends = self.model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [EOS if ends is None else ends]
        return row[: next((i for i, token in enumerate(row) if token in ends), len(row))]

    def judged(self, text: str) -> list[float]:
        import torch

        torch.manual_seed(0)
        with torch.inference_mode():
            return self.model(**self.inputs(text)).logits[0].float().softmax(-1).tolist()

    def embedded(self, text: str) -> list[float]:
        """The mean of its token vectors."""
        import torch

        torch.manual_seed(0)
        reader = self.model.get_encoder() if self.model.config.is_encoder_decoder else self.model
        with torch.inference_mode():
            return reader(**self.inputs(text)).last_hidden_state[0].float().mean(0).tolist()
