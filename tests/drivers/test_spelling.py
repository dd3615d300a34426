"""Pieces of a text as its tokens come are the text, letter for letter, with every kind of tokenizer."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mc_jupyter.drivers._transformers.spelling import Alphabet, Spelling
from mc_jupyter.drivers._transformers.stops import Stops
from mc_jupyter.drivers._transformers.watching import Shown
from tests import models, tokenizers

LENGTHS = (1, 2, 7, 40, 160)


@pytest.fixture(params=tokenizers.KINDS)
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return tokenizers.KINDS[request.param]()


def pieces(tokenizer: Any, ids: list[int]) -> list[str]:
    spelling = Spelling(Alphabet(tokenizer))
    return [spelling.add(token) for token in ids]


def drawn(tokenizer: Any, seed: int) -> list[int]:
    """Any tokens, in any order: halves of characters, special tokens, blanks."""
    dice = random.Random(seed)
    return [dice.randrange(len(tokenizer)) for _ in range(dice.choice(LENGTHS))]


def test_what_is_given_is_how_the_text_begins_whatever_comes(tokenizer: Any) -> None:
    for seed in range(60):
        ids = drawn(tokenizer, seed)
        assert tokenizer.decode(ids, skip_special_tokens=True).startswith("".join(pieces(tokenizer, ids)))


def test_all_but_the_last_word_is_given(tokenizer: Any) -> None:
    ids = tokenizer("the fox a the fox b the fox . the fox 's", add_special_tokens=False)["input_ids"] * 30
    text = tokenizer.decode(ids, skip_special_tokens=True)
    assert len("".join(pieces(tokenizer, ids))) > len(text) - 20


def test_a_transformers_that_knows_no_exception_cleans_every_kind_up() -> None:
    """Versions 5.0 and later are taken; the word for the exception came in between."""
    made = models.byte_tokenizer()
    made.clean_up_tokenization_spaces = True
    assert not Alphabet(made).cleans
    del made.clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output
    assert Alphabet(made).cleans


def test_no_piece_has_half_a_character() -> None:
    tokenizer = models.byte_tokenizer()
    text = "the little fox, Zürich 東京 🦊 and so on"
    found = pieces(tokenizer, tokenizer(text)["input_ids"])
    assert "".join(found) == text
    assert not any("\ufffd" in piece for piece in found)


@pytest.mark.parametrize("kind", ["byte-fallback, blank first", "byte-fallback", "unigram, byte-fallback"])
def test_a_newline_is_shown_once_it_is_no_part_of_a_broken_character(kind: str) -> None:
    made = tokenizers.KINDS[kind]()
    newline, half, letter = made.convert_tokens_to_ids(["<0x0A>", "<0xF0>", "b"])
    assert pieces(made, [letter, newline, letter]) == ["b", "", "\nb"]
    assert pieces(made, [letter, newline, half, letter]) == ["b", "", "", "\ufffd\ufffdb"]


def test_a_blank_before_a_special_token_stays() -> None:
    made = models.byte_tokenizer()
    ids = [*made("a ")["input_ids"], made.convert_tokens_to_ids("<|im_start|>"), *made("b")["input_ids"]]
    assert "".join(pieces(made, ids)) == made.decode(ids, skip_special_tokens=True)


class TestStops:
    @pytest.fixture
    def made(self) -> Any:
        tokenizer = models.byte_tokenizer()
        tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
        return tokenizer

    @pytest.mark.parametrize(
        ("text", "stop", "before"),
        [
            ("the fox ran", "fox", "the "),
            ("the fox ran", " the", None),
            ("Zürich 東京 🦊!", "🦊", "Zürich 東京 "),
            ("a b<|im_end|>c", "<|im_end|>", "a b"),
            ("a b\n<|im_end|>\nc", "\n<|im_end|>\n", "a b"),
            ("a <|im_start|>b<|im_end|>c", "<|im_end|>", "a b"),
            ("a <|im_start|>b", "<|im_end|>", None),
            ("a <|im_start|>b", "<|", "a "),
            ("a <|im_start|>b", "a b", ""),
        ],
    )
    def test_a_stop_sequence_is_found_whatever_its_tokens(
        self, made: Any, text: str, stop: str, before: str | None
    ) -> None:
        ids = made(text, add_special_tokens=False)["input_ids"]
        stops = Stops([stop], Alphabet(made))
        assert stops.before(ids) == before
        if before is not None:
            assert stops.before(ids[: stops.end(ids)]) == before
            assert stops.before(ids[: stops.end(ids) - 1]) is None

    def test_a_stream_shows_what_comes_before_one_and_no_more(self, tokenizer: Any) -> None:
        alphabet, seen = Alphabet(tokenizer), 0
        for seed in range(60):
            ids = drawn(tokenizer, seed)
            text = tokenizer.decode(ids, skip_special_tokens=True)
            if len(text) < 8:
                continue
            stops = Stops([text[4:6], *map(alphabet.name, sorted(alphabet.specials)[:1])], alphabet)
            shown = Shown(stops)
            given = "".join(map(shown.add, ids))
            before = stops.before(ids)
            assert before is not None
            assert before.startswith(given)
            seen += len(given)
        assert seen > 20
