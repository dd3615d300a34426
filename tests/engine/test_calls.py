"""Calls through the engine: which action, streams that begin when they are read, and what happens beside a call."""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.engine.definition import Definition
from mc_jupyter.errors import ComposeError, InputError, Interrupted, RunError, UnknownName
from mc_jupyter.events import Advance, Piece, Run
from tests import models
from tests.conftest import cell
from tests.engine.test_room import wait_until

TWO_ACTIONS = """
component:
  type: model
  task: text-generation
  driver: echo
  actions:
    - {id: first, text: '${input.question as text}'}
    - {id: second, default: true, text: '${input.story as text}', output: 'told: ${result}'}
"""
LONG = "params: {max_output_length: 400, min_output_length: 400}"


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that has room for what is long."""
    return models.llama(tmp_path_factory.mktemp("llama"), window=1024)


@pytest.fixture
def two(session: mc.Session) -> mc.Handle:
    return session.load(TWO_ACTIONS, "two")


class TestActions:
    def test_the_default_one_runs_wherever_it_stands(self, two: mc.Handle) -> None:
        assert [one.name for one in two.inputs] == ["story"]
        assert two(story="once") == two("once") == "told: once"

    def test_another_one_is_named_and_has_inputs_of_its_own(self, two: mc.Handle) -> None:
        assert two(question="why", action="first") == two("why", action="first") == "why"
        with pytest.raises(InputError, match=r"no input 'story'[\s\S]*its inputs: question"):
            two(story="once", action="first")
        with pytest.raises(InputError, match="two needs question"):
            two(action="first")

    def test_one_that_there_is_not_is_an_error_with_a_hint(self, two: mc.Handle) -> None:
        with pytest.raises(UnknownName, match=r"no action 'secund'; did you mean 'second'"):
            two("x", action="secund")

    def test_a_stream_may_name_one(self, two: mc.Handle) -> None:
        assert list(two.stream("a b", action="first")) == ["a ", "b"]

    def test_the_card_says_which_there_are(self, two: mc.Handle) -> None:
        assert dict(two.card())["actions"] == "first and second"


class TestStreams:
    def test_one_that_nobody_reads_never_begins(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, LONG), "a")
        before = set(threading.enumerate())
        stream = handle.stream("the fox")
        time.sleep(0.1)
        assert set(threading.enumerate()) <= before  # others may have ended
        assert not any(row.running for row in session.residents())
        assert "given back" in session.unload("a")[0]
        assert stream.result is None

    def test_leaving_its_loop_stops_the_run_and_frees_the_model(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, LONG), "a")
        stream = handle.stream("the fox")
        run = stream.run
        for _ in stream:
            break
        del stream
        assert wait_until(lambda: not any(row.running for row in session.residents()))
        assert run.stopped
        assert "given back" in session.unload("a")[0]

    def test_one_that_is_let_go_of_stops(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, LONG), "a")
        stream = handle.stream("the fox")
        next(stream)
        stream.close()
        assert stream.result.finish_reason == "interrupted"
        assert stream.result.tokens < 400

    def test_one_that_is_collected_by_its_own_writer_stops_and_waits_for_nothing(
        self, session: mc.Session, llama: Path
    ) -> None:
        handle = session.load(cell("text-generation", llama, LONG), "a")
        ring: list[Any] = []  # holds itself: only a collection ends it
        pieces: list[Any] = []
        lost = threading.Event()

        def collect(event: Any) -> None:
            pieces.append(event)
            if len(pieces) > 1 and lost.wait(30):  # the first is being read
                gc.collect()

        ring += (ring, handle.stream("the fox"))
        run = ring[1].run
        run.listener = lambda event: collect(event) if isinstance(event, Piece) else None
        next(ring[1])
        del ring
        lost.set()
        assert wait_until(lambda: not any(row.running for row in session.residents()))
        assert run.stopped
        assert len(pieces) < 400

    @pytest.mark.slow
    def test_python_ends_well_while_one_is_half_read(self, llama: Path) -> None:
        code = f"""
