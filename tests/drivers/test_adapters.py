"""LoRA laid over a model in place, compared with PEFT called directly."""

from __future__ import annotations

import gc
import json
import logging
import shutil
import threading
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import torch

import mc_jupyter as mc
from mc_jupyter.drivers import AdapterKey
from mc_jupyter.drivers._lora.fit import check_adapter
from mc_jupyter.drivers._lora.layers import Adapters
from mc_jupyter.errors import ComposeError, PlanError, UnsafeWeights, WeightsError
from mc_jupyter.events import Note, Run
from tests import adapters, models
from tests.conftest import cell

Load = Callable[..., Any]
TOKENS = torch.arange(20, 52)[None]


def load(folder: Path, auto: str = "AutoModelForCausalLM", **arguments: Any) -> Any:
    import transformers

    return getattr(transformers, auto).from_pretrained(folder, **arguments).eval()


def quantized(folder: Path, kind: str, double: bool = False) -> Any:
    from transformers import BitsAndBytesConfig

    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    eight = kind == "int8"
    config = BitsAndBytesConfig(
        load_in_8bit=eight,
        load_in_4bit=not eight,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=double,
    )
    return load(folder, dtype=torch.float32, quantization_config=config)


def says(model: Any, **inputs: Any) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = model(**({"input_ids": TOKENS} | inputs)).logits
        return logits.clone()


def plan(folder: Path, dtype: str = "float32", **more: Any) -> AdapterKey:
    return AdapterKey((str(folder),), dtype, name=folder.name, **more)


def laid(model: Any, *folders: Path, dtype: str = "float32", **more: Any) -> tuple[Adapters, list[AdapterKey]]:
    on = Adapters(model)
    plans = [plan(folder, dtype, **more) for folder in folders]
    for each, folder in zip(plans, folders, strict=True):
        on.attach(each, adapters.checkpoint(folder))
    return on, plans


def peft(model: Any, *folders: Path, **weights: float) -> Any:
    """PEFT itself, with these weights (by folder name) by its own `set_scale`; as trained where none are given."""
    from peft import PeftModel
    from peft.tuners.lora import LoraLayer

    made = PeftModel.from_pretrained(model, str(folders[0]), adapter_name=folders[0].name)
    for folder in folders[1:]:
        made.load_adapter(str(folder), adapter_name=folder.name)
    made.base_model.set_adapter([folder.name for folder in folders])
    for layer in made.modules():
        if isinstance(layer, LoraLayer):
            for name, weight in weights.items():
                layer.set_scale(name, weight)
    return made.eval()


def far(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one.detach().float() - other.detach().float()).abs().max())


def outline(model: Any) -> list[tuple[str, int, bool]]:
    """Every module by name and identity, and whether it is in training."""
    return [(name, id(module), module.training) for name, module in model.named_modules()]


def numbers(model: Any) -> list[tuple[str, int, torch.dtype, bool]]:
    return [(name, id(tensor), tensor.dtype, tensor.requires_grad) for name, tensor in model.named_parameters()]


@pytest.fixture(scope="module")
def tales(tmp_path_factory: pytest.TempPathFactory, llama: Path) -> Path:
    return adapters.lora(tmp_path_factory.mktemp("a") / "tales", llama, rank=4)


