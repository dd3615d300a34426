"""driver: echo."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

import mc_jupyter as mc
from mc_jupyter.events import Preview, Run
from mc_jupyter.tasks import Task
from mc_jupyter.values.pictures import origin
from tests.conftest import cell
from tests.drivers.contract import TextContract


class TestEcho(TextContract):
    @pytest.fixture
    def document(self) -> str:
        return cell("text-generation", "nothing", "text: ${input.prompt as text}", driver="echo")


@pytest.mark.parametrize("task", Task.names())
def test_echo_performs_every_task_without_weights(session: mc.Session, task: str) -> None:
    given: dict[str, Any] = {"image": Image.new("RGB", (8, 4)), "messages": [{"role": "user", "content": "hi"}]}
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


def test_images_are_drawn_in_steps_with_previews_and_each_has_its_seed(session: mc.Session) -> None:
    heard: list[object] = []
    document = cell(
        "image-generation", "none", "params: {width: 32, height: 16, num_images_per_prompt: 2}", driver="echo"
    )
    drawn = session.load(document)("a hat", seed=7, run=Run(heard.append))
    assert [origin(image).facts["seed"] for image in drawn] == [7, 8]
    assert drawn[0].size == (32, 16)
    assert len([event for event in heard if isinstance(event, Preview)]) == 2 * 4
    assert session.load(document)("a hat", seed=8)[0].tobytes() == drawn[1].tobytes()


def test_an_enlarged_image_knows_the_small_one(session: mc.Session) -> None:
    small = Image.new("RGB", (8, 4))
    large = session.load(cell("image-upscale", "none", "scale: 3", driver="echo"))(small)
    assert (large.size, origin(large).facts["scale"]) == ((24, 12), 3)
    assert origin(large).before.size == (8, 4)


def test_an_interrupted_image_is_kept_as_far_as_it_was(session: mc.Session) -> None:
    run = Run()
    run.listener = lambda event: run.stop() if isinstance(event, Preview) else None
    document = cell("image-generation", "none", "params: {width: 32, height: 16}", driver="echo")
    with pytest.raises(mc.Interrupted) as caught:
        session.load(document)("a hat", run=run)
    assert origin(caught.value.partial).facts["interrupted"] == "step 1 of 4"
