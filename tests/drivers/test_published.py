"""Checkpoints as they are published: weights in parts of every name, tokenizers of every kind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from tests import models, tokenizers
from tests.conftest import cell
from tests.weights.test_shards import PAIRS

GREEDY = "params: {max_output_length: 8, min_output_length: 8, do_sample: false}"
NAMED = [PAIRS[1], PAIRS[3], PAIRS[4], ("embed.safetensors", "layers.safetensors")]


@pytest.fixture(scope="module")
def expected(llama: Path) -> tuple[int, ...]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(llama), AutoTokenizer.from_pretrained(llama)
    ids = tokenizer("the fox", return_tensors="pt")["input_ids"]
    row = model.generate(input_ids=ids, max_new_tokens=8, min_new_tokens=8, do_sample=False)[0, ids.shape[1] :]
    return tuple(row.tolist())


def in_parts(llama: Path, folder: Path, pair: tuple[str, str], indexed: bool) -> Path:
    """The model's weights in two files of these names, and an index of them."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(llama, folder)
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names, where = sorted(state), dict[str, str]()
    for file, part in zip(pair, (names[:9], names[9:]), strict=True):
        save_file({name: state[name] for name in part}, folder / file, metadata={"format": "pt"})
        where |= dict.fromkeys(part, file)
    if indexed:
        index = json.dumps({"metadata": {}, "weight_map": where})
        (folder / "model.safetensors.index.json").write_text(index)
    return folder


@pytest.mark.parametrize("pair", NAMED, ids=lambda pair: pair[0])
def test_weights_in_parts_of_any_name_are_the_same_model(
    session: mc.Session, llama: Path, tmp_path: Path, expected: Any, pair: tuple[str, str]
) -> None:
    folder = in_parts(llama, tmp_path / "parts", pair, indexed=True)
    assert session.load(cell("text-generation", folder, GREEDY))("the fox").token_ids == expected


def test_numbered_parts_need_no_index(session: mc.Session, llama: Path, tmp_path: Path, expected: Any) -> None:
    folder = in_parts(llama, tmp_path / "parts", PAIRS[2], indexed=False)
    assert session.load(cell("text-generation", folder, GREEDY))("the fox").token_ids == expected


def test_a_part_that_is_missing_is_named(session: mc.Session, llama: Path, tmp_path: Path) -> None:
    folder = in_parts(llama, tmp_path / "parts", NAMED[-1], indexed=True)
    (folder / "layers.safetensors").unlink()
    with pytest.raises(mc.ComposeError, match=r"layers\.safetensors is missing"):
        session.load(cell("text-generation", folder, GREEDY))


# --- where a text ends, and how it is streamed ------------------------------------------------------------------------


def saying(folder: Path, tokenizer: Any, *pieces: str) -> tuple[Path, list[int]]:
    """A model that says these pieces by heart, after the first of them; and their tokens."""
    ids = tokenizer.convert_tokens_to_ids(list(pieces))
    return models.reciter(folder, tokenizer, ids), ids


def greedy(session: mc.Session, folder: Path, *more: str) -> Any:
    params = ", ".join(("max_output_length: 12", "do_sample: false", *more))
    return session.load(cell("text-generation", folder, f"params: {{{params}}}"))


def test_half_a_character_after_a_newline_is_streamed_as_the_library_decodes_it(
    session: mc.Session, tmp_path: Path
) -> None:
    tokenizer = tokenizers.byte_fallback()
    folder, ids = saying(tmp_path, tokenizer, "a", "<0x0A>", "<0xF0>", "<0x9F>", "b", "▁the", "</s>")
    handle = greedy(session, folder)
    right = tokenizer.decode(ids[1:], skip_special_tokens=True)
    assert "".join(handle.stream("a")) == handle("a") == right == "\ufffd\ufffd\ufffdb the"


@pytest.mark.parametrize(
    ("stop", "text"),
    [("<|im_end|>", "abc"), ("c<|im_end|>\n", "ab"), ("bc", "a"), ("<|", "abc"), ("\nd", "abc")],
)
def test_writing_ends_at_a_stop_sequence_of_any_tokens(
    session: mc.Session, tmp_path: Path, stop: str, text: str
) -> None:
    tokenizer = models.byte_tokenizer()
    folder, _ = saying(tmp_path, tokenizer, "x", "a", "b", "c", "<|im_end|>", "Ċ", "d", "e", "</s>")
    handle = greedy(session, folder, f"stop_sequences: {json.dumps([stop])}")
    written = handle("x")
    assert (written, written.finish_reason) == (text, "stop")
    assert "".join(handle.stream("x")) == text
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder)
    inputs = tokenizer("x", return_tensors="pt")
    library = model.generate(**inputs, max_new_tokens=12, do_sample=False, stop_strings=[stop], tokenizer=tokenizer)
    assert written.token_ids == tuple(library[0, 1:].tolist())


def test_a_list_that_ends_at_stop_sequences_is_what_its_texts_give_alone(session: mc.Session, llama: Path) -> None:
    prompts = ["the fox", "a", "once upon a time there was", "zz"]
    whole = greedy(session, llama)(prompts)
    stops = [str(text)[3:5] for text in whole[:2]]
    handle = greedy(session, llama, f"stop_sequences: {json.dumps(stops)}")
    alone = [handle(prompt) for prompt in prompts]
    assert len({text.tokens for text in alone}) > 1
    assert [(t, t.token_ids, t.finish_reason) for t in handle(prompts)] == [
        (t, t.token_ids, t.finish_reason) for t in alone
    ]


def test_an_empty_stop_sequence_is_refused(session: mc.Session, llama: Path) -> None:
    with pytest.raises(mc.ComposeError, match="an empty stop sequence would end every text"):
        greedy(session, llama, "stop_sequences: ['']")
