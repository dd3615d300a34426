"""What every driver must do, whatever its library: each driver's tests inherit one of these suites.

`Contract` is for any task: it takes a few inputs and compares results by what they hold. `TextContract` adds what holds
of written text: streams, and what an interrupt leaves.
"""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import Interrupted, SpecError
from mc_jupyter.events import Advance, Event, Piece, Run
from mc_jupyter.values import Text


class Contract:
    """Give `document`, a component of one model in float32 on the CPU, and three `inputs` that its call takes by
    position. Their results must differ.
    """

    misspelt: ClassVar[tuple[str, str]]
    """A line with a wrong option, and the one that was meant."""

    given: ClassVar[dict[str, Any]] = {}
    """What calls say besides."""

    @pytest.fixture
    def document(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def inputs(self) -> list[Any]:
        raise NotImplementedError

    @pytest.fixture
    def handle(self, session: mc.Session, document: str) -> Any:
        return session.load(document, "it")

    def held(self, result: Any) -> Any:
        """What of a result is compared."""
        return result

    def alone(self, handle: Any, inputs: Sequence[Any]) -> list[Any]:
        """What each input gives by itself. A driver that draws at random gives item k the seed that a list gives it."""
        return [self.held(handle(each, **self.given)) for each in inputs]

    def together(self, handle: Any, inputs: Sequence[Any]) -> list[Any]:
        return [self.held(each) for each in handle(list(inputs), **self.given)]

    def test_inputs_give_results_of_their_own(self, handle: Any, inputs: list[Any]) -> None:
        found = self.alone(handle, inputs)
        assert all(one != other for i, one in enumerate(found) for other in found[:i])

    def test_a_list_gives_a_list_in_order(self, handle: Any, inputs: list[Any]) -> None:
        assert self.together(handle, inputs) == self.alone(handle, inputs)

    def test_a_stop_ends_a_run_part_way_and_the_next_call_is_whole(self, handle: Any, inputs: list[Any]) -> None:
        whole = self.together(handle, inputs)
        run, heard = Run(), list[Advance]()

        def stop_at_the_first(event: Event) -> None:
            if isinstance(event, Advance):
                heard.append(event)
            if isinstance(event, Piece | Advance):
                run.stop()

        run.listener = stop_at_the_first
        with pytest.raises(Interrupted) as caught:
            handle(inputs, **self.given, run=run)
        assert [each if each is None else self.held(each) for each in caught.value.partial or [None]] != whole
        assert all(event.total is None or event.done < event.total for event in heard)
        assert self.together(handle, inputs) == whole

    def test_unloading_lets_the_model_go(self, session: mc.Session, handle: Any, inputs: list[Any]) -> None:
        handle(inputs[0], **self.given)
        resident = session.resident_of(handle)
        assert resident is not None
        gone = weakref.ref(resident.thing.driver)
        del resident
        session.unload("it")
        gc.collect()
        assert gone() is None
        assert handle.facts() is None

    def test_after_unloading_a_call_loads_again(self, session: mc.Session, handle: Any, inputs: list[Any]) -> None:
        before = self.held(handle(inputs[0], **self.given))
        session.unload("it")
        loads = session.loads
        assert self.held(handle(inputs[0], **self.given)) == before
        assert session.loads == loads + 1

    def test_the_same_document_again_loads_nothing(self, session: mc.Session, document: str, handle: Any) -> None:
        loads = session.loads
        assert session.load(document, "it").facts() == handle.facts()
        assert session.loads == loads

    def test_a_wrong_option_is_an_error_at_its_line(self, session: mc.Session, document: str) -> None:
        line, meant = self.misspelt
        wrong, number = line.partition(":")[0], document.count("\n") + 1
        with pytest.raises(SpecError, match=rf"line {number}: unknown key '{wrong}'[\s\S]*did you mean '{meant}'"):
            session.load(document + f"  {line}\n")

    def test_what_the_library_ignores_is_refused_at_its_line(self, session: mc.Session, handle: Any) -> None:
        component, document = handle.planned, handle.text
        for field in component.driver.ignored(component.task):
            value = "bgr" if field == "color_format" else 1
            with pytest.raises(SpecError, match=rf"line {document.count(chr(10)) + 1}: {field} has no effect here"):
                session.load(document + f"  {field}: {value}\n")

    def test_facts_are_read_from_the_model_and_are_as_asked(self, handle: Any) -> None:
        facts, asked = handle.facts(), handle.planned
        assert facts.device == asked.device == "cpu"
        if asked.driver.needs_weights:
            assert facts.dtype == asked.model(asked.checkpoint).dtype == "float32"
            assert facts.bytes >= 4 * facts.parameters > 0
            assert facts.bytes == pytest.approx(
                asked.driver.estimate(asked.model(asked.checkpoint), asked.checkpoint).weights_bytes, rel=0.1
            )
            assert facts.architecture

    def test_calls_from_several_threads_give_what_they_give_alone(self, handle: Any, inputs: list[Any]) -> None:
        alone = [self.held(handle(each, **self.given)) for each in inputs]
        found: dict[int, Any] = {}

        def call(number: int) -> None:
            found[number] = self.held(handle(inputs[number], **self.given))

        threads = [threading.Thread(target=call, args=(number,)) for number in range(len(inputs))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [found[number] for number in range(len(inputs))] == alone


class TextContract(Contract):
    """Give `document`, of a component that writes and whose first input is `prompt`."""

    misspelt = ("tempratur: 1", "temperature")

    @pytest.fixture
    def inputs(self) -> list[Any]:
        return ["the little fox ran over", "once upon a time there was a brave cat", "what a day"]

    def test_a_text_knows_how_many_tokens_it_has(self, handle: Any) -> None:
        answer = handle("the little fox")
        assert isinstance(answer, Text)
        assert answer.tokens

    def test_a_stream_adds_up_to_the_result(self, handle: Any) -> None:
        whole = handle("the little fox ran over")
        stream = handle.stream("the little fox ran over")
        assert "".join(stream) == whole
        assert stream.result == whole

    def test_interrupting_keeps_what_was_written(self, handle: Any) -> None:
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