@pytest.fixture(scope="module")
def verse(tmp_path_factory: pytest.TempPathFactory, llama: Path) -> Path:
    """Another rank, other modules (some shared), another scale, patterns."""
    return adapters.lora(
        tmp_path_factory.mktemp("b") / "verse", llama, rank=8, alpha=12, seed=2, rslora=True,
        targets=("q_proj", "down_proj", "gate_proj"), rank_pattern={"down_proj": 3}, alpha_pattern={"q_proj": 5},
    )  # fmt: skip


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve million parameters."""
    return models.llama(
        tmp_path_factory.mktemp("large"), hidden_size=512, intermediate_size=1408, num_hidden_layers=4,
        num_attention_heads=8, num_key_value_heads=4, initializer_range=0.05,
    )  # fmt: skip


class TestSums:
    def test_one_adapter_is_what_peft_gives(self, llama: Path, tales: Path) -> None:
        model = load(llama)
        on, (one,) = laid(model, tales)
        on.use({one: 1})
        assert torch.equal(says(model), says(peft(load(llama), tales)))

    @pytest.mark.parametrize("weight", [0.5, 1.7, -0.8])
    def test_a_weight_multiplies_the_trained_scale(self, llama: Path, tales: Path, weight: float) -> None:
        model = load(llama)
        on, (one,) = laid(model, tales)
        on.use({one: weight})
        assert far(says(model), says(peft(load(llama), tales, tales=weight))) < 1e-5

    def test_rslora_and_patterns_keep_their_scales(self, llama: Path, verse: Path) -> None:
        model = load(llama)
        on, (one,) = laid(model, verse)
        on.use({one: 1})
        assert torch.equal(says(model), says(peft(load(llama), verse)))
        facts = on.facts()[one]
        assert facts.ranks == (3, 8)
        assert facts.scales == pytest.approx((5 / 8**0.5, 12 / 3**0.5))

    def test_two_of_different_ranks_are_pefts_concatenation(self, large: Path, tmp_path: Path) -> None:
        first = adapters.lora(tmp_path / "first", large, rank=8, size=0.05)
        second = adapters.lora(tmp_path / "second", large, rank=3, size=0.05, seed=2, rslora=True)
        model = load(large)
        assert model.num_parameters() > 10_000_000
        bare = says(model)
        on, (one, two) = laid(model, first, second)
        on.use({one: 0.7, two: 0.3})
        direct = peft(load(large), first, second)
        direct.add_weighted_adapter(["first", "second"], [0.7, 0.3], "both", combination_type="cat")
        direct.set_adapter("both")
        assert far(says(model), says(direct)) < 1e-5
        assert far(says(model), bare) > 0.1

    def test_no_weight_is_the_base_bit_for_bit(self, llama: Path, tales: Path, verse: Path) -> None:
        model = load(llama)
        bare = says(model)
        on, (one, two) = laid(model, tales, verse)
        assert torch.equal(says(model), bare)  # attached, and taking no part
        on.use({one: 1, two: 0.5})
        assert far(says(model), bare) > 0.1
        on.use({one: 0, two: 0.0})
        assert torch.equal(says(model), bare)
        on.use({one: 1})
        on.use({})
        assert torch.equal(says(model), bare)

    def test_only_the_named_ones_take_part(self, llama: Path, tales: Path, verse: Path) -> None:
        model = load(llama)
        on, (one, two) = laid(model, tales, verse)
        alone = {}
        for folder in (tales, verse):
            fresh = load(llama)
            other, (single,) = laid(fresh, folder)
            other.use({single: 0.6})
            alone[folder] = says(fresh)
        for _ in range(3):
            on.use({one: 0.6})
            assert torch.equal(says(model), alone[tales])
            on.use({two: 0.6, one: 0})
            assert torch.equal(says(model), alone[verse])

    def test_the_same_call_gives_the_same_bits_whatever_ran_between(
        self, llama: Path, tales: Path, verse: Path
    ) -> None:
        model = load(llama)
        on, (one, two) = laid(model, tales, verse)
        on.use({one: 0.7, two: 0.3})
        first = says(model)
        for between in ({two: 0.3, one: 0.7}, {two: -1.5}, {}):
            on.use({})
            on.use(between)
            on.use({one: 0.7, two: 0.3})
            assert torch.equal(says(model), first)

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_half_precision_bases_and_adapters(self, llama: Path, tales: Path, dtype: str) -> None:
        model = load(llama, dtype=dtype)
        bare = says(model)
        on, (one,) = laid(model, tales, dtype="float32")
        on.use({one: 1})
        direct = says(peft(load(llama, dtype=dtype), tales))  # PEFT holds the matrices in float32
        assert says(model).dtype == getattr(torch, dtype)
        assert torch.equal(says(model), direct)
        on.detach(one)
        half = plan(tales, dtype)
        on.attach(half, adapters.checkpoint(tales))
        on.use({half: 1})
        assert on.facts()[half].dtype == dtype
        assert far(says(model), direct) < far(direct, bare) / 10
        on.use({})
        assert torch.equal(says(model), bare)

    def test_texts_are_those_of_peft_token_for_token(self, llama: Path, tales: Path) -> None:
        model = load(llama)
        arguments = {"max_new_tokens": 16, "do_sample": False}
        bare = model.generate(TOKENS, **arguments)
        on, (one,) = laid(model, tales)
        on.use({one: 1.7})
        written = model.generate(TOKENS, **arguments)
        assert torch.equal(written, peft(load(llama), tales, tales=1.7).generate(input_ids=TOKENS, **arguments))
        assert not torch.equal(written, bare)

    def test_all_linear_layers_and_dropout_in_training_change_nothing_now(self, llama: Path, tmp_path: Path) -> None:
        folder = adapters.lora(tmp_path / "all", llama, targets="all-linear", lora_dropout=0.5)
        model = load(llama)
        on, (one,) = laid(model, folder)
        on.use({one: 1})
        assert on.facts()[one].modules == 14
        assert not any(module.training for module in model.modules())
        assert torch.equal(says(model), says(model))
        assert torch.equal(says(model), says(peft(load(llama), folder)))

    def test_some_layers_only(self, llama: Path, tmp_path: Path) -> None:
        folder = adapters.lora(
            tmp_path / "some", llama, targets=r".*_proj", layers_to_transform=None, exclude_modules=r".*\.0\..*"
        )
        second = adapters.lora(tmp_path / "second", llama, layers_to_transform=[1], layers_pattern="layers")
        for each, modules in ((folder, 7), (second, 2)):
            check_adapter(adapters.base(llama), adapters.checkpoint(each), "mine")
            model = load(llama)
            on, (one,) = laid(model, each)
            on.use({one: 1})
            assert on.facts()[one].modules == modules
            assert torch.equal(says(model), says(peft(load(llama), each)))


class TestQuantizedBases:
    @pytest.mark.parametrize(("kind", "double"), [("int8", False), ("nf4", False), ("nf4", True)])
    def test_sums_equal_pefts_and_none_is_the_base(
        self, llama: Path, tales: Path, verse: Path, kind: str, double: bool
    ) -> None:
        model = quantized(llama, kind, double)
        says(model)  # bitsandbytes packs 4-bit weights for the CPU in the first call
        bare, own = says(model), outline(model)
        on, (one, two) = laid(model, tales, verse)
        assert torch.equal(says(model), bare)
        on.use({one: 0.7, two: 0.3})
        # PEFT over a base that has not run yet: over one that has, it would change the base (see `_adapters`).
        assert torch.equal(says(model), says(peft(quantized(llama, kind, double), tales, verse, tales=0.7, verse=0.3)))
        on.use({one: 0})
        assert torch.equal(says(model), bare)
        on.detach(one)
        on.detach(two)
        assert torch.equal(says(model), bare)
        assert outline(model) == own

    def test_a_four_bit_base_may_run_after_its_adapter_came(self, llama: Path, tales: Path) -> None:
        bare = says(quantized(llama, "nf4"))
        model = quantized(llama, "nf4")
        on, (one,) = laid(model, tales)
        assert torch.equal(says(model), bare)
        on.use({one: 1})
        assert far(says(model), bare) > 0.1


class TestArchitectures:
    def test_gpt2_whose_layers_are_transposed(self, tmp_path: Path) -> None:
        from transformers import GPT2Config, GPT2LMHeadModel

        torch.manual_seed(0)
        config = GPT2Config(vocab_size=128, n_embd=32, n_layer=2, n_head=2, n_positions=64, initializer_range=0.3)
        GPT2LMHeadModel(config).save_pretrained(tmp_path / "gpt2")
        base = tmp_path / "gpt2"
        folder = adapters.lora(tmp_path / "lora", base, targets=("c_attn", "c_fc"), fan_in_fan_out=True)
        check_adapter(adapters.base(base), adapters.checkpoint(folder), "lora")
        same_as_peft(base, folder)
        file = folder / "adapter_config.json"  # PEFT finds out by itself
        file.write_text(json.dumps(json.loads(file.read_text()) | {"fan_in_fan_out": False}))
        check_adapter(adapters.base(base), adapters.checkpoint(folder), "lora")
        same_as_peft(base, folder)

    def test_a_mixture_of_experts_but_not_its_experts(self, tmp_path: Path) -> None:
        from transformers import MixtralConfig, MixtralForCausalLM

        torch.manual_seed(0)
        config = MixtralConfig(
            vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
            num_key_value_heads=2, num_local_experts=2, initializer_range=0.2,
        )  # fmt: skip
        MixtralForCausalLM(config).save_pretrained(tmp_path / "mixtral")
        folder = adapters.lora(tmp_path / "lora", tmp_path / "mixtral")
        check_adapter(adapters.base(tmp_path / "mixtral"), adapters.checkpoint(folder), "lora")
        same_as_peft(tmp_path / "mixtral", folder)
        file = folder / "adapter_config.json"  # as transformers 4 named the experts' modules
        file.write_text(json.dumps(json.loads(file.read_text()) | {"target_modules": ["q_proj", "w1", "w2", "w3"]}))
        assert "experts" in str(refused(tmp_path / "mixtral", folder))

    def test_t5(self, t5: Path, tmp_path: Path) -> None:
        folder = adapters.lora(tmp_path / "lora", t5, auto="AutoModelForSeq2SeqLM", targets=("q", "v", "wo"))
        check_adapter(adapters.base(t5), adapters.checkpoint(folder), "lora")
        same_as_peft(t5, folder, "AutoModelForSeq2SeqLM", decoder_input_ids=TOKENS[:, :7])

    def test_a_bert_classifier(self, classifier: Path, tmp_path: Path) -> None:
        auto = "AutoModelForSequenceClassification"
        folder = adapters.lora(tmp_path / "lora", classifier, auto=auto, targets=("query", "dense"))
        check_adapter(adapters.base(classifier), adapters.checkpoint(folder), "lora")
        same_as_peft(classifier, folder, auto)

    def test_an_embedding_table(self, llama: Path, tmp_path: Path) -> None:
        folder = adapters.lora(tmp_path / "lora", llama, targets=("embed_tokens", "o_proj"), embedding=False)
        check_adapter(adapters.base(llama), adapters.checkpoint(folder), "lora")
        same_as_peft(llama, folder)


def same_as_peft(base: Path, folder: Path, auto: str = "AutoModelForCausalLM", **inputs: Any) -> None:
    model = load(base, auto)
    bare, own = says(model, **inputs), outline(model)
    on, (one,) = laid(model, folder)
    on.use({one: 1})
    assert torch.equal(says(model, **inputs), says(peft(load(base, auto), folder), **inputs))
    assert far(says(model, **inputs), bare) > 1e-3
    on.detach(one)
    assert torch.equal(says(model, **inputs), bare)
    assert outline(model) == own


def refused(base: Path, folder: Path, *, auto: str = "AutoModelForCausalLM") -> ComposeError:
    """What attaching says; the model, with another adapter on it or none, is as before in every respect."""
    model = load(base, auto)
    bare, before = says(model), (outline(model), numbers(model), set(vars(model)))
    on = Adapters(model)
    with pytest.raises(ComposeError) as caught:
        on.attach(plan(folder), adapters.checkpoint(folder))
    assert (outline(model), numbers(model), set(vars(model))) == before
    assert torch.equal(says(model), bare)
    assert on.facts() == {}
    return caught.value


def checked(base: Path, folder: Path) -> ComposeError:
    with pytest.raises(ComposeError) as caught:
        check_adapter(adapters.base(base), adapters.checkpoint(folder), "mine")
    return caught.value


def again(folder: Path, target: Path, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> Path:
    """The same adapter with other tensors in its file."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, target)
    save_file(edit(load_file(folder / "adapter_model.safetensors")), target / "adapter_model.safetensors")
    return target


