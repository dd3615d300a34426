"""mc_jupyter.engine.room: one budget per device, what goes when room is short, how long a model is kept."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import DoesNotFit, SpecError
from mc_jupyter.events import Note, Piece, Run
from tests import models
from tests.conftest import cell
from tests.test_session import GREEDY, model_of

ONE = 700_000  # bytes: room for one of the small models while it loads, and not for two


def resident_names(session: mc.Session) -> list[tuple[str, ...]]:
    return sorted(row.names for row in session.residents())


def wait_until(holds: Callable[[], bool]) -> bool:
    return wait_until_or(20, holds)


def wait_until_or(seconds: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.llama(tmp_path_factory.mktemp("other"))


class TestRoom:
    def test_the_least_recently_used_idle_model_goes_and_a_line_says_so(
        self, llama: Path, other: Path, encoder: Path
    ) -> None:
        heard: list[Any] = []
        with mc.Session(memory={"cpu": 1_500_000}) as session:
            first = session.load(cell("text-generation", llama, GREEDY), "first")
            session.load(cell("text-generation", other, GREEDY), "second")
            first("the fox")
            session.load(cell("text-generation", llama, "precision: bfloat16"), "third", run=Run(heard.append))
            session.load(cell("text-embedding", encoder), "fourth", run=Run(heard.append))
            assert resident_names(session) == [("first",), ("fourth",), ("third",)]
            notes = [event.text for event in heard if isinstance(event, Note)]
            assert [n for n in notes if n.startswith("second: unloaded to make room (511 kB; idle for")]

    def test_whoever_lost_its_model_gets_it_again_at_its_next_call(self, llama: Path, other: Path) -> None:
        with mc.Session(memory={"cpu": ONE}) as session:
            first = session.load(cell("text-generation", llama, GREEDY), "first")
            before = first("the fox")
            second = session.load(cell("text-generation", other, GREEDY), "second")
            assert resident_names(session) == [("second",)]
            assert first("the fox") == before
            assert resident_names(session) == [("first",)]
            assert second.facts() is None

    def test_a_library_that_can_do_with_less_is_let_in_where_the_whole_does_not_fit(
        self, llama: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from mc_jupyter.drivers.transformers import Transformers

        for least, fits in ((400_000, True), (600_000, False)):
            monkeypatch.setattr(Transformers, "least", classmethod(lambda cls, plan, files, n=least: n))
            with mc.Session(memory={"cpu": 500_000}) as session:
                if fits:
                    assert session.load(cell("text-generation", llama, GREEDY), "first").facts() is not None
                    continue
                with pytest.raises(DoesNotFit):
                    session.load(cell("text-generation", llama, GREEDY), "first")

    def test_an_evicted_model_leaves_no_tensor(self, llama: Path, other: Path) -> None:
        with mc.Session(memory={"cpu": ONE}) as session:
            gone = weakref.ref(model_of(session, session.load(cell("text-generation", llama), "first")))
            session.load(cell("text-generation", other), "second")
            gc.collect()
            assert gone() is None

    def test_a_pinned_model_stays_and_the_new_one_is_refused(self, llama: Path, other: Path) -> None:
        with mc.Session(memory={"cpu": ONE}) as session:
            session.load(cell("text-generation", llama), "first")
            session.pin("first")
            with pytest.raises(DoesNotFit, match=r"the limit set for models.*loaded are first \(511 kB\)"):
                session.load(cell("text-generation", other), "second")
            assert resident_names(session) == [("first",)]
            assert "second" not in session.handles

    def test_a_running_model_stays(self, llama: Path, other: Path) -> None:
        runs, enough = threading.Event(), threading.Event()

        def hold(event: Any) -> None:
            if isinstance(event, Piece) and not runs.is_set():
                runs.set()
                enough.wait(60)

        with mc.Session(memory={"cpu": ONE}) as session:
            first = session.load(cell("text-generation", llama, GREEDY), "first")
            calling = threading.Thread(target=lambda: first("the fox", run=Run(hold)))
            calling.start()
            assert runs.wait(60)
            with pytest.raises(DoesNotFit):
                session.load(cell("text-generation", other), "second")
            enough.set()
            calling.join(60)
            session.load(cell("text-generation", other), "second")
            assert resident_names(session) == [("second",)]

    def test_where_letting_everything_go_would_not_do_nothing_goes(self, llama: Path, tmp_path: Path) -> None:
        large = models.llama(tmp_path, hidden_size=256, intermediate_size=512)
        with mc.Session(memory={"cpu": ONE}) as session:
            session.load(cell("text-generation", llama), "first")
            with pytest.raises(DoesNotFit):
                session.load(cell("text-generation", large), "large")
            assert resident_names(session) == [("first",)]

    def test_where_the_limit_is_the_users_own_the_error_says_how_to_raise_it(self, llama: Path) -> None:
        with mc.Session(memory={"cpu": 1000}) as session, pytest.raises(DoesNotFit, match="raise the limit: %config"):
            session.load(cell("text-generation", llama), "first")

    def test_a_limit_is_part_of_the_memory_report(self, session: mc.Session) -> None:
        session.limits = {"cpu": 8_000_000_000}
        assert session.memory().limits == {"cpu": 8_000_000_000}


class TestKeepAlive:
    def test_zero_gives_the_memory_back_after_each_call(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, "keep_alive: 0", GREEDY), "a")
        answer = handle("the fox")
        assert session.residents() == []
        assert handle("the fox") == answer
        assert session.loads == 2

    @pytest.mark.slow
    def test_a_time_is_counted_from_the_last_call(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, "keep_alive: 1.5s", GREEDY), "a")
        for _ in range(4):
            handle("the fox")
            time.sleep(0.5)
        assert session.loads == 1
        assert wait_until(lambda: session.residents() == [])
        assert handle("the fox")

    def test_another_time_counts_from_when_it_is_said(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, GREEDY), "a")
        handle("the fox")
        handle.set(keep_alive="0.3s")
        assert wait_until(lambda: session.residents() == [])

    def test_it_counts_after_a_cast_too(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, "keep_alive: 0.5s", GREEDY), "a")
        handle("the fox")
        assert handle.set(precision="bfloat16").effect.step == "cast"
        assert wait_until(lambda: session.residents() == [])

    def test_a_cell_run_again_says_it_anew(self, session: mc.Session, llama: Path) -> None:
        session.load(cell("text-generation", llama, GREEDY), "a")("the fox")
        session.load(cell("text-generation", llama, "keep_alive: 0", GREEDY), "a")("the fox")
        assert session.residents() == []

    def test_a_pinned_model_outlives_its_time(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, "keep_alive: 0", GREEDY), "a")
        session.pin("a")
        handle("the fox")
        assert resident_names(session) == [("a",)]

    def test_of_two_components_on_one_model_the_more_patient_decides(self, session: mc.Session, llama: Path) -> None:
        session.load(cell("text-generation", llama, "keep_alive: -1"), "patient")
        session.load(cell("text-generation", llama, "keep_alive: 0", GREEDY), "hasty")("the fox")
        assert resident_names(session) == [("hasty", "patient")]

    def test_when_the_patient_one_leaves_the_others_time_counts(self, session: mc.Session, llama: Path) -> None:
        session.load(cell("text-generation", llama), "patient")
        session.load(cell("text-generation", llama, "keep_alive: 0.3s", GREEDY), "hasty")("the fox")
        assert not wait_until_or(0.6, lambda: session.residents() == [])
        session.unload("patient")
        assert wait_until(lambda: session.residents() == [])

    @pytest.mark.parametrize(
        ("written", "seconds"), [("10m", 600), ("1h30m", 5400), ("45s", 45), ("2.5", 2.5), (0, 0), (-1, float("inf"))]
    )
    def test_times_are_written_as_people_write_them(self, written: Any, seconds: float) -> None:
        text = f"component: {{type: model, driver: echo, keep_alive: {written}}}"
        assert mc.read(text).component().settings.keep_alive == seconds

    @pytest.mark.parametrize("written", ["soon", "-5", "10 parsecs", "''"])
    def test_what_is_no_time_is_an_error_with_its_place(self, written: str) -> None:
        with pytest.raises(SpecError, match=r"line 4.*keep_alive"):
            mc.read(f"component:\n  type: model\n  driver: echo\n  keep_alive: {written}\n")

    def test_a_timer_keeps_no_session_and_no_model_alive(self, llama: Path) -> None:
        session = mc.Session()
        handle = session.load(cell("text-generation", llama, "keep_alive: 1h", GREEDY), "a")
        handle("the fox")
        gone, model = weakref.ref(session), weakref.ref(model_of(session, handle))
        before = threading.active_count()
        session.close()
        del session
        gc.collect()
        assert (gone(), model()) == (None, None)
        assert wait_until(lambda: threading.active_count() < before)


@pytest.mark.slow
def test_memory_that_runs_out_while_loading_leaves_a_usable_kernel(tmp_path: Path) -> None:
    """In a process of its own whose address space is limited after the session has looked: the load itself fails."""
    large = models.llama(tmp_path / "large", hidden_size=1024, intermediate_size=4096, num_hidden_layers=6)
    small = models.llama(tmp_path / "small")
    code = f"""
import resource
from pathlib import Path
import mc_jupyter as mc
from mc_jupyter import devices
session = mc.Session()
small = session.load({cell("text-generation", small, GREEDY)!r}, "small")
before = small("the fox")
session.pin("small")
real = devices.free_memory
# What the estimate cannot see: somebody else takes the memory between the look and the load.
taken = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (taken + 120_000_000, resource.RLIM_INFINITY))
devices.free_memory = lambda device, **_: devices.Memory(10**10, 10**11, "test")
try:
    session.load({cell("text-generation", large)!r}, "large")
except mc.ComposeError as error:
    print(type(error).__name__, "|", str(error).replace(chr(10), " "))
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert small("the fox") == before
assert [row.names for row in session.residents()] == [("small",)]
print(session.load({cell("text-generation", large, GREEDY)!r}, "large")("the fox").tokens)
"""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180, env=env)
    assert done.returncode == 0, done.stderr
    said, tokens = done.stdout.strip().splitlines()
    assert said.startswith("DoesNotFit | line 4: out of memory")
    assert "loaded are small (511 kB)" in said
    assert tokens == "6"
