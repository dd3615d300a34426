"""mc_jupyter.cache."""

from __future__ import annotations

import threading

import pytest

from mc_jupyter.cache import Cache
from mc_jupyter.errors import PlanError


class Model:
    def __init__(self, log: list[str], name: str):
        self.log, self.name = log, name
        log.append(f"load {name}")

    def close(self) -> None:
        self.log.append(f"close {self.name}")


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def cache() -> Cache[str, Model]:
    return Cache()


def hold(cache: Cache[str, Model], log: list[str], key: str, holder: str) -> None:
    cache.hold(key, holder, lambda: Model(log, key))


def test_equal_keys_are_one_model(cache: Cache[str, Model], log: list[str]) -> None:
    hold(cache, log, "a", "one")
    hold(cache, log, "a", "two")
    assert log == ["load a"]
    assert cache.loads == 1


def test_the_old_goes_before_the_new_comes(cache: Cache[str, Model], log: list[str]) -> None:
    hold(cache, log, "a", "one")
    hold(cache, log, "b", "one")
    assert log == ["load a", "close a", "load b"]


def test_what_others_hold_stays(cache: Cache[str, Model], log: list[str]) -> None:
    hold(cache, log, "a", "one")
    hold(cache, log, "a", "two")
    hold(cache, log, "b", "one")
    assert log == ["load a", "load b"]
    assert cache.release("two")
    assert log[-1] == "close a"


def test_what_is_pinned_stays_until_it_is_unloaded(cache: Cache[str, Model], log: list[str]) -> None:
    hold(cache, log, "a", "one")
    cache.get("a").pinned = True  # type: ignore[union-attr]
    assert cache.release("one") == []
    cache.unload("a")
    assert log == ["load a", "close a"]


def test_what_runs_cannot_be_unloaded(cache: Cache[str, Model], log: list[str]) -> None:
    hold(cache, log, "a", "one")
    with cache.lease("a"), pytest.raises(PlanError, match="is running"):
        cache.unload("a")
    cache.unload("a")


def test_leaving_names_what_a_turn_would_free(cache: Cache[str, Model], log: list[str]) -> None:
    hold(cache, log, "a", "one")
    assert [r.key for r in cache.leaving("one", "b")] == ["a"]
    assert cache.leaving("one", "a") == []
    hold(cache, log, "a", "two")
    assert cache.leaving("one", "b") == []


def test_a_load_that_fails_leaves_no_trace(cache: Cache[str, Model]) -> None:
    def fail() -> Model:
        raise OSError("no such file")

    with pytest.raises(OSError, match="no such file"):
        cache.hold("a", "one", fail)
    assert list(cache) == []
    assert cache.loads == 0


def test_calls_of_one_model_follow_one_another(cache: Cache[str, Model], log: list[str]) -> None:
    hold(cache, log, "a", "one")
    inside: list[int] = []
    most: list[int] = []

    def use() -> None:
        with cache.lease("a"):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