SEQUENCES = "AutoModelForSequenceClassification"


class TestBesideMatrices:
    """Heads, biases and tables that an adapter brings: all of it is laid, as PEFT lays it."""

    def test_a_head_of_its_own(self, classifier: Path, tmp_path: Path) -> None:
        folder = adapters.lora(tmp_path / "a", classifier, auto=SEQUENCES, targets=("query",), task_type="SEQ_CLS")
        check_adapter(adapters.base(classifier), adapters.checkpoint(folder), "a")
        same_as_peft(classifier, folder, SEQUENCES)
        on, (one,) = laid(load(classifier, SEQUENCES), folder)
        facts = on.facts()[one]
        assert (facts.modules, facts.parameters) == (2, 2)
        assert facts.notes == ("adapter a brings its own classifier, in the place of the model's",)

    def test_a_head_whose_inside_the_targets_also_name(self, tmp_path: Path) -> None:
        from transformers import RobertaConfig, RobertaForSequenceClassification

        config = RobertaConfig(
            vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
            max_position_embeddings=80, initializer_range=0.3,
        )  # fmt: skip
        RobertaForSequenceClassification(config).save_pretrained(tmp_path / "base")
        folder = adapters.lora(
            tmp_path / "a", tmp_path / "base", auto=SEQUENCES, targets=("query", "dense"), task_type="SEQ_CLS"
        )
        same_as_peft(tmp_path / "base", folder, SEQUENCES)

    def test_a_head_over_a_base_that_has_none(self, encoder: Path, tmp_path: Path, session: mc.Session) -> None:
        from transformers import AutoTokenizer

        folder = adapters.lora(tmp_path / "a", encoder, auto=SEQUENCES, targets=("query",), task_type="SEQ_CLS")
        own = peft(load(encoder, SEQUENCES), folder)
        tokens = AutoTokenizer.from_pretrained(encoder)("a fine day", return_tensors="pt")
        with torch.no_grad():
            wanted = own(**tokens).logits.softmax(-1)[0].max().item()
        notes = []
        run = Run(lambda event: notes.append(event.text) if isinstance(event, Note) else None)
        line = f"peft_adapters: [{{name: mine, model: {folder}}}]"
        handle = session.load(cell("text-classification", encoder, line), run=run)
        assert handle("a fine day")["score"] == pytest.approx(wanted, abs=1e-6)
        assert "adapter mine brings its own classifier, in the place of the model's" in notes

    def test_a_head_for_other_classes_says_how_many(self, classifier: Path, tmp_path: Path) -> None:
        three = models.classifier(tmp_path / "three", labels=("a", "b", "c"))
        folder = adapters.lora(tmp_path / "a", three, auto=SEQUENCES, targets=("query",), task_type="SEQ_CLS")
        error = str(refused(classifier, folder, auto=SEQUENCES))
        assert "at classifier.bias it fits 3, this model has 2" in error
        assert '"num_labels": 3 in the base\'s config.json' in error

    @pytest.mark.parametrize("tied", [True, False])
    @pytest.mark.parametrize(
        "whole", [["lm_head"], ["embed_tokens"], ["embed_tokens", "lm_head"], ["norm", "input_layernorm"], ["0.mlp"]]
    )
    def test_whole_modules_are_copies_of_their_own(self, tied: bool, whole: list[str], tmp_path: Path) -> None:
        base = models.llama(tmp_path / "base", tie_word_embeddings=tied)
        folder = adapters.lora(tmp_path / "a", base, targets=("q_proj", "down_proj"), modules_to_save=whole)
        check_adapter(adapters.base(base), adapters.checkpoint(folder), "a")
        same_as_peft(base, folder)

    @pytest.mark.parametrize("which", ["all", "lora_only"])
    def test_biases_trained_along(self, classifier: Path, tmp_path: Path, which: str) -> None:
        folder = adapters.lora(tmp_path / "a", classifier, auto=SEQUENCES, targets=("query", "value"), bias=which)
        check_adapter(adapters.base(classifier), adapters.checkpoint(folder), "a")
        same_as_peft(classifier, folder, SEQUENCES)

    def test_all_biases_with_a_head_of_its_own(self, classifier: Path, tmp_path: Path) -> None:
        """PEFT then saves the head's bias three times: the adapter's under two names, and the model's own."""
        folder = adapters.lora(
            tmp_path / "a", classifier, auto=SEQUENCES, targets=("query",), bias="all", task_type="SEQ_CLS"
        )
        check_adapter(adapters.base(classifier), adapters.checkpoint(folder), "a")
        same_as_peft(classifier, folder, SEQUENCES)
        on, (one,) = laid(load(classifier, SEQUENCES), folder)
        assert "classifier.original_module.bias is of its base's head" in on.facts()[one].notes[0]

    def test_two_values_of_one_parameter(self, classifier: Path, tmp_path: Path) -> None:
        made = adapters.lora(tmp_path / "a", classifier, auto=SEQUENCES, targets=("query",), task_type="SEQ_CLS")
        more = {"base_model.model.classifier.modules_to_save.default.bias": torch.ones(2)}
        folder = again(made, tmp_path / "b", lambda state: state | more)
        assert "two values of classifier.bias" in str(refused(classifier, folder, auto=SEQUENCES))

    def test_biases_of_the_products(self, classifier: Path, tmp_path: Path) -> None:
        folder = adapters.lora(tmp_path / "a", classifier, auto=SEQUENCES, targets=("query", "value"), lora_bias=True)
        check_adapter(adapters.base(classifier), adapters.checkpoint(folder), "a")
        same_as_peft(classifier, folder, SEQUENCES)

    def test_a_table_saved_along_that_nobody_trained_is_the_models(self, llama: Path, tmp_path: Path) -> None:
        folder = adapters.lora(tmp_path / "a", llama, targets=("embed_tokens", "q_proj"), embedding=True)
        check_adapter(adapters.base(llama), adapters.checkpoint(folder), "a")
        same_as_peft(llama, folder)
        on, (one,) = laid(load(llama), folder)
        assert on.facts()[one].parameters == 0

    def test_a_tied_table_that_was_trained_changes_at_both_ends(self, tmp_path: Path) -> None:
        base = models.llama(tmp_path / "base", tie_word_embeddings=True)
        folder = again(
            adapters.lora(tmp_path / "a", base, targets=("embed_tokens",), embedding=True),
            tmp_path / "b",
            lambda state: {k: t + 0.1 if "base_layer" in k else t for k, t in state.items()},
        )
        same_as_peft(base, folder)

    def test_a_table_of_another_vocabulary_says_so(self, llama: Path, tmp_path: Path) -> None:
        folder = again(
            adapters.lora(tmp_path / "a", llama, targets=("embed_tokens",), embedding=True),
            tmp_path / "b",
            lambda state: {k: t[:-3].clone() if "base_layer" in k else t for k, t in state.items()},
        )
        assert "another size: at model.embed_tokens.weight" in str(refused(llama, folder))

    @pytest.mark.parametrize("weight", [0.0, 0.25, 1.0, 1.5])
    def test_a_weight_is_the_way_from_the_models_head_to_the_adapters(
        self, classifier: Path, tmp_path: Path, weight: float
    ) -> None:
        folder = adapters.lora(tmp_path / "a", classifier, auto=SEQUENCES, targets=("query",), task_type="SEQ_CLS")
        model, wanted, theirs = (load(classifier, SEQUENCES) for _ in range(3))
        own, other = wanted.classifier.bias.data, peft(theirs, folder).classifier.modules_to_save[folder.name].bias.data
        on, (one,) = laid(model, folder)
        on.use({one: weight})
        assert far(model.classifier.bias, own + weight * (other - own)) < 1e-6

    def test_two_heads_are_summed_as_differences(self, classifier: Path, tmp_path: Path) -> None:
        made = partial(adapters.lora, base=classifier, auto=SEQUENCES, targets=("query",), task_type="SEQ_CLS")
        folders = [made(tmp_path / f"a{n}", seed=n) for n in (1, 2)]
        own, model = load(classifier, SEQUENCES).classifier.bias.data, load(classifier, SEQUENCES)
        others = [peft(load(classifier, SEQUENCES), f).classifier.modules_to_save[f.name].bias.data for f in folders]
        on, (one, two) = laid(model, *folders)
        on.use({one: 1, two: 0.5})
        assert far(model.classifier.bias, own + (others[0] - own) + 0.5 * (others[1] - own)) < 1e-6
        on.detach(one)
        on.use({two: 1})
        assert torch.equal(model.classifier.bias, others[1])

    def test_a_head_is_laid_beside_an_equal_one_that_is_in_use(self, classifier: Path, tmp_path: Path) -> None:
        made = adapters.lora(tmp_path / "a", classifier, auto=SEQUENCES, targets=("query",), task_type="SEQ_CLS")
        same = again(made, tmp_path / "b", lambda state: state)
        model = load(classifier, SEQUENCES)
        on, (one,) = laid(model, made)
        on.use({one: 1})
        head = model.classifier.bias
        on.attach(plan(same), adapters.checkpoint(same))
        assert torch.equal(model.classifier.bias, head)  # and the one in use stays in use
        on.use({plan(same): 1})
        assert torch.equal(model.classifier.bias, head)

    def test_a_tied_table_is_laid_at_both_ends_while_another_is_in_use(self, tmp_path: Path) -> None:
        base = models.llama(tmp_path / "base", tie_word_embeddings=True)
        made = adapters.lora(tmp_path / "a", base, targets=("embed_tokens",), embedding=True)

        def trained(by: int) -> Path:
            def change(state: dict[str, Any]) -> dict[str, Any]:
                return {key: tensor + by if "base_layer" in key else tensor for key, tensor in state.items()}

            return again(made, tmp_path / f"b{by}", change)

        first, second = trained(1), trained(2)
        model = load(base)
        on, (one,) = laid(model, first)
        on.use({one: 1})
        on.attach(plan(second), adapters.checkpoint(second))
        on.use({plan(second): 1})
        ends = (model.get_input_embeddings(), model.get_output_embeddings())
        tables = [getattr(end, "base_layer", end).weight for end in ends]
        assert torch.equal(*tables)

    @pytest.mark.parametrize("kind", ["int8", "nf4"])
    def test_a_head_beside_a_quantized_base(self, kind: str, llama: Path, tmp_path: Path) -> None:
        """Its own numbers are held as they are; a parameter in few bits cannot be another one."""
        whole = adapters.lora(tmp_path / "whole", llama, modules_to_save=["lm_head"])
        model = quantized(llama, kind)
        on, (one,) = laid(model, whole)
        on.use({one: 1})
        assert torch.equal(model.lm_head.weight, peft(load(llama), whole).lm_head.modules_to_save["whole"].weight)
        inside = adapters.lora(tmp_path / "inside", llama, targets=("q_proj",), modules_to_save=["down_proj"])
        with pytest.raises(PlanError, match="quantized"):
            on.attach(plan(inside), adapters.checkpoint(inside))


