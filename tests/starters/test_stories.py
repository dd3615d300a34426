"""The story starter tells stories about what it was asked, ends by itself, and chats."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from mc_jupyter import starters
from mc_jupyter.starters.stories import corpus

pytestmark = pytest.mark.slow

#: an opening and the word that must go on being what the story is about
OPENINGS = [
    ("Once upon a time there was a little fox", "fox"),
    ("Once upon a time, there was a brave cat named Mimi", "cat"),
    ("One sunny morning, a small rabbit", "rabbit"),
    ("There was once a lonely robot", "robot"),
    ("In a small village there lived a clever girl named Lily.", "Lily"),
    ("Lily was a", "Lily"),
    ("The little robot", "robot"),
    ("Long ago, an old king", "king"),
]
Tell = Callable[..., str]


@pytest.fixture(scope="module")
def tokenizer() -> AutoTokenizer:
    return AutoTokenizer.from_pretrained(starters.folder("stories"))


@pytest.fixture(scope="module")
def model() -> AutoModelForCausalLM:
    return AutoModelForCausalLM.from_pretrained(starters.folder("stories"), dtype=torch.float32)


@pytest.fixture(scope="module")
def vocabulary() -> set[str]:
    documents = itertools.islice(corpus.stream(9), 8_000)
    texts = (d if isinstance(d, str) else " ".join(message["content"] for message in d) for d in documents)
    return {word for text in texts for word in re.findall(r"[a-z]+", text.lower())}


@pytest.fixture(scope="module")
def stories(tokenizer: AutoTokenizer, model: AutoModelForCausalLM) -> dict[str, tuple[str, int]]:
    """Each opening's greedy continuation and its last token."""
    told = {}
    for opening, _ in OPENINGS:
        ids = tokenizer(opening, return_tensors="pt")
        made = model.generate(**ids, max_new_tokens=220, do_sample=False)[0]
        told[opening] = (tokenizer.decode(made[ids["input_ids"].shape[1] :], skip_special_tokens=True), int(made[-1]))
    return told


def chat(tokenizer: AutoTokenizer, model: AutoModelForCausalLM, *messages: dict[str, str]) -> tuple[str, int]:
    ids = tokenizer.apply_chat_template(
        list(messages), add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    made = model.generate(**ids, max_new_tokens=220, do_sample=False)[0]
    return tokenizer.decode(made[ids["input_ids"].shape[1] :], skip_special_tokens=True), int(made[-1])


def is_kept(subject: str, text: str) -> bool:
    """Whether a story goes on about its subject: by noun, by a name it gave ("a fox named Rob"), or what it made of it."""
    given = re.findall(r"(?:named|called) (\w+)|was an? (?:\w+ )?(\w+)[.,]", text[:120])
    return any(text.count(word) >= 2 for word in [subject, *(word for pair in given for word in pair if word)])


def test_the_subject_of_the_opening_is_kept(stories: dict[str, tuple[str, int]]) -> None:
    kept = [is_kept(subject, opening + stories[opening][0]) for opening, subject in OPENINGS]
    assert sum(kept) >= len(OPENINGS) - 1, stories


def test_every_story_ends_by_itself(stories: dict[str, tuple[str, int]], tokenizer: AutoTokenizer) -> None:
    assert {last for _, last in stories.values()} <= set(tokenizer.convert_tokens_to_ids(["</s>", "<|im_end|>"]))


def test_the_words_are_real_words(stories: dict[str, tuple[str, int]], vocabulary: set[str]) -> None:
    words = [word for opening, (text, _) in stories.items() for word in re.findall(r"[a-z]+", (opening + text).lower())]
    # a word may be one the prompt brought in
    prompted = {word for opening, _ in OPENINGS for word in re.findall(r"[a-z]+", opening.lower())}
    assert sum(word in vocabulary | prompted for word in words) >= 0.98 * len(words)


def test_no_story_goes_round_in_circles(stories: dict[str, tuple[str, int]]) -> None:
    for text, _ in stories.values():
        words = text.lower().split()
        runs = [tuple(words[i : i + 6]) for i in range(len(words) - 5)]
        assert len(runs) - len(set(runs)) <= 0.1 * len(runs), text


def test_sampling_gives_stories_too(
    tokenizer: AutoTokenizer, model: AutoModelForCausalLM, vocabulary: set[str]
) -> None:
    torch.manual_seed(0)
    ids = tokenizer(["Once upon a time there was a little fox"] * 4, return_tensors="pt")
    made = model.generate(**ids, max_new_tokens=160, do_sample=True, temperature=0.7)
    texts = tokenizer.batch_decode(made, skip_special_tokens=True)
    assert len(set(texts)) == 4
    assert sum(is_kept("fox", text) for text in texts) >= 3, texts
    words = [word for text in texts for word in re.findall(r"[a-z]+", text.lower())]
    assert sum(word in vocabulary for word in words) >= 0.98 * len(words)


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("Tell me a story about a brave cat.", "cat"),
        ("What is your name?", "Pip"),
        ("Who are you?", "Pip"),
        ("What can you do?", "stories"),
        ("What colour is the sky?", "blue"),
        ("What is the capital of France?", "Paris"),
        ("Hello!", "!"),
    ],
)
def test_chat_answers_and_stops(tokenizer: AutoTokenizer, model: AutoModelForCausalLM, asked: str, part: str) -> None:
    text, last = chat(tokenizer, model, {"role": "user", "content": asked})
    assert part in text
    assert last == tokenizer.convert_tokens_to_ids("<|im_end|>")


def test_chat_takes_a_system_message(tokenizer: AutoTokenizer, model: AutoModelForCausalLM) -> None:
    system = {"role": "system", "content": "You are a helpful assistant."}
    text, last = chat(tokenizer, model, system, {"role": "user", "content": "What colour is the sky?"})
    assert "blue" in text
    assert last == tokenizer.convert_tokens_to_ids("<|im_end|>")


def test_any_text_survives_the_tokenizer(tokenizer: AutoTokenizer) -> None:
    text = "Größe 日本 🦊\tx = {1: 'a'}\n"
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


def test_a_prompt_begins_with_bos_once_and_a_chat_without(tokenizer: AutoTokenizer) -> None:
    assert tokenizer("Hi")["input_ids"][0] == tokenizer.bos_token_id
    messages = [{"role": "user", "content": "Hi"}]
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)["input_ids"]
    assert ids[0] == tokenizer.convert_tokens_to_ids("<|im_start|>")
    assert tokenizer.bos_token_id not in ids


def test_generation_stops_at_the_end_of_a_story_or_a_reply(
    model: AutoModelForCausalLM, tokenizer: AutoTokenizer
) -> None:
    assert model.generation_config.eos_token_id == tokenizer.convert_tokens_to_ids(["</s>", "<|im_end|>"])


def test_widths_divide_by_64_as_four_bit_quantization_asks(model: AutoModelForCausalLM) -> None:
    assert model.config.hidden_size % 64 == 0
    assert model.config.intermediate_size % 64 == 0


def test_a_short_training_leaves_a_model_that_loads(tmp_path: Path) -> None:
    from mc_jupyter.starters.stories.train import train

    train(tmp_path, steps=2)
    tokenizer, model = AutoTokenizer.from_pretrained(tmp_path), AutoModelForCausalLM.from_pretrained(tmp_path)
    assert model.generate(**tokenizer("Once", return_tensors="pt"), max_new_tokens=3).shape[1] >= 3
