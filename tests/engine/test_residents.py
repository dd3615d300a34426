"""mc_jupyter.engine.residents: who holds what is open, who uses it, and when it goes."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from typing import Any

import pytest

from mc_jupyter.components import Need, Open
from mc_jupyter.engine.residents import Gone, Place, Resident, Residents
from mc_jupyter.errors import DoesNotFit, PlanError, RunError


class Thing(Open):
    """Something to keep; its log tells what happened to it."""

    def __init__(self, log: list[str], name: str, size: int = 0):
        self.log, self.name, self.size = log, name, size
        self.kept_for: frozenset[str] = frozenset()
        log.append(f"open {name}")

    @property
    def subject(self) -> str:
        return self.name

    def memory(self) -> Mapping[str, int]:
        return {"cpu": self.size} if self.size else {}

    def keep_for(self, holders: Collection[str]) -> None:
        self.log += (f"{holder} leaves {self.name}" for holder in sorted(self.kept_for.difference(holders)))
        self.kept_for = frozenset(holders)

    def close(self) -> None:
        self.log.append(f"close {self.name}")


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def residents() -> Residents:
    return Residents()


def resident(residents: Residents, key: str) -> Resident:
    found = residents.get(key)
    assert found is not None
    return found


def place(residents: Residents, holder: str) -> Place:
    return Place(residents, holder)


def hold(residents: Residents, log: list[str], key: str, holder: str, size: int = 0) -> Resident:
    need = Need("cpu", size, key) if size else None
    return place(residents, holder).hold(key, lambda: Thing(log, key, size), need)


def test_equal_keys_are_one(residents: Residents, log: list[str]) -> None:
    assert hold(residents, log, "a", "one") is hold(residents, log, "a", "two")
    assert (log, residents.loads) == (["open a"], 1)


def test_the_old_goes_before_the_new_comes(residents: Residents, log: list[str]) -> None:
    hold(residents, log, "a", "one")
    hold(residents, log, "b", "one")
    assert log == ["open a", "close a", "open b"]


def test_what_others_hold_stays_and_is_told_who_left(residents: Residents, log: list[str]) -> None:
    hold(residents, log, "a", "one")
    hold(residents, log, "a", "two")
    hold(residents, log, "b", "one")
    assert log == ["open a", "one leaves a", "open b"]
    assert residents.release("two")
    assert log[-1] == "close a"


def test_what_is_pinned_stays(residents: Residents, log: list[str]) -> None:
    hold(residents, log, "a", "one")
    assert residents.pin("one")
    assert residents.release("one") == []
    assert not residents.evict(resident(residents, "a"))
    residents.unpin("one")
    assert log[-1] == "close a"


def test_pinning_what_is_not_there_says_so(residents: Residents) -> None:
    assert not residents.pin("nobody")


def test_what_runs_is_not_evicted(residents: Residents, log: list[str]) -> None:
    one = hold(residents, log, "a", "one")
    with residents.lease(one):
        assert not residents.evict(one)
    assert residents.evict(one)


def test_one_whose_last_holder_leaves_while_it_runs_goes_when_the_run_ends(
    residents: Residents, log: list[str]
) -> None:
    one = hold(residents, log, "a", "one")
    with residents.lease(one):
        assert residents.release("one") == []
        assert log == ["open a"]
    assert log == ["open a", "close a"]
    assert list(residents) == []


def test_a_holder_who_leaves_while_it_runs_is_told_when_the_run_ends(residents: Residents, log: list[str]) -> None:
    one = hold(residents, log, "a", "one")
    hold(residents, log, "a", "two")
    with residents.lease(one):
        residents.release("two")
        assert log == ["open a"]
    assert log == ["open a", "two leaves a"]


def test_a_call_on_one_that_has_gone_is_an_error_and_not_a_crash(residents: Residents, log: list[str]) -> None:
    old = hold(residents, log, "a", "one")
    residents.evict(old)
    with pytest.raises(Gone, match="unloaded before this call"), residents.lease(old):
        pass


def test_a_call_within_a_call_of_the_same_one_is_refused(residents: Residents, log: list[str]) -> None:
    one = hold(residents, log, "a", "one")
    with residents.lease(one), pytest.raises(RunError, match="in this very thread"), residents.lease(one):
        pass


def test_one_may_become_another_keys(residents: Residents, log: list[str]) -> None:
    one = hold(residents, log, "a", "one")
    place(residents, "one").become(one, "b", lambda: log.append("changed"))
    assert residents.get("a") is None
    assert hold(residents, log, "b", "one") is one
    assert log == ["open a", "changed"]


def test_a_change_that_is_refused_leaves_it_as_it_was(residents: Residents, log: list[str]) -> None:
    one = hold(residents, log, "a", "one")

    def refuse() -> None:
        raise PlanError("it would not be the same")

    with pytest.raises(PlanError):
        place(residents, "one").become(one, "b", refuse)
    assert (residents.get("a"), log) == (one, ["open a"])


def test_a_change_that_breaks_half_way_leaves_nothing_that_could_be_used(residents: Residents, log: list[str]) -> None:
    one = hold(residents, log, "a", "one")

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place(residents, "one").become(one, "b", interrupted)
    assert (log, list(residents)) == (["open a", "close a"], [])


def test_an_opening_that_fails_leaves_no_trace(residents: Residents) -> None:
    def fail() -> Open:
        raise OSError("no such file")

    with pytest.raises(OSError, match="no such file"):
        place(residents, "one").hold("a", fail)
    assert (list(residents), residents.loads) == ([], 0)


def test_nobody_closes_what_is_still_being_finished(residents: Residents, log: list[str]) -> None:
    def finish(thing: Any) -> None:
        assert not residents.evict(resident(residents, "a"))
        residents.release("one")
        log.append("finished")

    place(residents, "one").hold("a", lambda: Thing(log, "a"), None, finish)
    assert log == ["open a", "finished", "close a"]


@pytest.mark.parametrize("others", [(), ("two",)])
def test_a_finish_that_fails_takes_away_only_what_its_holder_did_not_have(
    residents: Residents, log: list[str], others: tuple[str, ...]
) -> None:
    def fail(thing: Any) -> None:
        raise PlanError("no such adapter")

    for other in others:
        hold(residents, log, "a", other)
    with pytest.raises(PlanError):
        place(residents, "one").hold("a", lambda: Thing(log, "a"), None, fail)
    assert [r.holders for r in residents] == [{name} for name in others]
    one = hold(residents, log, "b", "one")
    with pytest.raises(PlanError):
        place(residents, "one").hold("b", lambda: Thing(log, "b"), None, fail)
    assert residents.get("b") is one


def test_what_went_before_its_turn_becomes_nothing(residents: Residents, log: list[str]) -> None:
    one = hold(residents, log, "a", "one")
    residents.evict(one)
    assert not place(residents, "one").become(one, "b", lambda: log.append("changed"))
    assert (list(residents), log) == ([], ["open a", "close a"])


def test_closing_lets_what_runs_end_first(residents: Residents, log: list[str]) -> None:
    one = hold(residents, log, "a", "one")
    with residents.lease(one):
        residents.clear()
        assert log == ["open a"]
    assert log == ["open a", "close a"]
    with pytest.raises(RunError, match="has been closed"):
        hold(residents, log, "a", "one")


def test_several_that_open_at_once_stay_within_the_limit(log: list[str]) -> None:
    residents = Residents({"cpu": 100})
    refused: list[DoesNotFit] = []
    most: list[int] = []

    def open_one(name: str) -> None:
        def made() -> Open:
            most.append(sum(r.thing.size for r in residents) + 60)
            return Thing(log, name, 60)

        try:
            place(residents, name).hold(name, made, Need("cpu", 60, name))
        except DoesNotFit as error:
            refused.append(error)

    threads = [threading.Thread(target=open_one, args=(name,)) for name in "abcdef"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) <= 100
    assert not refused
    assert [r.thing.size for r in residents] == [60]


def test_calls_of_one_follow_one_another(residents: Residents, log: list[str]) -> None:
    """While one thread is inside, another is seen not to come in, although it waits to."""
    one = hold(residents, log, "a", "one")
    entered, waiting = threading.Event(), threading.Event()

    def second() -> None:
        waiting.set()
        with residents.lease(one):
            entered.set()

    with residents.lease(one):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(5)
        assert not entered.wait(0.2)
        assert one.users == 2
    assert entered.wait(5)
    thread.join()


def test_calls_of_what_takes_several_go_side_by_side(residents: Residents, log: list[str]) -> None:
    class Shared(Thing):
        one_at_a_time = False

    one = place(residents, "one").hold("a", lambda: Shared(log, "a"))
    entered = threading.Event()

    def second() -> None:
        with residents.lease(one):
            entered.set()

    with residents.lease(one):
        thread = threading.Thread(target=second)
        thread.start()
        assert entered.wait(5)
    thread.join()
