"""A trained language model: texts, chats and streams are what transformers writes, letter for letter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from tests import adapters
from tests.conftest import cell

pytestmark = pytest.mark.real

PROMPTS = [
    "Once upon a time", "The capital of France is", "def fibonacci(n):\n    ", "1, 2, 3, 4,",
    "Wer früh aufsteht, der sagt ☀️", "中国的首都是", "A recipe for pancakes:\n- flour\n-",
]  # fmt: skip
QUESTIONS = ["Question: what is 2+2?", "a # b", "- buy milk", "name=value, please"]
MOST = 24
GREEDY = ("device: cpu", f"params: {{max_output_length: {MOST}, do_sample: false}}")
FLOAT32 = "precision: float32"
CHAT = "messages: [{role: system, content: Be brief.}, {role: user, content: '${input.text as text}'}]"


@pytest.fixture(scope="module")
def peer(writer: Path) -> Any:
    """The model by transformers alone, and its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(writer, dtype=torch.float32).eval()
    return model, AutoTokenizer.from_pretrained(writer)


@pytest.fixture
def write(shared: mc.Session, writer: Path) -> Any:
    return shared.load(cell("text-generation", writer, FLOAT32, *GREEDY), "write")


@pytest.fixture
def chat(shared: mc.Session, writer: Path) -> Any:
    return shared.load(cell("chat-completion", writer, FLOAT32, *GREEDY, CHAT), "chat")


def continued(model: Any, tokenizer: Any, ids: Any) -> str:
    """What the model writes after these tokens, always the likeliest."""
    import torch

    with torch.inference_mode():
        made = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=MOST, do_sample=False)
    text: str = tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True)
    return text


def directly(peer: Any, prompt: str) -> str:
    model, tokenizer = peer
    return continued(model, tokenizer, tokenizer(prompt, return_tensors="pt")["input_ids"])


def answered(peer: Any, question: str) -> str:
    model, tokenizer = peer
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    ids = tokenizer.apply_chat_template(said, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    return continued(model, tokenizer, ids["input_ids"])


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_text_is_what_transformers_writes(write: Any, peer: Any, prompt: str) -> None:
    assert write(prompt) == directly(peer, prompt)


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_is_what_transformers_says_to_the_words_as_they_are_written(
    chat: Any, peer: Any, question: str
) -> None:
    assert chat(text=question) == answered(peer, question)


def test_a_list_is_its_texts_one_by_one(write: Any, chat: Any) -> None:
    assert list(write(PROMPTS)) == [write(prompt) for prompt in PROMPTS]
    assert list(chat(text=QUESTIONS)) == [chat(text=question) for question in QUESTIONS]


def test_chat_and_text_share_the_weights(shared: mc.Session, write: Any, chat: Any) -> None:
    assert shared.resident_of(write) is shared.resident_of(chat)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_stream_is_the_text_letter_for_letter(write: Any, prompt: str) -> None:
    pieces = list(write.stream(prompt))
    assert "".join(pieces) == write(prompt)
    assert len(pieces) > MOST // 3
    assert not any("\ufffd" in piece for piece in pieces)


def test_a_seed_draws_the_same_and_another_seed_something_else(shared: mc.Session, writer: Path) -> None:
    drawn = shared.load(cell("text-generation", writer, FLOAT32, "device: cpu", "max_output_length: 12"), "draw")
    assert drawn(PROMPTS[0], seed=3) == drawn(PROMPTS[0], seed=3) == "".join(drawn.stream(PROMPTS[0], seed=3))
    assert drawn(PROMPTS[0], seed=3) != drawn(PROMPTS[0], seed=4)


def test_a_stop_sequence_ends_the_text_before_it(write: Any) -> None:
    whole = str(write(PROMPTS[0]))
    stop = whole[9:13]  # in the midst of words, split across tokens as it comes
    write.set(stop_sequences=[stop])
    assert write(PROMPTS[0]) == "".join(write.stream(PROMPTS[0])) == whole[: whole.index(stop)]
    write.set(stop_sequences=None)


def test_adapters_are_laid_as_peft_lays_them(shared: mc.Session, writer: Path, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from peft.tuners.lora import LoraLayer
    from transformers import AutoModelForCausalLM, AutoTokenizer

    all_of_it = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    one = adapters.lora(tmp_path / "one", writer, targets=all_of_it, size=0.02, dtype="float32")
    two = adapters.lora(tmp_path / "two", writer, size=0.04, seed=2, dtype="float32")
    laid = f"peft_adapters: [{{name: one, model: {one}, weight: 0.7}}, {{name: two, model: {two}, weight: 0.5}}]"
    handle = shared.load(cell("text-generation", writer, FLOAT32, *GREEDY, laid), "adapted")
    tokenizer = AutoTokenizer.from_pretrained(writer)
    base = AutoModelForCausalLM.from_pretrained(writer, dtype=torch.float32).eval()
    theirs = PeftModel.from_pretrained(base, one, adapter_name="one")
    theirs.load_adapter(two, adapter_name="two")
    theirs.base_model.set_adapter(["one", "two"])
    for layer in (part for part in theirs.modules() if isinstance(part, LoraLayer)):
        for name, weight in (("one", 0.7), ("two", 0.5)):
            if name in layer.scaling:
                layer.scaling[name] *= weight
    for prompt in PROMPTS[:3]:
        assert handle(prompt) == directly((theirs, tokenizer), prompt)
    assert list(handle(PROMPTS)) == [handle(prompt) for prompt in PROMPTS]
    handle.set(adapters={"one": 0.0, "two": 0.0})
    plain = shared.load(cell("text-generation", writer, FLOAT32, *GREEDY), "write")
    assert handle(PROMPTS[0]) == plain(PROMPTS[0])


@pytest.mark.parametrize(("kind", "share"), [("int8", 0.75), ("nf4", 0.6)])
def test_quantized_it_is_what_transformers_and_bitsandbytes_write(
    shared: mc.Session, writer: Path, kind: str, share: float
) -> None:
    import torch
    import transformers

    pytest.importorskip("bitsandbytes")
    lines = ("precision: bfloat16", f"quantization: {kind}")
    whole = shared.load(cell("chat-completion", writer, "precision: bfloat16", *GREEDY, CHAT), "small")
    before = whole.facts().bytes
    handle = shared.load(cell("chat-completion", writer, *lines, *GREEDY, CHAT), "small")
    assert handle.facts().bytes < share * before
    how: dict[str, Any] = {"load_in_8bit": True}
    if kind == "nf4":
        how = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": torch.bfloat16,
               "bnb_4bit_use_double_quant": True}  # fmt: skip
    config = transformers.BitsAndBytesConfig(**how)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        writer, dtype=torch.bfloat16, quantization_config=config
    ).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(writer)
    for question in QUESTIONS[:2]:
        assert handle(text=question) == answered((model, tokenizer), question)


def test_it_knows_what_it_was_taught(chat: Any) -> None:
    assert "Paris" in chat(text="What is the capital of France?")


def test_a_comparison_gives_what_each_setting_gives_alone(write: Any) -> None:
    lengths = [4, MOST]
    rows = write.compare({"max_output_length": lengths}, PROMPTS[1])
    assert [row["output"] for row in rows] == [write(PROMPTS[1])[: len(row["output"])] for row in rows]
    assert [write.set(max_output_length=n) and write(PROMPTS[1]) for n in lengths] == [r["output"] for r in rows]
