"""quantization:, device_mode: and what is said of them, compared with transformers and bitsandbytes called directly."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

import mc_jupyter as mc
from mc_jupyter import weights
from mc_jupyter.drivers import ModelKey
from mc_jupyter.drivers import _quantization as quantization
from mc_jupyter.drivers.spandrel import Spandrel
from mc_jupyter.drivers.transformers import Transformers
from mc_jupyter.errors import PlanError
from mc_jupyter.events import Note, Run
from mc_jupyter.language.fields import LocalSource
from tests import models
from tests.conftest import cell

pytestmark = pytest.mark.slow

KINDS = ("int8", "nf4", "fp4")
FOUR_BITS = ("nf4", "fp4", "int4")
AUTO = {
    "causal-lm": "AutoModelForCausalLM",
    "seq2seq-lm": "AutoModelForSeq2SeqLM",
    "sequence-classifier": "AutoModelForSequenceClassification",
    "encoder": "AutoModel",
}
GREEDY = "params: {max_output_length: 12, do_sample: false}"
IDS = [[5, 9, 33, 100, 17, 60], [88, 12, 7, 45, 99, 30]]


def checkpoint_in(folder: Path) -> weights.Checkpoint:
    found = weights.find(LocalSource(path=str(folder)))
    assert found is not None
    return found


def key(head: str, kind: str = "none", dtype: str = "float32", folder: Path = Path(), **more: Any) -> ModelKey:
    four = {"compute_dtype": dtype, "double_quant": True} if kind in FOUR_BITS else {}
    settings = {"device": "cpu", **four, **more}
    return ModelKey("transformers", head, (str(folder),), dtype=dtype, quantization=kind, subject="it", **settings)


def load(folder: Path, head: str, kind: str = "none", dtype: str = "float32", **more: Any) -> Transformers:
    """A model loaded by the driver alone."""
    return Transformers.load(key(head, kind, dtype, folder, **more), checkpoint_in(folder), Run())


def direct(folder: Path, head: str, kind: str, dtype: str = "float32", compute: str | None = None) -> Any:
    """The same model by transformers and bitsandbytes alone."""
    import transformers

    arguments: dict[str, Any] = {"load_in_8bit": True}
    if kind != "int8":
        arguments = {
            "load_in_4bit": True,
            "bnb_4bit_quant_type": kind,
            "bnb_4bit_compute_dtype": getattr(torch, compute or dtype),
            "bnb_4bit_use_double_quant": True,
        }
    auto = getattr(transformers, AUTO[head])
    config = transformers.BitsAndBytesConfig(**arguments)
    return auto.from_pretrained(folder, dtype=getattr(torch, dtype), quantization_config=config).eval()


def answer(model: Any, ids: list[list[int]] = IDS) -> Any:
    inputs = {"input_ids": torch.tensor(ids, device=model.device)}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = inputs["input_ids"][:, :3]
    with torch.inference_mode():
        found = model(**inputs)
    return (found.logits if hasattr(found, "logits") else found.last_hidden_state).float().cpu()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, str]]:
    """A model of ten million parameters and more, by architecture, and its head; each is made once."""
    makers: dict[str, tuple[Callable[[Path], Path], str]] = {
        "llama": (models.large_llama, "causal-lm"),
        "gpt2": (lambda f: models.gpt2(f, n_embd=512, n_layer=4, n_head=8), "causal-lm"),
        "t5": (lambda f: models.t5(f, d_model=512, d_kv=64, d_ff=1024, num_layers=3, num_heads=8), "seq2seq-lm"),
        "classifier": (lambda f: models.classifier(f, **models.LARGE_BERT), "sequence-classifier"),
        "encoder": (lambda f: models.encoder(f, **models.LARGE_BERT), "encoder"),
    }
    made: dict[str, Path] = {}

    def folder(name: str) -> tuple[Path, str]:
        maker, head = makers[name]
        if name not in made:
            made[name] = maker(tmp_path_factory.mktemp(name))
        return made[name], head

    return folder


@pytest.fixture(scope="module")
def large_llama(folders: Any) -> Path:
    path: Path = folders("llama")[0]
    return path


class TestTheNumbersAreBitsandbytesOwn:
    @pytest.mark.parametrize(
        ("name", "kind"),
        [("llama", "int8"), ("llama", "nf4"), ("llama", "fp4"), ("gpt2", "nf4"), ("t5", "int8"), ("encoder", "nf4")],
    )
    def test_logits_are_those_of_the_libraries_called_directly(self, folders: Any, name: str, kind: str) -> None:
        folder, head = folders(name)
        driver = load(folder, head, kind)
        assert torch.equal(answer(driver.model), answer(direct(folder, head, kind)))
        driver.close()

    @pytest.mark.parametrize(("kind", "dtype"), [("int8", "bfloat16"), ("nf4", "bfloat16"), ("nf4", "float16")])
    def test_in_half_precision_too(self, large_llama: Path, kind: str, dtype: str) -> None:
        driver = load(large_llama, "causal-lm", kind, dtype)
        assert torch.equal(answer(driver.model), answer(direct(large_llama, "causal-lm", kind, dtype)))

    def test_compute_dtype_reaches_bitsandbytes(self, large_llama: Path) -> None:
        driver = load(large_llama, "causal-lm", "nf4", compute_dtype="float16")
        assert {layer.compute_dtype for layer in quantization.layers(driver.model)} == {torch.float16}
        expected = answer(direct(large_llama, "causal-lm", "nf4", compute="float16"))
        assert torch.equal(answer(driver.model), expected)

    def test_double_quant_decides_whether_the_scales_are_quantized(self, large_llama: Path) -> None:
        once = load(large_llama, "causal-lm", "nf4", double_quant=False)
        twice = load(large_llama, "causal-lm", "nf4")
        layers = [quantization.layers(made.model) for made in (once, twice)]
        differ = [torch.equal(scale(a), scale(b)) for a, b in zip(*layers, strict=True)]
        assert not any(differ)

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_quantized_model_is_near_the_whole_one(self, folders: Any, kind: str) -> None:
        folder, head = folders("encoder")
        whole, fewer = (answer(load(folder, head, k).model).flatten() for k in ("none", kind))
        likeness = torch.nn.functional.cosine_similarity(whole, fewer, dim=0).item()
        assert 0.9 < likeness < 0.99999

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_first_answer_is_every_later_one(self, large_llama: Path, kind: str) -> None:
        model = load(large_llama, "causal-lm", kind).model
        with torch.enable_grad():  # which bitsandbytes answers otherwise before a layer is settled
            first = model(torch.tensor(IDS)).logits.detach()
        assert torch.equal(first, answer(model))
        assert torch.equal(first, answer(model))


def scale(layer: Any) -> Any:
    return layer.weight.quant_state.absmax


class TestTasks:
    PROMPTS = ("the little fox", "once upon a time", "a")

    @pytest.mark.parametrize("kind", ["int8", "nf4"])
    def test_writing_is_transformers_own_token_for_token(
        self, session: mc.Session, large_llama: Path, kind: str
    ) -> None:
        from transformers import AutoTokenizer

        model, tokenizer = direct(large_llama, "causal-lm", kind), AutoTokenizer.from_pretrained(large_llama)
        written = session.load(cell("text-generation", large_llama, GREEDY, f"quantization: {kind}"))
        for prompt in self.PROMPTS:
            inputs = tokenizer(prompt, return_tensors="pt")
            row = model.generate(**inputs, max_new_tokens=12, do_sample=False)[0, inputs["input_ids"].shape[1] :]
            ends = {tokenizer.eos_token_id, tokenizer.pad_token_id}
            assert written(prompt).token_ids == tuple(t for t in row.tolist() if t not in ends)

    @pytest.mark.parametrize("kind", ["int8", "nf4"])
    def test_embedding_is_the_mean_of_the_quantized_models_vectors(
        self, session: mc.Session, folders: Any, kind: str
    ) -> None:
        from transformers import AutoTokenizer

        folder, head = folders("encoder")
        embed = session.load(cell("text-embedding", folder, f"quantization: {kind}"))
        ids = AutoTokenizer.from_pretrained(folder)("the little fox")["input_ids"]
        mean = answer(direct(folder, head, kind), [ids])[0].mean(0)
        expected = torch.nn.functional.normalize(mean, dim=0)
        assert torch.allclose(torch.tensor(embed("the little fox")), expected, atol=1e-6)

    def test_classification_is_the_quantized_models(self, session: mc.Session, folders: Any) -> None:
        from transformers import AutoTokenizer

        folder, head = folders("classifier")
        judge = session.load(cell("text-classification", folder, "quantization: int8"))
        ids = AutoTokenizer.from_pretrained(folder)("the little fox")["input_ids"]
        chances = answer(direct(folder, head, "int8"), [ids])[0].softmax(-1)
        assert judge("the little fox")["score"] == pytest.approx(chances.max().item(), abs=1e-6)

    @pytest.mark.parametrize("kind", ["nf4", "fp4"])
    def test_a_classifier_in_4_bits_answers_though_its_last_layer_has_two_rows(
        self, session: mc.Session, folders: Any, kind: str
    ) -> None:
        """bitsandbytes alone fails here on a CPU with AVX512-BF16 ("N must be divisible by block_n")."""
        folder, _ = folders("classifier")
        judge = session.load(cell("text-classification", folder, f"quantization: {kind}"))
        whole = session.load(cell("text-classification", folder), "whole")
        assert judge("the little fox")["score"] == pytest.approx(whole("the little fox")["score"], abs=0.35)
        assert 0 <= judge("the little fox")["score"] <= 1

    def test_an_encoder_decoder_writes_quantized(self, session: mc.Session, folders: Any) -> None:
        folder, _ = folders("t5")
        for kind in KINDS:
            handle = session.load(cell("text-generation", folder, GREEDY, f"quantization: {kind}"))
            assert isinstance(handle("the little fox"), str)
            assert handle.facts().quantization.startswith(kind)


@pytest.mark.parametrize("kind", ["nf4", "fp4"])
def test_widths_that_bitsandbytes_kernel_cannot_take_are_computed_from_the_same_bits(tmp_path: Path, kind: str) -> None:
    """1376 is no multiple of 64: where the kernel fails, each product is that of the unpacked matrix."""
    from bitsandbytes.functional import dequantize_4bit

    model = load(models.large_llama(tmp_path, intermediate_size=1376), "causal-lm", kind).model
    layer = model.model.layers[0].mlp.down_proj
    assert layer.in_features % 64
    torch.manual_seed(0)
    x = torch.randn(3, layer.in_features)
    matrix = dequantize_4bit(layer.weight, layer.weight.quant_state)
    with torch.inference_mode():
        assert torch.allclose(layer(x), x @ matrix.T.float(), atol=1e-4)
    original = dict(load(tmp_path, "causal-lm").model.named_parameters())["model.layers.0.mlp.down_proj.weight"]
    assert torch.nn.functional.cosine_similarity(matrix.flatten(), original.flatten(), dim=0) > 0.96


def test_weights_in_a_file_with_a_name_of_its_own_are_quantized_too(
    session: mc.Session, llama: Path, tmp_path: Path
) -> None:
    for each in llama.iterdir():
        (tmp_path / each.name.replace("model.safetensors", "mine.safetensors")).write_bytes(each.read_bytes())
    file = f"{{path: {tmp_path / 'mine.safetensors'}}}"
    own = session.load(cell("text-generation", file, GREEDY, "quantization: int8"), "own")
    ordinary = session.load(cell("text-generation", llama, GREEDY, "quantization: int8"), "ordinary")
    assert own.facts().quantization == ordinary.facts().quantization == "int8 (bitsandbytes, 14 of 15 linear layers)"
    assert own("the little fox") == ordinary("the little fox")


class TestFacts:
    @pytest.mark.parametrize(("kind", "ratio"), [("int8", 0.35), ("nf4", 0.20)])
    @pytest.mark.parametrize("name", ["llama", "classifier"])
    def test_what_it_holds_is_that_much_smaller(self, folders: Any, name: str, kind: str, ratio: float) -> None:
        folder, head = folders(name)
        whole, fewer = load(folder, head).facts(), load(folder, head, kind).facts()
        assert whole.parameters == fewer.parameters
        assert whole.parameters is not None
        assert whole.parameters > 10_000_000
        assert fewer.bytes / whole.bytes <= ratio

    @pytest.mark.parametrize(
        ("name", "kind", "dtype"),
        [
            *((name, kind, "float32") for name in ("llama", "gpt2", "t5", "encoder") for kind in ("int8", "nf4")),
            *(("t5", kind, "float16") for kind in ("none", "fp4")),
        ],
    )
    def test_the_estimate_is_within_a_tenth_of_it(self, folders: Any, name: str, kind: str, dtype: str) -> None:
        folder, head = folders(name)
        found = load(folder, head, kind, dtype).facts().bytes
        estimated = Transformers.estimate(key(head, kind, dtype), checkpoint_in(folder))
        assert estimated.weights_bytes == pytest.approx(found, rel=0.1)

    def test_matrices_shrink_and_embeddings_do_not(self, tmp_path: Path) -> None:
        half = torch.zeros(64, 64, dtype=torch.float16)
        save_file({"q.weight": half, "embed_tokens.weight": half.clone()}, tmp_path / "model.safetensors")
        found = {
            kind: Transformers.estimate(key("causal-lm", kind, "float16"), checkpoint_in(tmp_path)).weights_bytes
            for kind in ("none", "int8", "nf4")
        }
        assert found == {"none": 4 * 4096, "int8": 3 * 4096, "nf4": 2 * 4096 + 4096 * 17 // 32}

    def test_lighter_ways_are_only_those_that_are_lighter(self, tmp_path: Path) -> None:
        layers = {f"{n}.q.weight": torch.zeros(64, 64, dtype=torch.float16) for n in range(40)}
        save_file(layers, tmp_path / "model.safetensors")
        files = checkpoint_in(tmp_path)
        assert [line for line, _ in Transformers.lighter(key("causal-lm"), files)] == [
            "precision: bfloat16", "quantization: int8", "quantization: nf4",
        ]  # fmt: skip
        assert [line for line, _ in Spandrel.lighter(key("upscaler"), files)] == ["precision: bfloat16"]
        assert Transformers.lighter(key("causal-lm", "nf4", "bfloat16"), files) == []

    def test_bytes_are_those_of_every_tensor_down_to_the_scales(self, folders: Any) -> None:
        folder, head = folders("encoder")
        driver = load(folder, head, "int8")
        model = driver.model
        scales = sum(layer.state.SCB.numel() * 4 for layer in quantization.layers(model))
        assert scales > 0
        assert driver.facts().bytes == model.get_memory_footprint() + scales

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_kind_and_how_many_layers_are_read_from_the_modules(self, large_llama: Path, kind: str) -> None:
        facts = load(large_llama, "causal-lm", kind).facts()
        assert facts.quantization == f"{kind} (bitsandbytes, 28 of 29 linear layers)"
        assert facts.dtype == "float32"

    def test_a_model_that_is_not_quantized_says_none(self, llama: Path) -> None:
        assert load(llama, "causal-lm").facts().quantization == "none"

    def test_int4_is_said_to_be_nf4(self, llama: Path) -> None:
        facts = load(llama, "causal-lm", "int4").facts()
        assert facts.quantization.startswith("nf4 ")
        assert "int4 is bitsandbytes' nf4" in facts.notes

    def test_modules_that_stay_float32_are_named(self, t5: Path) -> None:
        facts = load(t5, "seq2seq-lm", dtype="float16").facts()
        assert facts.notes == ("4 of 47 tensors are float32, not float16: wo.weight",)

    def test_arithmetic_in_another_type_than_asked_is_remarked(self, llama: Path) -> None:
        from bitsandbytes.functional import has_avx512bf16

        said = " ".join(load(llama, "causal-lm", "nf4").facts().notes)
        assert ("14 of 14 4-bit layers compute in bfloat16, not float32" in said) == has_avx512bf16()
        assert not load(llama, "causal-lm", "nf4", compute_dtype="bfloat16").facts().notes

    def test_a_run_is_told_each_difference(self, t5: Path) -> None:
        notes: list[str] = []
        run = Run()
        run.listener = lambda event: notes.append(event.text) if isinstance(event, Note) else None
        plan = ModelKey("transformers", "seq2seq-lm", ("t5",), "cpu", "float16")
        facts = Transformers.load(plan, checkpoint_in(t5), run).facts()
        assert notes == list(facts.notes)


class TestRefusals:
    def test_a_model_that_is_stored_quantized_is_not_quantized_again(
        self, session: mc.Session, llama: Path, tmp_path: Path
    ) -> None:
        for file in llama.iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
        config = json.loads((tmp_path / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps({**config, "quantization_config": {"quant_method": "gptq"}}))
        with pytest.raises(PlanError, match=r"stored quantized \(gptq\)[\s\S]*remove quantization"):
            session.load(cell("text-generation", tmp_path, "quantization: nf4"))

    @pytest.mark.parametrize("kind", ["int8", "none"])
    def test_compute_dtype_is_for_4_bits(self, session: mc.Session, llama: Path, kind: str) -> None:
        with pytest.raises(PlanError, match="compute_dtype is for 4-bit weights"):
            session.load(cell("text-generation", llama, f"quantization: {{type: {kind}, compute_dtype: float16}}"))

    def test_on_apples_gpu_it_is_refused_before_anything_is_read(self, session: mc.Session) -> None:
        plan = session.plan(cell("text-generation", "nobody/nothing", "quantization: int8", "device: mps"))
        assert any("is not for Apple's GPU" in str(obstacle) for obstacle in plan.problems)

    def test_spreading_and_naming_one_gpu_do_not_go_together(self, session: mc.Session, llama: Path) -> None:
        plan = session.plan(cell("text-generation", llama, "device_mode: auto", "device: cuda:1"))
        assert any("spreads the model over every GPU" in str(obstacle) for obstacle in plan.problems)

    def test_without_bitsandbytes_the_line_to_paste_is_said(self, llama: Path) -> None:
        """In a process of its own that cannot find the package."""
        program = f"""