class TestOtherNames:
    """An adapter trained on a model with a head, or without, or saved under bare names, is the same adapter."""

    @pytest.mark.parametrize(
        ("whose", "ours"),
        [
            ("base_model.model.", ""),
            ("base_model.model.", "base_model.model.base_model.model."),
            ("base_model.model.", "base_model.model.module."),
            ("base_model.model.model.", "base_model.model._orig_mod.model."),
            ("layers.0.", "layers.0._fsdp_wrapped_module."),
            (".lora_A.", ".lora_A.default."),
        ],
    )
    def test_names_with_more_or_less_around_them(
        self, llama: Path, tales: Path, tmp_path: Path, whose: str, ours: str
    ) -> None:
        folder = again(tales, tmp_path / "other", lambda s: {k.replace(whose, ours, 1): t for k, t in s.items()})
        check_adapter(adapters.base(llama), adapters.checkpoint(folder), "other")
        model = load(llama)
        on, (one,) = laid(model, folder)
        on.use({one: 1})
        assert torch.equal(says(model), says(peft(load(llama), tales)))

    @pytest.mark.parametrize("bare", [True, False])
    def test_a_model_without_its_head(self, llama: Path, verse: Path, tmp_path: Path, bare: bool) -> None:
        """`layers.0…` over `model.layers.0…`, and the other way round; ranks and alphas go along."""
        theirs, ours = ("AutoModel", "AutoModelForCausalLM") if bare else ("AutoModelForCausalLM", "AutoModel")
        folder = adapters.lora(
            tmp_path / "a", llama, auto=theirs, rank=8, alpha=12, rslora=True, targets=("q_proj", "down_proj"),
            rank_pattern={"layers.1.mlp.down_proj": 3}, alpha_pattern={"0.self_attn.q_proj": 5},
        )  # fmt: skip
        check_adapter(adapters.base(llama), adapters.checkpoint(folder), "a")
        model, wanted = load(llama, ours), peft(load(llama, theirs), folder)
        on, (one,) = laid(model, folder)
        on.use({one: 1})
        inner, own = (getattr(each, "model", each) for each in (model, wanted.base_model.model))
        with torch.no_grad():
            assert torch.equal(inner(TOKENS).last_hidden_state, own(TOKENS).last_hidden_state)
        assert on.facts()[one].ranks == (3, 8)


