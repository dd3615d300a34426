"""What is drawn for a seed: transformers' own tokens, whoever else draws meanwhile, and nobody's numbers but ours."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.drivers._chance import Chance
from mc_jupyter.drivers._transformers.sampling import _Loan
from tests import models
from tests.conftest import cell

np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")

FREELY = "params: {max_output_length: 16, min_output_length: 16, temperature: 1.5, top_k: 0, top_p: 1.0}"
TEXTS = ["the little fox", "once upon a time there was a brave cat", "a"]


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.t5(tmp_path_factory.mktemp("t5"), initializer_factor=5.0)


@pytest.fixture(scope="module")
def reformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose own layers draw, whenever they read."""
    from transformers import ReformerConfig, ReformerModelWithLMHead

    torch.manual_seed(0)
    folder, tokenizer = tmp_path_factory.mktemp("reformer"), models.byte_tokenizer()
    config = ReformerConfig(
        vocab_size=len(tokenizer), is_decoder=True, attn_layers=["lsh", "local"], hidden_size=32,
        num_attention_heads=2, attention_head_size=16, feed_forward_size=32, axial_pos_embds=False,
        lsh_attn_chunk_length=4, local_attn_chunk_length=4, num_buckets=4, num_hashes=1,
        max_position_embeddings=256, initializer_range=0.5, bos_token_id=0, eos_token_id=1, pad_token_id=2,
    )  # fmt: skip
    ReformerModelWithLMHead(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def states() -> tuple[Any, ...]:
    """The generators that a user draws from."""
    return tuple(torch.get_rng_state().tolist()), str(np.random.get_state()), random.getstate()


def transformers_own(folder: Path, text: str, seed: int, *, auto: str = "AutoModelForCausalLM", **how: Any) -> Any:
    import transformers

    model = getattr(transformers, auto).from_pretrained(folder).eval()
    inputs = transformers.AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    before = 1 if model.config.is_encoder_decoder else inputs["input_ids"].shape[1]
    torch.manual_seed(seed)
    how = {"max_new_tokens": 16, "min_new_tokens": 16, "temperature": 1.5, "top_k": 0, "top_p": 1.0, **how}
    return [tuple(row[before:].tolist()) for row in model.generate(**inputs, do_sample=True, **how)]


class TestTheLibrarysOwnTokens:
    @pytest.mark.parametrize("odds", [
        {}, {"top_k": 20, "top_p": 0.8}, {"repetition_penalty": 1.5}, {"num_return_sequences": 3},
        {"num_beams": 3, "early_stopping": True}, {"num_beams": 4, "num_return_sequences": 2, "early_stopping": True},
    ])  # fmt: skip
    def test_a_continuation_is_drawn_as_transformers_draws_it(
        self, session: mc.Session, llama: Path, odds: dict[str, Any]
    ) -> None:
        handle = session.load(cell("text-generation", llama, FREELY))
        handle.set(odds)
        texts = handle(TEXTS[0], seed=7)
        texts = texts if isinstance(texts, list) else [texts]
        assert [text.token_ids for text in texts] == transformers_own(llama, TEXTS[0], 7, **odds)

    @pytest.mark.parametrize("odds", [{}, {"num_return_sequences": 2}, {"num_beams": 3, "early_stopping": True}])
    def test_an_encoder_decoder_is_drawn_from_as_transformers_does(
        self, session: mc.Session, t5: Path, odds: dict[str, Any]
    ) -> None:
        handle = session.load(cell("text-generation", t5, FREELY, "architecture: seq2seq"))
        handle.set(odds)
        texts = handle(TEXTS[0], seed=7)
        expected = transformers_own(t5, TEXTS[0], 7, auto="AutoModelForSeq2SeqLM", **odds)
        assert [text.token_ids for text in (texts if isinstance(texts, list) else [texts])] == expected

    def test_a_model_whose_layers_draw_gives_what_transformers_gives(self, session: mc.Session, reformer: Path) -> None:
        before = states()
        found = session.load(cell("text-generation", reformer, FREELY))(TEXTS[1], seed=7)
        assert states() == before
        assert [found.token_ids] == transformers_own(reformer, TEXTS[1], 7)


@pytest.mark.parametrize("odds", [{}, {"num_return_sequences": 2}, {"num_beams": 2}, {"batch_size": 2}])
def test_a_list_is_drawn_as_its_texts_are_alone(session: mc.Session, llama: Path, odds: dict[str, Any]) -> None:
    handle = session.load(cell("text-generation", llama, FREELY))
    handle.set(odds)
    assert list(handle(TEXTS, seed=7)) == [handle(text, seed=7) for text in TEXTS]


def test_without_a_seed_each_text_of_a_list_has_one_of_its_own(session: mc.Session, llama: Path) -> None:
    handle = session.load(cell("text-generation", llama, FREELY))
    found = handle([TEXTS[0]] * 3)
    assert len({text.seed for text in found}) == len(set(found)) == 3
    assert [handle(TEXTS[0], seed=text.seed) for text in found] == list(found)


@pytest.mark.parametrize("kind", ["llama", "reformer"])
def test_two_seeded_streams_side_by_side_are_what_they_are_alone(
    session: mc.Session, kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    one = request.getfixturevalue(kind)
    other = models.llama(tmp_path, hidden_size=32)
    handles = [
        session.load(cell("text-generation", folder, FREELY), name) for name, folder in (("a", one), ("b", other))
    ]
    alone = [str(handle(TEXTS[1], seed=7)) for handle in handles]
    streams = [handle.stream(TEXTS[1], seed=7) for handle in handles]
    for _ in zip_longest(*streams):
        pass
    assert [str(stream.result) for stream in streams] == alone


@pytest.fixture
def meanwhile() -> Iterator[Callable[[Callable[[], Any]], None]]:
    """Has something called over and over in another thread, until the test ends."""
    ended, threads = Event(), list[Thread]()

    def begin(work: Callable[[], Any]) -> None:
        def again() -> None:
            while not ended.is_set():
                work()

        threads.append(Thread(target=again))
        threads[-1].start()

    yield begin
    ended.set()
    for thread in threads:
        thread.join()


def test_numbers_that_the_user_draws_meanwhile_are_the_users(
    session: mc.Session, llama: Path, meanwhile: Callable[[Callable[[], Any]], None]
) -> None:
    def drawn() -> list[Any]:
        torch.manual_seed(0), np.random.seed(0), random.seed(0)
        return [(float(torch.rand(())), np.random.rand(), random.random()) for _ in range(3000)]

    handle, expected = session.load(cell("text-generation", llama, FREELY)), drawn()
    alone = handle(TEXTS[0], seed=7)
    meanwhile(lambda: handle(TEXTS[0], seed=7))
    assert all(drawn() == expected for _ in range(5))
    assert handle(TEXTS[0], seed=7) == alone


@pytest.mark.parametrize("task", ["text-classification", "text-embedding"])
def test_loading_what_begins_with_random_weights_draws_none_of_the_users_numbers(
    session: mc.Session, task: str, tmp_path: Path
) -> None:
    model = models.encoder(tmp_path)  # without a head, and without a pooler
    before = states()
    session.load(cell(task, model))
    assert states() == before


class TestChance:
    def test_what_takes_no_generator_draws_what_follows_on_the_seed(self) -> None:
        def some() -> list[Any]:
            made = [torch.randn(2), torch.rand(3), torch.randint(0, 9, (3,)), torch.randn_like(torch.ones(2))]
            return [
                *made,
                torch.empty(3).normal_(),
                torch.bernoulli(torch.full((4,), 0.5)),
                torch.nn.Linear(2, 2).weight,
            ]

        torch.manual_seed(5)
        expected, before = some(), states()
        with Chance(5).drawing():
            assert all(torch.equal(one, other) for one, other in zip(some(), expected, strict=True))
        assert states() == before

    def test_who_names_a_generator_draws_from_it(self) -> None:
        with Chance(5).drawing():
            found = torch.rand(3, generator=torch.Generator().manual_seed(8))
        assert torch.equal(found, torch.rand(3, generator=torch.Generator().manual_seed(8)))


def test_a_seed_is_a_whole_number_of_any_library(session: mc.Session, llama: Path) -> None:
    handle = session.load(cell("text-generation", llama, FREELY))
    largest = 2**63 + 1
    for seed in (np.uint64(largest), np.int8(3), torch.tensor(3)):
        assert handle(TEXTS[0], seed=seed).seed == int(seed)


def test_a_loan_that_was_not_given_ends_no_other() -> None:
    """torch takes back whatever happened, also where an interrupt came while a loan waited for another's end."""
    layer, other = torch.nn.Linear(1, 1), _Loan(Chance(1))
    before = torch.get_rng_state()
    other.give(layer, ())
    _Loan(Chance(2)).take_back(layer, (), None)
    assert _Loan.lock.locked()
    other.take_back(layer, (), None)
    assert not _Loan.lock.locked()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loan_that_fails_leaves_the_generators_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, chance = torch.nn.Linear(1, 1), Chance(1)
    before = torch.get_rng_state()
    monkeypatch.setattr(chance, "on", None)
    with pytest.raises(TypeError):
        _Loan(chance).give(layer, ())
    assert not _Loan.lock.locked()
    assert torch.equal(torch.get_rng_state(), before)
