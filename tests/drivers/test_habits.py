"""What a checkpoint's generation_config adds: as transformers has it where the cell is silent, else as the cell says."""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.events import Event, Note, Run
from tests import models
from tests.conftest import cell

TOKENS = 20
PROMPTS = ["the little fox", "a", "once upon a time there was a brave cat"]
HABITS: dict[str, dict[str, Any]] = {
    "a repetition penalty": {"repetition_penalty": 1.8},
    "no phrase twice": {"no_repeat_ngram_size": 1},
    "a shortest length": {"min_length": 18},
    "a shortest answer": {"min_new_tokens": 15},
    "a longer one than may be": {"min_new_tokens": 300},
    "bad words": {"bad_words_ids": [[100], [265], [270], [280, 281]]},
    "tokens that never come": {"suppress_tokens": list(range(5, 200))},
    "tokens that never come first": {"begin_suppress_tokens": list(range(5, 300))},
    "a last token": {"forced_eos_token_id": 1},
    "beams": {"num_beams": 3, "length_penalty": -2.0},
    "beams that end early": {"num_beams": 3, "early_stopping": True},
    "ends that grow likelier": {"exponential_decay_length_penalty": [2, 3.0]},
    "a bias": {"sequence_bias": [[[300], 9.0]]},
    "what is only for drawing": {"temperature": 0.3, "top_k": 5, "top_p": 0.5, "min_p": 0.2},
    "records of scores": {"output_scores": True, "return_dict_in_generate": True},
    "looking ahead": {"prompt_lookup_num_tokens": 2},
}  # fmt: skip