class TestComingAndGoing:
    def test_the_last_one_off_leaves_the_models_own_modules(self, llama: Path, tales: Path, verse: Path) -> None:
        model = load(llama)
        bare, own, held, attributes = says(model), outline(model), numbers(model), set(vars(model))
        on, (one, two) = laid(model, tales, verse)
        on.use({one: 1, two: 1})
        on.detach(one)
        assert list(on.facts()) == [two]
        assert "base_layer" not in dict(model.model.layers[0].self_attn.v_proj.named_children())  # only tales was here
        on.detach(two)
        assert (outline(model), numbers(model), set(vars(model))) == (own, held, attributes)
        assert torch.equal(says(model), bare)

    def test_one_off_leaves_the_other_as_it_was_in_use(self, llama: Path, tales: Path, verse: Path) -> None:
        model = load(llama)
        on, (one, two) = laid(model, tales, verse)
        on.use({two: 0.4})
        before = says(model)
        on.use({one: 1, two: 0.4})
        on.detach(one)
        assert torch.equal(says(model), before)
        on.attach(one, adapters.checkpoint(tales))
        assert torch.equal(says(model), before)

    def test_attaching_twice_is_once(self, llama: Path, tales: Path) -> None:
        on, (one,) = laid(load(llama), tales)
        modules = outline(on.model)
        on.attach(one, adapters.checkpoint(tales))
        assert outline(on.model) == modules

    @pytest.mark.parametrize("low_cpu_mem_usage", [False, True])
    def test_with_and_without_low_cpu_mem_usage(self, llama: Path, tales: Path, low_cpu_mem_usage: bool) -> None:
        model = load(llama)
        on, (one,) = laid(model, tales, low_cpu_mem_usage=low_cpu_mem_usage)
        on.use({one: 1})
        assert torch.equal(says(model), says(peft(load(llama), tales)))
        assert not any(parameter.is_meta for parameter in model.parameters())

    def test_low_cpu_mem_usage_is_nothing_to_other_threads(self, llama: Path, tales: Path) -> None:
        seen, done = set(), threading.Event()

        def work() -> None:
            while not done.is_set():
                seen.add(torch.nn.Linear(2, 2).weight.is_meta)

        other = threading.Thread(target=work)
        on = Adapters(load(llama))
        other.start()
        try:
            for number in range(3):
                each = AdapterKey((number,), "float32", low_cpu_mem_usage=True)
                on.attach(each, adapters.checkpoint(tales))
        finally:
            done.set()
            other.join()
        assert seen == {False}

    def test_facts_are_read_from_the_layers(self, llama: Path, tales: Path) -> None:
        on, (one,) = laid(load(llama), tales)
        facts = on.facts()[one]
        assert (facts.modules, facts.ranks, facts.scales, facts.dtype) == (4, (4, 4), (0, 0), "float32")
        # per layer: q 64→64, v 64→32, two of each
        assert facts.bytes == 4 * 2 * (4 * 64 + 64 * 4 + 4 * 64 + 32 * 4)
        on.use({one: -0.5})
        assert on.facts()[one].scales == (-1, -1)

    def test_nobodys_random_numbers_change(self, llama: Path, tales: Path) -> None:
        model = load(llama)
        torch.manual_seed(7)
        wanted = torch.rand(3)
        torch.manual_seed(7)
        laid(model, tales)
        assert torch.equal(torch.rand(3), wanted)

    def test_the_files_may_be_trained_again_meanwhile(self, llama: Path, tales: Path, tmp_path: Path) -> None:
        folder = tmp_path / "tales"
        shutil.copytree(tales, folder)
        model = load(llama)
        on, (one,) = laid(model, folder)
        on.use({one: 1})
        before = says(model)
        with (folder / "adapter_model.safetensors").open("r+b") as file:
            file.seek(-4096, 2)
            file.write(b"\x7f" * 4096)
        assert torch.equal(says(model), before)

    def test_closing_lets_the_model_go(self, llama: Path, tales: Path) -> None:
        model = load(llama)
        on, (one,) = laid(model, tales)
        on.use({one: 1})
        seen = weakref.ref(model), weakref.ref(model.model.layers[0].self_attn.q_proj)
        on.close()
        del model
        gc.collect()
        assert [each() for each in seen] == [None, None]

    def test_what_is_not_there_cannot_be_used(self, llama: Path, tales: Path, verse: Path) -> None:
        model = load(llama)
        on, (one,) = laid(model, tales)
        on.use({one: 1})
        before = says(model)
        with pytest.raises(LookupError, match="verse"):
            on.use({one: 0.5, plan(verse): 0.5})
        assert torch.equal(says(model), before)

    def test_weights_change_in_milliseconds_and_stay_in_microseconds(self, large: Path, tmp_path: Path) -> None:
        folders = [adapters.lora(tmp_path / f"a{n}", large, seed=n, targets="all-linear") for n in (1, 2)]
        on, (one, two) = laid(load(large), *folders)
        changes = [_seconds(partial(on.use, {one: w, two: 1 - w})) for w in (0.1, 0.2, 0.3, 0.4, 0.5)]
        stays = [_seconds(lambda: on.use({one: 0.5, two: 0.5})) for _ in range(50)]
        assert min(changes) < 0.02
        assert min(stays) < 0.0001


