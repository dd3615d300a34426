"""mc_jupyter.cache."""

from __future__ import annotations

import threading

import pytest

from mc_jupyter.cache import Cache, Resident
from mc_jupyter.errors import RunError


class Model:
    def __init__(self, log: list[str], name: str):
        self.log, self.name, self.layers = log, name, self
        log.append(f"load {name}")

    def close(self) -> None:
        self.log.append(f"close {self.name}")

    def detach(self, part: object) -> None:
        self.log.append(f"detach {part}")


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def cache() -> Cache[str, Model]:
    return Cache()


def resident(cache: Cache[str, Model], key: str) -> Resident[str, Model]:
    found = cache.get(key)
    assert found is not None
    return found


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


def test_what_is_pinned_stays(cache: Cache[str, Model], log: list[str]) -> None:
    hold(cache, log, "a", "one")
    resident(cache, "a").pins.add("one")
    assert cache.release("one") == []
    assert not cache.evict(resident(cache, "a"))
    resident(cache, "a").pins.clear()
    assert cache.evict(resident(cache, "a"))
    assert log == ["load a", "close a"]


def test_what_runs_is_not_evicted(cache: Cache[str, Model], log: list[str]) -> None:
    hold(cache, log, "a", "one")
    with cache.lease(resident(cache, "a")):
        assert not cache.evict(resident(cache, "a"))
    assert cache.evict(resident(cache, "a"))


def test_a_model_whose_last_holder_leaves_while_it_runs_goes_when_the_run_ends(
    cache: Cache[str, Model], log: list[str]
) -> None:
    hold(cache, log, "a", "one")
    with cache.lease(resident(cache, "a")):
        assert cache.release("one") == []
        assert log == ["load a"]
    assert log == ["load a", "close a"]
    assert list(cache) == []


def test_a_call_on_a_model_that_has_gone_is_an_error_and_not_a_crash(cache: Cache[str, Model], log: list[str]) -> None:
    hold(cache, log, "a", "one")
    old = resident(cache, "a")
    cache.evict(old)
    with pytest.raises(RunError, match="unloaded before this call"), cache.lease(old):
        pass


def test_a_part_goes_with_the_last_holder_it_was_there_for(cache: Cache[str, Model], log: list[str]) -> None:
    hold(cache, log, "a", "one")
    hold(cache, log, "a", "two")
    resident(cache, "a").parts = {"style": {"one", "two"}, "voice": {"one"}}
    hold(cache, log, "b", "one")
    assert log == ["load a", "detach voice", "load b"]
    assert resident(cache, "a").parts == {"style": {"two"}}


def test_a_model_may_become_another_plans(cache: Cache[str, Model], log: list[str]) -> None:
    hold(cache, log, "a", "one")
    cache.rekey(resident(cache, "a"), "b")
    assert cache.get("a") is None
    hold(cache, log, "b", "one")
    assert log == ["load a"]


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
        with cache.lease(resident(cache, "a")):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
