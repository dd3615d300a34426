"""driver: echo."""

from __future__ import annotations

import pytest

import mc_jupyter as mc
from mc_jupyter import catalog
from tests.conftest import cell
from tests.drivers.contract import Contract


class TestEcho(Contract):
    @pytest.fixture
    def document(self) -> str:
        return cell("text-generation", "nothing", "text: ${input.prompt as text}", driver="echo")


@pytest.mark.parametrize("task", catalog.tasks())
def test_echo_performs_every_task_without_weights(session: mc.Session, task: str) -> None:
    from PIL import Image

    given = {"image": Image.new("RGB", (8, 4)), "messages": [{"role": "user", "content": "hi"}]}
    document = f"component:\n  type: model\n  task: {task}\n  driver: echo\n"
    handle = session.load(document)
    name = handle.inputs[0].name
    result = handle(**{name: given.get(name, "hello there")})
    assert result is not None
    assert handle.facts().bytes == 0


def test_labels_of_the_cell_are_the_labels_of_the_answer(session: mc.Session) -> None:
    handle = session.load(cell("text-classification", "none", "labels: [a, b, c]", driver="echo"))
    assert handle("x")["label"] in ("a", "b", "c")


def test_an_answer_ends_at_max_output_length(session: mc.Session) -> None:
    handle = session.load(cell("text-generation", "none", "params: {max_output_length: 2}", driver="echo"))
    assert handle("one two three") == "one two "