def _seconds(action: Callable[[], object]) -> float:
    start = perf_counter()
    action()
    return perf_counter() - start


class TestRefusals:
    """Before anything is read; and, for what only the model can tell, with nothing left behind."""

    @pytest.fixture
    def changed(self, tales: Path, tmp_path: Path) -> Callable[..., Path]:
        """The adapter `tales` with other entries in its adapter_config.json."""

        def made(**entries: Any) -> Path:
            folder = tmp_path / "changed"
            shutil.copytree(tales, folder)
            file = folder / "adapter_config.json"
            file.write_text(json.dumps(json.loads(file.read_text()) | entries))
            return folder

        return made

    def test_what_fits_passes(self, llama: Path, tales: Path, verse: Path) -> None:
        for folder in (tales, verse):
            check_adapter(adapters.base(llama), adapters.checkpoint(folder), "mine")

    @pytest.mark.parametrize(
        ("entry", "value"),
        [
            ("use_dora", True),
            ("trainable_token_indices", [1, 2]),
            ("layer_replication", [[0, 2], [1, 2]]),
            ("alora_invocation_tokens", [3]),
            ("use_qalora", True),
            ("target_parameters", ["experts.gate_up_proj"]),
            ("init_lora_weights", "pissa"),
            ("something_of_tomorrow", {"x": 1}),
        ],
    )
    def test_more_than_plain_matrices_is_named(
        self, llama: Path, changed: Callable[..., Path], entry: str, value: Any
    ) -> None:
        folder = changed(**{entry: value})
        for error in (checked(llama, folder), refused(llama, folder)):
            assert isinstance(error, PlanError)
            assert f"{entry}: " in str(error)
            assert "merge" in str(error)

    def test_every_kind_that_peft_saves_as_more_is_found(self, llama: Path, tmp_path: Path) -> None:
        dora = adapters.lora(tmp_path / "dora", llama, use_dora=True)
        assert "use_dora" in str(checked(llama, dora))
        words = adapters.lora(tmp_path / "words", llama, trainable_token_indices=[1, 2])
        assert "trainable_token_indices" in str(checked(llama, words))

    def test_tensors_that_no_field_tells_of(self, llama: Path, tales: Path, tmp_path: Path) -> None:
        folder = again(tales, tmp_path / "more", lambda state: state | {"base_model.model.surprise": torch.ones(2)})
        error = str(refused(llama, folder))
        assert "1 of the 5 layers that it changes are not in this model, first surprise" in error

    def test_one_tensor_with_and_without_the_prefix(self, llama: Path, tales: Path, tmp_path: Path) -> None:
        name = "model.layers.0.self_attn.q_proj.lora_A.weight"
        folder = again(tales, tmp_path / "two", lambda state: state | {name: torch.ones(4, 64)})
        for error in (checked(llama, folder), refused(llama, folder)):
            assert f"has {name} twice" in str(error)

    def test_half_of_a_layer_is_no_layer(self, llama: Path, tales: Path, tmp_path: Path) -> None:
        first = "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight"
        folder = again(tales, tmp_path / "half", lambda state: {k: t for k, t in state.items() if k != first})
        for error in (checked(llama, folder), refused(llama, folder)):
            assert "q_proj has no up matrix" in str(error)

    def test_a_head_that_its_config_promises_and_its_files_lack(
        self, llama: Path, changed: Callable[..., Path]
    ) -> None:
        error = str(refused(llama, changed(modules_to_save=["lm_head"])))
        assert "says that it brings lm_head" in error
        assert "have no lm_head.weight" in error

    def test_other_kinds_of_adapter(self, llama: Path, changed: Callable[..., Path]) -> None:
        assert "IA3" in str(checked(llama, changed(peft_type="IA3")))

    def test_no_adapter_at_all(self, llama: Path, tales: Path, tmp_path: Path) -> None:
        shutil.copy(tales / "adapter_model.safetensors", tmp_path)
        error = checked(llama, tmp_path)
        assert isinstance(error, WeightsError)
        assert "adapter_config.json" in str(error)

    def test_a_base_of_another_size(self, llama: Path, tales: Path, tmp_path: Path) -> None:
        wide = models.llama(tmp_path / "wide", hidden_size=128, num_attention_heads=4)
        for error in (checked(wide, tales), refused(wide, tales)):
            assert "another size" in str(error)
            assert "q_proj" in str(error)
            assert str(llama) in str(error)  # what it was trained on

    def test_a_base_with_no_such_modules(self, classifier: Path, llama: Path, tales: Path) -> None:
        for error in (
            checked(classifier, tales),
            refused(classifier, tales, auto="AutoModelForSequenceClassification"),
        ):
            assert "q_proj, v_proj" in str(error)
            assert "query" in str(error)
            assert str(llama) in str(error)

    def test_a_base_with_fewer_or_more_layers(self, tales: Path, tmp_path: Path) -> None:
        deep = models.llama(tmp_path / "deep", num_hidden_layers=3)
        assert "4 that this model has a place for are not in its files" in str(refused(deep, tales))
        flat = models.llama(tmp_path / "flat", num_hidden_layers=1)
        assert "4 of its tensors have no place in this model" in str(refused(flat, tales))

    def test_a_rank_that_its_config_does_not_say(self, llama: Path, changed: Callable[..., Path]) -> None:
        assert "lora_A.weight" in str(refused(llama, changed(r=5)))

    def test_modules_that_cannot_have_an_adapter(self, llama: Path, changed: Callable[..., Path]) -> None:
        error = refused(llama, changed(target_modules=["v_proj", "mlp"]))
        assert "cannot be laid over this model" in str(error)

    def test_layers_that_peft_changes_by_changing_the_base(self, tmp_path: Path) -> None:
        from peft import LoraConfig, get_peft_model

        def attention() -> torch.nn.Module:
            return torch.nn.ModuleDict({"attention": torch.nn.MultiheadAttention(8, 2)})

        made = get_peft_model(attention(), LoraConfig(target_modules=["attention"]))
        made.save_pretrained(tmp_path)
        model = attention()
        before = outline(model), numbers(model), set(vars(model))
        with pytest.raises(PlanError, match="MultiheadAttention"):
            Adapters(model).attach(plan(tmp_path), adapters.checkpoint(tmp_path))
        assert (outline(model), numbers(model), set(vars(model))) == before

    def test_a_damaged_file(self, llama: Path, tales: Path, tmp_path: Path) -> None:
        folder = tmp_path / "cut"
        shutil.copytree(tales, folder)
        files = adapters.checkpoint(folder)
        weights = folder / "adapter_model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
        with pytest.raises(WeightsError, match="cannot be read"):
            Adapters(load(llama)).attach(plan(folder), files)

    def test_an_error_leaves_the_others_on_and_in_use(
        self, llama: Path, tales: Path, verse: Path, changed: Callable[..., Path]
    ) -> None:
        model = load(llama)
        on, (one, two) = laid(model, tales, verse)
        on.use({one: 0.5, two: 0.25})
        answer, before = says(model), (outline(model), numbers(model), set(vars(model)), on.facts())
        wrong = changed(r=5, target_modules=["q_proj", "v_proj", "o_proj"])
        with pytest.raises(PlanError):
            on.attach(plan(wrong), adapters.checkpoint(wrong))
        assert (outline(model), numbers(model), set(vars(model)), on.facts()) == before
        assert torch.equal(says(model), answer)

    def test_pickles_are_read_when_they_hold_weights_alone(self, llama: Path, tales: Path, tmp_path: Path) -> None:
        folder = adapters.as_pickle(tales, tmp_path / "tales")
        model = load(llama)
        on, (one,) = laid(model, folder)
        on.use({one: 1})
        assert torch.equal(says(model), says(peft(load(llama), tales)))
        torch.save({"weight": torch.nn.Linear(2, 2)}, folder / "adapter_model.bin")
        with pytest.raises(UnsafeWeights):
            Adapters(load(llama)).attach(plan(folder), adapters.checkpoint(folder))

    def test_names_that_differ_by_a_first_part_are_the_same_module(self, llama: Path, tmp_path: Path) -> None:
        from safetensors.torch import load_file, save_file

        body = tmp_path / "body"
        shutil.copytree(llama, body)
        held = load_file(body / "model.safetensors")
        save_file({key.removeprefix("model."): t for key, t in held.items()}, body / "model.safetensors")
        wide = adapters.lora(
            tmp_path / "wide", models.llama(tmp_path / "other", hidden_size=128, num_attention_heads=4)
        )
        assert "another size" in str(checked(body, wide))
