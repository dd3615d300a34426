"""What every driver must do, whatever its library: each driver's tests inherit this suite."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import Interrupted, SpecError
from mc_jupyter.events import Piece, Run
from mc_jupyter.values import Text


class Contract:
    """Give `text` as a document of a text-generation component whose first input is `prompt`."""

    @pytest.fixture
    def document(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def handle(self, session: mc.Session, document: str) -> Any:
        return session.load(document, "writer")

    def test_one_input_gives_one_result(self, handle: Any) -> None:
        answer = handle("the little fox")
        assert isinstance(answer, Text)
        assert answer.tokens

    def test_a_list_gives_a_list_in_order(self, handle: Any) -> None:
        prompts = ["the little fox", "once upon a time there was a brave cat", "a", "what a day"]
        assert list(handle(prompts)) == [handle(p) for p in prompts]

    def test_a_stream_adds_up_to_the_result(self, handle: Any) -> None:
        whole = handle("the little fox ran over")
        stream = handle.stream("the little fox ran over")
        assert "".join(stream) == whole
        assert stream.result == whole

    def test_interrupting_keeps_what_was_written_and_the_next_call_is_whole(self, handle: Any) -> None:
        whole = handle("the little fox ran over")
        run = Run()
        pieces = []

        def stop_after_two(event: object) -> None:
            if isinstance(event, Piece):
                pieces.append(event.text)
                if len(pieces) == 2:
                    run.stop()

        run.listener = stop_after_two
        with pytest.raises(Interrupted) as caught:
            handle("the little fox ran over", run=run)
        partial = caught.value.partial
        assert 0 < len(partial) < len(whole)
        assert whole.startswith(partial.rstrip("\ufffd"))
        assert partial.finish_reason == "interrupted"
        assert handle("the little fox ran over") == whole

    def test_unloading_lets_the_model_go(self, session: mc.Session, handle: Any) -> None:
        handle("the little fox")
        resident = session.resident_of(handle)
        assert resident is not None
        gone = weakref.ref(resident.thing.driver)
        del resident
        session.unload("writer")
        gc.collect()
        assert gone() is None
        assert handle.facts() is None

    def test_after_unloading_a_call_loads_again(self, session: mc.Session, handle: Any) -> None:
        before = handle("the little fox")
        session.unload("writer")
        loads = session.loads
        assert handle("the little fox") == before
        assert session.loads == loads + 1

    def test_the_same_document_again_loads_nothing(self, session: mc.Session, document: str, handle: Any) -> None:
        loads = session.loads
        again = session.load(document, "writer")
        assert again("the little fox") == handle("the little fox")
        assert session.loads == loads

    def test_a_wrong_option_is_an_error_that_names_it(self, session: mc.Session, document: str) -> None:
        with pytest.raises(SpecError, match=r"unknown key 'tempratur'[\s\S]*did you mean 'temperature'"):
            session.load(document + "  tempratur: 1\n")

    def test_calls_from_several_threads_give_what_they_give_alone(self, handle: Any) -> None:
        prompts = ["the little fox", "a brave cat", "once upon"]
        alone = [handle(p) for p in prompts]
        found: dict[str, str] = {}

        def call(prompt: str) -> None:
            found[prompt] = handle(prompt)

        threads = [threading.Thread(target=call, args=(p,)) for p in prompts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [found[p] for p in prompts] == alone