import importlib.machinery, sys
found = importlib.machinery.PathFinder.find_spec
class Without:
    def find_spec(name, path=None, target=None):
        return None if name == "bitsandbytes" else found(name, path, target)
sys.meta_path = [m for m in sys.meta_path if m is not importlib.machinery.PathFinder] + [Without]
import mc_jupyter as mc
text = {cell("text-generation", llama, "quantization: nf4")!r}
print(*mc.Session().plan(text).problems, sep="\\n")
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert "needs bitsandbytes, which is not installed" in done.stdout
        assert "mc-jupyter[quant]" in done.stdout


class TestQuiet:
    def test_bitsandbytes_says_nothing_while_it_loads_and_computes(self, llama: Path) -> None:
        program = f"""
import warnings
warnings.simplefilter("error")
import mc_jupyter as mc
with mc.Session() as session:
    for kind in ("int8", "nf4"):
        text = {cell("text-generation", llama, GREEDY)!r} + f"  quantization: {{kind}}\\n"
        session.load(text)("the little fox")
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout + done.stderr == ""

    def test_only_that_one_message_is_dropped(self, caplog: pytest.LogCaptureFixture) -> None:
        quantization.import_quietly()
        log = logging.getLogger("bitsandbytes.autograd._functions")
        caplog.set_level(logging.WARNING, logger=log.name)  # whatever other tests made of it
        log.warning("MatMul8bitLt: inputs will be cast from %s to float16", "float32")
        log.warning("something that matters")
        assert [record.message for record in caplog.records] == ["something that matters"]

    def test_importing_it_fetches_no_kernel(self, tmp_path: Path) -> None:
        """A package `kernels` that would fetch one is not asked, and is there again afterwards."""
        (tmp_path / "kernels.py").write_text("def get_kernel(*a, **k):\n    print('fetched')\n    raise OSError\n")
        program = (
            f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
            "from mc_jupyter.drivers._quantization import import_quietly\n"
            "import_quietly(); import bitsandbytes, kernels; print(kernels.__file__)"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.split() == [str(tmp_path / "kernels.py")]


class TestSpreading:
    def test_on_a_machine_without_gpu_the_cpu_has_the_whole_model(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, GREEDY, "device_mode: auto", "device: cpu"))
        single = session.load(cell("text-generation", llama, GREEDY), "single")
        assert handle.facts().device == "cpu"
        assert "device_mode: auto put the whole model on cpu" in handle.facts().notes
        assert handle("the little fox") == single("the little fox")

    def test_where_the_parts_are_is_read_from_the_model(self, llama: Path) -> None:
        """From accelerate's own map, written here as it would be on a machine with two GPUs."""
        from mc_jupyter.drivers._facts import _where
        from mc_jupyter.drivers._transformers.loading import check_placed
        from mc_jupyter.errors import DoesNotFit

        model = load(llama, "causal-lm").model
        model.hf_device_map = {"model.embed_tokens": 0, "model.layers.0": 0, "model.layers.1": 1, "lm_head": "cpu"}
        assert _where(model, []) == "cpu (1 parts), cuda:0 (2 parts), cuda:1 (1 parts)"
        model.hf_device_map["lm_head"] = "disk"
        with pytest.raises(DoesNotFit, match="would stay on the disk"):
            check_placed(model, "it")