@pytest.fixture(scope="module")
def eager(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that ends soon: many tokens are ends."""
    return models.llama(tmp_path_factory.mktemp("eager"), eos_token_id=[1, *range(5, 90)])


def with_habits(model: Path, folder: Path, **said: Any) -> Path:
    shutil.copytree(model, folder)
    file = folder / "generation_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **said}))
    return folder


def greedy(session: mc.Session, folder: Path, *more: str) -> Any:
    params = ", ".join(("do_sample: false", *more))
    return session.load(cell("text-generation", folder, f"params: {{{params}}}"))


@functools.lru_cache(maxsize=1)
def loaded(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

    both = AutoConfig.from_pretrained(folder).is_encoder_decoder
    model = (AutoModelForSeq2SeqLM if both else AutoModelForCausalLM).from_pretrained(folder)
    return model, AutoTokenizer.from_pretrained(folder)


def library(folder: Path, prompt: str, **arguments: Any) -> tuple[int, ...]:
    """What transformers writes, up to the first end."""
    model, tokenizer = loaded(folder)
    inputs = tokenizer(prompt, return_tensors="pt")
    plain = {"return_dict_in_generate": False, "output_scores": False}
    row = model.generate(**inputs, **{"do_sample": False, **plain, **arguments}, tokenizer=tokenizer)[0].tolist()
    written = row[1 if model.config.is_encoder_decoder else inputs["input_ids"].shape[1] :]
    ends = model.generation_config.eos_token_id
    ends = set(ends if isinstance(ends, list) else [ends])
    return tuple(written[: next((i for i, token in enumerate(written) if token in ends), len(written))])


@pytest.mark.filterwarnings("ignore:Unfeasible length")  # the library's, of its own call
@pytest.mark.parametrize("habit", HABITS)
def test_where_the_cell_is_silent_it_is_as_transformers_has_it(
    session: mc.Session, eager: Path, tmp_path: Path, habit: str
) -> None:
    folder = with_habits(eager, tmp_path / "model", **HABITS[habit])
    handle = greedy(session, folder, f"max_output_length: {TOKENS}")
    one = {"min_new_tokens": 1} if "num_beams" in HABITS[habit] else {}  # as ours: beams may all be empty
    right = [library(folder, prompt, max_new_tokens=TOKENS, **one) for prompt in PROMPTS]
    assert [handle(prompt).token_ids for prompt in PROMPTS] == right
    assert [text.token_ids for text in handle(PROMPTS)] == right


CELL_WINS: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"repetition_penalty": 1.8}, "repetition_penalty: 1.0", {"repetition_penalty": 1.0}),
    ({"repetition_penalty": 1.8}, "repetition_penalty: 1.2", {"repetition_penalty": 1.2}),
    ({"min_length": 18}, "min_output_length: 2", {"min_length": 0, "min_new_tokens": 2}),
    ({"min_new_tokens": 15}, "min_output_length: 2", {"min_new_tokens": 2}),
    ({"num_beams": 3}, "num_beams: 1", {"num_beams": 1}),
    (
        {"num_beams": 2, "length_penalty": -2.0},
        "num_beams: 4",
        {"num_beams": 4, "early_stopping": True, "min_new_tokens": 1},
    ),
    ({"stop_strings": ["e", "a", "o"]}, "stop_sequences: []", {"stop_strings": None}),
    ({"max_new_tokens": 3}, "min_output_length: 1", {}),
    ({"max_length": 7}, "min_output_length: 1", {}),
]


@pytest.mark.parametrize(("said", "line", "arguments"), CELL_WINS, ids=lambda one: str(one))
def test_what_the_cell_says_wins(
    session: mc.Session, eager: Path, tmp_path: Path, said: dict[str, Any], line: str, arguments: dict[str, Any]
) -> None:
    folder = with_habits(eager, tmp_path / "model", **said)
    found = greedy(session, folder, f"max_output_length: {TOKENS}", line)("the little fox")
    assert found.token_ids == library(folder, "the little fox", max_new_tokens=TOKENS, **arguments)


@pytest.mark.parametrize("said", [{"max_new_tokens": 6}, {"max_length": 11}], ids=str)
def test_its_own_length_holds_where_the_cell_says_none(
    session: mc.Session, llama: Path, tmp_path: Path, said: dict[str, Any]
) -> None:
    folder = with_habits(llama, tmp_path / "model", **said)
    found = greedy(session, folder)("the little fox")
    assert found.token_ids == library(folder, "the little fox")


def test_a_length_that_the_prompt_has_already_is_none(session: mc.Session, llama: Path, tmp_path: Path) -> None:
    folder = with_habits(llama, tmp_path / "model", max_length=4)
    assert greedy(session, folder, "min_output_length: 9")("the little fox ran over").tokens > 8


def test_older_checkpoints_say_it_in_their_config(session: mc.Session, eager: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(eager, tmp_path / "model"))
    (folder / "generation_config.json").unlink()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "no_repeat_ngram_size": 1, "min_length": 18}))
    found = greedy(session, folder, f"max_output_length: {TOKENS}")("the little fox")
    assert found.token_ids == library(folder, "the little fox", max_new_tokens=TOKENS)
    assert len(found.token_ids) == len(set(found.token_ids))


def test_weights_with_a_name_of_their_own_keep_them(session: mc.Session, eager: Path, tmp_path: Path) -> None:
    folder = with_habits(eager, tmp_path / "model", no_repeat_ngram_size=1, min_length=18)
    right = library(folder, "the little fox", max_new_tokens=TOKENS)
    (folder / "model.safetensors").rename(folder / "eager.fp32.safetensors")
    assert greedy(session, folder, f"max_output_length: {TOKENS}")("the little fox").token_ids == right


def test_an_encoder_decoders_first_token_and_beams_are_its_own(session: mc.Session, tmp_path: Path) -> None:
    said = {"forced_bos_token_id": 300, "num_beams": 2, "no_repeat_ngram_size": 2, "min_length": 8, "max_length": 12}
    folder = with_habits(models.t5(tmp_path / "t5"), tmp_path / "model", **said)
    document = cell("text-generation", folder, "architecture: seq2seq", "params: {do_sample: false}")
    found = session.load(document)(PROMPTS)
    assert [text.token_ids for text in found] == [library(folder, prompt) for prompt in PROMPTS]
    assert all(text.token_ids[0] == 300 for text in found)


def test_stop_strings_of_its_own_end_the_text(session: mc.Session, llama: Path, tmp_path: Path) -> None:
    whole = greedy(session, llama, f"max_output_length: {TOKENS}")("the little fox")
    stop = next(letter for letter in str(whole)[4:] if letter.isascii())
    folder = with_habits(llama, tmp_path / "model", stop_strings=stop)
    handle = greedy(session, folder, f"max_output_length: {TOKENS}")
    found = handle("the little fox")
    assert (found, found.finish_reason) == (whole[: whole.index(stop)], "stop")
    assert found.token_ids == library(folder, "the little fox", max_new_tokens=TOKENS)
    assert "".join(handle.stream("the little fox")) == found


def test_what_it_adds_is_told_once(session: mc.Session, llama: Path, tmp_path: Path) -> None:
    folder = with_habits(llama, tmp_path / "model", repetition_penalty=1.1, suppress_tokens=[9], token_healing=True)
    events: list[Event] = []
    handle = session.load(cell("text-generation", folder, "params: {max_output_length: 3}"), run=Run(events.append))
    told = [event.text for event in events if isinstance(event, Note) and "model" in event.text]
    assert [line.partition("model ")[2] for line in told] == [
        "has habits of its own, where the cell says nothing: repetition_penalty 1.1 and suppress_tokens [9]",
        "asks for token_healing True, which is not followed",
    ]
    events.clear()
    handle("the fox", run=Run(events.append))
    assert not [event for event in events if isinstance(event, Note)]


def test_a_stream_is_no_beam_search(session: mc.Session, llama: Path, tmp_path: Path) -> None:
    folder = with_habits(llama, tmp_path / "model", num_beams=4)
    stream = greedy(session, folder, f"max_output_length: {TOKENS}", "streaming: true")("the little fox")
    assert len(list(stream)) > 1


def test_several_answers_need_no_beams(session: mc.Session, llama: Path, tmp_path: Path) -> None:
    folder = with_habits(llama, tmp_path / "model", num_beams=2)
    params = "params: {max_output_length: 4, num_return_sequences: 3}"
    assert len(session.load(cell("text-generation", folder, params))("the fox")) == 3


def test_settings_that_are_none_are_refused(session: mc.Session, llama: Path, tmp_path: Path) -> None:
    folder = with_habits(llama, tmp_path / "model", top_k="many")
    with pytest.raises(mc.ComposeError, match="generation_config says top_k: many, which is none"):
        greedy(session, folder)