import mc_jupyter as mc
session = mc.Session()
handle = session.load({cell("text-generation", llama, LONG)!r}, "a")
unread = handle.stream("the fox")
half = handle.stream("the fox")
next(half)
print("ends", flush=True)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stdout) == (0, "ends\n"), done.stderr

    def test_what_writes_no_text_gives_its_results_one_by_one(self, session: mc.Session) -> None:
        label = session.load("component: {type: model, task: text-classification, driver: echo}", "label")
        assert list(label.stream("good")) == [label("good")]
        with pytest.raises(InputError, match="streaming gives one answer to one input"):
            label.stream(["good", "bad"])
        embed = session.load("component: {type: model, task: text-embedding, driver: echo}", "embed")
        assert list(embed.stream("good")) == [embed("good")]
        cut = session.load("component: {type: text-splitter, chunk_size: 4, chunk_overlap: 0}", "cut")
        assert list(cut.stream("a b c d")) == ["a b", "c d"]
        cut.set(stream_output=True)
        assert list(cut.stream("a b c d")) == ["a b", "c d"]


class TestBesideACall:
    def test_closing_the_session_stops_it_and_keeps_what_there_was(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, LONG), "a")
        ended: list[BaseException] = []
        begun = threading.Event()

        def call() -> None:
            try:
                handle("the fox", run=Run(lambda event: begun.set() if type(event).__name__ == "Piece" else None))
            except BaseException as error:
                ended.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        assert begun.wait(30)
        session.close()
        thread.join(30)
        (error,) = ended
        assert isinstance(error, Interrupted)
        assert 0 < error.partial.tokens < 400
        assert session.residents() == []

    def test_a_run_may_call_another_component_while_a_change_waits_for_it(
        self, session: mc.Session, llama: Path, classifier: Path
    ) -> None:
        text = session.load(cell("text-generation", llama, "params: {max_output_length: 4}"), "text")
        label = session.load(cell("text-classification", classifier, "preload: false"), "label")
        begun, said = threading.Event(), []

        def listen(event: Any) -> None:
            if isinstance(event, Piece) and not begun.is_set():
                begun.set()
                time.sleep(0.3)  # the change waits for its turn by now
                said.append(label("good"))  # and this has to be loaded

        call = threading.Thread(target=text, args=("the fox",), kwargs={"run": Run(listen)}, daemon=True)
        call.start()
        assert begun.wait(30)
        change = threading.Thread(target=text.set, kwargs={"precision": "bfloat16"}, daemon=True)
        change.start()
        for thread in (call, change):
            thread.join(30)
            assert not thread.is_alive()
        assert (len(said), text.facts().dtype) == (1, "bfloat16")

    def test_setting_the_precision_harms_no_call_of_another_thread(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, "params: {max_output_length: 4, do_sample: false}"), "a")
        wrong: list[BaseException] = []
        stop = threading.Event()

        def call() -> None:
            while not stop.is_set():
                try:
                    assert handle("the fox").tokens
                except BaseException as error:
                    wrong.append(error)

        threads = [threading.Thread(target=call) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for precision in ["bfloat16", "float32"] * 6:
                handle.set(precision=precision)
        finally:  # else they would call, and fail, for ever
            stop.set()
            for thread in threads:
                thread.join()
        assert wrong == []

    def test_loads_of_several_threads_stay_within_the_limit(self, llama: Path, classifier: Path, encoder: Path) -> None:
        texts = [
            cell("text-generation", llama),
            cell("text-classification", classifier),
            cell("text-embedding", encoder),
        ]
        with mc.Session(memory={"cpu": 700_000}) as session:
            most: list[int] = []

            def load(i: int) -> None:
                session.load(texts[i], f"c{i}")
                most.append(sum(row.bytes for row in session.residents()))

            threads = [threading.Thread(target=load, args=(i,)) for i in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert max(most) <= 700_000
            assert session.loads == 3


class TestSessions:
    def test_one_that_is_left_open_warns(self) -> None:
        session: mc.Session | None = mc.Session()
        assert session is not None
        session.load("component: {type: model, driver: echo}", "e")
        with pytest.warns(ResourceWarning, match="a session was left open"):
            del session

    def test_one_with_nothing_open_does_not(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            session = mc.Session()
            del session

    def test_what_needs_the_users_word_is_refused_without_it(self, made: Any) -> None:
        made("components", "test_made_asking", ASKING)
        text = "component: {type: test-made-asking, command: rm}"
        with mc.Session() as session:
            assert session.plan(text).lines() == ["test-made-asking", "asks first: the command rm"]
            with pytest.raises(ComposeError, match="this needs your word first: the command rm"):
                session.load(text, "a")
        with mc.Session(trust=True) as session:
            assert session.load(text, "a")() == "rm was run"


ASKING = '''
"""Runs what it is told."""

from dataclasses import replace
from mc_jupyter.components import ComponentType, Envelope


class Asking(ComponentType):
    """Runs what it is told."""

    runs = True

    class Settings(Envelope):
        command: str

    @classmethod
    def plan(cls, written, env, beside):
        planned = super().plan(written, env, beside)
        return replace(planned, asks=(f"the command {planned.settings.command}",))

    @classmethod
    def call(cls, planned, opened, call):
        return f"{planned.settings.command} was run"
'''


def test_what_is_no_mapping_is_no_error_of_pythons(session: mc.Session) -> None:
    cut = session.load("component: {type: text-splitter}", "cut")
    with pytest.raises(InputError, match="fields are set by name, not by 'chunk_size=3'"):
        cut.set("chunk_size=3")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="nothing to compare"):
        cut.compare(chunk_size=[3, 4])


def test_texts_that_were_broken_off_do_not_count_as_done(session: mc.Session, llama: Path) -> None:
    handle = session.load(cell("text-generation", llama, LONG), "a")
    run = Run()
    run.listener = lambda event: run.stop() if type(event).__name__ == "Piece" else None
    with pytest.raises(Interrupted, match="interrupted after 0 of 3"):
        handle(["the fox", "a cat", "once"], run=run)


def test_one_token_is_one_token(session: mc.Session, llama: Path) -> None:
    handle = session.load(cell("text-generation", llama, LONG), "a")
    run = Run()
    run.listener = lambda event: run.stop() if isinstance(event, Advance) else None
    with pytest.raises(Interrupted, match=r"interrupted after 1 token\b(?!s)"):
        handle("the fox", run=run)


def test_a_definition_travels_as_its_text(session: mc.Session, llama: Path) -> None:
    handle = session.load(cell("text-generation", llama), "a", overrides={"seed": 3})
    there: Definition = pickle.loads(pickle.dumps(handle.definition))
    assert (there.text, there.beside, there.component) == (handle.text, {"seed": 3}, handle.planned.id)
    assert there.planned.key == handle.planned.key


def test_a_handle_of_a_session_that_has_ended_says_so() -> None:
    handle = mc.Session().load("component: {type: model, driver: echo}", "e")
    with pytest.raises(RunError, match="belongs to a session that has ended"):
        handle("hi")


def test_an_input_that_does_not_fit_into_memory_is_not_told_as_memory_of_a_device(session: mc.Session) -> None:
    class Endless:
        def __str__(self) -> str:
            return "a" * (sys.maxsize // 2)

    handle = session.load(cell("text-generation", "any", "text: ${input.prompt as text}", driver="echo"))
    with pytest.raises(InputError, match=r"line \d+: what text becomes does not fit into memory"):
        handle(prompt=Endless())


def test_what_output_makes_nothing_of_is_an_error_at_its_line(session: mc.Session) -> None:
    text = "component:\n  {type: model, task: text-generation, driver: echo, text: hi,\n   output: {'*': '${result}'}}"
    with pytest.raises(mc.ComposeError, match="line 3: .* needs a list or a stream, not the text 'hi'"):
        session.load(text)()
