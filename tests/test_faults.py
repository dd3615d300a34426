"""What libraries raise, said as one of our errors."""

from __future__ import annotations

import gc
import weakref

import pytest

from mc_jupyter.errors import InputError, Place, RunError, WeightsError
from mc_jupyter.faults import pointing, reason, said_as

HERE = Place(3, 10, 5, "  model: a/b")


class Heavy:
    """Stands for a tensor."""


def test_what_a_library_raises_is_one_error_with_the_reason_in_a_line() -> None:
    with pytest.raises(WeightsError) as caught, said_as(WeightsError, "transformers cannot load x", place=HERE):
        raise ValueError("two\n  lines")
    assert str(caught.value).splitlines()[0] == "line 3: transformers cannot load x: two lines"


def test_the_fault_can_still_be_found_and_keeps_nothing_in_memory() -> None:
    alive: list[weakref.ref[Heavy]] = []

    def library() -> None:
        heavy = Heavy()
        alive.append(weakref.ref(heavy))
        raise KeyError("hidden_size")

    with pytest.raises(RunError, match="KeyError: 'hidden_size'") as caught, said_as(RunError, "it failed"):
        library()
    gc.collect()
    assert alive[0]() is None
    assert "in library" in str(caught.value.__cause__)
    assert "in library" in str(caught.value.at(HERE).__cause__)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError("no"), InputError("ours"), SystemExit(1)])
def test_what_has_a_meaning_of_its_own_stays_as_it_is(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, said_as(WeightsError, "it failed"):
        raise error
    assert caught.value is error


def test_a_panic_of_a_library_in_rust_counts(capfd: pytest.CaptureFixture[str]) -> None:
    from tokenizers import Tokenizer, decoders, models

    made = Tokenizer(models.BPE(vocab={"a": 0}, merges=[]))
    made.decoder = decoders.Strip("a", 5, 5)
    with pytest.raises(RunError, match="PanicException: index out of bounds"), said_as(RunError, "tokenizers failed"):
        made.decode([0])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("a  sentence\nof two lines"), "a sentence of two lines"),
        (KeyError("size"), "KeyError: 'size'"),
        (RuntimeError(), "RuntimeError"),
        (ValueError("\ud800"), "?"),
        (OSError("x" * 1000), "x" * 299 + "…"),
    ],
)
def test_a_reason_is_one_line_that_can_be_shown(error: Exception, said: str) -> None:
    assert reason(error) == said


def test_a_place_is_given_to_errors_that_have_none() -> None:
    with pytest.raises(InputError, match=r"^line 3: wrong"), pointing(HERE):
        raise InputError("wrong")
    other = Place(1, 1, 1, "x")
    with pytest.raises(InputError, match=r"^line 1: wrong"), pointing(HERE):
        raise InputError("wrong", place=other)
