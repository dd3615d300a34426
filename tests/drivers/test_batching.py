"""mc_jupyter.drivers._batching."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mc_jupyter.drivers._batching import batches, unless_stopped
from mc_jupyter.events import Run

LENGTHS = st.lists(st.integers(1, 300), max_size=60)


@given(LENGTHS, st.one_of(st.none(), st.integers(1, 9)), st.integers(1, 1000), st.booleans())
def test_every_input_is_in_exactly_one_batch(lengths: list[int], size: int | None, tokens: int, same: bool) -> None:
    found = [i for batch in batches(lengths, size=size, tokens=tokens, same_length=same) for i in batch]
    assert sorted(found) == list(range(len(lengths)))


@given(LENGTHS)
def test_the_longest_come_first(lengths: list[int]) -> None:
    order = [lengths[i] for batch in batches(lengths) for i in batch]
    assert order == sorted(lengths, reverse=True)


@given(LENGTHS, st.integers(1, 1000))
def test_a_batch_of_several_stays_within_its_tokens(lengths: list[int], tokens: int) -> None:
    for batch in batches(lengths, tokens=tokens):
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= tokens


@given(LENGTHS, st.integers(1, 9))
def test_with_a_size_all_but_the_last_batch_have_it(lengths: list[int], size: int) -> None:
    sizes = [len(batch) for batch in batches(lengths, size=size)]
    assert all(n == size for n in sizes[:-1])
    assert all(n <= size for n in sizes)


@given(LENGTHS)
def test_with_same_length_nothing_is_padded(lengths: list[int]) -> None:
    for batch in batches(lengths, same_length=True):
        assert len({lengths[i] for i in batch}) == 1


def test_what_is_made_before_a_model_begins_ends_when_its_run_is_stopped() -> None:
    run, made = Run(), list[int]()

    def making(i: int) -> int:
        made.append(i)
        if i == 2:
            run.stop()
        return i

    assert unless_stopped(map(making, range(100)), run) is None
    assert made == [0, 1, 2]
    assert unless_stopped(range(3), Run()) == [0, 1, 2]