# --- on a GPU ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")


@pytest.mark.gpu
@pytest.mark.usefixtures("gpu")
class TestOnAGpu:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_logits_are_those_of_the_libraries_called_directly(self, large_llama: Path, kind: str, dtype: str) -> None:
        driver = load(large_llama, "causal-lm", kind, dtype, device="cuda:0")
        assert driver.facts().device == "cuda:0"
        assert driver.facts().quantization.startswith(kind)
        expected = answer(direct(large_llama, "causal-lm", kind, dtype))
        assert torch.equal(answer(driver.model), expected)

    @pytest.mark.parametrize("kind", ["none", "int8", "nf4"])
    def test_closing_gives_the_memory_back_to_the_driver(self, large_llama: Path, kind: str) -> None:
        def once() -> int:
            driver = load(large_llama, "causal-lm", kind, "float16", device="cuda:0")
            answer(driver.model)
            driver.close()
            return int(torch.cuda.mem_get_info("cuda:0")[0])

        once()  # the libraries' own memory, which stays
        before = torch.cuda.mem_get_info("cuda:0")[0]
        driver = load(large_llama, "causal-lm", kind, "float16", device="cuda:0")
        assert torch.cuda.mem_get_info("cuda:0")[0] < before
        driver.close()
        assert once() >= before - 2 * 2**20  # the driver hands memory out in pieces of 2 MB

    def test_auto_spreads_over_all_gpus_and_writes_the_same(self, session: mc.Session, large_llama: Path) -> None:
        one = session.load(cell("text-generation", large_llama, GREEDY, "device: cuda:0"), "one")
        spread = session.load(cell("text-generation", large_llama, GREEDY, "device: cuda", "device_mode: auto"))
        assert spread("the little fox") == one("the little fox")
        where = spread.facts().device
        assert all(f"cuda:{n}" in where for n in range(torch.cuda.device_count()))

    def test_on_the_cpu_it_stays_there(self, large_llama: Path) -> None:
        assert load(large_llama, "causal-lm", "nf4", device="cpu").facts().device == "cpu"


@pytest.mark.parametrize("task", ["text-embedding", "text-classification"])
@pytest.mark.parametrize("kind", ["int8", "nf4"])
def test_a_head_that_the_files_lack_is_made_up_whole_and_the_model_answers(
    session: mc.Session, task: str, kind: str
) -> None:
    """starter:embedding has neither a pooler nor a classifier: there is nothing to quantize them from."""
    few = session.load(cell(task, '"starter:embedding"', f"quantization: {kind}"), "few")
    assert few.facts().quantization.startswith(kind)
    answer = few("a lovely day")
    if task == "text-embedding":
        whole = session.load(cell(task, '"starter:embedding"'), "whole")("a lovely day")
        assert sum(a * b for a, b in zip(answer, whole, strict=True)) > 0.9
    else:
        assert "random weights" in " ".join(few.facts().notes)
